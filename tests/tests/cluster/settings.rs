//! The settings on artifact types, switched on a registry that runs, through the Secret with its configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use quay_tests::artifact::{
    DOCKER_MANIFEST, OCI_MANIFEST, descriptor, manifest_bytes, noise, push_blob, put_manifest,
};
use quay_tests::client::{Answer, Caller};
use quay_tests::cluster::Case;
use quay_tests::until::until;
use serde_json::json;
use tokio::time::Instant;

/// What the issue of this feature promises.
const PROMISED: Duration = Duration::from_secs(60);

/// Something to push: config type and layer type.
#[derive(Clone, Copy, Debug)]
enum What {
    Image,
    Docker,
    Helm,
    Cosign,
    Acme,
}

impl What {
    fn types(self) -> (&'static str, &'static str, &'static str) {
        const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
        match self {
            Self::Image => (OCI_MANIFEST, OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+zstd"),
            Self::Docker => (
                DOCKER_MANIFEST,
                "application/vnd.docker.container.image.v1+json",
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
            ),
            Self::Helm => (
                OCI_MANIFEST,
                "application/vnd.cncf.helm.config.v1+json",
                "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            ),
            Self::Cosign => (OCI_MANIFEST, OCI_CONFIG, "application/vnd.dev.cosign.simplesigning.v1+json"),
            Self::Acme => (OCI_MANIFEST, "application/vnd.acme.config", "application/vnd.acme.layer"),
        }
    }
}

async fn try_push(caller: &Caller, what: What) -> Result<Answer> {
    let (manifest_type, config_type, layer_type) = what.types();
    let (config, layer) = (Bytes::from_static(b"{}"), noise(64));
    push_blob(caller, "quayadmin/settings", &config).await?;
    push_blob(caller, "quayadmin/settings", &layer).await?;
    let manifest = manifest_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": descriptor(config_type, &config),
        "layers": [descriptor(layer_type, &layer)],
    }));
    put_manifest(caller, "quayadmin/settings", "latest", manifest_type, &manifest).await
}

/// What must become of a push.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Accepted,
    /// 400 with Quay's body, about this type, naming this setting.
    Refused(&'static str, &'static str),
    /// 415.
    Unsupported,
}

fn judge(what: What, answer: &Answer, expected: Expected) -> Result<()> {
    let shown = || format!("{what:?} should be {expected:?}: {answer:?}");
    match expected {
        Expected::Accepted => ensure!(answer.status == 201, shown()),
        Expected::Refused(type_, setting) => {
            ensure!(answer.status == 400, shown());
            let error = &answer.json()?["errors"][0];
            ensure!(error["code"] == "MANIFEST_INVALID" && error["message"] == "manifest invalid", shown());
            let detail = error["detail"]["message"].as_str().with_context(shown)?;
            let documented =
                format!("failed to parse manifest: manifest data does not match schema: '{type_}' is ");
            ensure!(detail.starts_with(&documented) && detail.contains(setting), shown());
        }
        Expected::Unsupported => {
            ensure!(answer.status == 415, shown());
            ensure!(answer.json()?.to_string().contains("manifest schema version not supported"), shown());
        }
    }
    Ok(())
}

/// Lines of the bundle, what the registry says of them, and what it does then.
type Step<'a> = (&'a str, &'a str, &'a [(What, Expected)]);

async fn all_as_expected(caller: &Caller, expected: &[(What, Expected)]) -> Result<()> {
    for (what, expected) in expected {
        judge(*what, &try_push(caller, *what).await?, *expected)?;
    }
    Ok(())
}

fn restarts(pod: &Pod) -> Option<i32> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    Some(statuses.iter().map(|status| status.restart_count).sum())
}

#[tokio::test]
async fn each_of_the_four_settings_takes_effect_within_a_minute_and_without_a_restart() -> Result<()> {
    use Expected::{Accepted, Refused, Unsupported};
    use What::{Acme, Cosign, Docker, Helm, Image};
    const ALLOWED: &str = "ALLOWED_OCI_ARTIFACT_TYPES";
    const ACME: &str = "application/vnd.acme.config";
    const HELM: &str = "application/vnd.cncf.helm.config.v1+json";
    const COSIGN: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
    let table =
        "ALLOWED_OCI_ARTIFACT_TYPES:\n  application/vnd.acme.config:\n  - application/vnd.acme.layer\n";
    let table_and_helm = format!("FEATURE_HELM_OCI_SUPPORT: true\n{table}");
    let steps: [Step<'_>; 7] = [
        (
            "FEATURE_GENERAL_OCI_SUPPORT: false\n",
            "OCI manifests are refused",
            &[(Helm, Unsupported), (Image, Unsupported), (Docker, Accepted)],
        ),
        (
            "FEATURE_HELM_OCI_SUPPORT: false\n",
            "Helm charts are refused",
            &[(Helm, Refused(HELM, "FEATURE_HELM_OCI_SUPPORT")), (Image, Accepted), (Acme, Accepted)],
        ),
        (
            table,
            "artifact types are enforced",
            &[
                (Helm, Refused(HELM, ALLOWED)),
                (Cosign, Refused(COSIGN, ALLOWED)),
                (Acme, Accepted),
                (Image, Accepted),
                (Docker, Accepted),
            ],
        ),
        (
            &table_and_helm,
            "artifact types are enforced",
            &[(Helm, Accepted), (Acme, Accepted), (Cosign, Refused(COSIGN, ALLOWED))],
        ),
        (
            "IGNORE_UNKNOWN_MEDIATYPES: false\n",
            "artifact types are enforced",
            &[
                (Acme, Refused(ACME, "IGNORE_UNKNOWN_MEDIATYPES")),
                (Helm, Accepted),
                (Cosign, Accepted),
                (Image, Accepted),
            ],
        ),
        (
            "IGNORE_UNKNOWN_MEDIATYPES: true\n",
            "every artifact type is accepted",
            &[(Acme, Accepted), (Helm, Accepted)],
        ),
        ("", "every artifact type is accepted", &[(Acme, Accepted), (Image, Accepted)]),
    ];
    Case::run(async |case| {
        let secret = Secret {
            metadata: ObjectMeta { name: Some("bundle".into()), ..ObjectMeta::default() },
            string_data: Some(BTreeMap::from([("config.yaml".into(), String::new())])),
            ..Secret::default()
        };
        case.api::<Secret>().create(&PostParams::default(), &secret).await?;
        let at = case.ready("policy", json!({ "configBundleSecret": "bundle" })).await?;
        let caller = at.caller();
        let before = case.pod("policy").await?;
        // by default everything is welcome
        all_as_expected(&caller, &[Image, Docker, Helm, Cosign, Acme].map(|what| (what, Accepted))).await?;

        for (yaml, policy, expected) in steps {
            let patch = Patch::Merge(json!({ "stringData": { "config.yaml": yaml } }));
            case.api::<Secret>().patch("bundle", &PatchParams::default(), &patch).await?;
            let changed = Instant::now();
            until(&format!("{expected:?} after {yaml:?}"), PROMISED, || all_as_expected(&caller, expected))
                .await?;
            println!("{:.1} s until {yaml:?} was in force", changed.elapsed().as_secs_f64());
            case.wait("policy", &format!("the status to say: {policy}"), |registry| {
                registry["status"]["artifactPolicy"].as_str().is_some_and(|said| said.contains(policy))
            })
            .await?;
        }
        case.hear("ArtifactPolicy").await?;
        let after = case.pod("policy").await?;
        assert_eq!(after.metadata.uid, before.metadata.uid);
        assert_eq!((restarts(&after), restarts(&before)), (Some(0), Some(0)));
        Ok(())
    })
    .await
}
