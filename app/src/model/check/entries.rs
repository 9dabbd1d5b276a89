//! What is wrong with the entries of a book: workflows and their steps, components, decisions, workarounds.

use std::collections::{BTreeMap, BTreeSet};

use regex::RegexBuilder;

use super::{Finding, Known, Severity, nearest, with_suggestion};
use crate::model::agreement::comparisons;
use crate::model::book::{Component, Decision, Expect, FailurePoint, Step, Workaround, Workflow};
use crate::model::reference::{Reference, is_id};
use crate::model::schedule::{Active, parse_cron};

/// A pattern that compiles to more than this is a mistake, or an attack.
const PATTERN_LIMIT: usize = 1024 * 1024;

/// Collects what is wrong with one entry, by the place in it.
struct Entry<'k> {
    known: Known<'k>,
    name: Reference,
    findings: Vec<Finding>,
}

/// Everything that is wrong with the entries, in no particular order.
pub fn check_entries(known: Known<'_>) -> Vec<Finding> {
    let book = known.book;
    let entry = |name: Reference| Entry { known, name, findings: Vec::new() };
    let workflows = book.workflows.values().map(|w| entry(Reference::Workflow(w.id.clone())).workflow(w));
    let components = book.components.values().map(|c| entry(Reference::Component(c.id.clone())).component(c));
    let decisions = book.decisions.values().map(|d| entry(Reference::Decision(d.id.clone())).decision(d));
    let workarounds = book.workarounds.values().map(|w| entry(Reference::Workaround(w.id.clone())).workaround(w));
    workflows.chain(components).chain(decisions).chain(workarounds).flatten().collect()
}

impl Entry<'_> {
    fn wrong(&mut self, pointer: &str, text: impl Into<String>) {
        self.findings.push(self.known.places.wrong(&self.name, pointer, text.into()));
    }

    fn must_hold(&mut self, pointer: &str, result: Result<(), String>) {
        if let Err(sentence) = result {
            self.wrong(pointer, sentence);
        }
    }

    fn must_exist(&mut self, pointer: &str, reference: &Reference) {
        if let Some(sentence) = self.known.missing(reference) {
            self.wrong(pointer, sentence);
        }
    }

    fn must_be_id(&mut self, pointer: &str, id: &str) {
        if is_id(id) {
            return;
        }
        self.wrong(pointer, format!("\"{id}\" is not an id; ids are 1 to 63 of a-z, 0-9 and -"));
        // An entry without an id can be neither shown nor linked, so it is left out of the book.
        if let Some(finding) = self.findings.last_mut().filter(|_| pointer == "/id") {
            finding.severity = Severity::Error;
        }
    }

    fn workflow(mut self, workflow: &Workflow) -> Vec<Finding> {
        self.must_be_id("/id", &workflow.id);
        self.expectations(&workflow.expect);
        self.agreements(workflow);
        let mut seen = BTreeMap::new();
        for (i, step) in workflow.steps.iter().enumerate() {
            let at = format!("/steps/{i}");
            self.must_be_id(&format!("{at}/id"), &step.id);
            if let Some(first) = seen.insert(&step.id, i) {
                let (_, line) = self.known.places.of(&self.name, &format!("/steps/{first}/id"));
                self.wrong(&format!("{at}/id"), format!("step \"{}\" is there twice; first on line {line}", step.id));
            }
            self.step(&at, step, workflow);
        }
        if let Some(circle) = circle(workflow) {
            let first = workflow.steps.iter().position(|s| s.id == circle[0]).unwrap_or_default();
            let names = circle.join(", then ");
            self.wrong(
                &format!("/steps/{first}/after"),
                format!("the steps go in a circle: {names}, then {} again", circle[0]),
            );
        }
        self.findings
    }

    fn expectations(&mut self, expect: &Expect) {
        if expect.start_every.is_some() && expect.start_at.is_some() {
            self.wrong(
                "/expect/start_at",
                "a workflow starts every so often (start_every) or at times (start_at), not both",
            );
        }
        if let (Some(least), Some(every)) = (expect.min_interval, expect.start_every)
            && least > every
        {
            self.wrong(
                "/expect/min_interval",
                format!("runs cannot start every {every} (start_every) and at least {least} apart (min_interval)"),
            );
        }
        if let Some(line) = &expect.start_at {
            self.must_hold("/expect/start_at", parse_cron(line).map(drop));
        }
        if let Some(hours) = &expect.active {
            self.must_hold("/expect/active", Active::parse(hours).map(drop));
        }
        if let Some(zone) = &expect.timezone {
            self.must_hold("/expect/timezone", time_zone(zone));
        }
    }

    fn agreements(&mut self, workflow: &Workflow) {
        if !workflow.agree.is_empty() && workflow.subject.is_none() {
            self.wrong(
                "/agree",
                "systems can agree only on a thing; say with subject: what a run is about, like order",
            );
        }
        let mut compared = BTreeSet::new();
        for (i, agreement) in workflow.agree.iter().enumerate() {
            let at = format!("/agree/{i}");
            if agreement.systems.len() < 2 {
                self.wrong(&format!("{at}/systems"), "two systems at least are needed to agree");
            }
            if agreement.fields.is_empty() {
                self.wrong(&format!("{at}/fields"), "there is nothing to agree on; name a field");
            }
            for (field, names) in [("systems", &agreement.systems), ("fields", &agreement.fields)] {
                let mut seen = BTreeSet::new();
                for (j, name) in names.iter().enumerate() {
                    if name.trim().is_empty() {
                        self.wrong(&format!("{at}/{field}/{j}"), "a name is needed here");
                    } else if !seen.insert(name) {
                        self.wrong(&format!("{at}/{field}/{j}"), format!("\"{name}\" is there twice"));
                    }
                }
            }
            // Each comparison has one tolerance; of two entries the first counts.
            let only = Workflow { agree: vec![agreement.clone()], ..workflow.clone() };
            let here: BTreeSet<_> = comparisons(&only)
                .iter()
                .map(|c| (c.first.min(c.second).to_owned(), c.first.max(c.second).to_owned(), c.field.to_owned()))
                .collect();
            for (first, second, field) in here {
                let again = format!("{field} of {first} and {second} is compared already further up");
                if !compared.insert((first, second, field)) {
                    self.wrong(&at, again);
                }
            }
        }
    }

    fn step(&mut self, at: &str, step: &Step, workflow: &Workflow) {
        for (field, component) in [("component", &step.component), ("via", &step.via)] {
            if let Some(id) = component {
                self.must_exist(&format!("{at}/{field}"), &Reference::Component(id.clone()));
            }
        }
        if step.check_in.is_some() && self.known.book.done_by_hand(step).is_none() {
            let found = step.component.as_ref().and_then(|id| self.known.book.components.get(id));
            let manual = "an approval, a spreadsheet, a mailbox or a person";
            match (&step.component, found) {
                (Some(id), Some(component)) => self.wrong(
                    &format!("{at}/check_in"),
                    format!(
                        "check_in is for what people do; \"{id}\" is of type {}, not {manual}",
                        component.kind.words()
                    ),
                ),
                // A component that does not exist has its own finding.
                (Some(_), None) => {}
                (None, _) => self.wrong(
                    &format!("{at}/check_in"),
                    format!("check_in is for what people do; name a component that is {manual}"),
                ),
            }
        }
        for (i, before) in step.after.iter().flatten().enumerate() {
            let at = format!("{at}/after/{i}");
            if *before == step.id {
                self.wrong(&at, format!("step \"{before}\" cannot come after itself"));
            } else if workflow.step(before).is_none() {
                let meant = nearest(before, workflow.steps.iter().map(|s| &s.id));
                self.wrong(&at, with_suggestion(format!("step \"{before}\" does not exist in this workflow"), meant));
            }
        }
        if let Some(retry) = &step.retry {
            if retry.max_attempts == 0 {
                self.wrong(
                    &format!("{at}/retry/max_attempts"),
                    "max_attempts counts the first try too, so it is at least 1",
                );
            }
            if retry.factor.is_some_and(|factor| !(factor.is_finite() && factor >= 1.0)) {
                self.wrong(&format!("{at}/retry/factor"), "a factor below 1 would make the waits shorter each time");
            }
        }
        let mut seen = BTreeSet::new();
        for (i, point) in step.failure_points.iter().enumerate() {
            let at = format!("{at}/failure_points/{i}");
            self.must_be_id(&format!("{at}/id"), &point.id);
            if !seen.insert(&point.id) {
                self.wrong(&format!("{at}/id"), format!("failure point \"{}\" is there twice in this step", point.id));
            }
            self.failure_point(&at, point);
        }
    }

    fn failure_point(&mut self, at: &str, point: &FailurePoint) {
        for (field, written) in [("code", &point.when.code), ("message", &point.when.message)] {
            if let Some(written) = written {
                self.must_hold(&format!("{at}/when/{field}"), pattern(written));
            }
        }
        if let Some(action) = &point.action {
            self.must_exist(&format!("{at}/action"), action);
        }
    }

    fn component(mut self, component: &Component) -> Vec<Finding> {
        self.must_be_id("/id", &component.id);
        for (i, needs) in component.depends_on.iter().enumerate() {
            let at = format!("/depends_on/{i}/id");
            if needs.id == component.id {
                self.wrong(&at, format!("component \"{}\" cannot depend on itself", component.id));
            }
            self.must_exist(&at, &Reference::Component(needs.id.clone()));
        }
        if let Some(reports) = &component.reports {
            let source = reports.source(component);
            let mut others = self.known.book.components.values().filter(|c| c.id != component.id);
            if let Some(other) = others.find(|c| c.reports.as_ref().is_some_and(|r| r.source(c) == source)) {
                let sentence =
                    format!("component \"{}\" reports as \"{source}\" too; one source is one component", other.id);
                self.wrong("/reports", sentence);
            }
        }
        for (i, field) in component.fields.iter().enumerate() {
            for (j, step) in field.used_by.iter().enumerate() {
                let mut steps = self.known.book.workflows.values().flat_map(|w| &w.steps).map(|s| &s.id);
                if !steps.clone().any(|id| id == step) {
                    let sentence =
                        with_suggestion(format!("no workflow has a step \"{step}\""), nearest(step, &mut steps));
                    self.wrong(&format!("/fields/{i}/used_by/{j}"), sentence);
                }
            }
        }
        self.findings
    }

    fn decision(mut self, decision: &Decision) -> Vec<Finding> {
        self.must_be_id("/id", &decision.id);
        self.must_hold("/date", date(&decision.date));
        self.about(&decision.about);
        for (i, id) in decision.supersedes.iter().enumerate() {
            let at = format!("/supersedes/{i}");
            if *id == decision.id {
                self.wrong(&at, format!("decision \"{id}\" cannot replace itself"));
            }
            self.must_exist(&at, &Reference::Decision(id.clone()));
        }
        self.findings
    }

    fn workaround(mut self, workaround: &Workaround) -> Vec<Finding> {
        self.must_be_id("/id", &workaround.id);
        self.about(&workaround.about);
        for (field, written) in [("since", &workaround.since), ("review_by", &workaround.review_by)] {
            if let Some(written) = written {
                self.must_hold(&format!("/{field}"), date(written));
            }
        }
        self.findings
    }

    fn about(&mut self, about: &[Reference]) {
        for (i, reference) in about.iter().enumerate() {
            self.must_exist(&format!("/about/{i}"), reference);
        }
    }
}

/// The steps of one circle in the order they follow each other, when there is a circle.
fn circle(workflow: &Workflow) -> Option<Vec<&str>> {
    let mut before: BTreeMap<&str, BTreeSet<&str>> =
        workflow.steps.iter().map(|s| (s.id.as_str(), BTreeSet::new())).collect();
    let mut after: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in workflow.edges() {
        // A step after itself, or after one that does not exist, has its own finding.
        if from != to && before.contains_key(from) {
            before.get_mut(to)?.insert(from);
            after.entry(from).or_default().push(to);
        }
    }
    // What has nothing before it is in no circle; taking it away may free others (Kahn 1962).
    let mut free: Vec<&str> = before.iter().filter(|(_, b)| b.is_empty()).map(|(s, _)| *s).collect();
    while let Some(step) = free.pop() {
        before.remove(step);
        for other in after.get(step).into_iter().flatten() {
            if let Some(waits) = before.get_mut(other)
                && waits.remove(step)
                && waits.is_empty()
            {
                free.push(other);
            }
        }
    }
    // Each that is left waits for another that is left: walking back comes round.
    let start = workflow.steps.iter().map(|s| s.id.as_str()).find(|s| before.contains_key(s))?;
    let mut walk = vec![start];
    loop {
        let previous = *before.get(walk.last()?)?.first()?;
        if let Some(at) = walk.iter().position(|s| *s == previous) {
            let mut circle = walk.split_off(at);
            circle.reverse();
            let first = workflow.steps.iter().find_map(|s| circle.iter().position(|c| *c == s.id))?;
            circle.rotate_left(first);
            return Some(circle);
        }
        walk.push(previous);
    }
}

fn pattern(written: &str) -> Result<(), String> {
    match RegexBuilder::new(written).case_insensitive(true).size_limit(PATTERN_LIMIT).build() {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(_)) => Err(format!("the pattern \"{written}\" is too large")),
        Err(error) => {
            // The last line says what; the ones before draw where.
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err(format!("\"{written}\" is not a regular expression: {why}"))
        }
    }
}

fn time_zone(name: &str) -> Result<(), String> {
    if jiff::tz::TimeZone::get(name).is_ok() {
        return Ok(());
    }
    let names: Vec<String> = jiff::tz::db().available().map(|n| n.to_string()).collect();
    let sentence = format!("\"{name}\" is not a time zone; write one like Europe/Berlin");
    Err(with_suggestion(sentence, nearest(name, &names)))
}

fn date(written: &str) -> Result<(), String> {
    // jiff reads more forms than people do.
    let shape = written.len() == 10
        && written.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    match shape && written.parse::<jiff::civil::Date>().is_ok() {
        true => Ok(()),
        false => Err(format!("\"{written}\" is not a date; write YYYY-MM-DD, like 2026-03-02")),
    }
}
