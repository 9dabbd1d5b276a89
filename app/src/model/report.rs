//! What a person says looks wrong: a few plain words, taken as they are.

use serde::{Deserialize, Serialize};

use super::event::without_null;
use super::moment::Moment;

/// The longest report, in characters.
pub const LONGEST: usize = 500;

/// What a person said looks wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its number.
    pub id: i64,
    /// The workflow of the run it was said of; none when it was said of a subject.
    pub workflow: Option<String>,
    /// That run.
    pub run: Option<String>,
    /// The subject it was said of, or that the run was about then.
    pub subject: Option<String>,
    /// What was said.
    pub text: String,
    /// Who said it.
    pub by: String,
    /// When.
    pub at: Moment,
    /// Who has seen it; none while nobody has.
    pub seen_by: Option<String>,
    /// When it was seen.
    pub seen_at: Option<Moment>,
}

/// The words of a report as they are kept: without white space around them, line ends as `\n`.
///
/// # Errors
/// What to do, in a sentence, where nothing was said or too much.
pub fn words(typed: &str) -> Result<String, String> {
    let text = without_null(&typed.replace("\r\n", "\n"));
    let text = text.trim();
    match text.chars().count() {
        0 => Err("Say in a few words what looks wrong.".to_owned()),
        n if n > LONGEST => Err(format!("This is {n} characters long. Say it in at most {LONGEST}.")),
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_1_to_500_characters() {
        assert_eq!(words("  the mail came twice\r\nwhy?  "), Ok("the mail came twice\nwhy?".to_owned()));
        assert!(words(" \n ").unwrap_err().contains("a few words"));
        assert!(words(&"ä".repeat(500)).is_ok());
        assert!(words(&"ä".repeat(501)).unwrap_err().contains("501"));
    }
}
