//! `spec` of a registry, and the rules the API server itself checks.

// KubeSchema repeats the type inside a function, where `pub` reaches nothing
#![allow(unreachable_pub)]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::component::{Component, ComponentKind};
use super::status::QuayRegistryStatus;

/// What a registry should be. Everything is optional.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "quay.redhat.com",
    version = "v1",
    kind = "QuayRegistry",
    plural = "quayregistries",
    singular = "quayregistry",
    shortname = "qr",
    shortname = "quay",
    namespaced,
    status = "QuayRegistryStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A container and OCI-artifact registry.",
    printcolumn(name = "Version", type_ = "string", json_path = ".status.currentVersion"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.registryEndpoint"),
    printcolumn(name = "Available", type_ = "string", json_path = ".status.conditions[?(@.type=='Available')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("the name must have at most 40 characters of a-z, 0-9 and '-', begin with a letter and end with a letter or digit, so that the names of all objects made from it are valid")
)]
#[x_kube(
    validation = Rule::new("!has(self.exposure) || !has(self.exposure.type) || self.exposure.type in ['Auto', 'Route'] || !has(self.components) || !self.components.exists(c, c.kind == 'route' && c.managed)")
        .message("a managed route and this exposure.type contradict each other: set exposure.type: Route, or remove the route component"),
    validation = Rule::new("!has(self.exposure) || !has(self.exposure.type) || self.exposure.type != 'Route' || !has(self.components) || !self.components.exists(c, c.kind == 'route' && !c.managed)")
        .message("exposure.type: Route and route with managed: false contradict each other: remove one of them")
)]
#[serde(rename_all = "camelCase")]
pub struct QuayRegistrySpec {
    /// Name of a Secret in the same namespace with config.yaml and further files of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_bundle_secret: Option<String>,
    /// Components that differ from the default. A kind may be listed once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 11))]
    #[x_kube(
        validation = Rule::new("self.all(c, self.exists_one(other, other.kind == c.kind))")
            .message("each kind of component may be listed once")
    )]
    pub components: Vec<Component>,
    /// How clients outside the cluster reach the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// The volume of a registry that keeps its data itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// What becomes of data, keys and CA when the registry is deleted. Retain (the default) keeps them, and a
    /// registry of the same name takes them up again; Delete deletes them with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

/// How clients outside the cluster reach the registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    /// The kind of exposure; Auto (the default) takes the best that the cluster offers.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<ExposureType>,
    /// The host name, or host:port, that clients use. SERVER_HOSTNAME in the configuration bundle goes before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 255),
        regex(
            pattern = r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*|\[[0-9a-f:.]+\])(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?$"
        )
    )]
    pub hostname: Option<String>,
    /// The class of the Ingress, Gateway or load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// Annotations for the object that exposes the registry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A kind of exposure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExposureType {
    /// The best that the cluster offers.
    #[default]
    Auto,
    /// An OpenShift Route.
    Route,
    /// An Ingress.
    Ingress,
    /// A route of the Gateway API.
    Gateway,
    /// A Service of type LoadBalancer.
    LoadBalancer,
    /// A port on every node.
    NodePort,
    /// Reachable inside the cluster only, or exposed by the user.
    None,
}

impl ExposureType {
    /// The name as written in `spec.exposure.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "Auto",
            Self::Route => "Route",
            Self::Ingress => "Ingress",
            Self::Gateway => "Gateway",
            Self::LoadBalancer => "LoadBalancer",
            Self::NodePort => "NodePort",
            Self::None => "None",
        }
    }
}

/// The volume of a registry that keeps its data itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Size of the volume. It may grow where the storage class allows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
    /// Storage class of the volume; the cluster's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<String>,
}

/// What becomes of data, keys and CA when the registry is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// They stay, and a registry of the same name takes them up again.
    #[default]
    Retain,
    /// They are deleted with the registry.
    Delete,
}

impl QuayRegistrySpec {
    /// The entry of a kind, if the user wrote one.
    pub fn component(&self, kind: ComponentKind) -> Option<&Component> {
        self.components.iter().find(|c| c.kind == kind)
    }

    /// The exposure asked for.
    pub fn exposure_type(&self) -> ExposureType {
        self.exposure.as_ref().and_then(|e| e.type_).unwrap_or_default()
    }

    /// The deletion policy in force.
    pub fn deletion_policy(&self) -> DeletionPolicy {
        self.deletion_policy.unwrap_or_default()
    }
}
