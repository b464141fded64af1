//! What is offered to somebody who types the beginning of a name.

use super::world::{World, word};
use crate::{Caller, Entity, EntityKind, EntityQuery, TeamRole};

fn names(found: &[Entity]) -> Vec<(&str, EntityKind, Option<bool>)> {
    found.iter().map(|entity| (&*entity.name, entity.kind, entity.in_organization)).collect()
}

async fn find(w: &World, who: &Caller, query: EntityQuery<'_>) -> Vec<Entity> {
    w.core.entities(who, &query).await.unwrap()
}

/// An organization `charts` of `carol` with the team `cooks`, in it `cody`, a robot, and `cecil` outside of it.
async fn world() -> (World, Caller, Caller) {
    let w = World::new().await;
    let carol = w.person("carol").await;
    w.person("cody").await;
    let cecil = w.person("cecil").await;
    w.person("dora").await;
    w.organization(&carol, "charts").await;
    let at = w.manage(&carol, "charts").await;
    w.core.put_team(&at, "cooks", TeamRole::Member, None).await.unwrap();
    w.core.add_team_member(&at, "cooks", "cody").await.unwrap();
    w.robot(&carol, "charts", "ci").await;
    w.robot(&carol, "charts", "deploy").await;
    w.robot(&cecil, "cecil", "cron").await;
    (w, carol, cecil)
}

#[tokio::test]
async fn whoever_belongs_to_an_organization_is_offered_its_teams_people_and_robots() {
    use EntityKind::{Organization, Person, Robot, Team};
    let (w, carol, cecil) = world().await;
    let query = EntityQuery { prefix: "c", namespace: Some("charts"), teams: true, organizations: true };
    assert_eq!(
        names(&find(&w, &carol, query).await),
        [
            ("cooks", Team, Some(true)),
            ("carol", Person, Some(true)),
            ("cecil", Person, Some(false)),
            ("cody", Person, Some(true)),
            ("charts+ci", Robot, Some(true)),
            ("charts", Organization, None),
        ]
    );
    let only = EntityQuery { teams: false, organizations: false, ..query };
    assert_eq!(find(&w, &carol, only).await.len(), 4);
    for prefix in ["charts+d", "D", " d "] {
        let found = find(&w, &carol, EntityQuery { prefix, ..query }).await;
        assert!(found.iter().any(|entity| entity.name == "charts+deploy"), "{prefix}");
    }
    // A stranger learns neither teams nor robots nor who is inside; one's own robots are one's own.
    assert_eq!(
        names(&find(&w, &cecil, query).await),
        [
            ("carol", Person, None),
            ("cecil", Person, None),
            ("cody", Person, None),
            ("charts", Organization, None)
        ]
    );
    let own = EntityQuery { namespace: Some("cecil"), prefix: "cr", ..EntityQuery::default() };
    assert_eq!(names(&find(&w, &cecil, own).await), [("cecil+cron", Robot, None)]);
    assert!(find(&w, &carol, own).await.is_empty());
    let nowhere = EntityQuery { namespace: Some("nowhere"), prefix: "dor", ..EntityQuery::default() };
    assert_eq!(names(&find(&w, &carol, nowhere).await), [("dora", Person, None)]);
}

#[tokio::test]
async fn nobody_harvests_names_without_logging_in() {
    let (w, ..) = world().await;
    let query = |prefix| EntityQuery { prefix, namespace: Some("charts"), teams: true, organizations: true };
    for prefix in ["c", "car", "charts+", "cooks"] {
        assert!(find(&w, &w.anybody(), query(prefix)).await.is_empty(), "{prefix}");
    }
    assert_eq!(names(&find(&w, &w.anybody(), query("carol")).await), [("carol", EntityKind::Person, None)]);
    let mut config = w.config.clone();
    config.feature_anonymous_access = false;
    w.core.swap_config(config);
    assert_eq!(word(w.core.entities(&w.anybody(), &query("carol")).await), "challenge");
}

#[tokio::test]
async fn what_is_offered_is_bounded_and_never_a_pattern() {
    let (w, carol, _) = world().await;
    for n in 0..12 {
        w.organization(&carol, &format!("org-{n:02}")).await;
    }
    let query = |prefix| EntityQuery { prefix, organizations: true, ..EntityQuery::default() };
    assert_eq!(find(&w, &carol, query("org-")).await.len(), 10);
    for prefix in ["%", "_", "c%", "\u{7f}", "é", "'"] {
        assert!(find(&w, &carol, query(prefix)).await.is_empty(), "{prefix}");
    }
    for prefix in ["", "  ", &"c".repeat(256)] {
        assert!(w.core.entities(&carol, &query(prefix)).await.is_err());
    }
}
