//! The whole URL map.

pub mod at;
pub mod blast;
pub mod check_in;
pub mod components;
pub mod coverage;
pub mod drills;
pub mod edit;
pub mod error;
pub mod events;
pub mod feed;
pub mod files;
pub mod find;
pub mod following;
pub mod health;
pub mod images;
pub mod insert;
pub mod kept;
pub mod live;
pub mod now;
pub mod pause;
pub mod people;
pub mod pings;
pub mod pkg;
pub mod problems;
pub mod refusals;
pub mod render;
pub mod reports;
pub mod reviews;
pub mod runbooks;
pub mod runs;
pub mod serve;
pub mod session;
pub mod shown;
pub mod sources;
pub mod subjects;
pub mod undocumented;
pub mod versions;
pub mod why;
pub mod workflows;
pub mod write;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tower_http::decompression::RequestDecompressionLayer;

use crate::App;

/// Every URL of the portal.
pub fn router(app: Arc<App>) -> Router {
    let pages = Router::new()
        .route("/", get(now::page))
        .route("/workflows", get(workflows::list_page))
        .route("/workflows/{id}", get(workflows::page))
        .route("/workflows/{id}/runs", get(runs::list_page))
        .route("/workflows/{id}/pause", get(pause::page).post(pause::pause))
        .route("/workflows/{id}/resume", post(pause::resume))
        .route("/runs/{workflow}/{run}", get(runs::page))
        .route("/runs/{workflow}/{run}/reports", post(reports::of_run))
        .route("/subjects/{type}/{key}", get(subjects::page))
        .route("/subjects/{type}/{key}/reports", post(reports::of_subject))
        .route("/reports/{id}/seen", post(reports::seen))
        .route("/components", get(components::list_page))
        .route("/components/{id}", get(components::page))
        .route("/runbooks", get(runbooks::list_page))
        .route("/runbooks/new", get(edit::new_page).post(edit::create).layer(edit::largest()))
        .route("/runbooks/{slug}", get(runbooks::page))
        .route("/runbooks/{slug}/edit", get(edit::edit_page).post(edit::save).layer(edit::largest()))
        .route("/runbooks/new/image", post(images::add_to_new).layer(DefaultBodyLimit::max(images::MOST)))
        .route("/runbooks/{slug}/edit/image", post(images::add).layer(DefaultBodyLimit::max(images::MOST)))
        .route("/runbooks/{slug}/settle", get(files::settle_page).post(files::settle))
        .route("/runbooks/{slug}/write-again", post(files::write_again))
        .route("/runbooks/{slug}/retire", post(files::retire))
        .route("/images/{hash}", get(images::image))
        .route("/runbooks/{slug}/preview", post(edit::preview).layer(edit::largest()))
        .route("/runbooks/{slug}/history", get(versions::history_page))
        .route("/runbooks/{slug}/compare", get(versions::compare_page))
        .route("/runbooks/{slug}/blame", get(versions::blame_page))
        .route("/runbooks/{slug}/versions/{version}", get(runbooks::version_page))
        .route("/runbooks/{slug}/versions/{version}/restore", post(versions::restore))
        .route("/insert", get(insert::page))
        .route("/insert/found", get(insert::found))
        .route("/reviews", get(reviews::list_page).post(reviews::mute))
        .route("/runbooks/{slug}/drills", post(drills::start))
        .route("/runbooks/{slug}/drills/{number}", get(drills::page))
        .route("/runbooks/{slug}/drills/{number}/{act}", post(drills::act))
        .route("/reviews/{slug}", get(reviews::page).post(reviews::answer))
        .route("/undocumented", get(undocumented::page))
        .route("/undocumented/{id}", post(undocumented::answer))
        .route("/coverage", get(coverage::page))
        .route("/decisions", get(why::decisions_page))
        .route("/decisions/new", get(why::new_decision).post(why::add_decision))
        .route("/decisions/{id}", get(why::decision_page))
        .route("/workarounds", get(why::workarounds_page))
        .route("/workarounds/new", get(why::new_workaround).post(why::add_workaround))
        .route("/workarounds/{id}", get(why::workaround_page))
        .route("/workarounds/{id}/review", post(why::review_workaround))
        .route("/workarounds/{id}/remove", post(why::remove_workaround))
        .route("/write", get(write::page).post(write::save))
        .route("/problems", get(problems::list_page))
        .route("/problems/{id}", get(problems::page))
        .route("/problems/{id}/{act}", post(problems::act))
        .route("/sources", get(sources::page))
        .route("/sources/refused/{id}/retry", post(sources::retry))
        .route("/kept", get(kept::to_keep))
        .route("/kept/unreachable", get(kept::unreachable))
        .route("/kept/runbooks", get(kept::list_page))
        .route("/kept/runbooks/{slug}", get(kept::page))
        .route("/find", get(find::page))
        .route("/find/options", get(find::options))
        .route("/live", get(live::stream))
        .route("/metrics", get(health::metrics));
    let json = Router::new()
        .route("/now", get(now::json))
        .route("/workflows", get(workflows::list_json))
        .route("/workflows/{id}", get(workflows::json))
        .route("/workflows/{id}/runs", get(runs::list_json))
        .route("/workflows/{id}/pause", get(pause::json))
        .route("/runs/{workflow}/{run}", get(runs::json))
        .route("/runs/{workflow}/{run}/check-in", get(check_in::json))
        .route("/subjects/{type}/{key}", get(subjects::json))
        .route("/components", get(components::list_json))
        .route("/components/{id}", get(components::json))
        .route("/runbooks", get(runbooks::list_json))
        .route("/runbooks/{slug}", get(runbooks::json))
        .route("/runbooks/{slug}/versions", get(versions::history_json))
        .route("/runbooks/{slug}/compare", get(versions::compare_json))
        .route("/runbooks/{slug}/blame", get(versions::blame_json))
        .route("/insert", get(insert::json))
        .route("/runbooks/{slug}/versions/{version}", get(runbooks::version_json))
        .route("/runbooks/{slug}/drills/{number}", get(drills::json))
        .route("/reviews", get(reviews::json))
        .route("/undocumented", get(undocumented::json))
        .route("/coverage", get(coverage::json))
        .route("/decisions", get(why::decisions_json))
        .route("/decisions/{id}", get(why::decision_json))
        .route("/workarounds", get(why::workarounds_json))
        .route("/workarounds/{id}", get(why::workaround_json))
        .route("/changes", get(feed::changes))
        .route("/problems", get(problems::list_json))
        .route("/problems/{id}", get(problems::json))
        .route("/sources", get(sources::json))
        .route("/find", get(find::json))
        .route("/events", get(feed::events));
    let readable = session::readers_only(pages.nest("/api/v1", json), &app);
    let open = Router::new()
        .route("/sign-in", get(people::sign_in_page).post(people::sign_in))
        .route("/sign-in/demo", post(people::sign_in_demo))
        .route("/sign-out", post(people::sign_out))
        .route("/check-in/{token}", get(check_in::page).post(check_in::done))
        .layer(DefaultBodyLimit::max(256 * 1024));
    let people = refusals::in_our_words(readable.merge(open).fallback(error::not_found), &app);
    let people = session::with_sessions(people, &app);
    let events = Router::new().route("/api/v1/events", post(events::record).layer(RequestDecompressionLayer::new()));
    let programs = refusals::in_our_words(events, &app)
        .route("/ping/{key}", get(pings::succeeded).post(pings::succeeded))
        .route("/ping/{key}/{what}", get(pings::told).post(pings::told))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/service-worker.js", get(kept::worker))
        .route("/pkg/{*file}", get(pkg::file));
    render::compressed(people.merge(session::secured(programs)).with_state(app))
}
