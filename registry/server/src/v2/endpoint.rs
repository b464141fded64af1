//! From method, path and query to what a client wants of `/v2`: one pure parser for every route.
//!
//! Names have any depth, so a path is read from its end: `…/blobs/uploads/<id>`, `…/manifests/<reference>`,
//! `…/tags/list` and so on; what stands before is the repository. Owns the grammar of requests.
//! Must not know: who asks, or whether anything exists.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;
use quay_core::UploadId;
use quay_oci::{Algorithm, Digest, ErrorCode, Reference, RepositoryName, TagName};

/// More tags than this in one manifest PUT are refused.
const MAX_TAGS: usize = 32;

/// What a request to `/v2` is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v2/`: is this a registry, and am I signed in?
    Ping,
    /// `/v2/auth`: the token service.
    Token,
    /// `/v2/_catalog`: repositories.
    Catalog(Page),
    /// Something inside one repository.
    In(RepositoryName, Operation),
}

/// What is wanted inside a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// List tags.
    Tags(Page),
    /// List manifests whose subject this is.
    Referrers {
        /// The subject.
        subject: Digest,
        /// Only of this type.
        artifact_type: Option<String>,
        /// After this one.
        last: Option<Digest>,
    },
    /// Does the blob exist?
    HeadBlob(Digest),
    /// Send the blob, or a part.
    GetBlob(Digest),
    /// Remove the blob from the repository.
    DeleteBlob(Digest),
    /// Begin to send a blob.
    StartUpload(Start),
    /// How far is the upload?
    UploadStatus(UploadId),
    /// Another piece.
    AppendUpload(UploadId),
    /// The last piece, or none; then the blob is there.
    FinishUpload(UploadId, Digest),
    /// Forget the upload.
    CancelUpload(UploadId),
    /// Does the manifest exist?
    HeadManifest(Reference),
    /// Send the manifest.
    GetManifest(Reference),
    /// Store a manifest, and point these further tags at it.
    PutManifest(Reference, Vec<TagName>),
    /// Remove a manifest or a tag.
    DeleteManifest(Reference),
}

impl Operation {
    /// What a token needs to allow this, as a challenge says it.
    #[must_use]
    pub fn actions(&self) -> &'static str {
        match self {
            Self::Tags(_)
            | Self::Referrers { .. }
            | Self::HeadBlob(_)
            | Self::GetBlob(_)
            | Self::HeadManifest(_)
            | Self::GetManifest(_) => "pull",
            Self::DeleteBlob(_)
            | Self::StartUpload(_)
            | Self::UploadStatus(_)
            | Self::AppendUpload(_)
            | Self::FinishUpload(..)
            | Self::CancelUpload(_)
            | Self::PutManifest(..)
            | Self::DeleteManifest(_) => "pull,push",
        }
    }
}

/// How an upload begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Pieces will follow.
    Session,
    /// The body of this very request is the blob.
    Whole(Digest),
    /// The blob is in another repository already.
    Mount {
        /// Which blob.
        digest: Digest,
        /// From where; absent when the client does not say.
        from: Option<RepositoryName>,
    },
}

/// Which part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most so many.
    pub n: Option<usize>,
    /// After this one.
    pub last: Option<String>,
}

/// Why a request cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// No such route.
    NoRoute,
    /// The route exists with other methods.
    Method {
        /// For the `Allow` header.
        allow: &'static str,
    },
    /// A part of it is malformed.
    Part {
        /// 400, or 404 when something so named cannot exist.
        status: u16,
        /// The code for the client.
        code: ErrorCode,
        /// What is wrong.
        message: String,
    },
}

fn bad(code: ErrorCode, reason: impl ToString) -> Unreadable {
    Unreadable::Part { status: 400, code, message: reason.to_string() }
}

/// Reads a request. `path` is raw (percent-encoded) and begins with `/v2`; `query` has no question mark.
///
/// # Errors
/// When it is no request of the distribution protocol, with what to answer.
pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Endpoint, Unreadable> {
    let rest = match path.strip_prefix("/v2") {
        Some("" | "/") => return only(method, &[Method::GET, Method::HEAD], "GET, HEAD", Endpoint::Ping),
        Some(rest) => rest.strip_prefix('/').ok_or(Unreadable::NoRoute)?,
        None => return Err(Unreadable::NoRoute),
    };
    match rest {
        "auth" => return only(method, &[Method::GET, Method::POST], "GET, POST", Endpoint::Token),
        "_catalog" => {
            let catalog = Endpoint::Catalog(page(query)?);
            return only(method, &[Method::GET, Method::HEAD], "GET, HEAD", catalog);
        }
        _ => {}
    }
    let rest = if rest.contains('%') { decoded(rest)? } else { Cow::Borrowed(rest) };
    let (head, last) = rest.rsplit_once('/').ok_or(Unreadable::NoRoute)?;
    let (before, keyword) = head.rsplit_once('/').unwrap_or(("", head));
    match (keyword, last) {
        ("manifests", reference) => manifest(method, before, reference, query),
        ("tags", "list") => {
            let tags = Operation::Tags(page(query)?);
            only(method, &[Method::GET, Method::HEAD], "GET, HEAD", within(before, tags)?)
        }
        ("referrers", subject) => {
            let subject = digest(subject)?;
            let artifact_type = value(query, "artifactType").map(|value| value.replace(' ', "+"));
            let last = value(query, "last").map(|last| digest(&last)).transpose()?;
            let referrers = Operation::Referrers { subject, artifact_type, last };
            only(method, &[Method::GET, Method::HEAD], "GET, HEAD", within(before, referrers)?)
        }
        ("uploads", id) => match before.strip_suffix("/blobs") {
            Some(name) if id.is_empty() => start(method, name, query),
            Some(name) => upload(method, name, id, query),
            None => Err(Unreadable::NoRoute),
        },
        // Leniently without its last slash.
        ("blobs", "uploads") => start(method, before, query),
        ("blobs", blob) => {
            let digest = digest(blob)?;
            let operation = match *method {
                Method::GET => Operation::GetBlob(digest),
                Method::HEAD => Operation::HeadBlob(digest),
                Method::DELETE => Operation::DeleteBlob(digest),
                _ => return Err(Unreadable::Method { allow: "GET, HEAD, DELETE" }),
            };
            within(before, operation)
        }
        _ => Err(Unreadable::NoRoute),
    }
}

fn manifest(
    method: &Method,
    name: &str,
    reference: &str,
    query: Option<&str>,
) -> Result<Endpoint, Unreadable> {
    let reference = reference.parse::<Reference>().map_err(|error| match (reference.contains(':'), method) {
        (true, _) => bad(ErrorCode::DigestInvalid, error),
        (false, &Method::PUT) => bad(ErrorCode::TagInvalid, error),
        // A manifest with such a tag cannot exist.
        (false, _) => {
            Unreadable::Part { status: 404, code: ErrorCode::ManifestUnknown, message: error.to_string() }
        }
    });
    let operation = match *method {
        Method::GET => Operation::GetManifest(reference?),
        Method::HEAD => Operation::HeadManifest(reference?),
        Method::PUT => {
            let reference = reference?;
            let mut tags = Vec::new();
            for text in values(query, "tag") {
                tags.push(TagName::parse(&text).map_err(|error| bad(ErrorCode::TagInvalid, error))?);
            }
            if tags.len() > MAX_TAGS {
                let message = format!("too many tags: at most {MAX_TAGS} in one request");
                return Err(Unreadable::Part { status: 414, code: ErrorCode::TagInvalid, message });
            }
            Operation::PutManifest(reference, tags)
        }
        Method::DELETE => Operation::DeleteManifest(reference?),
        _ => return Err(Unreadable::Method { allow: "GET, HEAD, PUT, DELETE" }),
    };
    within(name, operation)
}

fn start(method: &Method, name: &str, query: Option<&str>) -> Result<Endpoint, Unreadable> {
    if method != Method::POST {
        return Err(Unreadable::Method { allow: "POST" });
    }
    if let Some(algorithm) = value(query, "digest-algorithm")
        && ![Algorithm::Sha256, Algorithm::Sha512].iter().any(|known| known.as_str() == algorithm)
    {
        return Err(bad(ErrorCode::DigestInvalid, "unsupported digest algorithm: use sha256 or sha512"));
    }
    let start = if let Some(mount) = value(query, "mount") {
        let digest = digest(&mount)?;
        match value(query, "from").map(|from| RepositoryName::parse(&from)) {
            None => Start::Mount { digest, from: None },
            Some(Ok(from)) => Start::Mount { digest, from: Some(from) },
            // A mount that cannot work is an upload, never an error.
            Some(Err(_)) => Start::Session,
        }
    } else if let Some(whole) = value(query, "digest") {
        Start::Whole(digest(&whole)?)
    } else {
        Start::Session
    };
    within(name, Operation::StartUpload(start))
}

fn upload(method: &Method, name: &str, id: &str, query: Option<&str>) -> Result<Endpoint, Unreadable> {
    let id = id.parse::<UploadId>().map_err(|_| Unreadable::Part {
        status: 404,
        code: ErrorCode::BlobUploadUnknown,
        message: ErrorCode::BlobUploadUnknown.message().to_owned(),
    });
    let operation = match *method {
        Method::GET | Method::HEAD => Operation::UploadStatus(id?),
        Method::PATCH => Operation::AppendUpload(id?),
        Method::PUT => {
            let id = id?;
            let text = value(query, "digest").ok_or_else(|| {
                bad(ErrorCode::DigestInvalid, "missing digest: add ?digest=<digest> to the last PUT")
            })?;
            Operation::FinishUpload(id, digest(&text)?)
        }
        Method::DELETE => Operation::CancelUpload(id?),
        _ => return Err(Unreadable::Method { allow: "GET, HEAD, PATCH, PUT, DELETE" }),
    };
    within(name, operation)
}

fn within(name: &str, operation: Operation) -> Result<Endpoint, Unreadable> {
    let name = RepositoryName::parse(name).map_err(|error| bad(ErrorCode::NameInvalid, error))?;
    Ok(Endpoint::In(name, operation))
}

fn only(
    method: &Method,
    allowed: &[Method],
    allow: &'static str,
    endpoint: Endpoint,
) -> Result<Endpoint, Unreadable> {
    if allowed.contains(method) { Ok(endpoint) } else { Err(Unreadable::Method { allow }) }
}

fn digest(text: &str) -> Result<Digest, Unreadable> {
    text.parse().map_err(|error| bad(ErrorCode::DigestInvalid, error))
}

/// Percent-decodes each part; a part that hides a slash is malformed.
fn decoded(path: &str) -> Result<Cow<'_, str>, Unreadable> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        let part = percent_decode_str(part)
            .decode_utf8()
            .map_err(|_| bad(ErrorCode::NameInvalid, "invalid path: it is not UTF-8"))?;
        if part.contains('/') {
            return Err(bad(ErrorCode::NameInvalid, "invalid path: an encoded slash"));
        }
        parts.push(part);
    }
    Ok(Cow::Owned(parts.join("/")))
}

fn page(query: Option<&str>) -> Result<Page, Unreadable> {
    let n = match value(query, "n") {
        None => None,
        Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            // More digits than fit ask for more than there is.
            Some(text.parse().unwrap_or(usize::MAX))
        }
        Some(_) => {
            return Err(bad(ErrorCode::PaginationNumberInvalid, "invalid page size: n must be a number"));
        }
    };
    // Quay's own clients hand back the end of a page as `next_page`.
    Ok(Page { n, last: value(query, "last").or_else(|| value(query, "next_page")) })
}

fn values<'q>(query: Option<&'q str>, key: &'q str) -> impl Iterator<Item = String> + 'q {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .filter(move |(name, _)| name == key)
        .map(|(_, value)| value.into_owned())
}

/// The first value of `key`.
fn value(query: Option<&str>, key: &str) -> Option<String> {
    query?;
    values(query, key).next()
}

#[cfg(test)]
mod tests;
