//! Artifacts that are no images, as their own tools push them: accepted without any setting, given back byte for byte,
//! and shown as what they are.

use anyhow::{Context, Result};
use quay_tests::artifact::tags;
use quay_tests::clients::{Crane, Oras, Outcome};
use quay_tests::image;

use crate::fixture::{Started, started, tag};

/// A file of an artifact: its name, its type, its content.
type File = (&'static str, &'static str, &'static [u8]);

/// Pushes one file with options, pulls it back, and compares; the interface shows the kind.
async fn comes_back_as(
    started: &Started,
    kind: &str,
    name: &str,
    options: &[&str],
    (file, media_type, content): File,
) -> Result<()> {
    let oras = Oras::new(&started.ca).await?;
    let host = started.registry.host();
    let session = started.session(&started.admin).await?;
    oras.login(&host, &started.admin).await?.success()?;
    oras.write("config.json", "{}")?;
    oras.write(file, content)?;
    let (repository, typed) = (format!("quayadmin/{name}"), format!("{file}:{media_type}"));
    let reference = format!("{host}/{repository}:1");
    let pushed = oras.ask("push", &[options, &[&reference, &typed]].concat()).await?.success()?;
    let printed = pushed.after("Digest:")?;

    let shown = tag(&session, &repository, "1").await?;
    assert_eq!(shown["artifact_kind"], kind, "{name}: {shown}");
    assert_eq!(shown["manifest_digest"], printed, "{name}: {shown}");
    oras.ask("pull", &["--output", "back", &reference]).await?.success()?;
    assert_eq!(oras.read(&format!("back/{file}"))?, content, "{name}");
    Ok(())
}

#[tokio::test]
async fn singularity_policies_modules_models_and_things_unheard_of_are_kept_and_named() -> Result<()> {
    let started = started().await?;
    let sif: File = (
        "image.sif",
        "application/vnd.sylabs.sif.layer.v1.tar",
        b"#!/usr/bin/env run-singularity\n\0SIF_MAGIC",
    );
    let options = ["--config", "config.json:application/vnd.sylabs.sif.config.v1+json"];
    comes_back_as(&started, "sif", "singularity", &options, sif).await?;

    let policy: File = (
        "deny.rego",
        "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego",
        b"package main\n\ndeny[msg] { input.kind == \"Pod\"; msg := \"no pods\" }\n",
    );
    let options = ["--config", "config.json:application/vnd.cncf.openpolicyagent.config.v1+json"];
    comes_back_as(&started, "policy", "policy", &options, policy).await?;

    let module: File = ("module.wasm", "application/wasm", b"\0asm\x01\0\0\0");
    let options = ["--config", "config.json:application/vnd.wasm.config.v0+json"];
    comes_back_as(&started, "wasm", "wasm", &options, module).await?;

    let model: File = ("model.onnx", "application/octet-stream", b"\x08\x07\x12\x05tests");
    comes_back_as(&started, "model", "model", &["--artifact-type", "application/x-mlmodel"], model).await?;

    let sbom: File = ("sbom.json", "application/vnd.cyclonedx+json", br#"{"bomFormat":"CycloneDX"}"#);
    let options = ["--artifact-type", "application/vnd.cyclonedx+json"];
    comes_back_as(&started, "sbom", "sbom", &options, sbom).await?;

    let rocket: File = ("docs.tar", "application/vnd.acme.rocket.docs.layer.v1+tar", b"\0\0\0\0");
    let options = ["--artifact-type", "application/vnd.acme.rocket.config"];
    comes_back_as(&started, "other", "rocket", &options, rocket).await
}

#[tokio::test]
async fn an_operator_bundle_made_by_crane_is_an_operator_bundle() -> Result<()> {
    let started = started().await?;
    let host = started.registry.host();
    let session = started.session(&started.admin).await?;
    let crane = Crane::new(&started.ca).await?;
    crane.login(&host, &started.admin).await?.success()?;
    std::fs::create_dir_all(crane.home().join("bundle/manifests"))?;
    std::fs::write(crane.home().join("bundle/manifests/csv.yaml"), "kind: ClusterServiceVersion\n")?;
    let tar = ["-C", "bundle", "-cf", "layer.tar", "manifests"];
    let tar = tokio::process::Command::new("tar").args(tar).current_dir(crane.home()).status().await?;
    assert!(tar.success(), "tar ended with {tar}");

    let reference = format!("{host}/quayadmin/bundle:1");
    let args = ["append", "--oci-empty-base", "-f", "layer.tar", "-t", &reference];
    crane.run(&args).await?.success()?;
    assert_eq!(tag(&session, "quayadmin/bundle", "1").await?["artifact_kind"], "image");
    let label = "operators.operatorframework.io.bundle.mediatype.v1=registry+v1";
    let args = ["mutate", "--label", label, &reference, "-t", &reference];
    let mutated = crane.run(&args).await?.success()?;
    let shown = tag(&session, "quayadmin/bundle", "1").await?;
    assert_eq!(shown["artifact_kind"], "operator-bundle", "{shown}");
    let digest = shown["manifest_digest"].as_str().context("a digest")?;
    assert!(mutated.text.contains(digest), "{digest}: {}", mutated.text);

    // what crane keeps of it is what the registry has
    crane.run(&["validate", "--remote", &reference]).await?.success()?.saying("PASS")?;
    let copy = format!("{host}/quayadmin/elsewhere:1");
    crane.run(&["copy", &reference, &copy]).await?.success()?;
    let same = crane.run(&["digest", &copy]).await?.success()?;
    assert_eq!(same.text.trim(), digest);
    let catalog = crane.run(&["catalog", &host]).await?.success()?;
    assert!(catalog.text.lines().any(|line| line.ends_with("quayadmin/elsewhere")), "{}", catalog.text);
    Ok(())
}

#[tokio::test]
async fn a_bill_of_materials_is_attached_found_and_goes_with_the_image() -> Result<()> {
    let started = started().await?;
    let host = started.registry.host();
    let session = started.session(&started.admin).await?;
    let oras = Oras::new(&started.ca).await?;
    oras.login(&host, &started.admin).await?.success()?;
    let image = image::push(&started.caller(), "quayadmin/app", "1").await?;
    let reference = format!("{host}/quayadmin/app:1");
    assert_eq!(oras.discover(&reference).await?["referrers"].as_array().map_or(0, Vec::len), 0);

    oras.write("sbom.json", r#"{"bomFormat":"CycloneDX"}"#)?;
    let file = "sbom.json:application/vnd.cyclonedx+json";
    let args = ["--artifact-type", "application/vnd.cyclonedx+json", &reference, file];
    let attached = oras.ask("attach", &args).await?.success()?;
    let digest = attached.after("Digest:")?.to_owned();
    let found = |outcome: &serde_json::Value| outcome["referrers"][0]["digest"] == digest.as_str();
    let discovered = oras.discover(&reference).await?;
    assert!(found(&discovered), "{digest}: {discovered}");
    assert_eq!(tag(&session, "quayadmin/app", "1").await?["referrers_count"], 1);
    // the registry lists what refers to the image; no tag was needed for it
    assert_eq!(tags(&started.caller(), "quayadmin/app").await?, ["1"]);

    let copy = format!("{host}/quayadmin/copy:1");
    let outcome: Outcome = oras.copy_all(&reference, &copy).await?.success()?;
    assert!(outcome.text.contains(image.digest.as_str()), "{}", outcome.text);
    let discovered = oras.discover(&copy).await?;
    assert!(found(&discovered), "{digest}: {discovered}");
    Ok(())
}
