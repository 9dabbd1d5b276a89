//! Playing the plan: each source posts its events to the public endpoint when their time has come.

use std::collections::HashMap;
use std::time::Duration;

use app::model::moment::Moment;
use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::place::Place;
use super::plan::{Plan, Planned, What};
use super::sample;
use crate::App;

/// How long to sleep at most: the machine's clock may be set, or the machine itself may have slept.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// How long to wait before telling again what was not taken.
const AGAIN: Duration = Duration::from_secs(1);

/// How many events at most are sent in one request, when many are due because the machine has slept.
const MOST: usize = 200;

/// After how many failures in a row it is said in the log: one is usual when the portal stops.
const SAID_AFTER: u32 = 3;

/// Plays for ever.
pub async fn play(place: &Place, tokens: &HashMap<&'static str, String>, mut plan: Plan, app: &App) {
    // The portal is on this machine; no proxy knows the way.
    let client = match Client::builder().no_proxy().timeout(Duration::from_secs(10)).build() {
        Ok(client) => client,
        Err(error) => return tracing::error!(%error, "the demo cannot be played"),
    };
    let door = Door { client, url: format!("http://{}/api/v1/events", app.config.listen) };
    loop {
        let next = plan.next_at().since(app.now()).millis();
        if next > 0 {
            tokio::time::sleep(Duration::from_millis(next as u64).min(LONGEST_SLEEP)).await;
            continue;
        }
        for due in due_together(&mut plan, app.now()) {
            match due {
                Due::Told(source, events) => {
                    let token = tokens.get(source).map_or("", String::as_str);
                    door.tell(token, &events).await;
                }
                Due::Tries(tries) => {
                    if let Err(error) = sample::set_tries(place, tries) {
                        tracing::warn!(error, "the demo could not change its book");
                    }
                }
            }
        }
    }
}

/// What is due at one time.
#[derive(Debug, PartialEq)]
enum Due {
    Told(&'static str, Vec<Value>),
    Tries(u32),
}

/// What is due now, in its order; what one source tells in a row is one request.
fn due_together(plan: &mut Plan, now: Moment) -> Vec<Due> {
    let mut due: Vec<Due> = Vec::new();
    for Planned { what, .. } in std::iter::from_fn(|| plan.next_until(now)).take(MOST) {
        match (what, due.last_mut()) {
            (What::Told(source, event), Some(Due::Told(last, events))) if source == *last => events.push(event),
            (What::Told(source, event), _) => due.push(Due::Told(source, vec![event])),
            (What::Tries(tries), _) => due.push(Due::Tries(tries)),
        }
    }
    due
}

/// The public endpoint.
struct Door {
    client: Client,
    url: String,
}

impl Door {
    /// Tells events until they are taken.
    async fn tell(&self, token: &str, events: &[Value]) {
        let mut failures = 0;
        loop {
            let Err(why) = self.try_to_tell(token, events).await else { return };
            failures += 1;
            if failures == SAID_AFTER {
                tracing::warn!(why, "the demo's events are not taken; trying again every second");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Tells events once. What is refused for good is logged and not told again.
    async fn try_to_tell(&self, token: &str, events: &[Value]) -> Result<(), String> {
        let sent = match events {
            [event] => self.client.post(&self.url).bearer_auth(token).json(event),
            events => self.client.post(&self.url).bearer_auth(token).json(events),
        };
        let answer = sent.send().await.map_err(|e| e.to_string())?;
        let status = answer.status();
        let body = answer.text().await.map_err(|e| e.to_string())?;
        let later = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        match status.is_success() {
            true => Ok(()),
            false if later => Err(format!("{status}: {body}")),
            false => {
                tracing::error!(%status, body, "the portal refuses what the demo tells");
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_told_in_order_and_together_where_one_source_speaks_on() {
        let start = Moment::from_millis(1_780_000_000_000);
        let mut alone = Plan::starting(7, start);
        let mut together = Plan::starting(7, start);
        let until = alone.next_at() + app::model::moment::Span::from_secs(60);
        let events: Vec<Value> = std::iter::from_fn(|| alone.next_until(until))
            .filter_map(|planned| match planned.what {
                What::Told(_, event) => Some(event),
                What::Tries(_) => None,
            })
            .collect();
        let due = due_together(&mut together, until);
        assert!(due.len() < events.len(), "some are told together");
        let told: Vec<Value> = due
            .into_iter()
            .flat_map(|due| match due {
                Due::Told(_, events) => events,
                Due::Tries(_) => Vec::new(),
            })
            .collect();
        assert_eq!(told, events);
    }
}
