//! What is said about each component. The healthy and not-managed literals are matched by tools out there.

use jiff::{SignedDuration, Timestamp};

use crate::crd::{ComponentKind, ConditionType, ExposureType};
use crate::names::Slot;
use crate::pki;
use crate::plan::{App, Plan, RoutePlan, Termination, TlsSource};
use crate::resolve::capability;
use crate::resolve::route::Admission;
use crate::snapshot::Snapshot;
use crate::status::{Outcome, Verdict, kept, pods};

/// Said of a registry that the user has stopped.
pub(super) const STOPPED: &str = "Quay manually scaled down";

/// Said of what will not be valid for much longer.
pub(super) const ENDS: &str = "ends on";
/// Every client must be told of a new authority, which takes its time.
const AUTHORITY_NOTICE: SignedDuration = SignedDuration::from_hours(24 * 180);
/// A certificate that the user replaces.
const CERTIFICATE_NOTICE: SignedDuration = SignedDuration::from_hours(24 * 21);

/// The verdict on one component.
pub(super) fn verdict(type_: ConditionType, snapshot: &Snapshot, outcome: Outcome<'_>) -> Verdict {
    match type_ {
        ConditionType::HpaReady => optional(
            snapshot,
            ComponentKind::HorizontalPodAutoscaler,
            "Horizontal pod autoscaler not managed by the operator",
        ),
        ConditionType::RouteReady => route(snapshot, outcome),
        ConditionType::MonitoringReady => {
            optional(snapshot, ComponentKind::Monitoring, "Monitoring not managed by the operator")
        }
        ConditionType::PostgresReady => {
            optional(snapshot, ComponentKind::Postgres, "Postgres not managed by the operator")
        }
        ConditionType::ObjectStorageReady => object_storage(snapshot),
        ConditionType::ClairReady => {
            optional(snapshot, ComponentKind::Clair, "Clair not managed by the operator")
        }
        ConditionType::ClairPostgresReady => {
            optional(snapshot, ComponentKind::ClairPostgres, "ClairPostgres not managed by the operator")
        }
        ConditionType::TlsReady => tls(snapshot, outcome),
        ConditionType::RedisReady => {
            if is_managed(snapshot, ComponentKind::Redis) {
                Verdict::ready("Redis is not needed, nothing was deployed")
            } else {
                Verdict::not_managed("Redis not managed by the operator")
            }
        }
        ConditionType::QuayReady => quay(snapshot),
        ConditionType::MirrorReady => {
            optional(snapshot, ComponentKind::Mirror, "Mirror not managed by the operator")
        }
        ConditionType::Available | ConditionType::ComponentsCreated | ConditionType::RolloutBlocked => {
            Verdict::not_ready("not a component")
        }
    }
}

fn is_managed(snapshot: &Snapshot, kind: ComponentKind) -> bool {
    snapshot.registry.spec.component(kind).is_some_and(|entry| entry.managed)
}

/// A component that is off unless asked for; asked for, the capability table says why it is not there.
fn optional(snapshot: &Snapshot, kind: ComponentKind, not_managed: &str) -> Verdict {
    if !is_managed(snapshot, kind) {
        return Verdict::not_managed(not_managed);
    }
    match capability::managed(kind, &snapshot.platform) {
        Some(problem) => Verdict::not_ready(problem.message),
        None => Verdict::ready(format!("{kind} is provided by the registry itself")),
    }
}

fn route(snapshot: &Snapshot, outcome: Outcome<'_>) -> Verdict {
    const NOT_MANAGED: &str = "Route is not managed by the operator";
    let Some(plan) = outcome.plan() else {
        let old = snapshot.registry.status.clone().unwrap_or_default();
        return match capability::managed(ComponentKind::Route, &snapshot.platform) {
            Some(problem) if is_managed(snapshot, ComponentKind::Route) => {
                Verdict::not_ready(problem.message)
            }
            _ => kept(&old, ConditionType::RouteReady).unwrap_or_else(|| Verdict::not_managed(NOT_MANAGED)),
        };
    };
    match (&plan.exposure.route, &plan.keys.records.exposure_cause) {
        (Some(RoutePlan { admission: Admission::Admitted(_), .. }), _) => Verdict::ready("Route admitted"),
        (Some(_), _) => Verdict::not_ready(plan.exposure.message.as_str()),
        (None, Some(cause)) if snapshot.registry.spec.exposure_type() == ExposureType::Auto => {
            Verdict::not_managed(format!("{NOT_MANAGED}: {cause}; set exposure.type: Route to insist on one"))
        }
        (None, _) => Verdict::not_managed(NOT_MANAGED),
    }
}

fn object_storage(snapshot: &Snapshot) -> Verdict {
    if is_managed(snapshot, ComponentKind::ObjectStorage) {
        return optional(snapshot, ComponentKind::ObjectStorage, "");
    }
    let name = Slot::Data.name(&snapshot.name());
    let Some(claim) = snapshot.children.claim() else {
        return Verdict::not_ready(format!("PersistentVolumeClaim {name} not found"));
    };
    let phase = claim.status.and_then(|status| status.phase).unwrap_or_default();
    match phase.as_str() {
        "Bound" => Verdict::ready(format!("PersistentVolumeClaim {name} bound")),
        "Lost" => Verdict::not_ready(format!(
            "PersistentVolumeClaim {name} lost its volume: restore the PersistentVolume, or restore the data from a backup"
        )),
        _ => {
            let hint = match claim.spec.and_then(|spec| spec.storage_class_name) {
                Some(class) => format!("its provisioner ({class}) has made no volume yet"),
                None => "it has no storage class, and the cluster no default one: set spec.storage.storageClassName".to_owned(),
            };
            Verdict::new(
                crate::crd::ConditionStatus::False,
                "PVCPending",
                format!("PersistentVolumeClaim {name} pending: {hint}"),
            )
        }
    }
}

fn tls(snapshot: &Snapshot, outcome: Outcome<'_>) -> Verdict {
    let Some(plan) = outcome.plan() else {
        let old = snapshot.registry.status.clone().unwrap_or_default();
        return kept(&old, ConditionType::TlsReady)
            .unwrap_or_else(|| Verdict::not_ready("there is no certificate yet"));
    };
    let Some(app) = &plan.app else {
        return Verdict::not_ready("the certificate waits for the address of the registry");
    };
    if let Some(expiry) = pki::expiry(&app.certificate.certificate)
        && expiry <= snapshot.now
    {
        return Verdict::not_ready(format!(
            "the certificate expired on {expiry}: replace certificate and key"
        ));
    }
    let is_reencrypted =
        plan.exposure.route.as_ref().is_some_and(|route| route.termination == Termination::Reencrypt);
    let source = match plan.tls {
        TlsSource::Own if is_reencrypted => "Using cluster wildcard certs",
        TlsSource::Own => "Using a certificate of the registry's own authority",
        TlsSource::Bundle => "Config bundle contains certs",
        TlsSource::SecretRef => "Using externally managed TLS certificate",
    };
    match ending(snapshot, plan, app) {
        Some(ending) => Verdict::ready(format!("{source}; {ending}")),
        None => Verdict::ready(source),
    }
}

/// What ends soon and must be replaced by a person; our own leaf is not among it.
fn ending(snapshot: &Snapshot, plan: &Plan, app: &App) -> Option<String> {
    let soon = |certificate: &str, notice: SignedDuration| {
        pki::expiry(certificate).filter(|expiry| expiry.duration_since(snapshot.now) < notice)
    };
    let date = |expiry: Timestamp| expiry.strftime("%Y-%m-%d").to_string();
    if plan.tls == TlsSource::Own {
        let expiry = soon(&plan.authority.as_ref()?.certificate, AUTHORITY_NOTICE)?;
        return Some(format!(
            "the registry's own authority {ENDS} {}: delete Secret {} before that day to get a new one, and let clients trust \
             ca.crt of ConfigMap {} anew",
            date(expiry),
            Slot::Authority.name(&plan.registry),
            Slot::TrustAnchor.name(&plan.registry),
        ));
    }
    let expiry = soon(&app.certificate.certificate, CERTIFICATE_NOTICE)?;
    Some(format!("the certificate {ENDS} {}: replace certificate and key before that day", date(expiry)))
}

fn quay(snapshot: &Snapshot) -> Verdict {
    let name = Slot::App.name(&snapshot.name());
    let Some(deployment) = snapshot.children.deployment() else {
        return Verdict::not_ready(format!("Deployment {name} not found"));
    };
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = deployment.status.clone().unwrap_or_default();
    let available = status.available_replicas.unwrap_or(0);
    if wanted == 0 {
        return if available == 0 {
            Verdict::ready(STOPPED)
        } else {
            Verdict::not_ready("Quay is being scaled down")
        };
    }
    let is_observed = status.observed_generation >= deployment.metadata.generation;
    if is_observed && available >= 1 && status.updated_replicas.unwrap_or(0) >= 1 {
        return Verdict::ready("Quay component healthy");
    }
    if !is_observed {
        return Verdict::not_ready(format!("Deployment {name} is being rolled out"));
    }
    let said = |type_: &str| {
        status
            .conditions
            .iter()
            .flatten()
            .find(|c| c.type_ == type_ && c.status != "True")
            .and_then(|c| c.message.clone())
    };
    let replica_failure = status
        .conditions
        .iter()
        .flatten()
        .find(|c| c.type_ == "ReplicaFailure" && c.status == "True")
        .and_then(|c| c.message.clone());
    let cause = replica_failure
        .or_else(|| pods::trouble(&snapshot.pods))
        .or_else(|| said("Progressing"))
        .or_else(|| said("Available"))
        .unwrap_or_else(|| "its pod is starting".to_owned());
    Verdict::not_ready(format!("Deployment {name} has no available pod: {cause}"))
}
