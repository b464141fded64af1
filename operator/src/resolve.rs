//! Snapshot → Plan: every decision, without I/O.
//!
//! ```text
//!  adoption ─► remnants ─► components ─► bundle ─► keys ─► volume ─► exposure ─► certificate ─► config
//!  (refuse)    (wait)      └────────────── problems are collected, all told at once ──────────────┘
//! ```

pub mod adoption;
pub mod bundle;
pub mod capability;
pub mod components;
pub mod config;
pub mod exposure;
pub mod image;
pub mod keys;
pub mod route;
pub mod tls;
pub mod volume;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;

use crate::crd::{DeletionPolicy, QuayRegistry};
use crate::entropy::{Entropy, Exhausted};
use crate::names::{Slot, is_ours};
use crate::pki;
use crate::plan::{App, Notice, Plan, Problem, Records, Refusal, TlsSource, Verdict};
use crate::settings;
use crate::snapshot::Snapshot;

/// What keeps a decision from being made at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] Exhausted),
    /// A certificate could not be made.
    #[error("making certificates for the registry failed")]
    Pki(#[from] pki::Error),
    /// The object lacks what the API server gives every object.
    #[error("the registry has no uid")]
    NoIdentity,
}

/// Decides what the registry should be made of.
pub fn plan(snapshot: &Snapshot, entropy: &mut impl Entropy) -> Result<Verdict, Error> {
    if let Some(problem) = adoption::check(snapshot) {
        return Ok(Verdict::Refuse(Refusal { problems: vec![problem] }));
    }
    if let Some(on) = remnant(snapshot) {
        return Ok(Verdict::Wait(on));
    }
    let mut problems = Vec::new();
    let mut notices = Vec::new();

    let bundle = bundle::read(&snapshot.bundle).unwrap_or_else(|found| {
        problems.extend(found);
        bundle::Bundle::default()
    });
    let mut components = components::resolve(snapshot, &bundle, &mut problems);
    let volume = volume::resolve(snapshot, &mut problems);
    let keys = keys::resolve(snapshot, &bundle, entropy, &mut problems)?;
    let tls = tls::source(snapshot, &bundle, &mut problems);
    let (Some(mut keys), Some(tls)) = (keys, tls) else {
        return Ok(Verdict::Refuse(Refusal { problems }));
    };
    // recorded data is of an earlier life: the first pass of a life writes the record last
    let is_recorded =
        snapshot.children.secret(Slot::Keys).is_some_and(|data| keys::records(&data).data.is_some());
    if snapshot.registry.status.is_none() && is_recorded && !snapshot.children.has(Slot::App) {
        notices.push(Notice::normal(
            "DataAdopted",
            Slot::Service,
            format!(
                "{} and the keys of an earlier registry of this name are taken up again; to start empty instead, delete \
                 this registry, then the claim and Secret {}",
                Slot::Data.title(&snapshot.name()),
                Slot::Keys.name(&snapshot.name())
            ),
        ));
    }
    let admin = keys::admin(snapshot, entropy, &mut notices)?;
    let exposure = exposure::resolve(snapshot, &bundle, tls.source(), &mut keys.records, &mut problems);
    if !problems.is_empty() {
        return Ok(Verdict::Refuse(Refusal { problems }));
    }
    components.expose(exposure.kind);
    notices.extend(fallback(snapshot, &keys.records));

    let authority = tls::authority(snapshot, &tls, &mut problems, &mut notices)?;
    let app = match &exposure.host {
        Some(host) => {
            // before the certificate: one cannot be issued for a host that is none
            let config = config::merge(&bundle, &keys, &admin, host, &exposure, &mut problems, &mut notices);
            let certificate = if config.is_some() || tls.source() != TlsSource::Own {
                tls::certificate(snapshot, &tls, authority.as_ref(), &exposure, &mut problems, &mut notices)?
            } else {
                None
            };
            match (certificate, config) {
                (Some(certificate), Some(config)) => Some(App {
                    settings: settings::hash(&config.yaml),
                    config: config.yaml,
                    restart_hash: config.restart_hash,
                    certificate,
                    files: bundle.files,
                    image: image::resolve(snapshot),
                    platform_assigns_users: snapshot.platform.assigns_users(),
                    overrides: components.pod.clone(),
                }),
                _ => None,
            }
        }
        None => {
            // the address is still to come, but a wrong bundle should be told at once
            let host = config::PLACEHOLDER_HOST;
            config::merge(&bundle, &keys, &admin, host, &exposure, &mut problems, &mut Vec::new());
            None
        }
    };
    if !problems.is_empty() {
        return Ok(Verdict::Refuse(Refusal { problems }));
    }
    let waiting = exposure.host.is_none().then(|| exposure.message.clone());
    Ok(Verdict::Go(Box::new(Plan {
        registry: snapshot.name(),
        namespace: snapshot.namespace(),
        owner: owner(&snapshot.registry).ok_or(Error::NoIdentity)?,
        retain: snapshot.registry.spec.deletion_policy() == DeletionPolicy::Retain,
        keys,
        admin,
        authority,
        volume,
        exposure,
        app,
        waiting,
        components: components.effective,
        tls: tls.source(),
        notices,
    })))
}

/// Told when Auto gives up what it prefers.
fn fallback(snapshot: &Snapshot, records: &Records) -> Option<Notice> {
    let cause = records.exposure_cause.as_ref()?;
    let known = snapshot.children.secret(Slot::Keys).and_then(|data| keys::records(&data).exposure_cause);
    (known.as_ref() != Some(cause)).then(|| {
        Notice::warning(
            "RouteNotAdmitted",
            Slot::Keys,
            format!(
                "{cause}; the registry is exposed by a node port instead, and that stays: set exposure.type: Route to insist \
                 on a Route"
            ),
        )
    })
}

/// Children of an earlier registry of the same name, or on their way out, must be gone first.
fn remnant(snapshot: &Snapshot) -> Option<String> {
    let registry = snapshot.name();
    let uid = snapshot.registry.metadata.uid.as_deref().unwrap_or_default();
    let ours =
        snapshot.children.iter().filter(|(slot, object)| *slot != Slot::Route || is_ours(&object.metadata));
    ours.into_iter().find_map(|(slot, object)| {
        if object.metadata.deletion_timestamp.is_some() {
            return Some(format!("{} is being deleted; waiting until it is gone", slot.title(&registry)));
        }
        let belongs_elsewhere = object
            .metadata
            .owner_references
            .iter()
            .flatten()
            .any(|owner| owner.controller == Some(true) && owner.uid != uid);
        belongs_elsewhere.then(|| {
            format!(
                "{} belongs to an earlier registry of this name; waiting until it is gone",
                slot.title(&registry)
            )
        })
    })
}

fn owner(registry: &QuayRegistry) -> Option<OwnerReference> {
    let owner = registry.controller_owner_ref(&())?;
    Some(OwnerReference { block_owner_deletion: Some(true), ..owner })
}

impl Notice {
    fn warning(reason: &'static str, with: Slot, message: String) -> Self {
        Self { reason: reason.into(), is_warning: true, message, with: Some(with) }
    }

    fn normal(reason: &'static str, with: Slot, message: String) -> Self {
        Self { reason: reason.into(), is_warning: false, message, with: Some(with) }
    }
}

/// Where the data of a registry lies, as it is recorded beside the keys.
pub fn data_location(registry: &str) -> String {
    format!("embedded/{}", Slot::Data.name(registry))
}

impl From<(crate::plan::Reason, String)> for Problem {
    fn from((reason, message): (crate::plan::Reason, String)) -> Self {
        Self { reason, message }
    }
}
