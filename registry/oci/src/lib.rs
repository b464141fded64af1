//! The nouns of the OCI specifications: digest, repository name, tag, media type, manifest, range, error code.
//!
//! Everything here is parsed once, at the edge, into types that cannot be wrong. This crate does no I/O and knows
//! nothing of storage, permissions or HTTP frameworks.
//!
//! ```text
//!   text of a stranger ──► Digest · RepositoryName · TagName · Reference · range ──► the rest of the registry
//!   bytes of a stranger ─► Manifest (a description of the bytes; the bytes themselves stay as received)
//! ```

pub mod attached;
pub mod digest;
pub mod error;
pub mod hasher;
pub mod image_config;
pub mod kind;
pub mod manifest;
pub mod media_type;
pub mod name;
pub mod range;

pub use attached::Attachment;
pub use digest::{Algorithm, Digest, DigestError};
pub use error::ErrorCode;
pub use hasher::{Hasher, ResumeError};
pub use image_config::ImageConfig;
pub use kind::{ArtifactKind, UnknownKind};
pub use manifest::{Descriptor, Manifest, ManifestError, ManifestKind, Platform};
pub use name::{NameError, Reference, ReferenceError, RepositoryName, TagError, TagName};
