//! The Route in front of the Service.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::foreign::{RoutePort, RouteSpec, RouteTarget, RouteTls};
use crate::names::Slot;
use crate::plan::{Plan, RoutePlan, Termination};

/// Uploads of large layers take their time; routers cut connections off after half a minute by default.
const TIMEOUT: (&str, &str) = ("haproxy.router.openshift.io/timeout", "30m");

/// The content of the Route.
pub(super) fn route(plan: &Plan, wanted: &RoutePlan) -> Result<Value, serde_json::Error> {
    let (termination, destination_ca_certificate) = match wanted.termination {
        Termination::Reencrypt => ("reencrypt", plan.authority.as_ref().map(|pair| pair.certificate.clone())),
        Termination::Passthrough => ("passthrough", None),
    };
    let spec = RouteSpec {
        host: wanted.host.clone(),
        to: RouteTarget {
            kind: "Service".to_owned(),
            name: Slot::Service.name(&plan.registry),
            weight: Some(100),
        },
        port: Some(RoutePort { target_port: "https".to_owned() }),
        tls: Some(RouteTls {
            termination: termination.to_owned(),
            insecure_edge_termination_policy: Some("Redirect".to_owned()),
            destination_ca_certificate,
        }),
        wildcard_policy: Some("None".to_owned()),
    };
    Ok(json!({ "spec": serde_json::to_value(spec)? }))
}

/// Annotations of the Route, those of the user last.
pub(super) fn annotations(wanted: &RoutePlan) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([(TIMEOUT.0.to_owned(), TIMEOUT.1.to_owned())]);
    all.extend(wanted.annotations.clone());
    all
}
