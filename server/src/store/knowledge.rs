//! Knowledge: who has written, reviewed or used which runbook.

use sqlx::AnyPool;

/// (slug, `written`, `reviewed` or `used`, who), each once. Who has written a file is not known by its name.
pub async fn people(pool: &AnyPool) -> sqlx::Result<Vec<(String, String, String)>> {
    sqlx::query_as(
        "select distinct slug, 'written', author from runbook_versions where origin = 'browser'
        union
        select distinct slug, 'reviewed', answered_by from reviews where answer in ('still_correct', 'reviewed')
        union
        select distinct slug, 'used', actor from acts where act = 'ticked' and slug is not null
        order by 1, 2, 3",
    )
    .fetch_all(pool)
    .await
}
