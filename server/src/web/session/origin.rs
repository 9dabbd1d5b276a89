//! Where a request comes from: what changes something must come from a page of ours.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{bearer, text};
use crate::App;
use crate::web::error::Problem;

/// Refuses what would change something and does not come from a page of ours.
pub async fn same_origin(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    // A foreign page cannot make a browser send a token that it does not have.
    let harmless =
        matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) || bearer(headers).is_some();
    let sent =
        Sent { site: text(headers, "sec-fetch-site"), origin: text(headers, "origin"), host: text(headers, "host") };
    if harmless || is_ours(&sent, app.config.base_url.as_deref()) {
        return next.run(request).await;
    }
    tracing::warn!(site = sent.site, origin = sent.origin, host = sent.host, "a form from elsewhere was refused");
    Problem::new(
        StatusCode::FORBIDDEN,
        "This did not come from a page of Watchbook",
        "Open the page and send its form again. Behind a proxy, set --base-url to the address that people use; a program needs a token.",
    )
    .into_response()
}

/// What a request says of where it comes from.
#[derive(Debug, Clone, Copy, Default)]
struct Sent<'r> {
    site: Option<&'r str>,
    origin: Option<&'r str>,
    host: Option<&'r str>,
}

/// Whether a request comes from a page of ours. `Sec-Fetch-Site` is believed where there is one (no page can set it);
/// browsers leave it out on plain HTTP beyond this machine, and then `Origin` must be our own.
fn is_ours(sent: &Sent<'_>, base_url: Option<&str>) -> bool {
    match (sent.site, sent.origin) {
        (Some("same-origin"), _) => true,
        (Some("none"), None) => true,
        (Some("none") | None, Some(origin)) => is_our_origin(origin, base_url, sent.host),
        (Some(_), _) | (None, None) => false,
    }
}

fn is_our_origin(origin: &str, base_url: Option<&str>, host: Option<&str>) -> bool {
    match base_url {
        Some(base_url) => origin_of(base_url).is_some_and(|ours| origin_of(origin) == Some(ours)),
        // Which scheme a browser used is not to be seen from here; the host is.
        None => origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"))
            .is_some_and(|theirs| host.is_some_and(|ours| ours.eq_ignore_ascii_case(theirs))),
    }
}

/// Scheme, host and port of an address, written one way.
fn origin_of(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let port = match (uri.port_u16(), uri.scheme_str()?) {
        (Some(port), _) => port,
        (None, "https") => 443,
        (None, "http") => 80,
        (None, _) => return None,
    };
    Some((uri.scheme_str()?.to_ascii_lowercase(), uri.host()?.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_may_change_something() {
        let base = Some("https://watch.example.com/");
        let host = Some("127.0.0.1:3000");
        // Sec-Fetch-Site, Origin, Host, base URL, whether it is ours.
        for (site, origin, host, base_url, ours) in [
            (Some("same-origin"), Some("http://127.0.0.1:3000"), host, None, true),
            (Some("same-origin"), None, None, base, true),
            (Some("none"), None, host, None, true),
            (Some("none"), Some("http://127.0.0.1:3000"), host, None, true),
            (Some("none"), Some("https://evil.example"), host, None, false),
            (Some("same-site"), Some("http://127.0.0.1:4000"), host, None, false),
            (Some("cross-site"), Some("https://evil.example"), host, None, false),
            (Some("cross-site"), Some("http://127.0.0.1:3000"), host, None, false),
            (Some("cross-site"), None, host, None, false),
            (Some("nonsense"), None, host, None, false),
            (None, Some("http://127.0.0.1:3000"), host, None, true),
            (None, Some("https://Watch.Example"), Some("watch.example"), None, true),
            (None, Some("http://127.0.0.1:4000"), host, None, false),
            (None, Some("http://127.0.0.1"), host, None, false),
            (None, Some("http://evil.example?127.0.0.1:3000"), host, None, false),
            (None, Some("null"), host, None, false),
            (None, Some("http://127.0.0.1:3000"), None, None, false),
            (None, None, host, None, false),
            (None, Some("https://watch.example.com"), host, base, true),
            (None, Some("https://watch.example.com:443"), host, base, true),
            (None, Some("http://watch.example.com"), host, base, false),
            (None, Some("https://watch.example.com:8443"), host, base, false),
            (None, Some("https://watch.example.com.evil.example"), host, base, false),
            (None, Some("http://127.0.0.1:3000"), host, base, false),
            (None, Some("null"), host, Some("not an address"), false),
        ] {
            let sent = Sent { site, origin, host };
            assert_eq!(is_ours(&sent, base_url), ours, "{sent:?} {base_url:?}");
        }
    }
}
