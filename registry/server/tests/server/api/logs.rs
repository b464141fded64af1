//! The audit log, and default permissions, collaborators and what else an organization's owner looks at.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{alice, script};
use crate::temporary::{As, Registry};

fn kinds(logs: &Value) -> Vec<&str> {
    logs["logs"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| line["kind"].as_str().expect("a kind"))
        .collect()
}

#[tokio::test]
async fn a_log_is_read_in_pages_and_counted() {
    let registry = Registry::new().await;
    for tag in 0..25 {
        registry.push(&As::Robot(registry.robot_token.clone()), "charts/demo", &format!("v{tag}")).await;
    }
    let path = "/api/v1/organization/charts/logs";
    let first = alice(&registry, Method::GET, path, None, 200).await.json();
    assert_eq!(kinds(&first), ["push_repo"; 20]);
    let line = &first["logs"][0];
    assert_eq!(
        (&line["performer"]["name"], &line["performer"]["is_robot"], &line["metadata"]["tag"]),
        (&json!("charts+ci"), &json!(true), &json!("v24"))
    );
    assert!(line["datetime"].as_str().expect("a date").ends_with(" -0000"));
    let next = format!("{path}?next_page={}", first["next_page"].as_str().expect("more"));
    let second = alice(&registry, Method::GET, &next, None, 200).await.json();
    assert!(kinds(&second).starts_with(&["push_repo"; 5]) && kinds(&second).contains(&"create_repo"));
    assert!(second.get("next_page").is_none());

    let mine = alice(&registry, Method::GET, &format!("{path}?performer=alice"), None, 200).await.json();
    assert!(!kinds(&mine).contains(&"push_repo") && kinds(&mine).contains(&"create_robot"));
    let counted = "/api/v1/repository/charts/demo/aggregatelogs";
    let counted = alice(&registry, Method::GET, counted, None, 200).await.json();
    let pushes = counted["aggregated"].as_array().expect("counts").iter().find(|c| c["kind"] == "push_repo");
    assert_eq!(pushes.expect("pushes")["count"], 25);
    let repository = alice(&registry, Method::GET, "/api/v1/repository/charts/demo/logs", None, 200).await;
    assert_eq!(kinds(&repository.json()), ["push_repo"; 20]);
    let own = alice(&registry, Method::GET, "/api/v1/user/logs", None, 200).await.json();
    assert!(kinds(&own).contains(&"user_create"));
}

#[tokio::test]
async fn logs_are_for_those_who_manage() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    for path in [
        "/api/v1/organization/charts/logs",
        "/api/v1/organization/charts/aggregatelogs",
        "/api/v1/repository/charts/demo/logs",
        "/api/v1/repository/charts/demo/aggregatelogs",
        "/api/v1/superuser/logs",
        "/api/v1/superuser/aggregatelogs",
        "/api/v1/organization/charts/collaborators",
        "/api/v1/organization/charts/prototypes",
        "/api/v1/organization/charts/team/owners/permissions",
    ] {
        assert_eq!(registry.get(&As::Nobody, path).await.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(registry.get(&As::Basic("bob"), path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let all = registry.get(&As::Basic("root"), "/api/v1/superuser/logs").await;
    assert!(kinds(&all.json()).contains(&"push_repo"));
}

#[tokio::test]
async fn a_range_that_is_none_is_refused() {
    let registry = Registry::new().await;
    for query in [
        "starttime=yesterday",
        "endtime=2026-01-01",
        "next_page=x",
        "starttime=01/02/2026&endtime=01/01/2026",
    ] {
        let answer = alice(&registry, Method::GET, &format!("/api/v1/user/logs?{query}"), None, 400).await;
        assert_eq!(answer.json()["error_type"], "invalid_request", "{query}");
    }
    let path = "/api/v1/user/logs?starttime=01/01/2020&endtime=01/02/2020";
    assert_eq!(alice(&registry, Method::GET, path, None, 200).await.json()["logs"], json!([]));
}

#[tokio::test]
async fn default_permissions_are_kept_in_quays_shape_and_given_at_a_push() {
    let registry = Registry::new().await;
    let path = "/api/v1/organization/charts/prototypes";
    let new = json!({
        "role": "read",
        "delegate": {"name": "bob", "kind": "user"},
        "activating_user": {"name": "charts+ci"},
    });
    let made = alice(&registry, Method::POST, path, Some(new), 200).await.json();
    assert_eq!(
        (&made["delegate"]["kind"], &made["activating_user"]["is_robot"], &made["role"]),
        (&json!("user"), &json!(true), &json!("read"))
    );
    let one = format!("{path}/{}", made["id"].as_str().expect("a name"));
    alice(&registry, Method::PUT, &one, Some(json!({"role": "write"})), 200).await;
    let team = json!({"role": "admin", "delegate": {"name": "creators", "kind": "team"}});
    alice(&registry, Method::POST, path, Some(team), 200).await;
    let listed = alice(&registry, Method::GET, path, None, 200).await.json();
    assert_eq!(listed["prototypes"].as_array().expect("a list").len(), 2);

    registry.push(&As::Robot(registry.robot_token.clone()), "charts/demo", "v1").await;
    let grants = "/api/v1/repository/charts/demo/permissions";
    let users = alice(&registry, Method::GET, &format!("{grants}/user/"), None, 200).await.json();
    assert_eq!(users["permissions"]["bob"]["role"], "write");
    let teams = alice(&registry, Method::GET, &format!("{grants}/team/"), None, 200).await.json();
    assert_eq!(teams["permissions"]["creators"]["role"], "admin");
    let roles =
        alice(&registry, Method::GET, &format!("{grants}/user/charts+ci/transitive"), None, 200).await;
    assert_eq!(roles.json(), json!({"permissions": [{"role": "admin"}]}));
    let roles = alice(&registry, Method::GET, &format!("{grants}/user/bob/transitive"), None, 200).await;
    assert_eq!(roles.json(), json!({"permissions": [{"role": "write"}]}));
    alice(&registry, Method::GET, &format!("{grants}/user/nobody/transitive"), None, 404).await;

    let held = "/api/v1/organization/charts/team/creators/permissions";
    let held = alice(&registry, Method::GET, held, None, 200).await.json();
    assert_eq!(held["permissions"][0]["repository"]["name"], "demo");
    let collaborators = "/api/v1/organization/charts/collaborators";
    let collaborators = alice(&registry, Method::GET, collaborators, None, 200).await.json();
    assert_eq!(collaborators["collaborators"][0]["name"], "bob");
    assert_eq!(collaborators["collaborators"][0]["repositories"], json!(["demo"]));
    let robots = "/api/v1/organization/charts/robots?permissions=true&token=false";
    let robots = alice(&registry, Method::GET, robots, None, 200).await.json();
    let robot = &robots["robots"][0];
    assert_eq!((&robot["teams"][0]["name"], &robot["repositories"]), (&json!("creators"), &json!(["demo"])));
    assert!(robot.get("token").is_none());
    let member = "/api/v1/organization/charts/members/charts+ci";
    assert_eq!(
        alice(&registry, Method::GET, member, None, 200).await.json()["repositories"],
        json!(["demo"])
    );
    alice(&registry, Method::GET, "/api/v1/organization/charts/members/bob", None, 404).await;

    alice(&registry, Method::DELETE, &one, None, 204).await;
    alice(&registry, Method::DELETE, &one, None, 404).await;
    for wrong in [
        json!({"role": "own", "delegate": {"name": "bob", "kind": "user"}}),
        json!({"role": "read", "delegate": {"name": "nobody", "kind": "user"}}),
        json!({"role": "read", "delegate": {"name": "nobody", "kind": "team"}}),
    ] {
        alice(&registry, Method::POST, path, Some(wrong), 400).await;
    }
}

#[tokio::test]
async fn a_bare_name_is_the_librarys_and_others_are_told_so() {
    let registry = Registry::new().await;
    let push = async |who: &As, name: &str| {
        script(&registry, who, Method::POST, &format!("/v2/{name}/blobs/uploads/"), None).await
    };
    registry.push(&As::Basic("root"), "etherpad", "0.0.4").await;
    let read = registry.get(&As::Basic("root"), "/v2/library/etherpad/tags/list").await;
    assert_eq!(read.json()["tags"], json!(["0.0.4"]));
    let refused = push(&As::Basic("alice"), "etherpad").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let told = refused.json()["errors"][0]["message"].as_str().expect("a text").to_owned();
    assert!(told.contains("library/etherpad") && told.contains("put yours in front"), "{told}");

    let off = Registry::with(|config| config.feature_library_support = false).await;
    let refused = script(&off, &As::Basic("alice"), Method::POST, "/v2/etherpad/blobs/uploads/", None).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::BAD_REQUEST, "NAME_INVALID"));
    let told = refused.json()["errors"][0]["message"].as_str().expect("a text").to_owned();
    assert!(told.contains("NAMESPACE/etherpad"), "{told}");

    let other = Registry::with(|config| config.library_namespace = "apps".to_owned()).await;
    other.push(&As::Basic("root"), "etherpad", "0.0.4").await;
    let read = other.get(&As::Basic("root"), "/v2/apps/etherpad/tags/list").await;
    assert_eq!(read.json()["tags"], json!(["0.0.4"]));
}
