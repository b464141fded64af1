//! Snapshot and outcome → `status` and events. Pure: the old status goes in, the new one comes out.

mod components;
mod pods;

use jiff::Timestamp;

use crate::crd::{Condition, ConditionStatus, ConditionType, ExposureStatus, QuayRegistryStatus};
use crate::names::{OURS, Slot};
use crate::plan::{Notice, Plan, Problem, Reason, Refusal, Termination, TlsSource};
use crate::snapshot::{Reported, Snapshot};

const EVENT_LIMIT: usize = 1000;
const MESSAGE_LIMIT: usize = 8 * 1024;

/// What a pass came to.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// Nothing may be written until somebody acts.
    Refused(&'a Refusal),
    /// Something must go away first.
    Waiting(&'a str),
    /// Every child of the plan is as it should be.
    Applied(&'a Plan),
    /// A child could not be written.
    Failed(&'a Plan, &'a Problem),
}

impl<'a> Outcome<'a> {
    fn plan(self) -> Option<&'a Plan> {
        match self {
            Self::Applied(plan) | Self::Failed(plan, _) => Some(plan),
            Self::Refused(_) | Self::Waiting(_) => None,
        }
    }

    fn is_foreign(self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.reason() == Reason::AdoptionRequired)
    }
}

/// A new status, and what of the change is worth an event.
#[derive(Clone, Debug)]
pub struct Report {
    /// The new status.
    pub status: QuayRegistryStatus,
    /// Events, oldest first.
    pub events: Vec<Notice>,
}

/// What is said about one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict {
    status: ConditionStatus,
    reason: String,
    message: String,
}

impl Verdict {
    fn new(status: ConditionStatus, reason: &str, message: impl Into<String>) -> Self {
        Self { status, reason: reason.to_owned(), message: message.into() }
    }

    fn ready(message: impl Into<String>) -> Self {
        Self::new(ConditionStatus::True, "ComponentReady", message)
    }

    fn not_ready(message: impl Into<String>) -> Self {
        Self::new(ConditionStatus::False, "ComponentNotReady", message)
    }

    fn not_managed(message: impl Into<String>) -> Self {
        Self::new(ConditionStatus::True, "ComponentNotManaged", message)
    }
}

/// The status after a pass.
pub fn of(snapshot: &Snapshot, outcome: Outcome<'_>) -> Report {
    let old = snapshot.registry.status.clone().unwrap_or_default();
    let mut verdicts = Vec::with_capacity(ConditionType::ALL.len());
    for type_ in ConditionType::ALL {
        let verdict = match type_ {
            ConditionType::Available if !outcome.is_foreign() => available(&verdicts),
            ConditionType::ComponentsCreated if !outcome.is_foreign() => components_created(outcome, &old),
            ConditionType::RolloutBlocked => rollout_blocked(outcome),
            _ if outcome.is_foreign() => kept(&old, type_).unwrap_or_else(|| {
                Verdict::new(ConditionStatus::Unknown, "AdoptionRequired", "made by another operator")
            }),
            component => components::verdict(component, snapshot, outcome),
        };
        verdicts.push((type_, verdict));
    }
    let reported = |value: fn(&Reported) -> Option<String>| snapshot.reported.as_ref().and_then(value);
    let mut status = QuayRegistryStatus {
        current_version: reported(|told| Some(told.version.clone())).or_else(|| old.current_version.clone()),
        artifact_policy: reported(|told| told.artifact_policy.clone())
            .or_else(|| old.artifact_policy.clone()),
        registry_endpoint: old.registry_endpoint.clone(),
        last_updated: old.last_updated.clone(),
        conditions: verdicts
            .into_iter()
            .map(|(type_, verdict)| condition(type_, verdict, &old, snapshot.now))
            .collect(),
        observed_generation: snapshot.registry.metadata.generation,
        managed_by: if outcome.is_foreign() { old.managed_by.clone() } else { Some(OURS.to_owned()) },
        components: old.components.clone(),
        exposure: old.exposure.clone(),
    };
    if let Some(plan) = outcome.plan() {
        status.components = plan.components.clone();
        status.exposure = Some(ExposureStatus {
            type_: Some(plan.exposure.kind.as_str().to_owned()),
            host: plan.exposure.host.clone(),
            node_port: plan.exposure.node_port,
            ca_config_map: clients_trust_ours(plan).then(|| Slot::TrustAnchor.name(&plan.registry)),
            message: Some(plan.exposure.message.clone()),
        });
        if let Some(host) = &plan.exposure.host {
            status.registry_endpoint = Some(format!("https://{host}"));
        }
    }
    if status != old {
        status.last_updated = Some(stamp(snapshot.now));
    }
    let events = events(snapshot, &old, &status);
    Report { status, events }
}

/// Whether clients see a certificate of our authority: a router that encrypts anew shows its own.
fn clients_trust_ours(plan: &Plan) -> bool {
    let termination = plan.exposure.route.as_ref().map(|route| route.termination);
    plan.tls == TlsSource::Own && termination != Some(Termination::Reencrypt)
}

fn available(components: &[(ConditionType, Verdict)]) -> Verdict {
    if components.iter().all(|(_, verdict)| verdict.status == ConditionStatus::True) {
        Verdict::new(ConditionStatus::True, "HealthChecksPassing", "All components reporting as healthy")
    } else {
        Verdict::not_ready("Some components are not ready")
    }
}

fn components_created(outcome: Outcome<'_>, old: &QuayRegistryStatus) -> Verdict {
    match outcome {
        Outcome::Applied(plan) => match &plan.waiting {
            None => Verdict::new(
                ConditionStatus::True,
                "ComponentsCreationSuccess",
                "All registry components created",
            ),
            Some(on) => Verdict::new(ConditionStatus::False, "ComponentsCreationInProgress", on.as_str()),
        },
        Outcome::Waiting(on) => Verdict::new(ConditionStatus::False, "ComponentsCreationInProgress", on),
        Outcome::Failed(_, problem) => {
            Verdict::new(ConditionStatus::False, problem.reason.as_str(), problem.message.as_str())
        }
        Outcome::Refused(refusal) => kept(old, ConditionType::ComponentsCreated)
            .filter(|verdict| verdict.status == ConditionStatus::True)
            .unwrap_or_else(|| {
                Verdict::new(ConditionStatus::False, refusal.reason().as_str(), refusal.to_string())
            }),
    }
}

fn rollout_blocked(outcome: Outcome<'_>) -> Verdict {
    match outcome {
        Outcome::Refused(refusal) => {
            Verdict::new(ConditionStatus::True, refusal.reason().as_str(), refusal.to_string())
        }
        Outcome::Failed(_, problem) => {
            Verdict::new(ConditionStatus::True, problem.reason.as_str(), problem.message.as_str())
        }
        Outcome::Waiting(on) => Verdict::new(ConditionStatus::False, "ComponentsCreationInProgress", on),
        Outcome::Applied(plan) => match plan.app.as_ref().and_then(|app| app.image.blocked.as_ref()) {
            Some(problem) => {
                Verdict::new(ConditionStatus::True, problem.reason.as_str(), problem.message.as_str())
            }
            None => Verdict::new(
                ConditionStatus::False,
                "ComponentsCreationSuccess",
                "All objects created/updated successfully",
            ),
        },
    }
}

fn find(status: &QuayRegistryStatus, type_: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_.as_deref() == Some(type_.as_str()))
}

/// What was said last time.
fn kept(old: &QuayRegistryStatus, type_: ConditionType) -> Option<Verdict> {
    let condition = find(old, type_)?;
    let status = match condition.status.as_deref()? {
        "True" => ConditionStatus::True,
        "False" => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    };
    Some(Verdict {
        status,
        reason: condition.reason.clone().unwrap_or_default(),
        message: condition.message.clone().unwrap_or_default(),
    })
}

fn condition(type_: ConditionType, verdict: Verdict, old: &QuayRegistryStatus, now: Timestamp) -> Condition {
    let before = find(old, type_);
    let mut condition = Condition {
        type_: Some(type_.as_str().to_owned()),
        status: Some(verdict.status.as_str().to_owned()),
        reason: Some(verdict.reason),
        message: Some(shortened(&verdict.message, MESSAGE_LIMIT)),
        last_update_time: before.and_then(|before| before.last_update_time.clone()),
        last_transition_time: before.and_then(|before| before.last_transition_time.clone()),
    };
    if before.is_none_or(|before| before.status != condition.status)
        || condition.last_transition_time.is_none()
    {
        condition.last_transition_time = Some(stamp(now));
    }
    if before != Some(&condition) || condition.last_update_time.is_none() {
        condition.last_update_time = Some(stamp(now));
    }
    condition
}

fn events(snapshot: &Snapshot, old: &QuayRegistryStatus, new: &QuayRegistryStatus) -> Vec<Notice> {
    let registry = snapshot.name();
    let said = |status: &QuayRegistryStatus, type_| {
        find(status, type_).map(|c| {
            (
                c.status.clone().unwrap_or_default(),
                c.reason.clone().unwrap_or_default(),
                c.message.clone().unwrap_or_default(),
            )
        })
    };
    let mut events = Vec::new();
    let mut tell = |reason: &str, is_warning: bool, message: String| {
        events.push((reason.to_owned(), is_warning, shortened(&message, EVENT_LIMIT)));
    };

    let (before, after) =
        (said(old, ConditionType::RolloutBlocked), said(new, ConditionType::RolloutBlocked));
    if before != after
        && let Some((status, reason, message)) = after
    {
        match status.as_str() {
            "True" => tell(&reason, true, message),
            _ if before.is_some_and(|(status, ..)| status == "True") => {
                tell("RolloutUnblocked", false, "what blocked the rollout is solved".to_owned());
            }
            _ => {}
        }
    }
    let (before, after) =
        (said(old, ConditionType::ComponentsCreated), said(new, ConditionType::ComponentsCreated));
    if before != after
        && let Some((_, reason, message)) = after
        && reason == "ComponentsCreationInProgress"
    {
        tell("Waiting", false, message);
    }
    let (before, after) = (said(old, ConditionType::TlsReady), said(new, ConditionType::TlsReady));
    if before != after
        && let Some((_, _, message)) = after
        && message.contains(components::ENDS)
    {
        tell("CertificateEnds", true, message);
    }
    let was = said(old, ConditionType::Available).map(|(status, ..)| status);
    let is = said(new, ConditionType::Available).map(|(status, ..)| status);
    let is_stopped =
        said(new, ConditionType::QuayReady).is_some_and(|(_, _, message)| message == components::STOPPED);
    match (was.as_deref(), is.as_deref()) {
        (before, Some("True")) if before != Some("True") && is_stopped => {
            tell("Stopped", false, "the registry is stopped, as overrides.replicas: 0 asks for".to_owned());
        }
        (before, Some("True")) if before != Some("True") => {
            let endpoint = new.registry_endpoint.clone().unwrap_or_default();
            let trust = match new.exposure.as_ref().and_then(|exposure| exposure.ca_config_map.as_ref()) {
                Some(map) => format!("; clients must trust ca.crt of ConfigMap {map}"),
                None => String::new(),
            };
            tell(
                "Available",
                false,
                format!(
                    "the registry answers at {endpoint}; the first user and its password are in Secret {}{trust}",
                    Slot::Admin.name(&registry)
                ),
            );
        }
        (Some("True"), Some("False")) => {
            let causes: Vec<String> = new
                .conditions
                .iter()
                .filter(|c| {
                    c.reason.as_deref() != Some("HealthChecksPassing") && c.status.as_deref() == Some("False")
                })
                .filter(|c| c.type_.as_deref().is_some_and(|t| t.ends_with("Ready")))
                .filter_map(|c| c.message.clone())
                .collect();
            tell("Unavailable", true, causes.join("; "));
        }
        _ => {}
    }
    if new.current_version != old.current_version
        && let Some(version) = &new.current_version
    {
        tell("VersionReported", false, format!("the registry runs version {version}"));
    }
    if new.artifact_policy != old.artifact_policy
        && let Some(policy) = &new.artifact_policy
    {
        tell("ArtifactPolicy", false, format!("in force now: {policy}"));
    }
    if let (Some(before), Some(after)) = (&old.registry_endpoint, &new.registry_endpoint)
        && before != after
    {
        tell(
            "EndpointChanged",
            true,
            format!("the address of the registry changed from {before} to {after}: tell its clients"),
        );
    }
    events
        .into_iter()
        .map(|(reason, is_warning, message)| Notice {
            reason: reason.into(),
            is_warning,
            message,
            with: None,
        })
        .collect()
}

fn stamp(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A text of at most `limit` bytes.
pub fn shortened(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}
