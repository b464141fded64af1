//! What the pages show, and to whom.

use http::StatusCode;
use serde_json::json;

use super::{Browser, HOST, etherpad, push, push_chart, sign, steady};
use crate::temporary::{As, Registry};

#[tokio::test]
async fn the_tags_page_shows_type_size_digest_signature_and_commands() {
    let registry = Registry::new().await;
    let alice = Browser::of(&registry, "alice").await;
    let digest = push_chart(&registry, "charts/etherpad", &etherpad(), "# Etherpad").await;
    let page = alice.page("/repository/charts/etherpad?tab=tags").await;
    assert!(!page.contains("signed-mark"));
    sign(&registry, "charts/etherpad", &digest).await;
    let page = alice.page("/repository/charts/etherpad?tab=tags").await;
    assert!(page.contains("data-testid=\"signed-mark\""), "{page}");
    assert!(page.contains(&format!("helm pull oci://{HOST}/charts/etherpad --version 0.0.4")), "{page}");
    insta::assert_snapshot!(steady(&page));
}

#[tokio::test]
async fn the_page_of_a_chart_shows_its_metadata_readme_and_signature() {
    let registry = Registry::new().await;
    let alice = Browser::of(&registry, "alice").await;
    let digest =
        push_chart(&registry, "charts/etherpad", &etherpad(), "# Etherpad\n\nHow to **use** it.").await;
    let signature = sign(&registry, "charts/etherpad", &digest).await;
    let page = alice.page("/repository/charts/etherpad/tag/0.0.4").await;
    assert!(page.contains(signature.as_str()) && page.contains("How to <strong>use</strong> it."), "{page}");
    insta::assert_snapshot!(steady(&page));
    let by_digest = alice.page(&format!("/repository/charts/etherpad/manifest/{digest}")).await;
    assert!(by_digest.contains(&format!("oci://{HOST}/charts/etherpad@{digest}")), "{by_digest}");
}

#[tokio::test]
async fn a_signature_by_tag_marks_the_image_and_is_hidden_until_asked_for() {
    let registry = Registry::new().await;
    let alice = Browser::of(&registry, "alice").await;
    let config = (quay_oci::media_type::OCI_IMAGE_CONFIG, &b"{\"os\":\"linux\"}"[..]);
    let layer = (quay_oci::media_type::OCI_LAYER, &b"a layer"[..]);
    let digest = push(&registry, "charts/app", "1", config, layer, json!({})).await;
    let tag = format!("sha256-{}.sig", digest.hex());
    let signature = (quay_oci::media_type::COSIGN_SIGNATURE, &b"{}"[..]);
    push(&registry, "charts/app", &tag, config, signature, json!({})).await;
    let page = alice.page("/repository/charts/app?tab=tags").await;
    assert!(page.contains("signed-mark") && !page.contains(&format!("tag-row-{tag}")), "{page}");
    assert!(
        page.contains("podman pull") && page.contains("docker pull") && page.contains("cosign verify"),
        "{page}"
    );
    let all = alice.page("/repository/charts/app?tab=tags&attached=show").await;
    assert!(all.contains(&format!("data-testid=\"tag-row-{tag}\"")), "{all}");
    let shown = alice.page("/repository/charts/app/tag/1").await;
    assert!(shown.contains(&format!("tag {tag}")), "{shown}");
}

#[tokio::test]
async fn tags_are_searched_filtered_sorted_and_paged_by_links() {
    let registry = Registry::new().await;
    let alice = Browser::of(&registry, "alice").await;
    let digest = registry.push(&As::Basic("alice"), "charts/demo", "first").await;
    for number in 0..29 {
        let tag = format!("v{number:02}");
        let fields = [("tag", tag.as_str()), ("digest", digest.as_str())];
        alice.done("/repository/charts/demo/-/add-tag", &fields).await;
    }
    let rows = |page: &str| page.matches("data-testid=\"tag-row-").count();
    let page = alice.page("/repository/charts/demo?tab=tags&sort=name&order=asc").await;
    assert_eq!(rows(&page), 25);
    assert!(page.contains("of 30") && page.contains("page=2") && !page.contains("Previous page"), "{page}");
    assert!(page.find("tag-row-first") < page.find("tag-row-v00"));
    let page = alice.page("/repository/charts/demo?tab=tags&sort=name&order=asc&page=2").await;
    assert!(rows(&page) == 5 && page.contains("Previous page") && !page.contains("Next page"), "{page}");
    let page = alice.page("/repository/charts/demo?tab=tags&search=V1").await;
    assert_eq!(rows(&page), 10);
    assert_eq!(rows(&alice.page("/repository/charts/demo?tab=tags&kind=image").await), 0);
    assert_eq!(rows(&alice.page("/repository/charts/demo?tab=tags&kind=helm-chart").await), 25);
    // A link that was mangled, or a page that is no more, is no error.
    for query in ["page=99999", "page=x", "sort=x&order=x&kind=x", "search=%00%ff", "before=x"] {
        alice.page(&format!("/repository/charts/demo?tab=tags&{query}")).await;
        alice.page(&format!("/repository/charts/demo?tab=history&{query}")).await;
        alice.page(&format!("/repository/charts/demo?tab=logs&{query}")).await;
        alice.page(&format!("/repository?{query}&after=x")).await;
    }
}

#[tokio::test]
async fn an_empty_repository_names_the_next_step_with_the_real_host() {
    let registry = Registry::new().await;
    let alice = Browser::of(&registry, "alice").await;
    let fields = [("namespace", "charts"), ("repository", "team/fresh"), ("visibility", "public")];
    let made = alice.done("/new", &fields).await;
    assert_eq!(made, "/repository/charts/team/fresh?tab=tags");
    let page = alice.page(&made).await;
    assert!(page.contains("This repository is empty."), "{page}");
    for line in [
        format!("podman login --username alice {HOST}"),
        format!("podman push localhost/IMAGE:TAG {HOST}/charts/team/fresh:TAG"),
        format!("helm push fresh-VERSION.tgz oci://{HOST}/charts/team"),
        format!("oras push {HOST}/charts/team/fresh:TAG ./FILE"),
    ] {
        assert!(page.contains(&line), "{line}: {page}");
    }
    // Who may not push is not told to.
    let bob = Browser::of(&registry, "bob").await;
    let page = bob.page(&made).await;
    assert!(page.contains("This repository is empty.") && !page.contains("podman push"), "{page}");
}

#[tokio::test]
async fn what_one_may_not_see_looks_like_what_is_not_there() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/secret", "v1").await;
    let (bob, nobody) = (Browser::of(&registry, "bob").await, Browser::of_nobody(&registry).await);
    for page in ["?tab=tags", "?tab=settings", "/tag/v1", "/-/delete", ""] {
        let (there, missing) = (
            bob.get(&format!("/repository/charts/secret{page}")).await,
            bob.get(&format!("/repository/charts/nothing{page}")).await,
        );
        assert_eq!((there.status, missing.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND), "{page}");
        let (there, missing) = (super::main_of(&there), super::main_of(&missing));
        assert_eq!(there, missing);
        let asked = nobody.get(&format!("/repository/charts/secret{page}")).await;
        assert_eq!(asked.status, StatusCode::SEE_OTHER);
        assert!(
            asked.header("location").starts_with("/signin?redirect_url=%2Frepository%2Fcharts%2Fsecret"),
            "{asked:?}"
        );
    }
    registry.publish("charts/secret").await;
    assert!(nobody.page("/repository/charts/secret?tab=tags").await.contains("tag-row-v1"));
}

#[tokio::test]
async fn who_may_only_read_is_offered_nothing_else() {
    let registry = Registry::new().await;
    let digest = registry.push(&As::Basic("alice"), "charts/open", "v1").await;
    registry.publish("charts/open").await;
    let bob = Browser::of(&registry, "bob").await;
    for page in ["", "?tab=tags", "?tab=history", "/tag/v1"] {
        let page = bob.page(&format!("/repository/charts/open{page}")).await;
        for word in ["/-/", "Settings", "Logs", "method=\"post\""] {
            assert!(!page.contains(word), "{word}: {page}");
        }
    }
    let digest = digest.as_str();
    for (action, fields) in [
        ("delete-tag", vec![("tag", "v1")]),
        ("restore-tag", vec![("tag", "v1"), ("digest", digest)]),
        ("expire-tag", vec![("tag", "v1"), ("expires", "2999-01-01T00:00")]),
        ("add-tag", vec![("tag", "v2"), ("digest", digest)]),
        ("protect-tag", vec![("tag", "v1"), ("immutable", "true")]),
        ("add-label", vec![("digest", digest), ("key", "a"), ("value", "b")]),
        ("description", vec![("description", "x")]),
        ("visibility", vec![("visibility", "private")]),
        ("grant", vec![("subject", "bob"), ("kind", "user"), ("role", "admin")]),
        ("revoke", vec![("subject", "bob"), ("kind", "user")]),
        ("delete", vec![("name", "charts/open")]),
    ] {
        let answer = bob.post(&format!("/repository/charts/open/-/{action}"), &fields).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{action}");
    }
    assert!(bob.page("/repository/charts/open?tab=tags").await.contains("tag-row-v1"));
}

#[tokio::test]
async fn everybody_sees_the_repositories_they_may_pull_from() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/one", "v1").await;
    registry.push(&As::Basic("alice"), "charts/two", "v1").await;
    registry.publish("charts/two").await;
    let alice = Browser::of(&registry, "alice").await;
    let page = alice.page("/repository").await;
    assert!(page.contains("charts/one") && page.contains("charts/two"), "{page}");
    let page = alice.page("/repository?search=tw").await;
    assert!(!page.contains("charts/one") && page.contains("charts/two"), "{page}");
    let down = alice.page("/repository?sort=name&order=desc").await;
    assert!(down.find("charts/two") < down.find("charts/one"), "{down}");
    let nobody = Browser::of_nobody(&registry).await.page("/repository").await;
    assert!(!nobody.contains("charts/one") && nobody.contains("charts/two"), "{nobody}");
    assert!(alice.page("/repository?search=nothing-like-it").await.contains("nothing-like-it"));
}
