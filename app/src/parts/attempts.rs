//! The attempts of a step on a time axis: those made are filled, those planned are hollow.

use leptos::prelude::*;

use super::ink;
use super::times::{length, seconds, when};
use crate::model::moment::Moment;
use crate::pages::run::VisitRow;

const WIDTH: f64 = 640.0;
const PAD: f64 = 10.0;
const LINE: f64 = 15.0;

/// The strip and the same facts as a table in `<details>`; nothing for a step that needed one try and is done.
pub fn attempts(visit: &VisitRow) -> AnyView {
    let planned = visit.next_attempt_at;
    if visit.attempts.len() < 2 && planned.is_none() {
        return ().into_any();
    }
    let now = ink().now;
    let start = visit.attempts.first().map_or(visit.started_at, |a| a.started_at);
    let last = visit.attempts.last().map_or(start, |a| a.ended_at.unwrap_or(a.started_at));
    let end = [Some(last), planned, Some(now).filter(|_| visit.ended_at.is_none())]
        .into_iter()
        .flatten()
        .max()
        .unwrap_or(last);
    let whole = (end.millis() - start.millis()).max(1) as f64;
    let x = |at: Moment| {
        let share = ((at.millis() - start.millis()) as f64 / whole).clamp(0.0, 1.0);
        format!("{:.1}", PAD + share * (WIDTH - 2.0 * PAD))
    };
    let dots = visit.attempts.iter().map(|attempt| {
        let class = format!("try p-{}", attempt.progress);
        view! { <circle class=class cx=x(attempt.started_at) cy=LINE r="6"/> }
    });
    let hollow = planned.map(|at| view! { <circle class="try planned" cx=x(at) cy=LINE r="6"/> });
    let present = (visit.ended_at.is_none() && now > start && now <= end).then(|| {
        view! { <line class="now" x1=x(now) x2=x(now) y1="2" y2="28"/> }
    });
    let rows = visit.attempts.iter().map(|attempt| {
        let error =
            attempt.error.as_ref().map(|(code, message)| view! { <code>{code.clone()}</code>" "{message.clone()} });
        view! {
            <tr>
                <th scope="row">{attempt.attempt}</th>
                <td>{seconds(attempt.started_at)}</td>
                <td>{attempt.ended_at.map(|at| length(attempt.started_at, at))}</td>
                <td>{attempt.progress.clone()}" "{error}</td>
            </tr>
        }
    });
    let next = planned.map(|at| {
        view! { <tr><th scope="row">{visit.attempt + 1}</th><td>{seconds(at)}</td><td></td><td>"planned"</td></tr> }
    });
    view! {
        <div class="attempts">
            <svg role="img" aria-label=sentence(visit) viewBox=format!("0 0 {WIDTH} 30")>
                <line class="axis" x1=PAD x2=WIDTH - PAD y1=LINE y2=LINE/>
                {present}{dots.collect_view()}{hollow}
            </svg>
            <p class="ends"><span>{when(start)}</span><span>{when(end)}</span></p>
            <details>
                <summary>{sentence(visit)}</summary>
                <table>
                    <thead><tr><th>"Try"</th><th>"Started"</th><th>"Took"</th><th>"What happened"</th></tr></thead>
                    <tbody>{rows.collect_view()}{next}</tbody>
                </table>
            </details>
        </div>
    }
    .into_any()
}

/// `4 of 6 tries used, next 02:19`.
fn sentence(visit: &VisitRow) -> String {
    let ink = ink();
    let mut words = match visit.max_attempts {
        Some(most) => format!("{} of {most} tries used", visit.attempt),
        None if visit.attempt == 1 => "1 try".to_owned(),
        None => format!("{} tries", visit.attempt),
    };
    if let Some(next) = visit.next_attempt_at {
        words += &format!(", next {}", next.words(ink.now, &ink.zone));
    }
    words
}
