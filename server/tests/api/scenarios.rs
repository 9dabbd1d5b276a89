//! The eleven scenarios: what a tired person reads at 02:13 when one of them happens, and what a program reads.
//!
//! Each has a workflow of its own and is played by itself; the last one plays all of them at once, on a portal that is
//! stopped and started again all the while, and expects the same ends.

use app::model::moment::Span;
use serde_json::{Value, json};

use crate::support::shelf::{Runbook, Step, Workflow};
use crate::support::{TestServer, With, at, html, on_both_databases, step};

on_both_databases![
    a_hung_run_among_good_ones_is_the_one_that_is_late,
    a_sync_that_stops_without_an_error_is_not_on_track,
    a_reordered_update_is_marked_and_drags_nothing_back,
    a_duplicate_counts_once_and_an_order_under_two_ids_is_told,
    a_retry_that_comes_six_hours_late_is_told_with_by_how_much,
    ninety_seven_of_a_hundred_lines_are_done_in_part,
    a_slow_third_party_that_becomes_a_storm_and_a_cascade_is_one_problem,
    an_approval_that_was_skipped_is_told_with_what_that_means,
    a_queue_that_stops_draining_is_stuck_long_before_it_is_deep,
    a_source_that_stops_reporting_is_never_green,
    our_own_restarts_in_the_middle_of_all_of_them_change_nothing,
];

/// What happens in a scenario: at a time these events come, and then the clock strikes.
struct Act {
    time: &'static str,
    events: Vec<Value>,
}

/// One scenario: what its book says, what happens, and when one looks.
struct Scenario {
    book: Vec<(&'static str, String)>,
    acts: Vec<Act>,
    end: &'static str,
}

impl Scenario {
    fn new(end: &'static str) -> Self {
        Self { book: Vec::new(), acts: Vec::new(), end }
    }

    fn book(mut self, file: &'static str, text: String) -> Self {
        self.book.push((file, text));
        self
    }

    fn at(mut self, time: &'static str, events: impl IntoIterator<Item = Value>) -> Self {
        self.acts.push(Act { time, events: events.into_iter().collect() });
        self
    }
}

/// One act: the shop is heard, so that its silence is never what is wrong.
async fn perform(server: &TestServer, act: &Act) {
    server.at(act.time);
    let alive = json!({"type": "signal", "name": "alive", "time": at(act.time).to_string()});
    server.post_events(act.events.iter().cloned().chain([alive]).collect::<Vec<_>>()).await;
    server.strike_at(act.time).await;
}

async fn open_the_book(server: &TestServer, scenarios: &[Scenario]) {
    for (file, text) in scenarios.iter().flat_map(|s| &s.book) {
        server.shelf.write(file, text);
    }
    server.take_over_the_book().await;
    assert_eq!(server.app.worlds.now().book_errors, Vec::<String>::new());
}

async fn play(server: &TestServer, scenario: Scenario) {
    let end = Act { time: scenario.end, events: Vec::new() };
    open_the_book(server, std::slice::from_ref(&scenario)).await;
    for act in scenario.acts.iter().chain([&end]) {
        perform(server, act).await;
    }
}

/// A problem as a program reads it: kind, state, count, the sentence, what happens by itself, and the section to read.
type Told = (&'static str, &'static str, i64, &'static str, &'static str, &'static str);

/// The open problems of a place or below it are these, worst first.
async fn assert_problems(server: &TestServer, place: &str, expected: &[Told]) {
    let open = server.json("/problems?open=1").await;
    let text = |problem: &Value, field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    let of = |href: &str| href == place || href.starts_with(&format!("{place}#"));
    let told: Vec<_> = open["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|problem| of(&text(problem, "href")))
        .map(|problem| {
            let runbook = &problem["runbook"];
            let section = format!("{}#{}", text(runbook, "slug"), text(runbook, "section"));
            let count = problem["count"].as_i64().unwrap();
            (
                text(problem, "kind"),
                text(problem, "state"),
                count,
                text(problem, "sentence"),
                text(problem, "next"),
                section,
            )
        })
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(kind, state, n, sentence, next, section)| {
            (kind.as_str(), state.as_str(), *n, sentence.as_str(), next.as_str(), section.trim_matches('#'))
        })
        .collect();
    assert_eq!(told, expected, "at {place}");
}

/// How a workflow stands, as a program reads it.
async fn assert_stands(server: &TestServer, workflow: &str, state: &str, sentence: &str) {
    let page = server.json(&format!("/workflows/{workflow}")).await;
    assert_eq!((page["state"].as_str().unwrap(), page["sentence"].as_str().unwrap()), (state, sentence), "{workflow}");
}

/// What a person reads on a page, in this order.
async fn assert_reads(server: &TestServer, path: &str, expected: &[&str]) {
    let words = html::words(&server.viewer().await.page(path).await);
    let mut rest = words.as_str();
    for said in expected {
        rest = rest.split_once(said).unwrap_or_else(|| panic!("\"{said}\" is not next on {path} in: {rest}")).1;
    }
}

/// An event of a step of a workflow.
fn of(workflow: &str, run: &str, id: &str, state: &str, time: &str) -> Value {
    step(run, id, state, time).with("workflow", workflow)
}

fn hung() -> Scenario {
    Scenario::new("08:08")
        .at("08:00", [step("10481", "push", "running", "08:00")])
        .at("08:01", [step("10482", "push", "running", "08:01")])
        .at("08:02", [step("10483", "push", "running", "08:02")])
        .at("08:03", [step("10481", "push", "succeeded", "08:03")])
        .at("08:04", [step("10483", "push", "succeeded", "08:04"), step("10484", "push", "running", "08:04")])
        .at("08:07", [step("10484", "push", "succeeded", "08:07")])
}

async fn a_hung_run_among_good_ones_is_the_one_that_is_late(server: TestServer) {
    play(&server, hung()).await;
    hung_ends(&server).await;
}

async fn hung_ends(server: &TestServer) {
    let sentence = "Nothing has failed, but 1 order at Push to ERP should have finished by 08:06. It is 2 min over.";
    let next = "Nothing more is planned. If it goes on after all, this ends by itself.";
    assert_stands(server, "order-to-erp", "late", sentence).await;
    let stuck = ("stuck", "late", 1, sentence, next, "erp-refuses-orders#do-this-now");
    assert_problems(server, "/workflows/order-to-erp", &[stuck]).await;
    assert_reads(
        server,
        "/workflows/order-to-erp",
        &["Late", sentence, "By itself", next, "Look at the queue.", "1 late"],
    )
    .await;
    // The hung one alone; those that came after it are done.
    let runs = server.json("/workflows/order-to-erp/runs").await;
    let states: Vec<_> = runs["items"].as_array().unwrap().iter().map(|run| (&run["run"], &run["state"])).collect();
    let of = |run: &str| states.iter().find(|(id, _)| *id == run).unwrap().1.as_str().unwrap();
    assert_eq!(["10481", "10482", "10483", "10484"].map(of), ["on_track", "late", "on_track", "on_track"]);
    let trouble = server.json("/workflows/order-to-erp").await["trouble"][0].clone();
    let problem = &trouble["problem"];
    let record = server.json(&format!("/problems/{problem}")).await;
    assert_eq!(record["subjects"], json!(["10482"]));
}

fn silent_sync() -> Scenario {
    let still = Runbook::new("Stock sync stands still", "workflow:stock-sync")
        .section("Do this now", "- [ ] Start the sync by hand.");
    Scenario::new("08:32")
        .book("stock-sync-stands-still.md", still.markdown())
        .at("08:00", [of("stock-sync", "s-1", "sync", "running", "08:00")])
        .at("08:01", [of("stock-sync", "s-1", "sync", "succeeded", "08:01")])
        .at("08:12", [])
}

async fn a_sync_that_stops_without_an_error_is_not_on_track(server: TestServer) {
    play(&server, silent_sync()).await;
    silent_sync_ends(&server).await;
}

async fn silent_sync_ends(server: &TestServer) {
    let sentence = "Nothing heard since 08:01. We do not know if this is working.";
    let next = "This ends by itself as soon as it is heard of again.";
    assert_stands(server, "stock-sync", "no_signal", sentence).await;
    let silent = ("silent", "no_signal", 0, sentence, next, "stock-sync-stands-still#do-this-now");
    assert_problems(server, "/workflows/stock-sync", &[silent]).await;
    let page = ["No signal", sentence, "By itself", next, "Start the sync by hand."];
    assert_reads(server, "/workflows/stock-sync", &page).await;
    assert_reads(server, "/", &["Worth a look", "Stock sync", sentence, "Nobody is on it"]).await;
    assert_eq!(server.json("/workflows/stock-sync").await["steps"][0]["state"], "no_signal");
}

fn reordered() -> Scenario {
    let payments = Workflow::new("payments", "Card payments")
        .says("unit: payments")
        .step(Step::new("authorise", "Authorise"))
        .step(Step::new("capture", "Capture").says("finish_within: 20m"))
        .step(Step::new("settle", "Settle").says("finish_within: 30m"));
    let payment = |id: &str, state: &str, time: &str| of("payments", "p-1", id, state, time);
    Scenario::new("08:10")
        .book("payments.yaml", payments.yaml())
        .at("08:01", [payment("authorise", "succeeded", "08:01")])
        .at("08:04", [payment("capture", "succeeded", "08:04")])
        .at("08:05", [payment("settle", "running", "08:05")])
        .at("08:09", [payment("capture", "running", "08:02")])
}

async fn a_reordered_update_is_marked_and_drags_nothing_back(server: TestServer) {
    play(&server, reordered()).await;
    reordered_ends(&server).await;
}

async fn reordered_ends(server: &TestServer) {
    let sentence =
        "Payments are flowing. Last one started 08:01; none has finished yet. 1 payment open, inside its time.";
    assert_stands(server, "payments", "on_track", sentence).await;
    assert_problems(server, "/workflows/payments", &[]).await;
    let run = server.json("/runs/payments/p-1").await;
    assert_eq!((&run["state"], &run["sentence"]), (&json!("on_track"), &json!("At Settle. Due by 08:35.")));
    let progress: Vec<_> = run["steps"].as_array().unwrap().iter().map(|step| &step["progress"]).collect();
    assert_eq!(progress, ["succeeded", "succeeded", "running"]);
    let lines: Vec<_> = run["story"].as_array().unwrap().iter().map(|line| (&line["text"], &line["marks"])).collect();
    let odd = json!(["late", "out_of_order"]);
    assert_eq!(
        lines,
        [
            (&json!("Authorise finished"), &json!([])),
            (&json!("Capture started"), &odd),
            (&json!("Capture finished"), &json!([])),
            (&json!("Settle started"), &json!([])),
        ]
    );
    // Nothing was visited twice because of it, and no other way was taken.
    let flow = server.json("/workflows/payments").await["observed"].clone();
    let edges: Vec<_> = flow["edges"].as_array().unwrap().iter().map(|e| (&e["from"], &e["to"], &e["count"])).collect();
    let (one, step) = (json!(1), ["authorise", "capture", "settle"].map(Value::from));
    assert_eq!(edges, [(&step[0], &step[1], &one), (&step[1], &step[2], &one)]);
    let page = [
        "At Settle. Due by 08:35.",
        "What happened",
        "Capture started",
        "heard late",
        "heard out of order",
        "Settle started",
    ];
    assert_reads(server, "/runs/payments/p-1", &page).await;
}

fn duplicate() -> Scenario {
    let invoices = Workflow::new("invoices", "Invoices")
        .says("unit: invoices")
        .says("expect: { min_interval: 2m }")
        .step(Step::new("write", "Write the invoice").says("component: invoice-writer"))
        .step(Step::new("send", "Send the invoice").says("safe_to_retry: never"));
    let writer = "kind: component\nid: invoice-writer\nname: Invoice writer\ntype: service\n";
    let twice = Runbook::new("Invoices go out twice", "workflow:invoices")
        .section("Do this now", "- [ ] Cancel the second invoice.");
    let invoice = |run: &str, id: &str, state: &str, time: &str| {
        of("invoices", run, id, state, time).with("subject", "order/77").with("id", format!("{run} {id} {state}"))
    };
    let written = || invoice("i-1", "write", "succeeded", "08:00");
    Scenario::new("08:04")
        .book("invoices.yaml", invoices.yaml())
        .book("invoice-writer.yaml", writer.to_owned())
        .book("invoices-go-out-twice.md", twice.markdown())
        .at("08:00", [written()])
        .at("08:01", [written(), invoice("i-1", "send", "succeeded", "08:01")])
        .at("08:01:20", [invoice("i-2", "write", "succeeded", "08:01:20")])
        .at("08:03", [invoice("i-2", "send", "succeeded", "08:03"), written()])
}

async fn a_duplicate_counts_once_and_an_order_under_two_ids_is_told(server: TestServer) {
    play(&server, duplicate()).await;
    duplicate_ends(&server).await;
}

async fn duplicate_ends(server: &TestServer) {
    let sentence = "i-2 started at 08:01, only 80 s after the one before. The book expects at least 2 min between two starts. Both are about order/77: it may have been done twice.";
    let next = "This is told until starts are far enough apart again.";
    assert_stands(server, "invoices", "late", sentence).await;
    let twice = ("too_often", "late", 1, sentence, next, "invoices-go-out-twice#do-this-now");
    assert_problems(server, "/workflows/invoices", &[twice]).await;
    assert_reads(server, "/workflows/invoices", &["Late", sentence, "By itself", next, "Cancel the second invoice."])
        .await;
    // What was sent three times counts once.
    let observed = server.json("/workflows/invoices").await["observed"].clone();
    assert_eq!((&observed["runs"], &observed["events"]), (&json!(2), &json!(4)));
    let run = server.json("/runs/invoices/i-1").await;
    assert_eq!((&run["story"][0]["repeats"], run["story"].as_array().unwrap().len()), (&json!(3), 2));
    assert_eq!(run["sentence"], "Finished 08:01, after 60 s.");
    let subject = server.json("/subjects/order/77").await;
    let runs: Vec<_> = subject["runs"].as_array().unwrap().iter().map(|run| &run["run"]).collect();
    assert_eq!(runs, ["i-2", "i-1"]);
    let page = ["order/77", "What happened", "Send the invoice finished", "Send the invoice finished", "Runs (2)"];
    assert_reads(server, "/subjects/order/77", &page).await;
}

fn late_retry() -> Scenario {
    let refunds = Workflow::new("refunds", "Refunds").says("unit: refunds").step(
        Step::new("pay", "Pay the refund")
            .says("finish_within: 30m")
            .says("retry: { max_attempts: 3, backoff: exponential, first: 30s, factor: 2 }")
            .says("failure_points: [{ id: card-desk-busy, when: { code: \"503\" }, action: \"runbook:refunds-stand-still#do-this-now\" }]"),
    );
    let still =
        Runbook::new("Refunds stand still", "step:refunds/pay").section("Do this now", "- [ ] Ask the card desk.");
    let pay = |state: &str, time: &str, attempt: i64| of("refunds", "r-1", "pay", state, time).with("attempt", attempt);
    let busy = json!({"code": "503", "message": "card desk busy"});
    Scenario::new("14:05")
        .book("refunds.yaml", refunds.yaml())
        .book("refunds-stand-still.md", still.markdown())
        .at("08:00", [pay("failed", "08:00", 1).with("error", busy)])
        .at("08:02", [])
        .at("14:00:30", [pay("running", "14:00:30", 2)])
}

async fn a_retry_that_comes_six_hours_late_is_told_with_by_how_much(server: TestServer) {
    play(&server, late_retry()).await;
    late_retry_ends(&server).await;
}

async fn late_retry_ends(server: &TestServer) {
    let late = "A try of Pay the refund came 6 h late, between 14:00 and 14:10. The book says: 3 tries, waiting 30s, then 2 times longer each time.";
    let next = "Nothing more is planned. This is told until an hour after the last late try.";
    let waiting = "Pay the refund failed once since 08:00 (503 card desk busy). 1 refund is waiting.";
    assert_stands(server, "refunds", "late", &format!("{late} 1 more thing is retrying by itself.")).await;
    let section = "refunds-stand-still#do-this-now";
    // What waits was stuck until the try came; now it is one more try, and no success yet.
    let open = [
        ("late_retry", "late", 1, late, next, section),
        ("retrying", "retrying", 1, waiting, "Trying again now.", section),
    ];
    assert_problems(server, "/workflows/refunds", &open).await;
    let page = ["Late", late, "By itself", next, "Ask the card desk.", waiting, "Trying again now.", "2 of 3 tries"];
    assert_reads(server, "/workflows/refunds", &page).await;
    let run = server.json("/runs/refunds/r-1").await;
    let sentence = "Pay the refund failed: 503 card desk busy. Try 2 is under way.";
    assert_eq!((&run["state"], &run["sentence"]), (&json!("retrying"), &json!(sentence)));
    assert_reads(
        server,
        "/runs/refunds/r-1",
        &[
            sentence,
            "try 2 came 6 h late",
            "Declared: 3 tries, 30 to 60 s apart. Observed: 2 tries, 6 h apart. 1 came 6 h late.",
            "2 of 3 tries used, 1 came late",
            "failed 503 card desk busy",
            "it was planned for 08:00",
        ],
    )
    .await;
}

fn in_part() -> Scenario {
    let prices = Workflow::new("price-list", "Price list")
        .says("unit: price lists")
        .step(Step::new("import", "Import the prices").says("if_skipped: Yesterday's prices are charged."));
    let rest = Runbook::new("Prices are missing", "step:price-list/import")
        .section("Do this now", "- [ ] Enter the missing prices by hand.");
    let import = |state: &str, time: &str| of("price-list", "monday", "import", state, time);
    let left = json!({"done": 97, "total": 100, "failed": ["SKU-12", "SKU-40", "SKU-77"]});
    Scenario::new("08:06")
        .book("price-list.yaml", prices.yaml())
        .book("prices-are-missing.md", rest.markdown())
        .at("08:01", [import("running", "08:01")])
        .at("08:05", [import("partial", "08:05").with("remainder", left)])
}

async fn ninety_seven_of_a_hundred_lines_are_done_in_part(server: TestServer) {
    play(&server, in_part()).await;
    in_part_ends(&server).await;
}

async fn in_part_ends(server: &TestServer) {
    let left = "97 of 100 done, not SKU-12 and 2 more";
    let sentence = "Import the prices has been done only in part since 08:05 (97 of 100 done, not SKU-12 and 2 more). 1 price list is waiting.";
    let next = "Nothing will try again by itself.";
    assert_stands(server, "price-list", "broken", &format!("{sentence} {next}")).await;
    let partial = ("partial", "broken", 1, sentence, next, "prices-are-missing#do-this-now");
    assert_problems(server, "/workflows/price-list", &[partial]).await;
    let page = ["Broken", sentence, next, "Enter the missing prices by hand.", "1 done in part"];
    assert_reads(server, "/workflows/price-list", &page).await;
    assert_reads(server, "/", &["Needs a person", "Price list", sentence]).await;
    let run = server.json("/runs/price-list/monday").await;
    let said = format!("Import the prices was done only in part 08:05: {left}.");
    assert_eq!((run["state"].as_str(), run["sentence"].as_str()), (Some("broken"), Some(said.as_str())));
    assert_reads(server, "/runs/price-list/monday", &[&said, "Enter the missing prices by hand."]).await;
}

/// Visits of a step that each take so many seconds, one every half minute.
fn visits(workflow: &str, id: &str, many: i64, from: &str, took: i64) -> Vec<Value> {
    let from = at(from);
    (0..many)
        .flat_map(|n| {
            let began = from + Span::from_secs(n * 30);
            let run = format!("{id} {began}");
            let event = |state, time: Span| of(workflow, &run, id, state, &(began + time).to_string());
            [event("running", Span::default()), event("succeeded", Span::from_secs(took))]
        })
        .collect()
}

fn cascade() -> Scenario {
    let policy = "retry: { max_attempts: 30, backoff: fixed, first: 5s }";
    let charge = |id: &str, name: &str, unit: &str, step: &str, words: &str| {
        Workflow::new(id, name)
            .says(&format!("unit: {unit}"))
            .step(Step::new(step, words).says("component: bank").says(policy))
            .yaml()
    };
    let gifts = Workflow::new("gift-cards", "Gift cards")
        .says("unit: gift cards")
        .step(Step::new("redeem", "Redeem").says("component: card-gateway"));
    let bank = "kind: component\nid: bank\nname: The bank\ntype: external\nif_unavailable: Nobody can pay by card.\n---\nkind: component\nid: card-gateway\nname: Card gateway\ntype: service\ndepends_on:\n  - { id: bank, mode: sync }\n";
    let runbook = Runbook::new("The bank is slow", "component:bank").section("Do this now", "- [ ] Call the bank.");
    let past = ["2026-05-28", "2026-05-21", "2026-05-14", "2026-05-07"].into_iter().flat_map(|day| {
        let from = format!("{day}T08:00:00Z");
        [visits("checkout", "charge", 40, &from, 12), visits("subscriptions", "renew", 40, &from, 12)].concat()
    });
    let refused = json!({"code": "504", "message": "the bank does not answer"});
    // Each is tried thirty times, five seconds apart.
    let tries = |workflow: &'static str, run: &'static str, id: &'static str, second: i64| {
        let refused = refused.clone();
        (1..=30).map(move |n| {
            let time = at("08:20:00") + Span::from_secs(second + n * 5);
            of(workflow, run, id, "failed", &time.to_string()).with("attempt", n).with("error", refused.clone())
        })
    };
    let storm = tries("checkout", "c-1", "charge", 0).chain(tries("checkout", "c-2", "charge", 1)).chain(tries(
        "subscriptions",
        "s-1",
        "renew",
        5,
    ));
    Scenario::new("08:24")
        .book("checkout.yaml", charge("checkout", "Checkout", "payments", "charge", "Charge the card"))
        .book("subscriptions.yaml", charge("subscriptions", "Subscriptions", "renewals", "renew", "Renew"))
        .book("gift-cards.yaml", gifts.yaml())
        .book("bank.yaml", bank.to_owned())
        .book("the-bank-is-slow.md", runbook.markdown())
        .at("08:00", past)
        .at("08:09", [of("gift-cards", "g-1", "redeem", "running", "08:09")])
        .at("08:10", [of("gift-cards", "g-1", "redeem", "succeeded", "08:10")])
        .at("08:16", visits("checkout", "charge", 12, "08:10", 41))
        .at("08:20", [])
        .at("08:23", storm)
}

async fn a_slow_third_party_that_becomes_a_storm_and_a_cascade_is_one_problem(server: TestServer) {
    play(&server, cascade()).await;
    cascade_ends(&server).await;
}

async fn cascade_ends(server: &TestServer) {
    let (failed, slow) = (
        "Charge the card has failed since 08:20 (504 the bank does not answer). 2 payments are waiting.",
        "Charge the card takes 41 s for one in twenty, usual at this hour is 12 s, since 08:10.",
    );
    let storm = "90 tries at The bank in the ten minutes from 08:20, 87 of them repeats; usual at this hour is 13.";
    let renewals = "Renew has failed since 08:20 (504 the bank does not answer). 1 renewal is waiting.";
    let (none, section) = ("Nothing will try again by itself.", "the-bank-is-slow#do-this-now");
    let more = "Every try that fails comes again by its policy, and adds to the load.";
    let faster = "This ends by itself when it is about as fast as usual again.";
    let answer = format!("{failed} {none} 1 more thing needs a look, 1 is retrying by itself.");
    assert_stands(server, "checkout", "broken", &answer).await;
    assert_problems(server, "/components/bank", &[("retrying", "retrying", 87, storm, more, section)]).await;
    let open = server.json("/problems?open=1").await["items"].as_array().unwrap().clone();
    let find = |sentence: &str| open.iter().find(|p| p["sentence"] == sentence).unwrap_or_else(|| panic!("{sentence}"));
    // It began with being slow; everything else follows from that and stands below it.
    let origin = find(slow);
    let ids = |of: &[&Value]| of.iter().map(|p| p["id"].clone()).collect::<Vec<_>>();
    let mut followers = origin["followers"].as_array().unwrap().clone();
    followers.sort_by_key(Value::as_i64);
    let mut expected = ids(&[find(failed), find(renewals), find(storm)]);
    expected.sort_by_key(Value::as_i64);
    assert_eq!((&origin["kind"], &origin["next"], followers), (&json!("slow"), &json!(faster), expected));
    let above = open.iter().take_while(|problem| problem["id"] != origin["id"]);
    assert!(above.into_iter().all(|p| p["state"] == "broken"), "a group stands where its worst member would");
    let page = ["Broken", failed, none, "Follows from", "Charge the card in Checkout", "Call the bank.", slow];
    assert_reads(server, "/workflows/checkout", &page).await;
    let page = ["Broken", renewals, none, "Follows from", "Charge the card in Checkout", "Call the bank."];
    assert_reads(server, "/workflows/subscriptions", &page).await;
    // What needs the bank without having failed yet is affected.
    assert_stands(server, "gift-cards", "on_track", "Gift cards are flowing. Last one finished 08:10.").await;
    let gifts = server.json("/workflows/gift-cards").await;
    assert_eq!(gifts["affected_by"], json!({"id": "bank", "name": "The bank", "path": ["bank", "card-gateway"]}));
    assert_reads(server, "/workflows/gift-cards", &["On track", "Gift cards", "Affected by The bank"]).await;
    assert_reads(server, "/components/card-gateway", &["Card gateway", "Affected by The bank"]).await;
    assert_reads(server, "/", &["Checkout", failed, "On track", "Gift cards", "Affected by The bank"]).await;
}

fn skipped() -> Scenario {
    let purchases = Workflow::new("purchases", "Purchases")
        .says("unit: purchases")
        .step(Step::new("request", "Request"))
        .step(
            Step::new("approve", "Approve the purchase")
                .says("component: finance-office")
                .says("if_skipped: Money is promised that nobody has agreed to."),
        )
        .step(Step::new("buy", "Buy"));
    let office = "kind: component\nid: finance-office\nname: Finance office\ntype: approval\n";
    let runbook = Runbook::new("A purchase without approval", "step:purchases/approve")
        .section("Do this now", "- [ ] Tell the finance office.");
    let bought = |run: &str, id: &str, state: &str, time: &str| of("purchases", run, id, state, time);
    Scenario::new("08:05")
        .book("purchases.yaml", purchases.yaml())
        .book("finance-office.yaml", office.to_owned())
        .book("a-purchase-without-approval.md", runbook.markdown())
        .at("08:00", [bought("b-1", "request", "succeeded", "08:00"), bought("b-2", "request", "succeeded", "08:00")])
        .at("08:02", [bought("b-1", "buy", "running", "08:02"), bought("b-2", "approve", "skipped", "08:02")])
        .at("08:04", [bought("b-1", "buy", "succeeded", "08:04"), bought("b-2", "buy", "succeeded", "08:04")])
}

async fn an_approval_that_was_skipped_is_told_with_what_that_means(server: TestServer) {
    play(&server, skipped()).await;
    skipped_ends(&server).await;
}

async fn skipped_ends(server: &TestServer) {
    let means = "Money is promised that nobody has agreed to.";
    let sentence = "Request was followed by Buy without Approve the purchase 1 time since 08:00. The book does not say so. Money is promised that nobody has agreed to.";
    let next = "This is told until the book says so, or until a day after it was last seen.";
    assert_stands(server, "purchases", "late", sentence).await;
    let over = ("undocumented", "late", 1, sentence, next, "a-purchase-without-approval#do-this-now");
    assert_problems(server, "/workflows/purchases", &[over]).await;
    assert_reads(server, "/workflows/purchases", &["Late", sentence, "By itself", next, "Tell the finance office."])
        .await;
    // One went past it and one was said to be skipped: each run says so.
    for run in ["b-1", "b-2"] {
        let said = "Finished 08:04, after 4 min, without Approve the purchase.";
        let page = server.json(&format!("/runs/purchases/{run}")).await;
        let left = json!([{"step": "approve", "name": "Approve the purchase", "means": means}]);
        assert_eq!((&page["sentence"], &page["left_out"]), (&json!(said), &left), "{run}");
        let words = [said, "Approve the purchase was left out.", means];
        assert_reads(server, &format!("/runs/purchases/{run}"), &words).await;
    }
}

fn stuck_queue() -> Scenario {
    let letters = Workflow::new("letters", "Letters").says("unit: letters").step(
        Step::new("send", "Send the letter")
            .says("component: mailer")
            .says("via: mail-queue")
            .says("finish_within: 2h"),
    );
    let parts = "kind: component\nid: mailer\nname: Mailer\ntype: service\n---\nkind: component\nid: mail-queue\nname: Mail queue\ntype: queue\nlimits: { depth: 500, oldest: 15m }\n";
    let runbook = Runbook::new("Mail does not go out", "component:mail-queue")
        .section("Do this now", "- [ ] Start the mailer again.");
    let report = |time: &str, depth: i64, waited: i64, out: i64| {
        json!({"type": "queue", "queue": "mail-queue", "depth": depth, "oldest": format!("{waited}m"), "in": 7,
            "out": out, "time": at(time).to_string()})
    };
    Scenario::new("08:07")
        .book("letters.yaml", letters.yaml())
        .book("mail-queue.yaml", parts.to_owned())
        .book("mail-does-not-go-out.md", runbook.markdown())
        .at("08:00", [report("08:00", 3, 0, 7), of("letters", "l-1", "send", "waiting", "08:00")])
        .at("08:01", [report("08:01", 3, 0, 7)])
        .at("08:02", [report("08:02", 10, 1, 0)])
        .at("08:03", [report("08:03", 17, 2, 0)])
        .at("08:04", [report("08:04", 24, 3, 0)])
        .at("08:05", [report("08:05", 31, 4, 0)])
        .at("08:06", [report("08:06", 38, 5, 0)])
}

async fn a_queue_that_stops_draining_is_stuck_long_before_it_is_deep(server: TestServer) {
    play(&server, stuck_queue()).await;
    stuck_queue_ends(&server).await;
}

async fn stuck_queue_ends(server: &TestServer) {
    let sentence = "Nothing has left Mail queue since 08:01. 38 letters wait in it, the oldest since 08:01.";
    let next = "A limit is reached in 12 min.";
    assert_stands(server, "letters", "late", &format!("{sentence} {next}")).await;
    // It lies in the queue, and that is where it leads.
    let trouble = server.json("/workflows/letters").await["trouble"][0].clone();
    assert_eq!((&trouble["name"], &trouble["href"]), (&json!("Mail queue"), &json!("/components/mail-queue")));
    let stuck = ("stuck", "late", 38, sentence, next, "mail-does-not-go-out#do-this-now");
    assert_problems(server, "/components/mail-queue", &[stuck]).await;
    assert_problems(server, "/workflows/letters", &[]).await;
    let page = ["Late", sentence, next, "Start the mailer again.", "38 waiting, oldest 5 min (limit 15 min)"];
    assert_reads(server, "/workflows/letters", &page).await;
    assert_reads(server, "/components/mail-queue", &["Late", "Mail queue", sentence]).await;
}

fn silent_source() -> Scenario {
    let returns = Workflow::new("returns", "Returns")
        .says("unit: returns")
        .step(Step::new("collect", "Collect the parcel").says("component: carrier"));
    let carrier =
        "kind: component\nid: carrier\nname: The carrier\ntype: external\nreports: { as: carrier, every: 5m }\n";
    let runbook = Runbook::for_all("The carrier is not heard", &["workflow:returns", "component:carrier"])
        .section("Do this now", "- [ ] Look at the carrier's own page.");
    let collect = |state: &str, time: &str| of("returns", "t-1", "collect", state, time).with("source", "carrier");
    Scenario::new("08:10")
        .book("returns.yaml", returns.yaml())
        .book("carrier.yaml", carrier.to_owned())
        .book("the-carrier-is-not-heard.md", runbook.markdown())
        .at("08:00", [collect("running", "08:00")])
        .at("08:02", [collect("succeeded", "08:02")])
        .at("08:05", [])
}

async fn a_source_that_stops_reporting_is_never_green(server: TestServer) {
    play(&server, silent_source()).await;
    silent_source_ends(&server).await;
}

async fn silent_source_ends(server: &TestServer) {
    let sentence = "Nothing heard from carrier since 08:02. We do not know if this is working.";
    let next = "This ends by itself as soon as it is heard of again.";
    assert_stands(server, "returns", "no_signal", sentence).await;
    let silent = ("silent", "no_signal", 0, sentence, next, "the-carrier-is-not-heard#do-this-now");
    assert_problems(server, "/workflows/returns", &[silent]).await;
    let source = "Nothing heard from carrier since 08:02; the book expects it at least every 5 min. We do not know what it would say.";
    let silent = ("silent", "no_signal", 0, source, next, "the-carrier-is-not-heard#do-this-now");
    assert_problems(server, "/sources", &[silent]).await;
    let page = [
        "1 of 2 sources silent",
        "No signal",
        sentence,
        "By itself",
        next,
        "Look at the carrier's own page.",
        "No signal",
    ];
    assert_reads(server, "/workflows/returns", &page).await;
    assert_reads(server, "/", &["1 of 2 sources silent", "Worth a look", "Returns", sentence]).await;
    // They are one thing: the workflow is silent because its source is.
    let open = server.json("/problems?open=1").await;
    let at =
        |href: &str| open["items"].as_array().unwrap().iter().find(|p| p["href"].as_str().unwrap().starts_with(href));
    assert_eq!(at("/workflows/returns").unwrap()["origin"], at("/sources").unwrap()["id"]);
    // Nowhere is it green, though every run of it ended well.
    assert_eq!(server.json("/workflows/returns").await["steps"][0]["state"], "no_signal");
    assert_eq!(server.json("/components/carrier").await["state"], "no_signal");
    let now = server.json("/now").await;
    assert!(now["on_track"].as_array().unwrap().iter().all(|workflow| workflow["id"] != "returns"), "{now}");
}

/// Looks at what must be so at the end of the scenario with this number.
async fn ends(server: &TestServer, number: usize) {
    match number {
        0 => hung_ends(server).await,
        1 => silent_sync_ends(server).await,
        2 => reordered_ends(server).await,
        3 => duplicate_ends(server).await,
        4 => late_retry_ends(server).await,
        5 => in_part_ends(server).await,
        6 => cascade_ends(server).await,
        7 => skipped_ends(server).await,
        8 => stuck_queue_ends(server).await,
        _ => silent_source_ends(server).await,
    }
}

async fn our_own_restarts_in_the_middle_of_all_of_them_change_nothing(mut server: TestServer) {
    let all = [
        hung(),
        silent_sync(),
        reordered(),
        duplicate(),
        late_retry(),
        in_part(),
        cascade(),
        skipped(),
        stuck_queue(),
        silent_source(),
    ];
    open_the_book(&server, &all).await;
    let looks =
        all.iter().enumerate().map(|(number, s)| (at(s.end), Act { time: s.end, events: Vec::new() }, Some(number)));
    let looks: Vec<_> = looks.collect();
    let acts = all.into_iter().flat_map(|s| s.acts).map(|act| (at(act.time), act, None));
    let mut plan: Vec<_> = acts.chain(looks).collect();
    // Stable, so that at one time what happens comes before who looks.
    plan.sort_by_key(|(time, ..)| *time);
    let mut raised: Vec<Value> = Vec::new();
    for (played, (_, act, look)) in plan.iter().enumerate() {
        // It is down until then: what is due in between is due at the next strike.
        if played % 4 == 3 {
            let open = server.json("/problems?open=1").await["items"].as_array().unwrap().clone();
            server = server.restarted(act.time, |_| {}).await;
            raised.extend(open.iter().map(|problem| problem["id"].clone()));
        }
        perform(&server, act).await;
        if let Some(number) = look {
            ends(&server, *number).await;
        }
    }
    // Nothing that was raised before a stop was raised again under another number.
    let problems = server.every("/problems").await;
    let mut places: Vec<_> = problems
        .iter()
        .filter(|problem| raised.contains(&problem["id"]))
        .map(|problem| (problem["kind"].to_string(), problem["href"].to_string(), problem["since"].to_string()))
        .collect();
    let many = places.len();
    places.sort();
    places.dedup();
    assert!(many >= 8, "{problems:?}");
    assert_eq!(places.len(), many, "{problems:?}");
}
