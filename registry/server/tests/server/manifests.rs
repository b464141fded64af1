//! Manifests, tags and lists.

use axum::body::Body;
use http::{Method, StatusCode};
use quay_oci::{Digest, media_type};

use crate::temporary::{As, Registry, manifest, request};

const NAME: &str = "charts/manifests";

#[tokio::test]
async fn a_manifest_comes_back_byte_for_byte_by_tag_and_digest() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let digest = registry.push(&who, NAME, "v1").await;
    for reference in ["v1", digest.as_str()] {
        let path = format!("/v2/{NAME}/manifests/{reference}");
        let got = registry.get(&who, &path).await;
        assert_eq!(got.status, StatusCode::OK);
        assert_eq!(got.header("content-type"), media_type::OCI_MANIFEST, "and no charset");
        assert_eq!(got.header("docker-content-digest"), digest.as_str());
        assert_eq!(Digest::sha256(&got.body), digest);
        let head = registry.ask(&who, Method::HEAD, &path).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.header("content-length"), got.body.len().to_string());
        assert_eq!(head.header("etag"), format!("\"{digest}\""));
        let fresh = request(&who, Method::GET, &path)
            .header("if-none-match", head.header("etag"))
            .body(Body::empty());
        assert_eq!(registry.send(fresh.expect("a request")).await.status, StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn what_a_manifest_needs_must_be_there() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let config = registry.put_blob(&who, NAME, b"{}").await;
    let missing = manifest(&config, 2, &Digest::sha256(b"never sent"), 10, None);
    let answer = registry.put_manifest(&who, NAME, "v1", &missing).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN".to_owned()));
    let lie = registry.put_manifest(&who, NAME, "v1", &manifest(&config, 3, &config, 2, None)).await;
    assert_eq!((lie.status, lie.code()), (StatusCode::BAD_REQUEST, "MANIFEST_INVALID".to_owned()));
    let told = format!("Size of blob does not match that retrieved: 3 vs 2 for `{config}`");
    assert_eq!(lie.json()["errors"][0]["detail"]["message"], told);
    let nonsense = registry.put_manifest(&who, NAME, "v1", "{").await;
    assert_eq!((nonsense.status, nonsense.code()), (StatusCode::BAD_REQUEST, "MANIFEST_INVALID".to_owned()));
    // Some clients show the message, others look into the detail.
    let error = &nonsense.json()["errors"][0];
    let reason = error["detail"]["message"].as_str().expect("a reason");
    assert!(reason.starts_with("failed to parse manifest: malformed manifest data: "), "{reason}");
    assert_eq!(error["message"], format!("manifest invalid: {reason}"));
    let whole = manifest(&config, 2, &config, 2, None);
    let other = registry.put_manifest(&who, NAME, Digest::sha256(b"x").as_str(), &whole).await;
    assert_eq!((other.status, other.code()), (StatusCode::BAD_REQUEST, "DIGEST_INVALID".to_owned()));
    let typed = |content_type: &str| {
        request(&who, Method::PUT, &format!("/v2/{NAME}/manifests/v1"))
            .header("content-type", content_type)
            .body(Body::from(whole.clone()))
            .expect("a request")
    };
    let old = registry.send(typed(media_type::DOCKER_SCHEMA1_SIGNED)).await;
    assert_eq!(old.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let with_parameters = format!("{}; charset=utf-8", media_type::OCI_MANIFEST);
    assert_eq!(registry.send(typed(&with_parameters)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_manifest_over_the_limit_is_too_large() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let answer = registry.put_manifest(&who, NAME, "v1", &" ".repeat(4 * 1024 * 1024 + 1)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn several_tags_are_set_by_one_put() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let config = registry.put_blob(&who, NAME, b"{}").await;
    let body = manifest(&config, 2, &config, 2, None);
    let digest = Digest::sha256(body.as_bytes());
    let answer = registry.put_manifest(&who, NAME, &format!("{digest}?tag=a&tag=b"), &body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let tags = answer.headers.get_all("oci-tag").iter().collect::<Vec<_>>();
    assert_eq!(tags, ["a", "b"]);
    assert_eq!(
        registry.get(&who, &format!("/v2/{NAME}/tags/list")).await.json()["tags"],
        serde_json::json!(["a", "b"])
    );
}

#[tokio::test]
async fn referrers_are_listed_and_the_subject_is_confirmed() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let subject = registry.push(&who, NAME, "v1").await;
    let config = registry.put_blob(&who, NAME, b"{}").await;
    let signature = manifest(&config, 2, &config, 2, Some(&subject));
    let digest = Digest::sha256(signature.as_bytes());
    let put = registry.put_manifest(&who, NAME, digest.as_str(), &signature).await;
    assert_eq!((put.status, put.header("oci-subject")), (StatusCode::CREATED, subject.as_str()));
    let path = format!("/v2/{NAME}/referrers/{subject}");
    let listed = registry.get(&who, &path).await;
    assert_eq!(listed.header("content-type"), media_type::OCI_INDEX);
    assert_eq!(listed.json()["manifests"][0]["digest"], digest.as_str());
    assert_eq!(listed.json()["manifests"][0]["artifactType"], media_type::HELM_CONFIG);
    let filtered = registry.get(&who, &format!("{path}?artifactType=text/plain")).await;
    assert_eq!(filtered.header("oci-filters-applied"), "artifactType");
    assert_eq!(filtered.json()["manifests"], serde_json::json!([]));
}

#[tokio::test]
async fn tags_and_repositories_come_in_pages() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    for tag in ["c", "a", "b"] {
        registry.push(&who, NAME, tag).await;
    }
    let path = format!("/v2/{NAME}/tags/list");
    let first = registry.get(&who, &format!("{path}?n=2")).await;
    assert_eq!(first.json(), serde_json::json!({"name": NAME, "tags": ["a", "b"]}));
    assert_eq!(first.header("link"), format!("<{path}?n=2&last=b>; rel=\"next\""));
    let second = registry.get(&who, &format!("{path}?n=2&last=b")).await;
    assert_eq!((second.json()["tags"].clone(), second.header("link")), (serde_json::json!(["c"]), ""));
    let none = registry.get(&who, &format!("{path}?n=0")).await;
    assert_eq!(none.json()["tags"], serde_json::json!([]));

    registry.push(&who, "charts/another", "v1").await;
    let catalog = registry.get(&who, "/v2/_catalog?n=1").await;
    assert_eq!(catalog.json(), serde_json::json!({"repositories": ["charts/another"]}));
    assert_eq!(catalog.header("link"), "</v2/_catalog?n=1&last=charts%2Fanother>; rel=\"next\"");
    let rest = registry.get(&who, "/v2/_catalog?n=1&last=charts%2Fanother").await;
    assert_eq!(rest.json(), serde_json::json!({"repositories": [NAME]}));
    assert_eq!(
        registry.get(&As::Basic("bob"), "/v2/_catalog").await.json(),
        serde_json::json!({"repositories": []})
    );
}

#[tokio::test]
async fn deleting_a_tag_leaves_the_manifest_and_deleting_a_digest_takes_its_tags() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let digest = registry.push(&who, NAME, "v1").await;
    registry.push(&who, NAME, "v2").await;
    let at = |reference: &str| format!("/v2/{NAME}/manifests/{reference}");
    assert_eq!(registry.ask(&who, Method::DELETE, &at("v1")).await.status, StatusCode::ACCEPTED);
    let gone = registry.get(&who, &at("v1")).await;
    assert_eq!((gone.status, gone.code()), (StatusCode::NOT_FOUND, "TAG_EXPIRED".to_owned()));
    assert_eq!(registry.get(&who, &at("v2")).await.status, StatusCode::OK);
    assert_eq!(registry.ask(&who, Method::DELETE, &at(digest.as_str())).await.status, StatusCode::ACCEPTED);
    assert_eq!(registry.get(&who, &at("v2")).await.status, StatusCode::NOT_FOUND);
    let unknown = registry.get(&who, &at("never")).await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn a_client_that_knows_no_lists_gets_the_usual_platform() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let child = registry.push(&who, NAME, "child").await;
    let size = registry.get(&who, &format!("/v2/{NAME}/manifests/child")).await.body.len();
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": [{"mediaType": media_type::OCI_MANIFEST, "digest": child, "size": size,
                       "platform": {"os": "linux", "architecture": "amd64"}}],
    });
    let put = request(&who, Method::PUT, &format!("/v2/{NAME}/manifests/list"))
        .header("content-type", media_type::OCI_INDEX)
        .body(Body::from(index.to_string()))
        .expect("a request");
    assert_eq!(registry.send(put).await.status, StatusCode::CREATED);
    for (accept, content_type) in [
        (media_type::OCI_MANIFEST, media_type::OCI_MANIFEST),
        (media_type::OCI_INDEX, media_type::OCI_INDEX),
        ("*/*", media_type::OCI_INDEX),
    ] {
        let asked =
            request(&who, Method::GET, &format!("/v2/{NAME}/manifests/list")).header("accept", accept);
        let answer = registry.send(asked.body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.header("content-type"), content_type, "{accept}");
    }
}

#[tokio::test]
async fn health_and_version_are_answered() {
    let registry = Registry::new().await;
    for path in [
        "/healthz",
        "/livez",
        "/readyz",
        "/health/instance",
        "/health/endtoend",
        "/health/warning",
        "/version",
    ] {
        assert_eq!(registry.get(&As::Nobody, path).await.status, StatusCode::OK, "{path}");
    }
    let instance = registry.get(&As::Nobody, "/health/instance").await.json();
    assert_eq!(instance["data"]["services"]["database"], true);
    assert_eq!(instance["status_code"], 200);
    registry.app.health.enter(quay_registry::health::Phase::Draining);
    assert_eq!(registry.get(&As::Nobody, "/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(registry.get(&As::Nobody, "/healthz").await.status, StatusCode::OK, "draining is not dying");
    assert_eq!(
        registry.get(&As::Nobody, "/metrics").await.status,
        StatusCode::NOT_FOUND,
        "not for strangers"
    );
}
