//! What a new runbook begins with: one heading for each thing that a reader needs, what to do first.

use super::reference::Reference;

/// The headings of a new runbook, in the order in which somebody in trouble needs them.
pub const HEADINGS: [&str; 5] =
    ["Do this now", "What it means", "If it does not help", "Who depends on it", "Background"];

/// The text that a new runbook begins with. What it is for is in it where that is known.
pub fn skeleton(about: Option<&Reference>) -> String {
    let about = about.map(|about| about.to_string());
    let reference = about.as_ref().map_or("[]".to_owned(), |about| format!("[\"{about}\"]"));
    let mut text = format!("---\ntitle: \nfor: {reference}\nowner: \n---\n");
    let component = about.as_deref().and_then(|about| about.strip_prefix("component:"));
    for heading in HEADINGS {
        text.push_str(&format!("\n## {heading}\n"));
        match (heading, component) {
            ("Do this now", _) => text.push_str("\n- [ ] \n"),
            ("Who depends on it", Some(id)) => text.push_str(&format!("\n![Who needs it](live:dependents/{id})\n")),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown;

    #[test]
    fn a_new_runbook_has_five_headings_and_asks_first_what_to_do() {
        let text = skeleton(Some(&Reference::Component("erp".into())));
        assert!(text.starts_with("---\ntitle: \nfor: [\"component:erp\"]\n"));
        let body = text.splitn(3, "---\n").nth(2).unwrap();
        let document = markdown::parse(body).unwrap();
        let titles: Vec<_> = document.sections.iter().map(|s| s.title.as_str()).collect();
        assert_eq!(titles, HEADINGS);
        assert_eq!((document.sections[0].steps.len(), document.sections[3].panels.len()), (1, 1));
    }
}
