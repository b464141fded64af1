//! What helm 3.18 does, request by request: it asks for a token to pull only, before it pushes to a repository that
//! does not exist yet. The token is good for both, since helm may use it for the push.

use axum::body::Body;
use http::{Method, StatusCode};
use quay_oci::Digest;

use crate::temporary::{As, Registry, manifest, request};

#[tokio::test]
async fn a_chart_is_pushed_to_a_new_repository_by_owner_and_robot() {
    for name in ["charts/by-owner", "charts/by-robot"] {
        let registry = Registry::new().await;
        let who = match name {
            "charts/by-owner" => As::Basic("alice"),
            _ => As::Robot(registry.robot_token.clone()),
        };
        let (config, layer) = (Digest::sha256(b"{}"), Digest::sha256(b"a chart"));
        let body = manifest(&config, 2, &layer, 7, None);
        let digest = Digest::sha256(body.as_bytes());

        // HEAD without a token, then with one for what the challenge named: not there, and not refused.
        let head = format!("/v2/{name}/manifests/{digest}");
        let challenged = registry.ask(&As::Nobody, Method::HEAD, &head).await;
        assert_eq!(challenged.status, StatusCode::UNAUTHORIZED);
        assert!(challenged.header("www-authenticate").contains(&format!("repository:{name}:pull\"")));
        let pull = registry.token(&who, &format!("repository:{name}:pull")).await;
        assert_eq!(registry.ask(&pull, Method::HEAD, &head).await.status, StatusCode::NOT_FOUND);

        // A write without a token is challenged for more; the token for that does, and so does the first one.
        let uploads = format!("/v2/{name}/blobs/uploads/");
        let challenged = registry.ask(&As::Nobody, Method::POST, &uploads).await;
        assert_eq!(challenged.status, StatusCode::UNAUTHORIZED);
        assert!(challenged.header("www-authenticate").contains(&format!("repository:{name}:pull,push\"")));
        let push = registry.token(&who, &format!("repository:{name}:pull,push")).await;

        for (token, content) in [(&pull, &b"{}"[..]), (&push, b"a chart")] {
            let started = registry.ask(token, Method::POST, &uploads).await;
            assert_eq!(started.status, StatusCode::ACCEPTED);
            let path = format!("{}?digest={}", started.header("location"), Digest::sha256(content));
            let put = request(&push, Method::PUT, &path)
                .header("content-type", "application/octet-stream")
                .body(Body::from(content.to_vec()))
                .expect("a request");
            assert_eq!(registry.send(put).await.status, StatusCode::CREATED);
        }
        let stored = registry.put_manifest(&push, name, "0.1.0", &body).await;
        assert_eq!(stored.status, StatusCode::CREATED, "{stored:?}");
        assert_eq!(stored.header("docker-content-digest"), digest.as_str());

        let back = registry.get(&push, &format!("/v2/{name}/manifests/0.1.0")).await;
        assert_eq!(back.body, body.as_bytes());
        let strangers = registry.get(&As::Basic("bob"), &format!("/v2/{name}/manifests/0.1.0")).await;
        assert_eq!(strangers.status, StatusCode::FORBIDDEN, "it was created private");
    }
}
