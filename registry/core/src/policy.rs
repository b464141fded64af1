//! Which artifact types a push may carry: pure, from four live settings.
//!
//! By default everything is accepted. A table (`ALLOWED_OCI_ARTIFACT_TYPES`) or `IGNORE_UNKNOWN_MEDIATYPES: false`
//! switches enforcement on; a table replaces the default one. Configuration types and layer types are two sets:
//! which goes with which is not looked at. Docker's own manifests have a closed list of types and are not covered.

use std::collections::{BTreeMap, BTreeSet};

use quay_oci::{ErrorCode, Manifest, media_type as mt};

use crate::error::{Error, Result};

/// Layers that pass under every table.
const ALWAYS_LAYERS: &[&str] = &[
    mt::OCI_LAYER,
    mt::OCI_LAYER_GZIP,
    mt::OCI_LAYER_ZSTD,
    mt::OCI_LAYER_FOREIGN,
    mt::OCI_LAYER_FOREIGN_GZIP,
    mt::OCI_LAYER_FOREIGN_ZSTD,
    mt::OCI_EMPTY,
];

const HELM_LAYERS: &[&str] = &[mt::HELM_CHART, mt::HELM_CHART_LEGACY, mt::HELM_PROVENANCE];

/// The table in force when enforcement is on and none is configured: images with signatures, attestations and bills
/// of materials, source images, policies. Helm is added by its own setting.
const DEFAULT_TABLE: &[(&str, &[&str])] = &[
    (
        mt::OCI_IMAGE_CONFIG,
        &[
            mt::COSIGN_SIGNATURE,
            mt::DSSE_ENVELOPE,
            "text/spdx",
            "text/spdx+xml",
            "text/spdx+json",
            "application/vnd.syft+json",
            "application/vnd.cyclonedx",
            "application/vnd.cyclonedx+xml",
            "application/vnd.cyclonedx+json",
            "application/vnd.in-toto+json",
        ],
    ),
    ("application/vnd.oci.source.image.config.v1+json", &[mt::OCI_LAYER_GZIP]),
    (
        "application/vnd.unknown.config.v1+json",
        &[
            "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego",
            "application/vnd.cncf.openpolicyagent.data.layer.v1+json",
        ],
    ),
];

/// The four settings, as written.
#[derive(Debug, Clone, Default)]
pub(crate) struct ArtifactSettings {
    /// `FEATURE_GENERAL_OCI_SUPPORT`; unset means on.
    pub(crate) general_oci: Option<bool>,
    /// `FEATURE_HELM_OCI_SUPPORT`.
    pub(crate) helm: Option<bool>,
    /// `ALLOWED_OCI_ARTIFACT_TYPES`.
    pub(crate) table: Option<BTreeMap<String, Vec<String>>>,
    /// `IGNORE_UNKNOWN_MEDIATYPES`.
    pub(crate) ignore_unknown: Option<bool>,
}

/// What is in force.
#[derive(Debug, Clone)]
pub(crate) struct ArtifactPolicy {
    oci: bool,
    refuse_helm: bool,
    /// Allowed configuration and layer types; `None` lets everything pass.
    allowed: Option<(BTreeSet<String>, BTreeSet<String>)>,
}

impl ArtifactPolicy {
    pub(crate) fn new(settings: &ArtifactSettings) -> Self {
        let enforcing = match settings.ignore_unknown {
            Some(true) => false,
            Some(false) => true,
            None => settings.table.is_some(),
        };
        Self {
            oci: settings.general_oci != Some(false),
            refuse_helm: settings.helm == Some(false),
            allowed: enforcing.then(|| sets(settings)),
        }
    }

    /// Refuses what is not welcome, naming the type and the setting.
    pub(crate) fn check(&self, manifest: &Manifest) -> Result<()> {
        if manifest.is_docker() {
            return Ok(());
        }
        if !self.oci {
            return Err(Error::UnsupportedMediaType(format!(
                "manifest schema version not supported: {} is switched off by FEATURE_GENERAL_OCI_SUPPORT",
                manifest.media_type
            )));
        }
        let Some(config) = &manifest.config else { return Ok(()) };
        // An artifact without a configuration says what it is in `artifactType`.
        let kind = match (&*config.media_type, manifest.effective_artifact_type()) {
            (mt::OCI_EMPTY, Some(artifact_type)) => artifact_type,
            (config_type, _) => config_type,
        };
        let layers = || manifest.layers.iter().map(|layer| &*layer.media_type);
        if self.refuse_helm {
            let helm = [kind]
                .into_iter()
                .chain(layers())
                .find(|t| matches!(*t, mt::HELM_CONFIG | mt::HELM_CHART | mt::HELM_PROVENANCE));
            if let Some(helm) = helm {
                return Err(refusal(helm, "refused by FEATURE_HELM_OCI_SUPPORT"));
            }
        }
        let Some((kinds, layer_types)) = &self.allowed else { return Ok(()) };
        if !kinds.contains(kind) {
            return Err(not_one_of(kind, kinds));
        }
        match layers().find(|layer| !ALWAYS_LAYERS.contains(layer) && !layer_types.contains(*layer)) {
            Some(layer) => Err(not_one_of(layer, layer_types)),
            None => Ok(()),
        }
    }

    /// One line for the log and for status.
    pub(crate) fn describe(&self) -> String {
        let mut out = match &self.allowed {
            None => "every artifact type is accepted".to_owned(),
            Some((kinds, layers)) => format!(
                "artifact types are enforced: {} configuration types, {} layer types beside the standard ones",
                kinds.len(),
                layers.len()
            ),
        };
        if self.refuse_helm {
            out.push_str("; Helm charts are refused");
        }
        if !self.oci {
            out.push_str("; OCI manifests are refused");
        }
        out
    }
}

fn sets(settings: &ArtifactSettings) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut kinds = BTreeSet::from([mt::OCI_IMAGE_CONFIG.to_owned()]);
    let mut layers = BTreeSet::new();
    match &settings.table {
        Some(table) => {
            kinds.extend(table.keys().cloned());
            layers.extend(table.values().flatten().cloned());
        }
        None => {
            kinds.extend(DEFAULT_TABLE.iter().map(|(kind, _)| (*kind).to_owned()));
            layers.extend(
                DEFAULT_TABLE.iter().flat_map(|(_, layers)| *layers).map(|layer| (*layer).to_owned()),
            );
        }
    }
    // A configured table drops Helm unless Helm's own setting is written out; the default one holds it.
    if settings.helm.unwrap_or(settings.table.is_none()) {
        kinds.insert(mt::HELM_CONFIG.to_owned());
        layers.extend(HELM_LAYERS.iter().map(|layer| (*layer).to_owned()));
    }
    (kinds, layers)
}

fn not_one_of(found: &str, allowed: &BTreeSet<String>) -> Error {
    let allowed: Vec<String> = allowed.iter().map(|t| format!("'{t}'")).collect();
    refusal(
        found,
        &format!(
            "not one of [{}], the types allowed by ALLOWED_OCI_ARTIFACT_TYPES and IGNORE_UNKNOWN_MEDIATYPES",
            allowed.join(", ")
        ),
    )
}

fn refusal(found: &str, why: &str) -> Error {
    let found: String = found.chars().take(mt::MAX_LEN).collect();
    Error::invalid(
        ErrorCode::ManifestInvalid,
        format!("failed to parse manifest: manifest data does not match schema: '{found}' is {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn manifest(config: &str, artifact_type: Option<&str>, layers: &[&str]) -> Manifest {
        let layer = |t: &&str| serde_json::json!({"mediaType": t, "digest": DIGEST, "size": 0});
        let mut document = serde_json::json!({
            "schemaVersion": 2,
            "config": layer(&config),
            "layers": layers.iter().map(layer).collect::<Vec<_>>(),
        });
        if let Some(artifact_type) = artifact_type {
            document["artifactType"] = artifact_type.into();
        }
        Manifest::parse(Some(mt::OCI_MANIFEST), document.to_string().as_bytes()).unwrap()
    }

    fn image() -> Manifest {
        manifest(mt::OCI_IMAGE_CONFIG, None, &[mt::OCI_LAYER_GZIP, mt::OCI_LAYER_ZSTD])
    }

    fn helm() -> Manifest {
        manifest(mt::HELM_CONFIG, None, &[mt::HELM_CHART, mt::HELM_PROVENANCE])
    }

    fn cosign() -> Manifest {
        manifest(mt::OCI_IMAGE_CONFIG, None, &[mt::COSIGN_SIGNATURE])
    }

    fn model() -> Manifest {
        manifest(mt::OCI_EMPTY, Some("application/vnd.example.model"), &["application/vnd.example.weights"])
    }

    fn index() -> Manifest {
        Manifest::parse(Some(mt::OCI_INDEX), br#"{"schemaVersion":2,"manifests":[]}"#).unwrap()
    }

    fn docker() -> Manifest {
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{DIGEST}","size":0}},"layers":[]}}"#,
            mt::DOCKER_MANIFEST,
            mt::DOCKER_IMAGE_CONFIG
        );
        Manifest::parse(Some(mt::DOCKER_MANIFEST), text.as_bytes()).unwrap()
    }

    /// Letters of what passes: image, helm, cosign, model, index, docker.
    fn passing(settings: &ArtifactSettings) -> String {
        let policy = ArtifactPolicy::new(settings);
        [('i', image()), ('h', helm()), ('c', cosign()), ('m', model()), ('x', index()), ('d', docker())]
            .into_iter()
            .map(|(letter, manifest)| if policy.check(&manifest).is_ok() { letter } else { '-' })
            .collect()
    }

    fn table(kind: &str, layer: &str) -> Option<BTreeMap<String, Vec<String>>> {
        Some(BTreeMap::from([(kind.to_owned(), vec![layer.to_owned()])]))
    }

    #[test]
    fn the_settings_together_decide_what_passes() {
        let model_table = || table("application/vnd.example.model", "application/vnd.example.weights");
        let rows = [
            // general_oci, helm, table, ignore_unknown → passes
            (None, None, None, None, "ihcmxd"),
            (None, None, None, Some(true), "ihcmxd"),
            (None, None, None, Some(false), "ihc-xd"),
            (None, Some(false), None, Some(false), "i-c-xd"),
            (None, Some(false), None, None, "i-cmxd"),
            (None, None, model_table(), None, "i--mxd"),
            (None, Some(true), model_table(), None, "ih-mxd"),
            (None, None, model_table(), Some(true), "ihcmxd"),
            (None, None, model_table(), Some(false), "i--mxd"),
            (Some(false), None, None, None, "-----d"),
            (Some(true), None, None, None, "ihcmxd"),
        ];
        for (general_oci, helm, table, ignore_unknown, expected) in rows {
            let settings = ArtifactSettings { general_oci, helm, table, ignore_unknown };
            assert_eq!(passing(&settings), expected, "{settings:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_type_and_the_setting() {
        let settings = ArtifactSettings { ignore_unknown: Some(false), ..ArtifactSettings::default() };
        let text = ArtifactPolicy::new(&settings).check(&model()).unwrap_err().message();
        assert!(text.contains(
            "manifest data does not match schema: 'application/vnd.example.model' is not one of ["
        ));
        assert!(text.contains("IGNORE_UNKNOWN_MEDIATYPES"));
        let settings = ArtifactSettings { general_oci: Some(false), ..ArtifactSettings::default() };
        let refused = ArtifactPolicy::new(&settings).check(&image());
        assert!(
            matches!(refused, Err(Error::UnsupportedMediaType(text)) if text.contains("FEATURE_GENERAL_OCI_SUPPORT"))
        );
    }
}
