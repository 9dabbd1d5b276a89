//! Images of runbooks: each content once, and which stands at which path of the book since when.

use app::model::image::{ImageKind, Judged};
use app::model::moment::Moment;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sqlx::AnyPool;

use crate::db::Tx;

/// An image at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedImage {
    /// From the folder of the book, with `/`.
    pub path: String,
    /// The SHA-256 of its bytes, in hex.
    pub hash: String,
    /// From when on.
    pub from: Moment,
    /// How wide and how high, where that is known.
    pub size: Option<(i64, i64)>,
}

/// An image in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRecord {
    /// What it is.
    pub kind: ImageKind,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Keeps an image; one that is there already stays. The caller holds the turn to write.
pub async fn keep(tx: &mut Tx, hash: &str, judged: Judged, bytes: &[u8], now: Moment) -> sqlx::Result<()> {
    sqlx::query(
        "insert into images (hash, kind, size, width, height, body, added_at) values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (hash) do nothing",
    )
    .bind(hash)
    .bind(judged.kind.name())
    .bind(bytes.len() as i64)
    .bind(judged.size.map(|(width, _)| width))
    .bind(judged.size.map(|(_, height)| height))
    .bind(STANDARD.encode(bytes))
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Says that an image stands at a path from now on.
pub async fn name(tx: &mut Tx, path: &str, hash: &str, by: &str, now: Moment) -> sqlx::Result<()> {
    sqlx::query(
        "insert into image_names (path, from_at, hash, added_by) values ($1, $2, $3, $4)
        on conflict (path, from_at) do update set hash = excluded.hash, added_by = excluded.added_by",
    )
    .bind(path)
    .bind(now.millis())
    .bind(hash)
    .bind(by)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Which image stands at a path now.
pub async fn at(tx: &mut Tx, path: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("select hash from image_names where path = $1 order by from_at desc limit 1")
        .bind(path)
        .fetch_optional(&mut **tx)
        .await
}

/// Every name of an image there ever was, oldest first.
pub async fn names(pool: &AnyPool) -> sqlx::Result<Vec<NamedImage>> {
    type Row = (String, String, i64, Option<i64>, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as(
        "select n.path, n.hash, n.from_at, i.width, i.height
        from image_names n join images i on i.hash = n.hash
        order by n.from_at",
    )
    .fetch_all(pool)
    .await?;
    let named = |(path, hash, from, width, height): Row| NamedImage {
        path,
        hash,
        from: Moment::from_millis(from),
        size: width.zip(height),
    };
    Ok(rows.into_iter().map(named).collect())
}

/// One image in full.
pub async fn find(pool: &AnyPool, hash: &str) -> sqlx::Result<Option<ImageRecord>> {
    let row: Option<(String, String)> =
        sqlx::query_as("select kind, body from images where hash = $1").bind(hash).fetch_optional(pool).await?;
    // We wrote both: what cannot be read back is not there.
    Ok(row.and_then(|(kind, body)| {
        Some(ImageRecord { kind: ImageKind::parse(&kind)?, bytes: STANDARD.decode(body).ok()? })
    }))
}
