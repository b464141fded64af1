//! Where the serving certificate comes from, and the operator's own authority and leaf.

use std::collections::BTreeSet;

use crate::crd::ComponentKind;
use crate::names::Slot;
use crate::pki::{self, Pair};
use crate::plan::{ExposurePlan, Notice, Problem, Reason, TlsSource};
use crate::resolve::bundle::{Bundle, Certificate};
use crate::resolve::{Error, exposure};
use crate::snapshot::{Lookup, Snapshot, secret_data};

/// The certificate that is served.
#[derive(Clone, Debug)]
pub enum Serving {
    /// The operator's own.
    Own,
    /// The bundle's.
    Bundle(Pair),
    /// That of the Secret named by the tls component.
    SecretRef(Pair),
}

impl Serving {
    /// Without the certificate itself.
    pub fn source(&self) -> TlsSource {
        match self {
            Self::Own => TlsSource::Own,
            Self::Bundle(_) => TlsSource::Bundle,
            Self::SecretRef(_) => TlsSource::SecretRef,
        }
    }
}

/// Decides where the certificate comes from.
pub fn source(snapshot: &Snapshot, bundle: &Bundle, problems: &mut Vec<Problem>) -> Option<Serving> {
    let entry = snapshot.registry.spec.component(ComponentKind::Tls);
    let secret_ref =
        entry.and_then(|entry| entry.secret_ref.as_ref()).and_then(|secret| secret.name.as_deref());
    let mut refuse = |message: String| {
        problems.push(Problem::new(Reason::ConfigInvalid, message));
        None
    };
    if let Some(name) = secret_ref {
        if !matches!(bundle.certificate, Certificate::Absent) {
            return refuse(format!(
                "the certificate is named twice: remove ssl.cert and ssl.key from Secret {}, or secretRef {name} from the tls component",
                bundle.secret
            ));
        }
        return match from_secret(&snapshot.tls_secret, name) {
            Ok(pair) => Some(Serving::SecretRef(pair)),
            Err(message) => refuse(message),
        };
    }
    match (entry.map(|entry| entry.managed), &bundle.certificate) {
        (_, Certificate::Half) => {
            refuse(format!("Secret {} must hold both ssl.cert and ssl.key, or neither", bundle.secret))
        }
        (Some(true), Certificate::Present(_)) => refuse(format!(
            "tls is managed, but Secret {} carries ssl.cert and ssl.key: remove them, or the tls component",
            bundle.secret
        )),
        (Some(false), Certificate::Absent) => refuse(
            "tls is not managed, but there is no certificate: add ssl.cert and ssl.key to the configuration bundle, set \
             secretRef.name, or remove the tls component"
                .to_owned(),
        ),
        (_, Certificate::Present(pair)) => Some(Serving::Bundle(pair.clone())),
        (_, Certificate::Absent) => Some(Serving::Own),
    }
}

fn from_secret(lookup: &Lookup, name: &str) -> Result<Pair, String> {
    let Lookup::Found(secret) = lookup else {
        return Err(format!(
            "Secret {name}, named by the tls component, does not exist: create it with type kubernetes.io/tls"
        ));
    };
    if secret.type_.as_deref() != Some("kubernetes.io/tls") {
        return Err(format!(
            "Secret {name}, named by the tls component, is not of type kubernetes.io/tls: create it anew with that type"
        ));
    }
    let mut data = secret_data(secret.as_ref().clone());
    match (data.remove("tls.crt"), data.remove("tls.key")) {
        (Some(certificate), Some(key)) if !certificate.is_empty() && !key.is_empty() => Ok(Pair {
            certificate: String::from_utf8_lossy(&certificate).into_owned(),
            key: String::from_utf8_lossy(&key).into_owned(),
        }),
        _ => Err(format!("Secret {name}, named by the tls component, lacks tls.crt or tls.key: add both")),
    }
}

/// The operator's own authority: the one that exists, else a new one. None when the user brings the certificate.
pub fn authority(
    snapshot: &Snapshot,
    serving: &Serving,
    problems: &mut Vec<Problem>,
    notices: &mut Vec<Notice>,
) -> Result<Option<Pair>, Error> {
    let registry = snapshot.name();
    match serving {
        Serving::Bundle(_) | Serving::SecretRef(_) => return Ok(None),
        Serving::Own => {}
    }
    // one without any content is one whose making was interrupted
    if let Some(mut data) = snapshot.children.secret(Slot::Authority).filter(|data| !data.is_empty()) {
        let mut text =
            |key: &str| data.remove(key).and_then(|value| String::from_utf8(value).ok()).unwrap_or_default();
        let pair = Pair { certificate: text("ca.crt"), key: text("ca.key") };
        if pki::is_authority(&pair, snapshot.now) {
            return Ok(Some(pair));
        }
        problems.push(Problem::new(
            Reason::ConfigInvalid,
            format!(
                "Secret {} holds no usable certificate authority (ca.crt, ca.key: a CA certificate with a subject key \
                 identifier that has not expired, and its key): restore it; or delete it to get a new \
                 authority, which every client must then trust",
                Slot::Authority.name(&registry)
            ),
        ));
        return Ok(None);
    }
    if snapshot.children.has(Slot::Config) {
        notices.push(Notice::warning(
            "CertificateAuthorityReplaced",
            Slot::Authority,
            format!(
                "Secret {} was gone, so there is a new certificate authority: clients must trust ca.crt of ConfigMap {}",
                Slot::Authority.name(&registry),
                Slot::TrustAnchor.name(&registry)
            ),
        ));
    }
    Ok(Some(pki::authority(&registry, &snapshot.namespace(), snapshot.now)?))
}

/// The serving certificate: the user's after a check, else the leaf that exists as long as it is good, else a new one.
pub fn certificate(
    snapshot: &Snapshot,
    serving: &Serving,
    authority: Option<&Pair>,
    exposure: &ExposurePlan,
    problems: &mut Vec<Problem>,
    notices: &mut Vec<Notice>,
) -> Result<Option<Pair>, Error> {
    let host = exposure.host.as_deref().map(exposure::without_port).unwrap_or_default();
    match (serving, authority) {
        (Serving::Bundle(pair) | Serving::SecretRef(pair), _) => match pki::check(pair, host) {
            Ok(_) => Ok(Some(pair.clone())),
            Err(error) => {
                problems.push(Problem::new(
                    Reason::ConfigInvalid,
                    format!("the certificate for the registry cannot be used: {error}; replace certificate and key together"),
                ));
                Ok(None)
            }
        },
        (Serving::Own, Some(authority)) => {
            let names: BTreeSet<String> = exposure.names.iter().cloned().collect();
            let live = snapshot.children.secret(Slot::Config).and_then(|mut data| {
                Some(Pair {
                    certificate: String::from_utf8(data.remove("ssl.cert")?).ok()?,
                    key: String::from_utf8(data.remove("ssl.key")?).ok()?,
                })
            });
            if let Some(live) = live {
                if pki::is_good(&live, authority, &names, snapshot.now) {
                    return Ok(Some(live));
                }
                notices.push(Notice::normal(
                    "CertificateRenewed",
                    Slot::Config,
                    "the serving certificate was issued anew; nothing to do".to_owned(),
                ));
            }
            Ok(Some(pki::issue(authority, &names, snapshot.now)?))
        }
        (Serving::Own, None) => Ok(None),
    }
}
