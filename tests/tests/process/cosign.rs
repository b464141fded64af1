//! cosign in every generation that is still in use: sign, attest, verify, look, copy. The registry's own interface
//! says that an image is signed, wherever the signature lies.

use anyhow::{Context, Result};
use quay_oci::Digest;
use quay_tests::accounts::Credentials;
use quay_tests::api::Session;
use quay_tests::artifact::{OCI_INDEX, pull_manifest, tags};
use quay_tests::client::Caller;
use quay_tests::clients::{Cosign, Oras, Podman, Scheme, cosigns};
use quay_tests::image;
use serde_json::Value;

use crate::fixture::{Organization, Started, started, tag};

/// What refers to a manifest, as the registry lists it.
async fn referrers(caller: &Caller, repository: &str, digest: &Digest) -> Result<Vec<Value>> {
    let path = format!("/v2/{repository}/referrers/{digest}");
    let answer = caller.get(&path).send().await?.expect(200)?;
    assert_eq!(answer.need("content-type")?, OCI_INDEX);
    answer.json()?["manifests"].as_array().cloned().context("manifests is a list")
}

/// Somebody who looks, by both interfaces.
struct Eyes {
    caller: Caller,
    session: Session,
}

impl Eyes {
    async fn of(started: &Started, who: &Credentials) -> Result<Eyes> {
        Ok(Eyes { caller: started.client().basic(who), session: started.session(who).await? })
    }
}

/// Asks the interface whether the image bears the mark, and compares what it says with what is there.
async fn bears_the_mark(eyes: &Eyes, repository: &str, scheme: Scheme, image: &Digest) -> Result<()> {
    let shown = tag(&eyes.session, repository, "1").await?;
    let signature = shown["cosign_signature_manifest_digest"].as_str().with_context(|| format!("{shown}"))?;
    pull_manifest(&eyes.caller, repository, signature).await?;
    let listed = referrers(&eyes.caller, repository, image).await?;
    match scheme {
        Scheme::Tag => {
            assert_eq!(shown["cosign_signature_tag"], format!("sha256-{}.sig", image.hex()), "{shown}");
        }
        Scheme::Referrer => {
            assert_eq!(shown["referrers_count"], listed.len(), "{shown}");
            assert!(listed.iter().any(|entry| entry["digest"] == signature), "{signature} of {listed:?}");
        }
    }
    Ok(())
}

async fn bears_no_mark(eyes: &Eyes, repository: &str) -> Result<()> {
    let shown = tag(&eyes.session, repository, "1").await?;
    assert!(shown["cosign_signature_manifest_digest"].is_null(), "{shown}");
    Ok(())
}

/// Keys, signatures and attestations of one version in one scheme, from nothing to a copy elsewhere.
async fn signs(started: &Started, acme: &Organization, one: (&'static str, Scheme)) -> Result<()> {
    let (version, scheme) = one;
    let host = started.registry.host();
    // as the guides have it: podman logs in, cosign reads what it wrote
    let podman = Podman::new(&started.ca)?;
    podman.login(&host, &acme.robot).await?.success()?;
    let cosign = Cosign::new(one, &started.ca).await?.with_auth_file(&podman.auth_file());
    cosign.generate_key_pair("mine").await?;
    cosign.generate_key_pair("other").await?;

    let name = format!("{}-{scheme:?}", version.replace('.', "-")).to_lowercase();
    let repository = format!("acme/{name}");
    let eyes = Eyes::of(started, &acme.owner).await?;
    acme.session.create_repository("acme", &name, "private").await?;
    acme.session.permit(&repository, &acme.robot.username, "write").await?;
    let image = image::push(&eyes.caller, &repository, "1").await?;
    let reference = format!("{host}/{repository}@{}", image.digest);

    cosign.verify("mine", &reference).await?.failure()?;
    bears_no_mark(&eyes, &repository).await?;
    cosign.sign("mine", &reference).await?.success()?;
    cosign.verify("mine", &reference).await?.success()?;
    cosign.verify("other", &reference).await?.failure()?;
    bears_the_mark(&eyes, &repository, scheme, &image.digest).await?;

    std::fs::write(cosign.home().join("predicate.json"), r#"{"checked":"by hand"}"#)?;
    cosign.verify_attestation("mine", &reference).await?.failure()?;
    cosign.attest("mine", "predicate.json", &reference).await?.success()?;
    cosign.verify_attestation("mine", &reference).await?.success()?;
    cosign.verify_attestation("other", &reference).await?.failure()?;
    // it is still the signature that is named, not the attestation
    bears_the_mark(&eyes, &repository, scheme, &image.digest).await?;
    cosign.verify("mine", &reference).await?.success()?;

    let tree = cosign.tree(&reference).await?.success()?;
    let listed = referrers(&eyes.caller, &repository, &image.digest).await?;
    match scheme {
        Scheme::Tag => {
            assert_eq!(listed, Vec::<Value>::new(), "{version}");
            let tags = tags(&eyes.caller, &repository).await?;
            for suffix in ["sig", "att"] {
                let tag = format!("sha256-{}.{suffix}", image.digest.hex());
                assert!(
                    tags.contains(&tag) && tree.text.contains(&tag),
                    "{version}: {tags:?}, {}",
                    tree.text
                );
            }
        }
        Scheme::Referrer => {
            assert_eq!(tags(&eyes.caller, &repository).await?, ["1"], "{version}: no tag is needed");
            assert_eq!(listed.len(), 2, "{version}: {listed:?}");
            for entry in &listed {
                let digest = entry["digest"].as_str().context("a digest")?;
                assert!(tree.text.contains(digest), "{version}: {}", tree.text);
            }
        }
    }
    // a robot is of one organization; whoever copies to another is a person
    podman.login(&host, &acme.owner).await?.success()?;
    copies(started, acme, &cosign, scheme, &name, &image.digest).await
}

/// Copies a signed image to another organization; there it is as signed as here.
async fn copies(
    started: &Started,
    acme: &Organization,
    cosign: &Cosign,
    scheme: Scheme,
    name: &str,
    image: &Digest,
) -> Result<()> {
    let host = started.registry.host();
    let eyes = Eyes::of(started, &acme.owner).await?;
    let (from, to) = (format!("{host}/acme/{name}:1"), format!("{host}/partner/{name}:1"));
    cosign.copy(&from, &to).await?.success()?;
    let repository = format!("partner/{name}");
    let there = format!("{host}/{repository}@{image}");
    if scheme == Scheme::Referrer {
        // cosign takes along what lies under tags only; the rest is oras's to copy
        bears_no_mark(&eyes, &repository).await?;
        let oras = Oras::new(&started.ca).await?;
        oras.login(&host, &acme.owner).await?.success()?;
        oras.copy_all(&from, &to).await?.success()?;
    }
    cosign.verify("mine", &there).await?.success()?;
    cosign.verify_attestation("mine", &there).await?.success()?;
    cosign.verify("other", &there).await?.failure()?;
    bears_the_mark(&eyes, &repository, scheme, image).await
}

#[tokio::test]
async fn every_cosign_signs_attests_verifies_and_copies_in_each_way_it_knows() -> Result<()> {
    let started = started().await?;
    let acme = started.organization("acme").await?;
    acme.session.create_organization("partner").await?;
    for one in cosigns() {
        signs(&started, &acme, *one).await.with_context(|| format!("{one:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn an_index_is_signed_and_its_copy_has_no_false_referrers() -> Result<()> {
    let started = started().await?;
    let host = started.registry.host();
    let eyes = Eyes::of(&started, &started.admin).await?;
    let folder = tempfile::tempdir()?;
    // docker's way to keep credentials, written by podman all the same
    let podman = Podman::new(&started.ca)?;
    podman.login(&host, &started.admin).await?.success()?;
    std::fs::copy(podman.auth_file(), folder.path().join("config.json"))?;
    for one in cosigns() {
        let cosign = Cosign::new(*one, &started.ca).await?.with_docker_config(folder.path());
        cosign.generate_key_pair("mine").await?;
        let name = format!("{}-{:?}", one.0.replace('.', "-"), one.1).to_lowercase();
        let (from, to) = (format!("quayadmin/{name}"), format!("quayadmin/{name}-copy"));
        let index = image::push_index(&eyes.caller, &from, "1").await?;
        cosign.sign("mine", &format!("{host}/{from}@{index}")).await?.success()?;
        cosign.verify("mine", &format!("{host}/{from}@{index}")).await?.success()?;
        bears_the_mark(&eyes, &from, one.1, &index).await?;

        // since 2 cosign puts the index itself under the tag where other clients keep the list of referrers
        cosign.copy(&format!("{host}/{from}:1"), &format!("{host}/{to}:1")).await?.success()?;
        let there = tags(&eyes.caller, &to).await?;
        let itself = there.contains(&format!("sha256-{}", index.hex()));
        assert_eq!(itself, !one.0.starts_with("cosign-1."), "{one:?}: {there:?}");
        assert_eq!(referrers(&eyes.caller, &to, &index).await?, Vec::<Value>::new(), "{one:?}");
    }
    Ok(())
}
