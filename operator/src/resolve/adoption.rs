//! A registry that another operator has made is not touched.
//!
//! Its data cannot be read by this registry, and an empty one in its place would look like a loss.

use kube::ResourceExt;

use crate::names::{OURS, Slot, UPSTREAM_FINALIZER, is_ours, registry_of};
use crate::plan::{Problem, Reason};
use crate::snapshot::Snapshot;

/// The problem, when anything about the registry carries the marks of another operator.
pub fn check(snapshot: &Snapshot) -> Option<Problem> {
    let marks = marks(snapshot);
    if marks.is_empty() {
        return None;
    }
    Some(Problem::new(
        Reason::AdoptionRequired,
        format!(
            "this registry was not made by this operator and is left as it is ({}); taking it over needs an import, \
             which this version does not have: make a registry of another name, or move the objects named here away first",
            marks.join(", ")
        ),
    ))
}

fn marks(snapshot: &Snapshot) -> Vec<String> {
    let registry = snapshot.name();
    let mut marks = Vec::new();
    if let Some(status) = &snapshot.registry.status {
        match (&status.current_version, status.managed_by.as_deref()) {
            (_, Some(OURS)) | (None, None) => {}
            (_, Some(other)) => marks.push(format!("status.managedBy is {other}")),
            (Some(version), None) => marks.push(format!("status.currentVersion is {version}")),
        }
    }
    if snapshot.registry.finalizers().iter().any(|finalizer| finalizer == UPSTREAM_FINALIZER) {
        marks.push(format!("finalizer {UPSTREAM_FINALIZER}"));
    }
    for (slot, object) in snapshot.children.iter() {
        // a Route that leads to a registry may well be its user's own; upstream's carries the label
        let is_users = slot == Slot::Route && registry_of(&object.metadata) != Some(&registry);
        if !is_ours(&object.metadata) && !is_users {
            marks.push(slot.title(&registry));
        }
    }
    for stranger in &snapshot.strangers {
        if !marks.contains(stranger) {
            marks.push(stranger.clone());
        }
    }
    marks
}
