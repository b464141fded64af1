//! What can come out of an operation, other than success: variants are outcomes that a caller acts on.
//!
//! No status codes here: every surface (registry protocol, REST, console) words an outcome in its own way.

use std::fmt;
use std::time::Duration;

use quay_oci::ErrorCode;

/// The result of a core operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An outcome that is not success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not do this, and what the caller could do about it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The credentials are wrong; the text is made for the person at the keyboard.
    #[error("{0}")]
    BadCredentials(&'static str),
    /// Too many failed log-ins for this account from this address.
    #[error("too many failed log-in attempts; try again in {} s", seconds(*retry_after))]
    TooManyAttempts {
        /// When the next attempt is looked at.
        retry_after: Duration,
    },
    /// The thing does not exist for this caller.
    #[error(transparent)]
    NotFound(#[from] Missing),
    /// It exists already, or its state forbids the change.
    #[error("{0}")]
    Conflict(String),
    /// The tag cannot be moved or deleted.
    #[error("tag '{tag}' is immutable")]
    Immutable {
        /// The tag.
        tag: String,
    },
    /// The request is wrong in itself.
    #[error("{message}")]
    Invalid {
        /// The registry protocol's word for it.
        code: ErrorCode,
        /// What is wrong, for people.
        message: String,
    },
    /// More bytes than allowed.
    #[error("content is too large: the limit is {limit} bytes")]
    TooLarge {
        /// The limit in force.
        limit: u64,
    },
    /// The operation does not exist for this object.
    #[error("{0}")]
    Unsupported(String),
    /// A manifest of a type that is switched off or unknown.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// An artifact of a type that the settings do not accept.
    #[error("{0}")]
    TypeNotAccepted(String),
    /// The upload stands elsewhere, or another request writes to it.
    #[error("the upload holds {held} bytes: continue there")]
    UploadOffset {
        /// Bytes the upload holds.
        held: u64,
    },
    /// The range asked for lies outside of the content.
    #[error("the range lies outside of the content of {size} bytes")]
    RangeNotSatisfiable {
        /// Size of the content.
        size: u64,
    },
    /// The storage is full up to its reserve.
    #[error("no space is left for uploads: ask an administrator for more storage")]
    OutOfSpace,
    /// Not now.
    #[error("not available for the moment; try again in {} s", seconds(*retry_after))]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// The client's body broke off or stood still.
    #[error("the request body broke off")]
    BodyFailed,
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A fault of ours, told by a sentence.
    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Self::Internal(what.into().into())
    }

    /// A wrong request.
    pub(crate) fn invalid(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Invalid { code, message: message.into() }
    }

    /// A wrong request to the administration, where the protocol's code does not matter.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::invalid(ErrorCode::NameInvalid, message)
    }

    /// Whether the database is whole and this version is not the one for it: the version that wrote it can go on.
    pub fn is_schema_refused(&self) -> bool {
        let Self::Internal(source) = self else { return false };
        source.downcast_ref().is_some_and(|error: &quay_db::Error| {
            matches!(
                error,
                quay_db::Error::MigrationFailed { .. }
                    | quay_db::Error::MigrationChanged { .. }
                    | quay_db::Error::NewerSchema { .. }
            )
        })
    }

    /// The registry protocol's code for this outcome; `None` where the protocol has no word for it.
    pub fn code(&self) -> Option<ErrorCode> {
        Some(match self {
            Self::Refused(Refusal::Challenge { .. } | Refusal::InsufficientScope { .. })
            | Self::BadCredentials(_) => ErrorCode::Unauthorized,
            Self::Refused(Refusal::Denied) | Self::OutOfSpace => ErrorCode::Denied,
            Self::Refused(Refusal::NameUnknown) | Self::NotFound(Missing::Repository) => {
                ErrorCode::NameUnknown
            }
            Self::TooManyAttempts { .. } => ErrorCode::TooManyRequests,
            Self::NotFound(Missing::Manifest | Missing::Tag) => ErrorCode::ManifestUnknown,
            Self::NotFound(Missing::TagExpired(_)) => ErrorCode::TagExpired,
            Self::NotFound(Missing::Blob) => ErrorCode::BlobUnknown,
            Self::NotFound(Missing::Upload) => ErrorCode::BlobUploadUnknown,
            Self::Immutable { .. } => ErrorCode::TagImmutable,
            Self::Invalid { code, .. } => *code,
            Self::TooLarge { .. } => ErrorCode::SizeInvalid,
            Self::Unsupported(_) => ErrorCode::Unsupported,
            Self::UnsupportedMediaType(_) | Self::TypeNotAccepted(_) => ErrorCode::ManifestInvalid,
            Self::UploadOffset { .. } => ErrorCode::RangeInvalid,
            Self::BodyFailed => ErrorCode::BlobUploadInvalid,
            Self::NotFound(_)
            | Self::Conflict(_)
            | Self::RangeNotSatisfiable { .. }
            | Self::Unavailable { .. }
            | Self::Internal(_) => return None,
        })
    }

    /// The text for the client: never a source, never a secret.
    pub fn message(&self) -> String {
        self.to_string()
    }
}

impl From<quay_db::Error> for Error {
    fn from(error: quay_db::Error) -> Self {
        match error {
            quay_db::Error::Busy => Self::Unavailable { retry_after: Duration::from_secs(1) },
            quay_db::Error::Closed => Self::Unavailable { retry_after: Duration::from_secs(5) },
            quay_db::Error::OutOfSpace => Self::OutOfSpace,
            quay_db::Error::InvalidText => Self::bad_request("text contains a NUL character; remove it"),
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl From<quay_blobs::Error> for Error {
    fn from(error: quay_blobs::Error) -> Self {
        match error {
            quay_blobs::Error::OutOfSpace => Self::OutOfSpace,
            quay_blobs::Error::Interrupted => Self::Unavailable { retry_after: Duration::from_secs(1) },
            other => Self::Internal(Box::new(other)),
        }
    }
}

/// Whole seconds, rounded up: what `Retry-After` can say.
fn seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

/// Why a caller may not go on, told so that a client can act on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody is logged in: credentials might help.
    #[error("access to the requested resource is not authorized")]
    Challenge {
        /// The scope that would be enough.
        scope: Option<Scope>,
    },
    /// The rights are there, the token at hand does not carry them.
    #[error("the token does not cover {scope}")]
    InsufficientScope {
        /// The scope that would be enough.
        scope: Scope,
    },
    /// The caller is known and has no such right. The same for missing and for private.
    #[error("requested access to the resource is denied")]
    Denied,
    /// The caller could create it, and it does not exist yet.
    #[error("repository not found")]
    NameUnknown,
}

/// A scope of a bearer challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The repository.
    pub name: String,
    /// What must be allowed there.
    pub actions: &'static [&'static str],
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "repository:{}:{}", self.name, self.actions.join(","))
    }
}

/// The kind of thing that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The operation is switched off.
    #[error("not found")]
    Route,
    /// A repository.
    #[error("repository not found")]
    Repository,
    /// A manifest.
    #[error("manifest unknown")]
    Manifest,
    /// A tag that existed once.
    #[error("Tag {0} was deleted or has expired. To pull, revive via time machine")]
    TagExpired(String),
    /// A blob, as seen through the repository.
    #[error("blob unknown to registry")]
    Blob,
    /// An upload.
    #[error("blob upload unknown to registry")]
    Upload,
    /// A tag.
    #[error("tag not found")]
    Tag,
    /// A label of a manifest.
    #[error("label not found")]
    Label,
    /// A user.
    #[error("user not found")]
    User,
    /// An organization.
    #[error("organization not found")]
    Organization,
    /// A team.
    #[error("team not found")]
    Team,
    /// A robot.
    #[error("Could not find robot with specified username")]
    Robot,
    /// A member of a team or organization.
    #[error("member not found")]
    Member,
    /// A permission on a repository.
    #[error("permission not found")]
    Permission,
    /// An access token.
    #[error("access token not found")]
    AccessToken,
}
