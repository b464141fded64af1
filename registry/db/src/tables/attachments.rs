//! What belongs to a manifest without being a part of it, and what an index lists: for showing, hence without bytes.

use quay_oci::{ArtifactKind, Digest};

use crate::engine::{Conn, Row, params, statements};
use crate::{Error, ManifestId, RepoId};

/// A manifest, briefly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    pub kind: ArtifactKind,
    /// Its media type.
    pub media_type: String,
    /// Its artifact type, or the type of its config.
    pub artifact_type: Option<String>,
    /// How many bytes its layers have.
    pub layers_size: i64,
    /// When it was pushed.
    pub created_ms: i64,
    /// The tag by which it was found.
    pub tag: Option<String>,
}

macro_rules! brief {
    ($tag:literal) => {
        concat!("SELECT m.digest, m.kind, m.media_type, m.artifact_type, m.layers_size, m.created_ms, ", $tag)
    };
}

statements! {
    REFERRERS = concat!(brief!("NULL"), " FROM manifests m
                 WHERE m.repo_id = $1 AND m.subject = $2 AND m.state = 0 ORDER BY m.digest LIMIT $3");
    TAGGED = concat!(brief!("t.name"), " FROM tags t JOIN manifests m ON m.id = t.manifest_id
                 WHERE t.repo_id = $1 AND t.name IN ($2, $3, $4) AND (t.end_ms IS NULL OR t.end_ms > $5)
                 AND m.state = 0 ORDER BY t.name");
    LISTED = concat!(brief!("NULL"), " FROM tags t JOIN manifests l ON l.id = t.manifest_id AND l.digest <> $5
                 JOIN manifest_children c ON c.manifest_id = l.id
                 JOIN manifests m ON m.repo_id = c.repo_id AND m.digest = c.digest AND m.state = 0
                 WHERE t.repo_id = $1 AND t.name = $2 AND (t.end_ms IS NULL OR t.end_ms > $4)
                 ORDER BY c.digest LIMIT $3");
    CHILDREN = concat!(brief!("NULL"), " FROM manifest_children c
                 JOIN manifests m ON m.repo_id = c.repo_id AND m.digest = c.digest AND m.state = 0
                 WHERE c.manifest_id = $1 ORDER BY c.digest");
}

fn brief(row: &Row<'_>) -> Result<Brief, Error> {
    Ok(Brief {
        digest: row.get(0)?,
        kind: row.get(1)?,
        media_type: row.get(2)?,
        artifact_type: row.get(3)?,
        layers_size: row.get(4)?,
        created_ms: row.get(5)?,
        tag: row.get(6)?,
    })
}

/// Live manifests about a subject.
pub async fn referrers(
    c: &mut Conn,
    repo: RepoId,
    subject: &Digest,
    limit: u32,
) -> Result<Vec<Brief>, Error> {
    c.all(REFERRERS, params![repo, subject, limit], brief).await
}

/// What current tags of these names point at.
pub async fn tagged(c: &mut Conn, repo: RepoId, names: [&str; 3], now_ms: i64) -> Result<Vec<Brief>, Error> {
    let [one, two, three] = names;
    c.all(TAGGED, params![repo, one, two, three, now_ms], brief).await
}

/// What the index under a tag lists of a subject, as far as it is here. The subject itself under that tag, as cosign
/// copies it, is no such list.
pub async fn listed(
    c: &mut Conn,
    repo: RepoId,
    tag: &str,
    subject: &Digest,
    limit: u32,
    now_ms: i64,
) -> Result<Vec<Brief>, Error> {
    c.all(LISTED, params![repo, tag, limit, now_ms, subject], brief).await
}

/// What an index lists, as far as it is here.
pub async fn children(c: &mut Conn, index: ManifestId) -> Result<Vec<Brief>, Error> {
    c.all(CHILDREN, params![index], brief).await
}
