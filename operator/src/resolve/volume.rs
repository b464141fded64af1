//! The volume with all data: its size and class, and what about an existing one cannot be changed.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::plan::{Problem, Reason, Volume};
use crate::quantity;
use crate::snapshot::Snapshot;

/// Size of a new volume when the user names none.
const DEFAULT_SIZE: &str = "10Gi";

/// Decides the volume; a volume that exists keeps what the user does not name.
pub fn resolve(snapshot: &Snapshot, problems: &mut Vec<Problem>) -> Volume {
    let wanted = snapshot.registry.spec.storage.clone().unwrap_or_default();
    let live = snapshot.children.claim().and_then(|claim| claim.spec);
    let live_size =
        live.as_ref().and_then(|spec| spec.resources.as_ref()?.requests.as_ref()?.get("storage").cloned());
    let live_class = live.as_ref().and_then(|spec| spec.storage_class_name.clone());

    if let (Some(wanted), Some(live)) = (&wanted.size, &live_size)
        && let (Some(wanted_bytes), Some(live_bytes)) = (quantity::parse(&wanted.0), quantity::parse(&live.0))
        && wanted_bytes < live_bytes
    {
        problems.push(Problem::new(
            Reason::StorageInvalid,
            format!(
                "spec.storage.size {} is less than the volume's {}: volumes cannot shrink; set {} or more",
                wanted.0, live.0, live.0
            ),
        ));
    }
    if let Some(size) = &wanted.size
        && !quantity::parse(&size.0).is_some_and(quantity::Value::is_positive)
    {
        problems.push(Problem::new(
            Reason::StorageInvalid,
            format!("spec.storage.size {} is no size: write it like 20Gi", size.0),
        ));
    }
    if let (Some(wanted), Some(live)) = (&wanted.storage_class_name, &live_class)
        && wanted != live
    {
        problems.push(Problem::new(
            Reason::StorageInvalid,
            format!(
                "spec.storage.storageClassName {wanted} differs from the existing volume's {live}, which cannot be changed: \
                 set {live} or remove the field"
            ),
        ));
    }
    Volume {
        size: wanted.size.or(live_size).unwrap_or_else(|| Quantity(DEFAULT_SIZE.to_owned())),
        storage_class: wanted.storage_class_name.or(live_class),
    }
}
