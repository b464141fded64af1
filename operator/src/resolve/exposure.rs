//! How clients reach the registry: the kind of exposure, the host, and all names the certificate must carry.
//!
//! The host is, in this order: `SERVER_HOSTNAME` of the bundle, `exposure.hostname`, what is read back from the object
//! made. What Auto picked, the address and the node port are recorded and stay.

use std::net::{IpAddr, Ipv6Addr};

use k8s_openapi::api::core::v1::Service;

use crate::crd::{ComponentKind, ExposureType};
use crate::names::Slot;
use crate::plan::{ExposurePlan, Problem, Reason, Records, TlsSource};
use crate::resolve::bundle::Bundle;
use crate::resolve::{capability, route};
use crate::snapshot::{NodeAddresses, Snapshot};

/// Nodes beyond these do not go into the certificate: it must fit a handshake.
const NODE_LIMIT: usize = 64;

/// Decides the exposure and brings the records up to date.
pub fn resolve(
    snapshot: &Snapshot,
    bundle: &Bundle,
    tls: TlsSource,
    records: &mut Records,
    problems: &mut Vec<Problem>,
) -> ExposurePlan {
    let spec = &snapshot.registry.spec;
    let asked = spec.exposure.clone().unwrap_or_default();
    let managed = spec.component(ComponentKind::Route).map(|entry| entry.managed);
    let user_host = bundle.host().or(asked.hostname);
    let kind = match (asked.type_.unwrap_or_default(), managed) {
        (ExposureType::Auto, Some(true)) => ExposureType::Route,
        (ExposureType::Auto, Some(false)) => ExposureType::None,
        (ExposureType::Auto, None) => route::pick(snapshot, user_host.as_deref().map(without_port), records),
        (explicit, _) => explicit,
    };
    if managed != Some(true) {
        // a managed route has been judged as a component already
        problems.extend(capability::exposure(kind, &snapshot.platform));
    }
    if kind == ExposureType::Route && asked.type_ == Some(ExposureType::Route) && managed == Some(false) {
        problems.push(Problem::new(
            Reason::ConfigInvalid,
            "exposure.type: Route and route with managed: false contradict each other: remove one of them",
        ));
    }
    let service = snapshot.children.service();
    let mut plan = ExposurePlan {
        kind,
        class: asked.class_name,
        annotations: asked.annotations,
        names: service_names(snapshot),
        ..ExposurePlan::default()
    };
    match kind {
        ExposureType::NodePort => {
            node_port(snapshot, service.as_ref(), bundle, user_host, records, &mut plan);
        }
        ExposureType::LoadBalancer => load_balancer(service.as_ref(), user_host, &mut plan),
        ExposureType::None => {
            if user_host.is_none() {
                problems.push(Problem::new(
                    Reason::ConfigInvalid,
                    "the registry is exposed by yourself, so its host name must be told: set exposure.hostname, or \
                     SERVER_HOSTNAME in the configuration bundle",
                ));
            }
            plan.host = user_host;
            plan.message = format!(
                "not exposed by the operator: forward the host name to port 443 of Service {}",
                Slot::Service.name(&snapshot.name())
            );
        }
        ExposureType::Route => route::resolve(snapshot, user_host, tls, records, &mut plan, problems),
        ExposureType::Auto | ExposureType::Ingress | ExposureType::Gateway => {
            plan.host = user_host;
        }
    }
    if let Some(host) = &plan.host {
        plan.names.push(without_port(host).to_ascii_lowercase());
    }
    plan.names = plan.names.iter().map(|name| plain(name)).collect();
    plan.names.sort();
    plan.names.dedup();
    plan
}

fn node_port(
    snapshot: &Snapshot,
    service: Option<&Service>,
    bundle: &Bundle,
    user_host: Option<String>,
    records: &mut Records,
    plan: &mut ExposurePlan,
) {
    let live = service.and_then(live_node_port);
    plan.node_port = records.node_port.or(live);
    records.node_port = plan.node_port;
    plan.names.extend(node_names(&snapshot.nodes));
    let name = Slot::Service.name(&snapshot.name());
    // a recorded port counts only once the Service really has it
    let Some(port) = plan.node_port.filter(|port| live == Some(*port)) else {
        plan.message = format!("waiting for the node port of Service {name}");
        return;
    };
    plan.host = match user_host {
        // as written in the bundle: the user may have put something in front of the nodes
        Some(host) if bundle.host().is_some() || without_port(&host) != host => Some(host),
        Some(host) => Some(format!("{host}:{port}")),
        None => {
            if records.host.is_none() {
                records.host = pick(&snapshot.nodes);
            }
            records.host.as_deref().map(|address| with_port(address, port))
        }
    };
    plan.message = match (&plan.host, &records.host) {
        (None, _) => {
            "waiting for a node with an address; if the operator may not list nodes, set exposure.hostname"
                .to_owned()
        }
        (Some(_), Some(address)) if !snapshot.nodes.is_empty() && !plan.names.contains(address) => format!(
            "{address}, picked when the registry was made, belongs to no node any more: set exposure.hostname, or remove \
             record.host from Secret {} to pick another",
            Slot::Keys.name(&snapshot.name())
        ),
        _ => "reachable from the nodes' network; set exposure.type: LoadBalancer for more".to_owned(),
    };
}

fn load_balancer(service: Option<&Service>, user_host: Option<String>, plan: &mut ExposurePlan) {
    let addresses: Vec<String> = service
        .and_then(|service| service.status.as_ref()?.load_balancer.as_ref()?.ingress.clone())
        .unwrap_or_default()
        .into_iter()
        .filter_map(|ingress| ingress.hostname.or(ingress.ip))
        .collect();
    plan.host = user_host.or_else(|| addresses.first().map(|address| bracketed(address)));
    plan.message = match &plan.host {
        None => "waiting for an address of the load balancer; if none comes, the cluster has no controller that assigns \
                 one: set exposure.type: NodePort"
            .to_owned(),
        Some(_) => "reachable at the load balancer's address".to_owned(),
    };
    plan.names.extend(addresses);
}

fn live_node_port(service: &Service) -> Option<i32> {
    service
        .spec
        .as_ref()?
        .ports
        .as_ref()?
        .iter()
        .find(|port| port.name.as_deref() == Some("https"))?
        .node_port
}

/// The address for clients: external before internal, ready nodes before others, then by name.
fn pick(nodes: &[NodeAddresses]) -> Option<String> {
    let mut nodes: Vec<&NodeAddresses> = nodes.iter().collect();
    nodes.sort_by_key(|node| (!node.ready, &node.name));
    nodes
        .iter()
        .find_map(|node| node.external.first())
        .or_else(|| nodes.iter().find_map(|node| node.internal.first()))
        .cloned()
}

fn node_names(nodes: &[NodeAddresses]) -> Vec<String> {
    let mut nodes: Vec<&NodeAddresses> = nodes.iter().collect();
    nodes.sort_by_key(|node| &node.name);
    nodes
        .into_iter()
        .take(NODE_LIMIT)
        .flat_map(|node| node.external.iter().chain(&node.internal).cloned())
        .collect()
}

fn service_names(snapshot: &Snapshot) -> Vec<String> {
    let (service, namespace) = (Slot::Service.name(&snapshot.name()), snapshot.namespace());
    vec![
        service.clone(),
        format!("{service}.{namespace}"),
        format!("{service}.{namespace}.svc"),
        format!("{service}.{namespace}.svc.cluster.local"),
        "localhost".to_owned(),
    ]
}

/// host:port, with brackets around an IPv6 address.
fn with_port(address: &str, port: i32) -> String {
    format!("{}:{port}", bracketed(address))
}

fn bracketed(address: &str) -> String {
    if address.parse::<Ipv6Addr>().is_ok() { format!("[{address}]") } else { address.to_owned() }
}

/// The host of host or host:port; an IPv6 address keeps its brackets.
pub fn without_port(host: &str) -> &str {
    if host.parse::<Ipv6Addr>().is_ok() {
        return host;
    }
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A name as it stands in a certificate: no brackets, addresses in their one canonical form.
fn plain(name: &str) -> String {
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.parse::<IpAddr>().map_or_else(|_| name.to_owned(), |address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_come_off_names_and_addresses() {
        for (host, expected) in [
            ("quay.example", "quay.example"),
            ("quay.example:8443", "quay.example"),
            ("10.0.0.1:30443", "10.0.0.1"),
            ("[fd00::1]:30443", "[fd00::1]"),
            ("fd00::1", "fd00::1"),
        ] {
            assert_eq!(without_port(host), expected);
        }
        assert_eq!(with_port("fd00::1", 1), "[fd00::1]:1");
    }

    #[test]
    fn an_external_address_of_a_ready_node_is_picked_first() {
        let node = |name: &str, ready, external: &[&str], internal: &[&str]| NodeAddresses {
            name: name.to_owned(),
            ready,
            external: external.iter().map(|a| (*a).to_owned()).collect(),
            internal: internal.iter().map(|a| (*a).to_owned()).collect(),
        };
        let nodes = [node("a", false, &["192.0.2.1"], &["10.0.0.1"]), node("b", true, &[], &["10.0.0.2"])];
        assert_eq!(pick(&nodes).as_deref(), Some("192.0.2.1"));
        assert_eq!(pick(&nodes[1..]).as_deref(), Some("10.0.0.2"));
        assert_eq!(
            pick(&[node("a", false, &[], &["10.0.0.1"]), nodes[1].clone()]).as_deref(),
            Some("10.0.0.2")
        );
        assert_eq!(pick(&[]), None);
    }
}
