//! What is shown of a manifest beside a tag: what it is, by whom it is signed, how much refers to it.
//!
//! One text of columns, for every statement that finds manifests by tags or by their past; `$1` is the repository,
//! `$2` is now.

use quay_oci::{ArtifactKind, Digest};

use crate::Error;
use crate::engine::Row;

/// What is known of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    pub kind: ArtifactKind,
    /// Its media type.
    pub media_type: String,
    /// Its artifact type, or the type of its config.
    pub artifact_type: Option<String>,
    /// The type of its config.
    pub config_media_type: Option<String>,
    /// How many bytes its layers have.
    pub size: i64,
    /// How many manifests an index lists.
    pub children: i64,
    /// How many manifests refer to it, up to 1000.
    pub referrers: i64,
    /// A signature that refers to it.
    pub signed_by_referrer: Option<Digest>,
    /// The signature under its tag for signatures.
    pub signed_by_tag: Option<Digest>,
    /// A signature that a client's own index of referrers lists.
    pub signed_by_listed: Option<Digest>,
}

/// The name under which clients attach to a manifest, without its suffix: at most 64 digits of its digest.
macro_rules! attached_name {
    () => {
        "substr(replace(m.digest, ':', '-'), 1, 71)"
    };
}
pub(super) use attached_name;

/// The columns of [`Facts`], with the kind from where it is at hand.
macro_rules! facts {
    ($kind:literal) => {
        concat!(
            "m.digest, ",
            $kind,
            ", m.media_type, m.artifact_type, m.config_media_type, m.layers_size,
             (SELECT count(*) FROM manifest_children c WHERE c.manifest_id = m.id),
             (SELECT count(*) FROM (SELECT 1 FROM manifests r
              WHERE r.repo_id = $1 AND r.subject = m.digest AND r.state = 0 LIMIT 1000) page),
             (SELECT r.digest FROM manifests r WHERE r.repo_id = $1 AND r.subject = m.digest
              AND r.kind = 'signature' AND r.state = 0 ORDER BY r.digest LIMIT 1),
             (SELECT sm.digest FROM tags s JOIN manifests sm ON sm.id = s.manifest_id
              WHERE s.repo_id = $1 AND s.name = ",
            $crate::tables::manifest_facts::attached_name!(),
            " || '.sig' AND s.kind = 'signature' AND (s.end_ms IS NULL OR s.end_ms > $2)),
             (SELECT k.digest FROM tags f JOIN manifest_children c ON c.manifest_id = f.manifest_id
              JOIN manifests k ON k.repo_id = c.repo_id AND k.digest = c.digest
              WHERE f.repo_id = $1 AND f.name = ",
            $crate::tables::manifest_facts::attached_name!(),
            " AND (f.end_ms IS NULL OR f.end_ms > $2)
              AND k.state = 0 AND k.kind = 'signature' ORDER BY c.digest LIMIT 1)"
        )
    };
}
pub(super) use facts;

impl Facts {
    /// Reads them from the columns that begin at `at`.
    pub(super) fn read(row: &Row<'_>, at: usize) -> Result<Self, Error> {
        Ok(Self {
            digest: row.get(at)?,
            kind: row.get(at + 1)?,
            media_type: row.get(at + 2)?,
            artifact_type: row.get(at + 3)?,
            config_media_type: row.get(at + 4)?,
            size: row.get(at + 5)?,
            children: row.get(at + 6)?,
            referrers: row.get(at + 7)?,
            signed_by_referrer: row.get(at + 8)?,
            signed_by_tag: row.get(at + 9)?,
            signed_by_listed: row.get(at + 10)?,
        })
    }
}
