//! The registry's pods.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EmptyDirVolumeSource, EnvVar, HTTPGetAction,
    PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, PodTemplateSpec, Probe,
    ResourceRequirements, SeccompProfile, SecretVolumeSource, SecurityContext, ServiceAccount, Volume,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::names::{
    FAILED_IMAGE, PREVIOUS_IMAGE, RESTART_HASH, Slot, is_protected, pod_labels, pod_selector,
};
use crate::plan::{App, Image, Plan, PodOverrides};

/// Name of the registry's container.
pub(crate) const CONTAINER: &str = "quay-app";
/// User and group of the pods where the platform assigns none.
const USER: i64 = 10001;
/// Longer than the registry takes to finish what it is doing.
const GRACE_SECONDS: i64 = 45;
const CONFIG_AT: &str = "/conf/stack";
const ADMIN_AT: &str = "/conf/admin";
const DATA_AT: &str = "/datastorage";

/// An identity without rights.
pub(super) fn service_account() -> ServiceAccount {
    ServiceAccount { automount_service_account_token: Some(false), ..ServiceAccount::default() }
}

/// Labels and annotations of the user on the Deployment.
pub(super) fn decorate(
    labels: &mut BTreeMap<String, String>,
    annotations: &mut BTreeMap<String, String>,
    overrides: &PodOverrides,
) {
    for (target, wanted) in [(labels, &overrides.labels), (annotations, &overrides.annotations)] {
        for (key, value) in wanted {
            if !is_protected(key) {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Which images ran or failed, kept where the next pass finds it.
pub(super) fn remember(annotations: &mut BTreeMap<String, String>, image: &Image) {
    for (key, value) in [(PREVIOUS_IMAGE, &image.previous), (FAILED_IMAGE, &image.failed)] {
        if let Some(value) = value {
            annotations.insert(key.to_owned(), value.clone());
        }
    }
}

/// Exactly one pod: the embedded store has one writer, so the old pod is gone before the new one starts.
pub(super) fn deployment(plan: &Plan, app: &App) -> Deployment {
    let mut labels = pod_labels(&plan.registry);
    let mut annotations = BTreeMap::from([(RESTART_HASH.to_owned(), app.restart_hash.clone())]);
    decorate(&mut labels, &mut annotations, &app.overrides);
    Deployment {
        spec: Some(DeploymentSpec {
            replicas: Some(app.overrides.replicas),
            revision_history_limit: Some(3),
            selector: LabelSelector {
                match_labels: Some(pod_selector(&plan.registry)),
                ..LabelSelector::default()
            },
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None }),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(plan, app)),
            },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn pod(plan: &Plan, app: &App) -> PodSpec {
    let registry = &plan.registry;
    PodSpec {
        service_account_name: Some(Slot::ServiceAccount.name(registry)),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        security_context: Some(pod_security(app.platform_assigns_users)),
        affinity: app.overrides.affinity.clone(),
        containers: vec![container(app)],
        volumes: Some(vec![
            secret("config", Slot::Config.name(registry)),
            secret("admin", Slot::Admin.name(registry)),
            Volume {
                name: "datastorage".to_owned(),
                persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                    claim_name: Slot::Data.name(registry),
                    ..PersistentVolumeClaimVolumeSource::default()
                }),
                ..Volume::default()
            },
            Volume {
                name: "tmp".to_owned(),
                empty_dir: Some(EmptyDirVolumeSource {
                    size_limit: Some(Quantity("256Mi".to_owned())),
                    ..EmptyDirVolumeSource::default()
                }),
                ..Volume::default()
            },
        ]),
        ..PodSpec::default()
    }
}

fn pod_security(platform_assigns_users: bool) -> PodSecurityContext {
    let common = PodSecurityContext {
        run_as_non_root: Some(true),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..PodSecurityContext::default()
    };
    if platform_assigns_users {
        return common;
    }
    PodSecurityContext {
        run_as_user: Some(USER),
        fs_group: Some(USER),
        // a recursive change of ownership on every start would take minutes on a large volume
        fs_group_change_policy: Some("OnRootMismatch".to_owned()),
        ..common
    }
}

fn container(app: &App) -> Container {
    let overrides = &app.overrides;
    let (requests, limits) = overrides.resources.clone().unwrap_or_else(|| {
        let quantities = |list: &[(&str, &str)]| {
            list.iter().map(|(name, value)| ((*name).to_owned(), Quantity((*value).to_owned()))).collect()
        };
        (quantities(&[("cpu", "100m"), ("memory", "128Mi")]), quantities(&[("memory", "1Gi")]))
    });
    Container {
        name: CONTAINER.to_owned(),
        image: Some(app.image.name.clone()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        args: Some(vec!["serve".to_owned()]),
        env: Some(environment(&overrides.env)),
        ports: Some(vec![port("https", 8443), port("metrics", 9091)]),
        // a migration of a large database takes its time: up to half an hour before the first answer
        startup_probe: Some(probe("/readyz", 1, 1800)),
        readiness_probe: Some(probe("/readyz", 1, 3)),
        liveness_probe: Some(probe("/healthz", 10, 6)),
        resources: Some(ResourceRequirements {
            requests: Some(requests),
            limits: Some(limits),
            ..ResourceRequirements::default()
        }),
        security_context: Some(overrides.security_context.clone().unwrap_or_else(restricted)),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(vec![
            mount("config", CONFIG_AT, true),
            mount("admin", ADMIN_AT, true),
            mount("datastorage", DATA_AT, false),
            mount("tmp", "/tmp", false),
        ]),
        ..Container::default()
    }
}

fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        run_as_non_root: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        ..SecurityContext::default()
    }
}

fn environment(wanted: &[EnvVar]) -> Vec<EnvVar> {
    let mut env: Vec<EnvVar> = [("QUAY_CONFIG", CONFIG_AT), ("QUAY_ADMIN", ADMIN_AT), ("QUAY_DATA", DATA_AT)]
        .into_iter()
        .map(|(name, value)| EnvVar {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            ..EnvVar::default()
        })
        .collect();
    for variable in wanted {
        match env.iter_mut().find(|existing| existing.name == variable.name) {
            Some(existing) => *existing = variable.clone(),
            None => env.push(variable.clone()),
        }
    }
    env
}

fn port(name: &str, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

fn probe(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("https".to_owned()),
            scheme: Some("HTTPS".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        timeout_seconds: Some(5),
        ..Probe::default()
    }
}

fn secret(name: &str, secret: String) -> Volume {
    Volume {
        name: name.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret),
            // for the group only: the platform gives the pod's group to the files
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn mount(name: &str, path: &str, is_read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: is_read_only.then_some(true),
        ..VolumeMount::default()
    }
}
