//! Who acts when several replicas run: the holder of a Lease.
//!
//! Every write carries the resourceVersion that was read, so two replicas cannot both win. Whether a holder is dead is
//! judged by our own monotonic clock, from the moment we last saw its Lease change: clocks of nodes may differ.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as LeaseObject, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};

/// How fast a lease is renewed and how long it lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub life: Duration,
    pub renew_every: Duration,
    /// Shorter than `life`: we stop before anybody may start.
    pub renew_deadline: Duration,
    pub retry_every: Duration,
    /// Without any answer for so long this replica ends: what it knows of the API server may be out of date.
    pub give_up: Duration,
}

impl Pace {
    const USUAL: Self = Self {
        life: Duration::from_secs(15),
        renew_every: Duration::from_secs(4),
        renew_deadline: Duration::from_secs(10),
        retry_every: Duration::from_secs(2),
        give_up: Duration::from_secs(300),
    };
}

/// Why this replica does not lead any more.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Another replica took over.
    #[error("the lease was taken by {0}")]
    Taken(String),
    /// The API server did not confirm in time.
    #[error("the lease could not be renewed in time")]
    Expired,
}

/// The API server has not answered for minutes.
#[derive(Debug, thiserror::Error)]
#[error("the API server has not answered for {} s", .0.as_secs())]
pub struct OutOfReach(Duration);

/// One replica's view of the lease.
#[derive(Debug)]
pub struct Lease {
    api: Api<LeaseObject>,
    name: String,
    identity: String,
    pace: Pace,
    seen: Option<(Option<String>, Instant)>,
}

enum Step {
    Held,
    Free,
    HeldByOther(String),
}

impl Lease {
    /// A lease named `name`, for the replica `identity`.
    pub fn new(api: Api<LeaseObject>, name: &str, identity: &str) -> Self {
        Self { api, name: name.to_owned(), identity: identity.to_owned(), pace: Pace::USUAL, seen: None }
    }

    #[cfg(test)]
    pub(crate) fn at(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Waits until this replica leads; answers a moment before it did.
    pub async fn acquire(&mut self) -> Result<Instant, OutOfReach> {
        let mut answered = Instant::now();
        loop {
            let start = Instant::now();
            let step = tokio::time::timeout(self.pace.renew_every, self.step(start)).await;
            if matches!(step, Ok(Ok(_) | Err(kube::Error::Api(_)))) {
                answered = Instant::now();
            }
            match step {
                Ok(Ok(Step::Held)) => return Ok(start),
                Ok(Ok(Step::HeldByOther(holder))) => {
                    tracing::debug!(lease.holder = holder, "another replica leads");
                }
                // lost a race for it; the next look tells to whom
                Ok(Ok(Step::Free)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the lease could not be read or written"),
                // it may be ours by now: the next look tells, and renews it
                Err(_) => tracing::warn!("the lease could not be read or written in time"),
            }
            if answered.elapsed() >= self.pace.give_up {
                return Err(OutOfReach(self.pace.give_up));
            }
            tokio::time::sleep(self.pace.retry_every).await;
        }
    }

    /// Renews for as long as this replica leads, which it does since `confirmed`.
    ///
    /// What counts is when an attempt began: its answer may come long after the API server has stored the renewal, and
    /// from then on others count.
    pub async fn keep(&mut self, mut confirmed: Instant) -> Lost {
        let mut pause = self.pace.renew_every;
        loop {
            let deadline = confirmed + self.pace.renew_deadline;
            let attempt = async {
                tokio::time::sleep(pause).await;
                let start = Instant::now();
                (start, tokio::time::timeout(self.pace.renew_every, self.step(start)).await)
            };
            let Ok((start, result)) = tokio::time::timeout_at(deadline.into(), attempt).await else {
                return Lost::Expired;
            };
            pause = self.pace.retry_every / 4;
            match result {
                Ok(Ok(Step::Held)) => {
                    confirmed = start;
                    pause = self.pace.renew_every;
                }
                Ok(Ok(Step::HeldByOther(holder))) => return Lost::Taken(holder),
                Ok(Ok(Step::Free)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the lease could not be renewed"),
                Err(_) => tracing::warn!("the lease could not be renewed in time"),
            }
        }
    }

    /// Gives the lease up, so that the next replica need not wait; tries that for a moment only.
    pub async fn release(&mut self) {
        if tokio::time::timeout(self.pace.renew_every, self.give_back()).await.is_err() {
            tracing::debug!("the lease could not be given up in time; it expires by itself");
        }
    }

    async fn give_back(&mut self) {
        let Ok(Some(lease)) = self.api.get_opt(&self.name).await else { return };
        if lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()) != Some(&self.identity) {
            return;
        }
        let mut given_up = lease;
        if let Some(spec) = &mut given_up.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
        }
        if let Err(error) = self.api.replace(&self.name, &PostParams::default(), &given_up).await {
            tracing::debug!(%error, "the lease could not be given up; it expires by itself");
        }
    }

    async fn step(&mut self, now: Instant) -> Result<Step, kube::Error> {
        let Some(current) = self.api.get_opt(&self.name).await? else {
            let fresh = LeaseObject {
                metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                spec: Some(self.held(None)),
            };
            return written(self.api.create(&PostParams::default(), &fresh).await);
        };
        let spec = current.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        if !self.may_take(&holder, &current, now) {
            return Ok(Step::HeldByOther(holder));
        }
        let mut taken = current;
        taken.spec = Some(self.held(Some(&spec)));
        written(self.api.replace(&self.name, &PostParams::default(), &taken).await)
    }

    fn may_take(&mut self, holder: &str, current: &LeaseObject, now: Instant) -> bool {
        if holder.is_empty() || holder == self.identity {
            self.seen = None;
            return true;
        }
        let version = current.metadata.resource_version.clone();
        let life = current
            .spec
            .as_ref()
            .and_then(|spec| spec.lease_duration_seconds)
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(self.pace.life, Duration::from_secs);
        match &self.seen {
            Some((seen, since)) if *seen == version => now.duration_since(*since) > life,
            _ => {
                self.seen = Some((version, now));
                false
            }
        }
    }

    fn held(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let is_ours = before.and_then(|spec| spec.holder_identity.as_deref()) == Some(&self.identity);
        let transitions = before.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.pace.life.as_secs()).ok(),
            acquire_time: before
                .filter(|_| is_ours)
                .and_then(|spec| spec.acquire_time.clone())
                .or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(if is_ours { transitions } else { transitions.saturating_add(1) }),
            ..LeaseSpec::default()
        }
    }
}

/// A write that lost against another one means: look again.
fn written(result: Result<LeaseObject, kube::Error>) -> Result<Step, kube::Error> {
    match result {
        Ok(_) => Ok(Step::Held),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Step::Free),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use kube::Client;
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    type Server = tower_test::mock::Handle<http::Request<Body>, http::Response<Body>>;

    fn lease() -> (Lease, Server) {
        let (service, server) = tower_test::mock::pair();
        (Lease::new(Api::namespaced(Client::new(service, "ops"), "ops"), "quay-operator", "me"), server)
    }

    fn object(holder: &str, version: &str, seconds: i32) -> Value {
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "quay-operator", "namespace": "ops", "resourceVersion": version},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": seconds, "leaseTransitions": 4}
        })
    }

    fn parsed(holder: &str, version: &str, seconds: i32) -> LeaseObject {
        serde_json::from_value(object(holder, version, seconds)).unwrap()
    }

    async fn answer(server: &mut Server, status: u16, body: &Value) -> (http::Method, Value) {
        let (request, reply) = server.next_request().await.expect("no request came");
        let (parts, sent) = request.into_parts();
        let sent = sent.collect_bytes().await.unwrap();
        reply.send_response(
            http::Response::builder()
                .status(status)
                .body(Body::from(serde_json::to_vec(body).unwrap()))
                .unwrap(),
        );
        (parts.method, serde_json::from_slice(&sent).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_free_lease_is_taken_on_condition_that_it_has_not_changed() {
        let (mut lease, mut server) = lease();
        let (step, written) = tokio::join!(lease.step(Instant::now()), async {
            answer(&mut server, 200, &object("", "7", 15)).await;
            answer(&mut server, 200, &object("me", "8", 15)).await
        });
        assert!(matches!(step, Ok(Step::Held)));
        assert_eq!(written.0, http::Method::PUT);
        assert_eq!(written.1["metadata"]["resourceVersion"], "7");
        assert_eq!(written.1["spec"]["holderIdentity"], "me");
        assert_eq!(written.1["spec"]["leaseTransitions"], 5);
    }

    #[tokio::test]
    async fn who_loses_the_race_does_not_lead() {
        let (mut lease, mut server) = lease();
        let conflict = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409, "reason": "Conflict", "message": "changed"});
        let (step, _) = tokio::join!(lease.step(Instant::now()), async {
            answer(&mut server, 200, &object("", "7", 15)).await;
            answer(&mut server, 409, &conflict).await
        });
        assert!(matches!(step, Ok(Step::Free)));
    }

    #[tokio::test]
    async fn the_lease_of_a_living_replica_is_not_written() {
        let (mut lease, mut server) = lease();
        let (step, _) = tokio::join!(lease.step(Instant::now()), async {
            answer(&mut server, 200, &object("other", "7", 15)).await
        });
        assert!(matches!(step, Ok(Step::HeldByOther(holder)) if holder == "other"));
    }

    #[tokio::test]
    async fn a_lease_expires_by_our_own_clock_from_when_we_last_saw_it_change() {
        let (mut lease, _server) = lease();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(!lease.may_take("other", &parsed("other", "7", 15), start));
        assert!(!lease.may_take("other", &parsed("other", "7", 15), after(14)));
        assert!(!lease.may_take("other", &parsed("other", "8", 15), after(16)), "it was renewed");
        assert!(!lease.may_take("other", &parsed("other", "8", 15), after(30)));
        assert!(lease.may_take("other", &parsed("other", "8", 15), after(32)));
    }

    #[tokio::test]
    async fn a_holder_whose_last_attempt_began_too_long_ago_stops_without_another_try() {
        let (mut lease, mut server) = lease();
        let long_ago = Instant::now().checked_sub(Pace::USUAL.renew_deadline).unwrap();
        assert!(matches!(lease.keep(long_ago).await, Lost::Expired));
        drop(lease);
        assert!(server.next_request().await.is_none(), "it tried again");
    }

    #[tokio::test]
    async fn a_replica_that_hears_nothing_for_long_ends_and_one_that_is_refused_does_not() {
        let quickly = Duration::from_millis(5);
        let pace = Pace { renew_every: quickly, retry_every: quickly, give_up: quickly * 10, ..Pace::USUAL };
        let (silent, unanswered) = lease();
        let ended = tokio::time::timeout(Duration::from_secs(20), silent.at(pace).acquire()).await;
        assert!(matches!(ended, Ok(Err(OutOfReach(_)))), "{ended:?}");
        drop(unanswered);

        let (refused, mut server) = lease();
        let mut refused = refused.at(pace);
        let forbidden = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403, "reason": "Forbidden", "message": "no"});
        let answering = async {
            for _ in 0..40 {
                answer(&mut server, 403, &forbidden).await;
            }
        };
        tokio::select! {
            ended = refused.acquire() => panic!("it gave up: {ended:?}"),
            () = answering => {}
        }
    }

    #[test]
    fn a_holder_stops_before_anybody_may_start() {
        // from the beginning of its last attempt on, whatever the API server takes to answer
        let Pace { life, renew_deadline, retry_every, .. } = Pace::USUAL;
        assert!(renew_deadline + retry_every < life);
    }
}
