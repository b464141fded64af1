//! Events on a registry. They are published on change only, so each is an object of its own; a series would keep the
//! text of its first occurrence.

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use kube::{Client, Resource};

use crate::plan::Notice;
use crate::status::shortened;

const CONTROLLER: &str = "quay-operator";
const NOTE_LIMIT: usize = 1000;

/// Publishes an event on `object`. An event that cannot be published is logged and otherwise lost: it repeats what
/// stands in `status`.
pub async fn publish<K>(client: &Client, instance: &str, object: &K, notice: &Notice)
where
    K: Resource<DynamicType = ()>,
{
    let reference = object.object_ref(&());
    let namespace = reference.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let now = Timestamp::now();
    let event = Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:x}", reference.name.clone().unwrap_or_default(), now.as_nanosecond())),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        action: Some("Reconcile".to_owned()),
        event_time: Some(MicroTime(now)),
        note: Some(shortened(&notice.message, NOTE_LIMIT)),
        reason: Some(notice.reason.clone().into_owned()),
        regarding: Some(reference),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        type_: Some(if notice.is_warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    };
    if let Err(error) =
        Api::<Event>::namespaced(client.clone(), &namespace).create(&PostParams::default(), &event).await
    {
        tracing::warn!(event.reason = %notice.reason, %error, "an event could not be published");
    }
}
