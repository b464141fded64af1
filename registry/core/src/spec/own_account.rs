//! What a person does with their own account: password, address, end, and passwords for programs.

use std::time::Duration;

use crate::perms::{Administer, ManageNamespace, Pull, Push};
use crate::{
    AboutMe, AccountChange, InvoicingChange, LogQuery, LogScope, NewUser, OwnChange, Secret, TeamRole,
};

use super::world::{HERE, PASSWORD, SERVICE, World, name, word};

#[tokio::test]
async fn a_password_is_replaced_only_by_who_knows_it_and_every_other_session_ends() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let account = w.account(&alice).await;
    let before = w.core.sign_in("alice", &PASSWORD.into(), HERE).await.unwrap();
    let new = Secret::new("another-password");
    let wrong = w.core.replace_password(&account, &"wrong-password".into(), &new).await;
    assert_eq!(word(wrong), "bad credentials");
    let weak = w.core.replace_password(&account, &PASSWORD.into(), &"short".into()).await;
    assert!(weak.unwrap_err().message().starts_with("Invalid password"));
    assert!(w.core.session(before.cookie.expose(), HERE).await.unwrap().is_some(), "nothing has changed");

    let after = w.core.replace_password(&account, &PASSWORD.into(), &new).await.unwrap();
    assert!(w.core.session(before.cookie.expose(), HERE).await.unwrap().is_none());
    assert!(w.core.session(after.cookie.expose(), HERE).await.unwrap().is_some());
    assert_ne!(before.cookie.expose(), after.cookie.expose());
    assert_eq!(word(w.log_in("alice").await), "bad credentials");
}

#[tokio::test]
async fn an_address_is_changed_unless_somebody_has_it() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let account = w.account(&alice).await;
    let bob = NewUser {
        username: "bob".to_owned(),
        email: Some("bob@example.com".to_owned()),
        password: PASSWORD.into(),
    };
    w.core.create_user(&w.anybody(), bob).await.unwrap();
    w.core.set_email(&account, " Alice@Example.com ").await.unwrap();
    assert_eq!(w.core.user(&account).await.unwrap().email.as_deref(), Some("alice@example.com"));
    let taken = w.core.set_email(&account, "bob@example.com").await.unwrap_err().message();
    assert_eq!(taken, "Email has already been used: bob@example.com");
    assert!(w.core.set_email(&account, "nowhere").await.is_err());

    let about = AboutMe { company: Some("ACME".to_owned()), ..AboutMe::default() };
    w.core.change_own_account(&account, OwnChange { about, ..OwnChange::default() }).await.unwrap();
    let about = AboutMe { location: Some("here".to_owned()), ..AboutMe::default() };
    w.core.change_own_account(&account, OwnChange { about, ..OwnChange::default() }).await.unwrap();
    let held = w.core.about_me(&account).await.unwrap();
    assert_eq!((held.company.as_deref(), held.location.as_deref()), (Some("ACME"), Some("here")));
}

#[tokio::test]
async fn a_change_of_which_one_part_fails_changes_nothing() {
    let w = World::with(|config| config.feature_user_rename = true).await;
    let alice = w.person("alice").await;
    let account = w.account(&alice).await;
    w.person("anna").await;
    let session = w.core.sign_in("alice", &PASSWORD.into(), HERE).await.unwrap();
    let change = |name: &str| OwnChange {
        account: AccountChange {
            password: Some("another-password".into()),
            email: Some("alice@example.com".to_owned()),
            username: Some(name.to_owned()),
            enabled: None,
        },
        tag_expiration_s: Some(86_400),
        invoicing: InvoicingChange { by_mail: None, address: Some("bills@example.com".to_owned()) },
        about: AboutMe { company: Some("ACME".to_owned()), ..AboutMe::default() },
    };
    let stands = async || {
        let user = w.core.user(&account).await.unwrap();
        let about = w.core.about_me(&account).await.unwrap();
        let invoicing = w.core.invoicing(&account).await.unwrap();
        let session = w.core.session(session.cookie.expose(), HERE).await.unwrap().is_some();
        let (from, to) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX);
        let log = w.core.logs(LogScope::Account(&account), from, to, None, 100).await.unwrap();
        let deeds: Vec<_> = log.items.into_iter().map(|line| line.kind).collect();
        (user, about, invoicing, session, deeds)
    };
    let before = stands().await;
    // Every part is fine in itself; that the name is taken shows last.
    let refused = w.core.change_own_account(&account, change("anna")).await.unwrap_err().message();
    assert!(refused.contains("already exists"), "{refused}");
    assert_eq!(stands().await, before);
    assert!(before.3);
    assert_eq!(word(w.log_in("alice").await), "allowed");

    // The control: under a free name all of it is done.
    let changed = w.core.change_own_account(&account, change("anne")).await.unwrap();
    let (user, about, invoicing, session, deeds) = stands().await;
    assert_eq!(user, changed);
    assert_eq!((user.username.as_str(), user.email.as_deref()), ("anne", Some("alice@example.com")));
    assert_eq!((user.tag_expiration_s, about.company.as_deref()), (86_400, Some("ACME")));
    assert_eq!(invoicing.address.as_deref(), Some("bills@example.com"));
    assert!(!session);
    assert_eq!(
        deeds[..6],
        [
            "user_change_name",
            "user_change_metadata",
            "user_change_invoicing",
            "change_namespace_tag_expiration",
            "user_change_email",
            "account_change_password",
        ]
    );
    assert_eq!(deeds[6..], before.4);
    assert_eq!(word(w.core.authenticate_basic("anne", &"another-password".into(), HERE).await), "allowed");

    let disabled = AccountChange { enabled: Some(false), ..AccountChange::default() };
    let disabled = OwnChange { account: disabled, ..OwnChange::default() };
    assert!(w.core.change_own_account(&account, disabled).await.is_err());
}

#[tokio::test]
async fn an_account_is_deleted_with_its_repositories_unless_an_organization_would_be_nobodys() {
    let w = World::new().await;
    let (alice, bob) = (w.person("alice").await, w.person("bob").await);
    w.organization(&alice, "charts").await;
    w.push_image(&alice, "alice/tools", "v1", b"layer").await;
    let account = w.account(&alice).await;
    let refused = w.core.delete_account(&account).await.unwrap_err().message();
    assert!(refused.contains("only owner of the organization charts"), "{refused}");
    w.enlist(&alice, "charts", TeamRole::Admin, "bob").await;
    w.core.delete_account(&account).await.unwrap();
    assert_eq!(word(w.log_in("alice").await), "bad credentials");
    assert_eq!(word(w.core.allow::<Pull>(&bob, &name("alice/tools")).await), "denied");
    assert_eq!(word(w.core.allow_in::<ManageNamespace>(&bob, "charts").await), "allowed");
    // The name is free again, and what was there does not come back with it.
    let next = w.person("alice").await;
    assert_eq!(word(w.core.allow::<Pull>(&next, &name("alice/tools")).await), "name unknown");
}

#[tokio::test]
async fn a_superuser_is_not_deleted() {
    let w = World::new().await;
    w.core.ensure_superuser("root", "", &PASSWORD.into()).await.unwrap();
    let account = w.account(&w.log_in("root").await.unwrap()).await;
    assert!(w.core.delete_account(&account).await.unwrap_err().message().contains("SUPER_USERS"));
}

#[tokio::test]
async fn an_application_token_reaches_repositories_and_nothing_of_the_account() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    w.push_image(&alice, "alice/tools", "v1", b"layer").await;
    let account = w.account(&alice).await;
    let (made, secret) = w.core.create_app_token(&account, "laptop").await.unwrap();
    let app = w.core.authenticate_basic("$app", &secret, HERE).await.unwrap();
    assert_eq!(app.name(), Some("alice"));
    assert_eq!(word(w.core.allow::<Push>(&app, &name("alice/tools")).await), "allowed");
    assert_eq!(word(w.core.allow::<Push>(&app, &name("alice/new")).await), "allowed");
    assert_eq!(word(w.core.allow::<Administer>(&app, &name("alice/tools")).await), "allowed");
    assert_eq!(word(w.core.allow_account(&app).await), "denied");
    assert_eq!(word(w.core.allow_in::<ManageNamespace>(&app, "alice").await), "denied");
    for username in ["alice", "$oauthtoken", "$nothing"] {
        assert_eq!(word(w.core.authenticate_basic(username, &secret, HERE).await), "bad credentials");
    }
    assert_eq!(word(w.core.authenticate_access_token(secret.expose(), HERE).await), "bad credentials");

    // Shown again, used through a registry token, and gone with it.
    let (shown, again) = w.core.app_token(&account, &made.uuid).await.unwrap();
    assert_eq!((shown.title.as_str(), again.expose()), ("laptop", secret.expose()));
    assert!(shown.last_accessed.is_some());
    let token = w.core.issue_token(&app, SERVICE, &["repository:alice/tools:pull".to_owned()]).await.unwrap();
    let bearer = async || w.core.authenticate_bearer(token.token.expose(), HERE, &|a| a == SERVICE).await;
    assert_eq!(word(bearer().await), "allowed");
    w.core.delete_app_token(&account, &made.uuid).await.unwrap();
    assert_eq!(word(w.core.authenticate_basic("$app", &secret, HERE).await), "bad credentials");
    assert_eq!(word(bearer().await), "bad credentials");
    assert_eq!(word(w.core.app_token(&account, &made.uuid).await), "not found");
    assert!(w.core.app_tokens(&account).await.unwrap().is_empty());
}

#[tokio::test]
async fn application_tokens_are_ones_own_and_end_when_the_installation_says_so() {
    let day = quay_config::Period::parse("1d");
    let w = World::with(|config| config.app_specific_token_expiration = day).await;
    let (alice, bob) = (w.person("alice").await, w.person("bob").await);
    let account = w.account(&alice).await;
    let (made, secret) = w.core.create_app_token(&account, "laptop").await.unwrap();
    assert!(made.expiration.is_some());
    let strangers = w.account(&bob).await;
    assert_eq!(word(w.core.app_token(&strangers, &made.uuid).await), "not found");
    assert_eq!(word(w.core.delete_app_token(&strangers, &made.uuid).await), "not found");
    assert!(w.core.create_app_token(&account, "  ").await.is_err());
    assert_eq!(word(w.core.authenticate_basic("$app", &secret, HERE).await), "allowed");
    w.clock.advance(Duration::from_secs(86_401));
    assert_eq!(word(w.core.authenticate_basic("$app", &secret, HERE).await), "bad credentials");

    let mut config = w.config.clone();
    config.feature_app_specific_tokens = false;
    let (_, fresh) = w.core.create_app_token(&account, "desk").await.unwrap();
    w.core.swap_config(config);
    let told = w.core.authenticate_basic("$app", &fresh, HERE).await.unwrap_err().message();
    assert!(told.contains("switched off"), "{told}");
}

#[tokio::test]
async fn the_log_is_read_in_pages_by_performer_and_counted_by_day() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    let robot = w.robot(&owner, "charts", "ci").await;
    w.enlist(&owner, "charts", TeamRole::Creator, "charts+ci").await;
    for tag in ["v1", "v2", "v3"] {
        w.push_image(&robot, "charts/demo", tag, b"layer").await;
        w.clock.advance(Duration::from_secs(60));
    }
    let at = w.manage(&owner, "charts").await;
    let query = LogQuery {
        from: jiff::Timestamp::UNIX_EPOCH,
        to: jiff::Timestamp::MAX,
        performer: Some("charts+ci".to_owned()),
        before: None,
        limit: 2,
    };
    let mut all = Vec::new();
    let mut page = query.clone();
    loop {
        let read = w.core.log_lines(LogScope::Namespace(&at), &page).await.unwrap();
        all.extend(read.items.iter().map(|line| line.kind.clone()));
        if !read.more {
            break;
        }
        // A place survives being written down.
        page.before = read.items.last().map(|line| line.position.to_string().parse().unwrap());
    }
    assert_eq!(all, ["push_repo", "push_repo", "push_repo", "create_repo"]);
    let counts = w.core.log_counts(LogScope::Namespace(&at), &query).await.unwrap();
    let counts: Vec<_> = counts.into_iter().map(|count| (count.kind, count.count)).collect();
    assert_eq!(counts, [("create_repo".to_owned(), 1), ("push_repo".to_owned(), 3)]);
    assert!("nonsense".parse::<crate::LogPosition>().is_err());
}
