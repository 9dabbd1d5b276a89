//! What is wrong with a runbook: links, facts and live panels that lead nowhere or say what is no longer so.

use super::{Finding, Known, Severity, nearest, with_suggestion};
use crate::model::fact::{FactNow, declared, fact_now, follow};
use crate::model::mention::{Fact, Panel, Target, absent};
use crate::model::observed;
use crate::model::reference::Reference;
use crate::model::runbook::RunbookText;
use crate::model::unseen::unseen;

/// Everything that is wrong with one runbook; also for a draft that is no file yet.
pub fn check_runbook(runbook: &RunbookText, known: Known<'_>) -> Vec<Finding> {
    let own = Reference::Runbook(runbook.slug.clone(), None);
    let mut findings = Vec::new();
    for (i, about) in runbook.front.about.iter().enumerate() {
        if let Some(text) = known.missing(about) {
            findings.push(known.places.wrong(&own, &format!("/for/{i}"), text));
        }
    }
    for mention in &runbook.outline.mentions {
        let text = match &mention.target {
            Target::Part(reference) => known.missing(reference),
            Target::Fact(fact) => wrong_fact(fact, known),
            Target::Panel(panel) => wrong_panel(panel, known),
            Target::Anchor(anchor) => wrong_anchor(anchor, runbook),
            Target::Wrong(sentence) => Some(sentence.clone()),
        };
        if let Some(text) = text {
            let line = runbook.body_line + mention.line - 1;
            findings.push(Finding { file: runbook.file.clone(), line, text, severity: Severity::Warning });
        }
    }
    for (line, character) in unseen(&runbook.source).take(MOST_UNSEEN) {
        let code = character as u32;
        let text = format!(
            "the character U+{code:04X} is not seen or turns words round; take it out, it is shown as \u{fffd}"
        );
        findings.push(Finding { file: runbook.file.clone(), line, text, severity: Severity::Warning });
    }
    findings
}

/// How many lines with characters that are not seen are told of one runbook.
const MOST_UNSEEN: usize = 5;

fn wrong_fact(fact: &Fact, known: Known<'_>) -> Option<String> {
    let Fact { text, subject, path, stated } = fact;
    if let Some(missing) = known.missing(subject) {
        return Some(missing);
    }
    // What is observed is held against the portal alone: a book knows nothing of it.
    if observed::field(path).is_some() {
        return observed::wrong(path, stated);
    }
    match fact_now(known.book, fact) {
        FactNow::Holds => None,
        FactNow::Differs { present } => {
            Some(format!("the text says \"{text}\" ({path} is {stated}), but {path} of {subject} is {present}"))
        }
        FactNow::Unknown => {
            let part = declared(known.book, subject)?;
            Some(match follow(&part, path) {
                Ok(_) => format!("the text says \"{text}\", but {subject} has no {path}"),
                Err((name, names)) => with_suggestion(
                    format!("\"{name}\" in \"{path}\" is not a field of {subject}"),
                    nearest(&name, &names),
                ),
            })
        }
    }
}

fn wrong_panel(panel: &Panel, known: Known<'_>) -> Option<String> {
    let candidates = panel.candidates();
    let missing: Vec<String> = candidates.iter().filter_map(|c| known.missing(c)).collect();
    if missing.len() < candidates.len() {
        return None;
    }
    // Of several that are missing, one with a suggestion says most.
    missing.iter().find(|m| m.contains("did you mean")).or(missing.first()).cloned()
}

fn wrong_anchor(anchor: &str, runbook: &RunbookText) -> Option<String> {
    // `#` alone is the top of the page.
    if anchor.is_empty() || runbook.outline.anchors().any(|a| a == anchor) {
        return None;
    }
    let here = Reference::Runbook(runbook.slug.clone(), Some(anchor.to_owned()));
    Some(with_suggestion(absent(&here), nearest(anchor, runbook.outline.anchors())))
}
