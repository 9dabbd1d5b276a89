//! What the company does all day: orders, parcels, stock updates and invoices, and the queues between them.

use app::model::moment::{Moment, Span};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;

use super::plan::{CYCLE, Day, Phase, Planned, What};
use super::story::{Fault, Story};
use super::troubles;

/// How many orders come in a lively cycle, and in a calm one of the past.
const ORDERS: (i64, i64) = (48, 12);

/// Numbers are given out per cycle, so that any cycle can be planned alone.
const NUMBERS: i64 = 60;

/// Which order of a cycle about finance the ERP books wrong.
pub const BOOKED_WRONG: i64 = 10;

/// Queues report this often, in a lively cycle and in a calm one.
const REPORTS: (i64, i64) = (20, 140);

/// What is different about one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Usual,
    /// Somebody looks at it: a step that the book does not know.
    CheckedByHand,
    /// The address was wrong: checked and reserved twice.
    Reworked,
    /// The item is gone.
    SoldOut,
    /// The shop tells one event twice.
    ToldTwice,
    /// The shop tells an end before its start.
    ToldBackwards,
    /// The mailer was cut off and tells of the mail six minutes later.
    ToldLate,
}

/// Everything ordinary that begins in a cycle.
pub fn ordinary(day: Day, cycle: i64, rng: &mut StdRng) -> Vec<Planned> {
    let phase = day.phase(cycle);
    let mut planned = Vec::new();
    let orders = if phase.is_some() { ORDERS.0 } else { ORDERS.1 };
    for i in 0..orders {
        let at = day.at(cycle, 0) + Span::from_millis(CYCLE.millis() * i / orders) + seconds(rng, 0.2, 3.0);
        let turn = turn(phase, i, rng);
        let (order, confirmed) = order(day, number(cycle, i), at, turn, rng);
        planned.extend(order);
        if let Some(confirmed) = confirmed {
            let at = confirmed + seconds(rng, 15.0, 60.0);
            planned.extend(parcel(day, number(cycle, i), at, rng));
        }
    }
    for (half, at) in [5, 215].into_iter().enumerate() {
        // The update that does not come: the first anyone hears of it is that nothing is heard.
        if phase != Some(Phase::Finance) || half == 0 {
            let tried_twice = phase == Some(Phase::Backlog) && half == 1;
            let turn = if tried_twice { StockTurn::TriedTwice } else { StockTurn::Usual };
            let number = 7_000 + 2 * cycle + half as i64;
            planned.extend(stock_update(number, day.at(cycle, at), turn, shop_takes(cycle), rng));
        }
    }
    let at = day.at(cycle, 30) + seconds(rng, 0.0, 120.0);
    let mut invoice = invoice(2 * cycle, at, 1.0, None, rng);
    if arrives_backwards(cycle) {
        tell_ends_first(&mut invoice);
    }
    planned.extend(invoice);
    let every = if phase.is_some() { REPORTS.0 } else { REPORTS.1 };
    for at in (0..CYCLE.millis() / 1000 / every).map(|i| day.at(cycle, i * every + 3)) {
        planned.extend(queues(day, at, every, rng));
    }
    planned
}

fn turn(phase: Option<Phase>, i: i64, rng: &mut StdRng) -> Turn {
    match (phase, i) {
        (Some(Phase::Deployment), 2) => return Turn::ToldTwice,
        (Some(Phase::Deployment), 4) => return Turn::ToldBackwards,
        (Some(Phase::Finance), 6) => return Turn::ToldLate,
        _ => {}
    }
    match rng.random_range(0..100) {
        0..6 => Turn::CheckedByHand,
        6..10 => Turn::Reworked,
        10..12 => Turn::SoldOut,
        _ => Turn::Usual,
    }
}

/// The number of an order: those of a later cycle are greater.
pub fn number(cycle: i64, i: i64) -> i64 {
    20_000 + (cycle + 30) * NUMBERS + i
}

/// A time between two, in seconds, to the millisecond.
pub fn seconds(rng: &mut StdRng, least: f64, most: f64) -> Span {
    Span::from_millis(rng.random_range((least * 1000.0) as i64..=(most * 1000.0) as i64))
}

/// The story of an order, not told yet.
pub fn new_order(number: i64, at: Moment) -> Story {
    Story::new("order-to-erp", number.to_string(), format!("order/{number}"), at)
}

/// An order up to the payment.
pub fn until_paid(order: &mut Story, rng: &mut StdRng) {
    order.tell("receive-order", "succeeded", json!({}));
    order.wait(seconds(rng, 0.2, 1.0));
    order.does("validate-order", seconds(rng, 2.0, 8.0));
    order.wait(seconds(rng, 0.2, 1.0));
    order.does("reserve-stock", seconds(rng, 1.0, 5.0));
    order.wait(seconds(rng, 0.2, 1.0));
    order.does("charge-card", seconds(rng, 4.0, 18.0));
}

/// An order from its arrival to the mail that confirms it. Gives when it was confirmed, if it was.
fn order(day: Day, number: i64, at: Moment, turn: Turn, rng: &mut StdRng) -> (Vec<Planned>, Option<Moment>) {
    let mut order = new_order(number, at);
    match turn {
        Turn::CheckedByHand | Turn::Reworked | Turn::SoldOut => {
            order.tell("receive-order", "succeeded", json!({}));
            order.wait(seconds(rng, 0.2, 1.0));
            order.does("validate-order", seconds(rng, 2.0, 8.0));
            if turn == Turn::CheckedByHand {
                order.wait(seconds(rng, 1.0, 5.0));
                order.does("manual-check", seconds(rng, 20.0, 70.0));
            }
            order.wait(seconds(rng, 0.2, 1.0));
            if turn == Turn::SoldOut {
                order.tell("reserve-stock", "running", json!({}));
                order.wait(seconds(rng, 1.0, 3.0));
                let gone = Fault { code: "422", message: "nothing left of this item" };
                order.tell("reserve-stock", "cancelled", json!({"error": gone.json()}));
                return (order.end(), None);
            }
            order.does("reserve-stock", seconds(rng, 1.0, 5.0));
            if turn == Turn::Reworked {
                order.wait(seconds(rng, 2.0, 10.0));
                order.does("validate-order", seconds(rng, 2.0, 8.0));
                order.wait(seconds(rng, 0.2, 1.0));
                order.does("reserve-stock", seconds(rng, 1.0, 5.0));
            }
            order.wait(seconds(rng, 0.2, 1.0));
            order.does("charge-card", seconds(rng, 4.0, 18.0));
        }
        Turn::Usual | Turn::ToldTwice | Turn::ToldBackwards | Turn::ToldLate => until_paid(&mut order, rng),
    }
    let paid = order.now();
    order.wait(seconds(rng, 0.1, 2.0));
    order.does("create-invoice", seconds(rng, 5.0, 25.0));
    let invoiced = order.now();
    order.go_to(paid + seconds(rng, 0.1, 2.0));
    order.tell("push-to-erp", "waiting", json!({"waiting_on": "erp-sync-queue"}));
    let usual = seconds(rng, 3.0, 15.0);
    order.go_to(troubles::taken_from_queue(day, order.now(), usual));
    order.does("push-to-erp", seconds(rng, 2.0, 8.0));
    let pushed = order.now();
    order.go_to(order.now().max(invoiced) + seconds(rng, 0.2, 1.0));
    order.does("confirm-order", seconds(rng, 5.0, 30.0));
    let confirmed = order.now();
    let told = order.told();
    match turn {
        Turn::ToldTwice => {
            let twice = Planned { at: told[2].at + Span::from_secs(3), ..told[2].clone() };
            told.insert(3, twice);
        }
        Turn::ToldBackwards => told[1].at = told[2].at + Span::from_millis(1_500),
        Turn::ToldLate => {
            let mail = told.len() - 2;
            told[mail].at = told[mail].at + Span::from_minutes(6);
        }
        _ => {}
    }
    let mut planned = order.end();
    planned.extend(held(number, paid, pushed, is_booked_wrong(day, number)));
    (planned, Some(confirmed))
}

/// Whether the ERP books another total for this order than the shop has taken: one in each cycle about finance.
fn is_booked_wrong(day: Day, number: i64) -> bool {
    let cycle = (number - 20_000).div_euclid(NUMBERS) - 30;
    day.phase(cycle) == Some(Phase::Finance) && number == self::number(cycle, BOOKED_WRONG)
}

/// What shop and ERP hold of an order. Where the ERP has booked it wrong, that is put right nine minutes later.
fn held(number: i64, paid: Moment, pushed: Moment, wrong: bool) -> Vec<Planned> {
    let cents = 2_490 + number * 3_700 % 18_000;
    let record = |system: &str, source: &'static str, at: Moment, version: i64, cents: i64| {
        let event = json!({"type": "record", "id": format!("{system}-{number}-{version}"), "source": source,
            "system": system, "subject": format!("order/{number}"), "version": version, "time": at.to_string(),
            "fields": {"status": "paid", "total": cents as f64 / 100.0}});
        Planned::event(at, source, event)
    };
    let booked = if wrong { cents - 490 } else { cents };
    let mut held = vec![
        record("shop-database", "shop", paid, 1, cents),
        record("sap-business-one", "erp-sync", pushed, 1, booked),
    ];
    held.extend(wrong.then(|| record("sap-business-one", "erp-sync", pushed + Span::from_minutes(9), 2, cents)));
    held
}

/// A parcel from packing to its record in the ERP; tries again while the courier fails.
pub fn parcel(day: Day, number: i64, at: Moment, rng: &mut StdRng) -> Vec<Planned> {
    let mut parcel = Story::new("courier-booking", format!("parcel-{number}"), format!("order/{number}"), at);
    parcel.does("prepare-parcel", seconds(rng, 10.0, 40.0));
    parcel.wait(seconds(rng, 0.2, 1.0));
    parcel.does("choose-courier", seconds(rng, 1.0, 5.0));
    parcel.wait(seconds(rng, 0.2, 1.0));
    parcel.tell("book-courier", "waiting", json!({"waiting_on": "courier-queue"}));
    parcel.wait(seconds(rng, 1.0, 8.0));
    let mut attempt = 1;
    while let Some(fault) = troubles::courier_fault(day, parcel.now()) {
        let wait = Span::from_secs(60 << (attempt - 1).min(4));
        parcel.tries_badly("book-courier", attempt, seconds(rng, 0.5, 1.5), fault, Some(wait));
        parcel.wait(wait);
        parcel.wait(seconds(rng, 0.1, 0.9));
        attempt += 1;
    }
    parcel.tries_well("book-courier", attempt, seconds(rng, 1.0, 5.0));
    let booked = parcel.now();
    parcel.wait(seconds(rng, 0.5, 2.0));
    parcel.does("print-label", seconds(rng, 5.0, 20.0));
    let printed = parcel.now();
    parcel.go_to(booked + seconds(rng, 0.5, 2.0));
    parcel.does("send-tracking", seconds(rng, 5.0, 30.0));
    parcel.go_to(parcel.now().max(printed) + seconds(rng, 0.2, 1.0));
    parcel.does("record-shipment", seconds(rng, 3.0, 10.0));
    parcel.end()
}

/// What is different about one stock update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockTurn {
    /// Nothing.
    Usual,
    /// It finds the warehouse database only at the second try.
    TriedTwice,
    /// The shop takes all items but a few; somebody sends these five minutes later.
    SomeItems,
}

/// How long the shop usually takes for new numbers of stock, in seconds.
pub const SHOP_TAKES: (f64, f64) = (3.0, 9.0);

/// How long it takes in a cycle: for more than an hour before the start and a while after it, and again every three
/// hours, much longer than usual.
fn shop_takes(cycle: i64) -> (f64, f64) {
    match (cycle + 9).rem_euclid(26) {
        0..11 => (32.0, 48.0),
        _ => SHOP_TAKES,
    }
}

/// Whether what the finance office tells arrives backwards: for an hour around the start, and again later.
fn arrives_backwards(cycle: i64) -> bool {
    (cycle + 6).rem_euclid(16) < 10
}

/// Lets the start of each step that starts and ends be told just after its end.
fn tell_ends_first(told: &mut [Planned]) {
    let of = |planned: &Planned| match &planned.what {
        What::Told(_, event) => Some((event["step"].clone(), event["state"].clone())),
        What::Tries(_) => None,
    };
    for i in 1..told.len() {
        if let (Some((started, running)), Some((ended, succeeded))) = (of(&told[i - 1]), of(&told[i]))
            && started == ended
            && running == "running"
            && succeeded == "succeeded"
        {
            told[i - 1].at = told[i].at + Span::from_millis(1_200);
        }
    }
}

/// A stock update, with how long the shop takes at least and at most.
pub fn stock_update(
    number: i64,
    at: Moment,
    turn: StockTurn,
    (least, most): (f64, f64),
    rng: &mut StdRng,
) -> Vec<Planned> {
    let mut update = Story::new("stock-sync", format!("stock-{number}"), "warehouse/main".to_owned(), at);
    let read = seconds(rng, 2.0, 8.0);
    match turn {
        StockTurn::TriedTwice => {
            let fault = Fault { code: "timeout", message: "the warehouse database did not answer in 30 s" };
            update.tries_badly("read-warehouse-stock", 1, read, fault, Some(Span::from_secs(10)));
            update.wait(Span::from_millis(10_200));
            update.tries_well("read-warehouse-stock", 2, seconds(rng, 2.0, 6.0));
        }
        StockTurn::Usual | StockTurn::SomeItems => update.does("read-warehouse-stock", read),
    }
    update.wait(seconds(rng, 0.1, 0.5));
    update.does("subtract-reservations", seconds(rng, 1.0, 4.0));
    update.wait(seconds(rng, 0.1, 0.5));
    let took = seconds(rng, least, most);
    match turn {
        StockTurn::SomeItems => {
            update.tell("update-shop-stock", "running", json!({"attempt": 1}));
            update.wait(took);
            let failed: Vec<String> = (1..=3).map(|n| format!("item 40-{}", number * 3 % 900 + n)).collect();
            let fault = Fault { code: "207", message: "partial: some items are locked by an open count" };
            let remainder = json!({"done": 97, "total": 100, "failed": failed});
            update.tell(
                "update-shop-stock",
                "partial",
                json!({"attempt": 1, "remainder": remainder, "error": fault.json()}),
            );
            update.wait(Span::from_minutes(5));
            update.tries_well("update-shop-stock", 2, seconds(rng, 1.0, 3.0));
        }
        StockTurn::Usual | StockTurn::TriedTwice => update.does("update-shop-stock", took),
    }
    update.wait(seconds(rng, 0.1, 0.5));
    update.does("mark-sold-out", seconds(rng, 1.0, 4.0));
    update.end()
}

/// When the ERP refuses an invoice, and when somebody has entered it by hand.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    /// When it is refused.
    pub at: Moment,
    /// When it is entered by hand.
    pub by_hand: Moment,
}

/// An invoice of a supplier from the mailbox to the answer. `pace` stretches how long people take.
pub fn invoice(number: i64, at: Moment, pace: f64, refusal: Option<Refusal>, rng: &mut StdRng) -> Vec<Planned> {
    let number = 5_000 + number;
    let mut invoice =
        Story::new("supplier-invoice-approval", format!("invoice-{number}"), format!("supplier-invoice/{number}"), at);
    let mut took = |least: f64, most: f64| seconds(rng, least * pace, most * pace);
    invoice.does("receive-invoice-mail", took(5.0, 20.0));
    invoice.wait(took(1.0, 10.0));
    invoice.does("read-invoice", took(10.0, 40.0));
    invoice.wait(took(1.0, 10.0));
    invoice.does("match-purchase-order", took(10.0, 60.0));
    let matched = invoice.now();
    invoice.wait(took(1.0, 5.0));
    invoice.tell("enter-in-cost-sheet", "waiting", json!({"waiting_on": "the accounts clerk"}));
    invoice.wait(took(60.0, 300.0));
    // With its number: whoever watches may have checked it in before, and that is the same try.
    invoice.tell("enter-in-cost-sheet", "succeeded", json!({"attempt": 1}));
    let entered = invoice.now();
    invoice.go_to(matched + took(1.0, 5.0));
    invoice.does("check-bank-details", took(60.0, 240.0));
    invoice.go_to(invoice.now().max(entered) + took(1.0, 5.0));
    invoice.tell("approve-invoice", "waiting", json!({"waiting_on": "the budget owner"}));
    invoice.wait(took(240.0, 1_200.0));
    invoice.tell("approve-invoice", "succeeded", json!({"attempt": 1}));
    invoice.wait(took(1.0, 5.0));
    match refusal {
        Some(refusal) => {
            invoice.go_to(refusal.at);
            let fault = Fault { code: "503", message: "SAP Business One did not take the invoice: session limit" };
            invoice.tries_badly("post-invoice", 1, Span::from_millis(900), fault, None);
            invoice.go_to(refusal.by_hand);
            invoice.tries_well("post-invoice", 2, took(20.0, 60.0));
        }
        None => invoice.does("post-invoice", took(5.0, 15.0)),
    }
    invoice.wait(took(1.0, 5.0));
    invoice.does("answer-supplier", took(30.0, 180.0));
    invoice.end()
}

/// What the queues report at a moment; they do so every so many seconds.
fn queues(day: Day, at: Moment, every: i64, rng: &mut StdRng) -> Vec<Planned> {
    let come = every * ORDERS.0 * 1000 / CYCLE.millis();
    let report = |queue: &str, source, (depth, oldest): (i64, Moment), come: i64, gone: i64| {
        let oldest = (depth > 0).then(|| oldest.to_string());
        let event = json!({"type": "queue", "queue": queue, "depth": depth, "oldest_at": oldest, "in": come,
            "out": gone, "source": source, "time": at.to_string()});
        Planned::event(at, source, event)
    };
    let few = |rng: &mut StdRng, most: i64| (rng.random_range(0..=most), at - seconds(rng, 1.0, 9.0));
    let (orders, taken) = match troubles::orders_waiting(day, at) {
        Some((depth, oldest)) => {
            let before = troubles::orders_waiting(day, at - Span::from_secs(every)).map_or(0, |(depth, _)| depth);
            ((depth, oldest), (before + come - depth).max(0))
        }
        None => (few(rng, 3), come),
    };
    let parcels = few(rng, if troubles::courier_fault(day, at).is_some() { 8 } else { 2 });
    let (mails, came, gone) = match troubles::newsletter_waiting(day, at) {
        Some((depth, sent_at)) => {
            let before = troubles::newsletter_waiting(day, at - Span::from_secs(every)).map_or(0, |(depth, _)| depth);
            let new = if before == 0 { troubles::NEWSLETTER } else { 0 };
            ((depth, sent_at), come + new, come + before + new - depth)
        }
        None => (few(rng, 11), come, come),
    };
    vec![
        report("erp-sync-queue", "erp-sync", orders, come, taken),
        report("courier-queue", "courier-worker", parcels, come, come),
        report("mail-queue", "mailer", mails, came, gone),
    ]
}
