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
            let one = |step: &String| view! { <li>{step.clone()}</li> };
            view! { <ol>{steps.iter().map(one).collect_view()}</ol> }.into_any()
        }
    };
    view! {
        <div class=format!("recovery t-{}", recovery.trust.name())>
            {warning(recovery)}
            {steps}
            {from(recovery)}
        </div>
    }
    .into_any()
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
    let why = match (recovery.trust, recovery.flags) {
        (Trust::CheckNeeded, 0 | 1) => {
            Some("Something this section describes has changed since its review.".to_owned())
        }
        (Trust::CheckNeeded, n) => Some(format!("{n} things this section describes have changed since its review.")),
        _ => None,
    };
    view! {
        <p class="title">
            {icon(if recovery.trust == Trust::Trusted { "steps" } else { "alert" })}
            <span><strong>{title}</strong>" "{trust_badge(recovery.trust, recovery.flags)}</span>
        </p>
        {why.map(|why| view! { <p class="why">{why}" "<a href=review>"See what changed"</a></p> })}
    }
    .into_any()
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
    use super::*;

    fn drawn(trust: Trust, flags: i64) -> String {
        let picture = Recovery {
            slug: "erp-refuses-orders".to_owned(),
            section: "do-this-now".to_owned(),
            title: "ERP refuses orders".to_owned(),
            section_title: "Do this now".to_owned(),
            steps: vec!["Call the duty desk".to_owned()],
            trust,
            flags,
        };
        Owner::new().with(|| recovery(&picture).to_html())
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
