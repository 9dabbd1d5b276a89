//! The troubles of the company, a round of four cycles: what fails when, and when it is over.

use app::model::moment::{Moment, Span};
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::company::{
    Refusal, SHOP_TAKES, StockTurn, invoice, new_order, number, parcel, seconds, stock_update, until_paid,
};
use super::plan::{CYCLE, Day, Phase, Planned, What};
use super::story::Fault;

/// Orders come in this often.
const ORDER_EVERY: Span = Span::from_millis(CYCLE.millis() / 48);

/// Once the ERP takes orders again, it takes one this often.
const TAKEN_EVERY: Span = Span::from_millis(700);

/// When the queue before the ERP stands still: from and until, in seconds of a backlog cycle.
const BACKLOG: (i64, i64) = (20, 430);

/// A newsletter: how many mails, when in its cycle, and how long each takes to leave.
pub const NEWSLETTER: i64 = 2_900;
const NEWSLETTER_AT: i64 = 40;
const MAIL_EVERY: Span = Span::from_millis(90);

/// How many times an order is tried before and after the deployment.
const TRIES: (u32, u32) = (6, 8);

/// The troubles that begin in a cycle.
pub fn of(day: Day, cycle: i64, rng: &mut StdRng) -> Vec<Planned> {
    let at = |second| day.at(cycle, second);
    let number = |i: i64| number(cycle, 50 + i);
    // What is deployed and what the book says changes only while somebody may watch: the past is as it was reviewed.
    let present = cycle >= 0;
    match day.phase(cycle) {
        None => Vec::new(),
        Some(Phase::Deployment) if present => {
            let mut planned = vec![
                deployment(at(40), cycle, &format!("2.14.{}", cycle / 4), "Try an order 8 times before it is held"),
                Planned { at: at(45), what: What::Tries(TRIES.1) },
            ];
            planned.extend(stock_update(9_000 + cycle, at(75), StockTurn::SomeItems, SHOP_TAKES, rng));
            planned.extend(unexplained_error(day, number(3), at(95), rng));
            planned
        }
        Some(Phase::Deployment) => Vec::new(),
        Some(Phase::Finance) => {
            let refusal = Refusal { at: at(120), by_hand: at(330) };
            let mut planned = blocked_order(day, number(0), at(60), at(300), rng);
            planned.extend(invoice(2 * cycle + 1, at(2), 0.06, Some(refusal), rng));
            planned.extend(refused_order(day, number(1), at(355), rng));
            planned
        }
        Some(Phase::Backlog) => Vec::new(),
        Some(Phase::Rollback) => {
            let mut planned = stuck_order(number(0), at(350), rng);
            planned.extend(late_retry(day, number(1), at(380), rng));
            planned.extend(ordered_again(day, number(2), basket(number(0)), at(640), rng));
            // Somebody starts a stock update by hand, 20 seconds after the one that starts by itself.
            planned.extend(stock_update(9_000 + cycle, at(235), StockTurn::Usual, SHOP_TAKES, rng));
            if present {
                planned.push(deployment(at(195), cycle, RUNNING, "Back to 6 tries: held orders were found too late"));
                planned.push(Planned { at: at(200), what: What::Tries(TRIES.0) });
            }
            planned
        }
    }
}

/// The version of the ERP sync worker that runs when nothing new was deployed.
pub const RUNNING: &str = "2.13.4";

/// What the courier answers at a moment, when it is not a booking.
pub fn courier_fault(day: Day, at: Moment) -> Option<Fault> {
    let (cycle, into) = day.cycle(at);
    let during = |from, until| (Span::from_secs(from)..Span::from_secs(until)).contains(&into);
    match day.phase(cycle)? {
        Phase::Deployment if during(8, 200) => Some(Fault { code: "503", message: "courier API unavailable" }),
        Phase::Rollback if during(100, 190) => Some(Fault { code: "429", message: "too many calls" }),
        _ => None,
    }
}

/// The backlog that a moment falls into: since when, and from when on orders are taken again. It lasts until the
/// queue is empty.
fn backlog(day: Day, at: Moment) -> Option<(Moment, Moment)> {
    let (cycle, _) = day.cycle(at);
    [cycle, cycle - 1].into_iter().filter(|c| day.phase(*c) == Some(Phase::Backlog)).find_map(|cycle| {
        let (from, until) = (day.at(cycle, BACKLOG.0), day.at(cycle, BACKLOG.1));
        (from <= at && at < drained(from, until)).then_some((from, until))
    })
}

/// How many came between two moments.
fn came(from: Moment, until: Moment) -> i64 {
    until.since(from).millis() / ORDER_EVERY.millis()
}

fn drained(from: Moment, until: Moment) -> Moment {
    until + Span::from_millis(came(from, until) * TAKEN_EVERY.millis())
}

/// When an order that reaches the queue at a moment is taken from it: first in, first out.
pub fn taken_from_queue(day: Day, at: Moment, usual: Span) -> Moment {
    match backlog(day, at) {
        Some((from, until)) if at < until => until + Span::from_millis(came(from, at) * TAKEN_EVERY.millis()),
        Some((from, until)) => drained(from, until) + usual,
        None => at + usual,
    }
}

/// How many orders stand in the queue during a backlog, and since when the oldest does.
pub fn orders_waiting(day: Day, at: Moment) -> Option<(i64, Moment)> {
    let (from, until) = backlog(day, at)?;
    let taken = at.since(until).millis().max(0) / TAKEN_EVERY.millis();
    let waiting = (came(from, at) - taken).max(0);
    Some((waiting, from + Span::from_millis(taken * ORDER_EVERY.millis())))
}

/// How many mails of a newsletter wait, and since when the oldest does: they come at once and leave one by one.
pub fn newsletter_waiting(day: Day, at: Moment) -> Option<(i64, Moment)> {
    let (cycle, _) = day.cycle(at);
    if day.phase(cycle)? != Phase::Finance {
        return None;
    }
    let sent_at = day.at(cycle, NEWSLETTER_AT);
    let left = NEWSLETTER - at.since(sent_at).millis() / MAIL_EVERY.millis();
    (sent_at <= at && left > 0).then_some((left, sent_at))
}

/// An order that is paid at a moment, and what tells of it up to there.
fn paid_order(number: i64, paid: Moment, rng: &mut StdRng) -> super::story::Story {
    // Everything up to the payment takes at most 34 seconds.
    let mut order = new_order(number, paid - Span::from_secs(40));
    until_paid(&mut order, rng);
    order.go_to(paid);
    order
}

/// The ERP refuses one order until all tries are used up; it is held, and somebody sends it again.
fn refused_order(day: Day, number: i64, at: Moment, rng: &mut StdRng) -> Vec<Planned> {
    let faults = [
        Fault { code: "503", message: "SAP Business One refused the order: company database unavailable" },
        Fault { code: "503", message: "SAP Business One refused the order: connection reset" },
    ];
    let mut order = paid_order(number, at - Span::from_secs(20), rng);
    order.does("create-invoice", seconds(rng, 5.0, 15.0));
    order.go_to(at - Span::from_secs(2));
    order.tell("push-to-erp", "waiting", json!({"waiting_on": "erp-sync-queue"}));
    order.go_to(at);
    for attempt in 1..=TRIES.0 {
        // Half a minute, then twice as long each time: the sixth try comes after 15 and a half minutes.
        let wait = (attempt < TRIES.0).then(|| Span::from_secs(30 << (attempt - 1)));
        let began = order.now();
        let fault = faults[usize::from(attempt > 2)];
        order.tries_badly("push-to-erp", attempt, seconds(rng, 0.3, 0.9), fault, wait);
        if let Some(wait) = wait {
            order.go_to(began + wait + Span::from_secs(1));
        }
    }
    order.wait(Span::from_millis(200));
    let held = Fault { code: "503", message: "held after 6 tries: SAP Business One refused the order" };
    order.tell_run("erp-sync", "failed", json!({"error": held.json()}));
    order.wait(Span::from_secs(240));
    sent_again(day, number, order, TRIES.0 + 1, rng)
}

/// Finance has blocked one customer: no try will help until they decide.
fn blocked_order(day: Day, number: i64, at: Moment, decided: Moment, rng: &mut StdRng) -> Vec<Planned> {
    let mut order = paid_order(number, at - Span::from_secs(18), rng);
    order.does("create-invoice", seconds(rng, 5.0, 15.0));
    order.go_to(at);
    let blocked = Fault { code: "423", message: "customer is blocked: status X" };
    order.tries_badly("push-to-erp", 1, Span::from_millis(400), blocked, None);
    order.tell_run("erp-sync", "failed", json!({"error": blocked.json()}));
    order.go_to(decided);
    sent_again(day, number, order, 2, rng)
}

/// A held order is sent once more, arrives, and is confirmed.
fn sent_again(day: Day, number: i64, mut order: super::story::Story, attempt: u32, rng: &mut StdRng) -> Vec<Planned> {
    order.tries_well("push-to-erp", attempt, seconds(rng, 1.0, 3.0));
    order.wait(seconds(rng, 0.2, 1.0));
    order.does("confirm-order", seconds(rng, 3.0, 10.0));
    order.tell_run("erp-sync", "succeeded", Value::Null);
    let packed = order.now() + seconds(rng, 15.0, 40.0);
    let mut planned = order.end();
    planned.extend(parcel(day, number, packed, rng));
    planned
}

/// An order that stops without any error, until somebody cancels it.
fn stuck_order(number: i64, at: Moment, rng: &mut StdRng) -> Vec<Planned> {
    let mut order = new_order(number, at - seconds(rng, 0.5, 1.0)).joined_by(basket(number));
    order.tell("receive-order", "succeeded", json!({}));
    order.go_to(at);
    order.tell("validate-order", "running", json!({}));
    order.wait(Span::from_secs(360));
    let why = Fault { code: "", message: "cancelled by the order desk: the customer has ordered again" };
    order.tell_run("shop", "cancelled", json!({"error": why.json()}));
    order.end()
}

/// The customer's basket, which an order and the one after it have in common.
fn basket(number: i64) -> String {
    format!("basket-{number}")
}

/// The customer of the stuck order orders once more from the same basket, and that order goes through.
fn ordered_again(day: Day, number: i64, basket: String, at: Moment, rng: &mut StdRng) -> Vec<Planned> {
    let mut order = new_order(number, at).joined_by(basket);
    until_paid(&mut order, rng);
    order.wait(seconds(rng, 0.1, 2.0));
    order.does("create-invoice", seconds(rng, 5.0, 15.0));
    order.tell("push-to-erp", "waiting", json!({"waiting_on": "erp-sync-queue"}));
    order.wait(seconds(rng, 2.0, 6.0));
    order.does("push-to-erp", seconds(rng, 2.0, 6.0));
    order.wait(seconds(rng, 0.2, 1.0));
    order.does("confirm-order", seconds(rng, 5.0, 20.0));
    let packed = order.now() + seconds(rng, 15.0, 40.0);
    let mut planned = order.end();
    planned.extend(parcel(day, number, packed, rng));
    planned
}

/// A try that was announced for a minute later and comes a minute and a half after that.
fn late_retry(day: Day, number: i64, at: Moment, rng: &mut StdRng) -> Vec<Planned> {
    let mut order = paid_order(number, at - Span::from_secs(3), rng);
    order.tell("push-to-erp", "waiting", json!({"waiting_on": "erp-sync-queue"}));
    order.wait(seconds(rng, 4.0, 9.0));
    order.does("push-to-erp", seconds(rng, 2.0, 6.0));
    order.go_to(at - Span::from_secs(1));
    let fault = Fault { code: "", message: "no free number in the number range" };
    order.tries_badly("create-invoice", 1, Span::from_secs(1), fault, Some(Span::from_secs(60)));
    order.go_to(at + Span::from_secs(210));
    order.tries_well("create-invoice", 2, seconds(rng, 3.0, 9.0));
    order.wait(seconds(rng, 0.2, 1.0));
    order.does("confirm-order", seconds(rng, 5.0, 20.0));
    let packed = order.now() + seconds(rng, 15.0, 40.0);
    let mut planned = order.end();
    planned.extend(parcel(day, number, packed, rng));
    planned
}

/// A mail fails with something that no failure point explains, and goes out at the next try.
fn unexplained_error(day: Day, number: i64, at: Moment, rng: &mut StdRng) -> Vec<Planned> {
    let mut order = paid_order(number, at - Span::from_secs(45), rng);
    order.does("create-invoice", seconds(rng, 5.0, 15.0));
    order.tell("push-to-erp", "waiting", json!({"waiting_on": "erp-sync-queue"}));
    order.wait(seconds(rng, 2.0, 6.0));
    order.does("push-to-erp", seconds(rng, 2.0, 6.0));
    order.go_to(at);
    let fault = Fault { code: "TEMPLATE", message: "the letter has no text for customers abroad" };
    order.tries_badly("confirm-order", 1, Span::from_secs(1), fault, Some(Span::from_secs(60)));
    order.go_to(at + Span::from_secs(61));
    order.tries_well("confirm-order", 2, seconds(rng, 3.0, 9.0));
    let packed = order.now() + seconds(rng, 15.0, 40.0);
    let mut planned = order.end();
    planned.extend(parcel(day, number, packed, rng));
    planned
}

/// A deployment of the ERP sync worker.
fn deployment(at: Moment, cycle: i64, version: &str, what: &str) -> Planned {
    let event = json!({"type": "change", "id": format!("deployment-{cycle}"), "source": "deployments",
        "component": "erp-sync-worker", "version": version, "what": what, "by": "integration-team",
        "time": at.to_string()});
    Planned::event(at, "deployments", event)
}
