//! Writes: server-side apply of what is not yet as it should be, wave by wave.

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{DynamicObject, PartialObjectMeta};
use serde_json::json;

use crate::child::Prepared;
use crate::names::{self, FIELD_MANAGER, Slot};
use crate::settings::Touch;
use crate::snapshot::Children;

/// A version that no object ever has: the store's numbers begin before the first object. An apply with it makes an object
/// that is not there, and is a conflict with one that is.
const NEVER: &str = "1";

/// A child that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{title} could not be written: {message}")]
pub struct Failure {
    /// Kind and name of the child.
    pub title: String,
    /// What the API server said.
    pub message: String,
    /// Whether trying again may help without anybody acting.
    pub is_transient: bool,
}

/// Writes what is not settled and takes the results up in `live`; answers what was written.
///
/// A wave is written only after the one before it has succeeded.
pub async fn children(
    client: &Client,
    namespace: &str,
    prepared: &[Prepared],
    live: &mut Children,
) -> Result<Vec<Slot>, Failure> {
    let mut written = Vec::new();
    let mut waves: Vec<u8> = prepared.iter().map(|child| child.slot.wave()).collect();
    waves.sort_unstable();
    waves.dedup();
    for wave in waves {
        let due = prepared
            .iter()
            .filter(|child| child.slot.wave() == wave && !child.is_settled(live.get(child.slot)))
            .map(|child| (child, live.get(child.slot)));
        let writes =
            due.map(|(child, read)| async move { (child, write(client, namespace, child, read).await) });
        let results = join_all(writes).await;
        let mut failure = None;
        for (child, result) in results {
            match result {
                Ok(object) => {
                    live.insert(child.slot, object);
                    written.push(child.slot);
                }
                Err(error) => failure = failure.or(Some(explain(child, &error))),
            }
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
    }
    Ok(written)
}

/// Takes away children that are ours, may be removed, and are not wanted any more; answers which.
///
/// What has been replaced or changed since it was read is left alone: the API server answers with a conflict.
pub async fn remove_unwanted(
    client: &Client,
    namespace: &str,
    prepared: &[Prepared],
    live: &mut Children,
) -> Result<Vec<Slot>, Failure> {
    let mut removed = Vec::new();
    for (slot, name, preconditions) in unwanted(prepared, live) {
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &slot.resource());
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        match api.delete(&name, &params).await {
            Ok(_) => {}
            // gone already
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => {
                let title = format!("{} {name}", slot.resource().kind);
                return Err(Failure {
                    title,
                    message: format!("it could not be taken away: {error}"),
                    is_transient: true,
                });
            }
        }
        live.remove(slot);
        removed.push(slot);
    }
    Ok(removed)
}

/// Children that [`remove_unwanted`] takes away.
pub fn unwanted(prepared: &[Prepared], live: &Children) -> Vec<(Slot, String, Preconditions)> {
    live.iter()
        .filter(|(slot, object)| {
            slot.is_removable()
                && names::is_ours(&object.metadata)
                && object.metadata.deletion_timestamp.is_none()
                && !prepared.iter().any(|child| child.slot == *slot)
        })
        .map(|(slot, object)| {
            let meta = &object.metadata;
            let exactly =
                Preconditions { uid: meta.uid.clone(), resource_version: meta.resource_version.clone() };
            (slot, meta.name.clone().unwrap_or_default(), exactly)
        })
        .collect()
}

/// Writes a child that was read as `read`. What has come, gone or been replaced since is not written over: the API
/// server answers with a conflict, and the next pass decides anew.
async fn write(
    client: &Client,
    namespace: &str,
    child: &Prepared,
    read: Option<&DynamicObject>,
) -> Result<DynamicObject, kube::Error> {
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &child.slot.resource());
    let created = match read {
        None if child.slot.is_irreplaceable() => Some(create(&api, child).await?),
        _ => None,
    };
    let read = created.as_ref().or(read);
    if let Some(removal) = child.removal(read) {
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        api.patch(&child.name, &params, &Patch::Merge(&removal)).await?;
    }
    let mut body = child.body.clone();
    if let Some(uid) = read.and_then(|read| read.metadata.uid.as_ref()) {
        body["metadata"]["uid"] = uid.as_str().into();
    }
    if let Some(version) = read.and_then(|read| read.metadata.resource_version.as_ref())
        && child.slot.is_irreplaceable()
    {
        body["metadata"]["resourceVersion"] = version.as_str().into();
    }
    if read.is_none() {
        body["metadata"]["resourceVersion"] = NEVER.into();
    }
    let params = PatchParams::apply(FIELD_MANAGER).force().validation_strict();
    api.patch(&child.name, &params, &Patch::Apply(&body)).await
}

/// Makes the object with nothing but its labels, by the one request that never overwrites. Its content comes by apply, so that fields can be given up again: those of a creation would stay ours for ever.
async fn create(api: &Api<DynamicObject>, child: &Prepared) -> Result<DynamicObject, kube::Error> {
    let mut empty = DynamicObject::new(&child.name, &child.slot.resource());
    empty.metadata.labels = serde_json::from_value(child.body["metadata"]["labels"].clone()).ok();
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    api.create(&params, &empty).await
}

/// Changes the annotation of a pod.
pub async fn touch(client: &Client, namespace: &str, touch: &Touch) -> Result<(), kube::Error> {
    let patch = json!({"metadata": {"uid": touch.uid, "annotations": {(names::SETTINGS): touch.value}}});
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let pods = Api::<PartialObjectMeta<Pod>>::namespaced(client.clone(), namespace);
    pods.patch_metadata(&touch.pod, &params, &Patch::Merge(&patch)).await.map(drop)
}

fn explain(child: &Prepared, error: &kube::Error) -> Failure {
    let title = format!("{} {}", child.slot.resource().kind, child.name);
    match error {
        kube::Error::Api(status) => {
            let hint = if child.slot == Slot::Service && status.message.contains("port is already allocated")
            {
                "; the recorded node port is taken by another Service: free it, or remove record.node-port from the keys Secret to get another"
            } else {
                ""
            };
            Failure {
                title,
                message: format!("{}{hint}", status.message),
                is_transient: matches!(status.code, 409 | 429 | 500..),
            }
        }
        other => Failure { title, message: other.to_string(), is_transient: true },
    }
}
