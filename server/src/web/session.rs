//! Sessions: who is signed in, what they may do, and what page they come from.

mod origin;
mod store;

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use app::model::moment::{Moment, Span};
use app::model::status::{MayNot, Role};
use app::pages::shell::Viewer;
use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use self::origin::same_origin;
use self::store::Sessions;
use super::error::{Error, Problem};
use crate::App;
use crate::actions::create_token::{Scope, check_token};
use crate::store::feed;
use crate::store::people::{self, AuditLine};

/// The name of the cookie.
const COOKIE: &str = "watchbook";

/// How long a session lasts without a request.
const LASTS_HOURS: i64 = 12;

/// How often a request prolongs it at most: each time is a write.
const PROLONGED_EVERY_MINUTES: i64 = 5;

/// The longest path that signing in leads back to, in bytes.
const LONGEST_PATH: usize = 2_000;

// What a session holds.
const NAME: &str = "name";
const SEEN: &str = "seen";
const NOTICE: &str = "notice";

/// Sessions and what protects them, around everything that people use: pages, forms and the JSON behind pages.
///
/// Outermost first: headers that restrain the browser, what a browser may forget, the session, the origin of what
/// changes something.
pub fn with_sessions(router: Router<Arc<App>>, app: &Arc<App>) -> Router<Arc<App>> {
    let sessions = SessionManagerLayer::new(Sessions::new(app.db.clone()))
        .with_name(COOKIE)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(app.config.secure_cookies())
        .with_expiry(Expiry::OnInactivity(Duration::hours(LASTS_HOURS)));
    let router = router.layer(middleware::from_fn_with_state(app.clone(), same_origin)).layer(sessions);
    secured(router.layer(middleware::from_fn(not_forgotten)))
}

/// Lets a browser forget its session only where somebody signs out. Who signs in anew gets another session: the answer
/// to a request that was on its way with the former one, which is gone, must not take the new one from the browser.
async fn not_forgotten(request: Request, next: Next) -> Response {
    let signs_out = request.uri().path() == "/sign-out";
    let mut response = next.run(request).await;
    if !signs_out && let header::Entry::Occupied(cookies) = response.headers_mut().entry(header::SET_COOKIE) {
        let (_, cookies) = cookies.remove_entry_mult();
        let forgotten = format!("{COOKIE}=;");
        let kept: Vec<_> = cookies.filter(|cookie| !cookie.as_bytes().starts_with(forgotten.as_bytes())).collect();
        for cookie in kept {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// Puts these routes behind signing in, unless everybody may read. Inside [`with_sessions`].
///
/// A page sends a stranger to sign in; `/api/` and `/live` answer 401, and take a token of scope read as well.
pub fn readers_only(router: Router<Arc<App>>, app: &Arc<App>) -> Router<Arc<App>> {
    router.route_layer(middleware::from_fn_with_state(app.clone(), readers))
}

/// Adds the headers that restrain the browser. A page brings its own policy, with its nonce; all else may do nothing.
pub fn secured(router: Router<Arc<App>>) -> Router<Arc<App>> {
    router.layer(middleware::map_response(async |mut response: Response| {
        let nothing = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(nothing));
        response
    }))
}

/// Who is signed in, if anybody is.
#[derive(Debug, Clone)]
pub struct MaybeViewer(pub Option<Viewer>);

impl FromRequestParts<Arc<App>> for MaybeViewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let found = Self(match parts.extensions.get::<Session>() {
            Some(session) => viewer(app, session).await?,
            None => None,
        });
        parts.extensions.insert(found.clone());
        Ok(found)
    }
}

/// The person of this session. The account is read each time, so that a new role or a removal counts at once.
async fn viewer(app: &App, session: &Session) -> Result<Option<Viewer>, Response> {
    if session.id().is_none() {
        return Ok(None);
    }
    let name: Option<String> = session.get(NAME).await.map_err(unreadable)?;
    let seen: Option<i64> = session.get(SEEN).await.map_err(unreadable)?;
    let (Some(name), Some(seen)) = (name, seen) else { return Ok(None) };
    let idle = app.now().since(Moment::from_millis(seen));
    if idle >= Span::from_millis(LASTS_HOURS * 3_600_000) {
        return Ok(None);
    }
    let account = people::find_user(app.db.read(), &name).await.map_err(unreadable)?;
    let Some(account) = account else { return Ok(None) };
    if idle >= Span::from_millis(PROLONGED_EVERY_MINUTES * 60_000) {
        session.insert(SEEN, app.now().millis()).await.map_err(unreadable)?;
    }
    Ok(Some(Viewer { name: account.name, role: account.role }))
}

/// Signs somebody in: the session gets a new id, so that one known before is worth nothing, and nothing of its past.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(session: &Session, name: &str, now: Moment) -> Result<(), Response> {
    session.clear().await;
    session.cycle_id().await.map_err(unreadable)?;
    session.insert(NAME, name).await.map_err(unreadable)?;
    session.insert(SEEN, now.millis()).await.map_err(unreadable)
}

/// Signs out: the session is gone from the database and its cookie from the browser.
///
/// # Errors
/// When the database does not answer.
pub async fn end(session: &Session) -> Result<(), Response> {
    match session.id() {
        Some(_) => session.flush().await.map_err(unreadable),
        None => Ok(()),
    }
}

/// The answer when it cannot be known who asks: there is no page without that.
fn unreadable(error: impl std::error::Error) -> Response {
    tracing::error!(%error, "a session could not be read or written");
    let words = "Watchbook cannot reach its database just now. Try again in a moment; the log says why.";
    (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
}

/// What every page and form needs to know of the request. The default is a page for nobody, asked for by ourselves.
#[derive(Debug, Clone, Default)]
pub struct PageContext {
    /// Who is signed in.
    pub viewer: Option<Viewer>,
    /// The path that was asked for, with its query.
    pub path: String,
    /// A word to the person after an action: given to the first page after it.
    pub notice: Option<String>,
    /// The address that the request came from, for the record of who did what.
    pub address: String,
    /// The page to be on after signing in: this one, or for a form the one it stands on.
    pub back: String,
    /// The moment that the page shows, where a handler that can has been asked for one that is over.
    pub at: Option<Moment>,
    /// When what it shows was recorded as a whole; never after `at`.
    pub recorded: Option<Moment>,
    /// What a page that is made for keeping says of itself when it is shown.
    pub kept: Option<String>,
    session: Option<Session>,
}

impl FromRequestParts<Arc<App>> for PageContext {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let MaybeViewer(viewer) = MaybeViewer::from_request_parts(parts, app).await?;
        let session = parts.extensions.get::<Session>().cloned();
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        // A page that the browser fetches ahead, or to keep it, may never be seen.
        let ahead = text(&parts.headers, "sec-purpose").is_some_and(|purpose| purpose.starts_with("prefetch"))
            || parts.uri.path().starts_with("/kept");
        let notice = match &session {
            Some(session) if viewer.is_some() && parts.method == Method::GET && !ahead => take_notice(session).await?,
            _ => None,
        };
        let path = path_of(&parts.uri);
        let back = if reads { local_path(&path) } else { referring_path(&parts.headers) };
        let back = back.unwrap_or("/").to_owned();
        Ok(Self { viewer, back, path, notice, address: address(parts), at: None, recorded: None, kept: None, session })
    }
}

impl PageContext {
    /// For a page that shows this moment, if one was asked for.
    #[must_use]
    pub fn at(self, at: Option<Moment>) -> Self {
        Self { at, ..self }
    }

    /// For a page that a browser keeps; what it says of itself when it is shown.
    #[must_use]
    pub fn kept(self, words: String) -> Self {
        Self { kept: Some(words), ..self }
    }

    /// For a page that shows what was recorded then.
    #[must_use]
    pub fn recorded(self, recorded: Moment) -> Self {
        Self { recorded: Some(recorded), ..self }
    }

    /// Says a word on the next page that is shown: `context.flash("Saved as version 3.").await`.
    pub async fn flash(&self, words: &str) {
        // Only who is signed in has a session, and so a next page that knows them.
        if let (Some(session), Some(_)) = (&self.session, &self.viewer)
            && let Err(error) = session.insert(NOTICE, words).await
        {
            tracing::warn!(%error, "a notice could not be kept for the next page");
        }
    }

    /// Writes down that the person did something, after it was done: `audit(app, "publish_runbook", "runbook:erp")`.
    ///
    /// A line that cannot be written goes to the log, for what was done is done.
    pub async fn audit(&self, app: &App, action: &str, subject: &str) {
        let actor = self.viewer.as_ref().map_or("nobody", |viewer| &viewer.name);
        if let Err(error) = self.record(app, actor, action, subject).await {
            let address = &self.address;
            tracing::error!(%error, actor, action, subject, address, "what was done could not be written down");
        }
    }

    /// Writes down that somebody does something.
    ///
    /// # Errors
    /// What the database says.
    pub async fn record(&self, app: &App, actor: &str, action: &str, subject: &str) -> sqlx::Result<()> {
        let line = AuditLine {
            at: app.now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            address: self.address.clone(),
        };
        let mut tx = app.db.write().await?;
        feed::take_turn(&mut tx).await?;
        people::append_audit(&mut tx, &line).await?;
        tx.commit().await
    }

    /// Who is signed in, if they may do what needs `role`. `wanted` follows "You may not": `review runbooks`.
    ///
    /// # Errors
    /// Why not: nobody is signed in, or the role is too low.
    pub fn demand(&self, role: Role, wanted: &'static str) -> Result<Viewer, Denied> {
        match &self.viewer {
            None => Err(Denied::Stranger { back: self.back.clone() }),
            Some(viewer) if viewer.role < role => Err(Denied::Role(Error::Role(wanted, role, Some(viewer.role)))),
            Some(viewer) => Ok(viewer.clone()),
        }
    }

    /// Whether the viewer may do what a page is for; else why not, in the words of [`Role::refusal`].
    ///
    /// # Errors
    /// Why not: nobody is signed in, or the role is too low.
    pub fn may(&self, role: Role, doing: &str, to: &str) -> Result<(), MayNot> {
        let have = self.viewer.as_ref().map(|viewer| viewer.role);
        match have {
            Some(have) if have >= role => Ok(()),
            _ => {
                let back = have.is_none().then(|| self.back.clone());
                Err(MayNot { why: role.refusal(have, doing, to), back })
            }
        }
    }
}

async fn take_notice(session: &Session) -> Result<Option<String>, Response> {
    // Asked first, because removing counts as a change even where there is nothing.
    match session.get::<String>(NOTICE).await.map_err(unreadable)? {
        Some(_) => session.remove(NOTICE).await.map_err(unreadable),
        None => Ok(None),
    }
}

/// Why somebody may not do something.
#[derive(Debug)]
pub enum Denied {
    /// Nobody is signed in; where to be afterwards.
    Stranger {
        /// A path of ours.
        back: String,
    },
    /// Their role is too low.
    Role(Error),
}

impl Denied {
    /// The answer for a person: a stranger is sent to sign in and comes back here.
    pub async fn page(self, app: &App, context: PageContext) -> Response {
        match self {
            Self::Stranger { back } => to_sign_in(&back),
            Self::Role(error) => error.page(app, context).await,
        }
    }
}

/// The answer for a program.
impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Self::Stranger { .. } => unauthorized("Sign in first."),
            Self::Role(error) => error.into_response(),
        }
    }
}

/// Lets readers through: people who are signed in, everybody where that is wished, and tokens for JSON.
async fn readers(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let for_programs = path.starts_with("/api/") || path == "/live" || path == "/metrics";
    if for_programs && let Some(token) = bearer(request.headers()) {
        return match check_token(&app.db, token).await {
            Ok(Some((_, scope))) if scope.may(Scope::Read) => next.run(request).await,
            Ok(Some((_, scope))) => Problem::new(
                StatusCode::FORBIDDEN,
                "This token may not read",
                format!("It has the scope {}; reading needs the scope read.", scope.name()),
            )
            .into_response(),
            Ok(None) => unauthorized("This token is not known."),
            Err(error) => Error::Database(error).into_response(),
        };
    }
    let (mut parts, body) = request.into_parts();
    let viewer = match MaybeViewer::from_request_parts(&mut parts, &app).await {
        Ok(MaybeViewer(viewer)) => viewer,
        Err(response) => return response,
    };
    if viewer.is_some() || app.config.public_read {
        return next.run(Request::from_parts(parts, body)).await;
    }
    if for_programs {
        return unauthorized(
            "Sign in, or send \"Authorization: Bearer TOKEN\"; make one with \"watchbook token create --name NAME --scope read\".",
        );
    }
    let path = path_of(&parts.uri);
    let back = if parts.method == Method::GET { local_path(&path) } else { referring_path(&parts.headers) };
    to_sign_in(back.unwrap_or("/"))
}

fn unauthorized(detail: &str) -> Response {
    let mut response =
        Problem::new(StatusCode::UNAUTHORIZED, "This needs a sign-in or a token", detail).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn to_sign_in(back: &str) -> Response {
    match back {
        "/" => Redirect::to("/sign-in").into_response(),
        back => Redirect::to(&format!("/sign-in?next={}", percent_encoded(back))).into_response(),
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte as char),
            // Writing to a String cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
        encoded
    })
}

/// A path of this site, as it is safe to lead somebody to; none for anything that may lead elsewhere.
///
/// Browsers read `\` as `/` and skip tabs and line ends, so only visible ASCII passes; all else is percent-encoded in
/// a path of ours anyway.
pub fn local_path(text: &str) -> Option<&str> {
    let elsewhere = text.starts_with("//") || !text.starts_with('/') || text.len() > LONGEST_PATH;
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    (!elsewhere && plain).then_some(text)
}

/// The page that a form stands on; none where that is signing in itself.
pub fn referring_path(headers: &HeaderMap) -> Option<&str> {
    let from = text(headers, "referer")?;
    let (_, rest) = from.split_once("://")?;
    let path = local_path(&rest[rest.find('/')?..])?;
    (!path.starts_with("/sign-in")).then_some(path)
}

fn path_of(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string)
}

fn address(parts: &Parts) -> String {
    match parts.extensions.get::<ConnectInfo<SocketAddr>>() {
        Some(ConnectInfo(address)) => address.ip().to_canonical().to_string(),
        None => "unknown".to_owned(),
    }
}

/// The token that a request brings, known or not.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn text<'h>(headers: &'h HeaderMap, name: &'static str) -> Option<&'h str> {
    headers.get(HeaderName::from_static(name)).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_only_to_our_own_paths() {
        for ours in ["/", "/runbooks/erp?version=2#push", "/runs/a/b%20c", "/a//b"] {
            assert_eq!(local_path(ours), Some(ours));
        }
        let long = format!("/{}", "a".repeat(LONGEST_PATH));
        for not_ours in [
            "",
            "runbooks",
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x",
            "https://evil.example/",
            "javascript:alert(1)",
            "/ä",
            "/a b",
            &long,
        ] {
            assert_eq!(local_path(not_ours), None, "{not_ours:?}");
        }
        assert_eq!(percent_encoded("/find?q=a&b=%20"), "/find%3Fq%3Da%26b%3D%2520");
    }

    #[test]
    fn a_form_leads_back_to_the_page_it_stands_on() {
        let from = |referer: &'static str| HeaderMap::from_iter([(header::REFERER, HeaderValue::from_static(referer))]);
        assert_eq!(referring_path(&from("http://127.0.0.1:3000/reviews?open=1")), Some("/reviews?open=1"));
        for nowhere in ["http://127.0.0.1:3000/sign-in?next=/", "http://127.0.0.1:3000", "http://a//b", "about:blank"] {
            assert_eq!(referring_path(&from(nowhere)), None, "{nowhere}");
        }
    }

    #[test]
    fn a_token_is_read_from_its_header() {
        let with =
            |value: &'static str| HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
        assert_eq!(bearer(&with("Bearer wb_x")), Some("wb_x"));
        assert_eq!(bearer(&with("bearer  wb_x ")), Some("wb_x"));
        assert_eq!(bearer(&with("Basic wb_x")), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
