//! Serving: from settings to a listening portal, and to a clean end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::router;
use crate::clock::{self, Clock};
use crate::config::Serve;
use crate::{App, book, demo};

/// How long requests may take to finish once the portal is asked to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// Runs the portal until it is asked to stop.
///
/// # Errors
/// A sentence for the person who starts it.
pub async fn serve(mut settings: Serve) -> Result<(), String> {
    let demo = match settings.demo {
        true => Some(demo::prepare(&mut settings)?),
        false => None,
    };
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|e| format!("{} cannot be listened on: {e}", settings.listen))?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    settings.listen = address;
    let (app, writing) = App::start(settings, Clock::System).await?;
    let watching = tokio::spawn(book::watch(app.clone()));
    let striking = tokio::spawn(clock::run(app.clone()));
    let playing = demo.map(|demo| tokio::spawn(demo::play(demo, app.clone())));
    eprintln!("Watchbook is listening on http://{address}");
    let asked = app.clone();
    tokio::spawn(async move {
        asked_to_stop().await;
        asked.stopping.send_replace(true);
    });
    let mut ending = app.stopping.subscribe();
    let mut late = app.stopping.subscribe();
    let service = router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        let _ = ending.wait_for(|stop| *stop).await;
    });
    tokio::select! {
        done = serving.into_future() => done.map_err(|e| format!("serving ended: {e}"))?,
        () = async { let _ = late.wait_for(|stop| *stop).await; tokio::time::sleep(LAST_REQUESTS).await } => {}
    }
    watching.abort();
    striking.abort();
    if let Some(playing) = playing {
        playing.abort();
    }
    let db = app.db.clone();
    drop(app);
    // The writer ends when the last handle to it is gone; a stream that is cut off may hold one a moment longer.
    let _ = tokio::time::timeout(LAST_REQUESTS, writing).await;
    db.close().await;
    Ok(())
}

async fn asked_to_stop() {
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "interrupts cannot be heard");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be heard");
                std::future::pending::<()>().await;
            }
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}

/// Starts a portal on a free port for a test or a bench, without the clock's own wakings.
///
/// # Errors
/// A sentence when it cannot be started.
pub async fn start_quietly(settings: Serve, clock: Clock) -> Result<(Arc<App>, SocketAddr), String> {
    let listener = TcpListener::bind(settings.listen).await.map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let (app, _) = App::start(Serve { listen: address, ..settings }, clock).await?;
    let service = router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, service).await {
            tracing::error!(%error, "serving ended");
        }
    });
    Ok((app, address))
}
