//! `Manifest`: what the registry needs to know about the bytes of a manifest.
//!
//! The bytes stay as they were received; this is only a description of them. Structure is checked here (so that two
//! readers cannot take the same bytes for different things); whether blobs exist and types are welcome is decided by
//! those who know the repository and its configuration.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, de};

use crate::{digest::Digest, media_type};

/// The largest manifest in bytes, as the distribution specification suggests.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most layers, or the most children, of one manifest.
pub const MAX_DESCRIPTORS: usize = 10_000;

/// Why bytes are not a manifest that the registry takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// More than [`MAX_BYTES`].
    #[error("manifest has {size} bytes, {MAX_BYTES} are allowed")]
    TooLarge {
        /// Bytes that came.
        size: usize,
    },
    /// The media type is none of the four kinds, schema 1 among them: answer 415.
    #[error("manifest schema version not supported")]
    Unsupported {
        /// The type that the client named, for logs; empty when it named none.
        media_type: String,
    },
    /// The bytes are no JSON.
    #[error("failed to parse manifest: malformed manifest data: {0}")]
    Malformed(String),
    /// The JSON is no manifest.
    #[error("failed to parse manifest: manifest data does not match schema: {0}")]
    Schema(String),
}

/// What a manifest stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManifestKind {
    /// A runnable image.
    Image,
    /// Anything else with a configuration and layers: a chart, a signature, a model.
    Artifact,
    /// A list of other manifests.
    Index,
}

/// A description of a manifest's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// One of [`media_type::MANIFESTS`].
    pub media_type: &'static str,
    /// What it stands for.
    pub kind: ManifestKind,
    /// `artifactType` as written; see [`Manifest::effective_artifact_type`].
    pub artifact_type: Option<String>,
    /// Present unless the manifest is an index.
    pub config: Option<Descriptor>,
    /// Empty for an index.
    pub layers: Vec<Descriptor>,
    /// Children; empty unless the manifest is an index.
    pub manifests: Vec<Descriptor>,
    /// The manifest this one refers to.
    pub subject: Option<Descriptor>,
    /// Annotations of the manifest itself.
    pub annotations: BTreeMap<String, String>,
}

/// A reference to content: its type, digest and size.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct Descriptor {
    /// Type of the content.
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Bytes of the content.
    pub size: u64,
    /// Where the content is, if not here.
    #[serde(default, deserialize_with = "null_is_default")]
    pub urls: Vec<String>,
    /// Annotations of the descriptor.
    #[serde(default, deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
    /// What an index says of a child's platform.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// What an index says of a child's artifact type.
    #[serde(default)]
    pub artifact_type: Option<String>,
}

/// The platform of a child of an index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self")]
pub struct Platform {
    /// CPU, in Go's words.
    #[serde(default)]
    pub architecture: String,
    /// Operating system, in Go's words.
    #[serde(default)]
    pub os: String,
    /// Variant of the CPU.
    #[serde(default)]
    pub variant: Option<String>,
    /// Version of the operating system.
    #[serde(default, rename = "os.version")]
    pub os_version: Option<String>,
}

/// All members that count, whatever the kind; which of them must be there is checked afterwards.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", remote = "Self")]
struct Document {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "present")]
    layers: Option<Vec<Descriptor>>,
    #[serde(default, deserialize_with = "present")]
    manifests: Option<Vec<Descriptor>>,
    /// Only schema 1 has this.
    fs_layers: Option<de::IgnoredAny>,
    subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_is_default")]
    annotations: BTreeMap<String, String>,
}

/// Derived code reads a struct from a list of its members, too; a manifest is made of objects only.
macro_rules! objects_only {
    ($($name:ident)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> de::Visitor<'de> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<$name, A::Error> {
                        $name::deserialize(de::value::MapAccessDeserializer::new(map))
                    }
                }
                deserializer.deserialize_map(Visitor)
            }
        }
    )*};
}

objects_only!(Document Descriptor Platform);

/// Go writes an empty map or list as `null`.
fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Tells a list that is `null` (empty) from one that is missing.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    null_is_default(deserializer).map(Some)
}

impl Manifest {
    /// Describes the bytes of a manifest that came with this `Content-Type`.
    pub fn parse(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_BYTES {
            return Err(ManifestError::TooLarge { size: bytes.len() });
        }
        let declared = content_type.map(media_type::essence).unwrap_or_default();
        // Generic types say nothing; the document then speaks for itself.
        let generic = matches!(declared, "" | "application/json" | "application/octet-stream");
        if !generic && !media_type::is_manifest(declared) {
            return Err(ManifestError::Unsupported { media_type: shortened(declared) });
        }
        let document: Document = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => ManifestError::Schema(error.to_string()),
            _ => ManifestError::Malformed(error.to_string()),
        })?;
        if document.fs_layers.is_some() || document.schema_version == Some(1) {
            return Err(ManifestError::Unsupported { media_type: media_type::DOCKER_SCHEMA1.to_owned() });
        }
        let media_type = document.media_type_among(if generic { None } else { Some(declared) })?;
        document.into_manifest(media_type)
    }

    /// Whether it lists other manifests.
    pub fn is_index(&self) -> bool {
        self.kind == ManifestKind::Index
    }

    /// Whether it is of Docker's own types and not of OCI's.
    pub fn is_docker(&self) -> bool {
        matches!(self.media_type, media_type::DOCKER_MANIFEST | media_type::DOCKER_LIST)
    }

    /// The type that referrers are listed and filtered by: `artifactType`, else the type of the configuration.
    pub fn effective_artifact_type(&self) -> Option<&str> {
        let written = self.artifact_type.as_deref().filter(|text| !text.is_empty());
        written.or_else(|| self.config.as_ref().map(|config| config.media_type.as_str()))
    }

    /// The blobs that the repository must have: the configuration and every layer that is not fetched from elsewhere.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let local =
            |layer: &&Descriptor| !media_type::is_foreign_layer(&layer.media_type) || layer.urls.is_empty();
        self.config.iter().chain(self.layers.iter().filter(local))
    }
}

impl Document {
    /// The one type on which header, document and shape agree.
    fn media_type_among(&self, declared: Option<&str>) -> Result<&'static str, ManifestError> {
        let written = self.media_type.as_deref().filter(|text| !text.is_empty());
        if let (Some(declared), Some(written)) = (declared, written)
            && declared != written
        {
            return Err(schema(format!(
                "mediaType {:?} differs from Content-Type {declared:?}",
                shortened(written)
            )));
        }
        let by_shape =
            if self.manifests.is_some() { media_type::OCI_INDEX } else { media_type::OCI_MANIFEST };
        let name = declared.or(written).unwrap_or(by_shape);
        media_type::MANIFESTS
            .into_iter()
            .find(|known| *known == name)
            .ok_or_else(|| ManifestError::Unsupported { media_type: shortened(name) })
    }

    fn into_manifest(self, media_type: &'static str) -> Result<Manifest, ManifestError> {
        let Self {
            schema_version,
            media_type: _,
            artifact_type,
            config,
            layers,
            manifests,
            fs_layers: _,
            subject,
            annotations,
        } = self;
        if schema_version != Some(2) {
            return Err(schema("'schemaVersion' must be 2"));
        }
        // Bytes that are an image to one reader and an index to another hide content from scanners.
        let kind = if media_type::is_index(media_type) {
            if config.is_some() || layers.is_some() {
                return Err(schema("an index has neither 'config' nor 'layers'"));
            }
            if manifests.is_none() {
                return Err(schema("'manifests' is a required property"));
            }
            ManifestKind::Index
        } else {
            if manifests.is_some() {
                return Err(schema("an image manifest has no 'manifests'"));
            }
            if layers.is_none() {
                return Err(schema("'layers' is a required property"));
            }
            let Some(config) = &config else { return Err(schema("'config' is a required property")) };
            match config.media_type.as_str() {
                media_type::OCI_IMAGE_CONFIG | media_type::DOCKER_IMAGE_CONFIG if artifact_type.is_none() => {
                    ManifestKind::Image
                }
                _ => ManifestKind::Artifact,
            }
        };
        let manifest = Manifest {
            media_type,
            kind,
            artifact_type,
            config,
            layers: layers.unwrap_or_default(),
            manifests: manifests.unwrap_or_default(),
            subject,
            annotations,
        };
        manifest.check()?;
        Ok(manifest)
    }
}

impl Manifest {
    fn check(&self) -> Result<(), ManifestError> {
        if self.layers.len().max(self.manifests.len()) > MAX_DESCRIPTORS {
            return Err(schema(format!("more than {MAX_DESCRIPTORS} descriptors")));
        }
        if let Some(written) = self.artifact_type.as_deref()
            && !written.is_empty()
            && !media_type::is_valid(written)
        {
            return Err(schema(format!("artifactType {:?} is not a media type", shortened(written))));
        }
        let descriptors = self.config.iter().chain(&self.layers).chain(&self.manifests).chain(&self.subject);
        for descriptor in descriptors {
            if !media_type::is_valid(&descriptor.media_type) {
                return Err(schema(format!(
                    "mediaType {:?} is not a media type",
                    shortened(&descriptor.media_type)
                )));
            }
            // Sizes are kept in signed 64-bit columns, and readers of JSON lose precision above 2^53.
            if descriptor.size >= 1 << 53 {
                return Err(schema(format!("size {} is not possible", descriptor.size)));
            }
        }
        Ok(())
    }
}

fn schema(reason: impl Into<String>) -> ManifestError {
    ManifestError::Schema(reason.into())
}

/// A stranger's text, cut so that it fits a message.
fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
#[path = "manifest/tests.rs"]
mod tests;
