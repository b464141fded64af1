//! What an artifact is, in a word that people understand: decided from its manifest alone, by tables.
//!
//! A manifest tells in four places: `artifactType`, the type of its configuration, the types of its layers, and
//! annotations. They are asked in this order, since the first is what its maker meant and the last is often copied.
//! What no table knows is an image when it looks like one, else [`ArtifactKind::Other`]: nothing is ever refused here.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::{Manifest, media_type as mt};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $label:literal;)*) => {
        /// What an artifact is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ArtifactKind { $($(#[$doc])* $variant,)* }

        impl ArtifactKind {
            /// Every kind, in the order in which they are offered.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word that is stored and sent; it never changes.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The text of a badge.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }
    };
}

kinds! {
    /// A container image.
    Image = "image", "Image";
    /// A list of other manifests.
    Index = "index", "Index";
    /// A Helm chart.
    HelmChart = "helm-chart", "Helm chart";
    /// A signature of another manifest.
    Signature = "signature", "Signature";
    /// A signed statement about another manifest.
    Attestation = "attestation", "Attestation";
    /// A bill of materials.
    Sbom = "sbom", "SBOM";
    /// A WebAssembly module or component.
    Wasm = "wasm", "WASM";
    /// A machine learning model.
    Model = "model", "Model";
    /// Policies for an admission controller or a test.
    Policy = "policy", "Policy";
    /// A Singularity or Apptainer image.
    Sif = "sif", "SIF image";
    /// A bundle of the Operator Lifecycle Manager.
    OperatorBundle = "operator-bundle", "Operator bundle";
    /// The sources of an image.
    Source = "source", "Source image";
    /// Manifests for Flux.
    Flux = "flux", "Flux artifact";
    /// Anything else.
    Other = "other", "Artifact";
}

impl fmt::Display for ArtifactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of artifact")]
pub struct UnknownKind;

impl FromStr for ArtifactKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

/// Types of manifests and of configurations; one that ends in `*` stands for all that begin so.
const TYPES: &[(&str, ArtifactKind)] = &[
    (mt::HELM_CONFIG, ArtifactKind::HelmChart),
    ("application/vnd.cncf.notary.signature", ArtifactKind::Signature),
    ("application/vnd.cncf.notary.v2.signature", ArtifactKind::Signature),
    ("application/vnd.dev.cosign.artifact.sig.*", ArtifactKind::Signature),
    (mt::COSIGN_SIGNATURE, ArtifactKind::Signature),
    ("application/vnd.dev.cosign.artifact.att.*", ArtifactKind::Attestation),
    (mt::DSSE_ENVELOPE, ArtifactKind::Attestation),
    ("application/vnd.in-toto*", ArtifactKind::Attestation),
    ("application/vnd.docker.attestation.manifest.*", ArtifactKind::Attestation),
    ("application/vnd.dev.cosign.artifact.sbom.*", ArtifactKind::Sbom),
    ("text/spdx*", ArtifactKind::Sbom),
    ("application/spdx*", ArtifactKind::Sbom),
    ("application/vnd.spdx*", ArtifactKind::Sbom),
    ("application/vnd.cyclonedx*", ArtifactKind::Sbom),
    ("application/vnd.syft*", ArtifactKind::Sbom),
    ("application/vnd.sylabs.sif.*", ArtifactKind::Sif),
    ("application/vnd.cncf.openpolicyagent.*", ArtifactKind::Policy),
    ("application/vnd.cncf.kyverno.*", ArtifactKind::Policy),
    ("application/vnd.gatekeeper.*", ArtifactKind::Policy),
    ("application/vnd.wasm.*", ArtifactKind::Wasm),
    ("application/vnd.module.wasm.*", ArtifactKind::Wasm),
    ("application/vnd.fermyon.spin.*", ArtifactKind::Wasm),
    ("application/wasm", ArtifactKind::Wasm),
    ("application/x-mlmodel", ArtifactKind::Model),
    ("application/vnd.cncf.model.*", ArtifactKind::Model),
    ("application/vnd.cnai.model.*", ArtifactKind::Model),
    ("application/vnd.docker.ai.*", ArtifactKind::Model),
    ("application/vnd.kitops.modelkit.*", ArtifactKind::Model),
    ("application/vnd.ollama.image.*", ArtifactKind::Model),
    ("application/vnd.caicloud.model.*", ArtifactKind::Model),
    ("application/vnd.cncf.flux.*", ArtifactKind::Flux),
    ("application/vnd.oci.source.image.*", ArtifactKind::Source),
];

/// Types of layers that tell what the whole is, beside those of [`TYPES`].
const LAYERS: &[(&str, ArtifactKind)] = &[
    (mt::HELM_CHART, ArtifactKind::HelmChart),
    (mt::HELM_PROVENANCE, ArtifactKind::HelmChart),
    ("application/vnd.bytecodealliance.*", ArtifactKind::Wasm),
];

/// Annotations, and labels of an image, that tell what it is: key, value (`*` for any), kind.
const MARKS: &[(&str, &str, ArtifactKind)] = &[
    ("operators.operatorframework.io.bundle.mediatype.v1", "*", ArtifactKind::OperatorBundle),
    ("operators.operatorframework.io.bundle.manifests.v1", "*", ArtifactKind::OperatorBundle),
    ("module.wasm.image/variant", "*", ArtifactKind::Wasm),
    ("run.oci.handler", "wasm", ArtifactKind::Wasm),
    ("org.openpolicyregistry.type", "policy", ArtifactKind::Policy),
];

/// What a sigstore bundle holds, in an annotation of its manifest.
const BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
/// What the statement in a sigstore bundle is about, in an annotation of its manifest.
const BUNDLE_PREDICATE: &str = "dev.sigstore.bundle.predicateType";
/// The statement that says nothing but "signed".
const SIGNED: &str = "https://sigstore.dev/cosign/sign/";

impl ArtifactKind {
    /// What a manifest is. `labels` are those of an image's configuration, empty where they are not known.
    pub fn of(manifest: &Manifest, labels: &BTreeMap<String, String>) -> Self {
        if manifest.is_index() {
            return Self::Index;
        }
        let config = manifest.config.as_ref().map(|config| &*config.media_type);
        let written = manifest.artifact_type.as_deref().filter(|text| !text.is_empty());
        for told in [written, config].into_iter().flatten() {
            if is_bundle(told) {
                return in_bundle(&manifest.annotations);
            }
            if let Some(kind) = among(TYPES, told).or_else(|| operator_bundle(told)) {
                return kind;
            }
        }
        by_marks(&manifest.annotations)
            .or_else(|| by_layers(manifest, config))
            .or_else(|| by_marks(labels))
            .unwrap_or(match (written, config) {
                (None, Some(config)) if is_image_config(config) => Self::Image,
                (Some(written), Some(config)) if is_image_config(config) && written == config => Self::Image,
                _ => Self::Other,
            })
    }
}

impl Manifest {
    /// What it is, as far as the manifest alone tells.
    pub fn artifact_kind(&self) -> ArtifactKind {
        ArtifactKind::of(self, &BTreeMap::new())
    }
}

fn is_image_config(media_type: &str) -> bool {
    matches!(media_type, mt::OCI_IMAGE_CONFIG | mt::DOCKER_IMAGE_CONFIG)
}

fn among(table: &[(&str, ArtifactKind)], media_type: &str) -> Option<ArtifactKind> {
    let media_type = media_type.to_ascii_lowercase();
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(prefix) => media_type.starts_with(prefix),
        None => media_type == pattern,
    };
    table.iter().find(|(pattern, _)| fits(pattern)).map(|(_, kind)| *kind)
}

/// Several spellings of this type are about; all of them hold both words.
fn operator_bundle(media_type: &str) -> Option<ArtifactKind> {
    (media_type.contains("operatorframework") && media_type.contains("bundle"))
        .then_some(ArtifactKind::OperatorBundle)
}

fn is_bundle(media_type: &str) -> bool {
    media_type.to_ascii_lowercase().starts_with("application/vnd.dev.sigstore.bundle")
}

/// A bundle holds a signature of the digest, or a signed statement; the statement may just say "signed".
fn in_bundle(annotations: &BTreeMap<String, String>) -> ArtifactKind {
    let content = annotations.get(BUNDLE_CONTENT).map(String::as_str);
    let predicate = annotations.get(BUNDLE_PREDICATE).map(String::as_str);
    match (content, predicate) {
        (_, Some(predicate)) if predicate.starts_with(SIGNED) => ArtifactKind::Signature,
        (Some("dsse-envelope"), _) | (_, Some(_)) => ArtifactKind::Attestation,
        _ => ArtifactKind::Signature,
    }
}

/// The first layer that tells. A layer of an image's file system under an image's configuration makes it an image,
/// whatever lies beside it.
fn by_layers(manifest: &Manifest, config: Option<&str>) -> Option<ArtifactKind> {
    let is_image = config.is_some_and(is_image_config);
    if is_image && manifest.layers.iter().any(|layer| mt::is_image_layer(&layer.media_type)) {
        return None;
    }
    manifest.layers.iter().find_map(|layer| {
        let told = &*layer.media_type;
        if is_bundle(told) {
            return Some(in_bundle(&manifest.annotations));
        }
        let wasm = || told.ends_with("+wasm").then_some(ArtifactKind::Wasm);
        among(LAYERS, told).or_else(|| among(TYPES, told)).or_else(wasm)
    })
}

fn by_marks(texts: &BTreeMap<String, String>) -> Option<ArtifactKind> {
    let there = |key: &str, value: &str| texts.get(key).is_some_and(|text| value == "*" || text == value);
    MARKS.iter().find(|(key, value, _)| there(key, value)).map(|(.., kind)| *kind)
}

#[cfg(test)]
#[path = "kind/tests.rs"]
mod tests;
