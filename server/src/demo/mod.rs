//! The demo: an example company with its past, played on through the public endpoint for as long as the portal runs.
//!
//! The past is made before the portal opens (`past`), with the very actions that a running portal uses and with the
//! times at which it would have heard of things. From then on everything is told from outside, over HTTP (`player`).
//! What happens when is one pure plan for both (`plan`, `company`, `troubles`).

mod company;
mod past;
mod place;
mod plan;
mod player;
mod sample;
mod story;
mod troubles;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::App;
use crate::clock::Clock;
use crate::config::Serve;
use place::Place;
use plan::Plan;

/// A demo that is ready to be played. Its folder goes away with it.
#[derive(Debug)]
pub struct Demo {
    place: Place,
    /// The token of each source.
    tokens: HashMap<&'static str, String>,
    /// What happens from now on.
    plan: Plan,
}

/// Makes the example company with its past in a folder of its own, and points the settings there.
///
/// # Errors
/// A sentence for the person who starts it: when the portal would be reachable from other machines, because the demo
/// lets everybody in; or when the folder cannot be written.
pub fn prepare(settings: &mut Serve) -> Result<Demo, String> {
    if !settings.listen.ip().is_loopback() {
        return Err(format!(
            "the demo lets everybody in without a password, so it listens on this machine only; {} can be reached from others, use 127.0.0.1:{}",
            settings.listen,
            settings.listen.port()
        ));
    }
    let place = Place::make()?;
    settings.book = place.book();
    settings.database.database_url = place.database_url()?;
    let mut plan = Plan::starting(settings.demo_seed, Clock::System.now());
    let zone = company_zone(&settings.zone());
    let tokens = at_once(past::make(&place, &settings.database.database_url, &zone, &mut plan))?;
    Ok(Demo { place, tokens, plan })
}

/// Plays the company on, until the portal stops.
pub async fn play(demo: Demo, app: Arc<App>) {
    let Demo { place, tokens, plan } = demo;
    player::play(&place, &tokens, plan, &app).await;
}

/// Where the company is: where times are shown, so that what its book says of 03:00 is 03:00 on every page.
fn company_zone(shown: &TimeZone) -> String {
    match shown.iana_name().filter(|name| TimeZone::get(name).is_ok() && !shown.is_unknown()) {
        Some(name) => name.to_owned(),
        None => "UTC".to_owned(),
    }
}

/// Does what waits, before anything else runs: a thread and a runtime of its own, because the caller may be inside one.
fn at_once<T: Send>(work: impl Future<Output = Result<T, String>> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|e| format!("the demo cannot be made: {e}"))?.block_on(work)
        });
        worker.join().unwrap_or_else(|_| Err("the demo cannot be made; the lines above say why".to_owned()))
    })
}

#[cfg(test)]
mod tests;
