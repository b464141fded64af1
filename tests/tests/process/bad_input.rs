//! What no decent client sends: every answer is a 4xx with the protocol's error JSON, and the registry goes on.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use quay_tests::artifact::{
    OCI_MANIFEST, descriptor, manifest_bytes, noise, open_upload, push, push_blob, put_manifest,
};
use quay_tests::client::Client;
use quay_tests::raw::{Raw, head};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fixture::{Started, started};

const REPOSITORY: &str = "quayadmin/bad";

/// The registry still does its work, for a client with a connection of its own.
async fn still_works(started: &Started) -> Result<()> {
    let client = Client::new(&started.registry.host(), &started.ca)?;
    push(&client.basic(&started.admin), "quayadmin/good", "1", 1_000).await?;
    client.anonymous().get("/readyz").send().await?.expect(200)?;
    assert!(!started.site.log()?.to_lowercase().contains("panick"), "something panicked");
    Ok(())
}

#[tokio::test]
async fn a_manifest_that_is_too_large_gets_413() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let config = Bytes::from_static(b"{}");
    push_blob(&caller, REPOSITORY, &config).await?;
    let manifest = |filler: usize| {
        manifest_bytes(&json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.oci.empty.v1+json", &config),
            "layers": [],
            "annotations": { "org.example.filler": "x".repeat(filler) },
        }))
    };
    let limit = 4 << 20;
    let answer = put_manifest(&caller, REPOSITORY, "1", OCI_MANIFEST, &manifest(limit - 1_000)).await?;
    answer.expect(201)?;
    let answer = put_manifest(&caller, REPOSITORY, "2", OCI_MANIFEST, &manifest(limit)).await?;
    assert_eq!(answer.status, 413, "{answer:?}");
    answer.error_code()?;
    still_works(&started).await
}

#[tokio::test]
async fn http_on_the_port_of_tls_is_told_so_in_words() -> Result<()> {
    let started = started().await?;
    for request in ["GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n", &format!("POST {}", "x".repeat(20_000))] {
        let mut stream = TcpStream::connect(started.registry.https()).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.shutdown().await?;
        let mut answer = String::new();
        timeout(Duration::from_secs(30), stream.read_to_string(&mut answer)).await??;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("this port speaks HTTPS"), "{answer}");
    }
    still_works(&started).await
}

#[tokio::test]
async fn a_long_body_that_nobody_reads_does_not_cost_the_answer() -> Result<()> {
    let started = started().await?;
    for _ in 0..4 {
        let call =
            started.anonymous().post("/api/v1/organization/").header("content-type", "application/json");
        call.body(noise(6 << 20)).send().await?.expect(403)?;
        let call = started.caller().post("/api/v1/organization/").header("content-type", "application/json");
        let told = call.body(noise(6 << 20)).send().await?.expect(413)?.json()?;
        assert_eq!(told["error_type"], "invalid_request", "{told}");
    }
    still_works(&started).await
}

#[tokio::test]
async fn manifests_that_are_none_get_400() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let pushed = push(&caller, REPOSITORY, "1", 10).await?;
    let valid: serde_json::Value = serde_json::from_slice(&pushed.manifest)?;
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut manifest = valid.clone();
        change(&mut manifest);
        manifest_bytes(&manifest)
    };
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    for (what, bytes) in [
        ("empty", Bytes::new()),
        ("not JSON", Bytes::from_static(b"{\"schemaVersion\": 2,")),
        ("not UTF-8", Bytes::from_static(b"{\"a\":\"\xff\xfe\"}")),
        ("a list", Bytes::from_static(b"[]")),
        ("null", Bytes::from_static(b"null")),
        ("very deep", Bytes::from(deep)),
        ("no version", changed(&|manifest| manifest["schemaVersion"] = json!(null))),
        ("another version", changed(&|manifest| manifest["schemaVersion"] = json!(7))),
        ("no config", changed(&|manifest| manifest["config"] = json!(null))),
        ("layers that are none", changed(&|manifest| manifest["layers"] = json!("none"))),
        ("a bad digest", changed(&|manifest| manifest["config"]["digest"] = json!("sha256:xyz"))),
        (
            "a path as digest",
            changed(&|manifest| manifest["layers"][0]["digest"] = json!("../../etc/passwd")),
        ),
        ("a negative size", changed(&|manifest| manifest["layers"][0]["size"] = json!(-5))),
        ("a fractional size", changed(&|manifest| manifest["layers"][0]["size"] = json!(0.5))),
        ("a huge size", changed(&|manifest| manifest["layers"][0]["size"] = json!(u64::MAX))),
        ("a layer that is larger than it is", changed(&|manifest| manifest["layers"][0]["size"] = json!(11))),
        ("a config that is larger than it is", changed(&|manifest| manifest["config"]["size"] = json!(9999))),
        ("another media type inside", changed(&|manifest| manifest["mediaType"] = json!("text/html"))),
        ("a bad subject", changed(&|manifest| manifest["subject"] = json!({ "digest": 1 }))),
    ] {
        let answer = put_manifest(&caller, REPOSITORY, "2", OCI_MANIFEST, &bytes).await?;
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        let code = answer.error_code()?;
        assert!(
            ["MANIFEST_INVALID", "MANIFEST_BLOB_UNKNOWN", "DIGEST_INVALID", "SIZE_INVALID"]
                .contains(&code.as_str()),
            "{what}: {code}"
        );
    }
    still_works(&started).await
}

#[tokio::test]
async fn bad_digests_offsets_and_upload_ids_get_4xx() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    push(&caller, REPOSITORY, "1", 10).await?;
    for digest in
        ["sha256:abc", "sha256:", "md5:d41d8cd98f00b204e9800998ecf8427e", "nonsense", "sha256:%00", "a:b:c"]
    {
        for path in
            [format!("blobs/{digest}"), format!("referrers/{digest}"), format!("manifests/sha256:{digest}")]
        {
            let answer = caller.get(&format!("/v2/{REPOSITORY}/{path}")).send().await?;
            assert!((400..405).contains(&answer.status), "{path}: {answer:?}");
            answer.error_code()?;
        }
        let location = open_upload(&caller, REPOSITORY).await?;
        let answer = caller.put(&format!("{location}?digest={digest}")).body(noise(10)).send().await?;
        assert_eq!(answer.status, 400, "{digest}: {answer:?}");
        answer.error_code()?;
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={digest}");
        assert_eq!(caller.post(&path).body(noise(10)).send().await?.status, 400, "{digest}");
    }
    let location = open_upload(&caller, REPOSITORY).await?;
    assert_eq!(caller.put(&location).body(noise(10)).send().await?.status, 400, "a PUT without a digest");
    let location = open_upload(&caller, REPOSITORY).await?;
    for range in ["9-3", "x-y", "-", "0-18446744073709551616", "bytes 0-"] {
        let answer = caller.patch(&location).header("content-range", range).body(noise(10)).send().await?;
        assert!([400, 416].contains(&answer.status), "{range}: {answer:?}");
    }
    for id in ["nothing", "00000000-0000-0000-0000-000000000000", "%2e%2e", "x%00y", &"a".repeat(3_000)] {
        let answer =
            caller.patch(&format!("/v2/{REPOSITORY}/blobs/uploads/{id}")).body(noise(10)).send().await?;
        assert!((400..415).contains(&answer.status), "{id}: {answer:?}");
    }
    still_works(&started).await
}

#[tokio::test]
async fn bad_names_and_tags_get_4xx() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let long = format!("quayadmin/{}", "a".repeat(300));
    let tag = "t".repeat(129);
    for path in [
        "/v2/UPPER/case/tags/list",
        "/v2/quayadmin/a__b___c/..d/tags/list",
        "/v2/quayadmin/-dash/tags/list",
        "/v2/quayadmin/a%20b/tags/list",
        "/v2/quayadmin/a%2f%2e%2e%2fb/tags/list",
        "/v2/quayadmin/a%00b/tags/list",
        "/v2/quayadmin/%ff%fe/tags/list",
        "/v2/quayadmin/ü/tags/list",
        "/v2/quayadmin/a//b/tags/list",
        "/v2/quayadmin/a/manifests/-bad",
        "/v2/quayadmin/a/manifests/a%20b",
        &format!("/v2/{long}/tags/list"),
        &format!("/v2/quayadmin/a/manifests/{tag}"),
        "/v2/quayadmin/a/tags/list?n=-1",
        "/v2/quayadmin/a/tags/list?n=abc",
        "/v2/quayadmin/a/tags/list?n=99999999999999999999999",
        "/v2/quayadmin/a/unknown/thing",
        "/v2/_unknown",
        "/v2//tags/list",
    ] {
        let answer = caller.get(path).send().await?;
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        answer.error_code()?;
    }
    for path in [
        "/v2/UPPER/blobs/uploads/",
        "/v2/quayadmin/Upper/blobs/uploads/",
        &format!("/v2/{long}/blobs/uploads/"),
    ] {
        let answer = caller.post(path).send().await?;
        answer.expect_error(400, "NAME_INVALID")?;
    }
    still_works(&started).await
}

#[tokio::test]
async fn paths_that_climb_reach_nothing() -> Result<()> {
    let started = started().await?;
    for target in [
        "/v2/../../../../etc/passwd",
        "/v2/quayadmin/../../etc/passwd/manifests/1",
        "/v2/quayadmin/a/blobs/../../../../etc/passwd",
        "/v2/quayadmin/a/blobs/sha256:..%2f..%2fetc%2fpasswd",
        "/v2/%2e%2e/%2e%2e/etc/passwd/tags/list",
        "/v2/quayadmin/a/blobs/uploads/..%2f..%2f..%2fdb",
        "/v2/quayadmin/..\\..\\etc/tags/list",
        "/api/v1/../../etc/passwd",
        "//etc/passwd",
    ] {
        let mut raw = Raw::connect(started.registry.https(), &started.ca).await?;
        raw.send(head("GET", target, Some(&started.admin), &[]).as_bytes()).await?;
        let answer = raw.answer().await?;
        assert!((400..500).contains(&answer.status), "{target}: {answer:?}");
        assert!(!answer.text.contains("root:"), "{target}");
        if target.starts_with("/v2/") {
            answer.error_code()?;
        }
    }
    still_works(&started).await
}

#[tokio::test]
async fn huge_heads_and_broken_requests_are_cut_off() -> Result<()> {
    let started = started().await?;
    let many: String = (0..2_000).map(|n| format!("X-Filler-{n}: {}\r\n", "y".repeat(40))).collect();
    let large = head("GET", "/v2/", None, &[("X-Filler", &"x".repeat(200_000))]);
    let many = head("GET", "/v2/", None, &[]).replacen("\r\n\r\n", &format!("\r\n{many}\r\n"), 1);
    let target = head("GET", &format!("/v2/{}/tags/list", "a/".repeat(60_000)), None, &[]);
    for (what, bytes) in [("a large header", large), ("many headers", many), ("a long target", target)] {
        let mut raw = Raw::connect(started.registry.https(), &started.ca).await?;
        // the registry may close before it has read everything
        let _ = raw.send(bytes.as_bytes()).await;
        if let Ok(answer) = raw.answer().await {
            assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
        }
    }
    for bytes in [
        "GET / HTTP/9.9\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "PUT /v2/a/manifests/1 HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    ] {
        let mut raw = Raw::connect(started.registry.https(), &started.ca).await?;
        raw.send(bytes.as_bytes()).await?;
        if let Ok(answer) = raw.answer().await {
            assert!((400..506).contains(&answer.status) && answer.status != 500, "{answer:?}");
        }
    }
    // two lengths are an old way to smuggle a request
    let twice = head("POST", "/v2/auth", None, &[("Content-Length", "3"), ("Content-Length", "5")]);
    let mut raw = Raw::connect(started.registry.https(), &started.ca).await?;
    raw.send(format!("{twice}abc").as_bytes()).await?;
    if let Ok(answer) = raw.answer().await {
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    still_works(&started).await
}

#[tokio::test]
async fn a_body_without_rights_is_refused_before_it_is_read() -> Result<()> {
    let started = started().await?;
    let length = (1_u64 << 40).to_string();
    for (target, headers) in [
        ("/v2/quayadmin/a/manifests/1", [("Content-Length", length.as_str()), ("Expect", "100-continue")]),
        (
            "/v2/quayadmin/a/blobs/uploads/?digest=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            [("Content-Length", length.as_str()), ("Expect", "100-continue")],
        ),
    ] {
        let method = if target.contains("manifests") { "PUT" } else { "POST" };
        let mut raw = Raw::connect(started.registry.https(), &started.ca).await?;
        raw.send(head(method, target, None, &headers).as_bytes()).await?;
        let answer = raw.answer().await?;
        assert_eq!(answer.status, 401, "no 100 Continue for a stranger: {answer:?}");
    }
    still_works(&started).await
}

#[tokio::test]
async fn bad_bodies_of_the_rest_interface_get_400() -> Result<()> {
    let started = started().await?;
    let session = started.session(&started.admin).await?;
    for body in [
        json!(null),
        json!([]),
        json!("text"),
        json!({}),
        json!({ "name": 7 }),
        json!({ "name": "UPPER" }),
        json!({ "name": "../x" }),
        json!({ "name": "x".repeat(5_000) }),
    ] {
        let answer = session.post("/api/v1/organization/", &body).await?;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        answer.json()?;
    }
    let request = session.guarded(reqwest::Method::POST, "/api/v1/organization/");
    let answer = request.header("content-type", "application/json").body("{\"name\":").send().await?;
    assert_eq!(answer.status, 400, "{answer:?}");
    for path in ["/api/v1/organization/nothing-here", "/api/v1/repository/no/such", "/api/v1/nothing"] {
        let answer = session.get(path).await?;
        assert!([403, 404].contains(&answer.status), "{path}: {answer:?}");
    }
    still_works(&started).await
}
