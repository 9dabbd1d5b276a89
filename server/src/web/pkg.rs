//! Script, style and icons: embedded in the release binary, served compressed and for ever under their hash.

use std::borrow::Cow;
use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

/// What `cargo xtask assets` left in `target/site`.
#[derive(RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
struct Site;

/// The address of the assets' folder, without a slash at the end.
pub fn folder() -> String {
    static FOLDER: OnceLock<String> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let hash = Site::get("HASH.txt").map(|f| String::from_utf8_lossy(&f.data).trim().to_owned());
            format!("/pkg/{}", hash.unwrap_or_else(|| "none".to_owned()))
        })
        .clone()
}

/// A file as text; none when it is not there.
pub fn text(name: &str) -> Option<String> {
    let file = Site::get(&format!("{}/{name}", folder().trim_start_matches('/')))?;
    Some(String::from_utf8_lossy(&file.data).into_owned())
}

/// One file, in the best encoding that the browser takes.
pub async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("");
    let accepts =
        |encoding: &str| accepted.split(',').any(|a| a.split(';').next().is_some_and(|a| a.trim() == encoding));
    let choices = [("br", ".br"), ("gzip", ".gz")].into_iter().filter(|(encoding, _)| accepts(encoding));
    for (encoding, ending) in choices {
        if let Some(file) = Site::get(&format!("pkg/{path}{ending}")) {
            return answer(&path, file.data, Some(encoding));
        }
    }
    match Site::get(&format!("pkg/{path}")) {
        Some(file) => answer(&path, file.data, None),
        None => {
            (StatusCode::NOT_FOUND, "There is no such file; reload the page to get the present one.").into_response()
        }
    }
}

fn answer(path: &str, data: Cow<'static, [u8]>, encoding: Option<&'static str>) -> Response {
    let kind = match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    match data {
        Cow::Borrowed(bytes) => (headers, bytes).into_response(),
        Cow::Owned(bytes) => (headers, bytes).into_response(),
    }
}
