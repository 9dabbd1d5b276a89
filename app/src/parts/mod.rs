//! The shared pieces of pages: plain functions from facts to HTML, drawn once and the same everywhere.
//!
//! Nothing here holds state. What a piece must know of its surroundings (the icons' address, the time, the zone)
//! is the [`Ink`], provided by whoever renders.

mod attempts;
mod blocks;
pub mod document;
mod flow;
pub mod folder;
mod following;
mod freshness;
pub mod image_input;
mod incident;
mod marks;
mod past;
mod pauses;
mod practice;
mod queue_chart;
pub mod records;
mod recovery;
mod reports;
mod rows;
mod timeline;
mod times;
/// A text as it stands for itself in the query of an address.
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tokens;

use jiff::tz::TimeZone;
use leptos::prelude::{provide_context, use_context};

use crate::model::moment::Moment;

pub use attempts::attempts;
pub use blocks::{
    answer, block, copy_id, crumbs, empty, facts, field, gap, heading, names, no_block, notice, pager, section,
    text_area, text_area_text, words,
};
pub use flow::{diagram, legend, spine};
pub use following::{Ticking, log, ticks, was_it_right};
pub use freshness::freshness;
pub use incident::{bar, for_operators, incident, owner as on_it};
pub use marks::{affected, badge, broken, condition, heard_words, icon, mark, sections_words, tag, trust_badge};
pub use past::{Past, is_past, not_known, past_strip, to};
pub use pauses::{pause_history, pauses_now};
pub use practice::{Practice, practice, said as followed_words};
pub use queue_chart::queue_chart;
pub use recovery::recovery;
pub use reports::{Saying, reports, say};
pub use rows::{
    change_rows, path_part, problem_rows, run_rows, run_rows_of, runbook_rows, subject_path, workflow_rows,
};
pub use timeline::{Spell, Timeline, timeline};
pub use times::{day, length, seconds, when, when_ago, when_words};

/// What every piece is drawn with: provided as context by whoever renders.
#[derive(Debug, Clone)]
pub struct Ink {
    /// Where script, style and icons are, like `/pkg/3f9a…`; no slash at the end.
    pub pkg: String,
    /// What time it is for this page; the moment that it shows, where that is over.
    pub now: Moment,
    /// The zone that times are shown in.
    pub zone: TimeZone,
    /// Whether the page shows a moment that is over.
    pub past: bool,
}

impl Ink {
    /// Makes this the ink of everything drawn under the present owner.
    pub fn provide(self) {
        provide_context(self);
    }
}

/// The ink of this rendering. Without one: UTC, the epoch, `/pkg`, so that a piece can be drawn alone in a test.
pub fn ink() -> Ink {
    use_context::<Ink>().unwrap_or(Ink {
        pkg: "/pkg".to_owned(),
        now: Moment::default(),
        zone: TimeZone::UTC,
        past: false,
    })
}
