//! Everything one pass knows: read once, then only looked at.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use kube::core::DynamicObject;
use serde::de::DeserializeOwned;

use crate::crd::QuayRegistry;
use crate::foreign::Route;
use crate::names::Slot;

/// What is true about a registry and its surroundings at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The registry asked for.
    pub registry: QuayRegistry,
    /// What the cluster offers.
    pub platform: Platform,
    /// The Secret named by `spec.configBundleSecret`.
    pub bundle: Lookup,
    /// The Secret named by the tls component.
    pub tls_secret: Lookup,
    /// The registry's children as they are.
    pub children: Children,
    /// Objects labelled as parts of this registry that this operator has not made, as `Kind name`.
    pub strangers: Vec<String>,
    /// Addresses of the nodes.
    pub nodes: Vec<NodeAddresses>,
    /// The registry's pods.
    pub pods: Vec<Pod>,
    /// What the running registry tells about itself.
    pub reported: Option<Reported>,
    /// Now.
    pub now: Timestamp,
}

impl Snapshot {
    /// Name of the registry.
    pub fn name(&self) -> String {
        self.registry.name_any()
    }

    /// Namespace of the registry.
    pub fn namespace(&self) -> String {
        self.registry.namespace().unwrap_or_default()
    }
}

/// What a running registry tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Its version.
    pub version: String,
    /// Which artifacts it accepts, as a sentence.
    pub artifact_policy: Option<String>,
    /// Which live settings are in force, see [`crate::settings::hash`].
    pub settings: Option<String>,
}

/// What the cluster offers, and what the operator was told at its start.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    /// Names of the API groups that are served.
    pub api_groups: BTreeSet<String>,
    /// Image of the registry.
    pub image: String,
}

impl Platform {
    /// Whether the platform assigns users and groups to pods itself.
    pub fn assigns_users(&self) -> bool {
        self.api_groups.contains("security.openshift.io")
    }

    /// Whether an API group is served.
    pub fn serves(&self, group: &str) -> bool {
        self.api_groups.contains(group)
    }
}

/// A Secret that the user names.
#[derive(Clone, Debug, Default)]
pub enum Lookup {
    /// The user names none.
    #[default]
    NotNamed,
    /// The user names one that does not exist.
    Missing(String),
    /// It exists.
    Found(Box<Secret>),
}

/// Addresses of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeAddresses {
    /// Name of the node.
    pub name: String,
    /// Whether the node is ready.
    pub ready: bool,
    /// Addresses that reach the node from outside the cluster's network.
    pub external: Vec<String>,
    /// Addresses in the nodes' network.
    pub internal: Vec<String>,
}

/// The children of a registry as they are.
#[derive(Clone, Debug, Default)]
pub struct Children(BTreeMap<Slot, DynamicObject>);

impl Children {
    /// Takes up a child as it was read or as the API server returned it after a write.
    pub fn insert(&mut self, slot: Slot, object: DynamicObject) {
        self.0.insert(slot, object);
    }

    /// Forgets a child that has been deleted.
    pub fn remove(&mut self, slot: Slot) {
        self.0.remove(&slot);
    }

    /// A child as it is.
    pub fn get(&self, slot: Slot) -> Option<&DynamicObject> {
        self.0.get(&slot)
    }

    /// Whether a child exists.
    pub fn has(&self, slot: Slot) -> bool {
        self.0.contains_key(&slot)
    }

    /// All children that exist.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &DynamicObject)> {
        self.0.iter().map(|(slot, object)| (*slot, object))
    }

    /// Metadata of a child.
    pub fn meta(&self, slot: Slot) -> Option<&ObjectMeta> {
        self.get(slot).map(|object| &object.metadata)
    }

    /// The data of a Secret.
    pub fn secret(&self, slot: Slot) -> Option<BTreeMap<String, Vec<u8>>> {
        self.parse::<Secret>(slot).map(secret_data)
    }

    /// The Service.
    pub fn service(&self) -> Option<Service> {
        self.parse(Slot::Service)
    }

    /// The Route.
    pub fn route(&self) -> Option<Route> {
        self.parse(Slot::Route)
    }

    /// The Deployment.
    pub fn deployment(&self) -> Option<Deployment> {
        self.parse(Slot::App)
    }

    /// The volume claim.
    pub fn claim(&self) -> Option<PersistentVolumeClaim> {
        self.parse(Slot::Data)
    }

    fn parse<K>(&self, slot: Slot) -> Option<K>
    where
        K: kube::Resource + DeserializeOwned,
    {
        self.get(slot)?.clone().try_parse().ok()
    }
}

/// The data of a Secret as bytes.
pub fn secret_data(secret: Secret) -> BTreeMap<String, Vec<u8>> {
    secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect()
}
