//! Markup that strangers stored, in every text that these pages show: it is read, and does nothing.

use http::StatusCode;
use quay_oci::media_type::{OCI_IMAGE_CONFIG, OCI_LAYER};
use serde_json::json;

use super::{Browser, push, push_chart};
use crate::temporary::Registry;

const ATTACK: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>";

/// Nothing of a page came from an attack but text.
fn is_inert(page: &str) {
    let page = page.to_lowercase();
    for opened in ["<script", "<img", "<iframe", "<style", "href=\"javascript", "href=\"data", " style="] {
        assert!(!page.contains(opened), "{opened}: {page}");
    }
    for tag in page.split('<').skip(1).filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag) {
        // An attribute's value stands in quotes; what is left of the tag without them is its attributes' names.
        let names: String = tag.split('"').step_by(2).collect();
        assert!(!names.split_whitespace().any(|name| name.starts_with("on")), "{tag}");
    }
}

#[tokio::test]
async fn what_a_description_says_does_nothing() {
    let registry = Registry::new().await;
    let alice = Browser::of(&registry, "alice").await;
    let description =
        format!("{ATTACK}\n\n[x](javascript:alert(1)) ![y](https://evil.example/z.png) **bold**");
    let fields = [("namespace", "charts"), ("repository", "demo"), ("description", &*description)];
    let path = alice.done("/new", &fields).await;
    let base = path.split('?').next().expect("a path");
    for page in [base, "/repository", &format!("{base}/-/description"), &format!("{base}?tab=logs")] {
        let page = alice.page(page).await;
        is_inert(&page);
    }
    let page = alice.page(base).await;
    assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("<strong>bold</strong>"), "{page}");
    assert!(!page.contains("evil.example"), "{page}");
}

#[tokio::test]
async fn a_list_shows_what_a_description_says_first_as_plain_text() {
    let registry = Registry::new().await;
    let alice = Browser::of(&registry, "alice").await;
    let word = "verylong".repeat(100);
    let cut = format!("{}…", &word[..120]);
    for (name, description, said) in [
        (
            "markup",
            "# A heading\n\nThe **first**\n[paragraph](https://evil.example).\n\nMore",
            "The first paragraph.",
        ),
        ("script", "<script>alert(1)</script> said", "&#60;script&#62;alert(1)&#60;/script&#62; said"),
        ("image", "![a logo](https://evil.example/z.png \"x\")", "a logo"),
        ("link", "[x](javascript:alert(1)) \"' onclick=alert(1)", "x &#34;&#39; onclick=alert(1)"),
        (
            "entity",
            "R&amp;D &lt;img src=x onerror=alert(1)&gt;",
            "R&#38;D &#60;img src=x onerror=alert(1)&#62;",
        ),
        ("long", &word, &cut),
    ] {
        let fields = [("namespace", "charts"), ("repository", name), ("description", description)];
        alice.done("/new", &fields).await;
        for page in ["/repository", "/organization/charts"] {
            let page = alice.page(&format!("{page}?search={name}")).await;
            is_inert(&page);
            assert!(page.contains(&format!("<div class=\"content-subtle\">{said}</div>")), "{page}");
            assert!(
                !page.contains("evil.example") && !page.contains("**") && !page.contains("A heading"),
                "{page}"
            );
        }
    }
}

#[tokio::test]
async fn what_a_chart_says_does_nothing() {
    let registry = Registry::new().await;
    let alice = Browser::of(&registry, "alice").await;
    let metadata = json!({
        "apiVersion": "v2", "name": "evil", "version": "1.0.0", "appVersion": ATTACK, "description": ATTACK,
        "type": ATTACK, "kubeVersion": ATTACK, "home": "javascript:alert(1)", "icon": "javascript:alert(1)",
        "sources": ["javascript:alert(1)", ATTACK, "https://example.com/\"onclick=alert(1)//"], "keywords": [ATTACK],
        "maintainers": [{"name": ATTACK, "email": ATTACK, "url": "javascript:alert(1)"}],
        "dependencies": [{"name": ATTACK, "version": ATTACK, "repository": "data:text/html,x"}],
        "annotations": {ATTACK: ATTACK},
    });
    let readme =
        format!("# {ATTACK}\n\n{ATTACK}\n\n[x](javascript:alert(1))\n\n<style>*{{}}</style>\n\nthe end");
    push_chart(&registry, "charts/evil", &metadata, &readme).await;
    let page = alice.page("/repository/charts/evil/tag/1.0.0").await;
    is_inert(&page);
    assert!(
        page.contains("javascript:alert(1)") && page.contains("the end"),
        "it is all there, as text: {page}"
    );
    is_inert(&alice.page("/repository/charts/evil?tab=tags").await);
}

#[tokio::test]
async fn what_annotations_titles_types_and_histories_say_does_nothing() {
    let registry = Registry::new().await;
    let alice = Browser::of(&registry, "alice").await;
    let config = json!({
        "architecture": ATTACK, "os": ATTACK,
        "config": {"Labels": {"label": ATTACK}},
        "history": [{"created_by": ATTACK, "comment": ATTACK, "author": ATTACK}],
    })
    .to_string();
    let more = json!({"annotations": {"org.opencontainers.image.title": ATTACK, ATTACK: "value"}});
    let digest = push(
        &registry,
        "charts/app",
        "1",
        (OCI_IMAGE_CONFIG, config.as_bytes()),
        (OCI_LAYER, b"layer"),
        more,
    )
    .await;
    let index = json!({
        "schemaVersion": 2, "mediaType": quay_oci::media_type::OCI_INDEX, "annotations": {ATTACK: ATTACK},
        "manifests": [{"mediaType": quay_oci::media_type::OCI_MANIFEST, "digest": digest, "size": 100,
                       "platform": {"os": ATTACK, "architecture": ATTACK, "variant": ATTACK}}],
    });
    let put = crate::temporary::request(
        &crate::temporary::As::Basic("alice"),
        http::Method::PUT,
        "/v2/charts/app/manifests/all",
    )
    .header("content-type", quay_oci::media_type::OCI_INDEX)
    .body(axum::body::Body::from(index.to_string()))
    .expect("a request");
    let _ = registry.send(put).await;
    for page in
        ["/repository/charts/app/tag/1", "/repository/charts/app?tab=tags", "/repository/charts/app/tag/all"]
    {
        let answer = alice.get(page).await;
        assert_ne!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        is_inert(&super::main_of(&answer));
    }
    let page = alice.page("/repository/charts/app/tag/1").await;
    assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
}

#[tokio::test]
async fn what_is_searched_for_or_typed_comes_back_as_text() {
    let registry = Registry::new().await;
    let alice = Browser::of(&registry, "alice").await;
    registry.push(&crate::temporary::As::Basic("alice"), "charts/demo", "v1").await;
    let attack: String = form_urlencoded::byte_serialize(ATTACK.as_bytes()).collect();
    for path in [
        format!("/repository?search={attack}&sort={attack}&after={attack}"),
        format!("/repository/charts/demo?tab={attack}"),
        format!("/repository/charts/demo?tab=tags&search={attack}&kind={attack}&page={attack}"),
        format!("/repository/charts/demo?tab=history&search={attack}&before={attack}"),
        format!("/repository/charts/demo/tag/{}", attack.replace('+', "%20")),
        format!("/repository/charts/demo/manifest/{}", attack.replace('+', "%20")),
        format!("/repository/charts/demo/-/delete-tag?tag={attack}"),
        format!("/new?namespace={attack}"),
    ] {
        let answer = alice.get(&path).await;
        assert!(answer.status.is_success() || answer.status == StatusCode::NOT_FOUND, "{path}: {answer:?}");
        is_inert(&super::main_of(&answer));
    }
    let page = alice.page(&format!("/repository/charts/demo?tab=tags&search={attack}")).await;
    assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
    for (path, fields) in [
        ("/new", vec![("namespace", ATTACK), ("repository", ATTACK), ("description", ATTACK)]),
        ("/repository/charts/demo/-/grant", vec![("subject", ATTACK), ("kind", ATTACK), ("role", "read")]),
        ("/repository/charts/demo/-/delete", vec![("name", ATTACK)]),
        ("/repository/charts/demo/-/expire-tag", vec![("tag", "v1"), ("expires", ATTACK)]),
    ] {
        is_inert(&alice.wrong(path, &fields).await);
    }
}

#[test]
fn the_check_of_these_tests_sees_what_is_let_through() {
    for page in [
        ATTACK,
        "<a href=\"javascript:x\">",
        "<p style=\"x\">",
        "<div onclick=\"x\">",
        "<b title=\"a\" onfocus=\"x\">",
    ] {
        assert!(std::panic::catch_unwind(|| is_inert(page)).is_err(), "{page}");
    }
}
