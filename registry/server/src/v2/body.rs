//! Bodies of requests: streamed to core, or held whole within a budget.
//!
//! ```text
//!                ┌─ blob ─► streamed to core
//! body, lent ─►  ├─ manifest, of who may push ─► a budget of its own ─┐
//!                └─ form, of anybody ─► a turn on its connection ─► a small budget, little time ─┴─► paid for as bytes arrive
//! a refusal ─► what is left is drained, whoever had begun to read it
//! ```
//! Owns: the limits on what a stranger may send. Must not know: what the bytes mean.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use http::HeaderMap;
use http::header::EXPECT;
use http::request::Parts;
use quay_core::{BodyError, Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::listen::Turns;
use crate::metrics::Metrics;

/// Memory for manifests that are held whole, in KiB: 32 of the largest size.
const MANIFESTS_KIB: usize = 128 * 1024;
/// Memory for forms, in KiB: 1024 of the largest size.
const FORMS_KIB: usize = 16 * 1024;
/// The longest form.
const FORM: usize = 16 * 1024;
/// A manifest must arrive within this time, a form within the other.
const MANIFEST_WITHIN: Duration = Duration::from_secs(60);
const FORM_WITHIN: Duration = Duration::from_secs(10);
/// How long a request waits for its share of the budget.
const WAIT: Duration = Duration::from_secs(5);
/// An unwanted body is read up to here, so that the client gets to reading the answer: also one that is as much too
/// long as manifests are when they are too long.
const DRAINED: u64 = 8 * 1024 * 1024;
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// Memory for bodies that are held whole. What strangers send takes nothing from what is pushed.
#[derive(Clone, Debug)]
pub struct Budget {
    manifests: Arc<Semaphore>,
    forms: Arc<Semaphore>,
    /// How long a request waits for its share.
    wait: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            manifests: Arc::new(Semaphore::new(MANIFESTS_KIB)),
            forms: Arc::new(Semaphore::new(FORMS_KIB)),
            wait: WAIT,
        }
    }
}

/// A body with its share of the budget.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// Reads a manifest of at most `limit` bytes; the caller has been allowed to push it.
    pub(super) async fn manifest(&self, body: &Lent, limit: usize) -> Result<Whole> {
        self.whole(&self.manifests, body, limit, MANIFEST_WITHIN).await
    }

    /// Reads the form of whoever asks for a token: a few at a time of each connection.
    pub(super) async fn form(&self, parts: &Parts, body: &Lent) -> Result<Whole> {
        let _turn = match parts.extensions.get::<Turns>() {
            Some(turns) => Some(self.in_time(turns.take(1)).await?),
            None => None,
        };
        self.whole(&self.forms, body, FORM, FORM_WITHIN).await
    }

    /// Gathers a body, taking its share as bytes arrive: what is announced and never sent costs nothing.
    async fn whole(
        &self,
        budget: &Arc<Semaphore>,
        body: &Lent,
        limit: usize,
        within: Duration,
    ) -> Result<Whole> {
        let too_large = || Error::TooLarge { limit: limit as u64 };
        if body.announced() > limit as u64 {
            return Err(too_large());
        }
        let gather = async {
            let mut bytes = BytesMut::new();
            let (mut share, mut paid): (Option<OwnedSemaphorePermit>, usize) = (None, 0);
            while let Some(data) = body.next().await {
                let data = data.map_err(|_| Error::BodyFailed)?;
                let length = bytes.len() + data.len();
                if length > limit {
                    return Err(too_large());
                }
                let due = length.div_ceil(1024);
                if due > paid {
                    let more = u32::try_from(due - paid).map_err(|_| too_large())?;
                    let more = self.in_time(Arc::clone(budget).acquire_many_owned(more)).await?;
                    match &mut share {
                        Some(share) => share.merge(more),
                        None => share = Some(more),
                    }
                    paid = due;
                }
                bytes.extend_from_slice(&data);
            }
            Ok(Whole { bytes: bytes.freeze(), _share: share })
        };
        tokio::time::timeout(within, gather).await.map_err(|_| Error::BodyFailed)?
    }

    /// A share, or the answer that there is none now.
    async fn in_time<E>(
        &self,
        share: impl Future<Output = std::result::Result<OwnedSemaphorePermit, E>>,
    ) -> Result<OwnedSemaphorePermit> {
        tokio::time::timeout(self.wait, share)
            .await
            .ok()
            .and_then(std::result::Result::ok)
            .ok_or(Error::Unavailable { retry_after: self.wait })
    }
}

/// The body of a request, lent to whoever shall read it: what a refusal leaves unread is drained by who answers.
pub(crate) struct Lent(Arc<Mutex<Unread>>);

struct Unread {
    /// Gone once it has been read to its end.
    body: Option<Body>,
    /// Whether it is on its way: nothing holds the client back, or somebody has asked for it.
    begun: bool,
}

impl Lent {
    /// The headers tell whether the client waits for `100 Continue`.
    pub(crate) fn new(body: Body, headers: &HeaderMap) -> Self {
        let begun = !headers.contains_key(EXPECT);
        Self(Arc::new(Mutex::new(Unread { body: Some(body), begun })))
    }

    fn unread(&self) -> MutexGuard<'_, Unread> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes are still to come at least.
    fn announced(&self) -> u64 {
        self.unread().body.as_ref().map_or(0, |body| body.size_hint().lower())
    }

    /// How many bytes are still to come, when that is known.
    pub(super) fn length(&self) -> Option<u64> {
        self.unread().body.as_ref().map_or(Some(0), |body| body.size_hint().exact())
    }

    /// Whether nothing is to come.
    pub(super) fn is_empty(&self) -> bool {
        self.unread().body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    /// The bytes as core takes them, counted as they arrive.
    pub(super) fn stream(&self, metrics: &Arc<Metrics>) -> quay_core::Body {
        let (lent, metrics) = (Self(Arc::clone(&self.0)), Arc::clone(metrics));
        Box::pin(futures::stream::poll_fn(move |context| {
            let data = ready!(lent.unread().poll_next(context));
            if let Some(Ok(data)) = &data {
                metrics.blob_in(data.len() as u64);
            }
            Poll::Ready(data.map(|data| data.map_err(|error| BodyError(Box::new(error)))))
        }))
    }

    /// The bytes as handlers take them.
    pub(crate) fn body(&self) -> Body {
        let lent = Self(Arc::clone(&self.0));
        Body::from_stream(futures::stream::poll_fn(move |context| lent.unread().poll_next(context)))
    }

    async fn next(&self) -> Option<std::result::Result<Bytes, axum::Error>> {
        poll_fn(|context| self.unread().poll_next(context)).await
    }

    /// Throws away what is left of a short body, for a while, so that a client that is still sending gets to reading the
    /// answer. One that waits for `100 Continue` is not on its way, and a long one is not worth it.
    pub(crate) async fn drain(&self) {
        if !self.unread().begun || self.announced() > DRAINED {
            return;
        }
        let mut left = DRAINED;
        let discard = async {
            while let Some(Ok(data)) = self.next().await {
                left = left.saturating_sub(data.len() as u64);
                if left == 0 {
                    return;
                }
            }
        };
        // Whatever the outcome, the answer is the same.
        let _ = tokio::time::timeout(DRAIN_WITHIN, discard).await;
    }
}

impl Unread {
    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Bytes, axum::Error>>> {
        self.begun = true;
        loop {
            let Some(body) = self.body.as_mut() else { return Poll::Ready(None) };
            match ready!(Pin::new(body).poll_frame(context)) {
                None => self.body = None,
                Some(Err(error)) => {
                    self.body = None;
                    return Poll::Ready(Some(Err(error)));
                }
                // Trailers say nothing here.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
            }
        }
    }
}

/// A body that fails when it has not arrived within a time, however steadily it trickles.
pub fn arriving_within(body: Body, within: Duration) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let late = Instant::now() + within;
    let frames = futures::stream::unfold(Some(body.into_data_stream()), move |frames| async move {
        let mut frames = frames?;
        match timeout_at(late, frames.try_next()).await {
            Ok(Ok(Some(data))) => Some((Ok(data), Some(frames))),
            Ok(Ok(None)) => None,
            Ok(Err(error)) => Some((Err(error), None)),
            Err(late) => Some((Err(axum::Error::new(late)), None)),
        }
    });
    Body::from_stream(frames)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::StreamExt;
    use futures::stream;
    use http_body_util::BodyExt;

    use super::*;

    fn pieces(piece: &'static [u8], count: usize) -> Body {
        Body::from_stream(stream::repeat(Ok::<_, Infallible>(Bytes::from_static(piece))).take(count))
    }

    fn lent(piece: &'static [u8], count: usize) -> Lent {
        Lent::new(pieces(piece, count), &HeaderMap::new())
    }

    /// The client waits for `100 Continue`.
    fn held_back(piece: &'static [u8], count: usize) -> Lent {
        Lent::new(
            pieces(piece, count),
            &HeaderMap::from_iter([(EXPECT, http::HeaderValue::from_static("100-continue"))]),
        )
    }

    fn silent() -> Body {
        Body::from_stream(stream::iter([Ok::<_, Infallible>(Bytes::new())]).chain(stream::pending()))
    }

    fn impatient() -> Budget {
        Budget { wait: Duration::from_millis(10), ..Budget::default() }
    }

    fn asked() -> Parts {
        http::Request::new(()).into_parts().0
    }

    #[tokio::test]
    async fn what_one_reader_leaves_of_a_body_is_there_for_the_next() {
        let metrics = Metrics::new("0");
        let lent = lent(b"0123456789", 3);
        let mut stream = lent.stream(&metrics);
        assert_eq!(stream.next().await.expect("a piece").expect("read"), "0123456789");
        drop(stream);
        assert!(!lent.is_empty());
        assert_eq!(lent.stream(&metrics).count().await, 2);
        assert!(lent.is_empty() && lent.length() == Some(0), "it was read to its end");
    }

    #[tokio::test]
    async fn a_refused_body_is_drained_by_whomever_it_was_begun_and_one_that_is_held_back_is_not() {
        let four = Arc::new(Semaphore::new(4));
        let long = held_back(b"0123456789", 410);
        let refused = impatient().whole(&four, &long, 1024, FORM_WITHIN).await;
        assert!(matches!(refused, Err(Error::TooLarge { .. })) && !long.is_empty());
        let streamed = held_back(b"0123456789", 410);
        assert!(streamed.stream(&Metrics::new("0")).next().await.is_some());
        let (untouched, on_its_way) = (held_back(b"0123456789", 410), lent(b"0123456789", 410));
        for (body, drained) in [(&long, true), (&streamed, true), (&untouched, false), (&on_its_way, true)] {
            body.drain().await;
            assert_eq!(body.is_empty(), drained);
        }
        let endless = lent(&[0; 1024 * 1024], usize::MAX);
        endless.drain().await;
        assert!(!endless.is_empty());
    }

    #[tokio::test]
    async fn a_body_is_paid_for_by_what_arrived_and_gives_its_share_back() {
        let (budget, four) = (impatient(), Arc::new(Semaphore::new(4)));
        let first = budget.whole(&four, &lent(b"0123456789", 200), 4096, FORM_WITHIN).await.expect("read");
        assert_eq!((first.bytes.len(), four.available_permits()), (2000, 2));
        let none_left = budget.whole(&four, &lent(b"0123456789", 300), 4096, FORM_WITHIN).await;
        assert!(matches!(none_left, Err(Error::Unavailable { .. })), "{none_left:?}");
        drop(first);
        assert_eq!(four.available_permits(), 4);
        let long = budget.whole(&four, &lent(b"0123456789", 410), 4096, FORM_WITHIN).await;
        assert!(matches!(long, Err(Error::TooLarge { limit: 4096 })), "{long:?}");
        let late = budget
            .whole(&four, &Lent::new(silent(), &HeaderMap::new()), 4096, Duration::from_millis(1))
            .await;
        assert!(matches!(late, Err(Error::BodyFailed)), "{late:?}");
        assert_eq!(four.available_permits(), 4);
    }

    #[tokio::test]
    async fn forms_that_are_announced_and_never_sent_take_nothing_from_others() {
        let budget = Budget::default();
        let parts = asked();
        let bodies: Vec<_> = (0..3000).map(|_| Lent::new(silent(), &HeaderMap::new())).collect();
        let mut waiting: Vec<_> = bodies.iter().map(|body| Box::pin(budget.form(&parts, body))).collect();
        for form in &mut waiting {
            assert!(futures::poll!(form).is_pending());
        }
        let form = budget.form(&parts, &lent(b"scope=x", 1)).await.expect("read");
        assert_eq!(&form.bytes[..], b"scope=x");
        budget.manifest(&lent(&[0; 1024], 4096), 4 << 20).await.expect("a manifest of the largest size");
    }

    #[tokio::test]
    async fn forms_that_fill_their_budget_leave_that_of_manifests() {
        let budget = impatient();
        let _all = budget.forms.acquire_many(16 * 1024).await.expect("open");
        let parts = asked();
        let refused = budget.form(&parts, &lent(b"x", 1)).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
        budget.manifest(&lent(b"{}", 1), 4 << 20).await.expect("read");
    }

    #[tokio::test]
    async fn a_connection_has_a_few_forms_at_a_time() {
        let (budget, turns) = (impatient(), Turns::new(1));
        let mut parts = asked();
        parts.extensions.insert(turns.clone());
        let held = turns.take(1).await.expect("free");
        let refused = budget.form(&parts, &lent(b"x", 1)).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
        drop(held);
        budget.form(&parts, &lent(b"x", 1)).await.expect("its turn");
    }

    #[tokio::test]
    async fn a_body_that_never_ends_fails_and_one_in_time_is_unchanged() {
        let whole = arriving_within(pieces(b"0123456789", 3), FORM_WITHIN).collect().await.expect("in time");
        assert_eq!(&whole.to_bytes()[..], b"012345678901234567890123456789");
        assert!(arriving_within(silent(), Duration::from_millis(1)).collect().await.is_err());
    }
}
