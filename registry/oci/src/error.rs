//! The error codes of the distribution specification and those that Quay and Docker add to them.
//!
//! Which HTTP status goes with a code depends on the request and is decided where requests are answered.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $message:literal;)*) => {
        /// A code of the `errors` list that `/v2` answers with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $variant,)* }

        impl ErrorCode {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as it is written on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What it means, for people, when there is nothing more particular to say.
            pub fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }
        }
    };
}

codes! {
    /// No such blob in this repository.
    BlobUnknown = "BLOB_UNKNOWN", "blob unknown to registry";
    /// The upload cannot be finished.
    BlobUploadInvalid = "BLOB_UPLOAD_INVALID", "blob upload invalid";
    /// No such upload in this repository.
    BlobUploadUnknown = "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry";
    /// A digest is malformed or does not match the content.
    DigestInvalid = "DIGEST_INVALID", "provided digest did not match uploaded content";
    /// A manifest names a blob or manifest that the repository does not have.
    ManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN", "manifest references a manifest or blob unknown to registry";
    /// A manifest cannot be parsed or is not allowed.
    ManifestInvalid = "MANIFEST_INVALID", "manifest invalid";
    /// No such manifest in this repository.
    ManifestUnknown = "MANIFEST_UNKNOWN", "manifest unknown";
    /// The tag exists only in the history of the repository.
    TagExpired = "TAG_EXPIRED", "tag was deleted or has expired";
    /// The tag cannot be moved or deleted.
    TagImmutable = "TAG_IMMUTABLE", "tag is immutable and cannot be overwritten";
    /// A tag is malformed.
    TagInvalid = "TAG_INVALID", "invalid tag name";
    /// A repository name is malformed.
    NameInvalid = "NAME_INVALID", "invalid repository name";
    /// No such repository.
    NameUnknown = "NAME_UNKNOWN", "repository not found";
    /// A length differs from the content's, or is over a limit.
    SizeInvalid = "SIZE_INVALID", "provided length did not match content length";
    /// A range is malformed or does not continue the upload.
    RangeInvalid = "RANGE_INVALID", "invalid content range";
    /// A page size is not a number.
    PaginationNumberInvalid = "PAGINATION_NUMBER_INVALID", "invalid number of results requested";
    /// Credentials are missing or wrong.
    Unauthorized = "UNAUTHORIZED", "access to the requested resource is not authorized";
    /// The caller is known and has no right to do this.
    Denied = "DENIED", "requested access to the resource is denied";
    /// The operation does not exist here.
    Unsupported = "UNSUPPORTED", "The operation is unsupported.";
    /// A parameter or header is malformed.
    InvalidRequest = "INVALID_REQUEST", "Invalid request";
    /// The client has to slow down.
    TooManyRequests = "TOOMANYREQUESTS", "too many requests";
    /// The registry cannot answer now.
    Unavailable = "UNAVAILABLE", "the registry is not available at the moment";
    /// Something broke on our side.
    Unknown = "UNKNOWN", "unknown error";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_upper_case_words_and_unique() {
        let texts: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        assert!(texts.iter().all(|t| t.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')));
        assert!(ErrorCode::ALL.iter().all(|code| !code.message().is_empty()));
    }
}
