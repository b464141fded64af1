//! The Service in front of the pods.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::crd::ExposureType;
use crate::names::pod_selector;
use crate::plan::Plan;

/// Only HTTPS: what the Service carries may be reachable on every node.
pub(super) fn service(plan: &Plan) -> Service {
    let type_ = match plan.exposure.kind {
        ExposureType::NodePort => "NodePort",
        ExposureType::LoadBalancer => "LoadBalancer",
        ExposureType::Auto
        | ExposureType::Route
        | ExposureType::Ingress
        | ExposureType::Gateway
        | ExposureType::None => "ClusterIP",
    };
    Service {
        spec: Some(ServiceSpec {
            type_: Some(type_.to_owned()),
            selector: Some(pod_selector(&plan.registry)),
            load_balancer_class: (type_ == "LoadBalancer").then(|| plan.exposure.class.clone()).flatten(),
            ports: Some(vec![ServicePort {
                name: Some("https".to_owned()),
                protocol: Some("TCP".to_owned()),
                port: 443,
                target_port: Some(IntOrString::String("https".to_owned())),
                node_port: plan.exposure.node_port,
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
