//! A credential never reaches farther than its scopes, in lists and in what is shown neither.

use std::time::Duration;

use super::world::{HERE, PASSWORD, SERVICE, World, name, word};
use crate::perms::{ManageNamespace, ViewNamespace};
use crate::{ApiScopes, Caller, InvoicingChange, OwnChange, Visibility};

async fn narrow(w: &World, who: &Caller, scopes: ApiScopes) -> Caller {
    let hour = Duration::from_secs(3600);
    let token = w.core.create_access_token(&w.account(who).await, "narrow", scopes, hour).await.unwrap();
    w.core.authenticate_access_token(token.expose(), HERE).await.unwrap()
}

async fn bearer(w: &World, who: &Caller, scopes: &[&str]) -> Caller {
    let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let token = w.core.issue_token(who, SERVICE, &scopes).await.unwrap().token;
    w.core.authenticate_bearer(token.expose(), HERE, &|_| true).await.unwrap()
}

#[tokio::test]
async fn lists_show_what_the_credential_reaches() {
    let w = World::with(|config| config.feature_public_catalog = true).await;
    let alice = w.person("alice").await;
    for repository in ["alice/a", "alice/b", "alice/c"] {
        w.push_image(&alice, repository, "v1", b"layer").await;
    }
    let at = w.core.allow(&alice, &name("alice/c")).await.unwrap();
    w.core.set_visibility(&at, Visibility::Public).await.unwrap();
    let (reads, user) =
        (narrow(&w, &alice, ApiScopes::REPO_READ).await, narrow(&w, &alice, ApiScopes::USER_READ).await);
    let one = bearer(&w, &alice, &["repository:alice/a:pull", "repository:alice/none:pull"]).await;
    let nothing = bearer(&w, &alice, &[]).await;
    let catalog = bearer(&w, &alice, &["registry:catalog:*"]).await;

    let table = [
        (&alice, "a b c", "a b c"),
        (&reads, "a b c", "a b c"),
        (&catalog, "a b c", "a b c"),
        (&one, "a c", "c"),
        (&nothing, "c", "c"),
        (&user, "c", "c"),
    ];
    for (who, in_catalog, in_namespace) in table {
        let seen = w.core.catalog(who, None, None).await.unwrap().items.join(" ").replace("alice/", "");
        assert_eq!(seen, in_catalog, "{who:?}");
        let listed = w.core.repositories(who, Some("alice"), false, 100, None).await.unwrap().items;
        let listed: Vec<_> = listed.into_iter().map(|repo| repo.name).collect();
        assert_eq!(listed.join(" "), in_namespace, "{who:?}");
    }
    let page = w.core.catalog(&one, Some(1), None).await.unwrap();
    assert_eq!((page.items, page.more), (vec!["alice/a".to_owned()], true));
    let page = w.core.catalog(&one, Some(1), Some("alice/a")).await.unwrap();
    assert_eq!((page.items, page.more), (vec!["alice/c".to_owned()], false));
}

#[tokio::test]
async fn tokens_of_robots_are_shown_only_to_credentials_that_manage_the_namespace() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    w.robot(&owner, "charts", "ci").await;
    w.robot(&owner, "owner", "mine").await;
    // (scopes, sees tokens of the organization's robots, of one's own)
    let table = [
        (ApiScopes::ALL, true, true),
        (ApiScopes::ORG_ADMIN, true, false),
        (ApiScopes::USER_ADMIN, false, true),
        (ApiScopes::REPO_READ, false, false),
        (ApiScopes::USER_READ, false, false),
    ];
    for (scopes, organization, own) in table {
        let caller = narrow(&w, &owner, scopes).await;
        for (namespace, expected) in [("charts", organization), ("owner", own)] {
            let at = w.core.allow_in::<ViewNamespace>(&caller, namespace).await.unwrap();
            let robots = w.core.robots(&at, true).await.unwrap();
            assert_eq!(robots.len(), 1);
            assert_eq!(robots[0].token.is_some(), expected, "{scopes} {namespace}");
            let manages = w.core.allow_in::<ManageNamespace>(&caller, namespace).await;
            assert_eq!(word(manages) == "allowed", expected, "{scopes} {namespace}");
        }
    }
}

#[tokio::test]
async fn an_organization_tells_a_narrow_credential_no_more_than_a_stranger() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.core.create_organization(&w.account(&owner).await, "charts", Some("charts@example.com")).await.unwrap();
    let seen = w.core.organization(&narrow(&w, &owner, ApiScopes::REPO_CREATE).await, "charts").await;
    assert_eq!(word(seen.map(drop)), "allowed");
    let seen = w.core.organization(&bearer(&w, &owner, &[]).await, "charts").await.unwrap();
    assert!(!seen.is_admin && !seen.is_member && seen.email.is_none() && seen.teams.is_empty());
    let seen = w.core.organization(&narrow(&w, &owner, ApiScopes::USER_READ).await, "charts").await.unwrap();
    assert!(!seen.is_admin && seen.is_member && seen.teams.len() == 1);
}

#[tokio::test]
async fn a_token_does_not_beget_a_wider_one() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let narrow = narrow(&w, &alice, ApiScopes::USER_READ).await;
    let account = w.account(&narrow).await;
    let hour = Duration::from_secs(3600);
    assert_eq!(word(w.core.create_access_token(&account, "", ApiScopes::SUPER_USER, hour).await), "denied");
    assert_eq!(word(w.core.create_access_token(&account, "", ApiScopes::USER_READ, hour).await), "allowed");
    assert_eq!(word(w.core.change_password(&account, &"another-horse".into()).await), "denied");
    assert_eq!(word(w.core.create_organization(&account, "charts", None).await), "denied");
}

fn invoices() -> OwnChange {
    let by_mail = InvoicingChange { by_mail: Some(true), address: None };
    OwnChange { invoicing: by_mail, ..OwnChange::default() }
}

#[tokio::test]
async fn a_token_that_reads_an_account_changes_nothing_of_it() {
    let w = World::with(|config| config.feature_user_rename = true).await;
    let (alice, _) = (w.person("alice").await, w.person("bob").await);
    let account = w.account(&narrow(&w, &alice, ApiScopes::USER_READ).await).await;
    let password = || PASSWORD.into();
    assert_eq!(word(w.core.client_key(&account, &password()).await), "denied");
    assert_eq!(word(w.rename(&account, "anna").await), "denied");
    assert_eq!(word(w.core.convert_account(&account, "bob", &password()).await), "denied");
    assert_eq!(word(w.core.change_own_account(&account, invoices()).await), "denied");
    assert_eq!(word(w.core.delete_account(&account).await), "denied");
    // The control: what reaches the account may do it all.
    let account = w.account(&narrow(&w, &alice, ApiScopes::USER_ADMIN).await).await;
    assert_eq!(word(w.core.client_key(&account, &password()).await), "allowed");
    assert_eq!(word(w.core.change_own_account(&account, invoices()).await), "allowed");
    assert_eq!(word(w.rename(&account, "anna").await), "allowed");
}

#[tokio::test]
async fn a_superusers_powers_need_the_scope_for_them() {
    let w = World::with(|config| config.super_users = vec!["root".to_owned()]).await;
    w.core.ensure_superuser("root", "", &PASSWORD.into()).await.unwrap();
    let root = w.log_in("root").await.unwrap();
    for (scopes, expected) in [
        (ApiScopes::USER_ADMIN.with(ApiScopes::ORG_ADMIN), "denied"),
        (ApiScopes::REPO_ADMIN, "denied"),
        (ApiScopes::SUPER_USER, "allowed"),
    ] {
        let caller = narrow(&w, &root, scopes).await;
        assert_eq!(word(w.core.allow_superuser(&caller).await), expected, "{scopes}");
    }
}
