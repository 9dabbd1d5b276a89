//! Sources: which are silent, and which tell their events out of order.

use std::collections::BTreeSet;

use app::model::moment::{Moment, Span};
use app::model::problem::Claim;
use app::model::reference::Reference;
use app::model::source::{self, Expected, Hour, Source, hour};

use crate::App;
use crate::store::sources::{self, HourTally, SourceRecord};
use crate::world::World;

/// A source that was heard of, or that the book expects to hear of.
#[derive(Debug)]
pub struct Standing {
    /// Its name.
    pub id: String,
    /// What was heard; none when nothing ever was.
    pub record: Option<SourceRecord>,
    /// What is expected of it.
    pub expected: Expected,
    /// What was heard in this hour and the two before, the newest first.
    pub hours: [Hour; 3],
    /// What is wrong with it.
    pub claims: Vec<Claim>,
}

/// What is wrong with sources at `now`.
///
/// # Errors
/// What the database says.
pub async fn claims(app: &App, world: &World, now: Moment) -> sqlx::Result<Vec<Claim>> {
    Ok(all(app, world, now).await?.into_iter().flat_map(|standing| standing.claims).collect())
}

/// How every source stands, by name.
///
/// # Errors
/// What the database says.
pub async fn all(app: &App, world: &World, now: Moment) -> sqlx::Result<Vec<Standing>> {
    let pool = app.db.read();
    let heard = sources::all(pool).await?;
    let this = hour(now);
    let hours = sources::hours_since(pool, this - 2).await?;
    let known: BTreeSet<&str> = heard.iter().map(|s| s.id.as_str()).collect();
    let reporters = world.book.components.values().filter_map(|c| Some((c, c.reports.as_ref()?)));
    let never: Vec<String> = reporters
        .filter(|(c, r)| r.every.is_some() && !known.contains(r.source(c)))
        .map(|(c, r)| r.source(c).to_owned())
        .collect();
    let each = heard.iter().map(|s| (s.id.clone(), Some(s))).chain(never.into_iter().map(|id| (id, None)));
    let mut standings: Vec<Standing> = each
        .map(|(id, record)| {
            let of = |before: i64| {
                let HourTally { events, reordered, disorder_at } =
                    hours.get(&(id.clone(), this - before)).copied().unwrap_or_default();
                Hour { events, reordered, disorder_at: disorder_at.map(Moment::from_millis) }
            };
            let hours = [of(0), of(1), of(2)];
            let pause = Span::from_millis(record.map_or(0, |r| r.longest_pause));
            let expected = Expected::of(&world.book, &id, pause);
            let moment = Moment::from_millis;
            let known = Source {
                id: &id,
                expected,
                heard: record.map(|r| (moment(r.first_heard_at), moment(r.last_heard_at))),
                expected_from: expected_from(world, &id),
                hours,
            };
            let claims = source::claims(&known, now, &app.config.zone());
            Standing { record: record.cloned(), expected, hours, claims, id }
        })
        .collect();
    standings.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(standings)
}

/// Since when the book expects something of a source.
fn expected_from(world: &World, source: &str) -> Moment {
    let reporter = world.book.reporter(source);
    let known = |c: &app::model::book::Component| world.known_since.get(&Reference::Component(c.id.clone())).copied();
    reporter.and_then(known).unwrap_or_default()
}
