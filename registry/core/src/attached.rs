//! What belongs to a manifest: signatures, attestations and the like that refer to it, and the children of an index.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use quay_db::tables::attachments::{self, Brief};
use quay_db::tables::manifests;
use quay_db::tables::tags::{self, SetTag};
use quay_db::{RepoId, Tx, UserId};
use quay_oci::{ArtifactKind, Attachment, Digest, Manifest, Platform};

use crate::clock::timestamp;
use crate::core::Core;
use crate::error::{Missing, Result};
use crate::perms::{Allowed, Pull};
use crate::push::{expire_untagged, set_tag};

/// Attachments that are shown.
const SHOWN: u32 = 100;

/// Something that is about a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    pub kind: ArtifactKind,
    /// Its artifact type; falls back to the type of its configuration.
    pub artifact_type: Option<String>,
    /// Sum of its layers' sizes.
    pub size: u64,
    /// When it was pushed.
    pub created: Timestamp,
    /// How it is attached.
    pub via: Via,
}

/// How something is attached to a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// It refers to it.
    Referrer,
    /// It is under this tag.
    Tag(String),
}

/// A manifest that an index lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildRow {
    /// Its digest.
    pub digest: Digest,
    /// What it is for, as in `linux/arm64/v8`.
    pub platform: Option<String>,
    /// Sum of its layers' sizes.
    pub size: u64,
    /// What it is.
    pub kind: ArtifactKind,
    /// Its media type.
    pub media_type: String,
    /// Whether it is here.
    pub present: bool,
}

impl Core {
    /// What is attached to a manifest: by reference, by tag, or by an index of referrers that a client keeps.
    pub async fn attached(&self, at: &Allowed<Pull>, subject: &Digest) -> Result<Vec<Attached>> {
        let (repo, now_ms) = (at.repo(), self.now_ms());
        let [list, signature, attestation, sbom] = Attachment::ALL.map(|what| what.tag_of(subject));
        let found = self
            .db()
            .read(async |c| -> Result<Vec<Brief>> {
                let names = [signature.as_str(), &attestation, &sbom];
                let mut found = attachments::tagged(c, repo, names, now_ms).await?;
                found.extend(attachments::referrers(c, repo, subject, SHOWN).await?);
                found.extend(attachments::listed(c, repo, &list, subject, SHOWN, now_ms).await?);
                Ok(found)
            })
            .await?;
        let mut seen = HashSet::new();
        let once = found.into_iter().filter(|brief| seen.insert(brief.digest.clone()));
        Ok(once.take(SHOWN as usize).map(attached).collect())
    }

    /// What an index lists, in its order; nothing when the manifest is none.
    pub async fn children(&self, at: &Allowed<Pull>, index: &Digest) -> Result<Vec<ChildRow>> {
        let repo = at.repo();
        let (bytes, media_type, here) = self
            .db()
            .read(async |c| -> Result<_> {
                let found = manifests::find(c, repo, index).await?.ok_or(Missing::Manifest)?;
                let here = attachments::children(c, found.head.id).await?;
                Ok((found.bytes, found.head.media_type, here))
            })
            .await?;
        let here: HashMap<Digest, Brief> =
            here.into_iter().map(|brief| (brief.digest.clone(), brief)).collect();
        let Ok(manifest) = Manifest::parse(Some(&media_type), &bytes) else { return Ok(Vec::new()) };
        let children = manifest.manifests.into_iter().map(|child| {
            let brief = here.get(&child.digest);
            ChildRow {
                platform: child.platform.as_ref().and_then(platform),
                size: brief.map_or(0, |brief| brief.layers_size.cast_unsigned()),
                kind: brief.map_or(ArtifactKind::Other, |brief| brief.kind),
                media_type: child.media_type,
                present: brief.is_some(),
                digest: child.digest,
            }
        });
        Ok(children.collect())
    }
}

/// Ends the tags by which something is attached to a manifest that went away, but for those that are fixed.
pub(crate) async fn end_with_subject(
    tx: &mut Tx,
    repo: RepoId,
    namespace: UserId,
    subject: &Digest,
    now_ms: i64,
) -> Result<()> {
    for name in Attachment::ALL.map(|what| what.tag_of(subject)) {
        let Some(tag) = tags::get(tx, repo, &name, now_ms).await? else { continue };
        if !tag.immutable {
            tags::delete(tx, repo, &name, now_ms).await?;
            expire_untagged(tx, namespace, tag.manifest, now_ms).await?;
        }
    }
    Ok(())
}

/// Brings back the tags that ended with their subject, at that very moment.
pub(crate) async fn restore_with_subject(
    tx: &mut Tx,
    repo: RepoId,
    namespace: UserId,
    subject: &Digest,
    hidden_ms: i64,
    now_ms: i64,
) -> Result<()> {
    for name in Attachment::ALL.map(|what| what.tag_of(subject)) {
        let last = tags::history(tx, repo, Some(&name), None, 1).await?.into_iter().next();
        let Some(last) = last.filter(|last| last.end_ms == Some(hidden_ms)) else { continue };
        manifests::revive(tx, last.manifest).await?;
        let set =
            SetTag { repo, name: &name, manifest: last.manifest, end_ms: None, reversion: true, now_ms };
        set_tag(tx, namespace, &set).await?;
    }
    Ok(())
}

fn attached(brief: Brief) -> Attached {
    Attached {
        digest: brief.digest,
        kind: brief.kind,
        artifact_type: brief.artifact_type,
        size: brief.layers_size.cast_unsigned(),
        created: timestamp(brief.created_ms),
        via: brief.tag.map_or(Via::Referrer, Via::Tag),
    }
}

/// A platform as people write it; builders write `unknown/unknown` for what runs nowhere.
fn platform(platform: &Platform) -> Option<String> {
    let Platform { os, architecture, variant, .. } = platform;
    if os.is_empty() || os == "unknown" {
        return None;
    }
    let parts = [Some(os), Some(architecture), variant.as_ref()];
    Some(parts.into_iter().flatten().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_written_as_people_do() {
        let of = |os: &str, architecture: &str, variant: Option<&str>| {
            platform(&Platform {
                os: os.to_owned(),
                architecture: architecture.to_owned(),
                variant: variant.map(str::to_owned),
                os_version: None,
            })
        };
        assert_eq!(of("linux", "arm64", Some("v8")).as_deref(), Some("linux/arm64/v8"));
        assert_eq!(of("windows", "amd64", None).as_deref(), Some("windows/amd64"));
        assert_eq!(of("linux", "", None).as_deref(), Some("linux"));
        assert_eq!(of("unknown", "unknown", None), None);
        assert_eq!(of("", "amd64", None), None);
    }
}
