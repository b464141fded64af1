//! Tags, deletion and referrers.

use anyhow::Result;
use quay_oci::Digest;
use quay_tests::accounts::Credentials;
use quay_tests::artifact::{OCI_INDEX, OCI_MANIFEST, pull_manifest, push, push_with, put_manifest, tags};
use serde_json::json;

use crate::fixture::{started, started_with};

const REPOSITORY: &str = "quayadmin/lists";

#[tokio::test]
async fn tags_are_listed_in_byte_order_page_by_page() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let first = push(&caller, REPOSITORY, "b", 10).await?;
    for tag in ["a", "Z", "_x", "1.10", "1.9", "c"] {
        put_manifest(&caller, REPOSITORY, tag, OCI_MANIFEST, &first.manifest).await?.expect(201)?;
    }
    let all = ["1.10", "1.9", "Z", "_x", "a", "b", "c"];
    assert_eq!(tags(&caller, REPOSITORY).await?, all);

    let mut seen = Vec::new();
    let mut next = Some(format!("/v2/{REPOSITORY}/tags/list?n=3"));
    let mut pages = 0;
    while let Some(path) = next {
        let answer = caller.get(&path).send().await?.expect(200)?;
        let body = answer.json()?;
        assert_eq!(body["name"], REPOSITORY);
        let page = body["tags"].as_array().cloned().unwrap_or_default();
        assert!(page.len() <= 3);
        seen.extend(page.iter().filter_map(|tag| tag.as_str().map(str::to_owned)));
        pages += 1;
        assert!(pages <= 3, "the list does not end");
        next = answer.header("link").map(|link| {
            assert!(link.ends_with(r#"; rel="next""#), "{link}");
            let url = link.trim_start_matches('<').split('>').next().unwrap_or_default();
            url.trim_start_matches(started.client().base()).to_owned()
        });
    }
    assert_eq!((seen, pages), (all.map(str::to_owned).to_vec(), 3));

    let after = |query: &str| caller.get(&format!("/v2/{REPOSITORY}/tags/list?{query}")).send();
    assert_eq!(after("n=0").await?.expect(200)?.json()?["tags"], json!([]));
    assert_eq!(after("last=Y").await?.expect(200)?.json()?["tags"], json!(["Z", "_x", "a", "b", "c"]));
    assert_eq!(after("last=zz&n=5").await?.expect(200)?.json()?["tags"], json!([]));
    Ok(())
}

#[tokio::test]
async fn deleting_a_tag_hides_it_at_once_and_leaves_the_others() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let pushed = push(&caller, REPOSITORY, "one", 10).await?;
    put_manifest(&caller, REPOSITORY, "two", OCI_MANIFEST, &pushed.manifest).await?.expect(201)?;
    caller.delete(&format!("/v2/{REPOSITORY}/manifests/one")).send().await?.expect(202)?;
    let gone = caller.get(&format!("/v2/{REPOSITORY}/manifests/one")).send().await?.expect(404)?;
    assert!(["MANIFEST_UNKNOWN", "TAG_EXPIRED"].contains(&gone.error_code()?.as_str()), "{gone:?}");
    assert_eq!(tags(&caller, REPOSITORY).await?, ["two"]);
    pull_manifest(&caller, REPOSITORY, "two").await?;
    pull_manifest(&caller, REPOSITORY, pushed.digest.as_str()).await?;
    caller.delete(&format!("/v2/{REPOSITORY}/manifests/one")).send().await?.expect(404)?;
    Ok(())
}

#[tokio::test]
async fn deleting_a_manifest_hides_it_and_its_tags_and_a_push_revives_it() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let pushed = push(&caller, REPOSITORY, "one", 10).await?;
    let kept = push(&caller, REPOSITORY, "kept", 10).await?;
    let path = format!("/v2/{REPOSITORY}/manifests/{}", pushed.digest);
    caller.delete(&path).send().await?.expect(202)?;
    for reference in ["one", pushed.digest.as_str()] {
        let path = format!("/v2/{REPOSITORY}/manifests/{reference}");
        caller.get(&path).send().await?.expect(404)?;
        caller.head(&path).send().await?.expect(404)?;
    }
    let layer = format!("/v2/{REPOSITORY}/blobs/{}", Digest::sha256(&pushed.layer));
    caller.delete(&path).send().await?.expect(404)?;
    assert_eq!(tags(&caller, REPOSITORY).await?, ["kept"]);
    pull_manifest(&caller, REPOSITORY, kept.digest.as_str()).await?;

    // whoever pushes the same bytes again gets them back
    quay_tests::artifact::push_blob(&caller, REPOSITORY, &pushed.config).await?;
    quay_tests::artifact::push_blob(&caller, REPOSITORY, &pushed.layer).await?;
    put_manifest(&caller, REPOSITORY, "one", OCI_MANIFEST, &pushed.manifest).await?.expect(201)?;
    pull_manifest(&caller, REPOSITORY, "one").await?;
    caller.get(&layer).send().await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn referrers_of_an_unknown_subject_are_an_empty_index() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    push(&caller, REPOSITORY, "1", 10).await?;
    let unknown = Digest::sha256(b"never pushed");
    let answer = caller.get(&format!("/v2/{REPOSITORY}/referrers/{unknown}")).send().await?.expect(200)?;
    assert_eq!(answer.need("content-type")?, OCI_INDEX);
    let body = answer.json()?;
    assert_eq!((&body["schemaVersion"], &body["mediaType"]), (&json!(2), &json!(OCI_INDEX)));
    assert_eq!(body["manifests"], json!([]));
    Ok(())
}

#[tokio::test]
async fn referrers_list_what_points_at_a_subject_and_filter_by_type() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let subject = push(&caller, REPOSITORY, "1", 10).await?;
    let mut pushed = Vec::new();
    for kind in ["signature", "sbom"] {
        let referrer = push_with(&caller, REPOSITORY, "", 10, |manifest| {
            manifest["artifactType"] = json!(format!("application/vnd.example.{kind}"));
            manifest["subject"] = subject.descriptor();
            manifest["annotations"] = json!({ "org.example.kind": kind });
        })
        .await?;
        pushed.push(referrer);
    }
    let path = format!("/v2/{REPOSITORY}/referrers/{}", subject.digest);
    let answer = caller.get(&path).send().await?.expect(200)?;
    assert_eq!(answer.need("content-type")?, OCI_INDEX);
    let body = answer.json()?;
    let listed = body["manifests"].as_array().cloned().unwrap_or_default();
    let mut digests: Vec<&str> = listed.iter().filter_map(|entry| entry["digest"].as_str()).collect();
    digests.sort_unstable();
    let mut expected: Vec<&str> = pushed.iter().map(|referrer| referrer.digest.as_str()).collect();
    expected.sort_unstable();
    assert_eq!(digests, expected);

    let filtered =
        caller.get(&path).query(&[("artifactType", "application/vnd.example.sbom")]).send().await?;
    let filtered = filtered.expect(200)?;
    assert_eq!(filtered.need("oci-filters-applied")?, "artifactType");
    let body = filtered.json()?;
    let listed = body["manifests"].as_array().cloned().unwrap_or_default();
    assert_eq!(listed.len(), 1, "{body}");
    assert_eq!(listed[0]["digest"], pushed[1].digest.as_str());
    assert_eq!(listed[0]["artifactType"], "application/vnd.example.sbom");
    assert_eq!(listed[0]["annotations"]["org.example.kind"], "sbom");

    // a manifest with a subject says so when it is pushed
    let again =
        put_manifest(&caller, REPOSITORY, "sbom", OCI_MANIFEST, &pushed[1].manifest).await?.expect(201)?;
    assert_eq!(again.need("oci-subject")?, subject.digest.as_str());
    // and once it is deleted it is no referrer any more
    caller.delete(&format!("/v2/{REPOSITORY}/manifests/{}", pushed[0].digest)).send().await?.expect(202)?;
    let body = caller.get(&path).send().await?.expect(200)?.json()?;
    assert_eq!(body["manifests"].as_array().map(Vec::len), Some(1), "{body}");
    Ok(())
}

#[tokio::test]
async fn a_public_catalog_asks_nobody_for_credentials() -> Result<()> {
    let started = started_with("FEATURE_PUBLIC_CATALOG: true\n").await?;
    let body = started.anonymous().get("/v2/_catalog").send().await?.expect(200)?.json()?;
    assert_eq!(body["repositories"], serde_json::json!([]));
    Ok(())
}

#[tokio::test]
async fn the_catalog_shows_what_the_caller_may_pull() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("acme").await?;
    let owner = started.client().basic(&organization.owner);
    for name in ["acme/one", "acme/two", "acme/three"] {
        push(&owner, name, "1", 10).await?;
    }
    let list = async |who: &Credentials| -> Result<Vec<String>> {
        let body = started.client().basic(who).get("/v2/_catalog").send().await?.expect(200)?.json()?;
        let mut names: Vec<String> = serde_json::from_value(body["repositories"].clone())?;
        names.sort();
        Ok(names)
    };
    assert_eq!(list(&organization.owner).await?, ["acme/one", "acme/three", "acme/two"]);
    assert_eq!(list(&organization.stranger).await?, [""; 0]);

    // many clients show no credentials before they are asked for them
    let (client, path) = (started.client(), "/v2/_catalog");
    let asked = client.anonymous().get(path).send().await?.expect(401)?;
    assert_eq!(asked.challenge()?.scope.as_deref(), Some("registry:catalog:*"));
    let token = client.answer_challenge(&asked, Some(&organization.owner)).await?;
    let body = client.bearer(&token.text).get(path).send().await?.expect(200)?.json()?;
    assert_eq!(body["repositories"].as_array().map(Vec::len), Some(3), "{body}");
    let nobody = client.anonymous().get("/v2/auth").query(&client.token_query(&["registry:catalog:*"]));
    nobody.send().await?.expect_error(401, "UNAUTHORIZED")?;
    let first = owner.get("/v2/_catalog?n=2").send().await?.expect(200)?;
    assert_eq!(first.json()?["repositories"].as_array().map(Vec::len), Some(2));
    assert!(first.need("link")?.contains("rel=\"next\""));
    Ok(())
}
