//! Following a runbook, drawn the same about a problem and in a drill: steps to tick, the question afterwards, the log.

use leptos::prelude::*;

use super::blocks::{empty, text_area};
use super::marks::icon;
use super::past::is_past;
use super::recovery::in_doubt;
use super::times::when;
use crate::pages::problem::{LogRow, StepTick, Ticked};

/// Where steps are ticked, and of which section they are.
#[derive(Debug, Clone)]
pub struct Ticking<'a> {
    /// Where the forms are sent.
    pub action: String,
    /// Different for each list of a page.
    pub key: String,
    /// The runbook.
    pub slug: &'a str,
    /// The section's anchor.
    pub section: &'a str,
    /// The version that the steps are from.
    pub version: i64,
    /// Whether nothing can be ticked any more: it is over, or this is a page of the past.
    pub over: bool,
}

/// Steps, each to be ticked, left out with a word, or taken back. Nothing where there are none.
pub fn ticks(place: &Ticking, steps: &[StepTick]) -> Option<AnyView> {
    let rows = steps.iter().enumerate().map(|(n, step)| step_row(place, n, step)).collect_view();
    (!steps.is_empty()).then(|| view! { <ol class="ticks">{rows}</ol> }.into_any())
}

fn step_row(place: &Ticking, n: usize, step: &StepTick) -> AnyView {
    let hidden = |act: &'static str| {
        view! {
            <input type="hidden" name="act" value=act/>
            <input type="hidden" name="slug" value=place.slug.to_owned()/>
            <input type="hidden" name="section" value=place.section.to_owned()/>
            <input type="hidden" name="version" value=place.version/>
            <input type="hidden" name="step" value=step.text.clone()/>
        }
    };
    let over = place.over || is_past();
    let (class, mark, name) = match &step.done {
        None => ("to-do", "box", format!("Done: {}", step.text)),
        Some(Ticked { skipped: None, .. }) => ("done", "box-check", format!("Not done after all: {}", step.text)),
        Some(_) => ("skipped", "box", format!("Done: {}", step.text)),
    };
    let act = if class == "done" { "untick" } else { "tick" };
    let told = step.done.as_ref().map(|done| {
        let how = match &done.skipped {
            None => "Done ".into_any(),
            Some(why) => view! { "Left out: "{why.clone()}", " }.into_any(),
        };
        view! { <small>{how}{when(done.at)}" by "{done.by.clone()}", version "{done.version}</small> }
    });
    let skip = (step.done.is_none() && !over).then(|| {
        let field = format!("skip-{}-{n}", place.key);
        view! {
            <details class="leave-out for-operators" data-live-keep="">
                <summary>"Skip"</summary>
                <form method="post" action=place.action.clone()>
                    {hidden("skip")}
                    <label for=field.clone()>"Why it is left out"</label>
                    <input id=field name="words" required=true maxlength="500"/>
                    <button class="button">"Leave it out"</button>
                </form>
            </details>
        }
    });
    let tick = match over {
        true => view! { <span class="tick">{icon(mark)}</span> }.into_any(),
        false => view! {
            <form method="post" action=place.action.clone() class="tick for-operators">
                {hidden(act)}
                <button aria-label=name aria-pressed=if class == "done" { "true" } else { "false" }>{icon(mark)}</button>
            </form>
        }
        .into_any(),
    };
    view! {
        <li class=class data-key=step.text.clone()>
            {tick}
            <div><p>{step.in_doubt.then(in_doubt)}{step.text.clone()}</p>{told}</div>
            {skip}
        </li>
    }
    .into_any()
}

/// "Was the runbook right?": yes, or which section was not. `sections` are (slug, anchor, title).
pub fn was_it_right(action: &str, sections: &[(String, String, String)]) -> AnyView {
    let wrong = sections.iter().map(|(slug, section, title)| {
        view! { <option value=format!("{slug}#{section}")>{title.clone()}</option> }
    });
    view! {
        <form method="post" action=action.to_owned() class="actions">
            <input type="hidden" name="right" value="yes"/>
            <button class="button">{icon("check")}"Yes, it was right"</button>
        </form>
        <details class="act" data-live-keep="">
            <summary class="button">"No"</summary>
            <form method="post" action=action.to_owned() class="stack">
                <input type="hidden" name="right" value="no"/>
                <div class="field"><label for="doubted">"Where"</label>
                    <select id="doubted" name="doubted">{wrong.collect_view()}</select></div>
                {text_area("doubt".to_owned(), "words", "Which step was wrong, or what was missing", "", "3")}
                <button class="button primary">"Say so"</button>
            </form>
        </details>
    }
    .into_any()
}

/// What people did, oldest first; `nothing` says that it was nothing.
pub fn log(rows: &[LogRow], nothing: &str) -> AnyView {
    if rows.is_empty() {
        return empty(nothing);
    }
    let line = |row: &LogRow| {
        let step = row.step.clone().map(|step| {
            let version = row.version.map(|v| format!(" (version {v})")).unwrap_or_default();
            view! { <q>{step}</q><span class="dim">{version}</span> }
        });
        let words = (!row.words.is_empty()).then(|| view! { <p class="words">{row.words.clone()}</p> });
        view! {
            <li>
                <span class="at">{when(row.at)}</span>
                <div><p><b>{row.by.clone()}</b>" "{did(&row.act)}" "{step}</p>{words}</div>
            </li>
        }
    };
    view! { <ol class="story log">{rows.iter().map(line).collect_view()}</ol> }.into_any()
}

fn did(act: &str) -> &'static str {
    match act {
        "owned" => "is on it",
        "released" => "is no longer on it",
        "noted" => "noted",
        "ticked" => "did",
        "unticked" => "took back",
        "skipped" => "left out",
        "handed_over" => "handed it over",
        "accepted" => "took it over",
        "ended" => "ended it",
        "answered" => "said about the runbook",
        _ => "did something",
    }
}
