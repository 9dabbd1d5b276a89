//! Signing in and out.

use std::sync::Arc;

use app::model::status::Role;
use app::pages::shell::Place;
use app::pages::sign_in::{self, SignInPicture};
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::error::Error;
use super::render;
use super::session::{self, PageContext, local_path, referring_path};
use crate::App;
use crate::actions::create_user::{LONGEST_PASSWORD, account_name, demo_account};
use crate::password::PasswordError;
use crate::store::people::{self, UserRecord};

/// After how many seconds to try again when too many sign in at once.
const AGAIN_IN: u32 = 2;

/// Where to be after signing in.
#[derive(Debug, Default, Deserialize)]
pub struct After {
    #[serde(default)]
    next: String,
}

/// What is sent to sign in.
#[derive(Debug, Deserialize)]
pub struct SignIn {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// What is sent to be somebody in the demo.
#[derive(Debug, Deserialize)]
pub struct DemoRole {
    #[serde(default)]
    role: String,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`: the form.
pub async fn sign_in_page(State(app): State<Arc<App>>, context: PageContext, Query(after): Query<After>) -> Response {
    form(&app, context, StatusCode::OK, "", &after.next, None).await
}

/// `POST /sign-in`: a name and its password.
pub async fn sign_in(
    State(app): State<Arc<App>>,
    context: PageContext,
    session: Session,
    Form(sent): Form<SignIn>,
) -> Response {
    let account = match people::find_user(app.db.read(), &account_name(&sent.name)).await {
        Ok(account) => account,
        Err(error) => return Error::from(error).page(&app, context).await,
    };
    // No password is this long, but finding that out must take as long as with any other.
    let (password, too_long) = match sent.password.len() > LONGEST_PASSWORD {
        true => (String::new(), true),
        false => (sent.password, false),
    };
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    match (app.passwords.verify(password, hash).await, account) {
        (Ok(true), Some(account)) if !too_long => enter(&app, context, session, account, "sign_in", &sent.next).await,
        (Ok(_), account) => {
            // A name that is not an account may be a password typed into the wrong field: it is not kept.
            let subject = account.map_or_else(|| "an unknown name".to_owned(), |account| account.name);
            if let Err(error) = context.record(&app, "nobody", "sign_in_failed", &subject).await {
                return Error::from(error).page(&app, context).await;
            }
            let words = "That name and password do not belong together.";
            form(&app, context, StatusCode::UNPROCESSABLE_ENTITY, &sent.name, &sent.next, Some(words)).await
        }
        (Err(error), _) => {
            let status = match error {
                PasswordError::Busy => StatusCode::TOO_MANY_REQUESTS,
                PasswordError::Failed => StatusCode::SERVICE_UNAVAILABLE,
            };
            let words = format!("{error}.");
            let mut response = form(&app, context, status, &sent.name, &sent.next, Some(&words)).await;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(AGAIN_IN));
            response
        }
    }
}

/// `POST /sign-in/demo`: be somebody of a role, in the demo only.
pub async fn sign_in_demo(
    State(app): State<Arc<App>>,
    context: PageContext,
    session: Session,
    headers: HeaderMap,
    Form(sent): Form<DemoRole>,
) -> Response {
    if !app.config.demo {
        return Error::NotFound("page", "/sign-in/demo".to_owned()).page(&app, context).await;
    }
    let Some(role) = Role::parse(&sent.role) else {
        let words = "Choose one of the roles below.";
        return form(&app, context, StatusCode::UNPROCESSABLE_ENTITY, "", &sent.next, Some(words)).await;
    };
    let account = match demo_account(&app.db, role, app.now()).await {
        Ok(account) => account,
        Err(error) => return Error::from(error).page(&app, context).await,
    };
    // The buttons of the top bar stand on every page, and lead back to it.
    let next = if sent.next.is_empty() { referring_path(&headers).unwrap_or("/") } else { &sent.next };
    enter(&app, context, session, account, "sign_in_demo", next).await
}

/// `POST /sign-out`.
pub async fn sign_out(State(app): State<Arc<App>>, context: PageContext, session: Session) -> Response {
    if let Some(viewer) = &context.viewer
        && let Err(error) = context.record(&app, &viewer.name, "sign_out", &viewer.name).await
    {
        return Error::from(error).page(&app, context).await;
    }
    match session::end(&session).await {
        Ok(()) if app.config.public_read => Redirect::to("/").into_response(),
        Ok(()) => Redirect::to("/sign-in").into_response(),
        Err(response) => response,
    }
}

async fn enter(
    app: &App,
    context: PageContext,
    session: Session,
    account: UserRecord,
    action: &str,
    next: &str,
) -> Response {
    if let Err(error) = context.record(app, &account.name, action, &account.name).await {
        return Error::from(error).page(app, context).await;
    }
    match session::begin(&session, &account.name, app.now()).await {
        Ok(()) => Redirect::to(local_path(next).unwrap_or("/")).into_response(),
        Err(response) => response,
    }
}

/// The form, first or again.
async fn form(
    app: &App,
    context: PageContext,
    status: StatusCode,
    name: &str,
    next: &str,
    error: Option<&str>,
) -> Response {
    let no_accounts = match people::any_user(app.db.read()).await {
        Ok(any) => !any && !app.config.demo,
        Err(error) => return Error::from(error).page(app, context).await,
    };
    let picture = SignInPicture {
        name: name.to_owned(),
        error: error.map(str::to_owned),
        next: local_path(next).unwrap_or_default().to_owned(),
        demo: app.config.demo,
        no_accounts,
    };
    let head = sign_in::head(&picture);
    render::page(app, context, Place::Other, head, None, status, move || sign_in::body(&picture)).await
}
