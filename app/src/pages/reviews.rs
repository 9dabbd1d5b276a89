//! Reviews: which documents may be false now, and exactly why.

use leptos::prelude::*;
use serde::Serialize;

use super::runbooks::RunbookRow;
use super::shell::Head;
use crate::model::answer::Precision;
use crate::model::book::Workaround;
use crate::model::field::field_words;
use crate::model::moment::Moment;
use crate::model::status::Trust;
use crate::model::verdict::count_of;
use crate::parts::document::reviewed;
use crate::parts::{self, encoded};

/// The queue; its flags are `GET /api/v1/reviews`.
#[derive(Debug, Clone, Serialize)]
pub struct ReviewsPicture {
    /// Runbooks with open flags, by harm.
    pub check_needed: Group,
    /// Never reviewed.
    pub never_reviewed: Group,
    /// Asked to be reviewed by now.
    pub overdue: Group,
    /// All that waits in them is to be looked at later.
    pub later: Group,
    /// Linked to nothing.
    pub not_linked: Group,
    /// How many are trusted.
    pub trusted: i64,
    /// Workarounds whose day is over, the oldest first.
    pub workarounds: Vec<Workaround>,
    /// How much was seen that no book says.
    pub undocumented: i64,
    /// How many answers wait in all, and about how many minutes they take.
    pub load: Load,
    /// Whose are shown; everybody's where none is chosen.
    pub owner: Option<String>,
    /// Everybody for whom something waits.
    pub owners: Vec<String>,
    /// How often the flags of each field led to an edit.
    pub precision: Vec<Precision>,
    /// The fields that flag nothing.
    pub muted: Vec<MutedRow>,
    /// Whether the viewer may mute fields.
    pub may_mute: bool,
}

/// Runbooks that wait for the same sort of answer.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Group {
    /// Those in which a false text does most harm, in that order.
    pub rows: Vec<WaitingRow>,
    /// How many there are in all.
    pub total: usize,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Load {
    /// How many answers wait.
    pub waiting: i64,
    /// About how many minutes they take (`answer::minutes`).
    pub minutes: i64,
}

/// A runbook in the queue.
#[derive(Debug, Clone, Serialize)]
pub struct WaitingRow {
    /// The runbook.
    #[serde(flatten)]
    pub row: RunbookRow,
    /// What there is to do in it.
    pub load: Load,
    /// The workflows that it is for and that are in trouble now.
    pub in_trouble: Vec<String>,
    /// Whom its flags were given to, besides its owner.
    pub given_to: Vec<String>,
    /// When the first that is to be looked at later waits again.
    pub later_until: Option<Moment>,
}

/// A field that flags nothing.
#[derive(Debug, Clone, Serialize)]
pub struct MutedRow {
    /// The kind of part.
    pub kind: String,
    /// The field, as it is counted.
    pub field: String,
    /// Since when.
    pub at: Moment,
    /// Who said so.
    pub by: String,
    /// Why.
    pub why: String,
}

/// The title.
pub fn head(_: &ReviewsPicture) -> Head {
    Head { title: "Reviews".to_owned(), state: None }
}

/// The queue as a page: what may be false first, each with its reason.
pub fn body(picture: &ReviewsPicture) -> AnyView {
    let groups = [
        ("check-needed", "May be wrong", "Something they describe has changed.", &picture.check_needed),
        ("never-reviewed", "Never reviewed", "Nobody has said yet that they are right.", &picture.never_reviewed),
        ("overdue", "Overdue", "Their owner asked for a look by now.", &picture.overdue),
        ("later", "Later", "Somebody looks at them later. Where they are read, the doubt stays.", &picture.later),
        (
            "not-linked",
            "Not linked",
            "They link to nothing, so nothing can tell when they become wrong.",
            &picture.not_linked,
        ),
    ];
    let waiting: usize = groups.iter().map(|(.., group)| group.total).sum();
    let trusted = match picture.trusted {
        0 => "No runbook is trusted yet".to_owned(),
        1 => "1 runbook is trusted".to_owned(),
        n => format!("{n} runbooks are trusted"),
    };
    let nothing = (waiting == 0).then(|| nothing_waits(&trusted));
    let sentence = if waiting == 0 { String::new() } else { sentence(picture, &trusted) };
    let group = |(id, title, says, Group { rows, total }): &(&'static str, &'static str, &'static str, &Group)| {
        let more = (*total > rows.len()).then(|| {
            let more = count_of((total - rows.len()) as i64, "more");
            view! { <p class="dim">{format!("{more} wait. They move up as these are answered.")}</p> }
        });
        let rows_view = rows.iter().map(row).collect_view();
        let list = view! { <p class="dim">{*says}</p><ul class="rows r-review">{rows_view}</ul>{more} }.into_any();
        (*total > 0).then(|| parts::section(id, &format!("{title} ({total})"), list))
    };
    view! {
        <div class="page reviews">
            {parts::heading("Reviews", &sentence, None)}
            {whose(picture)}
            {super::undocumented::way(picture.undocumented, None)}
            {nothing}
            {groups.iter().map(group).collect_view()}
            {super::why::overdue(&picture.workarounds)}
            {fields(picture)}
        </div>
    }
    .into_any()
}

/// `7 answers wait, about 9 minutes. 4 runbooks are trusted.`
fn sentence(picture: &ReviewsPicture, trusted: &str) -> String {
    let Load { waiting, minutes } = picture.load;
    let answers = match waiting {
        0 => return format!("Nothing waits for an answer now. {trusted}."),
        1 => "1 answer waits".to_owned(),
        n => format!("{n} answers wait"),
    };
    match minutes {
        1 => format!("{answers}, about a minute. {trusted}."),
        minutes => format!("{answers}, about {minutes} minutes. {trusted}."),
    }
}

/// The ways to what waits for one owner alone.
fn whose(picture: &ReviewsPicture) -> Option<AnyView> {
    let link = |words: &str, owner: Option<&str>| {
        let here = (picture.owner.as_deref() == owner).then_some("true");
        let href = owner.map_or("/reviews".to_owned(), |owner| format!("/reviews?for={}", encoded(owner)));
        view! { <li><a href=href aria-current=here>{words.to_owned()}</a></li> }
    };
    (picture.owners.len() > 1 || picture.owner.is_some()).then(|| {
        view! {
            <nav class="filters" aria-label="Whose reviews">
                <ul>
                    {link("Everybody", None)}
                    {picture.owners.iter().map(|owner| link(owner, Some(owner))).collect_view()}
                </ul>
            </nav>
        }
        .into_any()
    })
}

fn nothing_waits(trusted: &str) -> AnyView {
    let checked = parts::when(parts::ink().now);
    view! { <p class="sentence">"Nothing waits for a review. "{trusted.to_owned()}", checked "{checked}"."</p> }
        .into_any()
}

/// Why a runbook waits, where its badge does not say all of it already.
fn says_more(row: &RunbookRow) -> Option<&str> {
    match row.trust {
        Trust::CheckNeeded | Trust::Overdue => Some(&row.reason),
        Trust::NeverReviewed | Trust::NotLinked | Trust::Trusted => None,
    }
}

fn row(waiting: &WaitingRow) -> AnyView {
    let row = &waiting.row;
    let last = (row.trust != Trust::NeverReviewed).then(|| reviewed(row.reviewed.as_ref()));
    let href = format!("/reviews/{}", row.slug);
    let trouble = (!waiting.in_trouble.is_empty())
        .then(|| view! { <strong>{format!("In trouble now: {}. ", waiting.in_trouble.join(", "))}</strong> });
    let later = waiting.later_until.map(|until| view! { " Waits again after "{parts::when(until)}"." });
    let owner = match waiting.given_to.as_slice() {
        [] => row.owner.clone().unwrap_or_else(|| "No owner".to_owned()),
        given => format!("Given to {}", given.join(", ")),
    };
    view! {
        <li class=format!("t-{}", row.trust.name())>
            <span class="c-trust">{parts::trust_badge(row.trust, row.to_check)}</span>
            <span class="c-name">
                <a href=format!("/runbooks/{}", row.slug)>{row.title.clone()}</a>
                {row.critical.then(|| parts::tag("critical"))}
            </span>
            <span class="c-what">{trouble}{says_more(row).map(str::to_owned)}{later}</span>
            <span class="c-when">{last}</span>
            <span class="c-owner">{owner}</span>
            <span class="c-act"><a class="button" href=href>"Review"<span class="sr">{format!(" {}", row.title)}</span></a></span>
        </li>
    }
    .into_any()
}

/// How often flags led to an edit, field by field, and what flags nothing.
fn fields(picture: &ReviewsPicture) -> Option<AnyView> {
    if picture.precision.is_empty() && picture.muted.is_empty() {
        return None;
    }
    let is_muted = |p: &Precision| picture.muted.iter().any(|m| m.kind == p.kind && m.field == p.field);
    let precision = |p: &Precision| {
        let mute = (picture.may_mute && p.leads_to_nothing && !is_muted(p)).then(|| mute_form(&p.kind, &p.field));
        view! {
            <tr>
                <td><span title=p.field.clone()>{field_words(&p.field)}</span>{format!(" of each {}", p.kind)}</td>
                <td class="number">{p.answered}</td>
                <td class="number">{p.edited}</td>
                <td>{mute}</td>
            </tr>
        }
    };
    let muted = |m: &MutedRow| {
        let by = format!(" of each {}, muted by {} ", m.kind, m.by);
        let back = picture.may_mute.then(|| {
            view! {
                <form method="post" action="/reviews">
                    <input type="hidden" name="kind" value=m.kind.clone()/>
                    <input type="hidden" name="field" value=m.field.clone()/>
                    <button class="button" name="act" value="unmute">
                        "Let it flag again"<span class="sr">{format!(": {} of each {}", field_words(&m.field), m.kind)}</span>
                    </button>
                </form>
            }
        });
        view! { <li><span title=m.field.clone()>{field_words(&m.field)}</span>{by}{parts::when(m.at)}{format!(": {}", m.why)}{back}</li> }
    };
    let table = (!picture.precision.is_empty()).then(|| {
        view! {
            <div class="scroll" tabindex="0" role="region" aria-label="Answers by field">
                <table>
                    <thead><tr><th>"Field"</th><th>"Answered"</th><th>"Led to an edit"</th><th><span class="sr">"Mute"</span></th></tr></thead>
                    <tbody>{picture.precision.iter().map(precision).collect_view()}</tbody>
                </table>
            </div>
        }
    });
    let list = (!picture.muted.is_empty()).then(|| {
        view! { <h3>"Fields that flag nothing"</h3><ul class="plain">{picture.muted.iter().map(muted).collect_view()}</ul> }
    });
    Some(
        view! {
            <details class="fields" id="fields" open=!picture.muted.is_empty()>
                <summary>"How often flags led to an edit"</summary>
                {table}
                {list}
            </details>
        }
        .into_any(),
    )
}

fn mute_form(kind: &str, field: &str) -> AnyView {
    let id = format!("mute_{kind}_{}", field.replace(['.', '*'], "_"));
    view! {
        <form method="post" action="/reviews" class="mute">
            <input type="hidden" name="kind" value=kind.to_owned()/>
            <input type="hidden" name="field" value=field.to_owned()/>
            <label for=id.clone()>"Why it need not flag"</label>
            <input id=id name="why" maxlength="500" required/>
            <button class="button" name="act" value="mute">"Mute"<span class="sr">{format!(": {} of each {kind}", field_words(field))}</span></button>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(trust: Trust, reason: &str) -> String {
        let row = RunbookRow {
            slug: "erp".into(),
            title: "ERP refuses orders".into(),
            version: 5,
            saved_at: Moment::default(),
            trust,
            reason: reason.into(),
            flags: 1,
            to_check: 1,
            reviewed: None,
            owner: None,
            critical: false,
            about: Vec::new(),
            missing: Vec::new(),
            follow: None,
        };
        let (load, none) = (Load::default(), Vec::new());
        let waiting = WaitingRow { row, load, in_trouble: none.clone(), given_to: none, later_until: None };
        Owner::new().with(|| super::row(&waiting).to_html())
    }

    #[test]
    fn a_row_says_once_that_nobody_has_reviewed_it_and_says_why_another_waits() {
        let never = drawn(Trust::NeverReviewed, "Nobody has said that it is right.");
        assert_eq!(never.matches("Never reviewed").count(), 1, "{never}");
        assert!(!never.contains("Nobody has said"), "{never}");
        let doubtful = drawn(Trust::CheckNeeded, "Push to ERP: time allowed was 5m, is 7m.");
        assert!(doubtful.contains("Check needed") && doubtful.contains("time allowed was 5m, is 7m."), "{doubtful}");
    }
}
