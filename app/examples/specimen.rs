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
use app::pages::{error, now, run, runs, shell, sign_in, workflow, workflows};
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
    let (broken, calm, observed, new) = (order_to_erp(true), order_to_erp(false), receipts(), undocumented());
    let place = |place| frame(place, Some("any"));
    page("broken.html", place(shell::Place::Workflows), &|| (workflow::head(&broken), workflow::body(&broken)))?;
    page("calm.html", place(shell::Place::Workflows), &|| (workflow::head(&calm), workflow::body(&calm)))?;
    page("observed.html", place(shell::Place::Workflows), &|| (workflow::head(&observed), workflow::body(&observed)))?;
    page("new.html", silent(), &|| (workflow::head(&new), workflow::body(&new)))?;
    let (bad, good, empty) = (now_picture(true), now_picture(false), nothing());
    page("now.html", place(shell::Place::Now), &|| (now::head(&bad), now::body(&bad)))?;
    page("now-calm.html", place(shell::Place::Now), &|| (now::head(&good), now::body(&good)))?;
    page("now-empty.html", empty_frame(), &|| (now::head(&empty), now::body(&empty)))?;
    let list = workflows::WorkflowsPicture { items: all_rows(true), next: None };
    page("workflows.html", place(shell::Place::Workflows), &|| (workflows::head(&list), workflows::body(&list)))?;
    let one = run_picture();
    page("run.html", place(shell::Place::Workflows), &|| (run::head(&one), run::body(&one)))?;
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
    page("sign-in.html", shell::Frame { viewer: None, ..frame(shell::Place::Other, None) }, &|| {
        (sign_in::head(&form), sign_in::body(&form))
    })?;
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
    shell::Frame {
        heard: shell::Heard {
            sources: 5,
            silent: vec![("sap-connector".into(), at("00:01:00")), ("wms".into(), at("00:03:00"))],
        },
        book_errors: vec!["workflows/refunds.yaml:14: \"30\" is not a duration; write 30s, 5m, 2h or 3d".into()],
        notice: Some("Note saved.".into()),
        ..frame(shell::Place::Workflows, Some("any"))
    }
}

fn empty_frame() -> shell::Frame {
    shell::Frame { heard: shell::Heard::default(), viewer: None, demo: false, ..frame(shell::Place::Now, Some("now")) }
}

fn row(
    id: &str,
    name: &str,
    state: State,
    sentence: &str,
    waiting: i64,
    trust: Option<Trust>,
) -> workflows::WorkflowRow {
    workflows::WorkflowRow {
        id: id.into(),
        name: name.into(),
        declared: id != "receipts",
        state,
        sentence: sentence.into(),
        since: Some(at("00:26:00") - Span::from_minutes(60)),
        waiting,
        unit: "orders".into(),
        oldest_at: (waiting > 0).then(|| at("00:00:00") - Span::from_minutes(34)),
        owner: (id != "receipts").then(|| "integration-team".into()),
        criticality: if id == "order-to-erp" { Criticality::Critical } else { Criticality::Normal },
        trust,
        runbooks: vec![],
    }
}

fn all_rows(trouble: bool) -> Vec<workflows::WorkflowRow> {
    let calm = [
        ("refunds", "Refunds", "Last one finished 02:09, usual every 20 min."),
        ("stock-sync", "Stock sync", "Last one finished 02:12, usual every 5 min."),
        ("price-import", "Price import", "Last one finished 01:00, next due 03:00."),
        (
            "supplier-invoice-approval",
            "Supplier invoice approval",
            "12 open, the oldest since 3 Jun 16:20, due 5 Jun 16:20.",
        ),
        ("newsletter", "Newsletter export", "Last one finished 3 Jun 18:00, next due 18:00."),
        ("returns", "Returns", "Last one finished 02:01, usual every 15 min."),
    ]
    .map(|(id, name, sentence)| {
        row(id, name, State::OnTrack, sentence, i64::from(id.starts_with('s')) * 12, Some(Trust::Trusted))
    });
    let mut rows = vec![];
    if trouble {
        rows.push(row(
            "order-to-erp",
            "Order to ERP",
            State::Broken,
            "SAP has refused orders since 01:26. 412 orders waiting. Next automatic try 02:19.",
            412,
            Some(Trust::CheckNeeded),
        ));
        rows.push(row(
            "nightly-reconcile",
            "Nightly reconcile",
            State::Late,
            "Nothing has failed, but it should have finished by 01:52. It is 22 min over.",
            1,
            Some(Trust::Overdue),
        ));
        rows.push(row(
            "receipts",
            "Receipt handling",
            State::NoSignal,
            "Nothing heard from the permit desk since 01:40. We do not know if this is working.",
            31,
            None,
        ));
        rows.push(row(
            "courier-booking",
            "Courier booking",
            State::Retrying,
            "Courier API failed 2 times. Next try 02:19. 6 parcels waiting. Nobody needs to act yet; gives up 03:10.",
            6,
            Some(Trust::NeverReviewed),
        ));
        rows.push(row(
            "loyalty",
            "Loyalty points",
            State::Paused,
            "Paused by anna until 06:00: the provider moves house.",
            0,
            Some(Trust::NotLinked),
        ));
    }
    rows.extend(calm);
    rows
}

fn now_picture(trouble: bool) -> now::NowPicture {
    let rows = all_rows(trouble);
    let of = |wanted: &dyn Fn(State) -> bool| rows.iter().filter(|r| wanted(r.state)).cloned().collect::<Vec<_>>();
    let change = |minute: i64, name: &str, field: &str, before: Option<&str>, after: Option<&str>, flags: &[&str]| {
        now::ChangeRow {
            subject: "step:order-to-erp/push-to-erp".into(),
            name: name.into(),
            href: "/workflows/order-to-erp#step-push-to-erp".into(),
            field: field.into(),
            before: before.map(Into::into),
            after: after.map(Into::into),
            changed_at: at("00:14:06") - Span::from_minutes(minute),
            by: "the book".into(),
            link: None,
            flags: flags.iter().map(|f| (*f).into()).collect(),
        }
    };
    now::NowPicture {
        checked_at: at("00:14:06"),
        state: rows.iter().map(|r| r.state).max().unwrap_or(State::OnTrack),
        sentence: match trouble {
            true => {
                "Order to ERP: SAP has refused orders since 01:26. 412 orders waiting. Next automatic try 02:19.".into()
            }
            false => "6 workflows on track, all 5 sources reporting, checked 02:14:06.".into(),
        },
        broken: of(&|s| s == State::Broken),
        attention: of(&|s| s != State::Broken && s != State::OnTrack),
        changed: vec![
            change(
                62,
                "Push to ERP",
                "retry.max_attempts",
                Some("6"),
                Some("8"),
                &["erp-refuses-orders", "order-stuck-without-error"],
            ),
            change(190, "ERP sync worker", "deployed", Some("2.14.0"), Some("2.15.1"), &[]),
            change(800, "Night sheet", "owner", None, Some("order-desk"), &[]),
        ],
        on_track: of(&|s| s == State::OnTrack),
        sources: shell::Heard { sources: 5, silent: vec![] },
        reviews_waiting: if trouble { 3 } else { 0 },
    }
}

fn nothing() -> now::NowPicture {
    now::NowPicture {
        state: State::NoSignal,
        sentence: "The book declares no workflow and no source has reported. Put a workflow in the book, or send the first event.".into(),
        broken: vec![],
        attention: vec![],
        changed: vec![],
        on_track: vec![],
        sources: shell::Heard::default(),
        reviews_waiting: 0,
        ..now_picture(false)
    }
}

fn step(id: &str, name: &str, state: Option<State>, fact: &str) -> workflow::StepNow {
    workflow::StepNow {
        id: id.into(),
        name: name.into(),
        declared: true,
        state,
        fact: fact.into(),
        open: 3,
        retrying: 0,
        late: 0,
        broken: 0,
        visits: 3181,
        last_seen: Some(at("00:12:00")),
        meaning: Some("The order becomes visible to warehouse and finance.".into()),
        component: Some(("erp-sync-worker".into(), "ERP sync worker".into())),
        via: Some(("erp-sync-queue".into(), "ERP sync queue".into())),
        finish_within: Some("5 min".into()),
        retry: Some("6 tries, waiting 30s, then 2 times longer each time, at most 30m".into()),
        safe_to_retry: Some("Yes, duplicates ignored".into()),
        if_skipped: Some("The warehouse never sees the order; the customer is charged for nothing.".into()),
        failure_points: vec![FailurePoint {
            id: "erp-refuses".into(),
            when: When { code: Some("502|503|timeout".into()), message: Some("refused|unavailable".into()) },
            effect: Some("Orders pile up in the queue; none are lost.".into()),
            automatic: Some("Six tries in about 16 minutes, then the order is held.".into()),
            action: Reference::parse("runbook:erp-refuses-orders#replay-held-orders").ok(),
        }],
    }
}

fn placed(steps: &[workflow::StepNow], edges: &[workflow::EdgeNow]) -> layout::Layout {
    let steps: Vec<_> = steps
        .iter()
        .map(|s| layout::Step {
            id: &s.id,
            name: &s.name,
            declared: s.declared,
            quiet: matches!(s.state, None | Some(State::OnTrack)),
            visits: s.visits,
        })
        .collect();
    let edges: Vec<_> =
        edges.iter().map(|e| layout::Edge { from: &e.from, to: &e.to, declared: e.declared, count: e.count }).collect();
    layout::layout(&steps, &edges)
}

fn edges(list: &[(&str, &str, bool, i64)]) -> Vec<workflow::EdgeNow> {
    let one = |&(from, to, declared, count): &(&str, &str, bool, i64)| workflow::EdgeNow {
        from: from.into(),
        to: to.into(),
        declared,
        count,
    };
    list.iter().map(one).collect()
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

fn order_to_erp(broken: bool) -> workflow::WorkflowPicture {
    let ok = Some(State::OnTrack);
    let mut steps = vec![
        step("receive-order", "Receive order", ok, "3 in work, last 02:12"),
        step("validate-order", "Check order", ok, "last 02:12"),
        step("reserve-stock", "Reserve stock", ok, "last 02:12"),
        step("charge-card", "Charge card", ok, "last 02:11"),
        step("create-invoice", "Create invoice", ok, "last 02:11"),
        step("push-to-erp", "Push to ERP", ok, "last 02:11"),
        step("confirm-order", "Confirm order", ok, "last 02:10"),
    ];
    let mut flow = edges(&[
        ("receive-order", "validate-order", true, 3181),
        ("validate-order", "reserve-stock", true, 3170),
        ("reserve-stock", "charge-card", true, 3166),
        ("charge-card", "create-invoice", true, 3160),
        ("charge-card", "push-to-erp", true, 2748),
        ("create-invoice", "confirm-order", true, 0),
        ("push-to-erp", "confirm-order", true, 2740),
    ]);
    let trouble = |state, step: &str, name: &str, sentence: &str, count, recovery| workflow::Trouble {
        state,
        step: Some(step.into()),
        name: name.into(),
        sentence: sentence.into(),
        count,
        since: Some(at("00:00:00") - Span::from_minutes(34)),
        next: Some("next try 02:19, gives up 03:10".into()),
        href: "/workflows/order-to-erp/runs?state=failed".into(),
        runbook: recovery,
    };
    if broken {
        steps[5] = workflow::StepNow {
            broken: 398,
            retrying: 14,
            ..step("push-to-erp", "Push to ERP", Some(State::Broken), "412 waiting, oldest 47 min")
        };
        steps[3] = step("charge-card", "Charge card", Some(State::Late), "2 over 5 min");
        steps[4] = step("create-invoice", "Create invoice", Some(State::Retrying), "2 of 4 tries, next 02:19");
        flow.extend(edges(&[("push-to-erp", "validate-order", false, 12)]));
    }
    let mut row = all_rows(true).remove(0);
    let mut picture_trouble = vec![];
    if broken {
        picture_trouble = vec![
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
    } else {
        row = workflows::WorkflowRow {
            state: State::OnTrack,
            sentence: "Orders are flowing. Last one finished 02:12, usual every 4 min.".into(),
            waiting: 3,
            trust: Some(Trust::Trusted),
            ..row
        };
    }
    let fact = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let run = |id: &str, state, sentence: &str| runs::RunRow {
        workflow: "order-to-erp".into(),
        run: id.into(),
        state,
        sentence: sentence.into(),
        since: at("00:02:11"),
        last_at: at("00:12:40"),
        ended_at: (state == State::OnTrack).then(|| at("00:12:40")),
        subject: Some(format!("order/{id}")),
        step: Some(("push-to-erp".into(), "Push to ERP".into())),
    };
    workflow::WorkflowPicture {
        row,
        facts: match broken {
            true => vec![fact("Waiting", "412 orders"), fact("Oldest", "47 min (limit 15 min)"), fact("Hurt by it", "order-desk"), fact("Safe to retry", "Yes, duplicates ignored")],
            false => vec![fact("In work", "3 orders"), fact("Usual", "every 4 min"), fact("Must end within", "30 min"), fact("Kept by", "integration-team")],
        },
        trouble: picture_trouble,
        declared: workflow::Declared::default(),
        observed: workflow::Observed { runs: 3181, events: 22412, ..Default::default() },
        layout: placed(&steps, &flow),
        steps,
        edges: flow,
        questions: workflow::Questions {
            works: Some("3,181 runs seen. 97 of 100 went the way the book says, in 4 min on average.".into()),
            differences: if broken { vec!["Push to ERP went back to Check order 12 times; the book does not say so.".into()] } else { vec![] },
            fails: vec![
                ("Charge card".into(), "Goods leave the house without payment.".into()),
                ("Push to ERP".into(), "Orders pile up in the queue; none are lost. Six tries in about 16 minutes, then the order is held.".into()),
            ],
            depends: Some("order-desk. Every paid order can be picked, invoiced and reported.".into()),
            needs: vec![("sap".into(), "SAP Business One".into(), Some("Orders wait; the warehouse picks from the night sheet.".into())), ("payment-gateway".into(), "Payment gateway".into(), None)],
            next: Some("Each run ends within 30 min of its start. A run starts at least every 10 min.".into()),
            purpose: Some("Orders placed in the shop must be in the ERP before the warehouse picks at 06:00.".into()),
            decisions: vec![Decision { id: "queue".into(), about: vec![], date: "2025-03-02".into(), decided: "Orders go to the ERP through a queue, not directly.".into(), because: Some("The ERP is down for backup every night; the shop must go on selling.".into()), supersedes: vec![] }],
            workarounds: if broken { vec![Workaround { id: "sheet".into(), about: vec![], since: None, what: "The night sheet is filled by hand when the ERP is down.".into(), harder_later: Some("Nobody knows which line was already picked.".into()), review_by: Some("2026-09-01".into()), owner: None }] } else { vec![] },
        },
        documents: vec![document("erp-refuses-orders", "ERP refuses orders", Trust::CheckNeeded, "Push to ERP: retry.max_attempts 6 to 8, 02:13", 2), document("queue-backing-up", "A queue is backing up", Trust::Trusted, "Reviewed, nothing changed since", 0), document("duplicate-orders", "Duplicate orders", Trust::NeverReviewed, "Nobody has reviewed it", 0)],
        runs: vec![
            run("10482", if broken { State::Broken } else { State::OnTrack }, "Push to ERP refused 6 times, the last at 02:12."),
            run("10481", if broken { State::Retrying } else { State::OnTrack }, "Create invoice failed 2 times. Next try 02:19."),
            run("10480", State::OnTrack, "Finished in 4 min."),
            run("SHOP-2026-06-03/10479", State::OnTrack, "Finished in 5 min."),
        ],
    }
}

fn document(slug: &str, title: &str, trust: Trust, reason: &str, flags: i64) -> app::pages::runbooks::RunbookRow {
    app::pages::runbooks::RunbookRow {
        slug: slug.into(),
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

/// 27 steps and 99 edges that nobody declared, like the public receipt-phase log.
fn receipts() -> workflow::WorkflowPicture {
    let base = order_to_erp(false);
    let names = [
        "Confirmation of receipt",
        "T02 Check confirmation of receipt",
        "T04 Determine confirmation of receipt",
        "T05 Print and send confirmation of receipt",
        "T06 Determine necessity of stop advice",
        "T10 Determine necessity to stop indication",
        "T03 Adjust confirmation of receipt",
        "T07 Draft intern advice",
    ];
    let steps: Vec<workflow::StepNow> = (0..27)
        .map(|i| workflow::StepNow {
            declared: false,
            visits: [1434, 1368, 1307, 1300, 1416, 1283, 55, 45].get(i).copied().unwrap_or(30 - i as i64),
            failure_points: vec![],
            meaning: None,
            component: None,
            via: None,
            finish_within: None,
            retry: None,
            safe_to_retry: None,
            if_skipped: None,
            ..step(
                &format!("t{i:02}"),
                names.get(i).map_or(&format!("T{} Rare part {i}", i + 4), |n| n),
                Some(if i == 6 { State::Late } else { State::OnTrack }),
                &format!("{} times", 1400 / (i + 1)),
            )
        })
        .collect();
    let mut flow = vec![];
    for (i, count) in [1300, 1250, 1200, 1190, 1100].into_iter().enumerate() {
        flow.push((format!("t{i:02}"), format!("t{:02}", i + 1), count));
    }
    for n in 0..94usize {
        let (from, to) = ((n * 5 + n / 7) % 27, (n * 11 + 3) % 27);
        if !flow.iter().any(|(f, t, _)| *f == format!("t{from:02}") && *t == format!("t{to:02}")) {
            flow.push((format!("t{from:02}"), format!("t{to:02}"), 120 / (1 + n as i64)));
        }
    }
    let flow: Vec<_> =
        flow.into_iter().map(|(from, to, count)| workflow::EdgeNow { from, to, declared: false, count }).collect();
    workflow::WorkflowPicture {
        row: all_rows(true).remove(2),
        layout: placed(&steps, &flow),
        steps,
        edges: flow,
        trouble: vec![],
        ..base
    }
}

fn undocumented() -> workflow::WorkflowPicture {
    let base = receipts();
    workflow::WorkflowPicture {
        steps: vec![],
        edges: vec![],
        layout: layout::Layout::default(),
        questions: workflow::Questions {
            works: None,
            differences: vec![],
            fails: vec![],
            depends: None,
            needs: vec![],
            next: None,
            purpose: None,
            decisions: vec![],
            workarounds: vec![],
        },
        documents: vec![],
        runs: vec![],
        ..base
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
    let failed = |n: u32, from: &str, to: &str| run::AttemptRow {
        attempt: n,
        started_at: at(from),
        ended_at: Some(at(to)),
        progress: "failed".into(),
        error: Some(("503".into(), "SAP refused the connection".into())),
    };
    let line = |clock: &str, step: Option<&str>, text: &str, marks: &[&'static str], repeats, gap: Option<&str>| {
        run::StoryLine {
        at: at(clock),
        received_at: at(clock) + Span::from_secs(if marks.contains(&"late") { 260 } else { 1 }),
        step: step.map(Into::into),
        text: text.into(),
        repeats,
        marks: marks.to_vec(),
        gap: gap.map(Into::into),
        source: "erp-sync".into(),
        raw: "{\"type\":\"step\",\"workflow\":\"order-to-erp\",\"run\":\"10482\",\"step\":\"push-to-erp\",\"state\":\"failed\",\"attempt\":2,\"error\":{\"code\":\"503\",\"message\":\"refused\"}}".into(),
    }
    };
    run::RunPicture {
        row: runs::RunRow {
            workflow: "order-to-erp".into(),
            run: "10482".into(),
            state: State::Retrying,
            sentence: "Push to ERP failed 4 times. Next try 02:19; 2 tries are left, it gives up 03:10.".into(),
            since: at("00:00:02"),
            last_at: at("00:12:40"),
            ended_at: None,
            subject: Some("order/10482".into()),
            step: None,
        },
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
                error: Some(("503".into(), "SAP refused the connection".into())),
                attempts: vec![
                    failed(1, "00:01:20", "00:01:50"),
                    failed(2, "00:02:40", "00:03:10"),
                    failed(3, "00:05:40", "00:06:10"),
                    failed(4, "00:12:10", "00:12:40"),
                ],
                ..visit("push-to-erp", "Push to ERP", 1, State::Retrying, "retrying", "00:01:20", None)
            },
        ],
        story: vec![
            line("00:00:02", None, "Order 10482 started", &[], 1, None),
            line("00:00:03", Some("receive-order"), "Receive order succeeded", &[], 3, None),
            line("00:00:40", Some("charge-card"), "Charge card started, visit 2", &["out_of_order"], 1, None),
            line("00:01:12", Some("charge-card"), "Charge card succeeded", &["late"], 1, None),
            line(
                "00:12:40",
                Some("push-to-erp"),
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
