//! The attempts of a step on a time axis: those made are filled, late ones are diamonds, those planned are hollow.

use leptos::prelude::*;

use super::ink;
use super::times::{length, seconds, when, when_words};
use crate::model::moment::{Moment, Span};
use crate::pages::run::{AttemptRow, TriesRow, VisitRow};

const WIDTH: f64 = 640.0;
const PAD: f64 = 10.0;
const LINE: f64 = 15.0;

/// From so many marks on they are drawn smaller.
const MANY: usize = 20;

/// How many late tries are named under the axis; the table has all.
const MOST_LATE: usize = 3;

/// The strip, the policy against what was observed, and the same facts as a table in `<details>`; nothing for a step
/// that needed one try and is done.
pub fn attempts(visit: &VisitRow) -> AnyView {
    let made: Vec<&AttemptRow> = visit.tries.iter().flat_map(|part| &part.attempts).collect();
    if made.len() < 2 && visit.planned.is_empty() {
        return ().into_any();
    }
    let now = ink().now;
    let start = made.first().map_or(visit.started_at, |a| a.started_at);
    let last = made.last().map_or(start, |a| a.ended_at.unwrap_or(a.started_at));
    let ahead = visit.planned.iter().copied().chain(visit.gives_up_at);
    let end = ahead.chain([last]).chain(Some(now).filter(|_| visit.ended_at.is_none())).max().unwrap_or(last);
    let whole = (end.millis() - start.millis()).max(1) as f64;
    let place = |at: Moment| {
        let share = ((at.millis() - start.millis()) as f64 / whole).clamp(0.0, 1.0);
        PAD + share * (WIDTH - 2.0 * PAD)
    };
    let size = if made.len() + visit.planned.len() > MANY { 4.0 } else { 6.0 };
    let present = Some(now).filter(|_| visit.ended_at.is_none() && now > start && now <= end);
    let times = made.iter().map(|a| a.started_at).chain(visit.planned.iter().copied()).chain(present);
    let points: Vec<f64> = times.map(place).collect();
    let points = apart(&points, 2.0 * size + 4.0);
    let (tried, ahead) = points.split_at(made.len());
    let (hollow, present) = ahead.split_at(visit.planned.len());
    let marks = made.iter().zip(tried).map(|(attempt, at)| {
        let class = format!("try p-{}", attempt.progress);
        match attempt.late_by_ms {
            None => view! { <circle class=class cx=format!("{at:.1}") cy=LINE r=size/> }.into_any(),
            Some(_) => {
                let far = size + 3.0;
                let way = format!("M{at:.1} {}l{far} {far} -{far} {far} -{far} -{far}z", LINE - far);
                view! { <path class=class d=way/> }.into_any()
            }
        }
    });
    let gives_up = visit.gives_up_at.map(|at| {
        let planned = visit.planned.iter().position(|planned| *planned == at);
        let x = format!("{:.1}", planned.map_or_else(|| place(at), |i| hollow[i]));
        view! { <line class="gives-up" x1=x.clone() x2=x y1="2" y2="28"/> }
    });
    let hollow = hollow.iter().map(|at| {
        view! { <circle class="try planned" cx=format!("{at:.1}") cy=LINE r=size/> }
    });
    let present = present.first().map(|at| {
        let x = format!("{at:.1}");
        view! { <line class="now" x1=x.clone() x2=x y1="2" y2="28"/> }
    });
    let said = sentence(visit);
    view! {
        <div class="attempts">
            <svg role="img" aria-label=said.clone() viewBox=format!("0 0 {WIDTH} 30")>
                <line class="axis" x1=PAD x2=WIDTH - PAD y1=LINE y2=LINE/>
                {present}{gives_up}{marks.collect_view()}{hollow.collect_view()}
            </svg>
            <p class="ends"><span>{when(start)}</span><span>{when(end)}</span></p>
            {late(&made)}
            {visit.policy.clone().map(|words| view! { <p>{words}</p> })}
            <details>
                <summary>{said}</summary>
                {table(visit)}
            </details>
        </div>
    }
    .into_any()
}

/// Places on the axis moved apart, no further than needed, so that no mark hides another and as many are seen as the
/// words say. Their order stays, and all are on the axis.
fn apart(places: &[f64], least: f64) -> Vec<f64> {
    let last = WIDTH - PAD;
    let least = least.min((last - PAD) / places.len().max(2) as f64);
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    let mut moved = places.to_vec();
    let mut from = PAD;
    for i in &order {
        moved[*i] = moved[*i].max(from);
        from = moved[*i] + least;
    }
    let mut until = last;
    for i in order.iter().rev() {
        moved[*i] = moved[*i].min(until);
        until = moved[*i] - least;
    }
    moved
}

/// The late ones in words, under the axis on which they are diamonds.
fn late(made: &[&AttemptRow]) -> Option<AnyView> {
    let late: Vec<_> = made.iter().filter_map(|a| Some((a, Span::from_millis(a.late_by_ms?)))).collect();
    let mut words: Vec<_> =
        late.iter().take(MOST_LATE).map(|(a, by)| format!("try {} came {} late", a.attempt, by.words())).collect();
    if late.len() > MOST_LATE {
        words.push(format!("{} more came late", late.len() - MOST_LATE));
    }
    (!late.is_empty())
        .then(|| view! { <p class="late-tries">{format!("\u{25c6} {}", words.join(", "))}</p> }.into_any())
}

fn table(visit: &VisitRow) -> AnyView {
    let planned = (visit.attempt + 1..).zip(&visit.planned).map(|(attempt, at)| {
        let words = if *at < ink().now { "planned, did not come" } else { "planned" };
        view! { <tr><th scope="row">{attempt}</th><td>{seconds(*at)}</td><td></td><td>{words}</td></tr> }
    });
    let gives_up = visit.gives_up_at.map(|at| {
        view! { <tr><td></td><td>{seconds(at)}</td><td></td><td>"gives up, if each fails at once"</td></tr> }
    });
    view! {
        <table>
            <thead><tr><th>"Try"</th><th>"Started"</th><th>"Took"</th><th>"What happened"</th></tr></thead>
            <tbody>{visit.tries.iter().map(part).collect_view()}{planned.collect_view()}{gives_up}</tbody>
        </table>
    }
    .into_any()
}

/// One try, or several that failed alike, which open to all.
fn part(tries: &TriesRow) -> AnyView {
    let Some(words) = &tries.alike else { return tries.attempts.iter().map(row).collect_view().into_any() };
    let (first, last) = (tries.attempts.first(), tries.attempts.last());
    let numbers = first.zip(last).map(|(first, last)| format!("{} to {}", first.attempt, last.attempt));
    view! {
        <tr class="alike">
            <th scope="row">{numbers}</th>
            <td colspan="3">
                <details>
                    <summary>{words.clone()}</summary>
                    <table>
                        <thead><tr><th>"Try"</th><th>"Started"</th><th>"Took"</th><th>"What happened"</th></tr></thead>
                        <tbody>{tries.attempts.iter().map(row).collect_view()}</tbody>
                    </table>
                </details>
            </td>
        </tr>
    }
    .into_any()
}

fn row(attempt: &AttemptRow) -> AnyView {
    let error = attempt.error.as_ref().map(|(code, message)| view! { <code>{code.clone()}</code>" "{message.clone()} });
    let late = attempt.late_by_ms.map(|by| {
        let planned = attempt.planned_at.map(|at| format!(", it was planned for {}", when_words(at)));
        view! { <small>{format!("came {} late{}", Span::from_millis(by).words(), planned.unwrap_or_default())}</small> }
    });
    view! {
        <tr>
            <th scope="row">{attempt.attempt}</th>
            <td>{seconds(attempt.started_at)}</td>
            <td>{attempt.ended_at.map(|at| length(attempt.started_at, at))}</td>
            <td>{attempt.progress.clone()}" "{error}" "{late}</td>
        </tr>
    }
    .into_any()
}

/// `4 of 6 tries used, 1 came late, next 02:19, gives up 03:10`.
fn sentence(visit: &VisitRow) -> String {
    let mut words = match visit.max_attempts {
        Some(most) => format!("{} of {most} tries used", visit.attempt),
        None if visit.attempt == 1 => "1 try".to_owned(),
        None => format!("{} tries", visit.attempt),
    };
    let made: Vec<&AttemptRow> = visit.tries.iter().flat_map(|part| &part.attempts).collect();
    words += &shown(made.len(), visit.attempt as usize);
    let late = made.iter().filter(|a| a.late_by_ms.is_some()).count();
    if late > 0 {
        words += &format!(", {late} came late");
    }
    if let Some(next) = visit.next_attempt_at {
        words += &format!(", next {}", when_words(next));
    }
    if let Some(at) = visit.gives_up_at {
        words += &format!(", gives up {}", when_words(at));
    }
    words
}

/// Of tries that were not all told, how many the axis and the table have.
fn shown(made: usize, tried: usize) -> String {
    if made < tried { format!(", {made} of them shown") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_that_came_close_together_are_drawn_side_by_side() {
        // A second apart on an axis of an hour: each is seen, in order, and what lies far off stays where it is.
        assert_eq!(apart(&[10.0, 10.2, 10.4, 300.0], 16.0), [10.0, 26.0, 42.0, 300.0]);
        assert_eq!(apart(&[300.0, 629.0, 630.0], 16.0), [300.0, 614.0, 630.0]);
        assert_eq!(apart(&[50.0, 40.0], 16.0), [56.0, 40.0], "the order is that of time");
        let many = apart(&[630.0; 100], 16.0);
        assert!(many[0] >= PAD && many.windows(2).all(|two| two[0] < two[1]) && many[99] <= WIDTH - PAD);
    }

    #[test]
    fn words_say_how_many_tries_are_shown_where_some_were_not_told() {
        assert_eq!((shown(4, 6), shown(6, 6)), (", 4 of them shown".to_owned(), String::new()));
    }
}
