//! Writes: server-side apply of what is not yet as it should be, wave by wave.

use futures::future::join_all;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use kube::core::DynamicObject;
use serde_json::Value;

use crate::child::Prepared;
use crate::names::{FIELD_MANAGER, Slot};
use crate::snapshot::Children;

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
            .map(|child| (child, child.removal(live.get(child.slot))));
        let writes = due
            .map(|(child, removal)| async move { (child, write(client, namespace, child, removal).await) });
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

async fn write(
    client: &Client,
    namespace: &str,
    child: &Prepared,
    removal: Option<Value>,
) -> Result<DynamicObject, kube::Error> {
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &child.slot.resource());
    if let Some(removal) = removal {
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        api.patch(&child.name, &params, &Patch::Merge(&removal)).await?;
    }
    let params = PatchParams::apply(FIELD_MANAGER).force().validation_strict();
    api.patch(&child.name, &params, &Patch::Apply(&child.body)).await
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
