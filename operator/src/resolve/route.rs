//! Exposure by a Route: whether to try one, what routers say about it, and what is told of that.
//!
//! ```text
//!  Auto, Route API served ─► Route made ─► admitted ───────────────► Route, recorded
//!                                └─ a minute without admission ─► the next kind, recorded with the cause
//! ```
//! A Route that the user asks for is waited for without end.

use std::net::IpAddr;

use jiff::SignedDuration;

use crate::crd::{ComponentKind, ExposureType};
use crate::foreign::{ROUTE_GROUP, Route, RouteIngress};
use crate::names::{self, Slot};
use crate::plan::{ExposurePlan, Problem, Reason, Records, RoutePlan, Termination, TlsSource};
use crate::resolve::exposure::without_port;
use crate::snapshot::Snapshot;

/// How long Auto waits for a router.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// What routers say about a Route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Nothing yet.
    Silent,
    /// No, with the cause.
    Refused(String),
    /// Yes, under this host.
    Admitted(String),
}

/// What routers say about `route`. With a `host` asked for only that one counts; else the one that was known before goes
/// first, so that a second router changes nothing.
pub fn admission(route: &Route, host: Option<&str>, known: Option<&str>) -> Admission {
    let ingress =
        || route.status.iter().flat_map(|status| &status.ingress).filter(|one| !one.host.is_empty());
    let asked = host.or(route.spec.host.as_deref()).filter(|host| !host.is_empty());
    let fits = |one: &&RouteIngress| asked.is_none_or(|host| one.host.eq_ignore_ascii_case(host));
    let admitted = || ingress().filter(fits).filter(|one| condition(one).is_some_and(|c| c.status == "True"));
    let found = admitted().find(|one| Some(one.host.as_str()) == known).or_else(|| admitted().next());
    if let Some(found) = found {
        return Admission::Admitted(found.host.to_ascii_lowercase());
    }
    let refusal = route.status.iter().flat_map(|status| &status.ingress).find_map(|one| {
        let said = condition(one).filter(|said| said.status == "False")?;
        Some(format!("router {} refuses it ({}: {})", one.router_name, said.reason, said.message))
    });
    refusal.map_or(Admission::Silent, Admission::Refused)
}

fn condition(ingress: &RouteIngress) -> Option<&crate::foreign::RouteCondition> {
    ingress.conditions.iter().find(|condition| condition.type_ == "Admitted")
}

/// The kind that Auto picks, with its record.
pub(super) fn pick(snapshot: &Snapshot, host: Option<&str>, records: &mut Records) -> ExposureType {
    if let Some(recorded) = records.exposure {
        return recorded;
    }
    if !snapshot.platform.serves(ROUTE_GROUP) {
        return *records.exposure.insert(ExposureType::NodePort);
    }
    let title = Slot::Route.title(&snapshot.name());
    let cause = match snapshot.children.route() {
        None => None,
        Some(route) if !names::is_ours(&route.metadata) => {
            Some(format!("{title} was there before and is not this operator's"))
        }
        Some(route) => match admission(&route, host, None) {
            Admission::Admitted(_) => return *records.exposure.insert(ExposureType::Route),
            said if age(snapshot, &route) >= PATIENCE => {
                let said = match said {
                    Admission::Refused(cause) => format!(": {cause}"),
                    Admission::Silent | Admission::Admitted(_) => String::new(),
                };
                Some(format!("no router admitted {title} within a minute{said}"))
            }
            Admission::Silent | Admission::Refused(_) => None,
        },
    };
    match cause {
        Some(cause) => {
            records.exposure_cause = Some(cause);
            *records.exposure.insert(ExposureType::NodePort)
        }
        None => ExposureType::Route,
    }
}

fn age(snapshot: &Snapshot, route: &Route) -> SignedDuration {
    let made = route.metadata.creation_timestamp.as_ref().map_or(snapshot.now, |made| made.0);
    snapshot.now.duration_since(made)
}

/// What is asked of the Route, and the host that it leads to.
pub(super) fn resolve(
    snapshot: &Snapshot,
    user_host: Option<String>,
    tls: TlsSource,
    records: &mut Records,
    plan: &mut ExposurePlan,
    problems: &mut Vec<Problem>,
) {
    let title = Slot::Route.title(&snapshot.name());
    let host = user_host.as_deref().map(|host| without_port(host).to_ascii_lowercase());
    if let Some(host) = &host
        && host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
    {
        problems.push(Problem::new(
            Reason::ConfigInvalid,
            format!("a Route needs a host name, and {host} is an address: name a host, or set exposure.type: NodePort"),
        ));
    }
    let live = snapshot.children.route();
    if live.as_ref().is_some_and(|live| !names::is_ours(&live.metadata)) {
        problems.push(Problem::new(
            Reason::ComponentCreationFailed,
            format!("{title} exists and was not made by this operator, which leaves it as it is: delete or rename it, or \
                 set exposure.type: NodePort or LoadBalancer"),
        ));
    }
    let overrides =
        snapshot.registry.spec.component(ComponentKind::Route).and_then(|entry| entry.overrides.clone());
    let overrides = overrides.unwrap_or_default();
    let termination = if tls == TlsSource::Own { Termination::Reencrypt } else { Termination::Passthrough };
    let mut annotations = std::mem::take(&mut plan.annotations);
    annotations.extend(overrides.annotations);
    let admission = live
        .as_ref()
        .map_or(Admission::Silent, |live| admission(live, host.as_deref(), records.route_host.as_deref()));
    if let Admission::Admitted(host) = &admission {
        records.route_host = Some(host.clone());
    }
    let is_trial = records.exposure.is_none()
        && snapshot.registry.spec.exposure_type() == ExposureType::Auto
        && snapshot.registry.spec.component(ComponentKind::Route).is_none();
    // while Auto still tries, nothing is told to clients that may have to be taken back
    plan.host = match (&admission, is_trial) {
        (Admission::Silent | Admission::Refused(_), true) => None,
        _ => user_host.or_else(|| records.route_host.clone()),
    };
    if is_trial {
        let left = live.as_ref().map_or(PATIENCE, |live| PATIENCE - age(snapshot, live));
        plan.look_again = Some(left.unsigned_abs().max(std::time::Duration::from_secs(1)));
    }
    let then = if is_trial { "; after a minute a node port is used instead" } else { "" };
    plan.message = match &admission {
        Admission::Admitted(_) if termination == Termination::Reencrypt => format!(
            "reachable through the cluster's router, whose certificate clients see; inside the cluster Service {} serves \
             with the certificate whose authority is ca.crt of ConfigMap {}",
            Slot::Service.name(&snapshot.name()),
            Slot::TrustAnchor.name(&snapshot.name()),
        ),
        Admission::Admitted(_) => "reachable through the cluster's router".to_owned(),
        Admission::Refused(cause) => format!("{title} is not admitted: {cause}{then}"),
        Admission::Silent => format!("waiting for a router to admit {title}{then}"),
    };
    plan.route = Some(RoutePlan { host, termination, labels: overrides.labels, annotations, admission });
}
