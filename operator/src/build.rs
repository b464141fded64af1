//! Plan → children, ready to be written, in the order in which they are written. Pure.

mod app;
mod network;
mod route;
mod secrets;
mod storage;

pub(crate) use app::CONTAINER;
use kube::core::ObjectMeta;
use serde::Serialize;
use serde_json::Value;

use crate::child::Prepared;
use crate::names::{Slot, is_protected};
use crate::plan::Plan;

/// A child that cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("{what} could not be written as JSON")]
pub struct Error {
    what: String,
    source: serde_json::Error,
}

/// All children of the plan.
pub fn children(plan: &Plan) -> Result<Vec<Prepared>, Error> {
    let mut children = Vec::new();
    for slot in Slot::ALL {
        let content = match slot {
            Slot::Keys => Some(json(plan, slot, secrets::keys(plan))?),
            Slot::Admin => Some(json(plan, slot, secrets::admin(plan))?),
            Slot::Authority => optional(plan, slot, secrets::authority(plan))?,
            Slot::TrustAnchor => optional(plan, slot, secrets::trust_anchor(plan))?,
            Slot::ServiceAccount => Some(json(plan, slot, app::service_account())?),
            Slot::Data => Some(json(plan, slot, storage::claim(plan))?),
            Slot::Service => Some(json(plan, slot, network::service(plan))?),
            Slot::Route => match &plan.exposure.route {
                Some(wanted) => {
                    Some(route::route(plan, wanted).map_err(|source| failed(plan, slot, source))?)
                }
                None => None,
            },
            Slot::Config => optional(plan, slot, plan.app.as_ref().map(|app| secrets::config(plan, app)))?,
            Slot::App => match &plan.app {
                Some(app) => {
                    let mut deployment = json(plan, slot, app::deployment(plan, app))?;
                    // an explicit null, because a rolling update that somebody switched on leaves its settings behind
                    deployment["spec"]["strategy"]["rollingUpdate"] = Value::Null;
                    Some(deployment)
                }
                None => None,
            },
        };
        if let Some(content) = content {
            children.push(Prepared::new(slot, metadata(plan, slot), content));
        }
    }
    Ok(children)
}

fn optional<T: Serialize>(plan: &Plan, slot: Slot, content: Option<T>) -> Result<Option<Value>, Error> {
    content.map(|content| json(plan, slot, content)).transpose()
}

fn json<T: Serialize>(plan: &Plan, slot: Slot, content: T) -> Result<Value, Error> {
    serde_json::to_value(content).map_err(|source| failed(plan, slot, source))
}

fn failed(plan: &Plan, slot: Slot, source: serde_json::Error) -> Error {
    Error { what: slot.title(&plan.registry), source }
}

fn metadata(plan: &Plan, slot: Slot) -> ObjectMeta {
    let mut labels = slot.labels(&plan.registry);
    let mut annotations = std::collections::BTreeMap::new();
    if slot == Slot::App
        && let Some(app) = &plan.app
    {
        app::decorate(&mut labels, &mut annotations, &app.overrides);
        app::remember(&mut annotations, &app.image);
    }
    if slot == Slot::Service {
        annotations.extend(plan.exposure.annotations.clone());
    }
    if slot == Slot::Route
        && let Some(wanted) = &plan.exposure.route
    {
        annotations.extend(route::annotations(wanted));
        let wanted = wanted.labels.iter().filter(|(key, _)| !is_protected(key));
        labels.extend(wanted.map(|(key, value)| (key.clone(), value.clone())));
    }
    let is_kept = plan.retain && slot.is_retained();
    ObjectMeta {
        name: Some(slot.name(&plan.registry)),
        namespace: Some(plan.namespace.clone()),
        labels: Some(labels),
        annotations: Some(annotations),
        owner_references: (!is_kept).then(|| vec![plan.owner.clone()]),
        ..ObjectMeta::default()
    }
}
