//! What each component comes out as, and whether its overrides are possible.

use serde_yaml::Value;

use crate::crd::{Component, ComponentKind, EffectiveComponent, ExposureType, Overrides};
use crate::plan::{PodOverrides, Problem, Reason};
use crate::resolve::bundle::Bundle;
use crate::resolve::capability::{self, Capability};
use crate::snapshot::Snapshot;

/// The components as they come out.
#[derive(Clone, Debug, Default)]
pub struct Components {
    /// For `status.components`.
    pub effective: Vec<EffectiveComponent>,
    /// What the user changed in the registry's pods.
    pub pod: PodOverrides,
}

impl Components {
    /// Brings the route component in line with the exposure that was decided.
    pub fn expose(&mut self, kind: ExposureType) {
        let mode = if kind == ExposureType::Route { Mode::Managed } else { Mode::Off };
        let route = ComponentKind::Route.as_str();
        if let Some(entry) = self.effective.iter_mut().find(|entry| entry.kind == route) {
            mode.as_str().clone_into(&mut entry.mode);
        }
    }
}

/// How a component is provided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Managed,
    Embedded,
    External,
    Off,
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "Managed",
            Self::Embedded => "Embedded",
            Self::External => "External",
            Self::Off => "Off",
        }
    }
}

/// Decides every component; what cannot be is added to `problems`.
pub fn resolve(snapshot: &Snapshot, bundle: &Bundle, problems: &mut Vec<Problem>) -> Components {
    let spec = &snapshot.registry.spec;
    let mut components =
        Components { pod: PodOverrides { replicas: 1, ..PodOverrides::default() }, ..Components::default() };
    for kind in ComponentKind::ALL {
        let entry = spec.component(kind);
        if let Some(overrides) = entry.and_then(|entry| entry.overrides.as_ref()) {
            problems.extend(unsupported(kind, overrides));
        }
        let mode = match entry {
            Some(Component { managed: true, .. }) => {
                problems.extend(capability::managed(kind, &snapshot.platform));
                problems.extend(managed_with_settings(kind, bundle));
                if kind == ComponentKind::Redis { Mode::Off } else { Mode::Managed }
            }
            Some(_) => unmanaged(kind, bundle, problems),
            None => absent(kind, bundle, problems),
        };
        components
            .effective
            .push(EffectiveComponent { kind: kind.as_str().to_owned(), mode: mode.as_str().to_owned() });
    }
    let quay = spec.component(ComponentKind::Quay);
    if quay.is_some_and(|entry| !entry.managed) {
        problems.push(Problem::new(
            Reason::ConfigInvalid,
            "quay is the registry itself and cannot be managed: false: to stop it set overrides.replicas: 0",
        ));
    }
    if let Some(overrides) = quay.and_then(|entry| entry.overrides.as_ref()) {
        components.pod = pod(overrides, problems);
    }
    components
}

fn absent(kind: ComponentKind, bundle: &Bundle, problems: &mut Vec<Problem>) -> Mode {
    match kind {
        ComponentKind::Quay => Mode::Managed,
        ComponentKind::Postgres => match database(bundle) {
            Mode::External => external(Capability::ExternalPostgres, problems),
            mode => mode,
        },
        ComponentKind::ObjectStorage => match storage(bundle) {
            Mode::External => external(Capability::ExternalObjectStorage, problems),
            mode => mode,
        },
        ComponentKind::Tls => Mode::Managed,
        ComponentKind::Clair
        | ComponentKind::ClairPostgres
        | ComponentKind::Redis
        | ComponentKind::HorizontalPodAutoscaler
        | ComponentKind::Route
        | ComponentKind::Mirror
        | ComponentKind::Monitoring => Mode::Off,
    }
}

fn unmanaged(kind: ComponentKind, bundle: &Bundle, problems: &mut Vec<Problem>) -> Mode {
    match kind {
        ComponentKind::Postgres => {
            required(bundle, "DB_URI", kind, "the embedded database", problems);
            if bundle.has("DB_URI") { absent(kind, bundle, problems) } else { Mode::External }
        }
        ComponentKind::ObjectStorage => {
            required(bundle, "DISTRIBUTED_STORAGE_CONFIG", kind, "the volume", problems);
            if bundle.has("DISTRIBUTED_STORAGE_CONFIG") {
                absent(kind, bundle, problems)
            } else {
                Mode::External
            }
        }
        ComponentKind::Tls => Mode::External,
        ComponentKind::Quay => Mode::Managed,
        ComponentKind::Clair
        | ComponentKind::ClairPostgres
        | ComponentKind::Redis
        | ComponentKind::HorizontalPodAutoscaler
        | ComponentKind::Route
        | ComponentKind::Mirror
        | ComponentKind::Monitoring => Mode::Off,
    }
}

fn external(capability: Capability, problems: &mut Vec<Problem>) -> Mode {
    problems.extend(capability::check(capability));
    Mode::External
}

fn required(bundle: &Bundle, key: &str, kind: ComponentKind, own: &str, problems: &mut Vec<Problem>) {
    if !bundle.has(key) {
        problems.push(Problem::new(
            Reason::ConfigInvalid,
            format!(
                "{kind} is not managed, but the configuration bundle has no {key}: add it, or remove {kind} from \
                 spec.components to use {own}"
            ),
        ));
    }
}

fn managed_with_settings(kind: ComponentKind, bundle: &Bundle) -> Option<Problem> {
    let key = match kind {
        ComponentKind::Postgres => "DB_URI",
        ComponentKind::ObjectStorage => "DISTRIBUTED_STORAGE_CONFIG",
        _ => return None,
    };
    bundle.has(key).then(|| {
        Problem::new(
            Reason::ConfigInvalid,
            format!("{kind} is managed, but the configuration bundle carries {key}: remove the key or the component"),
        )
    })
}

fn database(bundle: &Bundle) -> Mode {
    match bundle.text("DB_URI") {
        None => Mode::Embedded,
        Some(uri) if uri.starts_with("sqlite:") => Mode::Embedded,
        Some(_) => Mode::External,
    }
}

fn storage(bundle: &Bundle) -> Mode {
    let Some(locations) = bundle.settings.get("DISTRIBUTED_STORAGE_CONFIG").and_then(Value::as_mapping)
    else {
        return Mode::Embedded;
    };
    let local = |location: &Value| location.get(0).and_then(Value::as_str) == Some("LocalStorage");
    if locations.values().all(local) { Mode::Embedded } else { Mode::External }
}

/// Overrides that a component does not take.
fn unsupported(kind: ComponentKind, overrides: &Overrides) -> Vec<Problem> {
    use ComponentKind as K;
    let Overrides {
        volume_size,
        storage_class_name,
        env,
        replicas,
        affinity,
        labels: _,
        annotations: _,
        resources,
        security_context,
    } = overrides;
    let has_volume = matches!(kind, K::Clair | K::Postgres | K::ClairPostgres);
    let is_workload =
        matches!(kind, K::Quay | K::Clair | K::Mirror | K::Postgres | K::ClairPostgres | K::Redis);
    let is_scaled = matches!(kind, K::Quay | K::Clair | K::Mirror);
    let takes_context = matches!(kind, K::Quay | K::Mirror);
    [
        ("affinity", affinity.is_some(), is_scaled),
        ("volumeSize", volume_size.is_some(), has_volume),
        ("storageClassName", storage_class_name.is_some(), has_volume),
        ("env", !env.is_empty(), is_workload),
        ("replicas", replicas.is_some(), is_scaled),
        ("resources", resources.is_some(), is_workload),
        ("securityContext", security_context.is_some(), takes_context),
    ]
    .into_iter()
    .filter(|(_, is_set, is_possible)| *is_set && !is_possible)
    .map(|(name, ..)| {
        let way_out = match (kind, name) {
            (K::Quay, "volumeSize") => "set spec.storage.size",
            (K::Quay, "storageClassName") => "set spec.storage.storageClassName",
            _ => "remove it",
        };
        Problem::new(
            Reason::ComponentOverrideInvalid,
            format!("invalid overrides: component {kind} does not take {name}: {way_out}"),
        )
    })
    .collect()
}

fn pod(overrides: &Overrides, problems: &mut Vec<Problem>) -> PodOverrides {
    let replicas = overrides.replicas.unwrap_or(1);
    if replicas > 1 {
        problems.push(Problem::new(
            Reason::ComponentOverrideInvalid,
            format!(
                "invalid overrides: component quay cannot have {replicas} replicas: with embedded storage exactly one \
                 pod writes; set overrides.replicas to 1, or to 0 to stop the registry"
            ),
        ));
    }
    PodOverrides {
        replicas,
        env: overrides.env.clone(),
        affinity: overrides.affinity.clone(),
        resources: overrides.resources.as_ref().map(|r| (r.requests.clone(), r.limits.clone())),
        security_context: overrides.security_context.clone(),
        labels: overrides.labels.clone(),
        annotations: overrides.annotations.clone(),
    }
}
