//! The names, labels and annotations of everything made for a registry.
//!
//! Names, selectors and upstream's label keys are fixed: objects, scripts and volumes out there depend on them.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::ApiResource;

use crate::foreign::Route;

/// Manager of the fields of children.
pub const FIELD_MANAGER: &str = "quay-operator";
/// Manager of the fields of `status`.
pub const STATUS_MANAGER: &str = "quay-operator-status";
/// Label whose value marks an object as made by this operator; upstream's operator does not set it.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`], and of `status.managedBy`.
pub const OURS: &str = "quay-operator-rust";
/// Label with the name of the registry; upstream's operator sets it as well.
pub const REGISTRY: &str = "quay-operator/quayregistry";
/// Label and annotation that tell the component.
pub const COMPONENT: &str = "quay-component";
/// Annotation with the hash of what was last applied.
pub const APPLIED_HASH: &str = "quay-operator/applied-hash";
/// Annotation of pods with the hash of the configuration that needs a restart.
pub const RESTART_HASH: &str = "quay-operator/restart-hash";
/// Annotation of pods whose change makes the kubelet bring in changed Secrets at once.
pub const SETTINGS: &str = "quay-operator/settings";
/// Annotation of the Deployment with the image that ran before the one of this operator.
pub const PREVIOUS_IMAGE: &str = "quay-operator/previous-image";
/// Annotation of the Deployment with the image that could not take the database over.
pub const FAILED_IMAGE: &str = "quay-operator/failed-image";
/// The finalizer that upstream's operator leaves on a registry that it has made.
pub const UPSTREAM_FINALIZER: &str = "quay-operator/finalizer";

/// Selector for everything that this operator made.
pub fn ours_selector() -> String {
    format!("{MANAGED_BY}={OURS}")
}

/// One child of a registry. The order is the order in which children are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Secret with the keys, and with what was picked once and must stay.
    Keys,
    /// Secret with the first superuser.
    Admin,
    /// Secret with the certificate authority.
    Authority,
    /// ConfigMap with the authority's certificate, for clients.
    TrustAnchor,
    /// Identity of the pods; it has no rights.
    ServiceAccount,
    /// Volume claim with all data.
    Data,
    /// Service in front of the pods.
    Service,
    /// Route in front of the Service, where the registry is exposed by one.
    Route,
    /// Secret mounted into the pods.
    Config,
    /// The registry's pods.
    App,
}

impl Slot {
    /// Every child, in order.
    pub const ALL: [Self; 10] = [
        Self::Keys,
        Self::Admin,
        Self::Authority,
        Self::TrustAnchor,
        Self::ServiceAccount,
        Self::Data,
        Self::Service,
        Self::Route,
        Self::Config,
        Self::App,
    ];

    /// Name of this child of the registry `registry`.
    pub fn name(self, registry: &str) -> String {
        let suffix = match self {
            Self::Keys => "quay-registry-managed-secret-keys",
            Self::Admin => "quay-admin",
            Self::Authority | Self::TrustAnchor => "quay-ca",
            Self::ServiceAccount | Self::Service | Self::App => "quay-app",
            Self::Data => "quay-datastorage",
            Self::Route => "quay",
            Self::Config => "quay-config-secret",
        };
        format!("{registry}-{suffix}")
    }

    /// The API resource of this child.
    pub fn resource(self) -> ApiResource {
        match self {
            Self::Keys | Self::Admin | Self::Authority | Self::Config => ApiResource::erase::<Secret>(&()),
            Self::TrustAnchor => ApiResource::erase::<ConfigMap>(&()),
            Self::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
            Self::Data => ApiResource::erase::<PersistentVolumeClaim>(&()),
            Self::Service => ApiResource::erase::<Service>(&()),
            Self::Route => ApiResource::erase::<Route>(&()),
            Self::App => ApiResource::erase::<Deployment>(&()),
        }
    }

    /// Kind and name, as a person reads it.
    pub fn title(self, registry: &str) -> String {
        format!("{} {}", self.resource().kind, self.name(registry))
    }

    /// Whether this child holds what must outlive the registry unless `deletionPolicy: Delete` says otherwise.
    pub fn is_retained(self) -> bool {
        match self {
            Self::Keys | Self::Admin | Self::Authority | Self::Data => true,
            Self::TrustAnchor
            | Self::ServiceAccount
            | Self::Service
            | Self::Route
            | Self::Config
            | Self::App => false,
        }
    }

    /// Whether this child holds what cannot be made a second time: it must never be written over by mistake.
    pub fn is_irreplaceable(self) -> bool {
        match self {
            Self::Keys | Self::Admin | Self::Authority => true,
            Self::TrustAnchor
            | Self::ServiceAccount
            | Self::Data
            | Self::Service
            | Self::Route
            | Self::Config
            | Self::App => false,
        }
    }

    /// Whether this child is taken away when it is not wanted any more. It is one whose loss loses nothing, and which
    /// would go on doing something that nobody asks for.
    pub fn is_removable(self) -> bool {
        self == Self::Route
    }

    /// Children of one wave are written together, each wave after the one before has succeeded. Keys come alone and
    /// first: a volume without its keys could never be started.
    pub fn wave(self) -> u8 {
        match self {
            Self::Keys => 0,
            Self::Admin
            | Self::Authority
            | Self::TrustAnchor
            | Self::ServiceAccount
            | Self::Data
            | Self::Service
            | Self::Route => 1,
            Self::Config => 2,
            Self::App => 3,
        }
    }

    /// Value of the component label of the object itself.
    fn component(self) -> &'static str {
        match self {
            Self::Keys | Self::Config | Self::ServiceAccount | Self::App => "quay",
            Self::Admin => "quay-admin",
            Self::Authority | Self::TrustAnchor => "quay-ca",
            Self::Data => "quay-datastorage",
            Self::Service => "quay-app",
            Self::Route => "quay-app-route",
        }
    }

    /// Labels of this child.
    pub fn labels(self, registry: &str) -> BTreeMap<String, String> {
        let mut labels = pod_selector(registry);
        labels.insert(COMPONENT.to_owned(), self.component().to_owned());
        labels.insert(MANAGED_BY.to_owned(), OURS.to_owned());
        labels
    }
}

/// Labels that select the registry's pods. Selectors are immutable.
pub fn pod_selector(registry: &str) -> BTreeMap<String, String> {
    [(COMPONENT, "quay-app"), (REGISTRY, registry), ("app", "quay")]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Labels of the registry's pods.
pub fn pod_labels(registry: &str) -> BTreeMap<String, String> {
    let mut labels = pod_selector(registry);
    labels.insert(MANAGED_BY.to_owned(), OURS.to_owned());
    labels
}

/// Label and annotation keys that overrides may not change.
pub fn is_protected(key: &str) -> bool {
    const PROTECTED: [&str; 9] = [
        COMPONENT,
        REGISTRY,
        MANAGED_BY,
        APPLIED_HASH,
        RESTART_HASH,
        SETTINGS,
        PREVIOUS_IMAGE,
        FAILED_IMAGE,
        "app",
    ];
    PROTECTED.contains(&key)
}

/// Whether an object carries a mark of ours: the label, or what every apply leaves. Upstream's operator sets neither,
/// and taking one of them off is drift to be put right, not a change of hands.
pub fn is_ours(meta: &ObjectMeta) -> bool {
    let is_labelled =
        meta.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY)).is_some_and(|value| value == OURS);
    is_labelled || meta.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(APPLIED_HASH))
}

/// The registry that a child belongs to, by its label.
pub fn registry_of(meta: &ObjectMeta) -> Option<&str> {
    meta.labels.as_ref()?.get(REGISTRY).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::NAME_LIMIT;

    #[test]
    fn the_longest_allowed_name_leaves_every_label_and_service_name_valid() {
        let registry = "r".repeat(NAME_LIMIT);
        for slot in Slot::ALL {
            assert!(slot.name(&registry).len() <= 253);
            assert!(slot.labels(&registry).values().all(|value| value.len() <= 63));
        }
        assert!(Slot::Service.name(&registry).len() <= 63);
        assert!(format!("{registry}-clair-postgres-upgrade").len() <= 63);
    }

    #[test]
    fn children_are_told_apart_by_kind_and_name() {
        let mut seen = std::collections::BTreeSet::new();
        for slot in Slot::ALL {
            assert!(seen.insert(slot.title("r")), "{slot:?}");
        }
    }
}
