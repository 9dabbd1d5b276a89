//! The freshness strip: when this was looked up, and whether everything that should report does.

use leptos::prelude::*;

use super::marks::icon;
use super::times::when;
use crate::pages::shell::Frame;

/// The strip under the top bar; the live stream replaces it as the block `freshness`.
pub fn freshness(frame: &Frame) -> AnyView {
    let checked = frame.now.zoned(&frame.zone).strftime("%H:%M:%S %Z").to_string();
    let heard = &frame.heard;
    let silent = heard.silent.len();
    let sources = match (heard.sources, silent) {
        (0, _) => view! {
            <span class="s-no_signal">{icon("state-no_signal")}<span>"No source has reported yet. "<a href="/sources">"How to send events"</a></span></span>
        }
        .into_any(),
        (1, 0) => view! { <span>"The one source is reporting"</span> }.into_any(),
        (n, 0) => view! { <span>{format!("All {n} sources reporting")}</span> }.into_any(),
        (n, _) => {
            let one = |(name, last): &(String, crate::model::moment::Moment)| {
                view! { <li>{name.clone()}" "<span class="dim">"last heard "{when(*last)}</span></li> }
            };
            let rest = silent.saturating_sub(3);
            view! {
                <span class="s-no_signal">
                    {icon("state-no_signal")}
                    <a href="/sources">{format!("{silent} of {n} sources silent")}</a>
                    <ul class="names">
                        {heard.silent.iter().take(3).map(one).collect_view()}
                        {(rest > 0).then(|| view! { <li>{format!("and {rest} more")}</li> })}
                    </ul>
                </span>
            }
            .into_any()
        }
    };
    let title = frame.now.to_string();
    view! {
        <div class="fresh" data-live="freshness">
            <span>"Checked "<time datetime=title.clone() title=title>{checked}</time></span>
            {sources}
        </div>
    }
    .into_any()
}
