//! Making a secret of the portal's own, at the first start that needs it.

use app::model::check_in::Key;
use app::model::moment::Moment;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;

use crate::db::Db;
use crate::store::{feed, secrets};

/// The name of the secret that signs check-in links. Without its row every link is worth nothing, and the next start
/// makes another.
const CHECK_IN: &str = "check-in";

/// The key that signs check-in links: made once, the same ever after.
///
/// # Errors
/// What the database says, also when what it keeps is no key.
pub async fn check_in_key(db: &Db, now: Moment) -> sqlx::Result<Key> {
    let mut bytes = [0u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let kept = secrets::keep(&mut tx, CHECK_IN, &URL_SAFE_NO_PAD.encode(bytes), now).await?;
    tx.commit().await?;
    let kept = URL_SAFE_NO_PAD.decode(kept).map_err(|e| sqlx::Error::Decode(e.into()))?;
    let bytes: [u8; 32] =
        kept.try_into().map_err(|_| sqlx::Error::Decode("the secret for check-in links is not 32 bytes".into()))?;
    Ok(Key::new(bytes))
}
