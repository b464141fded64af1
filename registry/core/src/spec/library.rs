//! The namespace of names without one.

use crate::perms::Push;
use crate::{Caller, Error, TeamRole};

use super::world::{PASSWORD, SERVICE, World, name, word};

async fn superuser(w: &World, name: &str) -> Caller {
    w.core.ensure_superuser(name, "", &PASSWORD.into()).await.unwrap();
    w.log_in(name).await.unwrap()
}

async fn push(w: &World, who: &Caller, to: &str) -> &'static str {
    let resolved = w.core.resolve(name(to));
    match resolved {
        Ok(resolved) => word(w.core.allow::<Push>(who, &resolved).await),
        Err(error) => word::<()>(Err(error)),
    }
}

#[tokio::test]
async fn the_library_exists_from_the_start_and_belongs_to_the_superusers() {
    let w = World::with(|config| config.super_users = vec!["root".to_owned(), "toor".to_owned()]).await;
    assert_eq!(word(w.core.organization(&w.anybody(), "library").await), "not found", "nobody could own it");
    let (root, toor) = (superuser(&w, "root").await, superuser(&w, "toor").await);
    let alice = w.person("alice").await;
    for owner in [&root, &toor] {
        assert!(w.core.organization(owner, "library").await.unwrap().is_admin);
        assert_eq!(push(&w, owner, "etherpad").await, "allowed");
    }
    assert_eq!(push(&w, &alice, "etherpad").await, "denied");
    w.push_image(&root, "etherpad", "v1", b"layer").await;
    assert!(w.get(&root, "library/etherpad", "v1").await.is_ok());

    let w = w.reopened().await;
    assert!(w.core.organization(&root, "library").await.unwrap().is_admin);
}

#[tokio::test]
async fn a_team_in_the_library_lets_others_push_there() {
    let w = World::new().await;
    let root = superuser(&w, "root").await;
    let alice = w.person("alice").await;
    w.enlist(&root, "library", TeamRole::Creator, "alice").await;
    assert_eq!(push(&w, &alice, "etherpad").await, "allowed");
}

#[tokio::test]
async fn nobody_else_takes_the_librarys_name() {
    let w = World::with(|config| config.create_namespace_on_push = true).await;
    let alice = w.person("alice").await;
    let account = w.account(&alice).await;
    assert!(matches!(
        w.core.create_organization(&account, "library", None).await,
        Err(Error::Invalid { .. })
    ));
    let new = crate::NewUser { username: "library".to_owned(), email: None, password: PASSWORD.into() };
    assert!(matches!(w.core.create_user(&w.anybody(), new).await, Err(Error::Invalid { .. })));
    assert_eq!(push(&w, &alice, "etherpad").await, "denied");
    // The control: other names can be taken by pushing to them.
    assert_eq!(push(&w, &alice, "others/etherpad").await, "allowed");
}

#[tokio::test]
async fn an_organization_of_that_name_that_somebody_founded_before_is_left_alone() {
    let w = World::with(|config| config.library_namespace = "apps".to_owned()).await;
    let alice = w.person("alice").await;
    w.organization(&alice, "library").await;
    let mut config = w.config.clone();
    config.library_namespace = "library".to_owned();
    w.core.swap_config(config);
    let root = superuser(&w, "root").await;
    assert_eq!(push(&w, &root, "etherpad").await, "denied");
    assert_eq!(push(&w, &alice, "etherpad").await, "allowed");
}

#[tokio::test]
async fn another_namespace_can_be_the_library() {
    let w = World::with(|config| config.library_namespace = "apps".to_owned()).await;
    let root = superuser(&w, "root").await;
    assert_eq!(w.core.resolve(name("etherpad")).unwrap().as_str(), "apps/etherpad");
    assert_eq!(w.core.resolve(name("library/etherpad")).unwrap().as_str(), "library/etherpad");
    assert_eq!(push(&w, &root, "etherpad").await, "allowed");
    assert_eq!(push(&w, &root, "library/etherpad").await, "denied");
    let scope = ["repository:etherpad:pull,push".to_owned()];
    let token = w.core.issue_token(&root, SERVICE, &scope).await.unwrap();
    let holder = w
        .core
        .authenticate_bearer(token.token.expose(), super::world::HERE, &|aud| aud == SERVICE)
        .await
        .unwrap();
    assert_eq!(push(&w, &holder, "etherpad").await, "allowed");
}

#[tokio::test]
async fn without_a_library_names_need_a_namespace_and_the_refusal_says_so() {
    let w = World::with(|config| config.feature_library_support = false).await;
    let root = superuser(&w, "root").await;
    assert_eq!(word(w.core.organization(&root, "library").await), "not found");
    let told = w.core.resolve(name("etherpad")).unwrap_err().message();
    assert!(told.contains("FEATURE_LIBRARY_SUPPORT") && told.contains("NAMESPACE/etherpad"), "{told}");
    assert_eq!(push(&w, &root, "etherpad").await, "NAME_INVALID");
    assert_eq!(push(&w, &root, "root/etherpad").await, "allowed");
    let scope = ["repository:etherpad:pull,push".to_owned()];
    let told = w.core.issue_token(&root, SERVICE, &scope).await.unwrap_err().message();
    assert!(told.contains("FEATURE_LIBRARY_SUPPORT"), "{told}");
}
