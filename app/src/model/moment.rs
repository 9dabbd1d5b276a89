//! A moment and a length of time: milliseconds, how they are written, and how people read them.

use std::fmt;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: milliseconds since 1970-01-01T00:00:00Z. Written as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(i64);

impl Moment {
    /// The moment that many milliseconds after the epoch. Out of range (beyond year 9999) is clamped.
    pub fn from_millis(millis: i64) -> Self {
        let range = Timestamp::MIN.as_millisecond()..=Timestamp::MAX.as_millisecond();
        Self(millis.clamp(*range.start(), *range.end()))
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339 (`2026-06-04T02:13:05Z`, any offset, fractions kept to the millisecond).
    ///
    /// # Errors
    /// A sentence for the sender when the text is not a moment.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.parse::<Timestamp>()
            .map(|t| Self(t.as_millisecond()))
            .map_err(|_| format!("\"{text}\" is not a time like 2026-06-04T02:13:05Z"))
    }

    /// The beginning of a day, `YYYY-MM-DD`, in a zone; nothing where that is not a day.
    pub fn of_day(text: &str, zone: &TimeZone) -> Option<Self> {
        let day: jiff::civil::Date = text.trim().parse().ok()?;
        Some(Self(day.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond()))
    }

    /// This moment in a time zone, for the calendar.
    pub fn zoned(self, zone: &TimeZone) -> jiff::Zoned {
        Timestamp::from_millisecond(self.0).unwrap_or_default().to_zoned(zone.clone())
    }

    /// `02:13`, in the zone.
    pub fn clock(self, zone: &TimeZone) -> String {
        self.zoned(zone).strftime("%H:%M").to_string()
    }

    /// `02:13:05`, in the zone.
    pub fn clock_seconds(self, zone: &TimeZone) -> String {
        self.zoned(zone).strftime("%H:%M:%S").to_string()
    }

    /// `4 Jun 2026`, in the zone.
    pub fn date(self, zone: &TimeZone) -> String {
        self.zoned(zone).strftime("%-d %b %Y").to_string()
    }

    /// What a person reads: `02:13` today, `3 Jun 02:13` this year, `3 Jun 2025 02:13` otherwise.
    pub fn words(self, now: Moment, zone: &TimeZone) -> String {
        let (this, now) = (self.zoned(zone), now.zoned(zone));
        let format = if this.date() == now.date() {
            "%H:%M"
        } else if this.year() == now.year() {
            "%-d %b %H:%M"
        } else {
            "%-d %b %Y %H:%M"
        };
        this.strftime(format).to_string()
    }

    /// `2026-06-04 02:13:05 CEST`: unmistakable, for titles and records.
    pub fn full(self, zone: &TimeZone) -> String {
        self.zoned(zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// Time from `earlier` to this moment; negative when this one comes first.
    pub fn since(self, earlier: Moment) -> Span {
        Span(self.0 - earlier.0)
    }
}

impl std::ops::Add<Span> for Moment {
    type Output = Moment;
    fn add(self, span: Span) -> Moment {
        Moment::from_millis(self.0.saturating_add(span.0))
    }
}

impl std::ops::Sub<Span> for Moment {
    type Output = Moment;
    fn sub(self, span: Span) -> Moment {
        Moment::from_millis(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(t) if self.0 % 1000 == 0 => write!(f, "{}", t.strftime("%Y-%m-%dT%H:%M:%SZ")),
            Ok(t) => write!(f, "{}", t.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")),
            Err(_) => Err(fmt::Error),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Moment::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A length of time in milliseconds. Written `30s`, `5m`, `2h`, `3d` in the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Span {
    /// A span of milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// A span of seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1000)
    }

    /// A span of minutes.
    pub const fn from_minutes(minutes: i64) -> Self {
        Self(minutes * 60_000)
    }

    /// Milliseconds; may be negative.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Parses `30s`, `5m`, `2h`, `3d`, `500ms`: a whole number above zero and a unit.
    ///
    /// # Errors
    /// A sentence for the author when the text is not a duration.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a duration; write 30s, 5m, 2h or 3d");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = text[..digits].parse().map_err(|_| wrong())?;
        let unit = match &text[digits..] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        match number.checked_mul(unit) {
            Some(millis) if millis > 0 => Ok(Self(millis)),
            _ => Err(wrong()),
        }
    }

    /// What a person reads: `0.4 s`, `12 s`, `47 min`, `3 h 20 min`, `5 days 2 h`. The sign is dropped.
    pub fn words(self) -> String {
        let ms = self.0.unsigned_abs();
        let (s, m, h, d) = (ms / 1_000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
        let two = |big: u64, unit: &str, small: u64, small_unit: &str| match small {
            0 => format!("{big} {unit}"),
            _ => format!("{big} {unit} {small} {small_unit}"),
        };
        match () {
            () if ms < 1_000 => format!("{} ms", ms),
            () if s < 10 => format!("{}.{} s", s, ms % 1_000 / 100),
            () if s < 120 => format!("{s} s"),
            () if m < 120 => format!("{m} min"),
            () if h < 48 => two(h, "h", m % 60, "min"),
            () => two(d, "days", h % 24, "h"),
        }
    }
}

/// As the book writes it: the largest unit that divides it (`90m` stays `90m`, `120m` is `2h`).
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self.0 {
            0 => (0, "s"),
            ms if ms % 86_400_000 == 0 => (ms / 86_400_000, "d"),
            ms if ms % 3_600_000 == 0 => (ms / 3_600_000, "h"),
            ms if ms % 60_000 == 0 => (ms / 60_000, "m"),
            ms if ms % 1_000 == 0 => (ms / 1_000, "s"),
            ms => (ms, "ms"),
        };
        write!(f, "{number}{unit}")
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Span::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$", "description": "30s, 5m, 2h or 3d"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_moment_reads_any_offset_and_writes_utc() {
        let moment = Moment::parse("2026-06-04T04:13:05.250+02:00").unwrap();
        assert_eq!(moment.to_string(), "2026-06-04T02:13:05.250Z");
    }

    #[test]
    fn a_duration_without_a_unit_is_refused_with_an_example() {
        assert!(Span::parse("30").unwrap_err().contains("30s"));
        assert!(Span::parse("0s").is_err());
        assert!(Span::parse("-5m").is_err());
        assert!(Span::parse("99999999999999999d").is_err());
    }

    #[test]
    fn spans_read_as_people_say_them() {
        let words = |s: &str| Span::parse(s).unwrap().words();
        assert_eq!(words("400ms"), "400 ms");
        assert_eq!(words("9s"), "9.0 s");
        assert_eq!(words("47m"), "47 min");
        assert_eq!(words("200m"), "3 h 20 min");
        assert_eq!(words("122h"), "5 days 2 h");
    }

    proptest! {
        #[test]
        fn a_written_duration_reads_back_the_same(ms in 1i64..4_000_000_000) {
            prop_assert_eq!(Span::parse(&Span(ms).to_string()).unwrap(), Span(ms));
        }

        #[test]
        fn a_written_moment_reads_back_the_same(ms in 0i64..4_000_000_000_000) {
            prop_assert_eq!(Moment::parse(&Moment(ms).to_string()).unwrap(), Moment(ms));
        }
    }
}
