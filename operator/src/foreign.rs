//! Types of other projects' APIs, as far as this operator needs them.
//!
//! They may or may not be served by a cluster; nothing here asks.

use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// API group of OpenShift's Route.
pub const ROUTE_GROUP: &str = "route.openshift.io";

/// How a host outside the cluster leads to a Service.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "route.openshift.io",
    version = "v1",
    kind = "Route",
    namespaced,
    status = "RouteStatus",
    schema = "disabled"
)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteSpec {
    /// The host; one is assigned when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Where requests go.
    pub to: RouteTarget,
    /// The port of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<RoutePort>,
    /// What happens to TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<RouteTls>,
    /// Whether hosts below the host are served as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wildcard_policy: Option<String>,
}

/// The target of a Route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteTarget {
    /// Kind; only Service is possible.
    pub kind: String,
    /// Name of the Service.
    pub name: String,
    /// Share of the requests among several targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
}

/// The port of a Route's target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoutePort {
    /// Name of the Service's port.
    pub target_port: String,
}

/// What a router does with TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteTls {
    /// edge, reencrypt or passthrough.
    pub termination: String,
    /// What happens to requests without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_edge_termination_policy: Option<String>,
    /// The authority of the target's certificate; reencrypt only.
    #[serde(rename = "destinationCACertificate", skip_serializing_if = "Option::is_none")]
    pub destination_ca_certificate: Option<String>,
}

/// What routers say about a Route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteStatus {
    /// One entry for each router that has looked at it.
    pub ingress: Vec<RouteIngress>,
}

/// What one router says about a Route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteIngress {
    /// The host under which the router serves it.
    pub host: String,
    /// Name of the router.
    pub router_name: String,
    /// Conditions; Admitted is the one that counts.
    pub conditions: Vec<RouteCondition>,
}

/// One condition of a Route under a router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteCondition {
    /// What it is about.
    #[serde(rename = "type")]
    pub type_: String,
    /// True, False or Unknown.
    pub status: String,
    /// The cause as one word.
    pub reason: String,
    /// The cause as a sentence.
    pub message: String,
}
