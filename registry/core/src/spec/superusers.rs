//! What superusers do with accounts and organizations of others, and what they cannot.

use super::world::{HERE, PASSWORD, SERVICE, World, name, word};
use crate::perms::{ManageNamespace, Pull, Superuser};
use crate::{AccountChange, Allowed, Caller, LogScope, Result, Secret, TeamRole};

/// A registry with two superusers, one of whom acts, and two people.
struct Place {
    w: World,
    root: Caller,
    by: Allowed<Superuser>,
    alice: Caller,
    bob: Caller,
}

async fn place() -> Place {
    let w = World::with(|config| {
        config.super_users = vec!["root".to_owned(), "boss".to_owned()];
        config.feature_user_rename = true;
    })
    .await;
    for superuser in ["root", "boss"] {
        w.core.ensure_superuser(superuser, "", &PASSWORD.into()).await.unwrap();
    }
    let root = w.log_in("root").await.unwrap();
    let by = w.core.allow_superuser(&root).await.unwrap();
    let (alice, bob) = (w.person("alice").await, w.person("bob").await);
    Place { w, root, by, alice, bob }
}

impl Place {
    async fn change(&self, username: &str, change: AccountChange) -> Result<crate::User> {
        self.w.core.change_account(&self.by, username, change).await
    }

    async fn enable(&self, username: &str, enabled: bool) -> Result<crate::User> {
        self.change(username, AccountChange { enabled: Some(enabled), ..AccountChange::default() }).await
    }

    async fn deeds(&self) -> Vec<String> {
        let scope = LogScope::Everything(&self.by);
        let (from, to) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX);
        let page = self.w.core.logs(scope, from, to, None, 100).await.unwrap();
        page.items.into_iter().rev().map(|entry| entry.kind).collect()
    }
}

fn told<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().message()
}

#[tokio::test]
async fn accounts_are_listed_in_pages_with_or_without_those_who_are_disabled() {
    let p = place().await;
    p.enable("alice", false).await.unwrap();
    let names = async |disabled, n, last| {
        let page = p.w.core.list_users(&p.by, disabled, n, last).await.unwrap();
        (page.items.into_iter().map(|user| user.username).collect::<Vec<_>>(), page.more)
    };
    assert_eq!(names(true, 100, None).await.0, ["alice", "bob", "boss", "root"]);
    assert_eq!(names(false, 100, None).await.0, ["bob", "boss", "root"]);
    assert_eq!(names(false, 2, None).await, (vec!["bob".to_owned(), "boss".to_owned()], true));
    assert_eq!(names(false, 2, Some("boss")).await, (vec!["root".to_owned()], false));
    assert!(!p.w.core.account_of(&p.by, "alice").await.unwrap().enabled);
    p.w.organization(&p.bob, "charts").await;
    for missing in ["nobody", "charts", "charts+ci"] {
        assert_eq!(word(p.w.core.account_of(&p.by, missing).await), "not found", "{missing}");
    }
}

#[tokio::test]
async fn a_disabled_account_is_shut_out_at_once_by_every_way_and_comes_back_without_what_it_had() {
    let p = place().await;
    let account = p.w.account(&p.alice).await;
    let cookie = p.w.core.sign_in("alice", &PASSWORD.into(), HERE).await.unwrap().cookie;
    let key = p.w.core.client_key(&account, &PASSWORD.into()).await.unwrap();
    let (_, app) = p.w.core.create_app_token(&account, "laptop").await.unwrap();
    let at = p.w.manage(&p.alice, "alice").await;
    let robot = p.w.core.create_robot(&at, "ci", "", None).await.unwrap();
    let token = p.w.core.issue_token(&p.alice, SERVICE, &[]).await.unwrap();
    let ways = async || {
        let basic = async |username: &str, password: &Secret| {
            word(p.w.core.authenticate_client(username, password, HERE).await)
        };
        let bearer = p.w.core.authenticate_bearer(token.token.expose(), HERE, &|a| a == SERVICE).await;
        let session = p.w.core.session(cookie.expose(), HERE).await.unwrap();
        [
            basic("alice", &PASSWORD.into()).await,
            basic("alice", &key).await,
            basic("$app", &app).await,
            basic("alice+ci", robot.token.as_ref().unwrap()).await,
            word(bearer),
            if session.is_some() { "allowed" } else { "bad credentials" },
        ]
    };
    assert_eq!(ways().await, ["allowed"; 6], "the control");
    assert!(!p.enable("alice", false).await.unwrap().enabled);
    assert_eq!(ways().await, ["bad credentials"; 6]);
    assert!(p.enable("alice", true).await.unwrap().enabled);
    let [password, key, app, robot, bearer, session] = ways().await;
    assert_eq!([password, app, robot], ["allowed"; 3]);
    assert_eq!([key, bearer, session], ["bad credentials"; 3], "issued before, void for good");
    p.enable("alice", true).await.unwrap();
    let deeds = p.deeds().await;
    assert_eq!(
        deeds.iter().filter(|kind| *kind == "user_enable").count(),
        1,
        "nothing to do, nothing written"
    );
    assert!(deeds.contains(&"user_disable".to_owned()));
}

#[tokio::test]
async fn a_new_password_and_address_are_given_as_a_person_would_give_them() {
    let p = place().await;
    let cookie = p.w.core.sign_in("alice", &PASSWORD.into(), HERE).await.unwrap().cookie;
    let change = AccountChange {
        password: Some("another-horse".into()),
        email: Some(" Alice@Example.com ".to_owned()),
        ..AccountChange::default()
    };
    let changed = p.change("alice", change).await.unwrap();
    assert_eq!(changed.email.as_deref(), Some("alice@example.com"));
    assert!(p.w.core.session(cookie.expose(), HERE).await.unwrap().is_none());
    assert_eq!(word(p.w.log_in("alice").await), "bad credentials");
    assert_eq!(word(p.w.core.authenticate_basic("alice", &"another-horse".into(), HERE).await), "allowed");

    let with_email =
        |email: &str| AccountChange { email: Some(email.to_owned()), ..AccountChange::default() };
    let weak = AccountChange { password: Some("short".into()), ..AccountChange::default() };
    assert!(told(p.change("bob", weak).await).starts_with("Invalid password"));
    assert!(told(p.change("bob", with_email("nowhere")).await).starts_with("Invalid email address"));
    let taken = told(p.change("bob", with_email("alice@example.com")).await);
    assert_eq!(taken, "Email has already been used: alice@example.com");
    assert_eq!(word(p.change("nobody", with_email("a@b")).await), "not found");
    let deeds = p.deeds().await;
    assert!(
        ["user_change_password", "user_change_email"].iter().all(|kind| deeds.contains(&(*kind).to_owned()))
    );

    // What cannot be done as a whole is not done in part.
    let both = AccountChange { enabled: Some(false), ..with_email("alice@example.com") };
    assert!(p.change("bob", both).await.is_err());
    assert!(p.w.core.account_of(&p.by, "bob").await.unwrap().enabled);
}

#[tokio::test]
async fn the_log_tells_by_which_way_a_superuser_changed_their_own_password() {
    let p = place().await;
    let account = p.w.account(&p.root).await;
    let newest = async || {
        let (from, to) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX);
        let page = p.w.core.logs(LogScope::Everything(&p.by), from, to, None, 100).await.unwrap();
        let entry = page.items.into_iter().next().unwrap();
        (entry.kind, entry.metadata.get("username").cloned())
    };
    let password = AccountChange { password: Some("another-horse".into()), ..AccountChange::default() };
    p.change("root", password).await.unwrap();
    assert_eq!(newest().await, ("user_change_password".to_owned(), Some("root".into())));
    p.w.core.change_password(&account, &"a-third-horse".into()).await.unwrap();
    assert_eq!(newest().await, ("account_change_password".to_owned(), None));
}

#[tokio::test]
async fn no_superuser_changes_another_or_shuts_out_themself() {
    let p = place().await;
    let email = || AccountChange { email: Some("boss@example.com".to_owned()), ..AccountChange::default() };
    assert_eq!(told(p.change("boss", email()).await), "Cannot update a superuser");
    assert_eq!(told(p.enable("boss", false).await), "Cannot update a superuser");
    assert_eq!(told(p.w.core.delete_account_of(&p.by, "boss").await), "Cannot delete a superuser");
    assert_eq!(told(p.w.core.delete_account_of(&p.by, "root").await), "Cannot delete a superuser");
    assert!(told(p.w.core.take_ownership(&p.by, "boss").await).starts_with("Cannot take ownership"));
    assert_eq!(told(p.enable("root", false).await), "Cannot disable your own account");
    assert!(p.change("root", email()).await.is_ok(), "one's own address is one's own");
    // The control, and who has no such powers.
    assert!(p.enable("alice", false).await.is_ok());
    assert_eq!(word(p.w.core.allow_superuser(&p.bob).await), "denied");
    assert_eq!(word(p.w.core.allow_superuser(&p.w.anybody()).await), "challenge");
}

#[tokio::test]
async fn an_account_is_deleted_unless_an_organization_would_be_nobodys() {
    let p = place().await;
    p.w.organization(&p.alice, "charts").await;
    p.w.push_image(&p.alice, "alice/tools", "v1", b"layer").await;
    let refused = told(p.w.core.delete_account_of(&p.by, "alice").await);
    assert!(refused.starts_with("alice is the only owner of the organization charts"), "{refused}");
    p.w.core.take_ownership(&p.by, "charts").await.unwrap();
    p.w.core.delete_account_of(&p.by, "alice").await.unwrap();
    assert_eq!(word(p.w.log_in("alice").await), "bad credentials");
    assert_eq!(word(p.w.core.delete_account_of(&p.by, "alice").await), "not found");
    assert_eq!(word(p.w.core.delete_account_of(&p.by, "charts").await), "not found");
    let next = p.w.person("alice").await;
    assert_eq!(word(p.w.core.allow::<Pull>(&next, &name("alice/tools")).await), "name unknown");
    assert!(p.deeds().await.contains(&"user_delete".to_owned()));
}

#[tokio::test]
async fn a_disabled_owner_is_deleted_when_another_owner_can_sign_in() {
    let p = place().await;
    p.w.organization(&p.alice, "charts").await;
    p.w.enlist(&p.alice, "charts", TeamRole::Admin, "bob").await;
    p.enable("alice", false).await.unwrap();
    p.w.core.delete_account_of(&p.by, "alice").await.unwrap();
    // The control: of a disabled one's own, nobody would be left.
    p.w.organization(&p.bob, "maps").await;
    p.enable("bob", false).await.unwrap();
    let refused = told(p.w.core.delete_account_of(&p.by, "bob").await);
    assert!(refused.contains("only owner of the organization"), "{refused}");
}

#[tokio::test]
async fn an_organization_gets_another_name_with_its_robots_and_everything_in_it() {
    let p = place().await;
    p.w.organization(&p.alice, "charts").await;
    p.w.push_image(&p.alice, "charts/demo", "v1", b"layer").await;
    let at = p.w.manage(&p.alice, "charts").await;
    let token = p.w.core.create_robot(&at, "ci", "", None).await.unwrap().token.unwrap();
    p.w.grant(&p.alice, "charts/demo", "charts+ci", crate::RepositoryRole::Read).await;

    for (new, said) in [
        ("bob", "already exists"),
        ("boss", "already exists"),
        ("library", "already exists"),
        ("Charts", "must match expression"),
    ] {
        let refused = told(p.w.core.rename_organization(&p.by, "charts", new).await);
        assert!(refused.contains(said), "{new}: {refused}");
    }
    assert_eq!(word(p.w.core.rename_organization(&p.by, "alice", "graphs").await), "not found");
    assert!(told(p.w.core.rename_organization(&p.by, "library", "books").await).contains("configuration"));

    let row = p.w.core.rename_organization(&p.by, "charts", "graphs").await.unwrap();
    assert_eq!(row.name, "graphs");
    assert_eq!(word(p.w.core.organization(&p.alice, "charts").await), "not found");
    let robot = p.w.core.authenticate_basic("graphs+ci", &token, HERE).await.unwrap();
    assert!(p.w.get(&robot, "graphs/demo", "v1").await.is_ok());
    assert_eq!(word(p.w.core.authenticate_basic("charts+ci", &token, HERE).await), "bad credentials");
    let at = p.w.manage(&p.alice, "graphs").await;
    assert_eq!(p.w.core.robot(&at, "ci").await.unwrap().token.unwrap().expose(), token.expose());
    // The old name is free, and nothing comes with it.
    p.w.organization(&p.bob, "charts").await;
    assert_eq!(word(p.w.core.allow_in::<ManageNamespace>(&p.alice, "charts").await), "denied");
    let listed = p.w.core.list_organizations(&p.by, 100, None).await.unwrap();
    assert_eq!(
        listed.items.iter().map(|row| &*row.name).collect::<Vec<_>>(),
        ["charts", "graphs", "library"]
    );
    assert!(p.deeds().await.contains(&"org_change_name".to_owned()));
}

#[tokio::test]
async fn an_organization_of_others_is_deleted() {
    let p = place().await;
    p.w.organization(&p.alice, "charts").await;
    p.w.push_image(&p.alice, "charts/demo", "v1", b"layer").await;
    p.w.core.delete_organization_of(&p.by, "charts").await.unwrap();
    assert_eq!(word(p.w.core.organization(&p.alice, "charts").await), "not found");
    assert_eq!(word(p.w.get(&p.alice, "charts/demo", "v1").await), "denied");
    assert_eq!(word(p.w.core.delete_organization_of(&p.by, "charts").await), "not found");
    assert_eq!(word(p.w.core.delete_organization_of(&p.by, "alice").await), "not found");
    assert!(p.deeds().await.contains(&"org_delete".to_owned()));
}

#[tokio::test]
async fn a_namespace_is_taken_over_and_a_person_becomes_an_organization_by_that() {
    let p = place().await;
    p.w.organization(&p.alice, "charts").await;
    p.w.push_image(&p.bob, "bob/tools", "v1", b"layer").await;
    p.w.enlist(&p.alice, "charts", TeamRole::Member, "bob").await;
    for namespace in ["charts", "bob"] {
        assert_eq!(word(p.w.core.allow_in::<ManageNamespace>(&p.root, namespace).await), "denied");
        p.w.core.take_ownership(&p.by, namespace).await.unwrap();
        assert_eq!(word(p.w.core.allow_in::<ManageNamespace>(&p.root, namespace).await), "allowed");
        assert!(p.w.core.organization(&p.root, namespace).await.unwrap().is_admin);
    }
    p.w.core.take_ownership(&p.by, "charts").await.unwrap();
    // Alice shares hers; nobody is bob any more, in no team either, and his repository is there.
    assert_eq!(word(p.w.core.allow_in::<ManageNamespace>(&p.alice, "charts").await), "allowed");
    assert_eq!(word(p.w.log_in("bob").await), "bad credentials");
    assert!(p.w.get(&p.root, "bob/tools", "v1").await.is_ok());
    let at = p.w.manage(&p.alice, "charts").await;
    let members = p.w.core.organization_members(&at).await.unwrap();
    assert_eq!(members.iter().map(|member| &*member.name).collect::<Vec<_>>(), ["alice", "root"]);
    for missing in ["nobody", "charts+ci"] {
        assert_eq!(word(p.w.core.take_ownership(&p.by, missing).await), "not found", "{missing}");
    }
    let carol = p.w.person("carol").await;
    p.w.organization(&carol, "carols").await;
    let refused = told(p.w.core.take_ownership(&p.by, "carol").await);
    assert!(refused.contains("only owner of the organization carols"), "{refused}");
    assert!(p.deeds().await.contains(&"take_ownership".to_owned()));
}
