//! Agreement: which systems must say the same of a thing, whether they do, and when it is a problem that they do not.

use std::collections::BTreeSet;
use std::fmt;

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::book::Workflow;
use super::moment::{Moment, Span};
use super::problem::{Claim, Kind, Where};
use super::record::{Datum, Kept};
use super::status::State;

/// How long two systems may differ where the book does not say.
const WITHIN: Span = Span::from_minutes(10);

/// How far apart two numbers may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// By this much of the greater one, in percent.
    Percent(f64),
    /// By this much.
    Amount(f64),
}

impl Tolerance {
    /// Parses `1%`, `0.5%`, `0.01` or `2`.
    ///
    /// # Errors
    /// A sentence for the author.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (digits, make): (&str, fn(f64) -> Self) = match text.trim().strip_suffix('%') {
            Some(digits) => (digits.trim_end(), Self::Percent),
            None => (text.trim(), Self::Amount),
        };
        let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        match digits.parse::<f64>() {
            Ok(number) if plain && number.is_finite() => Ok(make(number)),
            _ => {
                Err(format!("\"{text}\" is not a tolerance; write a number from 0 up, like 0.01, or a share, like 1%"))
            }
        }
    }

    fn covers(self, a: f64, b: f64) -> bool {
        let greater = a.abs().max(b.abs());
        let allowed = match self {
            Self::Percent(percent) => greater * percent / 100.0,
            Self::Amount(amount) => amount,
        };
        // 10.01 and 10.00 are a cent apart, although their difference as binary numbers is a little more.
        (a - b).abs() <= allowed + greater * 1e-9
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Amount(amount) => write!(f, "{amount}"),
        }
    }
}

impl Serialize for Tolerance {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Tolerance {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Tolerance::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Tolerance {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tolerance".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "number"], "minimum": 0, "pattern": "^[0-9.]+ *%?$",
            "description": "a number like 0.01, or a share like 1%"
        })
    }
}

/// One comparison that the book asks for: a field that two systems must hold alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison<'b> {
    /// The system that is named first.
    pub first: &'b str,
    /// The other one.
    pub second: &'b str,
    /// The field.
    pub field: &'b str,
    /// How far apart numbers may be.
    pub tolerance: Option<Tolerance>,
    /// How long they may differ.
    pub within: Span,
}

impl Comparison<'_> {
    /// The two systems as one text: `shop/erp`.
    pub fn pair(&self) -> String {
        format!("{}/{}", self.first, self.second)
    }

    /// What tells it from others in its workflow: `shop/erp status`.
    pub fn cause(&self) -> String {
        format!("{} {}", self.pair(), self.field)
    }
}

/// Every comparison that a workflow asks for: each two of the systems of an entry, for each of its fields. What is
/// asked for twice counts as it is asked for first. None where the workflow does not say what its runs are about.
pub fn comparisons(workflow: &Workflow) -> Vec<Comparison<'_>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for agreement in workflow.agree.iter().filter(|_| workflow.subject.is_some()) {
        for (i, first) in agreement.systems.iter().enumerate() {
            for second in &agreement.systems[i + 1..] {
                for field in &agreement.fields {
                    let pair = if first <= second { (first, second) } else { (second, first) };
                    if first != second && seen.insert((pair, field)) {
                        found.push(Comparison {
                            first,
                            second,
                            field,
                            tolerance: agreement.tolerance,
                            within: agreement.within.unwrap_or(WITHIN),
                        });
                    }
                }
            }
        }
    }
    found
}

/// Whether two values are further apart than allowed. Numbers are compared as numbers, all else as it is written.
pub fn differ(a: &Datum, b: &Datum, tolerance: Option<Tolerance>) -> bool {
    match (a.number(), b.number()) {
        (Some(a), Some(b)) => !tolerance.unwrap_or(Tolerance::Amount(0.0)).covers(a, b),
        _ => a.to_string() != b.to_string(),
    }
}

/// Two systems that say different things of one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disagreement {
    /// The workflow that asks for the comparison.
    pub workflow: String,
    /// The two systems: `shop/erp`.
    pub pair: String,
    /// The field.
    pub field: String,
    /// Since when, as far as was known when it was noticed: since the later of the two records.
    pub since: Moment,
}

/// Where the newest records of one thing disagree, by what one workflow asks for. One that goes on (it is among
/// `known`) goes on since it began, whatever the systems have said in between, until they say the same.
///
/// A field that only one of them has told is not compared: not having heard is not disagreeing.
pub fn disagreements(workflow: &Workflow, records: &[Kept], known: &[Disagreement]) -> Vec<Disagreement> {
    let of = |system: &str| records.iter().find(|r| r.system == system);
    comparisons(workflow)
        .into_iter()
        .filter_map(|comparison| {
            let (first, second) = (of(comparison.first)?, of(comparison.second)?);
            let values = (first.fields.get(comparison.field)?, second.fields.get(comparison.field)?);
            differ(values.0, values.1, comparison.tolerance).then(|| {
                let (pair, field) = (comparison.pair(), comparison.field.to_owned());
                let before = known.iter().find(|k| k.workflow == workflow.id && k.pair == pair && k.field == field);
                let since = before.map_or(first.as_of.max(second.as_of), |k| k.since);
                Disagreement { workflow: workflow.id.clone(), pair, field, since }
            })
        })
        .collect()
}

/// The disagreements of one comparison that have lasted longer than they may.
#[derive(Debug, Clone, PartialEq)]
pub struct Lasting {
    /// How many things; at least one.
    pub count: i64,
    /// Whether there are more than were counted.
    pub more: bool,
    /// Since when the oldest.
    pub oldest: Moment,
    /// The oldest of them, at most a few.
    pub subjects: Vec<String>,
}

/// What is wrong when a comparison has failed for too long: one claim, however many things it is about, so that forty
/// orders are one problem, and that problem stays the same while their number changes. `names` are the systems' names.
pub fn claim(
    workflow: &Workflow,
    comparison: &Comparison<'_>,
    lasting: &Lasting,
    names: (&str, &str),
    now: Moment,
    zone: &TimeZone,
) -> Claim {
    Claim {
        kind: Kind::Mismatch,
        place: Where::Workflow(workflow.id.clone()),
        cause: comparison.cause(),
        state: State::Late,
        since: lasting.oldest,
        count: lasting.count,
        sentence: sentence(comparison, lasting, names, now, zone),
        next: Some("It ends by itself when both say the same.".to_owned()),
        subjects: lasting.subjects.clone(),
    }
}

fn sentence(
    comparison: &Comparison<'_>,
    lasting: &Lasting,
    (first, second): (&str, &str),
    now: Moment,
    zone: &TimeZone,
) -> String {
    let since = lasting.oldest.words(now, zone);
    let begin = format!("{first} and {second} disagree on {}", comparison.field);
    match (lasting.subjects.as_slice(), lasting.count) {
        ([one], 1) => format!("{begin} of {one} since {since}."),
        (some, count) => {
            let at_least = if lasting.more { "at least " } else { "" };
            let rest = count - some.len() as i64;
            let rest = if rest > 0 { format!(" and {at_least}{rest} more") } else { String::new() };
            format!("{begin} in {at_least}{count} cases, the oldest since {since}: {}{rest}.", some.join(", "))
        }
    }
}

/// What is said of one disagreement of one thing: `shop and erp disagree on status since 07:40`.
pub fn words(comparison: &Comparison<'_>, since: Moment, names: (&str, &str), now: Moment, zone: &TimeZone) -> String {
    format!("{} and {} disagree on {} since {}.", names.0, names.1, comparison.field, since.words(now, zone))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::subject::Subject;
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn at(second: i64) -> Moment {
        Moment::from_millis(1_780_000_000_000 + second * 1000)
    }

    fn datum(value: Value) -> Datum {
        serde_json::from_value(value).unwrap()
    }

    fn workflow(agree: Value) -> Workflow {
        serde_json::from_value(json!({"id": "w", "name": "W", "subject": "order", "agree": agree})).unwrap()
    }

    fn usual() -> Workflow {
        workflow(
            json!([{"systems": ["shop", "erp"], "fields": ["status", "total"], "tolerance": "1%", "within": "5m"}]),
        )
    }

    fn kept(system: &str, as_of: i64, fields: Value) -> Kept {
        Kept {
            subject: Subject::of("order/1"),
            system: system.to_owned(),
            as_of: at(as_of),
            version: None,
            fields: serde_json::from_value::<BTreeMap<String, Datum>>(fields).unwrap(),
            heard_at: at(as_of),
        }
    }

    #[test]
    fn a_tolerance_is_a_number_or_a_share() {
        assert_eq!(Tolerance::parse("1%"), Ok(Tolerance::Percent(1.0)));
        assert_eq!(Tolerance::parse("0.01"), Ok(Tolerance::Amount(0.01)));
        for wrong in ["one", "-1", "1 percent", "%", "", "inf", "NaN", "1e3", "."] {
            assert!(Tolerance::parse(wrong).unwrap_err().contains("1%"), "{wrong}");
        }
    }

    #[test]
    fn numbers_may_differ_by_the_tolerance_and_words_may_not() {
        let apart = |a: Value, b: Value, t: &str| differ(&datum(a), &datum(b), Tolerance::parse(t).ok());
        assert!(!apart(json!(100), json!(99), "1%") && apart(json!(100), json!(98.9), "1%"));
        assert!(!apart(json!(10.01), json!(10), "0.01") && apart(json!(10.02), json!(10), "0.01"));
        assert!(!apart(json!("99.90"), json!(99.9), "0"));
        assert!(apart(json!("paid"), json!("open"), "50%") && !apart(json!("paid"), json!("paid"), "0"));
        assert!(apart(json!("007"), json!("7"), "0") && apart(json!(true), json!("open"), "0"));
    }

    #[test]
    fn each_two_systems_are_compared_once_and_only_of_a_declared_type() {
        let three = workflow(
            json!([{"systems": ["a", "b", "c"], "fields": ["x"]}, {"systems": ["b", "a"], "fields": ["x", "y"]}]),
        );
        let causes: Vec<_> = comparisons(&three).iter().map(Comparison::cause).collect();
        assert_eq!(causes, ["a/b x", "a/c x", "b/c x", "b/a y"]);
        assert!(comparisons(&Workflow { subject: None, ..three }).is_empty());
    }

    #[test]
    fn systems_disagree_since_the_later_of_their_records_until_they_say_the_same() {
        let shop = kept("shop", 60, json!({"status": "paid", "total": 100}));
        let erp = kept("erp", 20, json!({"status": "open", "total": 99.5}));
        let first = disagreements(&usual(), &[shop, erp.clone()], &[]);
        assert_eq!(first.iter().map(|d| (d.field.as_str(), d.since)).collect::<Vec<_>>(), [("status", at(60))]);
        let later = kept("shop", 90, json!({"status": "sent"}));
        assert_eq!(disagreements(&usual(), &[later.clone(), erp], &first), first);
        assert_eq!(disagreements(&usual(), &[later, kept("erp", 95, json!({"status": "sent"}))], &first), []);
    }

    #[test]
    fn what_only_one_of_them_has_told_is_not_compared() {
        let shop = kept("shop", 1, json!({"status": "paid"}));
        assert_eq!(disagreements(&usual(), std::slice::from_ref(&shop), &[]), []);
        assert_eq!(disagreements(&usual(), &[shop, kept("erp", 1, json!({"total": 5}))], &[]), []);
    }

    #[test]
    fn forty_orders_are_one_claim_with_a_count_and_some_of_them() {
        let book = usual();
        let comparison = &comparisons(&book)[0];
        let subjects = (1..=3).map(|i| format!("order/{i}")).collect();
        let lasting = Lasting { count: 40, more: false, oldest: at(0), subjects };
        let claimed = claim(&book, comparison, &lasting, ("Shop", "ERP"), at(900), &TimeZone::UTC);
        assert_eq!(
            (claimed.kind, claimed.place.to_string().as_str(), claimed.cause.as_str(), claimed.count),
            (Kind::Mismatch, "workflow:w", "shop/erp status", 40)
        );
        assert_eq!(
            claimed.sentence,
            format!(
                "Shop and ERP disagree on status in 40 cases, the oldest since {}: order/1, order/2, order/3 and 37 more.",
                at(0).clock(&TimeZone::UTC)
            )
        );
        let one = Lasting { count: 1, more: false, oldest: at(0), subjects: vec!["order/1".to_owned()] };
        let claimed = claim(&book, comparison, &one, ("Shop", "ERP"), at(900), &TimeZone::UTC);
        assert!(
            claimed.sentence.starts_with("Shop and ERP disagree on status of order/1 since "),
            "{}",
            claimed.sentence
        );
    }

    fn value() -> impl Strategy<Value = Datum> {
        prop_oneof![
            any::<bool>().prop_map(Datum::Truth),
            (-1_000i32..1_000).prop_map(|n| datum(json!(f64::from(n) / 100.0))),
            "[a-z0-9.]{0,4}".prop_map(Datum::Text),
        ]
    }

    fn tolerance() -> impl Strategy<Value = Option<Tolerance>> {
        proptest::option::of(prop_oneof![
            (0u32..200).prop_map(|n| Tolerance::Percent(f64::from(n))),
            (0u32..20).prop_map(|n| Tolerance::Amount(f64::from(n) / 10.0)),
        ])
    }

    proptest! {
        #[test]
        fn it_does_not_matter_which_of_two_is_asked_first_and_nothing_differs_from_itself(
            a in value(), b in value(), t in tolerance(),
        ) {
            prop_assert_eq!(differ(&a, &b, t), differ(&b, &a, t));
            prop_assert!(!differ(&a, &a, t));
        }

        #[test]
        fn who_agrees_within_a_tolerance_agrees_within_a_greater_one(a in value(), b in value(), n in 0u32..100, more in 0u32..100) {
            let by = |n: u32| Some(Tolerance::Percent(f64::from(n)));
            prop_assert!(differ(&a, &b, by(n)) || !differ(&a, &b, by(n + more)));
        }

        #[test]
        fn the_order_of_records_decides_nothing(a in value(), b in value(), then in 0i64..9) {
            let record = |system, as_of, datum: &Datum| Kept {
                fields: BTreeMap::from([("status".to_owned(), datum.clone())]), ..kept(system, as_of, json!({}))
            };
            let (shop, erp) = (record("shop", 3, &a), record("erp", then, &b));
            let once = disagreements(&usual(), &[shop.clone(), erp.clone()], &[]);
            prop_assert_eq!(&disagreements(&usual(), &[erp.clone(), shop.clone()], &[]), &once);
            prop_assert_eq!(&disagreements(&usual(), &[shop, erp], &once), &once);
        }

        #[test]
        fn a_written_tolerance_reads_back_the_same(t in tolerance()) {
            if let Some(t) = t {
                prop_assert_eq!(Tolerance::parse(&t.to_string()).unwrap(), t);
            }
        }
    }
}
