//! A record: what one system holds of a thing at a moment. Of each system the newest counts, whatever arrives when.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::event::{Sequence, believed_time};
use super::moment::Moment;
use super::subject::Subject;

/// What a system holds of a thing, as it was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The system that holds it.
    pub system: String,
    /// The thing.
    pub subject: Subject,
    /// The system's own numbering of what it holds.
    pub version: Option<Sequence>,
    /// The values by field.
    pub fields: BTreeMap<String, Datum>,
    /// When the system held this; none when that is the time of the event.
    pub as_of: Option<Moment>,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Datum {
    /// True or false.
    Truth(bool),
    /// A number, as it was written.
    Number(serde_json::Number),
    /// Text.
    Text(String),
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truth(true) => f.write_str("yes"),
            Self::Truth(false) => f.write_str("no"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Datum {
    /// The number that it is or says. Text with a zero before its first digit is a code, like `007`.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Truth(_) => None,
            Self::Number(number) => number.as_f64(),
            Self::Text(text) => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let plain = digits.starts_with(|c: char| c.is_ascii_digit())
                    && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                let code = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
                (plain && !code).then(|| text.parse().ok()).flatten()
            }
        }
    }
}

/// The newest record of a thing in a system, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The thing.
    pub subject: Subject,
    /// The system.
    pub system: String,
    /// When the system held this.
    pub as_of: Moment,
    /// The system's own numbering.
    pub version: Option<Sequence>,
    /// The values by field.
    pub fields: BTreeMap<String, Datum>,
    /// When we heard it.
    pub heard_at: Moment,
}

impl Kept {
    /// A record as it is kept when it is heard. One that claims to be of the future is of the moment it was heard.
    pub fn heard(record: &Record, time: Moment, received_at: Moment) -> Self {
        Self {
            subject: record.subject.clone(),
            system: record.system.clone(),
            as_of: believed_time(record.as_of.unwrap_or(time), received_at),
            version: record.version.clone(),
            fields: record.fields.clone(),
            heard_at: received_at,
        }
    }

    /// Whether it takes the place of another of the same thing in the same system: it is of a later moment, or of the
    /// same and has a later version. Where both are equal the content decides, so that the order of arrival never does.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let content = |kept: &Self| serde_json::to_string(&kept.fields).unwrap_or_default();
        (self.as_of, &self.version).cmp(&(other.as_of, &other.version)).then_with(|| content(self).cmp(&content(other)))
            == std::cmp::Ordering::Greater
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn kept(as_of: i64, version: Option<&str>, status: &str) -> Kept {
        Kept {
            subject: Subject::of("order/1"),
            system: "erp".to_owned(),
            as_of: Moment::from_millis(as_of),
            version: version.map(Sequence::of),
            fields: BTreeMap::from([("status".to_owned(), Datum::Text(status.to_owned()))]),
            heard_at: Moment::from_millis(0),
        }
    }

    #[test]
    fn a_later_moment_is_newer_and_at_one_moment_a_later_version() {
        assert!(kept(2, None, "a").is_newer_than(&kept(1, Some("9"), "a")));
        assert!(kept(1, Some("10"), "a").is_newer_than(&kept(1, Some("9"), "a")));
        assert!(!kept(1, Some("9"), "a").is_newer_than(&kept(1, Some("9"), "a")));
    }

    #[test]
    fn a_number_is_a_number_however_it_is_written_and_a_code_is_not() {
        let number = |value| serde_json::from_value::<Datum>(value).unwrap().number();
        assert_eq!(number(json!(99.9)), Some(99.9));
        assert_eq!(number(json!("99.90")), Some(99.9));
        assert_eq!(number(json!("-0.5")), Some(-0.5));
        assert_eq!(number(json!("007")), None);
        assert_eq!(number(json!("1.2.3")), None);
        assert_eq!(number(json!("1e5")), None);
        assert_eq!(number(json!(true)), None);
    }

    fn records() -> impl Strategy<Value = Vec<Kept>> {
        let one = (0i64..4, proptest::option::of(0u8..3), 0usize..3).prop_map(|(as_of, version, status)| {
            kept(as_of, version.map(|v| v.to_string()).as_deref(), ["paid", "sent", "held"][status])
        });
        proptest::collection::vec(one, 1..8)
    }

    fn newest(records: &[Kept]) -> Kept {
        let first = records[0].clone();
        records.iter().fold(first, |known, kept| if kept.is_newer_than(&known) { kept.clone() } else { known })
    }

    proptest! {
        #[test]
        fn in_whatever_order_and_however_often_records_arrive_the_same_one_is_kept(
            records in records(), by in 0usize..8, again in any::<bool>(),
        ) {
            let mut other = records.clone();
            other.rotate_left(by % records.len());
            if again {
                other.extend(records.iter().rev().cloned());
            }
            prop_assert_eq!(newest(&other), newest(&records));
        }
    }
}
