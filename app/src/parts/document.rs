//! What every page about a runbook says the same way: whether to believe it, and what may have made it wrong.

use leptos::prelude::*;

use super::{broken, icon, ink, tag, trust_badge, when};
use crate::model::field::field_words;
use crate::model::mention::absent;
use crate::model::moment::Moment;
use crate::model::reference::Reference;
use crate::model::review::OBSERVED;
use crate::model::status::{MayNot, Role, Trust};
use crate::pages::runbook::{FlagRow, Later};
use crate::pages::runbooks::RunbookRow;
use crate::pages::shell::Viewer;

/// Whether a runbook can be believed, why, since when, and who answers for it.
pub fn trust_line(row: &RunbookRow) -> AnyView {
    let reason = (row.trust != Trust::Trusted && !row.reason.is_empty()).then(|| row.reason.clone());
    // The badge says already that nobody has reviewed it.
    let last = (row.trust != Trust::NeverReviewed).then(|| view! { {reviewed(row.reviewed.as_ref())}" " });
    view! {
        <div class="trust-line">
            <p class="trust-why">
                {trust_badge(row.trust, row.to_check)}
                {row.critical.then(|| tag("critical"))}
                {reason.map(|reason| view! { <span>{reason}</span> })}
            </p>
            <p class="dim">
                {last}
                {row.owner.as_ref().map_or("Nobody owns it yet.".to_owned(), |owner| format!("Owned by {owner}."))}
            </p>
            {about(&row.about, &row.missing)}
        </div>
    }
    .into_any()
}

/// `Last reviewed 3 Jun 10:20 by Anna.`, or that nobody has.
pub fn reviewed(reviewed: Option<&(Moment, String)>) -> AnyView {
    match reviewed {
        Some((at, by)) => view! { "Last reviewed "{when(*at)}{format!(" by {by}.")} }.into_any(),
        None => "Never reviewed.".into_any(),
    }
}

/// What a runbook is for, as links; what of it is missing leads nowhere.
pub fn about(about: &[(String, String)], missing: &[Reference]) -> Option<AnyView> {
    let one = |(reference, name): &(String, String)| {
        let link = match missing.iter().find(|gone| gone.to_string() == *reference) {
            Some(gone) => broken(name, &absent(gone)),
            None => view! { <a href=path(reference)>{name.clone()}</a> }.into_any(),
        };
        view! { <li>{link}</li> }
    };
    let links = view! { <ul class="names">{about.iter().map(one).collect_view()}</ul> };
    (!about.is_empty()).then(|| view! { <div class="about"><span class="dim">"For"</span>{links}</div> }.into_any())
}

/// Where the portal shows a reference; empty when it is not one.
pub fn path(reference: &str) -> String {
    Reference::parse(reference).map(|r| r.path()).unwrap_or_default()
}

/// One flag in words: what changed, from what to what, when, by whom, and the words that hold the old value.
pub fn flag(flag: &FlagRow) -> AnyView {
    let change = match (flag.before.as_str(), flag.after.as_str()) {
        ("", after) => view! { " is new: "<b>{after.to_owned()}</b> }.into_any(),
        (before, "") => view! { " was "<b>{before.to_owned()}</b>", is gone" }.into_any(),
        (before, after) => view! { " was "<b>{before.to_owned()}</b>", is "<b>{after.to_owned()}</b> }.into_any(),
    };
    let value = match (flag.field.starts_with(OBSERVED), flag.after.as_str()) {
        (false, "") if flag.field == "exists" => " is gone".into_any(),
        (false, _) if flag.field == "exists" => " is there now".into_any(),
        (false, _) => view! { ", "<span title=flag.field.clone()>{field_words(&flag.field)}</span>{change} }.into_any(),
        (true, "") => view! { ", observed no more: "<b>{flag.before.clone()}</b> }.into_any(),
        (true, after) => {
            let book = (!flag.before.is_empty()).then(|| format!(" (the book: {})", flag.before));
            view! { ", observed: "<b>{after.to_owned()}</b>{book} }.into_any()
        }
    };
    let by = if flag.by.is_empty() || flag.field.starts_with(OBSERVED) {
        ".".to_owned()
    } else {
        format!(" by {}.", flag.by)
    };
    let words = flag.words.iter().map(|words| view! { <li><q>{words.clone()}</q></li> }).collect_view();
    // What is gone has no page to lead to.
    let subject = match flag.field == "exists" && flag.after.is_empty() {
        true => view! { <span class="broken-link">{flag.name.clone()}</span> }.into_any(),
        false => view! { <a href=path(&flag.subject)>{flag.name.clone()}</a> }.into_any(),
    };
    view! {
        <div class="flag-what">
            <p>
                {subject}
                {value}
                {flag.changed_at.map(|at| view! { " since "{when(at)} })}{by}
            </p>
            {flag.later.as_ref().map(later)}
            {(!flag.words.is_empty()).then(|| view! {
                <div class="flag-words"><p>"Words that hold the old value:"</p><ul>{words}</ul></div>
            })}
        </div>
    }
    .into_any()
}

/// That a doubt is looked at later: until when, by whose word and why.
pub fn later(later: &Later) -> AnyView {
    let why = format!(" {} says: {}", later.by, later.why);
    view! { <p class="dim">{icon("clock")}"To be looked at after "{when(later.until)}"."{why}</p> }.into_any()
}

/// A link to do something, or the disabled button with the reason why this person may not.
pub fn action(viewer: Option<&Viewer>, needed: Role, label: &str, href: &str) -> AnyView {
    match viewer {
        Some(viewer) if viewer.role >= needed => {
            view! { <a class="button" href=href.to_owned()>{label.to_owned()}</a> }.into_any()
        }
        Some(_) => view! {
            <span class="refused">
                <button type="button" class="button" disabled>{label.to_owned()}</button>
                <span class="dim">{format!("Only for {}s.", needed.name())}</span>
            </span>
        }
        .into_any(),
        None => view! {
            <a class="button" href=sign_in(href)>{format!("Sign in to {}", lower_first(label))}</a>
        }
        .into_any(),
    }
}

/// Why somebody may not do what the page is for; whoever is not signed in finds the way there in the same words.
pub fn may_not(may_not: &MayNot) -> AnyView {
    let why = may_not.why.clone();
    let words = match &may_not.back {
        Some(back) => view! { <a href=sign_in(back)>{why}</a> }.into_any(),
        None => why.into_any(),
    };
    view! { <p class="dim" id="may-not">{words}</p> }.into_any()
}

/// The path of the sign-in page that leads back to `next`.
pub fn sign_in(next: &str) -> String {
    let next: String = next
        .bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect();
    format!("/sign-in?next={next}")
}

fn lower_first(label: &str) -> String {
    let mut letters = label.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

/// A notice whose words hold links; `kind` is `info`, `good`, `warn` or `bad`. Said in place, not announced.
pub fn banner(kind: &'static str, body: AnyView) -> AnyView {
    let name = match kind {
        "good" => "check",
        "warn" => "alert",
        "bad" => "state-broken",
        _ => "info",
    };
    view! { <div class=format!("notice n-{kind}")>{icon(name)}<div>{body}</div></div> }.into_any()
}

/// What the links of a text lead to that is not there, or not in use any more; nothing when all is.
pub fn missing_links(links: &[(String, String, bool)]) -> Option<AnyView> {
    let missing: Vec<_> = links.iter().filter(|(_, _, exists)| !exists).collect();
    let says = match missing.len() {
        0 => return None,
        1 => "A link in it leads nowhere: ".to_owned(),
        n => format!("{n} links in it lead nowhere: "),
    };
    let code = |(reference, _, _): &&(String, String, bool)| view! { <li><code>{reference.clone()}</code></li> };
    let list = view! { <ul class="names">{missing.iter().map(code).collect_view()}</ul> };
    Some(banner("warn", view! { <p>{says}</p>{list} }.into_any()))
}

/// Whether a day, `YYYY-MM-DD`, is before today where the reader is.
pub fn is_past(day: &str) -> bool {
    let ink = ink();
    day < ink.now.zoned(&ink.zone).date().to_string().as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_not_signed_in_reads_one_sentence_that_leads_there() {
        let drawn = |back: Option<&str>| {
            let why = MayNot { why: "Sign in as an editor to answer.".to_owned(), back: back.map(str::to_owned) };
            Owner::new().with(|| may_not(&why).to_html())
        };
        let stranger = drawn(Some("/undocumented?workflow=a"));
        assert!(stranger.contains("href=\"/sign-in?next=/undocumented%3Fworkflow%3Da\""), "{stranger}");
        assert!(!drawn(None).contains("href"));
    }
}
