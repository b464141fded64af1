//! One manifest, taken apart for people: its layers with the steps that built them, its annotations, its tags.

use std::collections::BTreeMap;

use jiff::Timestamp;
use quay_db::tables::{manifests, tags};
use quay_oci::image_config::{self, Step};
use quay_oci::{ArtifactKind, Descriptor, Digest, ImageConfig, Manifest, media_type};

use crate::clock::timestamp;
use crate::core::Core;
use crate::error::{Missing, Result};
use crate::perms::{Allowed, Pull};
use crate::pull::{StoredManifest, stored};

/// Tags that are shown with a manifest.
const TAGS: usize = 100;
/// What a file inside of an artifact is called.
const TITLE: &str = "org.opencontainers.image.title";

/// A manifest and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestDetail {
    /// The manifest as it was pushed.
    pub manifest: StoredManifest,
    /// What it is.
    pub kind: ArtifactKind,
    /// When it was pushed.
    pub created: Timestamp,
    /// Current tags that point at it, a hundred at most.
    pub tags: Vec<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its layers; none for an index.
    pub layers: Vec<Layer>,
}

/// A layer of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// From 0, the lowest first.
    pub index: u32,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub size: u64,
    /// Whether it is fetched from elsewhere.
    pub remote: bool,
    /// From where.
    pub urls: Vec<String>,
    /// The name of the file it is.
    pub title: Option<String>,
    /// The command that made it.
    pub command: Option<String>,
    /// What was noted when it was made.
    pub comment: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

impl Core {
    /// A manifest with its layers, annotations and tags.
    pub async fn manifest_detail(&self, at: &Allowed<Pull>, digest: &Digest) -> Result<ManifestDetail> {
        let (repo, now_ms) = (at.repo(), self.now_ms());
        let (found, mut names) = self
            .db()
            .read(async |c| -> Result<_> {
                let found = manifests::find(c, repo, digest).await?.ok_or(Missing::Manifest)?;
                let names = tags::of_manifest(c, found.head.id, now_ms).await?;
                Ok((found, names))
            })
            .await?;
        names.truncate(TAGS);
        let (kind, created) = (found.kind, timestamp(found.head.created_ms));
        let manifest = stored(found);
        let parsed = Manifest::parse(Some(&manifest.media_type), &manifest.bytes).ok();
        let config = match &parsed {
            Some(parsed) => self.image_config(repo, parsed).await?,
            None => None,
        };
        let (annotations, layers) = parsed.map_or_else(Default::default, |parsed| {
            (parsed.annotations, layers(parsed.layers, config.unwrap_or_default()))
        });
        Ok(ManifestDetail { manifest, kind, created, tags: names, annotations, layers })
    }

    /// The configuration of an image, as far as it is here and can be read.
    pub(crate) async fn image_config(
        &self,
        repo: quay_db::RepoId,
        manifest: &Manifest,
    ) -> Result<Option<ImageConfig>> {
        let Some(config) = &manifest.config else { return Ok(None) };
        if !matches!(&*config.media_type, media_type::OCI_IMAGE_CONFIG | media_type::DOCKER_IMAGE_CONFIG) {
            return Ok(None);
        }
        let bytes = self.small_blob(repo, &config.digest, image_config::MAX_BYTES as u64).await?;
        Ok(bytes.and_then(|bytes| ImageConfig::parse(&bytes)))
    }
}

/// Layers with the steps that made them. The steps are given to the layers only when there is one for each.
fn layers(layers: Vec<Descriptor>, config: ImageConfig) -> Vec<Layer> {
    let mut steps: Vec<Step> = config.history.into_iter().filter(|step| !step.empty_layer).collect();
    if steps.len() != layers.len() {
        steps = vec![Step::default(); layers.len()];
    }
    let layer = |(index, (mut layer, step)): (u32, (Descriptor, Step))| Layer {
        index,
        remote: media_type::is_foreign_layer(&layer.media_type) && !layer.urls.is_empty(),
        title: layer.annotations.remove(TITLE),
        digest: layer.digest,
        media_type: layer.media_type,
        size: layer.size,
        urls: layer.urls,
        command: step.created_by,
        comment: step.comment,
        author: step.author,
        created: step.created.and_then(|text| text.parse().ok()),
    };
    (0..).zip(layers.into_iter().zip(steps)).map(layer).collect()
}
