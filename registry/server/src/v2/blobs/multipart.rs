//! Several parts of a blob in one answer, as clients of lazily pulled layers ask for them.
//!
//! Every range gets a part of its own, in the order asked for: such clients match parts with their requests by order.
//! A part is opened when the one before it is sent.

use std::ops::Range;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, StatusCode};
use quay_core::perms::Pull;
use quay_core::{Allowed, BlobBody, Core, Result};
use quay_oci::Digest;

use super::content_range;
use crate::http::App;
use crate::v2::value;

/// Half of the digest of the content itself: nobody can make content that holds it.
fn boundary(digest: &Digest) -> &str {
    &digest.hex()[..32]
}

/// The type of an answer in parts.
pub(super) fn content_type(digest: &Digest) -> HeaderValue {
    value(format!("multipart/byteranges; boundary={}", boundary(digest)))
}

/// The answer, but for the headers that every answer about a blob has.
pub(super) fn answer(
    app: &App,
    allowed: &Allowed<Pull>,
    digest: &Digest,
    ranges: Vec<Range<u64>>,
    size: u64,
) -> Response {
    let boundary = boundary(digest);
    let head = |range: &Range<u64>| {
        let place = content_range(range, size);
        Bytes::from(format!(
            "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: {place}\r\n\r\n"
        ))
    };
    let end = Bytes::from(format!("\r\n--{boundary}--\r\n"));
    let parts: Vec<(Bytes, Range<u64>)> = ranges.into_iter().map(|range| (head(&range), range)).collect();
    let content: u64 = parts.iter().map(|(_, range)| range.end - range.start).sum();
    let around: usize = parts.iter().map(|(head, _)| head.len()).sum::<usize>() + end.len();
    app.metrics.blob_out(content);

    let (core, allowed, digest) = (app.core.clone(), allowed.clone(), digest.clone());
    let opened = stream::iter(parts).then(move |(head, range)| {
        let (core, allowed, digest) = (core.clone(), allowed.clone(), digest.clone());
        async move {
            let content = part(&core, &allowed, &digest, range).await?;
            Ok::<_, quay_core::Error>(stream::once(async { Ok(head) }).chain(content))
        }
    });
    let body = opened.try_flatten().chain(stream::once(async { Ok(end) }));
    let mut response = Response::new(Body::from_stream(body));
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    response.headers_mut().insert(CONTENT_LENGTH, (content + around as u64).into());
    response
}

async fn part(
    core: &Core,
    allowed: &Allowed<Pull>,
    digest: &Digest,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    Ok(match core.read_blob(allowed, digest, Some(range)).await?.body {
        BlobBody::Inline(bytes) => stream::once(async { Ok(bytes) }).boxed(),
        BlobBody::Stream(stream) => stream,
    })
}
