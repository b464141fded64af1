//! What a registry should be made of, as decided; no Kubernetes objects yet.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Affinity, EnvVar, SecurityContext};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::crd::{EffectiveComponent, ExposureType};
use crate::names::Slot;
use crate::pki::Pair;
use crate::resolve::route::Admission;

/// What [`crate::resolve::plan`] came to.
#[derive(Debug)]
pub enum Verdict {
    /// Write this.
    Go(Box<Plan>),
    /// Something must go away or appear first; its watch wakes us.
    Wait(String),
    /// Nothing may be written until somebody acts.
    Refuse(Refusal),
}

/// Why nothing may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// All problems at once; the first gives the condition its reason.
    pub problems: Vec<Problem>,
}

impl Refusal {
    /// The reason of the condition.
    pub fn reason(&self) -> Reason {
        self.problems.first().map_or(Reason::ComponentCreationFailed, |problem| problem.reason)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { " | " };
            write!(f, "{separator}{}", problem.message)?;
        }
        Ok(())
    }
}

/// One thing that somebody must change, with what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The cause as one word.
    pub reason: Reason,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    /// A problem with its message.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// Causes, as they stand in `RolloutBlocked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The registry was made by another operator.
    AdoptionRequired,
    /// The configuration bundle, or a Secret it needs, is wrong.
    ConfigInvalid,
    /// An override is not possible.
    ComponentOverrideInvalid,
    /// An object could not be made.
    ComponentCreationFailed,
    /// This version cannot do what is asked for.
    CapabilityMissing,
    /// The keys are gone while the data encrypted with them is there.
    KeysMissing,
    /// The data is gone while its keys are there.
    DataMissing,
    /// The volume cannot be what is asked for.
    StorageInvalid,
    /// The new version could not take the database over.
    MigrationsFailed,
    /// The Route API is missing.
    RouteComponentDependencyError,
    /// The object bucket API is missing.
    ObjectStorageComponentDependencyError,
    /// The monitoring APIs are missing.
    MonitoringComponentDependencyError,
}

impl Reason {
    /// The reason as written in a condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdoptionRequired => "AdoptionRequired",
            Self::ConfigInvalid => "ConfigInvalid",
            Self::ComponentOverrideInvalid => "ComponentOverrideInvalid",
            Self::ComponentCreationFailed => "ComponentCreationFailed",
            Self::CapabilityMissing => "CapabilityMissing",
            Self::KeysMissing => "KeysMissing",
            Self::DataMissing => "DataMissing",
            Self::StorageInvalid => "StorageInvalid",
            Self::MigrationsFailed => "MigrationsFailed",
            Self::RouteComponentDependencyError => "RouteComponentDependencyError",
            Self::ObjectStorageComponentDependencyError => "ObjectStorageComponentDependencyError",
            Self::MonitoringComponentDependencyError => "MonitoringComponentDependencyError",
        }
    }
}

/// Something a person should know although it blocks nothing; becomes an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The cause as one word.
    pub reason: std::borrow::Cow<'static, str>,
    /// Whether a person should act.
    pub is_warning: bool,
    /// What happened and what to do.
    pub message: String,
    /// Said only when this child was written; else every pass would say it again.
    pub with: Option<Slot>,
}

/// What a registry should be made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the registry.
    pub registry: String,
    /// Its namespace.
    pub namespace: String,
    /// The reference by which children go with the registry.
    pub owner: OwnerReference,
    /// Whether data, keys and authority outlive the registry.
    pub retain: bool,
    /// Keys, and what was picked once and must stay.
    pub keys: Keys,
    /// The first superuser.
    pub admin: Admin,
    /// The operator's own authority; absent when the user brings the certificate.
    pub authority: Option<Pair>,
    /// The volume.
    pub volume: Volume,
    /// The Service and what clients are told.
    pub exposure: ExposurePlan,
    /// The pods and their configuration; absent until the address is known.
    pub app: Option<App>,
    /// What the address waits for, when it is not known.
    pub waiting: Option<String>,
    /// What each component came out as.
    pub components: Vec<EffectiveComponent>,
    /// Where the serving certificate comes from.
    pub tls: TlsSource,
    /// What a person should know.
    pub notices: Vec<Notice>,
}

/// Keys that encrypt data, and what was picked once and must stay.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Signs sessions.
    pub secret_key: String,
    /// Encrypts columns of the database.
    pub database_secret_key: String,
    /// What was picked once and must stay.
    pub records: Records,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("records", &self.records).finish_non_exhaustive()
    }
}

/// What was picked once and must stay; kept beside the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// The kind of exposure that Auto picked.
    pub exposure: Option<ExposureType>,
    /// Why Auto did not pick what it prefers.
    pub exposure_cause: Option<String>,
    /// The host under which a router last admitted the Route.
    pub route_host: Option<String>,
    /// The address that was picked for clients.
    pub host: Option<String>,
    /// The port on the nodes.
    pub node_port: Option<i32>,
    /// Where the data lies.
    pub data: Option<String>,
}

/// The first superuser.
#[derive(Clone, PartialEq, Eq)]
pub struct Admin {
    /// Name of the user.
    pub username: String,
    /// Password of the user.
    pub password: String,
    /// Address of the user.
    pub email: String,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Its size.
    pub size: Quantity,
    /// Its storage class, unless it is the cluster's default.
    pub storage_class: Option<String>,
}

/// The Service and what clients are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExposurePlan {
    /// The kind in force; never Auto.
    pub kind: ExposureType,
    /// The port on the nodes, once known.
    pub node_port: Option<i32>,
    /// The class of the load balancer.
    pub class: Option<String>,
    /// Annotations of the Service.
    pub annotations: BTreeMap<String, String>,
    /// host or host:port that clients use, once known.
    pub host: Option<String>,
    /// All names and addresses by which clients may reach the registry.
    pub names: Vec<String>,
    /// From where the registry can be reached, and how to change that.
    pub message: String,
    /// The Route, where the registry is exposed by one.
    pub route: Option<RoutePlan>,
    /// When to look again at the latest, although nothing has happened.
    pub look_again: Option<Duration>,
}

impl ExposurePlan {
    /// Whether clients speak TLS with something in front of the registry, which alone sees their addresses.
    pub fn ends_tls_in_front(&self) -> bool {
        match self.kind {
            ExposureType::Route => {
                self.route.as_ref().is_some_and(|route| route.termination == Termination::Reencrypt)
            }
            ExposureType::Ingress | ExposureType::Gateway => true,
            ExposureType::Auto | ExposureType::LoadBalancer | ExposureType::NodePort | ExposureType::None => {
                false
            }
        }
    }
}

/// The Route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePlan {
    /// The host asked for; routers assign one when absent.
    pub host: Option<String>,
    /// What the router does with TLS.
    pub termination: Termination,
    /// Labels of the user.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the user.
    pub annotations: BTreeMap<String, String>,
    /// What routers say about it.
    pub admission: Admission,
}

/// What a router does with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Termination {
    /// It serves its own certificate and checks ours.
    Reencrypt,
    /// Clients see the certificate of the registry.
    Passthrough,
}

/// Where the serving certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsSource {
    /// The operator's own authority.
    Own,
    /// `ssl.cert` and `ssl.key` of the configuration bundle.
    Bundle,
    /// The Secret named by the tls component.
    SecretRef,
}

/// The image of the pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The image that runs.
    pub name: String,
    /// The image that ran before, to be put back.
    pub previous: Option<String>,
    /// The operator's own image, where it could not take the database over.
    pub failed: Option<String>,
    /// What that means, and the way out.
    pub blocked: Option<Problem>,
}

/// The pods and their configuration.
#[derive(Clone)]
pub struct App {
    /// config.yaml as the registry reads it.
    pub config: String,
    /// Hash of those settings that need a restart.
    pub restart_hash: String,
    /// Names the settings that take effect at once, see [`crate::settings::hash`].
    pub settings: Option<String>,
    /// The serving certificate and its key.
    pub certificate: Pair,
    /// Further files of the bundle.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Image of the registry.
    pub image: Image,
    /// Whether the platform assigns users and groups.
    pub platform_assigns_users: bool,
    /// What the user changed.
    pub overrides: PodOverrides,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("restart_hash", &self.restart_hash)
            .field("image", &self.image)
            .finish_non_exhaustive()
    }
}

/// What the user changed in the pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodOverrides {
    /// Number of pods: 0 or 1.
    pub replicas: i32,
    /// Environment variables.
    pub env: Vec<EnvVar>,
    /// Affinity.
    pub affinity: Option<Affinity>,
    /// Requests and limits: (requests, limits).
    pub resources: Option<(BTreeMap<String, Quantity>, BTreeMap<String, Quantity>)>,
    /// Security context of the container.
    pub security_context: Option<SecurityContext>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}
