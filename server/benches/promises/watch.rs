//! The watch under load: a million runs stored, fifty thousand open, and deadlines that pass while events come in.

use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::portal::Portal;
use crate::table::{Goal, Table};
use crate::{ASKED, ask, percentile};

/// Runs that have ended.
const ENDED: usize = 950_000;
/// Runs that are open and in time.
const IN_TIME: usize = 45_000;
/// Runs that become late while it is measured.
const LATE: usize = 5_000;
/// How long that takes.
const WINDOW: Duration = Duration::from_secs(10);
/// Events a second meanwhile.
const RATE: usize = 5_000;

/// Steps of the nightly job of the example book with what they may take, in minutes.
const STEPS: [(&str, i64); 5] = [
    ("open-day", 2),
    ("read-shop-orders", 10),
    ("read-erp-orders", 15),
    ("compare-orders", 10),
    ("write-differences", 5),
];

/// How far the judge falls behind, when a problem is seen, and what Now costs with all that.
pub fn measure(table: &mut Table, scale: usize) {
    let portal = Portal::start();
    let time = Timestamp::now().as_millisecond();
    send(&portal, 0..ENDED / scale, |n| line(&format!("ended-{n}"), None, "succeeded", time));
    send(&portal, 0..IN_TIME / scale, |n| line(&format!("open-{n}"), Some("create-invoice"), "running", time));
    behind(&portal, table, scale);
    appears(&portal, table);
    for path in ["/", "/api/v1/now"] {
        let mut connection = portal.connect();
        let mut took: Vec<_> = (0..ASKED).map(|_| ask(&mut connection, path)).collect();
        let name = format!("GET {path}, 1,000,000 runs, 50,000 open, 5,000 late, p99");
        table.row(&name, percentile(&mut took, 0.99), "ms", Goal::AtMost(10.0));
    }
}

/// How long after its deadline the last run is judged late, while events come in.
fn behind(portal: &Portal, table: &mut Table, scale: usize) {
    let late = LATE / scale;
    let begin = Timestamp::now().as_millisecond() + 3_000;
    let due = |n: usize| begin + (n as i64 * WINDOW.as_millis() as i64) / late as i64;
    // The step may take a minute.
    send(portal, 0..late, |n| line(&format!("late-{n}"), Some("receive-order"), "running", due(n) - 60_000));
    let end = begin + WINDOW.as_millis() as i64;
    let (worst, rate) = thread::scope(|scope| {
        let load = scope.spawn(|| load(portal, begin, end, scale));
        let mut worst = 0.0f64;
        loop {
            let asked = Timestamp::now().as_millisecond();
            let judged = portal.number("/api/v1/workflows/order-to-erp", "/steps/0/late") as usize;
            // The oldest of those that are due and not judged has waited for this long.
            if judged < late && due(judged) < asked {
                worst = worst.max((asked - due(judged)) as f64 / 1_000.0);
            }
            if judged >= late {
                break;
            }
            assert!(asked < end + 60_000, "{judged} of {late} were judged late");
            thread::sleep(Duration::from_millis(50));
        }
        (worst, load.join().expect("the load was taken"))
    });
    table.row(
        "events taken while 500 a second become late",
        rate,
        "events/s",
        Goal::AtLeast(0.95 * (RATE / scale) as f64),
    );
    table.row("the judge is behind its deadlines by at most", worst, "s", Goal::AtMost(1.0));
}

/// Sends events at an even rate; gives the rate that came about.
fn load(portal: &Portal, begin: i64, end: i64, scale: usize) -> f64 {
    let mut connection = portal.connect();
    let each = Duration::from_millis(100);
    let size = RATE / scale / 10;
    wait_until(begin);
    let began = Instant::now();
    let mut sent = 0;
    while Timestamp::now().as_millisecond() < end {
        let time = Timestamp::now().as_millisecond();
        let body: String = (sent..sent + size)
            .map(|n| {
                let state = if n % 2 == 0 { "running" } else { "succeeded" };
                event("courier-booking", &format!("load-{}", n / 2), Some("prepare-parcel"), state, time)
            })
            .collect();
        assert_eq!(connection.post(&portal.token, "application/x-ndjson", body.as_bytes()).0, 202, "it was refused");
        sent += size;
        let due = each * (sent / size) as u32;
        thread::sleep(due.saturating_sub(began.elapsed()));
    }
    sent as f64 / began.elapsed().as_secs_f64()
}

/// How long after its moment a problem is there.
fn appears(portal: &Portal, table: &mut Table) {
    let mut worst = 0.0f64;
    for (step, minutes) in STEPS {
        let due = Timestamp::now().as_millisecond() + 700;
        send(portal, 0..1, |_| event("nightly-reconcile", step, Some(step), "running", due - minutes * 60_000));
        wait_until(due);
        loop {
            let (_, body) = portal.connect().get("/api/v1/problems?open=1");
            if String::from_utf8_lossy(&body).contains(&format!("\"{step}\"")) {
                break;
            }
            assert!(Timestamp::now().as_millisecond() < due + 30_000, "the problem at {step} never came");
            thread::sleep(Duration::from_millis(10));
        }
        worst = worst.max((Timestamp::now().as_millisecond() - due) as f64 / 1_000.0);
    }
    table.row("a problem is there after its moment, worst of 5", worst, "s", Goal::AtMost(1.0));
}

fn wait_until(moment: i64) {
    let left = moment - Timestamp::now().as_millisecond();
    thread::sleep(Duration::from_millis(left.max(0) as u64));
}

/// Sends lines, many at a time.
fn send(portal: &Portal, numbers: std::ops::Range<usize>, line: impl Fn(usize) -> String) {
    let mut connection = portal.connect();
    let mut at = numbers.start;
    while at < numbers.end {
        let next = numbers.end.min(at + 50_000);
        let body: String = (at..next).map(&line).collect();
        assert_eq!(connection.post(&portal.token, "application/x-ndjson", body.as_bytes()).0, 202, "it was refused");
        at = next;
    }
}

fn line(run: &str, step: Option<&str>, state: &str, time: i64) -> String {
    event("order-to-erp", run, step, state, time)
}

/// One event as a line; of the run as a whole without a step.
fn event(workflow: &str, run: &str, step: Option<&str>, state: &str, time: i64) -> String {
    let step = step.map(|step| format!(r#""step":"{step}","#)).unwrap_or_default();
    let time = Timestamp::from_millisecond(time).expect("a moment of today");
    format!(
        "{{\"workflow\":\"{workflow}\",\"run\":\"{run}\",{step}\"state\":\"{state}\",\"time\":\"{time}\",\"source\":\"bench\"}}\n"
    )
}
