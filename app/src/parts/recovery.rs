//! What to do first: the section of a runbook that matches the trouble, and whether it can be believed.

use leptos::prelude::*;

use super::marks::{icon, trust_badge};
use crate::model::status::Trust;
use crate::pages::workflow::Recovery;

/// The first steps of the matching section. Steps that may be outdated are fenced in and say so before they are read.
pub fn recovery(recovery: &Recovery) -> AnyView {
    let steps = match recovery.steps.as_slice() {
        [] => ().into_any(),
        steps => {
            let one = |(number, step): (usize, &String)| {
                view! { <li>{recovery.in_doubt.contains(&number).then(in_doubt)}{step.clone()}</li> }
            };
            view! { <ol>{(1..).zip(steps).map(one).collect_view()}</ol> }.into_any()
        }
    };
    view! {
        <div class=format!("recovery t-{}", recovery.trust.name())>
            {warning(recovery)}
            {steps}
            {(recovery.more > 0).then(|| more(recovery))}
            {from(recovery)}
        </div>
    }
    .into_any()
}

/// That these are not all steps: whoever has done them is not done.
fn more(recovery: &Recovery) -> AnyView {
    let words = match recovery.more {
        1 => "1 more step in the runbook".to_owned(),
        n => format!("{n} more steps in the runbook"),
    };
    view! { <p class="dim">{words}</p> }.into_any()
}

/// What stands before a step that speaks of something that has changed.
pub fn in_doubt() -> AnyView {
    view! { <strong class="in-doubt">"May be wrong:"</strong>" " }.into_any()
}

/// Whether the steps below can be believed, said before they are read.
pub fn warning(recovery: &Recovery) -> AnyView {
    let review = format!("/reviews/{}", recovery.slug);
    let title = match recovery.trust {
        Trust::Trusted => "Do this first",
        Trust::CheckNeeded => "May be outdated: check before you do this",
        Trust::NeverReviewed => "Nobody has confirmed these steps",
        Trust::Overdue => "Not reviewed for too long: check before you do this",
        Trust::NotLinked => "Nothing can tell whether these steps are still right",
    };
    let why = (recovery.trust == Trust::CheckNeeded).then(|| reasons(recovery));
    view! {
        <p class="title">
            {icon(if recovery.trust == Trust::Trusted { "steps" } else { "alert" })}
            <span><strong>{title}</strong>" "{trust_badge(recovery.trust, 0)}</span>
        </p>
        {why.map(|why| view! { <p class="why">{why}" "<a href=review>"See why"</a></p> })}
    }
    .into_any()
}

/// Why a section must be checked: what it describes has changed, its own text has, somebody doubts it.
fn reasons(recovery: &Recovery) -> String {
    let changed = recovery.flags - i64::from(recovery.edited) - recovery.doubts;
    let changed = match changed {
        ..=0 => None,
        1 => Some("Something this section describes has changed since its review.".to_owned()),
        n => Some(format!("{n} things this section describes have changed since its review.")),
    };
    let edited = recovery.edited.then(|| "Its text was edited, and nobody has reviewed it since.".to_owned());
    let doubted = (recovery.doubts > 0).then(|| "Somebody followed it and says that it was not right.".to_owned());
    [changed, edited, doubted].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Which section of which runbook it is.
pub fn from(recovery: &Recovery) -> AnyView {
    let section = match recovery.section.as_str() {
        "" => String::new(),
        anchor => format!("#{anchor}"),
    };
    let href = format!("/runbooks/{}{section}", recovery.slug);
    let name = match recovery.section_title.as_str() {
        "" => recovery.title.clone(),
        section => format!("{}: {section}", recovery.title),
    };
    view! { <p class="from"><a href=href>{icon("file-text")}{name}</a></p> }.into_any()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn picture(trust: Trust, flags: i64) -> Recovery {
        Recovery {
            slug: "erp-refuses-orders".to_owned(),
            section: "do-this-now".to_owned(),
            title: "ERP refuses orders".to_owned(),
            section_title: "Do this now".to_owned(),
            steps: vec!["Call the duty desk".to_owned()],
            more: 0,
            trust,
            flags,
            in_doubt: BTreeSet::new(),
            edited: false,
            doubts: 0,
        }
    }

    fn drawn(trust: Trust, flags: i64) -> String {
        Owner::new().with(|| recovery(&picture(trust, flags)).to_html())
    }

    #[test]
    fn what_made_it_doubtful_is_said_and_nothing_else() {
        let changed = picture(Trust::CheckNeeded, 2);
        assert_eq!(reasons(&changed), "2 things this section describes have changed since its review.");
        let edited = Recovery { edited: true, ..picture(Trust::CheckNeeded, 1) };
        assert_eq!(reasons(&edited), "Its text was edited, and nobody has reviewed it since.");
        let all = Recovery { edited: true, doubts: 1, ..picture(Trust::CheckNeeded, 3) };
        assert_eq!(
            reasons(&all),
            "Something this section describes has changed since its review. Its text was edited, and nobody has \
             reviewed it since. Somebody followed it and says that it was not right."
        );
    }

    #[test]
    fn that_a_section_has_more_steps_is_said() {
        assert!(!drawn(Trust::Trusted, 0).contains("more step"));
        let cut = Recovery { more: 2, ..picture(Trust::Trusted, 0) };
        assert!(Owner::new().with(|| recovery(&cut).to_html()).contains("2 more steps in the runbook"));
    }

    #[test]
    fn an_outdated_instruction_never_looks_like_a_good_one() {
        let good = drawn(Trust::Trusted, 0);
        assert!(good.contains("Do this first") && good.contains("t-trusted"));
        for trust in [Trust::CheckNeeded, Trust::NeverReviewed, Trust::Overdue, Trust::NotLinked] {
            let doubtful = drawn(trust, 2);
            assert!(!doubtful.contains("Do this first"), "{doubtful}");
            let (warning, step) = (doubtful.find("<strong>"), doubtful.find("Call the duty desk"));
            assert!(warning < step && doubtful.contains(trust.words()), "{doubtful}");
        }
    }
}
