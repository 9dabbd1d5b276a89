//! A day of one thing: when it was in trouble, which moment is shown, and the ways to other moments.

use leptos::prelude::*;

use super::ink;
use super::marks::{icon, mark, state_icon};
use crate::islands::DaySlider;
use crate::model::moment::{Moment, Span};
use crate::model::past::{DAY, address, lanes};
use crate::model::status::State;
use crate::model::verdict::count_of;

/// A day and the problems in it.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// The path of the page that it stands on.
    pub page: String,
    /// The end of the day.
    pub to: Moment,
    /// The moment that is shown; the present where that is none that is over.
    pub shown: Moment,
    /// What time it is for the reader.
    pub now: Moment,
    /// The first moment of which something is recorded; none when nothing is yet.
    pub first: Option<Moment>,
    /// Those that are marked, oldest first.
    pub spells: Vec<Spell>,
    /// How many others there are in the day.
    pub not_marked: usize,
}

/// A time in which something was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    /// The number of the problem.
    pub problem: i64,
    /// The state that it put its place in.
    pub state: State,
    /// What it is, in a few words: `Failed: Push to ERP`.
    pub name: String,
    /// Since when it was known.
    pub from: Moment,
    /// When it ended; none while it goes on.
    pub to: Option<Moment>,
    /// The first moment that can be shown and knows of it.
    pub known_at: Moment,
}

// Narrow, so that on a phone, where it is drawn smaller, the icons can still be told apart.
const WIDTH: f64 = 400.0;
const PAD: f64 = 8.0;
const LANE: f64 = 24.0;
const ICON: f64 = 16.0;
const MOST_LANES: usize = 6;

/// The shortest time that is drawn, however short ago the records began.
const LEAST: Span = Span::from_minutes(10);

impl Timeline {
    /// Where the day begins: of what was before the first record no moment can be shown.
    fn from(&self) -> Moment {
        let first = self.first.unwrap_or_default().min(self.to - LEAST);
        (self.to - DAY).max(first)
    }

    fn x(&self, at: Moment) -> f64 {
        let from = self.from();
        let part = at.since(from).millis() as f64 / self.to.since(from).millis() as f64;
        PAD + part.clamp(0.0, 1.0) * (WIDTH - 2.0 * PAD)
    }

    /// `3 Jun 02:13 to 02:13: 2 problems, the last from 01:10 to 01:42.`
    fn sentence(&self) -> String {
        let ink = ink();
        let time = |at: Moment| at.words(self.now, &ink.zone);
        let last = self.spells.last().map(|last| match last.to {
            Some(to) => format!(", the last from {} to {}", time(last.from), time(to)),
            None => format!(", the last since {}", time(last.from)),
        });
        let many = match self.spells.len() + self.not_marked {
            0 => "no problem".to_owned(),
            n => count_of(n as i64, "problems"),
        };
        let last = last.unwrap_or_default();
        // The last of those that are marked need not be the last of all.
        let rest = match (self.not_marked, self.spells.len()) {
            (0, _) => format!("{last}."),
            (_, 0) => ". None of them put it into another state.".to_owned(),
            (_, n) => format!(". The table has {n} of them{last}."),
        };
        format!("{} to {}: {many}{rest}", time(self.from()), time(self.to))
    }
}

/// The day, the form for any other moment, and the steps to those nearby. It is folded up on a page of what is so now.
pub fn timeline(timeline: &Timeline) -> AnyView {
    if timeline.first.is_none() {
        return ().into_any();
    }
    let sentence = timeline.sentence();
    view! {
        <details class="timeline" id="time" open=super::is_past()>
            <summary>{icon("history")}"Look back"</summary>
            <figure class="chart">
                <figcaption>{sentence.clone()}</figcaption>
                {strip(timeline, sentence)}
                {slider(timeline)}
                {table(timeline)}
            </figure>
            {ways(timeline)}
            {form(timeline)}
        </details>
    }
    .into_any()
}

/// The spells in as few lanes as they need, each a link to the moment at which it was known first.
fn strip(timeline: &Timeline, sentence: String) -> AnyView {
    let widest = ICON + 4.0;
    let drawn: Vec<(f64, f64)> = timeline
        .spells
        .iter()
        .map(|spell| {
            let (from, to) = (timeline.x(spell.from), timeline.x(spell.to.unwrap_or(timeline.now)));
            (from.min(WIDTH - PAD - ICON), to.max(from + 3.0))
        })
        .collect();
    let (lanes, used) = lanes(drawn.iter().map(|(from, to)| (*from, to.max(from + widest))), MOST_LANES);
    let height = LANE * used.max(1) as f64 + 10.0;
    let spell = |((spell, (from, to)), lane): ((&Spell, &(f64, f64)), Option<usize>)| {
        // What would lie over others is in the table alone.
        let y = 4.0 + lane? as f64 * LANE;
        let picture = format!("{}/icons.svg#{}", ink().pkg, state_icon(spell.state));
        let name = format!("{}, {}, {}", spell.state.words(), spell.name, length(timeline, spell));
        Some(view! {
            <a href=address(&timeline.page, Some(spell.known_at)) class=format!("spell s-{}", spell.state.name()) aria-label=name>
                <rect class="reach" x=*from y=y - 2.0 width=(to - from).max(widest) height=LANE/>
                <svg class="icon" x=*from y=y width=ICON height=ICON aria-hidden="true"><use_ href=picture/></svg>
                <rect class="span" x=*from y=y + ICON + 1.0 width=to - from height="4" rx="1"/>
            </a>
        })
    };
    let spells = timeline.spells.iter().zip(&drawn).zip(lanes).map(spell).collect_view();
    let here = timeline.x(timeline.shown);
    let corners = format!("M{:.1} 0h8l-4 6z", here - 4.0);
    view! {
        <svg role="group" aria-label=sentence viewBox=format!("0 0 {WIDTH} {height}")>
            <line class="axis" x1=PAD x2=WIDTH - PAD y1=height - 3.0 y2=height - 3.0/>
            {spells}
            <line class="here" x1=here x2=here y1="0" y2=height/>
            <path class="here" d=corners/>
        </svg>
    }
    .into_any()
}

/// The slider under the strip, on the same scale, with what its ends are and where on it the page stands.
fn slider(timeline: &Timeline) -> AnyView {
    let ink = ink();
    let time = |at: Moment| at.words(timeline.now, &ink.zone);
    let secs = |at: Moment| at.millis().div_euclid(1_000);
    let shown = match super::is_past() {
        true => format!("shown: {}", timeline.shown.clock_seconds(&ink.zone)),
        false => "shown: now".to_owned(),
    };
    let zone = ink.zone.iana_name().unwrap_or_default().to_owned();
    let began = timeline.spells.iter().map(|spell| view! { <option value=secs(spell.known_at)></option> });
    view! {
        <form class="day" method="get" action=timeline.page.clone()>
            <DaySlider from=secs(timeline.from()) to=secs(timeline.to) shown=secs(timeline.shown)
                words=time(timeline.shown) zone=zone/>
            <datalist id="day-began">{began.collect_view()}</datalist>
            <p class="ends">
                <span>{time(timeline.from())}</span>
                <span id="day-words">{shown}</span>
                <span>{time(timeline.to)}</span>
            </p>
            <button class="button">"Show this moment"</button>
        </form>
    }
    .into_any()
}

/// `from 01:10 to 01:42`, `since 01:10`.
fn length(timeline: &Timeline, spell: &Spell) -> String {
    let ink = ink();
    let time = |at: Moment| at.words(timeline.now, &ink.zone);
    match spell.to {
        Some(to) => format!("from {} to {}", time(spell.from), time(to)),
        None => format!("since {}", time(spell.from)),
    }
}

fn table(timeline: &Timeline) -> AnyView {
    if timeline.spells.is_empty() {
        return ().into_any();
    }
    let row = |spell: &Spell| {
        view! {
            <tr>
                <td>{mark(spell.state)}</td>
                <td>{spell.name.clone()}</td>
                <td><a href=address(&timeline.page, Some(spell.known_at))>{length(timeline, spell)}</a></td>
                <td><a href=format!("/problems/{}", spell.problem)>{format!("Problem {}", spell.problem)}</a></td>
            </tr>
        }
    };
    let others = (timeline.not_marked > 0).then(|| view! { <p><a href="/problems">"All problems"</a></p> });
    view! {
        <details>
            <summary>"As a table"</summary>
            <table>
                <thead><tr><th>"State"</th><th>"What"</th><th>"Show it as it began"</th><th>"Record"</th></tr></thead>
                <tbody>{timeline.spells.iter().map(row).collect_view()}</tbody>
            </table>
            {others}
        </details>
    }
    .into_any()
}

/// The moments nearby: an hour and ten minutes earlier and later, and where the problem before and after began.
fn ways(timeline: &Timeline) -> AnyView {
    let Timeline { page, shown, now, spells, first, .. } = timeline;
    let by = |minutes: i64, words: &'static str| {
        let at = *shown + Span::from_minutes(minutes);
        (at <= *now && Some(at) >= *first)
            .then(|| view! { <li><a class="button" href=address(page, Some(at))>{words}</a></li> })
    };
    let to = |at: Option<Moment>, words: &'static str| {
        at.map(|at| view! { <li><a class="button" href=address(page, Some(at))>{words}</a></li> })
    };
    let before = spells.iter().map(|s| s.known_at).filter(|at| at < shown).max();
    let after = spells.iter().map(|s| s.known_at).filter(|at| at > shown).min();
    view! {
        <ul class="ways" aria-label="Other moments">
            {by(-60, "1 hour earlier")}
            {by(-10, "10 minutes earlier")}
            {by(10, "10 minutes later")}
            {by(60, "1 hour later")}
            {to(before, "Where the problem before began")}
            {to(after, "Where the next problem began")}
        </ul>
    }
    .into_any()
}

/// Any moment, as the browser lets one choose it, in the time of the portal.
fn form(timeline: &Timeline) -> AnyView {
    let zone = ink().zone;
    let local = |at: Moment, format: &str| at.zoned(&zone).strftime(format).to_string();
    let name = local(timeline.shown, "%Z");
    view! {
        <form class="look-back" method="get" action=timeline.page.clone()>
            <div class="field">
                <label for="at">{format!("Moment ({name})")}</label>
                <input id="at" name="at" type="datetime-local" step="1" required
                    value=local(timeline.shown, "%Y-%m-%dT%H:%M:%S")
                    min=timeline.first.map(|first| local(first, "%Y-%m-%dT%H:%M:%S"))
                    max=local(timeline.now, "%Y-%m-%dT%H:%M:%S")/>
            </div>
            <button class="button">"Show"</button>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Ink;
    use jiff::tz::TimeZone;

    fn at(text: &str) -> Moment {
        Moment::parse(&format!("2026-06-04T{text}:00Z")).unwrap()
    }

    fn spell(problem: i64, state: State, from: &str, to: Option<&str>) -> Spell {
        let name = "Failed: Push to ERP".to_owned();
        Spell { problem, state, name, from: at(from), to: to.map(at), known_at: at(from) + Span::from_secs(1) }
    }

    fn drawn(shown: &str, spells: Vec<Spell>) -> String {
        drawn_of(shown, spells, 0)
    }

    fn drawn_of(shown: &str, spells: Vec<Spell>, not_marked: usize) -> String {
        let now = at("12:00");
        let (shown, past) = (at(shown), shown != "12:00");
        Owner::new().with(|| {
            Ink { pkg: "/pkg".to_owned(), now: shown, zone: TimeZone::UTC, past }.provide();
            let (page, first) = ("/workflows/a".to_owned(), Some(now - DAY));
            timeline(&Timeline { page, to: now, shown, now, first, spells, not_marked }).to_html()
        })
    }

    #[test]
    fn a_day_says_its_problems_and_leads_to_where_each_began() {
        let spells = vec![spell(7, State::Late, "02:00", Some("03:00")), spell(8, State::Broken, "09:00", None)];
        let html = drawn("05:00", spells);
        assert!(html.contains("3 Jun 12:00 to 12:00: 2 problems, the last since 09:00."), "{html}");
        assert!(html.contains("aria-label=\"Late, Failed: Push to ERP, from 02:00 to 03:00\""), "{html}");
        assert!(html.contains("href=\"/workflows/a?at=2026-06-04T09%3A00%3A01Z\""), "{html}");
        for way in ["1 hour earlier", "10 minutes later", "Where the problem before began", "Where the next problem"] {
            assert!(html.contains(way), "{way}");
        }
        assert!(html.contains("value=\"2026-06-04T05:00:00\"") && html.contains(" open"));
        assert!(!html.contains("style="));
    }

    #[test]
    fn what_is_not_marked_is_counted_all_the_same() {
        let html = drawn_of("12:00", vec![spell(7, State::Late, "02:00", Some("03:00"))], 40);
        let words = "3 Jun 12:00 to 12:00: 41 problems. The table has 1 of them, the last from 02:00 to 03:00.";
        assert!(html.contains(words), "{html}");
        let words = "3 Jun 12:00 to 12:00: 2 problems. None of them put it into another state.";
        assert!(drawn_of("12:00", Vec::new(), 2).contains(words));
        assert!(html.contains("All problems"));
    }

    #[test]
    fn the_slider_spans_the_day_and_stands_at_what_is_shown() {
        let html = drawn("05:00", vec![spell(7, State::Late, "02:00", None)]);
        let slider = html.split("<input type=\"range\"").nth(1).unwrap().split('>').next().unwrap();
        for attribute in ["name=\"at\"", "min=\"1780488000\"", "max=\"1780574400\"", "value=\"1780549200\""] {
            assert!(slider.contains(attribute), "{attribute} in {slider}");
        }
        assert!(html.contains("<option value=\"1780538401\">"), "{html}");
    }

    #[test]
    fn a_day_begins_no_earlier_than_what_is_recorded() {
        let now = at("12:00");
        let html = Owner::new().with(|| {
            Ink { pkg: "/pkg".to_owned(), now, zone: TimeZone::UTC, past: false }.provide();
            let (page, first) = ("/workflows/a".to_owned(), Some(at("10:00")));
            let spells = vec![spell(7, State::Late, "11:00", Some("11:30"))];
            timeline(&Timeline { page, to: now, shown: now, now, first, spells, not_marked: 0 }).to_html()
        });
        assert!(html.contains("10:00 to 12:00: 1 problem"), "{html}");
        let slider = html.split("<input type=\"range\"").nth(1).unwrap().split('>').next().unwrap();
        assert!(slider.contains(&format!("min=\"{}\"", at("10:00").millis() / 1_000)), "{slider}");
        assert!(html.contains("min=\"2026-06-04T10:00:00\""), "{html}");
        // Half of the way, where half of the time is over.
        assert!(html.contains("x=\"200\""), "{html}");
    }

    #[test]
    fn from_now_no_way_leads_into_the_future() {
        let html = drawn("12:00", Vec::new());
        assert!(html.contains("3 Jun 12:00 to 12:00: no problem."), "{html}");
        assert!(html.contains("10 minutes earlier") && !html.contains("later") && !html.contains("As a table"));
        assert!(html.starts_with("<details id=\"time\" class=\"timeline\">"), "{html}");
    }
}
