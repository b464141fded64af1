//! One entry of `spec.components`.

// KubeSchema repeats the type inside a function, where `pub` reaches nothing
#![allow(unreachable_pub)]

use std::fmt;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::overrides::Overrides;

/// A part of the registry that the operator may manage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ComponentKind {
    /// The registry itself; always managed.
    Quay,
    /// The registry's database.
    Postgres,
    /// The vulnerability scanner.
    Clair,
    /// The scanner's database.
    ClairPostgres,
    /// A cache that this registry does not need.
    Redis,
    /// Scaling by load.
    HorizontalPodAutoscaler,
    /// Where blobs are kept.
    ObjectStorage,
    /// Exposure by an OpenShift Route.
    Route,
    /// The worker that mirrors repositories.
    Mirror,
    /// Prometheus objects.
    Monitoring,
    /// The serving certificate.
    Tls,
}

impl ComponentKind {
    /// Every kind, in the order in which missing entries are understood.
    pub const ALL: [Self; 11] = [
        Self::Quay,
        Self::Postgres,
        Self::Clair,
        Self::Redis,
        Self::HorizontalPodAutoscaler,
        Self::ObjectStorage,
        Self::Route,
        Self::Mirror,
        Self::Monitoring,
        Self::Tls,
        Self::ClairPostgres,
    ];

    /// The name as written in `spec.components`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quay => "quay",
            Self::Postgres => "postgres",
            Self::Clair => "clair",
            Self::ClairPostgres => "clairpostgres",
            Self::Redis => "redis",
            Self::HorizontalPodAutoscaler => "horizontalpodautoscaler",
            Self::ObjectStorage => "objectstorage",
            Self::Route => "route",
            Self::Mirror => "mirror",
            Self::Monitoring => "monitoring",
            Self::Tls => "tls",
        }
    }
}

impl fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One component, and whether the operator manages it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("self.managed || !has(self.overrides)")
        .message("a component that is not managed takes no overrides: remove overrides or set managed: true"),
    validation = Rule::new("!self.managed || !has(self.secretRef)")
        .message("a managed component takes no secretRef: remove secretRef or set managed: false"),
    validation = Rule::new("!has(self.secretRef) || self.kind == 'tls'")
        .message("secretRef is for the tls component only"),
    validation = Rule::new("self.kind != 'quay' || self.managed")
        .message("quay is the registry itself and cannot be managed: false; to stop it set overrides.replicas: 0")
)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Which component this entry is about.
    pub kind: ComponentKind,
    /// Whether the operator makes and keeps the objects of this component.
    pub managed: bool,
    /// The Secret of type kubernetes.io/tls to serve with; tls only, with managed: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub secret_ref: Option<SecretRef>,
    /// What to change in the objects of this component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<Overrides>,
}

/// The name of a Secret in the registry's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!has(self.name) || self.name != ''").message("secretRef.name must not be empty")
)]
pub struct SecretRef {
    /// Name of the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_written_as_it_is_named() {
        for kind in ComponentKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
