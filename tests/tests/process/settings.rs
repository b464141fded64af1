//! The four settings about artifacts, edited on a running registry: what was refused is accepted and the other way
//! round, by the same process, with the words that users of Quay know.

use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use quay_tests::artifact::{
    DOCKER_MANIFEST, OCI_MANIFEST, descriptor, manifest_bytes, noise, push_blob, put_manifest,
};
use quay_tests::chart;
use quay_tests::client::{Answer, Caller};
use quay_tests::clients::{HELM_4, Helm, Oras};
use quay_tests::until::until;
use serde_json::json;

use crate::fixture::{Started, started};

/// The longest that an edit may take to be in force.
const SOON: Duration = Duration::from_secs(60);

const REPOSITORY: &str = "quayadmin/offered";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const SIF: (&str, &str) =
    ("application/vnd.sylabs.sif.config.v1+json", "application/vnd.sylabs.sif.layer.v1.tar");
const HELM: (&str, &str) =
    ("application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip");

/// What is offered again and again: a word, the type of the manifest, of its config, of its layer.
const OFFERS: &[(&str, &str, &str, &str)] = &[
    ("image", OCI_MANIFEST, OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+gzip"),
    ("zstd", OCI_MANIFEST, OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+zstd"),
    ("cosign", OCI_MANIFEST, OCI_CONFIG, "application/vnd.dev.cosign.simplesigning.v1+json"),
    ("helm", OCI_MANIFEST, HELM.0, HELM.1),
    ("sif", OCI_MANIFEST, SIF.0, SIF.1),
    ("docker", DOCKER_MANIFEST, DOCKER_CONFIG, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
];

/// The configuration as the guides print it, with one more type of artifact and what cosign needs.
const TABLE: &str = "\
ALLOWED_OCI_ARTIFACT_TYPES:
  application/vnd.oci.image.config.v1+json:
  - application/vnd.dev.cosign.simplesigning.v1+json
  - application/vnd.oci.image.layer.v1.tar+zstd
  application/vnd.sylabs.sif.config.v1+json:
  - application/vnd.sylabs.sif.layer.v1.tar
";

/// Things to push whose blobs are there already.
struct Offers {
    caller: Caller,
    config: Bytes,
    layer: Bytes,
}

impl Offers {
    async fn new(started: &Started) -> Result<Offers> {
        let config =
            json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
        let (caller, config, layer) = (started.caller(), manifest_bytes(&config), noise(100));
        push_blob(&caller, REPOSITORY, &config).await?;
        push_blob(&caller, REPOSITORY, &layer).await?;
        Ok(Offers { caller, config, layer })
    }

    async fn offer(&self, word: &str) -> Result<Answer> {
        let Some((tag, media_type, config, layer)) = OFFERS.iter().find(|offer| offer.0 == word) else {
            anyhow::bail!("nothing is offered under {word}");
        };
        let manifest = manifest_bytes(&json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": descriptor(config, &self.config),
            "layers": [descriptor(layer, &self.layer)],
        }));
        put_manifest(&self.caller, REPOSITORY, tag, media_type, &manifest).await
    }

    /// What is accepted now, in the order above.
    async fn accepted(&self) -> Result<Vec<&'static str>> {
        let mut accepted = Vec::new();
        for (word, ..) in OFFERS {
            if self.offer(word).await?.status == 201 {
                accepted.push(*word);
            }
        }
        Ok(accepted)
    }
}

/// Waits until exactly these are accepted.
async fn accepts(offers: &Offers, expected: &str) -> Result<()> {
    until(&format!("only {expected} to be accepted"), SOON, || async {
        let accepted = offers.accepted().await?.join(" ");
        ensure!(accepted == expected, "{accepted}");
        Ok(())
    })
    .await
}

/// Waits until something is refused because of a setting: the message in the detail of Quay's error body.
async fn refused(offers: &Offers, word: &str, status: u16, setting: &str) -> Result<String> {
    until(&format!("{word} to be refused by {setting}"), SOON, || async {
        let body = offers.offer(word).await?.expect(status)?.json()?;
        let error = &body["errors"][0];
        let text = error["detail"]["message"].as_str().unwrap_or_default().to_owned();
        ensure!(text.contains(setting), "{text}");
        // Quay's words for a type; where the protocol gives none, those who see the message alone get the reason.
        let message = if status == 400 { "manifest invalid" } else { &format!("manifest invalid: {text}") };
        ensure!(error["code"] == "MANIFEST_INVALID" && error["message"] == message, "{body}");
        Ok(text)
    })
    .await
}

#[tokio::test]
async fn each_setting_takes_effect_on_the_running_process_and_so_does_its_removal() -> Result<()> {
    const EVERYTHING: &str = "image zstd cosign helm sif docker";
    let started = started().await?;
    let (plain, pid) = (started.site.read_config()?, started.registry.pid()?);
    let offers = Offers::new(&started).await?;
    accepts(&offers, EVERYTHING).await?;
    for (extra, expected) in [
        (TABLE.to_owned(), "image zstd cosign sif docker"),
        (format!("{TABLE}FEATURE_HELM_OCI_SUPPORT: true\n"), EVERYTHING),
        (format!("{TABLE}IGNORE_UNKNOWN_MEDIATYPES: false\n"), "image zstd cosign sif docker"),
        (format!("{TABLE}IGNORE_UNKNOWN_MEDIATYPES: true\n"), EVERYTHING),
        ("IGNORE_UNKNOWN_MEDIATYPES: false\n".to_owned(), "image zstd cosign helm docker"),
        (String::new(), EVERYTHING),
        ("FEATURE_HELM_OCI_SUPPORT: false\n".to_owned(), "image zstd cosign sif docker"),
        ("FEATURE_GENERAL_OCI_SUPPORT: false\n".to_owned(), "docker"),
        ("FEATURE_GENERAL_OCI_SUPPORT: true\n".to_owned(), EVERYTHING),
    ] {
        started.site.write_config(&format!("{plain}{extra}"))?;
        accepts(&offers, expected).await?;
    }
    assert_eq!(started.registry.pid()?, pid);
    Ok(())
}

#[tokio::test]
async fn a_refusal_has_quays_body_and_names_the_setting() -> Result<()> {
    let started = started().await?;
    let plain = started.site.read_config()?;
    let offers = Offers::new(&started).await?;
    let schema = "failed to parse manifest: manifest data does not match schema:";

    started.site.write_config(&format!("{plain}IGNORE_UNKNOWN_MEDIATYPES: false\n"))?;
    let text = refused(&offers, "sif", 400, "IGNORE_UNKNOWN_MEDIATYPES").await?;
    assert!(text.starts_with(&format!("{schema} '{}' is not one of ['application/", SIF.0)), "{text}");

    started.site.write_config(&format!("{plain}{TABLE}"))?;
    let text = refused(&offers, "helm", 400, "ALLOWED_OCI_ARTIFACT_TYPES").await?;
    assert!(text.starts_with(&format!("{schema} '{}' is not one of ['application/", HELM.0)), "{text}");

    started.site.write_config(&format!("{plain}FEATURE_HELM_OCI_SUPPORT: false\n"))?;
    let text = refused(&offers, "helm", 400, "FEATURE_HELM_OCI_SUPPORT").await?;
    assert!(text.starts_with(&format!("{schema} '{}' is ", HELM.0)), "{text}");

    started.site.write_config(&format!("{plain}FEATURE_GENERAL_OCI_SUPPORT: false\n"))?;
    let text = refused(&offers, "image", 415, "FEATURE_GENERAL_OCI_SUPPORT").await?;
    assert!(text.starts_with("manifest schema version not supported"), "{text}");
    Ok(())
}

#[tokio::test]
async fn helm_and_oras_print_which_setting_refused_them_and_succeed_after_the_edit() -> Result<()> {
    let started = started().await?;
    let plain = started.site.read_config()?;
    let host = started.registry.host();
    let offers = Offers::new(&started).await?;
    started.site.write_config(&format!("{plain}{TABLE}FEATURE_HELM_OCI_SUPPORT: false\n"))?;
    accepts(&offers, "image zstd cosign sif docker").await?;

    let helm = Helm::new(HELM_4, &started.ca).await?;
    helm.login(&host, &started.admin).await?.success()?;
    let archive = chart::package(&helm, helm.home(), "refused", "0.1.0").await?;
    let to = format!("{host}/quayadmin");
    let refused = helm.push(&archive, &to).await?.failure()?;
    refused.saying("manifest data does not match schema")?.saying("FEATURE_HELM_OCI_SUPPORT")?;

    let oras = Oras::new(&started.ca).await?;
    oras.login(&host, &started.admin).await?.success()?;
    oras.write("docs.tar", "docs")?;
    let (rocket, there) = ("application/vnd.acme.rocket.config", format!("{host}/quayadmin/rocket:1"));
    let args = ["--artifact-type", rocket, &there, "docs.tar:application/vnd.acme.rocket.docs.layer.v1+tar"];
    let refused = oras.ask("push", &args).await?.failure()?;
    refused.saying(rocket)?.saying("ALLOWED_OCI_ARTIFACT_TYPES")?;

    let rule = format!("  {rocket}:\n  - application/vnd.acme.rocket.docs.layer.v1+tar\n");
    started.site.write_config(&format!("{plain}{TABLE}{rule}FEATURE_HELM_OCI_SUPPORT: true\n"))?;
    accepts(&offers, "image zstd cosign helm sif docker").await?;
    helm.push(&archive, &to).await?.success()?;
    oras.ask("push", &args).await?.success()?;
    Ok(())
}

#[tokio::test]
async fn lines_with_an_equals_sign_are_not_used_and_the_log_says_what_yaml_wants() -> Result<()> {
    let started = started().await?;
    let plain = started.site.read_config()?;
    let offers = Offers::new(&started).await?;
    started.site.write_config(&format!("{plain}FEATURE_HELM_OCI_SUPPORT = false\n"))?;
    until("the log to say what YAML wants", SOON, || async {
        let log = started.site.log()?;
        ensure!(log.contains("FEATURE_HELM_OCI_SUPPORT: false"), "{log}");
        Ok(())
    })
    .await?;
    // the old configuration is in force, and a right one is taken after the wrong one
    accepts(&offers, "image zstd cosign helm sif docker").await?;
    started.site.write_config(&format!("{plain}FEATURE_HELM_OCI_SUPPORT: false\n"))?;
    accepts(&offers, "image zstd cosign sif docker").await
}
