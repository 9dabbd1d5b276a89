//! Whether a runbook was ever followed: when it was last, when it last proved itself, what drills there were.

use leptos::prelude::*;

use super::times::when;
use crate::model::following::Followed;
use crate::model::moment::Moment;
use crate::pages::drill::DrillRow;
use crate::pages::runbooks::Follow;

/// What is known of how a runbook was followed, and the way to do it once more.
#[derive(Debug)]
pub struct Practice<'a> {
    /// The runbook.
    pub slug: &'a str,
    /// Its newest version.
    pub newest: i64,
    /// When it was last followed and proved.
    pub follow: &'a Follow,
    /// The version that the person reading last followed, and when.
    pub mine: Option<(i64, Moment)>,
    /// The newest drills.
    pub drills: &'a [DrillRow],
    /// Whether it has steps that can be ticked.
    pub has_steps: bool,
}

/// When it was last followed and proved, the drills, and a button to start one.
pub fn practice(practice: &Practice) -> AnyView {
    let Practice { slug, newest, follow, drills, .. } = practice;
    let mine = practice.mine.map(|(version, at)| {
        let changed = match version == *newest {
            true => view! { ". It says the same today." }.into_any(),
            false => {
                let href = format!("/runbooks/{slug}/compare?from={version}&to={newest}");
                view! { ". "<a href=href>"See what changed since"</a> }.into_any()
            }
        };
        view! { <p>{format!("You last followed version {version}, ")}{when(at)}{changed}</p> }
    });
    let start = practice.has_steps.then(|| {
        view! {
            <form method="post" action=format!("/runbooks/{slug}/drills") class="for-operators">
                <button class="button">"Start a drill"</button>
            </form>
        }
    });
    let list = drills.iter().map(|drill| drill_row(slug, drill)).collect_view();
    let list = (!drills.is_empty()).then(|| {
        view! { <details class="drills"><summary>"Drills"</summary><ul class="plain">{list}</ul></details> }
    });
    view! {
        <div class="practice">
            <p class="dim">{said(follow)}</p>
            {under_way(slug, drills)}
            {mine}
            {start}
            {list}
        </div>
    }
    .into_any()
}

/// "Last followed …, last proved …", with links to the records.
pub fn said(follow: &Follow) -> AnyView {
    let link = |followed: &Followed| {
        view! {
            <a href=followed.href.clone()>{when(followed.at)}</a>
            {format!(" by {} (version {})", followed.by, followed.version)}
        }
    };
    let followed = match &follow.last_followed {
        Some(last) => view! { "Last followed "{link(last)}"." }.into_any(),
        // A drill may be under way in which nothing was done yet.
        None => "Nobody has done a step of it here yet, about a problem or in a drill.".into_any(),
    };
    let proved = match (&follow.last_proved, &follow.last_followed) {
        (Some(last), _) => view! { " Last proved "{link(last)}"." }.into_any(),
        (None, Some(_)) => " Never proved.".into_any(),
        (None, None) => ().into_any(),
    };
    view! { {followed}{proved} }.into_any()
}

fn under_way(slug: &str, drills: &[DrillRow]) -> Vec<AnyView> {
    let open = drills.iter().filter(|drill| drill.outcome.is_none());
    let one = |drill: &DrillRow| {
        let href = format!("/runbooks/{slug}/drills/{}", drill.number);
        let by = format!(" is under way, begun by {} ", drill.started_by);
        view! { <p><a href=href>{format!("Drill {}", drill.number)}</a>{by}{when(drill.started_at)}"."</p> }.into_any()
    };
    open.map(one).collect()
}

fn drill_row(slug: &str, drill: &DrillRow) -> AnyView {
    let href = format!("/runbooks/{slug}/drills/{}", drill.number);
    view! {
        <li>
            <a href=href>{format!("Drill {}", drill.number)}</a>" "{when(drill.started_at)}
            {format!(" by {}, version {}: {}", drill.started_by, drill.version, drill.words())}
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(follow: &Follow, mine: Option<i64>) -> String {
        let mine = mine.map(|version| (version, Moment::default()));
        let practice = Practice { slug: "erp", newest: 5, follow, mine, drills: &[], has_steps: true };
        Owner::new().with(|| super::practice(&practice).to_html())
    }

    #[test]
    fn what_was_followed_is_told_with_its_record_and_what_was_not_is_said() {
        let never = drawn(&Follow::default(), None);
        assert!(never.contains("Nobody has done a step of it here yet") && never.contains("Start a drill"), "{never}");
        let href = "/problems/7".to_owned();
        let last = Followed { version: 4, at: Moment::default(), by: "anna".into(), href };
        let once = drawn(&Follow { last_followed: Some(last), last_proved: None }, None);
        assert!(once.contains("href=\"/problems/7\"") && once.contains("by anna (version 4)"), "{once}");
        assert!(once.contains("Never proved."), "{once}");
    }

    #[test]
    fn beside_a_drill_that_just_began_it_is_not_said_that_there_was_none() {
        let drill = DrillRow {
            number: 1,
            version: 5,
            started_by: "anna".into(),
            started_at: Moment::default(),
            ended_at: None,
            ended_by: None,
            outcome: None,
            proved: false,
        };
        let follow = Follow::default();
        let practice =
            Practice { slug: "erp", newest: 5, follow: &follow, mine: None, drills: &[drill], has_steps: true };
        let html = Owner::new().with(|| super::practice(&practice).to_html());
        assert!(html.contains("is under way, begun by anna"), "{html}");
        assert!(html.contains("Nobody has done a step of it here yet") && !html.contains("Never followed"), "{html}");
    }

    #[test]
    fn who_followed_an_older_version_is_led_to_what_changed() {
        assert!(drawn(&Follow::default(), Some(3)).contains("/runbooks/erp/compare?from=3&amp;to=5"));
        assert!(drawn(&Follow::default(), Some(5)).contains("It says the same today."));
    }
}
