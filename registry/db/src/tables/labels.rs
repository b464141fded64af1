//! Labels of manifests: what their makers wrote into them, and what people add afterwards.

use crate::engine::{Conn, Row, Tx, coded, first, params, statements};
use crate::{Error, LabelId, ManifestId};

coded! {
    /// Where a label comes from.
    pub enum Source {
        /// The manifest or the configuration of its image; it stays.
        Manifest = 0,
        /// Somebody added it; it can be taken away.
        Api = 1,
    }
}

/// A label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its row.
    pub id: LabelId,
    /// Its name for clients.
    pub uuid: String,
    /// Its key; several may have the same.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The type of its value.
    pub media_type: String,
    /// Where it comes from.
    pub source: Source,
}

/// A label to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewLabel<'a> {
    /// The manifest.
    pub manifest: ManifestId,
    /// A name for clients that was never used before.
    pub uuid: &'a str,
    /// Its key.
    pub key: &'a str,
    /// Its value.
    pub value: &'a str,
    /// The type of its value.
    pub media_type: &'a str,
    /// Where it comes from.
    pub source: Source,
    /// Now.
    pub now_ms: i64,
}

statements! {
    INSERT = "INSERT INTO labels (uuid, manifest_id, key, value, media_type, source, created_ms)
              VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    LIST = "SELECT id, uuid, key, value, media_type, source FROM labels WHERE manifest_id = $1
            AND ($2 = '' OR replace(lower(key), lower($2), '') <> lower(key)) ORDER BY key, id LIMIT $3";
    GET = "SELECT id, uuid, key, value, media_type, source FROM labels WHERE uuid = $2 AND manifest_id = $1";
    OF_KEY = "SELECT value FROM labels WHERE manifest_id = $1 AND key = $2 ORDER BY id";
    COUNT = "SELECT count(*) FROM labels WHERE manifest_id = $1";
    DELETE = "DELETE FROM labels WHERE id = $1";
}

fn label(row: &Row<'_>) -> Result<Label, Error> {
    Ok(Label {
        id: row.get(0)?,
        uuid: row.get(1)?,
        key: row.get(2)?,
        value: row.get(3)?,
        media_type: row.get(4)?,
        source: row.get(5)?,
    })
}

/// Adds a label.
pub async fn insert(tx: &mut Tx, new: &NewLabel<'_>) -> Result<LabelId, Error> {
    let NewLabel { manifest, uuid, key, value, media_type, source, now_ms } = *new;
    tx.one(INSERT, params![uuid, manifest, key, value, media_type, source, now_ms], first).await
}

/// Labels whose key contains a text, whatever its case; all when it is empty.
pub async fn list(
    c: &mut Conn,
    manifest: ManifestId,
    contains: &str,
    limit: u32,
) -> Result<Vec<Label>, Error> {
    c.all(LIST, params![manifest, contains, limit], label).await
}

/// A label of a manifest.
pub async fn get(c: &mut Conn, manifest: ManifestId, uuid: &str) -> Result<Option<Label>, Error> {
    c.opt(GET, params![manifest, uuid], label).await
}

/// The values under a key.
pub async fn values(c: &mut Conn, manifest: ManifestId, key: &str) -> Result<Vec<String>, Error> {
    c.all(OF_KEY, params![manifest, key], first).await
}

/// How many labels a manifest has.
pub async fn count(c: &mut Conn, manifest: ManifestId) -> Result<i64, Error> {
    c.one(COUNT, params![manifest], first).await
}

/// Takes a label away.
pub async fn delete(tx: &mut Tx, id: LabelId) -> Result<bool, Error> {
    tx.hit(DELETE, params![id]).await
}
