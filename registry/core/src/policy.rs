//! Which artifact types a push may carry: pure, from four live settings.
//!
//! By default everything is accepted. A table (`ALLOWED_OCI_ARTIFACT_TYPES`) or `IGNORE_UNKNOWN_MEDIATYPES: false`
//! switches enforcement on; a table replaces the default one. Configuration types and layer types are two sets:
//! which goes with which is not looked at. Docker's own manifests have closed lists of types in place of a table.

use std::collections::{BTreeMap, BTreeSet};

use quay_oci::{Manifest, media_type as mt};

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

/// What a Docker manifest consists of.
const DOCKER_CONFIGS: &[&str] = &[mt::DOCKER_IMAGE_CONFIG];
const DOCKER_LAYERS: &[&str] = &[mt::DOCKER_LAYER, mt::DOCKER_LAYER_FOREIGN, DOCKER_LAYER_PLAIN];
const DOCKER_LAYER_PLAIN: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// Docker has no word for zstd; clients that are refused it push an OCI manifest instead.
const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";

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
    // What cosign makes since its version 3: a bundle, without a configuration.
    (mt::SIGSTORE_BUNDLE, &[mt::SIGSTORE_BUNDLE]),
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
        let layers = || manifest.layers.iter().map(|layer| &*layer.media_type);
        if manifest.is_docker() {
            return self.check_docker(manifest, layers());
        }
        if !self.oci {
            return Err(Error::UnsupportedMediaType(format!(
                "manifest schema version not supported: {} is switched off by FEATURE_GENERAL_OCI_SUPPORT",
                manifest.media_type
            )));
        }
        let config = manifest.config.as_ref().map(|config| &*config.media_type);
        let written = manifest.artifact_type.as_deref().filter(|text| !text.is_empty());
        // An artifact without a configuration says what it is in `artifactType`; so may an index.
        let (kind, place) = match (config, written) {
            (Some(mt::OCI_EMPTY) | None, Some(artifact_type)) => (artifact_type, Place::ArtifactType),
            (Some(config_type), _) => (config_type, Place::Config),
            (None, None) => return Ok(()),
        };
        if self.refuse_helm {
            let is_helm = |of: &str| matches!(of, mt::HELM_CONFIG | mt::HELM_CHART | mt::HELM_PROVENANCE);
            let parts = [(kind, place)].into_iter().chain(layers().map(|layer| (layer, Place::Layer)));
            if let Some((helm, place)) = parts.into_iter().find(|(part, _)| is_helm(part)) {
                return Err(refusal(
                    helm,
                    "not allowed",
                    place,
                    "Helm is switched off by FEATURE_HELM_OCI_SUPPORT",
                ));
            }
        }
        let Some((kinds, layer_types)) = &self.allowed else { return Ok(()) };
        if !kinds.contains(kind) {
            return Err(not_one_of(kind, kinds.iter().map(String::as_str), place));
        }
        match layers().find(|layer| !ALWAYS_LAYERS.contains(layer) && !layer_types.contains(*layer)) {
            Some(layer) => {
                let allowed = ALWAYS_LAYERS.iter().copied().chain(layer_types.iter().map(String::as_str));
                Err(not_one_of(layer, allowed, Place::Layer))
            }
            None => Ok(()),
        }
    }

    /// Docker's types are no artifact types: under enforcement nothing but images passes in them.
    fn check_docker<'m>(
        &self,
        manifest: &'m Manifest,
        mut layers: impl Iterator<Item = &'m str>,
    ) -> Result<()> {
        const WHY: &str = "push an OCI manifest to use other types";
        let is_wrong = |layer: &&str| match self.allowed {
            Some(_) => !DOCKER_LAYERS.contains(layer),
            None => *layer == DOCKER_LAYER_ZSTD,
        };
        if let Some(layer) = layers.find(is_wrong) {
            return Err(refusal(layer, &one_of(DOCKER_LAYERS.iter().copied()), Place::Layer, WHY));
        }
        match &manifest.config {
            Some(config) if self.allowed.is_some() && !DOCKER_CONFIGS.contains(&&*config.media_type) => {
                let allowed = one_of(DOCKER_CONFIGS.iter().copied());
                Err(refusal(&config.media_type, &allowed, Place::Config, WHY))
            }
            _ => Ok(()),
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

/// Where a type stands, as a reader of the schema would say it.
#[derive(Clone, Copy)]
enum Place {
    Config,
    Layer,
    ArtifactType,
}

impl Place {
    fn path(self) -> &'static str {
        match self {
            Self::Config => "schema['properties']['config']['properties']['mediaType']",
            Self::Layer => "schema['properties']['layers']['items']['properties']['mediaType']",
            Self::ArtifactType => "schema['properties']['artifactType']",
        }
    }
}

fn one_of<'a>(allowed: impl Iterator<Item = &'a str>) -> String {
    let allowed: Vec<String> = allowed.map(|t| format!("'{t}'")).collect();
    format!("not one of [{}]", allowed.join(", "))
}

fn not_one_of<'a>(found: &str, allowed: impl Iterator<Item = &'a str>, place: Place) -> Error {
    let why = "the types are those of ALLOWED_OCI_ARTIFACT_TYPES; with IGNORE_UNKNOWN_MEDIATYPES: true every type passes";
    refusal(found, &one_of(allowed), place, why)
}

/// Worded as Quay does, which other programs look for, and with the setting that is to blame at the end.
fn refusal(found: &str, is: &str, place: Place, why: &str) -> Error {
    let found: String = found.chars().take(mt::MAX_LEN).collect();
    Error::TypeNotAccepted(format!(
        "failed to parse manifest: manifest data does not match schema: '{found}' is {is}\n\n\
         Failed validating 'enum' in {}: {why}",
        place.path()
    ))
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

    fn index_of(artifact_type: &str) -> Manifest {
        let text = format!(r#"{{"schemaVersion":2,"artifactType":"{artifact_type}","manifests":[]}}"#);
        Manifest::parse(Some(mt::OCI_INDEX), text.as_bytes()).unwrap()
    }

    #[test]
    fn what_has_no_configuration_is_judged_by_its_artifact_type() {
        let bundle = || manifest(mt::OCI_EMPTY, Some(mt::SIGSTORE_BUNDLE), &[mt::SIGSTORE_BUNDLE]);
        let enforced = ArtifactSettings { ignore_unknown: Some(false), ..ArtifactSettings::default() };
        let policy = ArtifactPolicy::new(&enforced);
        assert!(policy.check(&bundle()).is_ok(), "cosign is in the default table, whatever its version");
        assert!(policy.check(&manifest(mt::OCI_EMPTY, None, &[])).is_err());
        assert!(policy.check(&index_of("application/vnd.example.model")).is_err());
        assert!(policy.check(&index_of(mt::HELM_CONFIG)).is_ok());
        let helm = index_of(mt::HELM_CONFIG);
        let without_helm = ArtifactSettings { helm: Some(false), ..ArtifactSettings::default() };
        assert!(ArtifactPolicy::new(&without_helm).check(&helm).is_err());
        let table =
            ArtifactSettings { table: table("application/vnd.example.model", "text/plain"), ..enforced };
        let policy = ArtifactPolicy::new(&table);
        assert!(policy.check(&bundle()).is_err(), "a table replaces the default one");
        assert!(policy.check(&index_of("application/vnd.example.model")).is_ok());
    }

    #[test]
    fn a_docker_manifest_is_no_way_around_the_table() {
        let docker = |config: &str, layer: &str| {
            let text = format!(
                r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{config}","digest":"{DIGEST}","size":0}},
                "layers":[{{"mediaType":"{layer}","digest":"{DIGEST}","size":0}}]}}"#,
                mt::DOCKER_MANIFEST
            );
            Manifest::parse(Some(mt::DOCKER_MANIFEST), text.as_bytes()).unwrap()
        };
        let passes = |ignore_unknown, config, layer| {
            let settings = ArtifactSettings { ignore_unknown, ..ArtifactSettings::default() };
            ArtifactPolicy::new(&settings).check(&docker(config, layer)).is_ok()
        };
        let (image, model) = (mt::DOCKER_IMAGE_CONFIG, "application/vnd.example.model");
        for (ignore_unknown, config, layer, expected) in [
            (None, image, mt::DOCKER_LAYER, true),
            (None, image, model, true),
            (None, model, mt::DOCKER_LAYER, true),
            (None, image, DOCKER_LAYER_ZSTD, false),
            (Some(true), image, DOCKER_LAYER_ZSTD, false),
            (Some(false), image, mt::DOCKER_LAYER, true),
            (Some(false), image, mt::DOCKER_LAYER_FOREIGN, true),
            (Some(false), image, DOCKER_LAYER_PLAIN, true),
            (Some(false), image, model, false),
            (Some(false), model, mt::DOCKER_LAYER, false),
        ] {
            assert_eq!(
                passes(ignore_unknown, config, layer),
                expected,
                "{ignore_unknown:?} {config} {layer}"
            );
        }
    }

    #[test]
    fn a_refusal_names_the_type_and_the_setting() {
        let settings = ArtifactSettings { ignore_unknown: Some(false), ..ArtifactSettings::default() };
        let policy = ArtifactPolicy::new(&settings);
        let text = policy.check(&model()).unwrap_err().message();
        assert!(text.starts_with(
            "failed to parse manifest: manifest data does not match schema: 'application/vnd.example.model' is not one \
             of ['application/"
        ));
        assert!(
            text.contains("\n\nFailed validating 'enum' in schema['properties']['artifactType']: "),
            "{text}"
        );
        assert!(text.contains("IGNORE_UNKNOWN_MEDIATYPES") && text.contains("ALLOWED_OCI_ARTIFACT_TYPES"));
        let text =
            policy.check(&manifest("application/vnd.example.config", None, &[])).unwrap_err().message();
        assert!(text.contains("in schema['properties']['config']['properties']['mediaType']: "), "{text}");
        let odd_layer =
            manifest(mt::OCI_IMAGE_CONFIG, None, &[mt::OCI_LAYER, "application/vnd.example.layer"]);
        let text = policy.check(&odd_layer).unwrap_err().message();
        assert!(text.contains("'application/vnd.example.layer' is not one of ["), "{text}");
        assert!(
            text.contains("in schema['properties']['layers']['items']['properties']['mediaType']: "),
            "{text}"
        );
        let settings = ArtifactSettings { general_oci: Some(false), ..ArtifactSettings::default() };
        let refused = ArtifactPolicy::new(&settings).check(&image());
        assert!(
            matches!(refused, Err(Error::UnsupportedMediaType(text)) if text.contains("FEATURE_GENERAL_OCI_SUPPORT"))
        );
    }
}
