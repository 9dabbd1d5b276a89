//! Images of runbooks: shown by their hash, and added to a text that is being written.

use std::sync::Arc;

use app::model::image::{Judged, LARGEST, judge, plain_name};
use app::model::reference::is_id;
use app::model::status::Role;
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use serde::Serialize;

use super::edit::{Typed, with_image};
use super::error::{Error, Problem};
use super::session::PageContext;
use crate::App;
use crate::actions::add_image::{NewImage, add_image};
use crate::book::image_hash;
use crate::store::images;

/// The largest form that is read, in bytes: the longest text, written out as forms do, and an image that is too large,
/// so that it can be said.
pub const MOST: usize = 32 * 1024 * 1024;

/// What may be done with an image: it is looked at, and nothing in it runs, loads or leads anywhere. An SVG is a document
/// that could hold scripts. They do not run where a page shows it (as an image, by the rules of HTML), nor where
/// somebody opens its address, because of this. So it is kept as it came: a sanitiser would change drawings and must
/// know every trick, the sandbox need not.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

/// One image. Its address names its bytes, so that it can be kept for ever by whoever may see it.
pub async fn image(State(app): State<Arc<App>>, context: PageContext, Path(hash): Path<String>) -> Response {
    match images::find(app.db.read(), &hash).await {
        Ok(Some(found)) => {
            let mut headers = HeaderMap::new();
            let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
            set(header::CONTENT_TYPE, found.kind.media_type());
            set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
            set(header::CONTENT_SECURITY_POLICY, POLICY);
            set(header::CONTENT_DISPOSITION, "inline");
            set(header::CACHE_CONTROL, "private, max-age=31536000, immutable");
            (headers, found.bytes).into_response()
        }
        Ok(None) => Error::NotFound("image", hash).page(&app, context).await,
        Err(error) => Error::from(error).page(&app, context).await,
    }
}

/// What the editor's script is told: the words for the text.
#[derive(Debug, Serialize)]
struct Added {
    markdown: String,
    path: String,
}

/// Adds an image to a runbook that is being edited.
pub async fn add(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(slug): Path<String>,
    request: Request,
) -> Response {
    if !app.worlds.now().documents.contains_key(&slug) {
        return Error::NotFound("runbook", slug).page(&app, context).await;
    }
    take(&app, context, Some(slug), request).await
}

/// Adds an image to a runbook that is being written for the first time.
pub async fn add_to_new(State(app): State<Arc<App>>, context: PageContext, request: Request) -> Response {
    take(&app, context, None, request).await
}

async fn take(app: &Arc<App>, context: PageContext, known: Option<String>, request: Request) -> Response {
    if let Err(refused) = context.demand(Role::Editor, "edit runbooks") {
        return refused.page(app, context).await;
    }
    let by_script = request.headers().get(header::ACCEPT).is_some_and(|a| a.as_bytes() == b"application/json");
    let form = match Multipart::from_request(request, app).await {
        Ok(form) => form,
        Err(refused) => return refused.into_response(),
    };
    let sent = match Sent::read(form).await {
        Ok(sent) => sent,
        Err(error) => {
            return Error::Refused {
                status: error.status(),
                title: "The form cannot be read".to_owned(),
                detail: error.body_text(),
            }
            .page(app, context)
            .await;
        }
    };
    let added = match sent.add(app, &context, known.as_deref()).await {
        Ok(added) => added,
        Err(error) => return Error::Database(error).page(app, context).await,
    };
    if by_script {
        return match added {
            Ok(added) => Json(added).into_response(),
            Err(sentence) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The image was not added", sentence).into_response()
            }
        };
    }
    match sent.typed().await {
        Ok(typed) => with_image(app, context, known.as_deref(), typed, added.map(|added| added.markdown)).await,
        Err(refused) => refused,
    }
}

/// What came in the form.
#[derive(Default)]
struct Sent {
    /// What was typed, as it would come without an image.
    fields: Vec<(String, String)>,
    /// What the image was called, and its bytes; one too many where it is too large.
    image: Option<(String, Vec<u8>)>,
}

impl Sent {
    async fn read(mut form: Multipart) -> Result<Self, MultipartError> {
        let mut sent = Self::default();
        while let Some(mut field) = form.next_field().await? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "image" {
                let called = field.file_name().unwrap_or_default().to_owned();
                sent.image = Some((called, bytes(&mut field).await?));
            } else {
                sent.fields.push((name, field.text().await?));
            }
        }
        Ok(sent)
    }

    fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.trim())
    }

    /// Keeps the image, or says why not.
    async fn add(
        &self,
        app: &Arc<App>,
        context: &PageContext,
        known: Option<&str>,
    ) -> sqlx::Result<Result<Added, String>> {
        let slug = known.unwrap_or_else(|| self.field("slug"));
        if !is_id(slug) || slug == "new" {
            return Ok(
                Err("Write the name in its address first: images are kept in a folder of that name.".to_owned()),
            );
        }
        let Some((called, bytes)) =
            self.image.as_ref().filter(|(called, bytes)| !called.is_empty() || !bytes.is_empty())
        else {
            return Ok(Err("Choose an image first.".to_owned()));
        };
        let judged = match judge(bytes) {
            Ok(judged) => judged,
            Err(sentence) => return Ok(Err(sentence)),
        };
        let place = app.worlds.now().documents.get(slug).map(|d| d.kept.place());
        let path = keep(app, context, place.as_deref().unwrap_or_default(), slug, called, judged, bytes).await?;
        // Relative to the file, which stands beside that folder.
        let name = path.rsplit('/').next().unwrap_or_default();
        let words = match self.field("image_words") {
            "" => plain_name(called).replace('-', " "),
            words => words.chars().filter(|c| !c.is_control() && !['[', ']', '\\'].contains(c)).collect(),
        };
        Ok(Ok(Added { markdown: format!("![{words}]({slug}/{name})"), path }))
    }

    /// What was typed, read as the form that it would be without the image.
    async fn typed(self) -> Result<Typed, Response> {
        let address = reqwest::Url::parse_with_params("http://form", &self.fields);
        let body = address.ok().and_then(|a| a.query().map(str::to_owned)).unwrap_or_default();
        let request = axum::http::Request::post("/").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Body::from(body)).map_err(|_| StatusCode::BAD_REQUEST.into_response())?;
        Form::from_request(request, &()).await.map(|Form(typed)| typed).map_err(IntoResponse::into_response)
    }
}

async fn keep(
    app: &Arc<App>,
    context: &PageContext,
    place: &str,
    slug: &str,
    called: &str,
    judged: Judged,
    bytes: &[u8],
) -> sqlx::Result<String> {
    let folder = app::model::image::folder_of(place);
    let folder = if folder.is_empty() { slug.to_owned() } else { format!("{folder}/{slug}") };
    let by = context.viewer.as_ref().map(|v| v.name.clone()).unwrap_or_default();
    let hash = image_hash(bytes);
    let image = NewImage { folder: &folder, called, judged, hash: &hash, bytes, by: &by, address: &context.address };
    let path = add_image(&app.db, image, app.now()).await?;
    app.worlds.reload(&app.db).await;
    Ok(path)
}

/// The bytes of an image, and of one that is too large as many as show that.
async fn bytes(field: &mut Field<'_>) -> Result<Vec<u8>, MultipartError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        let room = (LARGEST + 1).saturating_sub(bytes.len());
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(bytes)
}
