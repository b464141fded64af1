//! Several tags at once, as a browser without any script chooses and changes them.

use http::StatusCode;

use super::Browser;
use crate::temporary::{As, Registry};

const DEMO: &str = "/repository/charts/demo";

async fn with_tags(tags: &[&str]) -> Registry {
    let registry = Registry::new().await;
    for tag in tags {
        registry.push(&As::Basic("alice"), "charts/demo", tag).await;
    }
    registry
}

#[tokio::test]
async fn chosen_tags_are_listed_first_and_deleted_then() {
    let registry = with_tags(&["a", "b", "c"]).await;
    let alice = Browser::of(&registry, "alice").await;
    let tags = alice.page(&format!("{DEMO}?tab=tags")).await;
    for tag in ["a", "b", "c"] {
        assert!(tags.contains(&format!("name=\"tag\" value=\"{tag}\" form=\"tag-bulk\"")), "{tags}");
    }
    let question = alice.page(&format!("{DEMO}/-/delete-tags?tag=b&tag=a&tag=a&tag=gone&tag=-x-")).await;
    assert!(
        question.contains("Delete 2 tags?") && question.contains("data-testid=\"confirm\""),
        "{question}"
    );
    assert_eq!(question.matches("type=\"hidden\" name=\"tag\"").count(), 2, "{question}");
    assert!(question.contains("no such tag any more") && question.contains("invalid tag"), "{question}");
    // Nothing has happened yet.
    assert!(alice.page(&format!("{DEMO}?tab=tags")).await.contains("tag-row-a"));
    let to = alice.done(&format!("{DEMO}/-/delete-tags"), &[("tag", "a"), ("tag", "b")]).await;
    let tags = alice.page(&to).await;
    assert!(
        tags.contains("tag-row-c") && !tags.contains("tag-row-a") && !tags.contains("tag-row-b"),
        "{tags}"
    );
    let history = alice.page(&format!("{DEMO}?tab=history")).await;
    assert!(history.contains("restore-a") && history.contains("restore-b"), "{history}");
}

#[tokio::test]
async fn what_could_not_be_changed_is_told_with_its_reason_and_the_rest_is_done() {
    let registry = with_tags(&["kept", "loose"]).await;
    let alice = Browser::of(&registry, "alice").await;
    alice.done(&format!("{DEMO}/-/protect-tag"), &[("tag", "kept"), ("immutable", "true")]).await;
    let question = alice.page(&format!("{DEMO}/-/delete-tags?tag=kept&tag=loose")).await;
    assert!(question.contains("Delete 1 tag?") && question.contains("It is immutable"), "{question}");
    let fields = [("tag", "kept"), ("tag", "loose"), ("tag", "gone"), ("tag", "<b>")];
    let page = alice.wrong(&format!("{DEMO}/-/delete-tags"), &fields).await;
    for said in ["1 tag was deleted", "It is immutable", "no such tag any more", "&#60;b&#62;"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let tags = alice.page(&format!("{DEMO}?tab=tags")).await;
    assert!(tags.contains("tag-row-kept") && !tags.contains("tag-row-loose"), "{tags}");
}

#[tokio::test]
async fn the_expiration_of_chosen_tags_is_changed_at_once() {
    let registry = with_tags(&["a", "b"]).await;
    let alice = Browser::of(&registry, "alice").await;
    let form = format!("{DEMO}/-/expire-tags");
    for wrong in ["soon", "2001-01-01T00:00"] {
        let page = alice.wrong(&form, &[("tag", "a"), ("tag", "b"), ("expires", wrong)]).await;
        assert!(page.contains("id=\"tags-expire-error\"") && page.contains("value=\"b\""), "{page}");
    }
    let both = |expires| [("tag", "a"), ("tag", "b"), ("expires", expires)];
    alice.done(&form, &both("2999-12-31T23:59")).await;
    let page = alice.page(&format!("{DEMO}?tab=tags")).await;
    assert_eq!(page.matches("31 Dec 2999, 23:59 UTC").count(), 2, "{page}");
    alice.done(&form, &both("")).await;
    assert!(!alice.page(&format!("{DEMO}?tab=tags")).await.contains("2999"));
}

#[tokio::test]
async fn nothing_chosen_leads_back_and_no_more_than_a_hundred_are_taken() {
    let registry = with_tags(&["a"]).await;
    let alice = Browser::of(&registry, "alice").await;
    for action in ["delete-tags", "expire-tags"] {
        let answer = alice.get(&format!("{DEMO}/-/{action}")).await;
        assert_eq!(answer.header("location"), format!("{DEMO}?tab=tags"), "{action}");
        assert_eq!(alice.done(&format!("{DEMO}/-/{action}"), &[]).await, format!("{DEMO}?tab=tags"));
    }
    let many: String = (0..150).map(|number| format!("tag=t{number:03}&")).collect();
    let page = alice.page(&format!("{DEMO}/-/delete-tags?{many}")).await;
    assert!(page.contains("the first 100 by name") && page.contains(">t099<") && !page.contains(">t100<"));
}

#[tokio::test]
async fn only_who_may_push_is_asked_and_heard() {
    let registry = with_tags(&["a"]).await;
    registry.publish("charts/demo").await;
    let bob = Browser::of(&registry, "bob").await;
    assert!(!bob.page(&format!("{DEMO}?tab=tags")).await.contains("tag-bulk"));
    for action in ["delete-tags", "expire-tags"] {
        assert_eq!(bob.get(&format!("{DEMO}/-/{action}?tag=a")).await.status, StatusCode::NOT_FOUND);
        assert_eq!(
            bob.post(&format!("{DEMO}/-/{action}"), &[("tag", "a")]).await.status,
            StatusCode::NOT_FOUND
        );
        let forged = Browser::of(&registry, "alice").await;
        let answer = forged.post_with(&format!("{DEMO}/-/{action}"), &[("tag", "a")], "wrong").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    assert!(bob.page(&format!("{DEMO}?tab=tags")).await.contains("tag-row-a"));
}
