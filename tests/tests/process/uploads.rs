//! Blob uploads in every style that clients have, and what may go wrong in the middle.

use anyhow::{Result, ensure};
use quay_oci::Digest;
use quay_tests::artifact::{
    OCI_MANIFEST, descriptor, finish_url, manifest_bytes, noise, open_upload, pull_blob, pull_manifest, push,
    push_blob, put_manifest,
};
use quay_tests::client::Client;
use quay_tests::raw::{Raw, head};
use quay_tests::until::until;
use serde_json::json;
use std::time::Duration;

use crate::fixture::started;

const REPOSITORY: &str = "quayadmin/uploads";

fn blob_path(digest: &Digest) -> String {
    format!("/v2/{REPOSITORY}/blobs/{digest}")
}

#[tokio::test]
async fn a_blob_is_pushed_by_post_and_put() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    for size in [0, 1, 65_536, 65_537, 3_000_000] {
        let bytes = noise(size);
        let digest = push_blob(&caller, REPOSITORY, &bytes).await?;
        assert_eq!(pull_blob(&caller, REPOSITORY, &digest).await?, bytes, "{size} bytes");
    }
    Ok(())
}

#[tokio::test]
async fn a_blob_is_pushed_by_one_post_with_its_digest() -> Result<()> {
    let started = started().await?;
    let (caller, bytes) = (started.caller(), noise(100_000));
    let digest = Digest::sha256(&bytes);
    let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={digest}");
    let answer = caller.post(&path).body(bytes.clone()).send().await?.expect(201)?;
    assert_eq!(answer.digest()?, digest);
    assert!(answer.need("location")?.ends_with(&blob_path(&digest)), "{answer:?}");
    assert_eq!(pull_blob(&caller, REPOSITORY, &digest).await?, bytes);
    Ok(())
}

#[tokio::test]
async fn a_blob_is_pushed_in_chunks_with_and_without_ranges() -> Result<()> {
    let started = started().await?;
    let (caller, bytes) = (started.caller(), noise(300_000));
    let digest = Digest::sha256(&bytes);

    let opened = caller.post(&format!("/v2/{REPOSITORY}/blobs/uploads/")).send().await?.expect(202)?;
    assert_eq!(opened.need("range")?, "0-0", "nothing is held yet");
    assert!(!opened.need("docker-upload-uuid")?.is_empty());
    // with Content-Range, as regctl does
    let location = opened.need("location")?;
    let first =
        caller.patch(location).header("content-range", "0-99999").body(bytes.slice(..100_000)).send().await?;
    let first = first.expect(202)?;
    assert_eq!(first.need("range")?, "0-99999");
    // without, as docker does: it is appended
    let second = caller.patch(first.need("location")?).body(bytes.slice(100_000..200_000)).send().await?;
    let second = second.expect(202)?;
    assert_eq!(second.need("range")?, "0-199999");
    let status = caller.get(second.need("location")?).send().await?.expect(204)?;
    assert_eq!(status.need("range")?, "0-199999");
    // the last chunk comes with the PUT
    let url = finish_url(second.need("location")?, &digest);
    let last =
        caller.put(&url).header("content-range", "200000-299999").body(bytes.slice(200_000..)).send().await?;
    assert_eq!(last.expect(201)?.digest()?, digest);
    assert_eq!(pull_blob(&caller, REPOSITORY, &digest).await?, bytes);
    Ok(())
}

#[tokio::test]
async fn a_chunk_at_the_wrong_offset_gets_416_and_the_offset_that_is_held() -> Result<()> {
    let started = started().await?;
    let (caller, bytes) = (started.caller(), noise(3_000));
    let location = open_upload(&caller, REPOSITORY).await?;
    let first =
        caller.patch(&location).header("content-range", "0-999").body(bytes.slice(..1_000)).send().await?;
    let location = first.expect(202)?.need("location")?.to_owned();
    for (range, from, to) in [("2000-2999", 2_000, 3_000), ("0-999", 0, 1_000), ("500-1499", 500, 1_500)] {
        let answer =
            caller.patch(&location).header("content-range", range).body(bytes.slice(from..to)).send().await?;
        let answer = answer.expect(416)?;
        assert_eq!(answer.need("range")?, "0-999", "after a chunk at {range}");
    }
    // the upload has not suffered
    let url = finish_url(&location, &Digest::sha256(&bytes));
    caller
        .put(&url)
        .header("content-range", "1000-2999")
        .body(bytes.slice(1_000..))
        .send()
        .await?
        .expect(201)?;
    Ok(())
}

#[tokio::test]
async fn a_push_that_broke_off_in_the_middle_of_a_chunk_is_resumed_where_it_stopped() -> Result<()> {
    let started = started().await?;
    let (caller, bytes) = (started.caller(), noise(2_000_000));
    let location = open_upload(&caller, REPOSITORY).await?;
    let path = location.find("/v2/").map_or(location.as_str(), |at| &location[at..]);

    let mut raw = Raw::connect(started.registry.https(), &started.ca).await?;
    let length = bytes.len().to_string();
    raw.send(head("PATCH", path, Some(&started.admin), &[("Content-Length", &length)]).as_bytes()).await?;
    raw.send(&bytes[..700_000]).await?;
    raw.drop_connection();

    // the registry notices the end of the connection in its own time
    let held = until("the broken chunk to be let go", Duration::from_secs(30), || async {
        let status = caller.get(&location).send().await?.expect(204)?;
        let held = status.need("range")?.trim_start_matches("0-").parse::<usize>()?;
        let held = if held == 0 { 0 } else { held + 1 };
        let range = format!("{held}-{}", bytes.len() - 1);
        let rest =
            caller.patch(&location).header("content-range", &range).body(bytes.slice(held..)).send().await?;
        rest.expect(202)?;
        Ok(held)
    })
    .await?;
    assert!(held <= 700_000, "more is held than was sent: {held}");
    let digest = Digest::sha256(&bytes);
    caller.put(&finish_url(&location, &digest)).send().await?.expect(201)?;
    assert_eq!(pull_blob(&caller, REPOSITORY, &digest).await?, bytes);
    Ok(())
}

#[tokio::test]
async fn an_open_upload_survives_a_restart_of_the_registry() -> Result<()> {
    let mut started = started().await?;
    let bytes = noise(200_000);
    let location = open_upload(&started.caller(), REPOSITORY).await?;
    let first = started.caller().patch(&location).body(bytes.slice(..120_000)).send().await?.expect(202)?;
    assert_eq!(first.need("range")?, "0-119999");
    let path = location.find("/v2/").map_or(location.clone(), |at| location[at..].to_owned());

    started.registry.kill().await?;
    started.registry = started.site.start().await?;
    let caller = started.caller();
    let status = caller.get(&path).send().await?.expect(204)?;
    assert_eq!(status.need("range")?, "0-119999", "what got 202 is held");
    let digest = Digest::sha256(&bytes);
    caller.put(&finish_url(&path, &digest)).body(bytes.slice(120_000..)).send().await?.expect(201)?;
    assert_eq!(pull_blob(&caller, REPOSITORY, &digest).await?, bytes);
    Ok(())
}

#[tokio::test]
async fn bytes_that_do_not_have_the_digest_are_refused_and_not_readable_under_it() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let (bytes, other) = (noise(100_000), noise(100_000));
    let claimed = Digest::sha256(&other);

    let location = open_upload(&caller, REPOSITORY).await?;
    let put = caller.put(&finish_url(&location, &claimed)).body(bytes.clone()).send().await?.expect(400)?;
    assert!(["DIGEST_INVALID", "BLOB_UPLOAD_INVALID"].contains(&put.error_code()?.as_str()), "{put:?}");
    let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={claimed}");
    caller.post(&path).body(bytes.clone()).send().await?.expect(400)?;
    let location = open_upload(&caller, REPOSITORY).await?;
    caller.patch(&location).body(bytes.clone()).send().await?.expect(202)?;
    caller.put(&finish_url(&location, &claimed)).send().await?.expect(400)?;

    for digest in [&claimed, &Digest::sha256(&bytes)] {
        caller.get(&blob_path(digest)).send().await?.expect_error(404, "BLOB_UNKNOWN")?;
        caller.head(&blob_path(digest)).send().await?.expect(404)?;
    }
    // and the right bytes are welcome afterwards
    assert_eq!(push_blob(&caller, REPOSITORY, &other).await?, claimed);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_upload_is_gone() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let location = open_upload(&caller, REPOSITORY).await?;
    caller.patch(&location).body(noise(10)).send().await?.expect(202)?;
    caller.delete(&location).send().await?.expect(204)?;
    caller.get(&location).send().await?.expect_error(404, "BLOB_UPLOAD_UNKNOWN")?;
    caller.patch(&location).body(noise(10)).send().await?.expect_error(404, "BLOB_UPLOAD_UNKNOWN")?;
    Ok(())
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository_and_to_who_opened_it() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("uploads").await?;
    let owner = started.client().basic(&organization.owner);
    let location = open_upload(&owner, "uploads/one").await?;
    let id = location.rsplit('/').next().unwrap_or_default().split('?').next().unwrap_or_default();
    owner.get(&format!("/v2/uploads/two/blobs/uploads/{id}")).send().await?.expect(404)?;
    // the robot may push there as well, but not into the upload of somebody else
    organization.session.permit("uploads/one", &organization.robot.username, "write").await?;
    let robot = started.client().basic(&organization.robot);
    open_upload(&robot, "uploads/one").await?;
    robot.patch(&location).body(noise(10)).send().await?.expect(404)?;
    owner.get(&location).send().await?.expect(204)?;
    Ok(())
}

#[tokio::test]
async fn a_mount_needs_the_right_to_pull_from_the_source() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("mounts").await?;
    let owner = started.client().basic(&organization.owner);
    let source = push(&owner, "mounts/source", "1", 100_000).await?;
    let layer = Digest::sha256(&source.layer);

    let path = |target: &str| format!("/v2/{target}/blobs/uploads/?mount={layer}&from=mounts/source");
    let mounted = owner.post(&path("mounts/target")).send().await?.expect(201)?;
    assert_eq!(mounted.digest()?, layer);
    assert_eq!(pull_blob(&owner, "mounts/target", &layer).await?, source.layer);

    // a stranger who knows the digest gets an upload to fill, never the bytes
    let stranger = started.client().basic(&organization.stranger);
    let target = format!("{}/target", organization.stranger.username);
    stranger.post(&path(&target)).send().await?.expect(202)?;
    let blob = format!("/v2/{target}/blobs/{layer}");
    stranger.get(&blob).send().await?.expect(404)?;
    // nor does a mount without a source or from one that does not have the blob
    owner
        .post(&format!("/v2/mounts/third/blobs/uploads/?mount={layer}&from=mounts/nothing"))
        .send()
        .await?
        .expect(202)?;
    let unknown = Digest::sha256(&noise(10));
    let path = format!("/v2/mounts/third/blobs/uploads/?mount={unknown}&from=mounts/source");
    owner.post(&path).send().await?.expect(202)?;
    Ok(())
}

#[tokio::test]
async fn a_mount_with_a_token_for_the_target_alone_tells_the_scope_that_is_enough() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("narrow").await?;
    let (client, owner) = (started.client(), &organization.owner);
    let source = push(&client.basic(owner), "narrow/source", "1", 100_000).await?;
    let layer = Digest::sha256(&source.layer);
    let path = |target: &str| format!("/v2/{target}/blobs/uploads/?mount={layer}&from=narrow/source");

    let refused = client.anonymous().post(&path("narrow/target")).send().await?.expect(401)?;
    let both = "repository:narrow/target:pull,push repository:narrow/source:pull";
    assert_eq!(refused.challenge()?.scope.as_deref(), Some(both), "nobody learns it at once");

    let narrow = client.token(Some(owner), &["repository:narrow/target:pull,push"]).await?;
    let refused = client.bearer(&narrow.text).post(&path("narrow/target")).send().await?.expect(401)?;
    assert!(refused.need("www-authenticate")?.ends_with("error=\"insufficient_scope\""), "{refused:?}");
    assert_eq!(refused.challenge()?.scope.as_deref(), Some(both));
    let wide = client.answer_challenge(&refused, Some(owner)).await?;
    client.bearer(&wide.text).post(&path("narrow/target")).send().await?.expect(201)?;

    // who has no right to the source is told nothing of it and uploads, with any token
    let stranger = &organization.stranger;
    let target = format!("{}/target", stranger.username);
    for scopes in [
        vec![format!("repository:{target}:pull,push")],
        vec![format!("repository:{target}:pull,push"), "repository:narrow/source:pull".to_owned()],
    ] {
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let token = client.token(Some(stranger), &scopes).await?;
        client.bearer(&token.text).post(&path(&target)).send().await?.expect(202)?;
    }
    Ok(())
}

#[tokio::test]
async fn two_writers_of_one_upload_do_not_mix_their_bytes() -> Result<()> {
    let started = started().await?;
    let (caller, bytes) = (started.caller(), noise(400_000));
    let location = open_upload(&caller, REPOSITORY).await?;
    let chunk = || caller.patch(&location).header("content-range", "0-399999").body(bytes.clone()).send();
    let (one, two) = futures::try_join!(chunk(), chunk())?;
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 416], "one wins, the other is told");
    let digest = Digest::sha256(&bytes);
    caller.put(&finish_url(&location, &digest)).send().await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn a_layer_over_the_configured_limit_is_refused_with_413() -> Result<()> {
    let started = crate::fixture::started_with("MAXIMUM_LAYER_SIZE: 1M\n").await?;
    let caller = started.caller();
    let small = noise(900_000);
    push_blob(&caller, REPOSITORY, &small).await?;
    let large = noise(1_200_000);
    let location = open_upload(&caller, REPOSITORY).await?;
    let answer =
        caller.put(&finish_url(&location, &Digest::sha256(&large))).body(large.clone()).send().await?;
    answer.expect_error(413, "SIZE_INVALID")?;
    caller.get(&blob_path(&Digest::sha256(&large))).send().await?.expect(404)?;
    Ok(())
}

#[tokio::test]
async fn many_push_the_same_at_once_and_all_get_it() -> Result<()> {
    let started = started().await?;
    let (config, layer) = (noise(200), noise(200_000));
    let manifest = manifest_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.example.config.v1+json", &config),
        "layers": [descriptor("application/vnd.example.layer.v1", &layer)],
    }));
    let push = |number: usize| {
        let (caller, config, layer, manifest) = (started.caller(), &config, &layer, &manifest);
        async move {
            // ten into each of three repositories, all under the same tag
            let repository = format!("quayadmin/same-{}", number % 3);
            push_blob(&caller, &repository, config).await?;
            push_blob(&caller, &repository, layer).await?;
            put_manifest(&caller, &repository, "same", OCI_MANIFEST, manifest).await?.expect(201)?;
            let pulled = pull_manifest(&caller, &repository, "same").await?;
            ensure!(pulled.body == manifest, "another manifest");
            pull_blob(&caller, &repository, &Digest::sha256(layer)).await
        }
    };
    futures::future::try_join_all((0..30).map(push)).await?;
    Ok(())
}

#[tokio::test]
async fn pushes_and_pulls_work_over_http_2() -> Result<()> {
    let started = started().await?;
    let client = Client::http2(&started.registry.host(), &started.ca)?;
    let caller = client.basic(&started.admin);
    let pushed = push(&caller, REPOSITORY, "two", 3_000_000).await?;
    assert_eq!(pull_manifest(&caller, REPOSITORY, "two").await?.body, pushed.manifest);
    assert_eq!(pull_blob(&caller, REPOSITORY, &Digest::sha256(&pushed.layer)).await?, pushed.layer);
    client.anonymous().get("/v2/").send().await?.expect_error(401, "UNAUTHORIZED")?;
    Ok(())
}
