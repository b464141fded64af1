//! What the forms do, and what they say when something is wrong.

use http::StatusCode;

use super::Browser;
use crate::temporary::{As, Registry};

const DEMO: &str = "/repository/charts/demo";

#[tokio::test]
async fn a_tag_is_deleted_after_a_question_and_restored_from_the_history() {
    let registry = Registry::new().await;
    let digest = registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let alice = Browser::of(&registry, "alice").await;
    let tags = alice.page(&format!("{DEMO}?tab=tags")).await;
    assert!(tags.contains(&format!("href=\"{DEMO}/-/delete-tag?tag=v1\"")), "{tags}");
    let question = alice.page(&format!("{DEMO}/-/delete-tag?tag=v1")).await;
    assert!(question.contains("data-testid=\"confirm\"") && question.contains(digest.as_str()), "{question}");
    let to = alice.done(&format!("{DEMO}/-/delete-tag"), &[("tag", "v1")]).await;
    assert_eq!(to, format!("{DEMO}?tab=tags"));
    assert!(!alice.page(&to).await.contains("tag-row-v1"));
    assert_eq!(
        alice.post(&format!("{DEMO}/-/delete-tag"), &[("tag", "v1")]).await.status,
        StatusCode::NOT_FOUND
    );

    let history = alice.page(&format!("{DEMO}?tab=history")).await;
    assert!(history.contains("data-testid=\"restore-v1\"") && history.contains(">deleted<"), "{history}");
    let fields = [("tag", "v1"), ("digest", digest.as_str())];
    let question = alice.page(&format!("{DEMO}/-/restore-tag?tag=v1&digest={digest}")).await;
    assert!(question.contains("data-testid=\"confirm\""), "{question}");
    alice.done(&format!("{DEMO}/-/restore-tag"), &fields).await;
    assert!(alice.page(&format!("{DEMO}?tab=tags")).await.contains("tag-row-v1"));
    assert!(alice.page(&format!("{DEMO}?tab=history")).await.contains(">reverted<"));
}

#[tokio::test]
async fn tags_that_point_at_the_same_are_named_as_far_as_they_can_be_read() {
    let registry = Registry::new().await;
    for number in 10..31 {
        registry.push(&As::Basic("alice"), "charts/demo", &format!("v{number}")).await;
    }
    let alice = Browser::of(&registry, "alice").await;
    let question = format!("{DEMO}/-/delete-tag?tag=v10");
    let page = alice.page(&question).await;
    assert!(page.contains(">v11<") && page.contains(">v30<") && !page.contains("and others"), "{page}");
    let page = alice.page(&format!("{DEMO}/tag/v30")).await;
    assert!(page.contains("/tag/v29\"") && page.contains("</a> and others"), "{page}");
    registry.push(&As::Basic("alice"), "charts/demo", "v31").await;
    let page = alice.page(&question).await;
    assert!(
        page.contains(">v30<") && !page.contains(">v31<") && page.contains("</strong> and others."),
        "{page}"
    );
}

#[tokio::test]
async fn what_is_not_there_any_more_leads_to_the_history_for_whoever_may_read_it() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let (alice, bob) = (Browser::of(&registry, "alice").await, Browser::of(&registry, "bob").await);
    alice.done(&format!("{DEMO}/-/delete-tag"), &[("tag", "v1")]).await;
    let other = format!("sha256:{}", "ab".repeat(32));
    for (path, said, search) in [
        (format!("{DEMO}/tag/v1"), "The tag v1 is not in charts/demo:", "&#38;search=v1"),
        (format!("{DEMO}/manifest/{other}"), "This manifest is not in charts/demo:", ""),
    ] {
        let answer = alice.get(&path).await;
        let page = super::main_of(&answer);
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(page.contains(said), "{page}");
        assert!(page.contains(&format!("href=\"{DEMO}?tab=history{search}\">Tag history")), "{page}");
        let answer = bob.get(&path).await;
        let page = super::main_of(&answer);
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(page.contains("or you have no right to see it") && !page.contains("history"), "{page}");
    }
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let (alice, bob) = (Browser::of(&registry, "alice").await, Browser::of(&registry, "bob").await);
    for token in ["", "x", &bob.csrf] {
        let answer = alice.post_with(&format!("{DEMO}/-/delete-tag"), &[("tag", "v1")], token).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{token}");
    }
    assert!(alice.page(&format!("{DEMO}?tab=tags")).await.contains("tag-row-v1"));
    // The control: the very same form with its token.
    alice.done(&format!("{DEMO}/-/delete-tag"), &[("tag", "v1")]).await;
    assert!(!alice.page(&format!("{DEMO}?tab=tags")).await.contains("tag-row-v1"));
}

#[tokio::test]
async fn a_tag_gets_an_end_and_loses_it_again() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let alice = Browser::of(&registry, "alice").await;
    let form = format!("{DEMO}/-/expire-tag");
    for wrong in ["soon", "2001-01-01T00:00", "<script>"] {
        let page = alice.wrong(&form, &[("tag", "v1"), ("expires", wrong)]).await;
        assert!(
            page.contains("aria-invalid=\"true\"") && page.contains("id=\"tag-expires-error\""),
            "{page}"
        );
    }
    alice.done(&form, &[("tag", "v1"), ("expires", "2999-12-31T23:59")]).await;
    assert!(alice.page(&format!("{DEMO}?tab=tags")).await.contains("31 Dec 2999, 23:59 UTC"));
    assert!(alice.page(&format!("{form}?tag=v1")).await.contains("value=\"2999-12-31T23:59\""));
    alice.done(&form, &[("tag", "v1"), ("expires", "")]).await;
    assert!(!alice.page(&format!("{DEMO}?tab=tags")).await.contains("2999"));
}

#[tokio::test]
async fn a_manifest_gets_another_tag_and_a_protected_one_stays() {
    let registry = Registry::new().await;
    let digest = registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let alice = Browser::of(&registry, "alice").await;
    let form = format!("{DEMO}/-/add-tag");
    let page = alice.wrong(&form, &[("tag", "-bad-"), ("digest", digest.as_str())]).await;
    assert!(page.contains("invalid tag") && page.contains("value=\"-bad-\""), "{page}");
    alice.done(&form, &[("tag", "stable"), ("digest", digest.as_str())]).await;
    let to = alice.done(&format!("{DEMO}/-/protect-tag"), &[("tag", "stable"), ("immutable", "true")]).await;
    assert!(alice.page(&to).await.contains("Remove immutability"));
    let tags = alice.page(&format!("{DEMO}?tab=tags")).await;
    assert!(tags.contains("-/protect-tag?tag=stable\"") && tags.contains("-/protect-tag?tag=v1\""), "{tags}");
    let question = alice.page(&format!("{DEMO}/-/protect-tag?tag=stable")).await;
    assert!(question.contains("name=\"immutable\" value=\"false\""), "{question}");
    let question = alice.page(&format!("{DEMO}/-/protect-tag?tag=v1")).await;
    assert!(question.contains("name=\"immutable\" value=\"true\""), "{question}");
    let page = alice.wrong(&format!("{DEMO}/-/delete-tag"), &[("tag", "stable")]).await;
    assert!(page.contains("immutable"), "{page}");
    alice.done(&format!("{DEMO}/-/protect-tag"), &[("tag", "stable"), ("immutable", "false")]).await;
    alice.done(&format!("{DEMO}/-/delete-tag"), &[("tag", "stable")]).await;
}

#[tokio::test]
async fn labels_are_added_and_removed() {
    let registry = Registry::new().await;
    let digest = registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let alice = Browser::of(&registry, "alice").await;
    let form = format!("{DEMO}/-/add-label");
    let page = alice.wrong(&form, &[("digest", digest.as_str()), ("key", "No Key"), ("value", "kept")]).await;
    assert!(page.contains("id=\"label-key-error\"") && page.contains("value=\"kept\""), "{page}");
    alice.done(&form, &[("digest", digest.as_str()), ("key", "team"), ("value", "<b>blue</b>")]).await;
    let page = alice.page(&format!("{DEMO}/tag/v1")).await;
    assert!(page.contains("&#60;b&#62;blue") && !page.contains("<b>blue"), "{page}");
    let (_, rest) =
        page.split_once(&format!("{DEMO}/-/delete-label?digest={digest}&amp;id=")).expect("a link");
    let id = rest.split('"').next().expect("an id").to_owned();
    let question = alice.page(&format!("{DEMO}/-/delete-label?digest={digest}&id={id}")).await;
    assert!(
        question.contains("&#60;b&#62;blue") && question.contains("data-testid=\"confirm\""),
        "{question}"
    );
    alice.done(&format!("{DEMO}/-/delete-label"), &[("digest", digest.as_str()), ("id", &id)]).await;
    assert!(alice.page(&format!("{DEMO}/tag/v1")).await.contains("No labels."));
}

#[tokio::test]
async fn permissions_are_given_changed_and_taken() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let (alice, bob) = (Browser::of(&registry, "alice").await, Browser::of(&registry, "bob").await);
    let grant = format!("{DEMO}/-/grant");
    for (subject, kind, field) in [
        ("", "user", "permission-subject-input"),
        ("nobody-at-all", "user", "permission-subject-input"),
        ("no-team", "team", "permission-subject-input"),
    ] {
        let page = alice.wrong(&grant, &[("subject", subject), ("kind", kind), ("role", "read")]).await;
        assert!(page.contains(&format!("id=\"{field}-error\"")), "{subject}: {page}");
    }
    alice.wrong(&grant, &[("subject", "bob"), ("kind", "user"), ("role", "emperor")]).await;
    assert_eq!(bob.get(DEMO).await.status, StatusCode::NOT_FOUND);
    for (subject, kind) in [("bob", "user"), ("charts+ci", "user"), ("creators", "team")] {
        alice.done(&grant, &[("subject", subject), ("kind", kind), ("role", "write")]).await;
    }
    let page = alice.page(&format!("{DEMO}?tab=settings")).await;
    for subject in ["bob", "charts+ci", "creators"] {
        assert!(page.contains(&format!("data-testid=\"permission-{subject}\"")), "{page}");
    }
    assert!(bob.page(DEMO).await.contains("Edit description"));
    alice.done(&format!("{DEMO}/-/revoke"), &[("subject", "bob"), ("kind", "user")]).await;
    assert_eq!(bob.get(DEMO).await.status, StatusCode::NOT_FOUND);
    alice.done(&format!("{DEMO}/-/visibility"), &[("visibility", "public")]).await;
    assert!(!bob.page(DEMO).await.contains("Edit description"));
    alice.wrong(&format!("{DEMO}/-/visibility"), &[("visibility", "both")]).await;
}

#[tokio::test]
async fn a_repository_is_deleted_only_by_its_name() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let alice = Browser::of(&registry, "alice").await;
    for wrong in ["", "demo", "charts/Demo"] {
        let page = alice.wrong(&format!("{DEMO}/-/delete"), &[("name", wrong)]).await;
        assert!(page.contains("id=\"confirm-name-error\""), "{page}");
    }
    assert_eq!(alice.done(&format!("{DEMO}/-/delete"), &[("name", " charts/demo ")]).await, "/repository");
    assert_eq!(alice.get(DEMO).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_repository_is_made_where_one_may() {
    let registry = Registry::new().await;
    let (alice, bob) = (Browser::of(&registry, "alice").await, Browser::of(&registry, "bob").await);
    let form = alice.page("/new?namespace=charts").await;
    assert!(
        form.contains("<option value=\"charts\" selected>") && form.contains("<option value=\"alice\""),
        "{form}"
    );
    let fields = |name| {
        [("namespace", "charts"), ("repository", name), ("description", "d"), ("visibility", "private")]
    };
    for wrong in ["", "Upper", "a//b", "../x", "a b"] {
        let page = alice.wrong("/new", &fields(wrong)).await;
        assert!(page.contains("id=\"repository-name-error\""), "{wrong}: {page}");
    }
    alice.done("/new", &fields("fresh")).await;
    let page = alice.wrong("/new", &fields("fresh")).await;
    assert!(page.contains("Repository already exists"), "{page}");
    let page = bob.wrong("/new", &fields("other")).await;
    assert!(page.contains("id=\"repository-namespace-error\""), "{page}");
    let nobody = Browser::of_nobody(&registry).await.get("/new?namespace=charts").await;
    assert_eq!(nobody.header("location"), "/signin?redirect_url=%2Fnew%3Fnamespace%3Dcharts");
}

#[tokio::test]
async fn a_description_is_saved_and_a_form_for_nothing_leads_back() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let alice = Browser::of(&registry, "alice").await;
    alice.done(&format!("{DEMO}/-/description"), &[("description", "# Demo\r\n\r\n*for* you")]).await;
    let page = alice.page(DEMO).await;
    assert!(page.contains("<h3>Demo</h3>") && page.contains("<em>for</em>"), "{page}");
    assert!(alice.page(&format!("{DEMO}/-/description")).await.contains("# Demo\n\n*for* you"));
    let long = "x".repeat(65 * 1024);
    let page = alice.wrong(&format!("{DEMO}/-/description"), &[("description", &long)]).await;
    assert!(page.contains("id=\"repository-description-error\""));
    let back = alice.get(&format!("{DEMO}/-/grant")).await;
    assert_eq!(
        (back.status, back.header("location")),
        (StatusCode::SEE_OTHER, "/repository/charts/demo?tab=tags")
    );
    assert_eq!(alice.post(&format!("{DEMO}/-/nothing"), &[]).await.status, StatusCode::NOT_FOUND);
    assert!(alice.page(&format!("{DEMO}?tab=logs")).await.contains("Changed the description"));
}
