//! The export: what is left to read when the portal is down. Each page is a file that needs nothing else.
//!
//! Nothing in it is live, so each page says first of when it is.

use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::runbook::{FlagRow, RunbookPicture, SectionPicture};
use super::workflow::{StepNow, WorkflowPicture};
use crate::model::field::field_words;
use crate::model::moment::Moment;
use crate::model::reference::Reference;
use crate::model::runbook::saved_by;
use crate::model::status::Trust;
use crate::parts;

const STYLE: &str = include_str!("export.css");

/// When an export was made, and the zone that its times are in.
#[derive(Debug, Clone)]
pub struct Made {
    /// When.
    pub at: Moment,
    /// The zone.
    pub zone: TimeZone,
}

impl Made {
    /// `As of 2026-06-04 02:13:05 UTC.` and what follows from it.
    pub fn words(&self) -> String {
        format!("As of {}. This is a copy: it may have changed since.", self.at.full(&self.zone))
    }

    fn time(&self, at: Moment) -> String {
        at.full(&self.zone)
    }
}

/// Everything that is exported.
#[derive(Debug, Clone)]
pub struct ExportPicture {
    /// When.
    pub made: Made,
    /// Every runbook, by title.
    pub runbooks: Vec<RunbookPicture>,
    /// Every workflow of the book, by name.
    pub workflows: Vec<WorkflowPicture>,
}

/// The index, by workflow and by title.
pub fn index(picture: &ExportPicture) -> String {
    let by_workflow = picture.workflows.iter().map(|workflow| {
        let row = &workflow.row;
        let runbooks = workflow.documents.iter().filter_map(|d| picture.runbooks.iter().find(|r| r.row.slug == d.slug));
        let runbooks: Vec<_> = runbooks.map(runbook_row).collect();
        let none = runbooks.is_empty().then(|| view! { <li class="dim">"No runbook is for it."</li> });
        view! {
            <h3><a href=format!("workflows/{}.html", row.id)>{row.name.clone()}</a></h3>
            <p><strong>{row.state.words()}</strong>". "{row.sentence.clone()}</p>
            <ul class="list">{runbooks}{none}</ul>
        }
    });
    let by_title = picture.runbooks.iter().map(runbook_row).collect_view();
    let body = view! {
        <h1>"Runbooks"</h1>
        <h2>"By workflow"</h2>
        {by_workflow.collect_view()}
        <h2>"By title"</h2>
        <ul class="list">{by_title}</ul>
    };
    page(&picture.made, "Runbooks", body.into_any())
}

fn runbook_row(runbook: &RunbookPicture) -> AnyView {
    let row = &runbook.row;
    let critical = row.critical.then_some(" Critical.");
    view! {
        <li>
            <a href=format!("runbooks/{}.html", row.slug)>{row.title.clone()}</a>
            <br/><small>{trust(row.trust, row.to_check)}{critical}" "{row.reason.clone()}{format!(" Version {}.", row.version)}</small>
        </li>
    }
    .into_any()
}

/// The index as markdown, with how far each runbook can be believed.
pub fn index_markdown(picture: &ExportPicture) -> String {
    let mut text = format!("# Runbooks\n\n{}\n\n## By workflow\n", picture.made.words());
    let line = |runbook: &RunbookPicture| {
        let row = &runbook.row;
        let critical = if row.critical { " Critical." } else { "" };
        format!(
            "- [{}](runbooks/{}.md): {}.{critical} {} Version {}.\n",
            row.title.replace(['[', ']'], ""),
            row.slug,
            trust(row.trust, row.to_check),
            row.reason,
            row.version
        )
    };
    for workflow in &picture.workflows {
        let row = &workflow.row;
        text += &format!("\n### {}\n\n{}. {}\n\n", row.name, row.state.words(), row.sentence);
        let runbooks = workflow.documents.iter().filter_map(|d| picture.runbooks.iter().find(|r| r.row.slug == d.slug));
        text.extend(runbooks.map(line));
    }
    text += "\n## By title\n\n";
    text.extend(picture.runbooks.iter().map(line));
    text
}

/// `Check needed (2 sections)`.
fn trust(trust: Trust, sections: i64) -> String {
    match (trust, sections) {
        (Trust::CheckNeeded, 1..) => format!("{} ({})", trust.words(), parts::sections_words(sections)),
        _ => trust.words().to_owned(),
    }
}

/// One runbook.
pub fn runbook(picture: &RunbookPicture, made: &Made) -> String {
    let row = &picture.row;
    let class = if row.trust == Trust::Trusted { "trust" } else { "doubt" };
    let reviewed = match &row.reviewed {
        Some((at, by)) => format!("Last reviewed {} by {by}.", made.time(*at)),
        None => "Never reviewed.".to_owned(),
    };
    let owner = row.owner.as_ref().map_or("Nobody owns it yet.".to_owned(), |owner| format!("Owned by {owner}."));
    let about: Vec<_> = row.about.iter().map(|(reference, name)| format!("{name} ({reference})")).collect();
    let about = (!about.is_empty()).then(|| view! { <p class="dim">{format!("For {}.", about.join(", "))}</p> });
    let wrong = picture.facts.iter().filter(|fact| !fact.holds).map(|fact| {
        let present = match &fact.present {
            Some(value) => format!("It was {value} at that time."),
            None => "The book did not say it any more.".to_owned(),
        };
        view! { <p>"It says "<q>{fact.text.clone()}</q>". "<strong>{present}</strong></p> }
    });
    let wrong: Vec<_> = wrong.collect();
    let wrong = (!wrong.is_empty()).then(|| view! { <div class="flag">{wrong}</div> });
    let conflict = picture.conflict.clone().map(|words| view! { <p class="flag">{words}</p> });
    let body = view! {
        <p><a href="../index.html">"All runbooks"</a></p>
        <h1>{row.title.clone()}</h1>
        <p class=class>
            <strong>{trust(row.trust, row.to_check)}</strong>" "{row.reason.clone()}
            {row.critical.then_some(" Critical.")}
        </p>
        <p class="dim">
            {format!("Version {}, saved {} {}. {reviewed} {owner} ", row.version, made.time(picture.shown_saved_at), saved_by(&picture.author))}
            <a href=format!("{}.md", row.slug)>"Its source"</a>
        </p>
        {about}
        {conflict}
        {wrong}
        {picture.sections.iter().map(|section| self::section(section, made)).collect_view()}
    };
    page(made, &row.title, body.into_any())
}

fn section(section: &SectionPicture, made: &Made) -> AnyView {
    let waiting: Vec<_> = section.flags.iter().filter(|flag| flag.answer.is_none()).collect();
    let doubtful = !matches!(section.trust, Trust::Trusted | Trust::NotLinked);
    let flags = waiting.iter().map(|flag| view! { <p>{flag_words(flag, made)}</p> }).collect_view();
    let doubt = doubtful.then(|| {
        let says = match section.trust {
            Trust::NeverReviewed => "Nobody has confirmed this section.",
            Trust::Overdue => "Not reviewed for too long.",
            _ => "This section may be wrong. Check before you act.",
        };
        view! { <div class="flag"><p><strong>{says}</strong></p>{flags}</div> }
    });
    let words = (!section.title.is_empty()).then(|| view! { <h2>{section.title.clone()}</h2> });
    view! {
        <section id=section.anchor.clone()>
            {words}
            <p><small>{format!("{} at that time.", section.trust.words())}</small></p>
            {doubt}
            <div inner_html=section.html.clone()></div>
        </section>
    }
    .into_any()
}

/// `Push to ERP (step:order-to-erp/push): number of tries was 3, is 5 since …, by deploy. Words that hold the old value: "3 times".`
fn flag_words(flag: &FlagRow, made: &Made) -> String {
    let called = field_words(&flag.field);
    let change = match (flag.before.as_str(), flag.after.as_str()) {
        (_, "") if flag.field == "exists" => "it is gone".to_owned(),
        _ if flag.field == "exists" => "it is there now".to_owned(),
        ("", after) => format!("{called} is new: {after}"),
        (before, "") => format!("{called} was {before}, is gone"),
        (before, after) => format!("{called} was {before}, is {after}"),
    };
    let since = flag.changed_at.map(|at| format!(" since {}", made.time(at))).unwrap_or_default();
    let by = if flag.by.is_empty() { String::new() } else { format!(", by {}", flag.by) };
    let words = match flag.words.is_empty() {
        true => String::new(),
        false => format!(" Words that hold the old value: \u{201c}{}\u{201d}.", flag.words.join("\u{201d}, \u{201c}")),
    };
    format!("{} ({}): {change}{since}{by}.{words}", flag.name, flag.subject)
}

/// One workflow in short.
pub fn workflow(picture: &WorkflowPicture, made: &Made) -> String {
    let (row, answers) = (&picture.row, &picture.questions);
    let or_not = |answer: &Option<String>| answer.clone().unwrap_or_else(|| "Not written yet.".to_owned());
    let trouble = picture.trouble.iter().map(|trouble| {
        view! { <li><strong>{trouble.state.words()}</strong>" "{trouble.name.clone()}": "{trouble.sentence.clone()}</li> }
    });
    let steps = picture.steps.iter().filter(|step| step.declared).map(step).collect_view();
    let fails = answers.fails.iter().map(|(step, words)| view! { <dt>{step.clone()}</dt><dd>{words.clone()}</dd> });
    let needs = answers.needs.iter().map(|(id, name, without)| {
        let without = without.clone().unwrap_or_else(|| "not written yet".to_owned());
        view! { <dt>{format!("{name} (component:{id})")}</dt><dd>"Without it: "{without}</dd> }
    });
    let why = answers.decisions.iter().map(|decision| {
        let because = decision.because.clone().map(|why| format!(" {why}")).unwrap_or_default();
        view! { <li>{format!("{}: {}{because}", decision.date, decision.decided)}</li> }
    });
    let just_for_now = answers.workarounds.iter().map(|workaround| {
        view! { <li>"Just for now: "{workaround.what.clone()}</li> }
    });
    let runbooks = picture.documents.iter().map(|document| {
        let words = trust(document.trust, document.to_check);
        view! { <li><a href=format!("../runbooks/{}.html", document.slug)>{document.title.clone()}</a>" "<small>{words}</small></li> }
    });
    let body = view! {
        <p><a href="../index.html">"All runbooks"</a></p>
        <h1>{row.name.clone()}</h1>
        <p class=if picture.trouble.is_empty() { "trust" } else { "doubt" }>
            <strong>{row.state.words()}</strong>" "{row.sentence.clone()}
        </p>
        <ul class="list">{trouble.collect_view()}</ul>
        <p class="dim">{row.owner.as_ref().map_or("Nobody owns it yet.".to_owned(), |owner| format!("Owned by {owner}."))}</p>
        <h2>"Runbooks"</h2>
        <ul class="list">{runbooks.collect_view()}</ul>
        <h2>"Steps"</h2>
        {steps}
        <h2>"How does this actually work today?"</h2>
        <p>{or_not(&answers.works)}</p>
        <h2>"What happens if it fails?"</h2>
        {answers.fails.is_empty().then(|| view! { <p>"Not written yet."</p> })}
        <dl>{fails.collect_view()}</dl>
        <h2>"Who depends on it?"</h2>
        <p>{or_not(&answers.depends)}</p>
        <dl>{needs.collect_view()}</dl>
        <h2>"What should happen next?"</h2>
        <p>{or_not(&answers.next)}</p>
        <h2>"Why does it exist, and why is it built this way?"</h2>
        <p>{or_not(&answers.purpose)}</p>
        <ul class="list">{why.collect_view()}{just_for_now.collect_view()}</ul>
    };
    page(made, &row.name, body.into_any())
}

fn step(step: &StepNow) -> AnyView {
    let line = |label: &str, words: Option<String>| {
        let label = label.to_owned();
        words.map(|words| view! { <dt>{label}</dt><dd>{words}</dd> })
    };
    let state = step.state.map_or("never seen", |state| state.words());
    let fact = if step.fact.is_empty() { String::new() } else { format!(", {}", step.fact) };
    let points = step.failure_points.iter().map(|point| {
        let when: Vec<String> = [point.when.code.as_ref(), point.when.message.as_ref()]
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        let action = point.action.as_ref().map(|action| match action {
            Reference::Runbook(slug, section) => {
                let anchor = section.as_ref().map(|anchor| format!("#{anchor}")).unwrap_or_default();
                view! { " "<a href=format!("../runbooks/{slug}.html{anchor}")>"What to do"</a> }.into_any()
            }
            other => format!(" {other}").into_any(),
        });
        let words = [point.effect.clone(), point.automatic.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        view! { <dt>{format!("Fails as {} ({})", point.id, when.join(", "))}</dt><dd>{words}{action}</dd> }
    });
    view! {
        <h3>{step.name.clone()}</h3>
        <p><small>{format!("{}: {state}{fact}", step.id)}</small></p>
        <dl>
            {line("Means", step.meaning.clone())}
            {line("Done by", step.component.as_ref().map(|(id, name)| format!("{name} (component:{id})")))}
            {line("Waits in", step.via.as_ref().map(|(id, name)| format!("{name} (component:{id})")))}
            {line("Ends within", step.finish_within.clone())}
            {line("Tries again", step.retry.clone())}
            {line("Safe to retry", step.safe_to_retry.clone())}
            {line("If skipped", step.if_skipped.clone())}
            {points.collect_view()}
        </dl>
    }
    .into_any()
}

fn page(made: &Made, title: &str, body: AnyView) -> String {
    let nothing = "default-src 'none'; style-src 'unsafe-inline'";
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta http-equiv="Content-Security-Policy" content=nothing/>
                <title>{format!("{title}, {}", made.at.full(&made.zone))}</title>
                <style inner_html=STYLE></style>
            </head>
            <body>
                <p class="as-of">{made.words()}</p>
                {body}
            </body>
        </html>
    }
    .to_html()
}
