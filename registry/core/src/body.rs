//! The bytes of a request as core sees them: a stream that may break off.

use std::pin::Pin;

use bytes::Bytes;
use futures::{Stream, stream};

/// Bytes on their way in.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// The client's bytes broke off.
#[derive(Debug, thiserror::Error)]
#[error("the request body broke off")]
pub struct BodyError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// No bytes.
pub fn empty() -> Body {
    Box::pin(stream::empty())
}

/// These bytes.
pub fn of(bytes: impl Into<Bytes>) -> Body {
    let bytes = bytes.into();
    Box::pin(stream::once(async move { Ok(bytes) }))
}
