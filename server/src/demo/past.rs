//! The past of the example company: what a portal that has been running for months knows when the demo is opened.
//!
//! Every line is written by the action that a running portal uses, with the time at which it would have been heard.
//! Posting it all now would truthfully mark every line of it as late.

use std::collections::HashMap;

use app::model::answer::Answer;
use app::model::book::Book;
use app::model::event::Event;
use app::model::hourly::{HOUR, begin};
use app::model::moment::{Moment, Span};
use app::model::pause::Pause;
use app::model::problem::Where;
use app::model::review::seen;
use app::model::schedule::{parse_cron, zone};
use app::model::status::Role;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::company::{BOOKED_WRONG, SHOP_TAKES, StockTurn, number, seconds, stock_update};
use super::place::Place;
use super::plan::{Plan, Planned, What};
use super::sample;
use super::story::{SOURCES, Story};
use super::troubles::RUNNING;
use crate::actions::add_report::add_report;
use crate::actions::answer_review::{Review, answer_review};
use crate::actions::create_token::{Scope, create_token};
use crate::actions::create_user::demo_account;
use crate::actions::import_book::{Files, import_book};
use crate::actions::pause::pause;
use crate::actions::record_events::{Arrival, record_events};
use crate::book;
use crate::db::Db;
use crate::store::reports::NewReport;
use crate::world::{AlreadyRead, Worlds};

const DAY: Span = Span::from_minutes(24 * 60);

/// How many days ago things happened.
const BOOK_FIRST_READ: i64 = 220;
const REVIEWED_LONG_AGO: i64 = 190;
const RUNBOOK_EDITED: i64 = 12;
const REVIEWED: i64 = 6;

/// The runbook whose next review is overdue, and the one that nobody ever looked at.
const OVERDUE: &str = "supplier-invoice-waiting";
const NEVER_REVIEWED: &str = "nightly-reconcile-did-not-run";

/// How many nights the nightly job ran before the one in which it did not.
const NIGHTS: i64 = 6;

/// How many days, hours of each and stock updates in each hour make the usual.
const DAYS: i64 = 7;
const HOURS: i64 = 3;
const UPDATES: i64 = 40;

/// The past is recorded in pieces of this length, so that each source is known to speak at least that often.
const PIECE: Span = Span::from_minutes(5);

/// Makes the past, up to the start of the plan. Gives the token of each source.
///
/// # Errors
/// A sentence for the person who starts the demo.
pub async fn make(
    place: &Place,
    database_url: &str,
    zone: &str,
    plan: &mut Plan,
) -> Result<HashMap<&'static str, String>, String> {
    sample::copy(place, zone)?;
    let edit = sample::before_the_edit(place)?;
    let db = Db::open(database_url).await.map_err(|e| e.to_string())?;
    let made = async {
        let past = Past { db: &db, place, worlds: Worlds::default(), start: plan.start() };
        for role in Role::ALL {
            demo_account(&db, role, past.days_ago(BOOK_FIRST_READ)).await.map_err(not_made)?;
        }
        past.read_book(BOOK_FIRST_READ).await?;
        past.review(REVIEWED_LONG_AGO, |slug| slug == OVERDUE).await?;
        edit(place)?;
        past.read_book(RUNBOOK_EDITED).await?;
        past.deploy().await?;
        past.review(REVIEWED, |slug| ![OVERDUE, NEVER_REVIEWED].contains(&slug)).await?;
        past.days().await?;
        past.nights().await?;
        past.play(plan).await?;
        past.pause().await?;
        past.somebody_says().await?;
        let mut tokens = HashMap::new();
        for source in SOURCES {
            let token = create_token(&db, source, Scope::Ingest, past.start).await.map_err(|e| e.to_string())?;
            tokens.insert(source, token);
        }
        Ok(tokens)
    }
    .await;
    db.close().await;
    made
}

fn not_made(error: sqlx::Error) -> String {
    format!("the past of the demo cannot be written: {error}")
}

struct Past<'a> {
    db: &'a Db,
    place: &'a Place,
    worlds: Worlds,
    start: Moment,
}

impl Past<'_> {
    fn days_ago(&self, days: i64) -> Moment {
        self.start - Span::from_millis(days * DAY.millis())
    }

    /// The portal reads the book as it is in the folder.
    async fn read_book(&self, days_ago: i64) -> Result<(), String> {
        let reading = book::read(&self.place.book()).map_err(|e| e.to_string())?;
        let now = self.days_ago(days_ago);
        let turn = self.worlds.turn().await;
        import_book(self.db, &reading.book, &reading.runbooks, &Files::default(), now).await.map_err(not_made)?;
        let already = AlreadyRead { files: &reading.runbooks, ..AlreadyRead::default() };
        turn.use_book(self.db, reading.book, already).await.map_err(not_made)
    }

    /// The editor reviews every section of some runbooks, and pins what is there to see.
    async fn review(&self, days_ago: i64, which: impl Fn(&str) -> bool) -> Result<(), String> {
        let world = self.worlds.now();
        // A document without any link cannot become wrong by evidence: nobody was ever asked about it.
        let linked = world.documents.values().filter(|d| d.spoken.iter().any(|spoken| !spoken.is_empty()));
        let mut now = self.days_ago(days_ago);
        for document in linked.filter(|d| which(&d.record.slug)) {
            for (number, section) in document.outline.sections.iter().enumerate() {
                now = now + Span::from_secs(40);
                let review = Review {
                    slug: &document.record.slug,
                    read: document.record.version,
                    newest_version: document.record.version,
                    section: &section.anchor,
                    answer: Answer::Reviewed,
                    flag: None,
                    until: None,
                    assignee: None,
                    words: "",
                    two_reviewers: false,
                    seen: seen(&document.outline.sections[number].print, &document.spoken[number], world.present()),
                    by: "demo-editor",
                    address: "127.0.0.1",
                };
                answer_review(self.db, review, now).await.map_err(not_made)?;
            }
        }
        Ok(())
    }

    /// What runs was deployed, and was running when the runbooks were reviewed. Weeks without a deployment are usual,
    /// so that their source is not called silent.
    async fn deploy(&self) -> Result<(), String> {
        let deployed = |days: i64, component: &str, version: &str, what: &str| {
            let at = self.days_ago(days);
            let event = json!({"type": "change", "id": format!("{component}-{version}"), "source": "deployments",
                "component": component, "version": version, "what": what, "time": at.to_string()});
            Planned::event(at, "deployments", event)
        };
        let events = [
            deployed(24, "shop-backend", "5.31.0", "Faster search"),
            deployed(9, "courier-worker", "3.7.2", "Reads the new columns of the rates sheet"),
            deployed(8, "erp-sync-worker", RUNNING, "Logs why an order is held"),
        ];
        for event in events {
            self.record(vec![event]).await?;
        }
        self.worlds.try_reload(self.db).await.map_err(not_made)
    }

    /// Somebody has paused a workflow half an hour ago; the pause ends by itself while one watches, and what is wrong with
    /// it is told then.
    async fn pause(&self) -> Result<(), String> {
        let target = Where::Workflow("stock-sync".to_owned());
        let paused = Pause {
            id: 0,
            target,
            reason: "The shop moves to new article numbers".to_owned(),
            by: "demo-operator".to_owned(),
            from: self.start - Span::from_minutes(35),
            until: self.start + Span::from_minutes(3),
            ended: None,
        };
        pause(self.db, &self.worlds.book(), "stock-sync", &paused, "127.0.0.1").await.map_err(not_made)?;
        Ok(())
    }

    /// On each of the last days stock was brought to the shop at this hour as always: more than twice as often as today,
    /// and faster. That is the usual which today differs from.
    async fn days(&self) -> Result<(), String> {
        let mut rng = StdRng::seed_from_u64(self.start.millis() as u64);
        let mut number = 0;
        for day in (1..=DAYS).rev() {
            let mut planned = Vec::new();
            for hour in 0..HOURS {
                let begin = begin(self.days_ago(day), HOUR) - Span::from_minutes(60 * hour);
                for n in 0..UPDATES {
                    number += 1;
                    let at = begin + Span::from_millis(n * HOUR.millis() / UPDATES);
                    planned.extend(stock_update(number, at, StockTurn::Usual, SHOP_TAKES, &mut rng));
                }
            }
            planned.sort_by_key(|planned| planned.at);
            self.record(planned).await?;
        }
        Ok(())
    }

    /// The nightly job ran every night but the last: nothing was heard of that one.
    async fn nights(&self) -> Result<(), String> {
        let book = self.worlds.book();
        let nights = nights_before(&book, self.start)?;
        let mut rng = StdRng::seed_from_u64(self.start.millis() as u64);
        for (started, day) in nights {
            self.record(night(started, &day, &mut rng)).await?;
        }
        Ok(())
    }

    /// The last hours, from the plan.
    async fn play(&self, plan: &mut Plan) -> Result<(), String> {
        let mut until = plan.next_at() + PIECE;
        loop {
            let until_now = until.min(self.start);
            self.record(std::iter::from_fn(|| plan.next_until(until_now)).collect()).await?;
            if until >= self.start {
                return Ok(());
            }
            until = until + PIECE;
        }
    }

    /// The order desk has noticed what the ERP booked wrong, before it was put right. Nobody has answered yet.
    async fn somebody_says(&self) -> Result<(), String> {
        // The last cycle about finance before the start.
        let subject = format!("order/{}", number(-3, BOOKED_WRONG));
        let new = NewReport {
            run: None,
            subject: Some(&subject),
            words: "The customer says that the invoice shows another amount than the shop did.",
            said_by: "demo-viewer",
            said_at: self.start - Span::from_minutes(12),
        };
        add_report(self.db, &new, "127.0.0.1").await.map(drop).map_err(not_made)
    }

    async fn record(&self, planned: Vec<Planned>) -> Result<(), String> {
        let mut arrivals = Vec::with_capacity(planned.len());
        for Planned { at, what } in planned {
            let What::Told(source, event) = what else { continue };
            let event =
                Event::parse(event, source, at).map_err(|e| format!("the demo's own {}: {}", e.field, e.detail))?;
            arrivals.push(Arrival { events: vec![event], refused: Vec::new(), received_at: at });
        }
        record_events(self.db, &self.worlds.book(), &arrivals).await.map_err(not_made)?;
        Ok(())
    }
}

/// When the nightly job started in the nights before the last one, oldest first, and the day it was for.
fn nights_before(book: &Book, now: Moment) -> Result<Vec<(Moment, String)>, String> {
    let Some(expect) = book.workflows.get("nightly-reconcile").map(|w| &w.expect) else { return Ok(Vec::new()) };
    let Some(line) = &expect.start_at else { return Ok(Vec::new()) };
    let cron = parse_cron(line)?;
    let zone = zone(expect);
    let mut nights = Vec::new();
    let mut before = now.zoned(&zone);
    for night in 0..=NIGHTS {
        before = cron.find_previous_occurrence(&before, night == 0).map_err(|e| e.to_string())?;
        let day = before.date().yesterday().map_err(|e| e.to_string())?;
        nights.push((Moment::from_millis(before.timestamp().as_millisecond()), day.to_string()));
    }
    nights.remove(0);
    nights.reverse();
    Ok(nights)
}

/// One night of the job that compares shop and ERP.
fn night(started: Moment, day: &str, rng: &mut StdRng) -> Vec<Planned> {
    let at = started + seconds(rng, 0.5, 4.0);
    let mut night = Story::new("nightly-reconcile", format!("night-{day}"), format!("business-day/{day}"), at);
    night.does("open-day", seconds(rng, 2.0, 9.0));
    let opened = night.now();
    night.wait(seconds(rng, 0.2, 1.0));
    night.does("read-shop-orders", seconds(rng, 120.0, 300.0));
    let shop = night.now();
    night.go_to(opened + seconds(rng, 1.1, 2.0));
    night.does("read-erp-orders", seconds(rng, 300.0, 600.0));
    night.go_to(night.now().max(shop) + seconds(rng, 0.5, 2.0));
    night.does("compare-orders", seconds(rng, 60.0, 240.0));
    night.wait(seconds(rng, 0.2, 1.0));
    night.does("write-differences", seconds(rng, 5.0, 30.0));
    night.wait(seconds(rng, 0.2, 1.0));
    night.does("publish-report", seconds(rng, 5.0, 30.0));
    night.wait(seconds(rng, 0.2, 1.0));
    night.does("tell-finance", seconds(rng, 2.0, 20.0));
    night.tell_run("reconcile-job", "succeeded", Value::Null);
    night.end()
}
