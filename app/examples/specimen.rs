//! Draws the pages of the watch with sample facts into `target/specimen`, to be looked at without a server.
//!
//! `cargo run -p app --features ssr --example specimen`, then serve `target/specimen` with any web server.

use std::fs;
use std::path::Path;

use app::layout;
use app::model::book::{Criticality, Decision, FailurePoint, When, Workaround};
use app::model::moment::{Moment, Span};
use app::model::reference::Reference;
use app::model::status::{Role, State, Trust};
use app::pages::{error, now, run, runbooks, runs, shell, sign_in, workflow, workflows};
use app::parts::Ink;
use leptos::prelude::*;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/specimen");
    let style = Path::new(env!("CARGO_MANIFEST_DIR")).join("../style");
    fs::create_dir_all(target.join("pkg"))?;
    let mut css = String::new();
    for name in ["tokens.css", "base.css", "parts.css", "pages.css", "book.css"] {
        css += &fs::read_to_string(style.join(name)).unwrap_or_default();
    }
    fs::write(target.join("pkg/watchbook.css"), css)?;
    for file in fs::read_dir(&style)?.flatten().filter(|f| f.path().extension().is_some_and(|e| e == "svg")) {
        fs::copy(file.path(), target.join("pkg").join(file.file_name()))?;
    }
    let page = |name: &str, frame: shell::Frame, draw: &dyn Fn() -> (shell::Head, AnyView)| {
        let html = Owner::new().with(|| {
            Ink { pkg: frame.pkg.clone(), now: frame.now, zone: frame.zone.clone() }.provide();
            let (head, body) = draw();
            shell::document(&frame, &head, body)
        });
        fs::write(target.join(name), html)
    };
    let flow = |name: &str, frame: shell::Frame, picture: workflow::WorkflowPicture| {
        page(name, frame, &|| (workflow::head(&picture), workflow::body(&picture)))
    };
    let live = |place| frame(place, Some("any"));
    flow("broken.html", live(shell::Place::Workflows), order_to_erp(true))?;
    flow("calm.html", live(shell::Place::Workflows), order_to_erp(false))?;
    flow("observed.html", live(shell::Place::Workflows), receipts())?;
    flow("long.html", live(shell::Place::Workflows), long())?;
    flow("new.html", silent(), undocumented())?;
    for (name, frame, picture) in [
        ("now.html", live(shell::Place::Now), now_picture(true)),
        ("now-calm.html", live(shell::Place::Now), now_picture(false)),
        ("now-empty.html", empty_frame(), nothing()),
    ] {
        page(name, frame, &|| (now::head(&picture), now::body(&picture)))?;
    }
    let list = workflows::WorkflowsPicture { items: all_rows(true), next: None };
    page("workflows.html", live(shell::Place::Workflows), &|| (workflows::head(&list), workflows::body(&list)))?;
    let one = run_picture();
    page("run.html", live(shell::Place::Workflows), &|| (run::head(&one), run::body(&one)))?;
    let many = runs_picture();
    page("runs.html", frame(shell::Place::Workflows, None), &|| (runs::head(&many), runs::body(&many)))?;
    let refused = error::ErrorPicture {
        status: 404,
        title: "There is no workflow \"order-to-erb\"".into(),
        detail: "It may have been renamed in the book, or never reported. Look for it by name.".into(),
        query: "order-to-erb".into(),
    };
    page("error.html", frame(shell::Place::Other, None), &|| (error::head(&refused), error::body(&refused)))?;
    let form = sign_in::SignInPicture {
        name: "anna".into(),
        error: Some("That name and password do not belong together.".into()),
        next: "/".into(),
        demo: true,
        no_accounts: false,
    };
    let nobody = shell::Frame { viewer: None, ..frame(shell::Place::Other, None) };
    page("sign-in.html", nobody, &|| (sign_in::head(&form), sign_in::body(&form)))?;
    println!("{}", target.display());
    Ok(())
}

fn at(clock: &str) -> Moment {
    Moment::parse(&format!("2026-06-04T{clock}Z")).expect("a clock time")
}

fn frame(place: shell::Place, topic: Option<&str>) -> shell::Frame {
    shell::Frame {
        now: at("00:14:06"),
        zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("a known zone"),
        pkg: "/pkg".into(),
        place,
        viewer: Some(shell::Viewer { name: "anna".into(), role: Role::Operator }),
        demo: true,
        reviews_waiting: 3,
        heard: shell::Heard { sources: 5, silent: vec![] },
        book_errors: vec![],
        topic: topic.map(Into::into),
        notice: None,
    }
}

fn silent() -> shell::Frame {
    let heard = vec![("sap-connector".into(), at("00:01:00")), ("wms".into(), at("00:03:00"))];
    shell::Frame {
        heard: shell::Heard { sources: 5, silent: heard },
        book_errors: vec!["workflows/refunds.yaml:14: \"30\" is not a duration; write 30s, 5m, 2h or 3d".into()],
        notice: Some("Note saved.".into()),
        ..frame(shell::Place::Workflows, Some("any"))
    }
}

fn empty_frame() -> shell::Frame {
    let heard = shell::Heard::default();
    shell::Frame { heard, viewer: None, demo: false, ..frame(shell::Place::Now, Some("now")) }
}

type Row = (&'static str, State, &'static str, i64, Option<Trust>);

fn row((name, state, sentence, waiting, trust): Row) -> workflows::WorkflowRow {
    let declared = trust.is_some();
    workflows::WorkflowRow {
        id: name.to_lowercase().replace(' ', "-"),
        name: name.into(),
        declared,
        state,
        sentence: sentence.into(),
        since: Some(at("00:26:00") - Span::from_minutes(60)),
        waiting,
        unit: "orders".into(),
        oldest_at: (waiting > 0).then(|| at("00:00:00") - Span::from_minutes(34)),
        owner: declared.then(|| "integration-team".into()),
        criticality: if waiting > 400 { Criticality::Critical } else { Criticality::Normal },
        trust,
        runbooks: vec![],
    }
}

fn all_rows(trouble: bool) -> Vec<workflows::WorkflowRow> {
    let (ok, trusted) = (State::OnTrack, Some(Trust::Trusted));
    let mut rows: Vec<Row> = vec![];
    if trouble {
        rows = vec![
            (
                "Order to ERP",
                State::Broken,
                "SAP has refused orders since 01:26. 412 orders waiting. Next automatic try 02:19.",
                412,
                Some(Trust::CheckNeeded),
            ),
            (
                "Nightly reconcile",
                State::Late,
                "Nothing has failed, but it should have finished by 01:52. It is 22 min over.",
                1,
                Some(Trust::Overdue),
            ),
            (
                "Receipt handling",
                State::NoSignal,
                "Nothing heard from the permit desk since 01:40. We do not know if this is working.",
                31,
                None,
            ),
            (
                "Courier booking",
                State::Retrying,
                "Courier API failed 2 times. Next try 02:19. 6 parcels waiting. Nobody needs to act yet; gives up 03:10.",
                6,
                Some(Trust::NeverReviewed),
            ),
            (
                "Loyalty points",
                State::Paused,
                "Paused by anna until 06:00: the provider moves house.",
                0,
                Some(Trust::NotLinked),
            ),
        ];
    }
    rows.extend([
        ("Refunds", ok, "Last one finished 02:09, usual every 20 min.", 0, trusted),
        ("Stock sync", ok, "Last one finished 02:12, usual every 5 min.", 2, trusted),
        ("Price import", ok, "Last one finished 01:00, next due 03:00.", 0, trusted),
        ("Supplier invoice approval", ok, "12 open, the oldest since 3 Jun 16:20, due 5 Jun 16:20.", 12, trusted),
        ("Newsletter export", ok, "Last one finished 3 Jun 18:00, next due 18:00.", 0, trusted),
        ("Returns", ok, "Last one finished 02:01, usual every 15 min.", 0, trusted),
        ("Month end", ok, "Last one finished 1 Jun 06:00, next due 1 Jul 06:00.", 0, trusted),
    ]);
    rows.into_iter().map(row).collect()
}

fn now_picture(trouble: bool) -> now::NowPicture {
    let rows = all_rows(trouble);
    let of = |wanted: &dyn Fn(State) -> bool| rows.iter().filter(|r| wanted(r.state)).cloned().collect::<Vec<_>>();
    let change =
        |minutes: i64, name: &str, field: &str, before: Option<&str>, after: &str, flags: &[&str]| now::ChangeRow {
            subject: "step:order-to-erp/push-to-erp".into(),
            name: name.into(),
            href: "/workflows/order-to-erp#step-push-to-erp".into(),
            field: field.into(),
            before: before.map(Into::into),
            after: Some(after.into()),
            changed_at: at("00:14:06") - Span::from_minutes(minutes),
            by: "the book".into(),
            link: None,
            flags: flags.iter().map(|f| (*f).into()).collect(),
        };
    let sentence = match trouble {
        true => "Order to ERP: SAP has refused orders since 01:26. 412 orders waiting. Next automatic try 02:19.",
        false => "7 workflows on track, all 5 sources reporting, checked 02:14:06.",
    };
    let guides = ["erp-refuses-orders", "order-stuck-without-error"];
    now::NowPicture {
        checked_at: at("00:14:06"),
        state: rows.iter().map(|r| r.state).max().unwrap_or(State::OnTrack),
        sentence: sentence.into(),
        broken: of(&|s| s == State::Broken),
        attention: of(&|s| s != State::Broken && s != State::OnTrack),
        changed: vec![
            change(62, "Push to ERP", "retry.max_attempts", Some("6"), "8", &guides),
            change(190, "ERP sync worker", "deployed", Some("2.14.0"), "2.15.1", &[]),
            change(800, "Night sheet", "owner", None, "order-desk", &[]),
        ],
        on_track: of(&|s| s == State::OnTrack),
        sources: shell::Heard { sources: 5, silent: vec![] },
        reviews_waiting: if trouble { 3 } else { 0 },
    }
}

fn nothing() -> now::NowPicture {
    let sentence = "The book declares no workflow and no source has reported. Put a workflow in the book, or send the first event.";
    let sources = shell::Heard::default();
    let (on_track, changed) = (vec![], vec![]);
    now::NowPicture {
        state: State::NoSignal,
        sentence: sentence.into(),
        on_track,
        changed,
        sources,
        ..now_picture(false)
    }
}

fn step(id: &str, name: &str, state: State, fact: &str) -> workflow::StepNow {
    let failure = FailurePoint {
        id: "erp-refuses".into(),
        when: When { code: Some("502|503|timeout".into()), message: Some("refused|unavailable".into()) },
        effect: Some("Orders pile up in the queue; none are lost.".into()),
        automatic: Some("Six tries in about 16 minutes, then the order is held.".into()),
        action: Reference::parse("runbook:erp-refuses-orders#replay-held-orders").ok(),
    };
    workflow::StepNow {
        meaning: Some("The order becomes visible to warehouse and finance.".into()),
        component: Some(("erp-sync-worker".into(), "ERP sync worker".into())),
        via: Some(("erp-sync-queue".into(), "ERP sync queue".into())),
        finish_within: Some("5 min".into()),
        retry: Some("6 tries, waiting 30s, then 2 times longer each time, at most 30m".into()),
        safe_to_retry: Some("Yes, duplicates ignored".into()),
        if_skipped: Some("The warehouse never sees the order; the customer is charged for nothing.".into()),
        failure_points: vec![failure],
        ..seen(id, name, state, fact, 3181)
    }
}

/// A step that nobody declared.
fn seen(id: &str, name: &str, state: State, fact: &str, visits: i64) -> workflow::StepNow {
    workflow::StepNow {
        id: id.into(),
        name: name.into(),
        declared: !id.starts_with('t'),
        state: Some(state),
        fact: fact.into(),
        open: 3,
        retrying: 0,
        late: 0,
        broken: if state == State::Broken { 398 } else { 0 },
        visits,
        last_seen: Some(at("00:12:00")),
        meaning: None,
        component: None,
        via: None,
        finish_within: None,
        retry: None,
        safe_to_retry: None,
        if_skipped: None,
        failure_points: vec![],
    }
}

fn placed(steps: &[workflow::StepNow], edges: &[workflow::EdgeNow]) -> layout::Layout {
    let step = |s: &workflow::StepNow| {
        let quiet = matches!(s.state, None | Some(State::OnTrack));
        (s.id.clone(), s.name.clone(), s.declared, quiet, s.visits)
    };
    let own: Vec<_> = steps.iter().map(step).collect();
    let steps: Vec<_> = own
        .iter()
        .map(|(id, name, declared, quiet, visits)| layout::Step {
            id,
            name,
            declared: *declared,
            quiet: *quiet,
            visits: *visits,
        })
        .collect();
    let edge = |e: &'_ workflow::EdgeNow| (e.from.clone(), e.to.clone(), e.declared, e.count);
    let own: Vec<_> = edges.iter().map(edge).collect();
    let edges: Vec<_> = own
        .iter()
        .map(|(from, to, declared, count)| layout::Edge { from, to, declared: *declared, count: *count })
        .collect();
    layout::layout(&steps, &edges)
}

fn edge(from: &str, to: &str, declared: bool, count: i64) -> workflow::EdgeNow {
    workflow::EdgeNow { from: from.into(), to: to.into(), declared, count }
}

fn recovery(trust: Trust, flags: i64) -> Option<workflow::Recovery> {
    Some(workflow::Recovery {
        slug: "erp-refuses-orders".into(),
        section: "replay-held-orders".into(),
        title: "ERP refuses orders".into(),
        section_title: "Replay held orders".into(),
        steps: vec![
            "Check the ERP status page. If it is down, wait: retries go on until 03:10.".into(),
            "Compare the number of waiting orders with the shop's: 412 must equal 412.".into(),
            "When the ERP answers, replay ten held orders first, then the rest.".into(),
        ],
        trust,
        flags,
    })
}

fn trouble(
    state: State,
    step: &str,
    name: &str,
    sentence: &str,
    count: i64,
    runbook: Option<workflow::Recovery>,
) -> workflow::Trouble {
    workflow::Trouble {
        state,
        step: Some(step.into()),
        name: name.into(),
        sentence: sentence.into(),
        count,
        since: Some(at("00:00:00") - Span::from_minutes(34)),
        next: Some("next try 02:19, gives up 03:10".into()),
        href: "/workflows/order-to-erp/runs?state=failed".into(),
        runbook,
    }
}

fn order_to_erp(broken: bool) -> workflow::WorkflowPicture {
    let bad = |state| if broken { state } else { State::OnTrack };
    let fact = |there: &'static str| if broken { there } else { "last 02:11" };
    let steps = vec![
        step("receive-order", "Receive order", State::OnTrack, "3 in work, last 02:12"),
        step("validate-order", "Check order", State::OnTrack, "last 02:12"),
        step("reserve-stock", "Reserve stock", State::OnTrack, "last 02:12"),
        step("charge-card", "Charge card", bad(State::Late), fact("2 over 5 min")),
        step("create-invoice", "Create invoice", bad(State::Retrying), fact("2 of 4 tries, next 02:19")),
        step("push-to-erp", "Push to ERP", bad(State::Broken), fact("412 waiting, oldest 47 min")),
        step("confirm-order", "Confirm order", State::OnTrack, "last 02:10"),
    ];
    let mut edges = vec![
        edge("receive-order", "validate-order", true, 3181),
        edge("validate-order", "reserve-stock", true, 3170),
        edge("reserve-stock", "charge-card", true, 3166),
        edge("charge-card", "create-invoice", true, 3160),
        edge("charge-card", "push-to-erp", true, 2748),
        edge("create-invoice", "confirm-order", true, 0),
        edge("push-to-erp", "confirm-order", true, 2740),
    ];
    if broken {
        edges.push(edge("push-to-erp", "validate-order", false, 12));
    }
    let row = match broken {
        true => all_rows(true).remove(0),
        false => row((
            "Order to ERP",
            State::OnTrack,
            "Orders are flowing. Last one finished 02:12, usual every 4 min.",
            3,
            Some(Trust::Trusted),
        )),
    };
    let troubles = vec![
        trouble(
            State::Broken,
            "push-to-erp",
            "Push to ERP",
            "503 from SAP: connection refused. 398 orders have used up their tries.",
            398,
            recovery(Trust::CheckNeeded, 2),
        ),
        trouble(
            State::Late,
            "charge-card",
            "Charge card",
            "2 orders should have left this step by 02:05.",
            2,
            recovery(Trust::Trusted, 0),
        ),
        trouble(
            State::Retrying,
            "create-invoice",
            "Create invoice",
            "Number range service timed out 2 times.",
            3,
            None,
        ),
    ];
    let facts = match broken {
        true => [
            ("Waiting", "412 orders"),
            ("Oldest", "47 min (limit 15 min)"),
            ("Hurt by it", "order-desk"),
            ("Safe to retry", "Yes, duplicates ignored"),
        ],
        false => [
            ("In work", "3 orders"),
            ("Usual", "every 4 min"),
            ("Must end within", "30 min"),
            ("Kept by", "integration-team"),
        ],
    };
    workflow::WorkflowPicture {
        row,
        facts: facts.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec(),
        trouble: if broken { troubles } else { vec![] },
        declared: workflow::Declared::default(),
        observed: workflow::Observed { runs: 3181, events: 22412, ..Default::default() },
        layout: placed(&steps, &edges),
        steps,
        edges,
        questions: questions(broken),
        documents: vec![
            document("ERP refuses orders", Trust::CheckNeeded, "Push to ERP: retry.max_attempts 6 to 8, 02:13", 2),
            document("A queue is backing up", Trust::Trusted, "Reviewed, nothing changed since", 0),
            document("Duplicate orders", Trust::NeverReviewed, "Nobody has reviewed it", 0),
        ],
        runs: vec![
            run_row("10482", bad(State::Broken), "Push to ERP refused 6 times, the last at 02:12."),
            run_row("10481", bad(State::Retrying), "Create invoice failed 2 times. Next try 02:19."),
            run_row("10480", State::OnTrack, "Finished in 4 min."),
            run_row("SHOP-2026-06-03/10479", State::OnTrack, "Finished in 5 min."),
        ],
    }
}

fn questions(broken: bool) -> workflow::Questions {
    let decision = Decision {
        id: "queue".into(),
        about: vec![],
        date: "2025-03-02".into(),
        decided: "Orders go to the ERP through a queue, not directly.".into(),
        because: Some("The ERP is down for backup every night; the shop must go on selling.".into()),
        supersedes: vec![],
    };
    let workaround = Workaround {
        id: "sheet".into(),
        about: vec![],
        since: None,
        what: "The night sheet is filled by hand when the ERP is down.".into(),
        harder_later: Some("Nobody knows which line was already picked.".into()),
        review_by: Some("2026-09-01".into()),
        owner: None,
    };
    let differences = ["Push to ERP went back to Check order 12 times; the book does not say so.".to_owned()];
    workflow::Questions {
        works: Some("3,181 runs seen. 97 of 100 went the way the book says, in 4 min on average.".into()),
        differences: if broken { differences.to_vec() } else { vec![] },
        fails: vec![
            ("Charge card".into(), "Goods leave the house without payment.".into()),
            (
                "Push to ERP".into(),
                "Orders pile up in the queue; none are lost. Six tries in about 16 minutes, then the order is held."
                    .into(),
            ),
        ],
        depends: Some("order-desk. Every paid order can be picked, invoiced and reported.".into()),
        needs: vec![
            (
                "sap".into(),
                "SAP Business One".into(),
                Some("Orders wait; the warehouse picks from the night sheet.".into()),
            ),
            ("payment-gateway".into(), "Payment gateway".into(), None),
        ],
        next: Some("Each run ends within 30 min of its start. A run starts at least every 10 min.".into()),
        purpose: Some("Orders placed in the shop must be in the ERP before the warehouse picks at 06:00.".into()),
        decisions: vec![decision],
        workarounds: if broken { vec![workaround] } else { vec![] },
    }
}

fn document(title: &str, trust: Trust, reason: &str, flags: i64) -> runbooks::RunbookRow {
    runbooks::RunbookRow {
        slug: title.to_lowercase().replace(' ', "-"),
        title: title.into(),
        version: 14,
        saved_at: at("00:01:00"),
        trust,
        reason: reason.into(),
        flags,
        reviewed: (trust != Trust::NeverReviewed).then(|| (at("00:00:00") - Span::from_minutes(4000), "anna".into())),
        owner: Some("integration-team".into()),
        critical: flags > 0,
        about: vec![],
    }
}

fn run_row(id: &str, state: State, sentence: &str) -> runs::RunRow {
    runs::RunRow {
        workflow: "order-to-erp".into(),
        run: id.into(),
        state,
        sentence: sentence.into(),
        since: at("00:00:02"),
        last_at: at("00:12:40"),
        ended_at: (state == State::OnTrack).then(|| at("00:12:40")),
        subject: Some(format!("order/{id}")),
        step: Some(("push-to-erp".into(), "Push to ERP".into())),
    }
}

/// 27 steps and 99 edges that nobody declared, shaped like the receipt phase of a permit process.
fn receipts() -> workflow::WorkflowPicture {
    let known = [
        ("Confirmation of receipt", 1434),
        ("T02 Check confirmation of receipt", 1368),
        ("T04 Determine confirmation of receipt", 1307),
        ("T05 Print and send confirmation of receipt", 1300),
        ("T06 Determine necessity of stop advice", 1416),
        ("T10 Determine necessity to stop indication", 1283),
        ("T03 Adjust confirmation of receipt", 55),
        ("T07-1 Draft intern advice aspect 1", 45),
        ("T07-2 Draft internal advice aspect 2", 32),
    ];
    let steps: Vec<_> = (0..27usize)
        .map(|i| {
            let (name, visits) = match known.get(i) {
                Some((name, visits)) => ((*name).to_owned(), *visits),
                None => (format!("T{} Rare part", i + 2), 30 - i as i64),
            };
            let state = if i == 6 { State::Late } else { State::OnTrack };
            seen(&format!("t{i:02}"), &name, state, &format!("{visits} times, last 02:12"), visits)
        })
        .collect();
    let mut edges: Vec<workflow::EdgeNow> = vec![];
    let mut add = |from: usize, to: usize, count: i64| {
        let (from, to) = (format!("t{from:02}"), format!("t{to:02}"));
        if !edges.iter().any(|e| e.from == from && e.to == to) {
            edges.push(edge(&from, &to, false, count));
        }
    };
    [
        (0, 4, 1050),
        (4, 5, 980),
        (5, 1, 830),
        (1, 2, 1180),
        (2, 3, 1150),
        (3, 5, 120),
        (0, 1, 380),
        (1, 6, 52),
        (6, 1, 50),
        (4, 7, 40),
        (7, 8, 30),
        (8, 5, 25),
    ]
    .into_iter()
    .for_each(|(from, to, count)| add(from, to, count));
    (0..88usize).for_each(|n| add((n * 5 + n / 7) % 27, (n * 11 + 3) % 27, 22 / (1 + n as i64 / 4)));
    let steps_and_edges = placed(&steps, &edges);
    workflow::WorkflowPicture {
        row: all_rows(true).remove(2),
        layout: steps_and_edges,
        steps,
        edges,
        trouble: vec![],
        ..order_to_erp(false)
    }
}

/// 16 declared steps with a branch, one of them broken: chains fold.
fn long() -> workflow::WorkflowPicture {
    let names = [
        "Receive file",
        "Unpack",
        "Check totals",
        "Convert currency",
        "Match supplier",
        "Match order",
        "Find cost centre",
        "Ask for approval",
        "Wait for approval",
        "Book invoice",
        "Plan payment",
        "Check limits",
        "Sign payment",
        "Send to bank",
        "Confirm payment",
        "Tell supplier",
    ];
    let steps: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(i, name)| match i {
            8 => step("s8", name, State::Broken, "4 waiting since 1 Jun"),
            _ => step(&format!("s{i}"), name, State::OnTrack, "last 02:11"),
        })
        .collect();
    let mut edges: Vec<_> = (1..16).map(|i| edge(&format!("s{}", i - 1), &format!("s{i}"), true, 40)).collect();
    edges.push(edge("s6", "s9", true, 12));
    let troubles = vec![trouble(
        State::Broken,
        "s8",
        "Wait for approval",
        "4 invoices wait for a person since 1 Jun.",
        4,
        recovery(Trust::NeverReviewed, 0),
    )];
    let row = row((
        "Supplier invoices",
        State::Broken,
        "4 invoices wait for approval since 1 Jun. Nothing will happen by itself.",
        4,
        Some(Trust::NeverReviewed),
    ));
    workflow::WorkflowPicture {
        row,
        layout: placed(&steps, &edges),
        steps,
        edges,
        trouble: troubles,
        ..order_to_erp(false)
    }
}

fn undocumented() -> workflow::WorkflowPicture {
    let questions = workflow::Questions {
        works: None,
        differences: vec![],
        fails: vec![],
        depends: None,
        needs: vec![],
        next: None,
        purpose: None,
        decisions: vec![],
        workarounds: vec![],
    };
    let (steps, edges, documents, runs) = (vec![], vec![], vec![], vec![]);
    workflow::WorkflowPicture {
        steps,
        edges,
        documents,
        runs,
        questions,
        layout: layout::Layout::default(),
        ..receipts()
    }
}

fn run_picture() -> run::RunPicture {
    let visit = |step: &str, name: &str, visit, state, progress: &str, from: &str, to: Option<&str>| run::VisitRow {
        step: step.into(),
        name: name.into(),
        visit,
        attempt: 1,
        max_attempts: None,
        state,
        progress: progress.into(),
        started_at: at(from),
        ended_at: to.map(at),
        due_at: Some(at("00:19:00")),
        next_attempt_at: None,
        error: None,
        declared: step != "fraud-check",
        attempts: vec![],
    };
    let error = || Some(("503".into(), "SAP refused the connection".into()));
    let failed = |(n, from, to): (u32, &str, &str)| run::AttemptRow {
        attempt: n,
        started_at: at(from),
        ended_at: Some(at(to)),
        progress: "failed".into(),
        error: error(),
    };
    let line = |clock: &str, text: &str, marks: &[&'static str], repeats, gap: Option<&str>| {
        run::StoryLine {
        at: at(clock),
        received_at: at(clock) + Span::from_secs(if marks.contains(&"late") { 260 } else { 1 }),
        step: None,
        text: text.into(),
        repeats,
        marks: marks.to_vec(),
        gap: gap.map(Into::into),
        source: "erp-sync".into(),
        raw: "{\"type\":\"step\",\"workflow\":\"order-to-erp\",\"run\":\"10482\",\"step\":\"push-to-erp\",\"state\":\"failed\",\"attempt\":2}".into(),
    }
    };
    let tries = [
        (1, "00:01:20", "00:01:50"),
        (2, "00:02:40", "00:03:10"),
        (3, "00:05:40", "00:06:10"),
        (4, "00:12:10", "00:12:40"),
    ];
    let row = run_row(
        "10482",
        State::Retrying,
        "Push to ERP failed 4 times. Next try 02:19; 2 tries are left, it gives up 03:10.",
    );
    run::RunPicture {
        row,
        workflow_name: "Order to ERP".into(),
        steps: vec![
            visit("receive-order", "Receive order", 1, State::OnTrack, "succeeded", "00:00:02", Some("00:00:03")),
            visit("validate-order", "Check order", 1, State::OnTrack, "succeeded", "00:00:03", Some("00:00:09")),
            visit("fraud-check", "fraud-check", 1, State::OnTrack, "skipped", "00:00:09", Some("00:00:09")),
            visit("charge-card", "Charge card", 2, State::OnTrack, "succeeded", "00:00:40", Some("00:01:12")),
            run::VisitRow {
                attempt: 4,
                max_attempts: Some(6),
                next_attempt_at: Some(at("00:19:00")),
                error: error(),
                attempts: tries.map(failed).to_vec(),
                ..visit("push-to-erp", "Push to ERP", 1, State::Retrying, "retrying", "00:01:20", None)
            },
        ],
        story: vec![
            line("00:00:02", "Order 10482 started", &[], 1, None),
            line("00:00:03", "Receive order succeeded", &[], 3, None),
            line("00:00:40", "Charge card started, visit 2", &["out_of_order"], 1, None),
            line("00:01:12", "Charge card succeeded", &["late"], 1, None),
            line(
                "00:12:40",
                "Push to ERP failed, attempt 4 of 6: 503 SAP refused the connection",
                &["undeclared", "refused"],
                1,
                Some("11 min without a word"),
            ),
        ],
        earlier: 12,
        runbook: recovery(Trust::Trusted, 0),
        ahead: vec![
            ("create-invoice".into(), "Create invoice".into()),
            ("confirm-order".into(), "Confirm order".into()),
        ],
    }
}

fn runs_picture() -> runs::RunsPicture {
    let rows = order_to_erp(true).runs;
    runs::RunsPicture {
        workflow: "order-to-erp".into(),
        name: "Order to ERP".into(),
        unit: "orders".into(),
        filter: runs::RunFilter::Failed,
        counts: runs::RunFilter::ALL.iter().zip([3181, 398, 2, 14, 417, 2764]).map(|(f, n)| (*f, n)).collect(),
        step: Some(("push-to-erp".into(), "Push to ERP".into())),
        items: rows.iter().cycle().take(14).cloned().collect(),
        next: Some("2026/abc".into()),
    }
}
