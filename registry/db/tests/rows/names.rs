//! Users, organizations, teams, robots, permissions: who exists and what is written down for them.

use quay_db::tables::audit::{self, Entry, Scope};
use quay_db::tables::keys::{self, KeyState, SigningKey};
use quay_db::tables::orgs::{self, TeamRole};
use quay_db::tables::perms::{self, Grants, Role};
use quay_db::tables::repos::{self, Visibility};
use quay_db::tables::robots::{self, NewRobot};
use quay_db::tables::sessions::{self, Session};
use quay_db::tables::tokens::{self, NewToken, TokenKind};
use quay_db::tables::users::{self, Kind, NewUser, Profile};
use quay_db::{AuditId, Error, Tx, UserId};

use crate::fixture::{DAY, NOW, Store, add_repo, add_user};

async fn robot(
    tx: &mut Tx,
    owner: UserId,
    username: &str,
    token: u8,
) -> Result<Option<robots::Robot>, Error> {
    let new = NewRobot {
        owner,
        uuid: &format!("uuid-of-{username}"),
        username,
        description: "builds",
        metadata: "{}",
        token_hash: &[token; 32],
        token_sealed: b"sealed",
        now_ms: NOW,
    };
    robots::create(tx, &new).await
}

#[tokio::test]
async fn a_name_belongs_to_one_user_organization_or_robot() {
    let store = Store::open();
    let second = store.db.write(async |tx| -> Result<_, Error> {
        add_user(tx, "ada", Kind::User).await?;
        let same_name = NewUser {
            kind: Kind::Organization,
            uuid: "other",
            username: "ada",
            email: None,
            verified: true,
            password_hash: None,
            superuser: false,
            owner: None,
            tag_expiration_s: 0,
            now_ms: NOW,
        };
        let same_mail =
            NewUser { kind: Kind::User, username: "eve", email: Some("ada@example.test"), ..same_name };
        let org_with_mail = NewUser {
            kind: Kind::Organization,
            username: "org",
            email: Some("ada@example.test"),
            ..same_name
        };
        let taken = users::insert(tx, &same_name).await?.is_none();
        let mail = users::insert(tx, &same_mail).await?.is_none();
        Ok((taken, mail, users::insert(tx, &org_with_mail).await?.is_some()))
    });
    assert_eq!(
        second.await.expect("answers"),
        (true, true, true),
        "only people need an address of their own"
    );
}

#[tokio::test]
async fn a_new_password_voids_what_was_issued_and_a_better_hash_does_not() {
    let store = Store::open();
    let seen = store.db.write(async |tx| -> Result<_, Error> {
        let id = add_user(tx, "ada", Kind::User).await?.id;
        let first = users::set_password(tx, id, Some("hash-1")).await?;
        let upgraded = users::upgrade_password_hash(tx, id, "hash-1", "hash-2").await?;
        let stale = users::upgrade_password_hash(tx, id, "hash-1", "hash-3").await?;
        let now = users::get(tx, id).await?.expect("is there");
        Ok((first, upgraded, stale, now.generation, now.password_hash))
    });
    let seen = seen.await.expect("answers");
    assert_eq!(seen, (2, true, false, 2, Some("hash-2".to_owned())));
}

#[tokio::test]
async fn names_and_addresses_change_only_to_free_ones() {
    let store = Store::open();
    let seen = store.db.write(async |tx| -> Result<_, Error> {
        let ada = add_user(tx, "ada", Kind::User).await?.id;
        add_user(tx, "bob", Kind::User).await?;
        let profile = Profile { company: Some("Acme"), ..Profile::default() };
        users::set_profile(tx, ada, &profile).await?;
        Ok([
            users::rename(tx, ada, "bob").await?,
            users::rename(tx, ada, "ada2").await?,
            users::set_email(tx, ada, Some("bob@example.test"), true).await?,
            users::set_email(tx, ada, Some("new@example.test"), true).await?,
            users::by_email(tx, "new@example.test")
                .await?
                .is_some_and(|u| u.company.as_deref() == Some("Acme")),
        ])
    });
    assert_eq!(seen.await.expect("answers"), [false, true, false, true, true]);
}

#[tokio::test]
async fn a_robot_is_found_by_its_token_until_it_is_rotated() {
    let store = Store::open();
    let made = store.db.write(async |tx| -> Result<_, Error> {
        let org = add_user(tx, "acme", Kind::Organization).await?.id;
        let robot_row = robot(tx, org, "acme+ci", 1).await?.expect("made");
        assert!(robot(tx, org, "acme+ci", 2).await?.is_none(), "the name is taken");
        assert_eq!(robots::by_token(tx, &[1; 32]).await?.expect("found").username, "acme+ci");
        let generation = robots::rotate(tx, robot_row.user, &[3; 32], b"sealed-2").await?;
        assert_eq!(generation, Some(robot_row.generation + 1));
        assert!(robots::by_token(tx, &[1; 32]).await?.is_none());
        let listed = robots::list(tx, org, None, 10).await?;
        assert!(users::list(tx, None, None, 10).await?.iter().all(|u| u.kind != Kind::Robot));
        Ok((listed, format!("{robot_row:?}")))
    });
    let (listed, debug) = made.await.expect("answers");
    assert_eq!((listed.len(), listed[0].token_sealed.as_slice()), (1, b"sealed-2".as_slice()));
    assert!(!debug.contains("sealed"), "{debug}");
}

#[tokio::test]
async fn grants_come_from_the_user_the_team_and_the_organization() {
    let store = Store::open();
    let seen = store.db.write(async |tx| -> Result<_, Error> {
        let org = add_user(tx, "acme", Kind::Organization).await?;
        let (ada, bob) =
            (add_user(tx, "ada", Kind::User).await?.id, add_user(tx, "bob", Kind::User).await?.id);
        let repo = add_repo(tx, &org, "app", Visibility::Private).await?;
        let owners = orgs::create_team(tx, org.id, "owners", TeamRole::Admin, "", NOW).await?.expect("made");
        let devs = orgs::create_team(tx, org.id, "devs", TeamRole::Member, "", NOW).await?.expect("made");
        assert!(orgs::create_team(tx, org.id, "devs", TeamRole::Admin, "", NOW).await?.is_none());
        assert!(orgs::add_member(tx, owners.id, ada, NOW).await?);
        assert!(!orgs::add_member(tx, owners.id, ada, NOW).await?, "is in it");
        orgs::add_member(tx, devs.id, ada, NOW).await?;
        orgs::add_member(tx, devs.id, bob, NOW).await?;
        perms::set_team(tx, repo.id, devs.id, Role::Write).await?;
        perms::set_user(tx, repo.id, bob, Role::Admin).await?;
        perms::set_user(tx, repo.id, bob, Role::Read).await?;
        let ada_has = perms::grants(tx, repo.id, org.id, ada).await?;
        let bob_has = perms::grants(tx, repo.id, org.id, bob).await?;
        assert_eq!(perms::grants(tx, repo.id, org.id, UserId(999)).await?, Grants::default());
        assert_eq!(orgs::role(tx, org.id, ada).await?, Some(TeamRole::Admin));
        assert_eq!(orgs::admin_count(tx, org.id).await?, 1);
        assert_eq!(orgs::of_user(tx, bob).await?[0].role, TeamRole::Member);
        let summary = orgs::teams(tx, org.id).await?;
        assert_eq!((summary[0].members, summary[0].repositories), (2, 1), "devs");
        let members = orgs::org_members(tx, org.id).await?;
        assert_eq!(members[0].teams, ["devs", "owners"]);
        orgs::delete_team(tx, devs.id).await?;
        let left = perms::grants(tx, repo.id, org.id, ada).await?;
        Ok((ada_has, bob_has, left))
    });
    let (ada, bob, left) = seen.await.expect("answers");
    assert_eq!(ada, Grants { user: None, team: Some(Role::Write), org: Some(TeamRole::Admin) });
    assert_eq!(bob, Grants { user: Some(Role::Read), team: Some(Role::Write), org: Some(TeamRole::Member) });
    assert_eq!(bob.best(), Some(Role::Write));
    assert_eq!(left, Grants { user: None, team: None, org: Some(TeamRole::Admin) });
}

#[tokio::test]
async fn a_list_shows_what_a_user_may_read_and_nothing_else() {
    let store = Store::open();
    let ada = store.db.write(async |tx| -> Result<_, Error> {
        let ada = add_user(tx, "ada", Kind::User).await?;
        let bob = add_user(tx, "bob", Kind::User).await?;
        let admin_of = add_user(tx, "org-a", Kind::Organization).await?;
        let member_of = add_user(tx, "org-b", Kind::Organization).await?;
        add_repo(tx, &ada, "own", Visibility::Private).await?;
        add_repo(tx, &bob, "open", Visibility::Public).await?;
        add_repo(tx, &bob, "secret", Visibility::Private).await?;
        let shared = add_repo(tx, &bob, "shared", Visibility::Private).await?;
        perms::set_user(tx, shared.id, ada.id, Role::Read).await?;
        add_repo(tx, &admin_of, "all", Visibility::Private).await?;
        add_repo(tx, &member_of, "hidden", Visibility::Private).await?;
        let through_team = add_repo(tx, &member_of, "team", Visibility::Private).await?;
        let owners =
            orgs::create_team(tx, admin_of.id, "owners", TeamRole::Admin, "", NOW).await?.expect("made");
        let devs =
            orgs::create_team(tx, member_of.id, "devs", TeamRole::Creator, "", NOW).await?.expect("made");
        orgs::add_member(tx, owners.id, ada.id, NOW).await?;
        orgs::add_member(tx, devs.id, ada.id, NOW).await?;
        perms::set_team(tx, through_team.id, devs.id, Role::Read).await?;
        Ok(ada.id)
    });
    let ada = ada.await.expect("made");
    let mut names: Vec<(String, String)> = Vec::new();
    loop {
        let after = names.last().cloned();
        let page = store.db.read(async |c| {
            let after = after.as_ref().map(|(ns, name)| (ns.as_str(), name.as_str()));
            repos::list_visible(c, ada, after, 2).await
        });
        let page = page.await.expect("reads");
        if page.is_empty() {
            break;
        }
        names.extend(page.into_iter().map(|r| (r.namespace_name, r.name)));
    }
    let names: Vec<String> = names.into_iter().map(|(ns, name)| format!("{ns}/{name}")).collect();
    assert_eq!(names, ["ada/own", "bob/open", "bob/shared", "org-a/all", "org-b/team"]);
    let public = store.db.read(async |c| repos::list_public(c, None, 10).await).await.expect("reads");
    assert_eq!(public.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["open"]);
}

#[tokio::test]
async fn a_retired_organization_frees_its_name_and_everything_that_spoke_for_it() {
    let store = Store::open();
    let seen = store.db.write(async |tx| -> Result<_, Error> {
        let org = add_user(tx, "acme", Kind::Organization).await?;
        add_repo(tx, &org, "app", Visibility::Private).await?;
        robot(tx, org.id, "acme+ci", 1).await?;
        assert_eq!(repos::retire_namespace(tx, org.id, NOW).await?, 1);
        assert!(users::retire(tx, org.id, "gone", NOW).await?);
        let free = users::by_name(tx, "acme").await?.is_none();
        assert!(users::by_name(tx, "gone").await?.is_none());
        assert!(users::list(tx, None, None, 10).await?.is_empty());
        assert!(!users::retire(tx, org.id, "again", NOW).await?, "once is enough");
        let robots = robots::by_token(tx, &[1; 32]).await?.is_none();
        let anew = add_user(tx, "acme2", Kind::Organization).await?;
        users::rename(tx, anew.id, "acme").await?;
        Ok((free, robots, repos::find(tx, "acme", "app").await?.is_none(), anew.id != org.id))
    });
    assert_eq!(seen.await.expect("answers"), (true, true, true, true));
}

#[tokio::test]
async fn sessions_tokens_and_keys_end_at_their_time() {
    let store = Store::open();
    let seen = store.db.write(async |tx| -> Result<_, Error> {
        let user = add_user(tx, "ada", Kind::User).await?.id;
        let session = Session {
            user,
            csrf: b"csrf".to_vec(),
            generation: 1,
            created_ms: NOW,
            expires_ms: NOW + 10,
            seen_ms: NOW,
        };
        sessions::insert(tx, &[1; 32], &session).await?;
        assert_eq!(sessions::get(tx, &[1; 32], NOW + 9).await?, Some(session));
        assert_eq!(sessions::get(tx, &[1; 32], NOW + 10).await?, None);
        assert!(sessions::extend(tx, &[1; 32], NOW + 5, NOW + 20).await?);
        assert!(sessions::get(tx, &[1; 32], NOW + 19).await?.is_some());
        assert_eq!(sessions::delete_expired(tx, NOW + 20).await?, 1);

        let token = NewToken {
            uuid: "t1",
            user,
            kind: TokenKind::Access,
            title: "initial",
            scope: "repo:read",
            token_hash: &[2; 32],
            sealed: None,
            expires_ms: Some(NOW + 10),
            now_ms: NOW,
        };
        let made = tokens::create(tx, &token).await?;
        assert_eq!(tokens::by_hash(tx, &[2; 32], NOW + 9).await?, Some(made));
        assert_eq!(tokens::by_hash(tx, &[2; 32], NOW + 10).await?, None);
        assert!(!tokens::revoke(tx, UserId(user.0 + 1), "t1").await?, "only its owner's");
        assert!(tokens::revoke(tx, user, "t1").await?);

        let key = SigningKey {
            kid: "k1".to_owned(),
            algorithm: "ES256".to_owned(),
            public: b"public".to_vec(),
            sealed_private: b"sealed".to_vec(),
            state: KeyState::Publish,
            created_ms: NOW,
            expires_ms: NOW + 10,
        };
        assert!(keys::insert(tx, &key).await? && !keys::insert(tx, &key).await?);
        assert!(keys::set_state(tx, "k1", KeyState::Use, NOW + 20).await?);
        assert_eq!(keys::list(tx, NOW + 19).await?.len(), 1);
        assert_eq!(keys::list(tx, NOW + 20).await?.len(), 0);
        keys::delete_expired(tx, NOW + 20).await
    });
    assert_eq!(seen.await.expect("answers"), 1);
}

#[tokio::test]
async fn the_audit_log_pages_newest_first_within_its_scope() {
    let store = Store::open();
    let written = store.db.write(async |tx| -> Result<_, Error> {
        for n in 0..5 {
            let entry = Entry {
                time_ms: NOW + n / 2,
                kind: "push_repo",
                namespace: Some(UserId(1 + n % 2)),
                repo: None,
                performer: None,
                performer_name: Some("ada"),
                ip: None,
                metadata: b"{}",
            };
            audit::record(tx, &entry).await?;
        }
        Ok(())
    });
    written.await.expect("writes");
    let page = async |scope, after: Option<(i64, AuditId)>| {
        let page = store.db.read(async |c| audit::list(c, scope, 0, NOW + DAY, "", after, 2).await).await;
        page.expect("reads").into_iter().map(|l| (l.time_ms, l.id)).collect::<Vec<_>>()
    };
    let first = page(Scope::All, None).await;
    let second = page(Scope::All, first.last().copied()).await;
    let third = page(Scope::All, second.last().copied()).await;
    let ids: Vec<i64> = [first, second, third].concat().into_iter().map(|(_, id)| id.0).collect();
    assert_eq!(ids, [5, 4, 3, 2, 1]);
    assert_eq!(page(Scope::Namespace(UserId(2)), None).await.len(), 2);
    let tally = store
        .db
        .read(async |c| audit::aggregate(c, Scope::All, 0, NOW + DAY, "").await)
        .await
        .expect("reads");
    assert_eq!(tally, [("push_repo".to_owned(), NOW / DAY * DAY, 5)]);
    let gone = store.db.write(async |tx| audit::delete_before(tx, NOW + 1, 10).await).await.expect("deletes");
    assert_eq!(gone, 2);
}

#[tokio::test]
async fn a_text_with_nul_is_an_outcome_not_a_failure() {
    let store = Store::open();
    let refused = store.db.write(async |tx| -> Result<_, Error> {
        let owner = add_user(tx, "ada", Kind::User).await?;
        let repo = add_repo(tx, &owner, "app", Visibility::Private).await?;
        repos::set_description(tx, repo.id, "a\0b").await
    });
    assert!(matches!(refused.await, Err(Error::InvalidText)));
}

#[tokio::test]
async fn sizes_add_up_in_the_repository_and_its_namespace() {
    let (store, repo) = Store::with_repo().await;
    let seen = store.db.write(async move |tx| -> Result<_, Error> {
        repos::add_size(tx, repo.id, 100).await?;
        repos::add_size(tx, repo.id, -30).await?;
        let owner = users::get(tx, repo.namespace).await?.expect("is there");
        Ok((repos::get(tx, repo.id).await?.expect("is there").size_bytes, owner.size_bytes))
    });
    assert_eq!(seen.await.expect("answers"), (70, 70));
}

#[tokio::test]
async fn a_row_that_refers_to_nobody_is_refused_though_its_id_was_given_out() {
    let store = Store::open();
    let refused = store.db.write(async |tx| {
        let token = NewToken {
            uuid: "t1",
            user: UserId(999),
            kind: TokenKind::App,
            title: "",
            scope: "",
            token_hash: &[2; 32],
            sealed: None,
            expires_ms: None,
            now_ms: NOW,
        };
        tokens::create(tx, &token).await
    });
    assert!(matches!(refused.await, Err(Error::Sql(_))));
    let found = store.db.read(async |c| tokens::by_hash(c, &[2; 32], NOW).await).await.expect("reads");
    assert_eq!(found, None);
}
