//! How long the oldest waited in a queue over time, with its limit; or how many waited, where no age is told.

use std::fmt::Write;

use leptos::prelude::*;

use super::ink;
use super::times::when;
use crate::model::book::Limits;
use crate::model::moment::{Moment, Span};
use crate::model::queue::Level;
use crate::model::verdict::count_of;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 140.0;
const PAD: f64 = 4.0;

/// Between reports further apart than this nothing is known, and no line is drawn.
const GAP: Span = Span::from_minutes(10);

/// A row of the table is this long.
const ROW_MINUTES: i64 = 5;

/// What the chart shows of each sample.
struct Measure {
    name: &'static str,
    value: fn(&Level) -> Option<f64>,
    words: fn(f64) -> String,
    limit: Option<f64>,
}

impl Measure {
    fn of(samples: &[Level], limits: &Limits) -> Self {
        match samples.iter().any(|s| s.oldest_at.is_some()) {
            true => Self {
                name: "Oldest waiting",
                value: |s| s.age().map(|age| age.millis().max(0) as f64),
                words: |millis| {
                    if millis < 1.0 { "nothing".to_owned() } else { Span::from_millis(millis as i64).words() }
                },
                limit: limits.oldest.map(|limit| limit.millis() as f64),
            },
            false => Self {
                name: "Waiting",
                value: |s| Some(s.depth as f64),
                words: |depth| count_of(depth as i64, "").trim_end().to_owned(),
                limit: limits.depth.map(|limit| limit as f64),
            },
        }
    }
}

/// The chart and the same facts as a table in `<details>`; nothing before there are two samples.
pub fn queue_chart(samples: &[Level], limits: &Limits) -> AnyView {
    let [first, .., last] = samples else { return ().into_any() };
    let measure = Measure::of(samples, limits);
    let points: Vec<(Moment, f64)> = samples.iter().filter_map(|s| Some((s.at, (measure.value)(s)?))).collect();
    let Some(highest) = points.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)) else { return ().into_any() };
    let top = highest.1.max(measure.limit.unwrap_or(0.0)).max(1.0) * 1.1;
    let whole = last.at.since(first.at).millis().max(1) as f64;
    let x = |at: Moment| PAD + at.since(first.at).millis() as f64 / whole * (WIDTH - 2.0 * PAD);
    let y = |value: f64| HEIGHT - PAD - value / top * (HEIGHT - 2.0 * PAD);
    let mut curve = String::new();
    let mut before: Option<Moment> = None;
    for (at, value) in &points {
        let goes_on = before.is_some_and(|before| at.since(before) <= GAP);
        // Writing to a String cannot fail. A point alone is a line of no length, drawn as a dot by its round end.
        let _ = match goes_on {
            true => write!(curve, "L{:.1} {:.1}", x(*at), y(*value)),
            false => write!(curve, "M{:.1} {:.1}h0", x(*at), y(*value)),
        };
        before = Some(*at);
    }
    let limit = measure.limit.map(|limit| {
        view! { <line class="limit" x1=PAD x2=WIDTH - PAD y1=format!("{:.1}", y(limit)) y2=format!("{:.1}", y(limit))/> }
    });
    let sentence = sentence(&measure, &points, highest);
    let key = measure.limit.map(|limit| {
        view! {
            <span>
                <svg class="key" viewBox="0 0 36 8" aria-hidden="true"><line class="limit" x1="0" x2="36" y1="4" y2="4"/></svg>
                {format!("limit {}", (measure.words)(limit))}
            </span>
        }
    });
    view! {
        <figure class="chart">
            <figcaption>{sentence.clone()}" "{key}</figcaption>
            <svg role="img" aria-label=sentence viewBox=format!("0 0 {WIDTH} {HEIGHT}")>
                <line class="axis" x1=PAD x2=WIDTH - PAD y1=HEIGHT - PAD y2=HEIGHT - PAD/>
                {limit}
                <path class="curve" d=curve/>
            </svg>
            <p class="ends"><span>{when(first.at)}</span><span>{when(last.at)}</span></p>
            {table(samples)}
        </figure>
    }
    .into_any()
}

/// `Oldest waiting, 02:00 to 05:00: 12 min now, at most 47 min at 03:10; its limit is 15 min.`
fn sentence(measure: &Measure, points: &[(Moment, f64)], highest: (Moment, f64)) -> String {
    let ink = ink();
    let time = |at: Moment| at.words(ink.now, &ink.zone);
    let [(from, _), .., (to, now)] = points else { return measure.name.to_owned() };
    let limit = measure.limit.map(|limit| format!("; its limit is {}", (measure.words)(limit))).unwrap_or_default();
    format!(
        "{}, {} to {}: {} at the end, at most {} at {}{limit}.",
        measure.name,
        time(*from),
        time(*to),
        (measure.words)(*now),
        (measure.words)(highest.1),
        time(highest.0),
    )
}

/// The samples, five minutes a row.
fn table(samples: &[Level]) -> AnyView {
    let number = |n: Option<i64>| n.map(|n| count_of(n, "").trim_end().to_owned());
    let row = |part: &[Level]| {
        let level = part.iter().copied().reduce(Level::joined)?;
        let oldest = level.oldest_at.and_then(|_| level.age()).map(Span::words);
        Some(view! {
            <tr>
                <th scope="row">{when(level.at)}</th>
                <td>{number(Some(level.depth))}</td>
                <td>{oldest}</td>
                <td>{number(level.arrived)}</td>
                <td>{number(level.departed)}</td>
            </tr>
        })
    };
    let rows: Vec<_> =
        samples.chunk_by(|a, b| a.minute() / ROW_MINUTES == b.minute() / ROW_MINUTES).filter_map(row).collect();
    view! {
        <details>
            <summary>"As a table"</summary>
            <table>
                <thead><tr><th>"At"</th><th>"Waiting"</th><th>"Oldest"</th><th>"In"</th><th>"Out"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(minute: i64, depth: i64, waited: i64) -> Level {
        let at = Moment::default() + Span::from_minutes(minute);
        let oldest_at = (depth > 0 && waited > 0).then(|| at - Span::from_minutes(waited));
        Level { at, depth, oldest_at, arrived: Some(2), departed: Some(1) }
    }

    #[test]
    fn the_chart_says_what_it_shows_and_breaks_where_nothing_was_heard() {
        let samples = [level(0, 3, 2), level(1, 4, 47), level(30, 2, 12), level(31, 0, 0)];
        let limits = Limits { depth: None, oldest: Some(Span::from_minutes(15)) };
        let html = queue_chart(&samples, &limits).to_html();
        let says = "Oldest waiting, 00:00 to 00:31: nothing at the end, at most 47 min at 00:01; its limit is 15 min.";
        assert!(html.contains(&format!("aria-label=\"{says}\"")), "{html}");
        assert_eq!(html.split_once(" d=\"").unwrap().1.split('"').next().unwrap().matches('M').count(), 2);
        assert!(html.contains("class=\"limit\"") && html.contains("As a table"));
        assert!(!html.contains("style="));
    }

    #[test]
    fn where_no_age_is_told_it_shows_how_many_wait() {
        let html = queue_chart(&[level(0, 3, 0), level(1, 1_400, 0)], &Limits::default()).to_html();
        assert!(html.contains("Waiting, 00:00 to 00:01: 1,400 at the end"), "{html}");
        assert!(!html.contains("limit"));
    }
}
