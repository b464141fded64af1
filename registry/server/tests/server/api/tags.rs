//! Tags through the API: listed with their past, moved, deleted, restored.

use http::Method;
use serde_json::{Value, json};

use super::{alice, script};
use crate::temporary::{As, Registry, manifest};

const TAGS: &str = "/api/v1/repository/charts/demo/tag/";

fn names(list: &Value) -> Vec<&str> {
    list["tags"].as_array().expect("tags").iter().map(|tag| tag["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn tags_are_listed_filtered_and_paged() {
    let registry = Registry::new().await;
    for tag in ["1.0.0", "1.1.0", "latest"] {
        registry.push(&As::Basic("alice"), "charts/demo", tag).await;
    }
    let list =
        async |query: &str| alice(&registry, Method::GET, &format!("{TAGS}?{query}"), None, 200).await.json();
    let all = list("").await;
    assert_eq!((all["page"].clone(), all["has_additional"].clone()), (json!(1), json!(false)));
    let mut sorted = names(&all);
    sorted.sort_unstable();
    assert_eq!(sorted, ["1.0.0", "1.1.0", "latest"]);
    assert_eq!(names(&list("specificTag=latest").await), ["latest"]);
    assert_eq!(names(&list("filter_tag_name=eq:1.0.0").await), ["1.0.0"]);
    assert_eq!(names(&list("filter_tag_name=like:1.&onlyActiveTags=true").await).len(), 2);
    let first = list("limit=2&page=1").await;
    let second = list("limit=2&page=2").await;
    assert_eq!((names(&first).len(), names(&second).len()), (2, 1));
    assert_eq!((&first["has_additional"], &second["has_additional"]), (&json!(true), &json!(false)));
    alice(&registry, Method::GET, &format!("{TAGS}?filter_tag_name=nonsense"), None, 400).await;
    alice(&registry, Method::GET, &format!("{TAGS}?page=x"), None, 400).await;
    insta::assert_json_snapshot!(list("specificTag=latest").await, {
        ".tags[].start_ts" => "[seconds]",
        ".tags[].last_modified" => "[date]",
    });
}

#[tokio::test]
async fn a_deleted_tag_is_in_the_past_and_can_be_restored() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let digest = registry.push(&who, "charts/demo", "v1").await;
    alice(&registry, Method::DELETE, &format!("{TAGS}v1"), None, 204).await;
    alice(&registry, Method::DELETE, &format!("{TAGS}v1"), None, 404).await;
    assert_eq!(registry.get(&who, "/v2/charts/demo/manifests/v1").await.status, 404);
    let active =
        alice(&registry, Method::GET, &format!("{TAGS}?onlyActiveTags=true"), None, 200).await.json();
    assert!(names(&active).is_empty());
    let past = alice(&registry, Method::GET, TAGS, None, 200).await.json();
    assert_eq!(past["tags"][0]["manifest_digest"], digest.as_str());
    assert!(past["tags"][0]["end_ts"].is_i64() && past["tags"][0]["expiration"].is_string());

    let body = Some(json!({"manifest_digest": digest.as_str()}));
    alice(&registry, Method::POST, &format!("{TAGS}v1/restore"), body, 200).await;
    assert_eq!(registry.get(&who, "/v2/charts/demo/manifests/v1").await.status, 200);
    let listed =
        alice(&registry, Method::GET, &format!("{TAGS}?onlyActiveTags=true"), None, 200).await.json();
    assert_eq!(listed["tags"][0]["reversion"], true);
}

#[tokio::test]
async fn a_tag_is_made_moved_and_given_an_end() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let one = registry.push(&who, "charts/demo", "v1").await;
    let config = registry.put_blob(&who, "charts/demo", b"{}").await;
    let layer = registry.put_blob(&who, "charts/demo", b"another layer").await;
    let other = manifest(&config, 2, &layer, 13, None);
    assert_eq!(registry.put_manifest(&who, "charts/demo", "v2", &other).await.status, 201);
    let body = |digest: &str| Some(json!({"manifest_digest": digest}));
    let answer = alice(&registry, Method::PUT, &format!("{TAGS}stable"), body(one.as_str()), 201).await;
    assert_eq!(answer.json(), json!("Updated"));
    let two = quay_oci::Digest::sha256(other.as_bytes());
    alice(&registry, Method::PUT, &format!("{TAGS}stable"), body(two.as_str()), 201).await;
    let seen = registry.get(&who, "/v2/charts/demo/manifests/stable").await;
    assert_eq!(seen.header("docker-content-digest"), two.as_str());

    alice(
        &registry,
        Method::PUT,
        &format!("{TAGS}stable"),
        Some(json!({"expiration": 4_102_444_800_i64})),
        201,
    )
    .await;
    let listed =
        alice(&registry, Method::GET, &format!("{TAGS}?specificTag=stable&onlyActiveTags=true"), None, 200)
            .await;
    assert_eq!(listed.json()["tags"][0]["end_ts"], 4_102_444_800_i64);
    alice(&registry, Method::PUT, &format!("{TAGS}stable"), Some(json!({"expiration": null})), 201).await;
    for wrong in
        [json!({}), json!({"expiration": 5}), json!({"expiration": "x"}), json!({"manifest_digest": "x"})]
    {
        alice(&registry, Method::PUT, &format!("{TAGS}stable"), Some(wrong), 400).await;
    }
    alice(&registry, Method::PUT, &format!("{TAGS}-bad-"), body(one.as_str()), 400).await;
    let unknown = quay_oci::Digest::sha256(b"nothing");
    alice(&registry, Method::PUT, &format!("{TAGS}stable"), body(unknown.as_str()), 404).await;
}

#[tokio::test]
async fn strangers_neither_see_nor_change_tags() {
    let registry = Registry::new().await;
    let digest = registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let body = json!({"manifest_digest": digest.as_str()});
    for (method, path, body) in [
        (Method::GET, TAGS.to_owned(), None),
        (Method::PUT, format!("{TAGS}v1"), Some(body.clone())),
        (Method::DELETE, format!("{TAGS}v1"), None),
        (Method::POST, format!("{TAGS}v1/restore"), Some(body)),
    ] {
        let answer = script(&registry, &As::Basic("bob"), method.clone(), &path, body).await;
        assert_eq!(answer.status, 403, "{method} {path}");
    }
}
