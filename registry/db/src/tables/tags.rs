//! Tags: the current ones, one per name, and every lifetime a name ever had.
//!
//! ```text
//!  tag_history   v1 ├── manifest a ──┤├── manifest b ──────►      end null: still living
//!  tags          v1 ─────────────────────┘ (points at its lifetime)
//! ```
//!
//! An end in the future is an expiry: from then on the tag is gone for readers, swept or not.

use quay_oci::{Attachment, Digest};

use crate::engine::{Conn, Row, Tx, first, params, statements};
use crate::{Error, ManifestId, RepoId, TagId};

/// A current tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its repository.
    pub repo: RepoId,
    /// Its name.
    pub name: String,
    /// The manifest it points at.
    pub manifest: ManifestId,
    /// That manifest's digest.
    pub digest: Digest,
    /// Its lifetime.
    pub lifetime: TagId,
    /// Since when it points there.
    pub start_ms: i64,
    /// When it expires.
    pub end_ms: Option<i64>,
    /// Whether it was restored rather than pushed.
    pub reversion: bool,
    /// Whether it may neither move nor go.
    pub immutable: bool,
}

/// One lifetime of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Its id, for paging.
    pub id: TagId,
    /// The tag's name.
    pub name: String,
    /// The manifest it pointed at.
    pub manifest: ManifestId,
    /// That manifest's digest.
    pub digest: Digest,
    /// That manifest's media type.
    pub media_type: String,
    /// How many bytes its layers have.
    pub size: i64,
    /// When it began.
    pub start_ms: i64,
    /// When it ended or will end.
    pub end_ms: Option<i64>,
    /// Whether it was restored rather than pushed.
    pub reversion: bool,
    /// Whether it may neither move nor go.
    pub immutable: bool,
}

/// A tag to be set.
pub struct SetTag<'a> {
    /// The repository.
    pub repo: RepoId,
    /// The tag's name.
    pub name: &'a str,
    /// What it shall point at: a manifest of the same repository.
    pub manifest: ManifestId,
    /// When it expires.
    pub end_ms: Option<i64>,
    /// Whether it is restored rather than pushed.
    pub reversion: bool,
    /// Now.
    pub now_ms: i64,
}

/// What setting a tag did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// There was no tag of that name.
    Created,
    /// It pointed elsewhere.
    Moved {
        /// The manifest it pointed at.
        from: ManifestId,
        /// That manifest's digest.
        from_digest: Digest,
    },
    /// It pointed there already.
    Unchanged,
    /// It may not move; nothing was done.
    Immutable,
}

macro_rules! tag_columns {
    () => {
        "t.repo_id, t.name, t.manifest_id, m.digest, t.lifetime_id, t.start_ms, t.end_ms, t.reversion, t.immutable \
         FROM tags t JOIN manifests m ON m.id = t.manifest_id "
    };
}

macro_rules! lifetimes {
    () => {
        "SELECT h.id, h.name, h.manifest_id, h.digest, m.media_type, m.layers_size, h.start_ms, h.end_ms, \
         h.reversion, h.immutable FROM tag_history h JOIN manifests m ON m.id = h.manifest_id "
    };
}

statements! {
    LOCK = concat!("SELECT ", tag_columns!(), "WHERE t.repo_id = $1 AND t.name = $2 /* FOR UPDATE */");
    END_LIFETIME = "UPDATE tag_history SET end_ms = $2 WHERE id = $1 AND (end_ms IS NULL OR end_ms > $2)";
    DELETE_LIFETIME = "UPDATE tag_history SET end_ms = $2, deleted = $3
             WHERE id = $1 AND (end_ms IS NULL OR end_ms > $2)";
    BEGIN_LIFETIME = "INSERT INTO tag_history (repo_id, name, manifest_id, digest, start_ms, end_ms, reversion)
                      SELECT $1, $2, m.id, m.digest, $4, $5, $6 FROM manifests m
                      WHERE m.id = $3 AND m.repo_id = $1 RETURNING id";
    POINT = "INSERT INTO tags (repo_id, name, manifest_id, lifetime_id, start_ms, end_ms, reversion, immutable,
             attached, kind, size)
             SELECT $1, $2, m.id, $4, $5, $6, $7, $8, $9, m.kind, m.layers_size FROM manifests m WHERE m.id = $3
             ON CONFLICT (repo_id, name) DO UPDATE SET manifest_id = excluded.manifest_id,
             lifetime_id = excluded.lifetime_id, start_ms = excluded.start_ms, end_ms = excluded.end_ms,
             reversion = excluded.reversion, immutable = excluded.immutable,
             kind = excluded.kind, size = excluded.size";
    KEEP_MANIFEST = "UPDATE manifests SET expires_ms = NULL WHERE id = $1 AND expires_ms IS NOT NULL";
    GET = concat!("SELECT ", tag_columns!(), "WHERE t.repo_id = $1 AND t.name = $2
             AND (t.end_ms IS NULL OR t.end_ms > $3)");
    NAMES = "SELECT name FROM tags WHERE repo_id = $1 AND name > $2 AND (end_ms IS NULL OR end_ms > $4)
             ORDER BY name LIMIT $3";
    HISTORY = concat!(lifetimes!(), "WHERE h.repo_id = $1 AND (h.start_ms, h.id) < ($2, $3)
             ORDER BY h.start_ms DESC, h.id DESC LIMIT $4");
    HISTORY_OF = concat!(lifetimes!(), "WHERE h.repo_id = $1 AND h.name = $5 AND (h.start_ms, h.id) < ($2, $3)
             ORDER BY h.start_ms DESC, h.id DESC LIMIT $4");
    LAST_LIFETIME = concat!(lifetimes!(), "WHERE h.repo_id = $1 AND h.name = $2 AND h.digest = $3
             ORDER BY h.start_ms DESC, h.id DESC LIMIT 1");
    REMEMBERS = "SELECT EXISTS (SELECT 1 FROM tag_history WHERE manifest_id = $1)";
    DELETE = "DELETE FROM tags WHERE repo_id = $1 AND name = $2";
    TAGS_OF_MANIFEST = concat!("SELECT ", tag_columns!(), "WHERE t.manifest_id = $1 ORDER BY t.name");
    SET_EXPIRY = "UPDATE tags SET end_ms = $3 WHERE repo_id = $1 AND name = $2 RETURNING lifetime_id";
    SET_LIFETIME_EXPIRY = "UPDATE tag_history SET end_ms = $2 WHERE id = $1";
    SET_IMMUTABLE = "UPDATE tags SET immutable = $3 WHERE repo_id = $1 AND name = $2 RETURNING lifetime_id";
    SET_LIFETIME_IMMUTABLE = "UPDATE tag_history SET immutable = $2 WHERE id = $1";
    COUNT = "SELECT count(*) FROM tags WHERE repo_id = $1 AND (end_ms IS NULL OR end_ms > $2)";
    EXPIRED = concat!("SELECT ", tag_columns!(), "WHERE t.end_ms <= $1 ORDER BY t.end_ms LIMIT $2");
    DROP_EXPIRED = "DELETE FROM tags WHERE repo_id = $1 AND name = $2 AND end_ms <= $3 RETURNING manifest_id";
    FORGET = "DELETE FROM tag_history WHERE id IN
              (SELECT h.id FROM tag_history h JOIN repositories r ON r.id = h.repo_id
               WHERE h.end_ms <= $1 AND r.namespace_id = $2
               AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.lifetime_id = h.id) ORDER BY h.end_ms LIMIT $3)
              RETURNING manifest_id";
}

fn tag(row: &Row<'_>) -> Result<Tag, Error> {
    Ok(Tag {
        repo: row.get(0)?,
        name: row.get(1)?,
        manifest: row.get(2)?,
        digest: row.get(3)?,
        lifetime: row.get(4)?,
        start_ms: row.get(5)?,
        end_ms: row.get(6)?,
        reversion: row.get(7)?,
        immutable: row.get(8)?,
    })
}

fn lifetime(row: &Row<'_>) -> Result<Lifetime, Error> {
    Ok(Lifetime {
        id: row.get(0)?,
        name: row.get(1)?,
        manifest: row.get(2)?,
        digest: row.get(3)?,
        media_type: row.get(4)?,
        size: row.get(5)?,
        start_ms: row.get(6)?,
        end_ms: row.get(7)?,
        reversion: row.get(8)?,
        immutable: row.get(9)?,
    })
}

impl Tag {
    fn lives(&self, now_ms: i64) -> bool {
        self.end_ms.is_none_or(|end| end > now_ms)
    }
}

/// The newest possible key, for the first page of a list by time.
fn newest(after: Option<(i64, TagId)>) -> (i64, TagId) {
    after.unwrap_or((i64::MAX, TagId(i64::MAX)))
}

/// Points a tag at a manifest: ends the lifetime it had, begins another. The manifest no longer expires.
pub async fn set(tx: &mut Tx, new: &SetTag<'_>) -> Result<Set, Error> {
    let SetTag { repo, name, manifest, end_ms, reversion, now_ms } = *new;
    let earlier = tx.opt(LOCK, params![repo, name], tag).await?;
    let living = earlier.as_ref().filter(|t| t.lives(now_ms));
    if let Some(living) = living {
        let same = living.manifest == manifest && living.end_ms == end_ms;
        if same && !reversion {
            return Ok(Set::Unchanged);
        }
        if living.immutable {
            return Ok(Set::Immutable);
        }
    }
    if let Some(earlier) = &earlier {
        tx.exec(END_LIFETIME, params![earlier.lifetime, now_ms]).await?;
    }
    let values = params![repo, name, manifest, now_ms, end_ms, reversion];
    let lifetime: TagId = tx.one(BEGIN_LIFETIME, values, first).await?;
    let attached = Attachment::of_tag(name).is_some();
    let values = params![repo, name, manifest, lifetime, now_ms, end_ms, reversion, false, attached];
    tx.exec(POINT, values).await?;
    tx.exec(KEEP_MANIFEST, params![manifest]).await?;
    Ok(match earlier.filter(|t| t.lives(now_ms)) {
        Some(earlier) if earlier.manifest == manifest => Set::Unchanged,
        Some(earlier) => Set::Moved { from: earlier.manifest, from_digest: earlier.digest },
        None => Set::Created,
    })
}

/// A current tag.
pub async fn get(c: &mut Conn, repo: RepoId, name: &str, now_ms: i64) -> Result<Option<Tag>, Error> {
    c.opt(GET, params![repo, name, now_ms], tag).await
}

/// Names of current tags in the order of their bytes.
pub async fn names(
    c: &mut Conn,
    repo: RepoId,
    after: Option<&str>,
    limit: u32,
    now_ms: i64,
) -> Result<Vec<String>, Error> {
    c.all(NAMES, params![repo, after.unwrap_or(""), limit, now_ms], first).await
}

/// All lifetimes, of one name or of all, newest first.
pub async fn history(
    c: &mut Conn,
    repo: RepoId,
    name: Option<&str>,
    after: Option<(i64, TagId)>,
    limit: u32,
) -> Result<Vec<Lifetime>, Error> {
    let (start, id) = newest(after);
    match name {
        None => c.all(HISTORY, params![repo, start, id, limit], lifetime).await,
        Some(name) => c.all(HISTORY_OF, params![repo, start, id, limit, name], lifetime).await,
    }
}

/// The last lifetime in which a name pointed at a digest: what can be restored.
pub async fn last_lifetime(
    c: &mut Conn,
    repo: RepoId,
    name: &str,
    digest: &Digest,
) -> Result<Option<Lifetime>, Error> {
    c.opt(LAST_LIFETIME, params![repo, name, digest], lifetime).await
}

/// Ends a tag; gives what it was.
pub async fn delete(tx: &mut Tx, repo: RepoId, name: &str, now_ms: i64) -> Result<Option<Tag>, Error> {
    let Some(tag) = tx.opt(LOCK, params![repo, name], tag).await? else { return Ok(None) };
    end(tx, &tag, now_ms).await?;
    Ok(Some(tag).filter(|t| t.lives(now_ms)))
}

/// Ends every tag of a manifest; gives those that were current.
pub async fn delete_of_manifest(tx: &mut Tx, manifest: ManifestId, now_ms: i64) -> Result<Vec<Tag>, Error> {
    let mut tags = tx.all(TAGS_OF_MANIFEST, params![manifest], tag).await?;
    for tag in &tags {
        end(tx, tag, now_ms).await?;
    }
    tags.retain(|t| t.lives(now_ms));
    Ok(tags)
}

async fn end(tx: &mut Tx, tag: &Tag, now_ms: i64) -> Result<(), Error> {
    tx.exec(DELETE, params![tag.repo, &tag.name]).await?;
    tx.exec(DELETE_LIFETIME, params![tag.lifetime, now_ms, true]).await.map(drop)
}

/// Changes when a current tag expires.
pub async fn set_expiry(
    tx: &mut Tx,
    repo: RepoId,
    name: &str,
    end_ms: Option<i64>,
    now_ms: i64,
) -> Result<bool, Error> {
    if get(tx, repo, name, now_ms).await?.is_none() {
        return Ok(false);
    }
    let lifetime: TagId = tx.one(SET_EXPIRY, params![repo, name, end_ms], first).await?;
    tx.hit(SET_LIFETIME_EXPIRY, params![lifetime, end_ms]).await
}

/// Lets a tag move and go, or not.
pub async fn set_immutable(tx: &mut Tx, repo: RepoId, name: &str, immutable: bool) -> Result<bool, Error> {
    match tx.opt(SET_IMMUTABLE, params![repo, name, immutable], first::<TagId>).await? {
        Some(lifetime) => tx.hit(SET_LIFETIME_IMMUTABLE, params![lifetime, immutable]).await,
        None => Ok(false),
    }
}

/// Names of the current tags of a manifest.
pub async fn of_manifest(c: &mut Conn, manifest: ManifestId, now_ms: i64) -> Result<Vec<String>, Error> {
    let tags = c.all(TAGS_OF_MANIFEST, params![manifest], tag).await?;
    Ok(tags.into_iter().filter(|t| t.lives(now_ms)).map(|t| t.name).collect())
}

/// How many current tags a repository has.
pub async fn count(c: &mut Conn, repo: RepoId, now_ms: i64) -> Result<i64, Error> {
    c.one(COUNT, params![repo, now_ms], first).await
}

/// Tags that expired and were not swept yet, oldest first.
pub async fn expired(c: &mut Conn, now_ms: i64, limit: u32) -> Result<Vec<Tag>, Error> {
    c.all(EXPIRED, params![now_ms, limit], tag).await
}

/// Sweeps a tag that expired; gives the manifest it pointed at, None when it was set anew meanwhile.
pub async fn drop_expired(
    tx: &mut Tx,
    repo: RepoId,
    name: &str,
    now_ms: i64,
) -> Result<Option<ManifestId>, Error> {
    tx.opt(DROP_EXPIRED, params![repo, name, now_ms], first).await
}

/// Whether any lifetime, hence perhaps a tag, still points at a manifest.
pub async fn remembers(c: &mut Conn, manifest: ManifestId) -> Result<bool, Error> {
    c.one(REMEMBERS, params![manifest], first).await
}

/// Forgets up to `limit` lifetimes of a namespace that ended before a time; gives the manifests they pinned.
pub async fn forget(
    tx: &mut Tx,
    namespace: crate::UserId,
    before_ms: i64,
    limit: u32,
) -> Result<Vec<ManifestId>, Error> {
    tx.all(FORGET, params![before_ms, namespace, limit], first).await
}
