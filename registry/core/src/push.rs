//! Taking in manifests, and taking content away again.
//!
//! A manifest is kept as the bytes received. Everything it needs must be in the repository already: its blobs by a
//! link there, its children as manifests there. Deleting hides at once; bytes go later.

use std::collections::BTreeMap;

use bytes::Bytes;
use quay_db::tables::blobs::{self, Blob};
use quay_db::tables::manifests::{self, NewManifest, Outcome};
use quay_db::tables::tags::{self, Set, SetTag};
use quay_db::tables::{repos, users};
use quay_db::{BlobId, ManifestId, RepoId, Tx, UserId};
use quay_oci::{ArtifactKind, Descriptor, Digest, ErrorCode, Manifest, ManifestError, Reference, TagName};

use crate::audit::Entry;
use crate::core::Core;
use crate::error::{Error, Missing, Result};
use crate::hiding;
use crate::labels::{self, Effects};
use crate::perms::{Allowed, Delete, Push};
use crate::pull::missing_tag;

/// Untagged manifests are kept for a day at least, however short the namespace's window is.
const SHORTEST_UNTAGGED_MS: i64 = 24 * 3600 * 1000;

/// A manifest that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: &'static str,
    /// The manifest it is about: the answer tells that it was understood.
    pub subject: Option<Digest>,
}

impl Core {
    /// Takes in a manifest under a tag, or under its digest alone, and points these further tags at it: all or nothing.
    pub async fn put_manifest(
        &self,
        at: &Allowed<Push>,
        reference: &Reference,
        further: &[TagName],
        content_type: Option<&str>,
        bytes: Bytes,
    ) -> Result<PutManifest> {
        self.take_room(bytes.len() as u64)?;
        let manifest = Manifest::parse(content_type, &bytes).map_err(refused)?;
        self.rules().artifacts.check(&manifest)?;
        let (digest, mut names) = match reference {
            Reference::Digest(digest) if digest.matches(&bytes) => (digest.clone(), Vec::new()),
            Reference::Digest(_) => {
                return Err(Error::invalid(ErrorCode::DigestInvalid, "manifest digest mismatch"));
            }
            Reference::Tag(tag) => (Digest::sha256(&bytes), vec![tag.clone()]),
        };
        for tag in further {
            if !names.contains(tag) {
                names.push(tag.clone());
            }
        }
        let put = PutManifest {
            digest: digest.clone(),
            media_type: manifest.media_type,
            subject: manifest.subject.as_ref().map(|subject| subject.digest.clone()),
        };
        let config = match at.place.repo {
            Some(repo) => self.image_config(repo, &manifest).await?,
            None => None,
        };
        let labels = labels::of_manifest(&manifest, config.as_ref());
        let kind =
            ArtifactKind::of(&manifest, config.as_ref().map_or(&BTreeMap::new(), |config| &config.labels));
        let uuids = labels.iter().map(|_| self.uuid()).collect::<Result<Vec<_>>>()?;
        let tags_can_be_immutable = self.rules().immutable_tags;
        let (landing, now_ms) = (self.landing(at)?, self.now_ms());
        let entry = Entry::by("push_repo", &at.caller, now_ms)
            .detail("repo", at.place.name.repository())
            .detail("namespace", at.place.name.namespace())
            .detail("manifest_digest", digest.as_str());
        self.db()
            .write(async move |tx| -> Result<()> {
                let landed = landing.land(tx).await?;
                let push = Incoming {
                    repo: landed.repo,
                    namespace: landed.namespace,
                    manifest,
                    kind,
                    labels,
                    uuids,
                    tags_can_be_immutable,
                    digest,
                    bytes,
                    now_ms,
                };
                let outcome = push.store(tx, &names).await?;
                let entry = entry.on_repo(landed.namespace, landed.repo);
                for tag in &names {
                    entry.clone().detail("tag", tag.as_str()).record(tx).await?;
                }
                if names.is_empty() && outcome != Outcome::Existing {
                    entry.record(tx).await?;
                }
                repos::touch(tx, landed.repo, now_ms).await?;
                Ok(())
            })
            .await?;
        Ok(put)
    }

    /// Takes away a tag, or a manifest with all of its tags. A manifest that an index needs loses its tags only.
    pub async fn delete_manifest(&self, at: &Allowed<Delete>, reference: &Reference) -> Result<()> {
        match reference {
            Reference::Tag(tag) => self.delete_tag_or(at, tag, true).await,
            Reference::Digest(digest) => self.delete_by_digest(at, digest).await,
        }
    }

    async fn delete_by_digest(&self, at: &Allowed<Delete>, digest: &Digest) -> Result<()> {
        let (repo, namespace, now_ms) = (at.repo(), at.place.namespace, self.now_ms());
        let entry = Entry::by("delete_manifest", &at.caller, now_ms)
            .on_repo(namespace, repo)
            .detail("repo", at.place.name.repository())
            .detail("namespace", at.place.name.namespace())
            .detail("manifest_digest", digest.as_str());
        let digest = digest.clone();
        self.db()
            .write(async move |tx| -> Result<()> {
                let head = manifests::head(tx, repo, &digest).await?.ok_or(Missing::Manifest)?;
                let mut gone = Vec::new();
                for name in tags::of_manifest(tx, head.id, now_ms).await? {
                    let tag = tags::get(tx, repo, &name, now_ms).await?;
                    if tag.is_some_and(|tag| tag.immutable) {
                        return Err(immutable(&name));
                    }
                    gone.push(name);
                }
                tags::delete_of_manifest(tx, head.id, now_ms).await?;
                let hidden = hiding::hide(tx, namespace, &head, now_ms).await?;
                let entry = entry.detail("tags", gone);
                let entry = if hidden { entry } else { entry.detail("kept_digest", head.digest.as_str()) };
                entry.record(tx).await?;
                repos::touch(tx, repo, now_ms).await?;
                Ok(())
            })
            .await
    }

    /// Takes away a tag; its manifest stays readable by digest for a while.
    pub async fn delete_tag(&self, at: &Allowed<Delete>, tag: &TagName) -> Result<()> {
        self.delete_tag_or(at, tag, false).await
    }

    async fn delete_tag_or(&self, at: &Allowed<Delete>, tag: &TagName, as_manifest: bool) -> Result<()> {
        let (repo, namespace, now_ms, tag) = (at.repo(), at.place.namespace, self.now_ms(), tag.clone());
        let entry = Entry::by("delete_tag", &at.caller, now_ms)
            .on_repo(namespace, repo)
            .detail("repo", at.place.name.repository())
            .detail("namespace", at.place.name.namespace())
            .detail("tag", tag.as_str());
        self.db()
            .write(async move |tx| -> Result<()> {
                let Some(current) = tags::get(tx, repo, tag.as_str(), now_ms).await? else {
                    let once = !tags::history(tx, repo, Some(tag.as_str()), None, 1).await?.is_empty();
                    return Err(if as_manifest { missing_tag(&tag, once) } else { Missing::Tag }.into());
                };
                if current.immutable {
                    return Err(immutable(tag.as_str()));
                }
                tags::delete(tx, repo, tag.as_str(), now_ms).await?;
                expire_untagged(tx, namespace, current.manifest, now_ms).await?;
                entry.detail("manifest_digest", current.digest.as_str()).record(tx).await?;
                repos::touch(tx, repo, now_ms).await?;
                Ok(())
            })
            .await
    }

    /// Takes away the repository's own link to a blob; refused while a manifest of it needs the blob.
    pub async fn delete_blob(&self, at: &Allowed<Delete>, digest: &Digest) -> Result<()> {
        let (repo, namespace, now_ms) = (at.repo(), at.place.namespace, self.now_ms());
        let entry = Entry::by("delete_blob", &at.caller, now_ms)
            .on_repo(namespace, repo)
            .detail("repo", at.place.name.repository())
            .detail("namespace", at.place.name.namespace())
            .detail("digest", digest.as_str());
        let digest = digest.clone();
        self.db()
            .write(async move |tx| -> Result<()> {
                let blob = blobs::linked(tx, repo, &digest, now_ms).await?.ok_or(Missing::Blob)?;
                if blobs::used_by_live_manifest(tx, repo, blob.id).await? {
                    return Err(Error::Unsupported(
                        "the blob is used by a manifest of this repository: delete the manifest first"
                            .to_owned(),
                    ));
                }
                blobs::unlink(tx, repo, blob.id, now_ms).await?;
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }
}

/// A manifest on its way into a repository.
struct Incoming {
    repo: RepoId,
    namespace: UserId,
    manifest: Manifest,
    kind: ArtifactKind,
    /// What it says of itself, and a name for each of these labels.
    labels: BTreeMap<String, String>,
    uuids: Vec<String>,
    tags_can_be_immutable: bool,
    digest: Digest,
    bytes: Bytes,
    now_ms: i64,
}

impl Incoming {
    async fn store(&self, tx: &mut Tx, names: &[TagName]) -> Result<Outcome> {
        let Self { repo, namespace, manifest, kind, labels, digest, bytes, now_ms, .. } = self;
        let (repo, namespace, now_ms) = (*repo, *namespace, *now_ms);
        let (blobs, fault) = self.linked_blobs(tx).await?;
        // What was taken before stays what it is, under another tag too.
        if let Some(fault) = fault
            && manifests::head(tx, repo, digest).await?.is_none()
        {
            return Err(fault);
        }
        let Children { ids, size: children_size } = self.children(tx).await?;
        let layers: u64 = manifest.layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
        let children: Vec<&Digest> = manifest.manifests.iter().map(|child| &child.digest).collect();
        let subject = manifest.subject.as_ref().map(|subject| &subject.digest);
        let annotations = match manifest.annotations.is_empty() {
            true => None,
            false => {
                Some(serde_json::to_vec(&manifest.annotations).map_err(|e| Error::Internal(Box::new(e)))?)
            }
        };
        let expires_ms = match subject {
            _ if !names.is_empty() => None,
            // A referrer lives as long as its subject, once that is there.
            Some(subject) if manifests::head(tx, repo, subject).await?.is_some() => None,
            _ => Some(untagged_until(tx, namespace, now_ms).await?),
        };
        let new = NewManifest {
            repo,
            digest,
            media_type: manifest.media_type,
            artifact_type: manifest.effective_artifact_type(),
            config_media_type: manifest.config.as_ref().map(|config| &*config.media_type),
            subject,
            kind: *kind,
            annotations: annotations.as_deref(),
            layers_size: i64::try_from(layers).unwrap_or(i64::MAX).saturating_add(children_size),
            bytes,
            blobs: &blobs,
            children: &children,
            expires_ms,
            now_ms,
        };
        let put = manifests::put(tx, &new).await?;
        if put.outcome == Outcome::New {
            labels::store(tx, put.id, labels, &self.uuids, now_ms).await?;
        }
        if put.outcome != Outcome::Existing {
            // Referrers that waited for their subject follow it from now on.
            manifests::set_referrers_expiry(tx, repo, digest, None).await?;
        }
        if names.is_empty() {
            return Ok(put.outcome);
        }
        let effects = match manifest.is_index() {
            true => Effects::of_children(tx, &ids).await?,
            false => Effects::of(labels),
        };
        let end_ms = effects.end_ms(now_ms);
        for tag in names {
            let set = SetTag { repo, name: tag.as_str(), manifest: put.id, end_ms, reversion: false, now_ms };
            set_tag(tx, namespace, &set).await?;
            if effects.immutable && self.tags_can_be_immutable {
                tags::set_immutable(tx, repo, tag.as_str(), true).await?;
            }
        }
        Ok(put.outcome)
    }

    /// The blobs, each locked against collection and linked to the repository. And the fault, when one is not as large as
    /// the manifest says: clients that verify what they pull cannot pull it.
    async fn linked_blobs(&self, tx: &mut Tx) -> Result<(Vec<BlobId>, Option<Error>)> {
        let mut found: BTreeMap<&Digest, Blob> = BTreeMap::new();
        let mut sizes = Ok(());
        for descriptor in self.manifest.blobs() {
            let known = found.get(&descriptor.digest).map(|blob| blob.size);
            let size = match known {
                Some(size) => size,
                None => {
                    let locked = blobs::lock(tx, &descriptor.digest).await?;
                    let linked = match locked {
                        Some(_) => blobs::linked(tx, self.repo, &descriptor.digest, self.now_ms).await?,
                        None => None,
                    };
                    let blob = linked.ok_or_else(|| {
                        Error::invalid(
                            ErrorCode::ManifestBlobUnknown,
                            format!("Unknown blob `{}`", descriptor.digest),
                        )
                    })?;
                    let size = blob.size;
                    found.insert(&descriptor.digest, blob);
                    size
                }
            };
            sizes = sizes.and_then(|()| check_size("blob", descriptor, size));
        }
        Ok((found.into_values().map(|blob| blob.id).collect(), sizes.err()))
    }

    /// Checks that every child is there with the size that the index tells.
    async fn children(&self, tx: &mut Tx) -> Result<Children> {
        let mut children = Children::default();
        for child in &self.manifest.manifests {
            let head = manifests::head(tx, self.repo, &child.digest).await?.ok_or_else(|| {
                Error::invalid(
                    ErrorCode::ManifestBlobUnknown,
                    format!("Could not find child manifest with digest `{}`", child.digest),
                )
            })?;
            check_size("manifest", child, head.size)?;
            children.size = children.size.saturating_add(head.layers_size);
            children.ids.push(head.id);
        }
        Ok(children)
    }
}

/// What a manifest says of the size of something must be so.
fn check_size(what: &str, descriptor: &Descriptor, stored: i64) -> Result<()> {
    let Descriptor { digest, size, .. } = descriptor;
    if stored.cast_unsigned() == *size {
        return Ok(());
    }
    Err(Error::invalid(
        ErrorCode::ManifestInvalid,
        format!("Size of {what} does not match that retrieved: {size} vs {stored} for `{digest}`"),
    ))
}

/// What an index lists.
#[derive(Default)]
struct Children {
    ids: Vec<ManifestId>,
    /// Sum of their layers.
    size: i64,
}

/// Points a tag somewhere; what it pointed at before lives on untagged for a while.
pub(crate) async fn set_tag(tx: &mut Tx, namespace: UserId, set: &SetTag<'_>) -> Result<()> {
    match tags::set(tx, set).await? {
        Set::Created | Set::Unchanged => Ok(()),
        Set::Moved { from, .. } if from == set.manifest => Ok(()),
        Set::Moved { from, .. } => expire_untagged(tx, namespace, from, set.now_ms).await,
        Set::Immutable => Err(immutable(set.name)),
    }
}

pub(crate) fn immutable(tag: &str) -> Error {
    Error::Immutable { tag: tag.to_owned() }
}

/// Starts the clock of a manifest that lost its last tag.
pub(crate) async fn expire_untagged(
    tx: &mut Tx,
    namespace: UserId,
    id: ManifestId,
    now_ms: i64,
) -> Result<()> {
    if tags::of_manifest(tx, id, now_ms).await?.is_empty() {
        let until_ms = untagged_until(tx, namespace, now_ms).await?;
        manifests::set_expiry(tx, id, Some(until_ms)).await?;
    }
    Ok(())
}

/// Until when something untagged lives: the namespace's window, a day at least.
pub(crate) async fn untagged_until(tx: &mut Tx, namespace: UserId, now_ms: i64) -> Result<i64> {
    let owner = users::get(tx, namespace).await?;
    let window_ms = owner.map_or(0, |owner| owner.tag_expiration_s.saturating_mul(1000));
    Ok(now_ms.saturating_add(window_ms.max(SHORTEST_UNTAGGED_MS)))
}

/// Referrers of a subject that went away live on for a while, unless they are tagged.
pub(crate) async fn expire_referrers(
    tx: &mut Tx,
    repo: RepoId,
    namespace: UserId,
    subject: &Digest,
    now_ms: i64,
) -> Result<()> {
    let until_ms = untagged_until(tx, namespace, now_ms).await?;
    manifests::set_referrers_expiry(tx, repo, subject, Some(until_ms)).await?;
    Ok(())
}

fn refused(error: ManifestError) -> Error {
    match error {
        ManifestError::TooLarge { .. } => Error::TooLarge { limit: quay_oci::manifest::MAX_BYTES as u64 },
        ManifestError::Unsupported { .. } => Error::UnsupportedMediaType(error.to_string()),
        ManifestError::Malformed(_) | ManifestError::Schema(_) => {
            Error::invalid(ErrorCode::ManifestInvalid, error.to_string())
        }
    }
}
