//! Events on a registry. They are published on change only, so each is an object of its own; a series would keep the
//! text of its first occurrence.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use kube::{Client, Resource};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::plan::Notice;
use crate::status::shortened;

const CONTROLLER: &str = "quay-operator";
const NOTE_LIMIT: usize = 1000;

/// Tries after the first, some half a minute in all.
const MORE_TRIES: usize = 8;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long one try may take.
const TRY: Duration = Duration::from_secs(10);
/// Passes whose events wait to be published at the same time; those of more are only logged.
const WAITING: usize = 256;
/// How long the end of the process waits for what is still to be published.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Publishes events beside the passes that tell them. What is told is told once, so neither a moment's trouble of the
/// API server nor the end of this replica's leadership may swallow it: an event is nothing that only a leader may write.
#[derive(Clone)]
pub struct Events {
    client: Client,
    instance: String,
    under_way: TaskTracker,
    room: Arc<Semaphore>,
    first_wait: Duration,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Events {
    /// `instance` names this replica in the events.
    pub fn new(client: Client, instance: &str) -> Self {
        Self {
            client,
            instance: instance.to_owned(),
            under_way: TaskTracker::new(),
            room: Arc::new(Semaphore::new(WAITING)),
            first_wait: FIRST_WAIT,
        }
    }

    /// Publishes events on `object` in this order, without making the caller wait. One that cannot be published is logged
    /// and otherwise lost: it repeats what stands in `status`.
    pub fn publish<'a, K>(&self, object: &K, notices: impl IntoIterator<Item = &'a Notice>)
    where
        K: Resource<DynamicType = ()>,
    {
        let reference = object.object_ref(&());
        let now = Timestamp::now();
        let events: Vec<Event> =
            (0..).zip(notices).map(|(place, notice)| self.event(&reference, notice, now, place)).collect();
        if events.is_empty() {
            return;
        }
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            for event in events {
                let (reason, note) = (event.reason.unwrap_or_default(), event.note.unwrap_or_default());
                tracing::warn!(event.reason = reason, note, "too many events wait to be published already");
            }
            return;
        };
        let namespace = reference.namespace.as_deref().unwrap_or("default");
        let api = Api::<Event>::namespaced(self.client.clone(), namespace);
        let first_wait = self.first_wait;
        self.under_way.spawn(async move {
            let _place = place;
            for event in events {
                create(&api, &event, first_wait).await;
            }
        });
    }

    /// Waits for what is still to be published, though not for long.
    pub async fn finish(&self) {
        self.under_way.close();
        if tokio::time::timeout(LAST_WAIT, self.under_way.wait()).await.is_err() {
            tracing::warn!("the last events could not be published in time");
        }
    }

    /// `place` tells events of the same moment apart.
    fn event(&self, reference: &ObjectReference, notice: &Notice, now: Timestamp, place: i128) -> Event {
        let about = reference.name.clone().unwrap_or_default();
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{about}.{:x}", now.as_nanosecond().saturating_add(place))),
                namespace: Some(reference.namespace.clone().unwrap_or_else(|| "default".to_owned())),
                ..ObjectMeta::default()
            },
            action: Some("Reconcile".to_owned()),
            event_time: Some(MicroTime(now)),
            note: Some(shortened(&notice.message, NOTE_LIMIT)),
            reason: Some(notice.reason.clone().into_owned()),
            regarding: Some(reference.clone()),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(if notice.is_warning { "Warning" } else { "Normal" }.to_owned()),
            ..Event::default()
        }
    }
}

async fn create(api: &Api<Event>, event: &Event, first_wait: Duration) {
    let waits = ExponentialBuilder::default()
        .with_min_delay(first_wait)
        .with_max_delay(LONGEST_WAIT)
        .with_max_times(MORE_TRIES);
    let once = || async {
        match tokio::time::timeout(TRY, api.create(&PostParams::default(), event)).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(kube::Error::Service(elapsed.into())),
        }
    };
    let tried = once.retry(waits).when(may_pass).await;
    match tried {
        Ok(_) => {}
        // the answer to an earlier try got lost, not the event
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        Err(error) => {
            let reason = event.reason.as_deref().unwrap_or_default();
            tracing::warn!(event.reason = reason, %error, "an event could not be published");
        }
    }
}

/// Whether another try may succeed: the API server did not answer, or was in trouble.
fn may_pass(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 429 || status.code >= 500,
        kube::Error::HyperError(_) | kube::Error::Service(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;
    use tower_test::mock::Handle;

    use super::*;
    use crate::crd::QuayRegistry;

    /// Publishes while the API server gives these answers: reason and name of each event that it was sent.
    async fn sent(reasons: &[&'static str], answers: &[u16]) -> Vec<String> {
        let (service, mut server): (_, Handle<Request<Body>, Response<Body>>) = tower_test::mock::pair();
        let client = Client::new(service, "quay");
        let registry: QuayRegistry = serde_json::from_value(
            json!({ "metadata": { "name": "example", "namespace": "quay" } , "spec": {} }),
        )
        .unwrap();
        let notice = |reason: &'static str| Notice {
            reason: reason.into(),
            is_warning: false,
            message: "it moved".to_owned(),
            with: None,
        };
        let events = Events { first_wait: Duration::from_millis(1), ..Events::new(client, "operator-1") };
        events.publish(&registry, &reasons.iter().map(|reason| notice(reason)).collect::<Vec<_>>());
        let answering = async {
            let mut names = Vec::new();
            for code in answers {
                let Some((request, reply)) = server.next_request().await else { break };
                let body = request.into_body().collect_bytes().await.unwrap();
                let event: Event = serde_json::from_slice(&body).unwrap();
                names.push(format!(
                    "{} {}",
                    event.reason.clone().unwrap(),
                    event.metadata.name.clone().unwrap()
                ));
                let answer = match code {
                    200..300 => serde_json::to_vec(&event).unwrap(),
                    _ => serde_json::to_vec(&json!({
                        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no",
                        "reason": "no", "code": code
                    }))
                    .unwrap(),
                };
                reply.send_response(Response::builder().status(*code).body(Body::from(answer)).unwrap());
            }
            names
        };
        let (mut names, ()) = tokio::join!(answering, events.finish());
        drop(events);
        while server.next_request().await.is_some() {
            names.push("one more".to_owned());
        }
        names
    }

    #[tokio::test]
    async fn an_event_outlasts_a_moments_trouble_of_the_api_server() {
        let names = sent(&["EndpointChanged"], &[503, 429, 201]).await;
        assert_eq!(names.len(), 3);
        assert!(names.iter().all(|name| *name == names[0]), "each try is of the same event: {names:?}");
    }

    #[tokio::test]
    async fn an_event_that_arrived_though_its_answer_did_not_is_published_once() {
        assert_eq!(sent(&["EndpointChanged"], &[500, 409]).await.len(), 2);
    }

    #[tokio::test]
    async fn an_event_that_is_refused_is_not_tried_again() {
        assert_eq!(sent(&["EndpointChanged"], &[403]).await.len(), 1);
    }

    #[tokio::test]
    async fn an_event_is_given_up_when_the_trouble_lasts() {
        assert_eq!(sent(&["EndpointChanged"], &[500; 1 + MORE_TRIES]).await.len(), 1 + MORE_TRIES);
    }

    #[tokio::test]
    async fn events_of_one_pass_come_in_their_order_and_under_names_of_their_own() {
        let sent = sent(&["EndpointChanged", "Available", "VersionReported"], &[500, 201, 201, 201]).await;
        let reasons: Vec<&str> = sent.iter().filter_map(|event| event.split(' ').next()).collect();
        assert_eq!(reasons, ["EndpointChanged", "EndpointChanged", "Available", "VersionReported"]);
        let names: std::collections::BTreeSet<&str> =
            sent.iter().filter_map(|event| event.split(' ').nth(1)).collect();
        assert_eq!(names.len(), 3, "{sent:?}");
    }
}
