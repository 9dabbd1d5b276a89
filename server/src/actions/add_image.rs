//! Adding an image to a runbook that is being written: it is kept at once, and written to a file with the text.

use app::model::image::{Judged, plain_name};
use app::model::moment::Moment;

use crate::db::Db;
use crate::store::people::{self, AuditLine};
use crate::store::{feed, images};

/// An image to be added.
#[derive(Debug, Clone)]
pub struct NewImage<'a> {
    /// The folder for the runbook's images, from the folder of the book: `guides/erp`.
    pub folder: &'a str,
    /// What the file was called where it comes from.
    pub called: &'a str,
    /// What it is.
    pub judged: Judged,
    /// The SHA-256 of its bytes, in hex.
    pub hash: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Who adds it.
    pub by: &'a str,
    /// From where.
    pub address: &'a str,
}

/// Keeps the image under a name that no other has. Gives its path from the folder of the book.
///
/// # Errors
/// What the database says.
pub async fn add_image(db: &Db, image: NewImage<'_>, now: Moment) -> sqlx::Result<String> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let (name, ending) = (plain_name(image.called), image.judged.kind.ending());
    let mut path = format!("{}/{name}.{ending}", image.folder);
    let there = images::at(&mut tx, &path).await?;
    let same = there.as_deref() == Some(image.hash);
    if there.is_some() && !same {
        // A name means one image: texts of the past show what they showed.
        path = format!("{}/{name}-{}.{ending}", image.folder, &image.hash[..8]);
    }
    if !same {
        images::keep(&mut tx, image.hash, image.judged, image.bytes, now).await?;
        images::name(&mut tx, &path, image.hash, image.by, now).await?;
        let line = AuditLine {
            at: now,
            actor: image.by.to_owned(),
            action: "add_image".to_owned(),
            subject: path.clone(),
            address: image.address.to_owned(),
        };
        people::append_audit(&mut tx, &line).await?;
        tx.commit().await?;
    }
    Ok(path)
}
