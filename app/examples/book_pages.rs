//! Throw-away: the pages of the book with sample data.
use app::markdown::{self, Chip, Context, FactNow};
use app::model::book::*;
use app::model::compare::compare;
use app::model::mention::{Fact, Panel};
use app::model::moment::{Moment, Span};
use app::model::reference::Reference;
use app::model::status::*;
use app::pages::shell::Viewer;
use app::pages::*;
use app::parts::Ink;
use leptos::prelude::*;

fn m(s: &str) -> Moment { Moment::parse(s).unwrap() }
fn s(t: &str) -> String { t.to_owned() }
fn now() -> Moment { m("2026-06-04T00:14:06Z") }

struct World;
impl Context for World {
    fn chip(&self, r: &Reference) -> Chip {
        let name = r.to_string();
        Chip { exists: !name.contains("decision"), name: name.clone(), href: r.path(), state: name.contains("queue").then_some(State::Late) }
    }
    fn fact(&self, fact: &Fact) -> FactNow {
        if fact.path == "retry.max_attempts" { FactNow::Differs { present: s("8") } } else { FactNow::Holds }
    }
    fn panel(&self, _: &Panel) -> Option<String> { None }
    fn sprite(&self) -> &str { "pkg/icons.svg" }
}

fn flag1() -> runbook::FlagRow {
    runbook::FlagRow { runbook: s("erp-refuses-orders"), section: s("what-it-means"), subject: s("step:order-to-erp/push-to-erp"), name: s("Push to ERP"), field: s("retry.max_attempts"), before: s("6"), after: s("8"), changed_at: Some(m("2026-06-04T00:13:00Z")), by: s("deploy 2026.06.04-1"), words: vec![s("6 times"), s("after about 16 minutes")], answer: None }
}
fn flag2() -> runbook::FlagRow {
    runbook::FlagRow { field: s("limits.oldest"), subject: s("component:erp-sync-queue"), name: s("ERP sync queue"), before: s("15m"), after: s(""), by: s("the book"), words: vec![], ..flag1() }
}
fn flag3() -> runbook::FlagRow { runbook::FlagRow { answer: Some(s("still_correct")), ..flag2() } }

fn row(slug: &str, title: &str, trust: Trust, reason: &str, flags: i64) -> runbooks::RunbookRow {
    runbooks::RunbookRow { slug: s(slug), title: s(title), version: 5, saved_at: m("2026-06-01T08:00:00Z"), trust, reason: s(reason), flags, reviewed: (trust != Trust::NeverReviewed).then(|| (m("2026-06-03T08:20:00Z"), s("Anna Berg"))), owner: (slug != "x").then(|| s("integration-team")), critical: slug.starts_with('e'), about: vec![(s("step:order-to-erp/push-to-erp"), s("Push to ERP")), (s("component:erp-sync-worker"), s("ERP sync worker")), (s("component:sap-business-one"), s("SAP Business One"))] }
}
fn rows() -> Vec<runbooks::RunbookRow> {
    vec![
        row("erp-refuses-orders", "ERP refuses orders", Trust::CheckNeeded, "step Push to ERP: retry.max_attempts 6 to 8, 02:13", 2),
        row("refund-failed", "Refund failed", Trust::NeverReviewed, "Nobody has reviewed it", 0),
        row("stock-sync-silent", "Stock sync is silent", Trust::Overdue, "Asked to be reviewed every 90 days; last 2 Feb", 0),
        row("x", "Night sheet", Trust::NotLinked, "It links to nothing", 0),
        row("queue-backing-up", "A queue is backing up and nobody knows why it keeps growing", Trust::Trusted, "Reviewed, nothing changed since", 0),
    ]
}
const OLD: &str = include_str!("../../runbooks/guides/erp-refuses-orders.md");
fn text_of(md: &str) -> &str { md.splitn(3, "---\n").nth(2).unwrap() }
fn sections(md: &str) -> Vec<runbook::SectionPicture> {
    let doc = markdown::parse(text_of(md)).unwrap();
    markdown::render(&doc, &World).into_iter().map(|r| {
        let (trust, flags) = match r.anchor.as_str() { "what-it-means" => (Trust::CheckNeeded, vec![flag1(), flag2()]), "replay-held-orders" => (Trust::NeverReviewed, vec![]), "background" => (Trust::Trusted, vec![flag3()]), _ => (Trust::Trusted, vec![]) };
        runbook::SectionPicture { anchor: r.anchor, title: r.title, level: r.level, trust, html: r.html, flags }
    }).collect()
}
fn doc() -> runbook::RunbookPicture {
    runbook::RunbookPicture {
        row: rows()[0].clone(), sections: sections(OLD),
        facts: vec![runbook::FactRow { section: s("what-it-means"), text: s("6 times"), holds: false, stated: s("6"), present: Some(s("8")) }, runbook::FactRow { section: s("what-it-means"), text: s("30 seconds"), holds: true, stated: s("30s"), present: Some(s("30s")) }],
        links: vec![(s("component:erp"), s("ERP"), true), (s("component:erp-old-worker"), s(""), false)],
        author: s("Anna Berg"), why: s("The duty desk has a new number"), shown: 5, shown_saved_at: m("2026-06-01T08:00:00Z"), conflict: None,
    }
}
fn old_doc() -> runbook::RunbookPicture {
    runbook::RunbookPicture { shown: 3, shown_saved_at: m("2026-05-01T08:00:00Z"), conflict: Some(s("The file runbooks/guides/erp-refuses-orders.md was changed on 3 Jun, but the text here is newer. The file was not taken over.")), links: vec![], facts: vec![], ..doc() }
}
fn trusted_doc() -> runbook::RunbookPicture {
    let mut d = runbook::RunbookPicture { row: rows()[4].clone(), links: vec![], facts: vec![], ..doc() };
    d.sections.truncate(2); d
}
fn new_text() -> String { OLD.replace("[6 times](fact:step:order-to-erp/push-to-erp?retry.max_attempts=6)", "[8 times](fact:step:order-to-erp/push-to-erp?retry.max_attempts=8)").replace("- [ ] Send the rest.\n", "- [ ] Send the rest, 50 at a time.\n- [ ] Wait until the duty desk confirms.\n").replace("## Background\n", "## Why it is so\n").replace("the number waiting in the [ERP sync queue](component:erp-sync-queue)", "the number waiting in the [ERP sync queue](component:message-broker)") }
fn edit_picture() -> edit::EditPicture {
    edit::EditPicture { slug: Some(s("erp-refuses-orders")), title: s("ERP refuses orders"), base: 5, text: format!("{OLD}\n<b>&amp; </textarea>"), why: s("Eight tries now"), errors: vec![], preview: None, links: doc().links, conflict: None, flags: vec![flag1()] }
}
fn version(v: i64, why: &str) -> versions::VersionRow {
    versions::VersionRow { version: v, saved_at: m(&format!("2026-05-{:02}T08:00:00Z", v + 10)), author: s("Anna Berg"), why: s(why), origin: s(if v == 1 { "file" } else { "browser" }), reviewed: (v == 3).then(|| (m("2026-05-20T08:00:00Z"), s("Jonas"))) }
}
fn comp_row(id: &str, name: &str, kind: &str, state: Option<State>) -> components::ComponentRow {
    components::ComponentRow { id: s(id), name: s(name), kind: s(kind), state, owner: (id != "m").then(|| s("integration-team")), meaning: (id != "m").then(|| s("Copies paid orders from the shop into the ERP.")), needed_by: 3 }
}
fn dep(id: &str) -> Dependency { Dependency { id: s(id), mode: DependencyMode::Queue, timeout: Some(Span::from_secs(30)), retry: Some(s("6 tries")), fallback: Some(s("none")), why: Some(s("A slow ERP must not slow the shop.")) } }
fn event(n: i64) -> sources::EventRow { sources::EventRow { position: 48211 - n, at: m("2026-06-04T00:13:05Z"), received_at: m("2026-06-04T00:15:05Z"), source: s("erp-sync"), family: s("queue"), raw: s(r#"{"type":"queue","component":"erp-sync-queue","depth":412,"oldest_at":"2026-06-03T23:26:00Z","very_long_key_without_any_spaces":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#) } }
fn change() -> app::pages::now::ChangeRow { app::pages::now::ChangeRow { subject: s("component:erp-sync-worker"), name: s("ERP sync worker"), href: s("/components/erp-sync-worker"), field: s("deployed"), before: Some(s("2026.06.03-2")), after: Some(s("2026.06.04-1")), changed_at: m("2026-06-04T00:13:00Z"), by: s("deploy"), link: Some(s("https://ci.example.test/1")), flags: vec![s("erp-refuses-orders")] } }
fn component_picture() -> component::ComponentPicture {
    component::ComponentPicture {
        row: comp_row("erp-sync-worker", "ERP sync worker", "service", Some(State::Retrying)),
        if_unavailable: Some(s("New orders wait in the queue; after two hours the warehouse picks yesterday's list.")),
        depends_on: vec![(dep("erp-sync-queue"), Some(s("ERP sync queue"))), (Dependency { mode: DependencyMode::Manual, timeout: None, retry: None, fallback: Some(s("wait until 07:00")), why: None, ..dep("erp-fax") }, None)],
        dependants: vec![(s("nightly"), s("Nightly job"), dep("erp-sync-worker"))],
        steps: vec![component::StepUse { workflow: s("order-to-erp"), workflow_name: s("Order to ERP"), step: s("push-to-erp"), step_name: s("Push to ERP"), how: "does it", state: Some(State::Retrying) }],
        limits: Limits { depth: Some(500), oldest: Some(Span::from_minutes(15)) },
        fields: vec![Field { name: s("status"), documented: Some(s("Order state")), in_practice: Some(s("Set to X by hand when finance blocks a customer")), used_by: vec![s("push-to-erp")] }, Field { name: s("remarks"), documented: None, in_practice: Some(s("Holds the tracking number.")), used_by: vec![] }],
        decisions: vec![Decision { id: s("2026-03-queue"), about: vec![Reference::parse("component:erp").unwrap()], date: s("2026-03-14"), decided: s("Put a queue before the ERP."), because: Some(s("A slow ERP stopped the checkout on 3 March.")), supersedes: vec![s("2025-direct")] }],
        workarounds: vec![Workaround { id: s("status-x"), about: vec![], since: Some(s("2025-11-02")), what: s("Finance blocks a customer by setting the status to X by hand."), harder_later: Some(s("Nobody can tell a block from a typing error.")), review_by: Some(s("2026-05-01")), owner: Some(s("finance")) }, Workaround { id: s("y"), about: vec![], since: None, what: s("Remarks hold the tracking number."), harder_later: None, review_by: Some(s("2027-05-01")), owner: None }],
        changes: vec![change(), change()], documents: rows()[..2].to_vec(), events: vec![event(1), event(2)],
    }
}
fn found(kind: &'static str, name: &str, snippet: Vec<(&str, bool)>, state: Option<State>, trust: Option<Trust>) -> find::Found {
    find::Found { kind, name: s(name), href: s("/x"), snippet: snippet.into_iter().map(|(w, b)| (s(w), b)).collect(), state, trust }
}

fn pages() -> Vec<(&'static str, AnyView)> {
    let anna = Viewer { name: s("Anna"), role: Role::Editor };
    let op = Viewer { name: s("Op"), role: Role::Operator };
    let html = |a: &str| sections(OLD).into_iter().find(|x| x.anchor == a).unwrap().html;
    let review_sections = vec![
        review::SectionReview { anchor: s("what-it-means"), title: s("What it means"), html: html("what-it-means"), reason: None, flags: vec![flag1(), flag2(), flag3()], seen: s("abc") },
        review::SectionReview { anchor: s("do-this-now"), title: s("Do this now"), html: html("do-this-now"), reason: Some(s("Edited since its review.")), flags: vec![], seen: s("abc") },
    ];
    let review = review::ReviewPicture { row: rows()[0].clone(), sections: review_sections, trusted: vec![s("Background"), s("If it does not help")], may_answer: Ok(()) };
    let refused = review::ReviewPicture { may_answer: Err(s("Only editors may say that a section is right.")), ..review.clone() };
    let done = review::ReviewPicture { row: rows()[4].clone(), sections: vec![], ..review.clone() };
    let find = find::FindPicture { query: s("erp"), items: vec![
        found("workflow", "Order to ERP", vec![("Paid orders reach the ", false), ("ERP", true), (" within 15 minutes.", false)], Some(State::Broken), None),
        found("runbook", "ERP refuses orders", vec![("When the ", false), ("ERP", true), (" answers again, go to Replay held orders.", false)], None, Some(Trust::CheckNeeded)),
        found("component", "ERP sync worker", vec![], Some(State::OnTrack), None),
    ] };
    let source = |id: &str, state, refused| sources::SourceRow { id: s(id), state, sentence: s(if state == State::OnTrack { "Heard about every 4 min." } else { "Nothing heard since 01:40. We do not know what happens there." }), first_heard_at: m("2026-05-04T00:13:05Z"), last_heard_at: m("2026-06-03T23:40:05Z"), accepted: 10482, duplicates: 12, refused };
    let sources_p = sources::SourcesPicture { items: vec![source("sap-connector", State::NoSignal, 0), source("erp-sync", State::OnTrack, 3)], refused: vec![sources::RefusedRow { received_at: now(), source: s("erp-sync"), field: s("state"), detail: s("\"finnished\" is not a state; did you mean finished?"), raw: event(1).raw }], raw: vec![event(1), event(2)], next: None };
    let conflict = edit::EditPicture { conflict: Some(edit::Conflict { version: 6, author: s("Jonas"), text: new_text(), lines: vec![(' ', s("Paid orders wait.")), ('-', s("Send the rest, 50 at a time.")), ('+', s("Send the rest.")), (' ', s("Watch the queue until it is empty."))] }), flags: vec![], ..edit_picture() };
    let errors = edit::EditPicture { slug: Some(s("Erp Refuses")), base: 0, errors: vec![s("\"Erp Refuses\" is not a name for an address; use a-z, 0-9 and -."), s("Say in one line why.")], links: vec![], flags: vec![], why: s(""), ..edit_picture() };
    let preview_html: String = sections(OLD).iter().map(|x| format!("<h3>{}</h3>{}", x.title, x.html)).collect();
    let preview = edit::EditPicture { preview: Some(preview_html), ..edit_picture() };
    let all: Vec<_> = [5, 4, 3, 2, 1].map(|v| version(v, if v == 1 { "First text" } else { "The duty desk has a new number" })).into();
    let history = versions::HistoryPicture { slug: s("erp-refuses-orders"), title: s("ERP refuses orders"), items: all.clone(), next: None };
    let cmp = versions::ComparePicture { slug: s("erp-refuses-orders"), title: s("ERP refuses orders"), from: version(3, "New number"), to: version(5, "Eight tries"), versions: vec![5, 4, 3, 2, 1], blocks: compare(OLD, &new_text()) };
    let r = rows();
    let empty_reviews = reviews::ReviewsPicture { check_needed: vec![], never_reviewed: vec![], overdue: vec![], not_linked: vec![], trusted: 9 };
    let full_reviews = reviews::ReviewsPicture { check_needed: vec![r[0].clone(), row("queue", "A queue backs up", Trust::CheckNeeded, "component ERP sync queue: limits.oldest 15m to 20m, 02:13, and 1 more", 2)], never_reviewed: vec![r[1].clone()], overdue: vec![r[2].clone()], not_linked: vec![r[3].clone()], trusted: 4 };
    let comps = components::ComponentsPicture { items: vec![comp_row("a", "ERP sync worker", "service", Some(State::Retrying)), comp_row("m", "Mystery", "service", None), comp_row("c", "ERP sync queue", "queue", Some(State::OnTrack)), comp_row("d", "Night sheet", "spreadsheet", None), comp_row("e", "ERP duty desk", "role", None)], next: None };
    let bare = component::ComponentPicture { row: comp_row("m", "Mystery", "service", None), if_unavailable: None, depends_on: vec![], dependants: vec![], steps: vec![], limits: Limits::default(), fields: vec![], decisions: vec![], workarounds: vec![], changes: vec![], documents: vec![], events: vec![] };
    vec![
        ("runbook", runbook::body(&doc(), Some(&anna))),
        ("runbook-old", runbook::body(&old_doc(), Some(&op))),
        ("runbook-trusted", runbook::body(&trusted_doc(), None)),
        ("runbooks", runbooks::body(&runbooks::RunbooksPicture { items: rows(), next: Some(s("zz")) }, Some(&anna))),
        ("runbooks-empty", runbooks::body(&runbooks::RunbooksPicture { items: vec![], next: None }, None)),
        ("edit", edit::body(&edit_picture())), ("edit-conflict", edit::body(&conflict)), ("edit-errors", edit::body(&errors)), ("edit-preview", edit::body(&preview)),
        ("history", versions::history_body(&history)),
        ("history-one", versions::history_body(&versions::HistoryPicture { items: all[4..].to_vec(), ..history.clone() })),
        ("compare", versions::compare_body(&cmp)),
        ("compare-same", versions::compare_body(&versions::ComparePicture { blocks: compare(OLD, OLD), ..cmp.clone() })),
        ("reviews", reviews::body(&full_reviews)), ("reviews-empty", reviews::body(&empty_reviews)),
        ("review", review::body(&review, Some(&anna))), ("review-refused", review::body(&refused, None)), ("review-done", review::body(&done, Some(&anna))),
        ("sources", sources::body(&sources_p)), ("sources-empty", sources::body(&sources::SourcesPicture { items: vec![], refused: vec![], raw: vec![], next: None })),
        ("components", components::body(&comps)), ("component", component::body(&component_picture())), ("component-bare", component::body(&bare)),
        ("find", find::body(&find)), ("find-nothing", find::body(&find::FindPicture { query: s("quantum <x>"), items: vec![] })), ("find-empty", find::body(&find::FindPicture { query: s(""), items: vec![] })),
    ]
}

fn main() {
    let out = std::env::args().nth(1).unwrap();
    let owner = Owner::new();
    owner.with(|| {
        Ink { pkg: s("pkg"), now: now(), zone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap() }.provide();
        for (name, view) in pages() {
            let html = view.to_html();
            let page = format!("<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'><title>{name}</title><link rel=stylesheet href=all.css></head><body><main id=main>{html}</main></body></html>");
            std::fs::write(format!("{out}/{name}.html"), page).unwrap();
        }
    });
}
