//! What the book records and what came in: labelled values, decisions, workarounds, raw events.

use std::collections::BTreeMap;

use leptos::prelude::*;

use super::document::is_past;
use super::{names, seconds, tag, when};
use crate::model::book::{Decision, Workaround};
use crate::pages::sources::EventRow;

/// Labels and values, one pair a line; a value of none is left out.
pub fn labelled(pairs: Vec<(&'static str, Option<AnyView>)>) -> AnyView {
    let shown: Vec<_> = pairs
        .into_iter()
        .filter_map(|(label, value)| value.map(|value| view! { <div><dt>{label}</dt><dd>{value}</dd></div> }))
        .collect();
    if shown.is_empty() {
        return ().into_any();
    }
    view! { <dl class="pairs">{shown}</dl> }.into_any()
}

/// A value of the book as it is written, for [`labelled`].
pub fn value(text: Option<impl ToString>) -> Option<AnyView> {
    text.map(|text| text.to_string().into_any())
}

/// Why something is as it is, newest first as given. `replaced` has what was decided before, by its id.
pub fn decisions(decisions: &[Decision], replaced: &BTreeMap<String, String>) -> AnyView {
    let one = |decision: &Decision| {
        let before = |id: &String| match replaced.get(id) {
            Some(decided) => (decided.clone(), format!("/decisions/{id}")),
            None => (format!("{id}, which is not in the book any more"), String::new()),
        };
        let replaces = decision.supersedes.iter().map(before).collect::<Vec<_>>();
        let replaces = (!replaces.is_empty()).then(|| names(&replaces));
        view! {
            <li class="dated-thing" id=format!("decision-{}", decision.id)>
                <p class="thing-name"><a href=format!("/decisions/{}", decision.id)>{decision.decided.clone()}</a></p>
                {labelled(vec![
                    ("Because", value(decision.because.as_ref())),
                    ("Decided on", value(Some(&decision.date))),
                    ("Replaces", replaces),
                ])}
            </li>
        }
    };
    view! { <ul class="things">{decisions.iter().map(one).collect_view()}</ul> }.into_any()
}

/// What is done just for now; past its review date it says so.
pub fn workarounds(workarounds: &[Workaround]) -> AnyView {
    let one = |workaround: &Workaround| {
        let past = workaround.review_by.as_deref().is_some_and(is_past);
        let review = workaround.review_by.clone().map(|day| match past {
            true => view! { {day}" "<strong class="past">"Past its date. Look at it again."</strong> }.into_any(),
            false => day.into_any(),
        });
        view! {
            <li class="dated-thing" id=format!("workaround-{}", workaround.id) class:overdue=past>
                <p class="thing-name"><a href=format!("/workarounds/{}", workaround.id)>{workaround.what.clone()}</a></p>
                {labelled(vec![
                    ("Harder later", value(workaround.harder_later.as_ref())),
                    ("Since", value(workaround.since.as_ref())),
                    ("Look again by", review),
                    ("Owner", value(workaround.owner.as_ref())),
                ])}
            </li>
        }
    };
    view! { <ul class="things">{workarounds.iter().map(one).collect_view()}</ul> }.into_any()
}

/// Events as they came, one line each, the text one level down.
pub fn event_rows(events: &[EventRow]) -> AnyView {
    let one = |event: &EventRow| {
        let late = event.received_at.since(event.at).millis() > 60_000;
        view! {
            <li data-key=format!("event-{}", event.position)>
                <details>
                    <summary>
                        <span class="row-when">{seconds(event.at)}</span>
                        <span>{event.family.clone()}</span>
                        <span class="dim">{format!("from {}", event.source)}</span>
                        {late.then(|| tag("heard late"))}
                    </summary>
                    <p class="dim">{format!("Number {} in the feed, heard ", event.position)}{when(event.received_at)}</p>
                    <pre class="raw">{event.raw.clone()}</pre>
                </details>
            </li>
        }
    };
    view! { <ul class="raw-rows">{events.iter().map(one).collect_view()}</ul> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_decision_replaces_is_told_by_what_was_decided_and_leads_there() {
        let decision: Decision = serde_json::from_value(serde_json::json!({
            "id": "new", "date": "2026-03-02", "decided": "Queue.", "supersedes": ["old", "lost"]
        }))
        .unwrap();
        let replaced = BTreeMap::from([("old".to_owned(), "Call directly.".to_owned())]);
        let html = Owner::new().with(|| decisions(&[decision], &replaced).to_html());
        assert!(html.contains("href=\"/decisions/old\"") && html.contains("Call directly."), "{html}");
        assert!(
            html.contains("lost, which is not in the book any more") && !html.contains("/decisions/lost"),
            "{html}"
        );
    }
}
