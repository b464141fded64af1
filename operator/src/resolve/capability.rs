//! What this version cannot do yet: one table. A registry that asks for it is not rolled out without it.

use crate::crd::{ComponentKind, ExposureType};
use crate::foreign::ROUTE_GROUP;
use crate::plan::{Problem, Reason};
use crate::snapshot::Platform;

/// One thing that a registry may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// A database that the operator runs.
    ManagedPostgres,
    /// A database that the user runs.
    ExternalPostgres,
    /// A bucket that the operator claims.
    ManagedObjectStorage,
    /// A bucket or file store that the user configures.
    ExternalObjectStorage,
    /// The vulnerability scanner.
    Clair,
    /// Scaling by load.
    Autoscaling,
    /// Mirroring of repositories.
    Mirror,
    /// Prometheus objects.
    Monitoring,
    /// Exposure by an Ingress.
    Ingress,
    /// Exposure by the Gateway API.
    Gateway,
}

/// What is missing, what it is called, and the way out.
const MISSING: &[(Capability, &str, &str)] = &[
    (
        Capability::ManagedPostgres,
        "a managed postgres",
        "remove postgres from spec.components to use the embedded database",
    ),
    (
        Capability::ExternalPostgres,
        "an external database (DB_URI)",
        "remove DB_URI and the postgres component to use the embedded database",
    ),
    (
        Capability::ManagedObjectStorage,
        "a managed objectstorage",
        "remove objectstorage from spec.components to keep blobs on the volume",
    ),
    (
        Capability::ExternalObjectStorage,
        "the storage named in DISTRIBUTED_STORAGE_CONFIG",
        "remove it and the objectstorage component to keep blobs on the volume",
    ),
    (Capability::Clair, "a managed clair", "remove clair and clairpostgres from spec.components"),
    (
        Capability::Autoscaling,
        "horizontalpodautoscaler with embedded storage, which has exactly one writer",
        "remove horizontalpodautoscaler from spec.components",
    ),
    (Capability::Mirror, "a managed mirror", "remove mirror from spec.components"),
    (Capability::Monitoring, "a managed monitoring", "remove monitoring from spec.components"),
    (Capability::Ingress, "exposure by an Ingress", "set exposure.type: NodePort, LoadBalancer or None"),
    (Capability::Gateway, "exposure by the Gateway API", "set exposure.type: NodePort, LoadBalancer or None"),
];

/// The problem, when this version cannot do it.
pub fn check(capability: Capability) -> Option<Problem> {
    MISSING.iter().find(|(missing, ..)| *missing == capability).map(|(_, what, way_out)| {
        Problem::new(Reason::CapabilityMissing, format!("this version cannot do {what} yet: {way_out}"))
    })
}

/// The problem with a component that the operator shall manage.
pub fn managed(kind: ComponentKind, platform: &Platform) -> Option<Problem> {
    match kind {
        ComponentKind::Quay | ComponentKind::Tls | ComponentKind::Redis => None,
        ComponentKind::Postgres => check(Capability::ManagedPostgres),
        ComponentKind::Clair | ComponentKind::ClairPostgres => check(Capability::Clair),
        ComponentKind::HorizontalPodAutoscaler => check(Capability::Autoscaling),
        ComponentKind::Mirror => check(Capability::Mirror),
        ComponentKind::ObjectStorage => needs(
            platform,
            "objectbucket.io",
            Reason::ObjectStorageComponentDependencyError,
            "objectstorage is managed, but the cluster has no ObjectBucketClaim API: install a provider of it, or remove \
             objectstorage from spec.components to keep blobs on the volume",
        )
        .or_else(|| check(Capability::ManagedObjectStorage)),
        ComponentKind::Monitoring => needs(
            platform,
            "monitoring.coreos.com",
            Reason::MonitoringComponentDependencyError,
            "monitoring is managed, but the cluster has no ServiceMonitor API: install the Prometheus operator, or remove \
             monitoring from spec.components",
        )
        .or_else(|| check(Capability::Monitoring)),
        ComponentKind::Route => route(platform),
    }
}

/// The problem with an exposure.
pub fn exposure(kind: ExposureType, platform: &Platform) -> Option<Problem> {
    match kind {
        ExposureType::Route => route(platform),
        ExposureType::Ingress => check(Capability::Ingress),
        ExposureType::Gateway => check(Capability::Gateway),
        ExposureType::Auto | ExposureType::LoadBalancer | ExposureType::NodePort | ExposureType::None => None,
    }
}

fn route(platform: &Platform) -> Option<Problem> {
    needs(
        platform,
        ROUTE_GROUP,
        Reason::RouteComponentDependencyError,
        "a Route is asked for, or was picked when the registry was made, but the cluster has no Route API: remove the route \
         component, or set exposure.type: NodePort or LoadBalancer",
    )
}

fn needs(platform: &Platform, group: &str, reason: Reason, message: &str) -> Option<Problem> {
    (!platform.serves(group)).then(|| Problem::new(reason, message))
}
