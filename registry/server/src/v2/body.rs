//! Bodies of requests: streamed to core, or held whole within a budget.
//!
//! Owns: the limits on what a stranger may send. Must not know: what the bytes mean.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures::TryStreamExt;
use http::header::EXPECT;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use quay_core::{BodyError, Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::Metrics;

/// Memory for bodies that are held whole, in KiB: 32 manifests of the largest size.
const BUDGET_KIB: u32 = 128 * 1024;
/// A body that is held whole must arrive within this time.
const WHOLE_WITHIN: Duration = Duration::from_secs(60);
/// How long a request waits for its share of the budget.
const WAIT: Duration = Duration::from_secs(5);
/// An unwanted body is read up to here, so that the client gets to reading the answer.
const DRAINED: usize = 1024 * 1024;
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// Memory for bodies that are held whole.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Semaphore>);

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET_KIB as usize)))
    }
}

/// A body with its share of the budget.
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

impl Budget {
    /// Reads a body of at most `limit` bytes.
    pub(super) async fn whole(&self, body: Body, limit: usize) -> Result<Whole> {
        let too_large = || Error::TooLarge { limit: limit as u64 };
        let expected = match body.size_hint().exact() {
            Some(exact) => usize::try_from(exact).map_err(|_| too_large())?,
            None => limit,
        };
        if expected > limit {
            return Err(too_large());
        }
        let share = u32::try_from(expected / 1024 + 1).unwrap_or(BUDGET_KIB);
        let share = tokio::time::timeout(WAIT, Arc::clone(&self.0).acquire_many_owned(share))
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or(Error::Unavailable { retry_after: WAIT })?;
        match tokio::time::timeout(WHOLE_WITHIN, Limited::new(body, limit).collect()).await {
            Ok(Ok(collected)) => Ok(Whole { bytes: collected.to_bytes(), _share: share }),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) | Err(_) => Err(Error::BodyFailed),
        }
    }
}

/// A body as core takes it; its bytes are counted.
pub(super) fn stream(metrics: &Arc<Metrics>, body: Option<Body>) -> quay_core::Body {
    let Some(body) = body else {
        return quay_core::body::empty();
    };
    let metrics = Arc::clone(metrics);
    Box::pin(
        body.into_data_stream()
            .inspect_ok(move |chunk| metrics.blob_in(chunk.len() as u64))
            .map_err(|error| BodyError(Box::new(error))),
    )
}

/// Throws away a short body. One that waits for `100 Continue` is not on its way yet, and a long one is not worth it.
pub(super) async fn drain(parts: &Parts, body: Body) {
    if parts.headers.contains_key(EXPECT) || body.size_hint().lower() > DRAINED as u64 {
        return;
    }
    // Whatever the outcome, the answer is the same.
    let _ = tokio::time::timeout(DRAIN_WITHIN, async move {
        let mut body = Limited::new(body, DRAINED);
        while let Some(Ok(_)) = body.frame().await {}
    })
    .await;
}
