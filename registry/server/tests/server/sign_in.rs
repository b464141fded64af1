//! Signing in by the REST interface and by the console's form: the same session comes of both, and takes the place of
//! the one before.

use axum::body::Body;
use http::{Method, StatusCode};

use crate::temporary::{Answer, As, PASSWORD, Registry, request};

/// A way in.
#[derive(Clone, Copy, Debug)]
enum Door {
    Api,
    Console,
}

const DOORS: [Door; 2] = [Door::Api, Door::Console];

impl Door {
    /// Sends fields with a cookie and its token; gives the cookie that comes back.
    async fn send(
        self,
        registry: &Registry,
        paths: [&str; 2],
        fields: &[(&str, &str)],
        cookie: &str,
    ) -> String {
        let token = registry.core.csrf_token(cookie);
        let header = format!("_csrf_token={cookie}");
        let (path, content_type, body) = match self {
            Self::Api => {
                let object: serde_json::Map<_, _> =
                    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
                (paths[0], "application/json", serde_json::Value::Object(object).to_string())
            }
            Self::Console => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                let body = form.append_pair("_csrf_token", &token).extend_pairs(fields).finish();
                (paths[1], "application/x-www-form-urlencoded", body)
            }
        };
        let builder = request(&As::Nobody, Method::POST, path).header("cookie", header);
        let builder = builder.header("content-type", content_type).header("x-csrf-token", token);
        let answer = registry.send(builder.body(Body::from(body)).expect("a request")).await;
        assert!(
            answer.status == StatusCode::OK || answer.status == StatusCode::SEE_OTHER,
            "{self:?}: {answer:?}"
        );
        session_of(&answer)
    }

    async fn sign_in(self, registry: &Registry, name: &str, cookie: &str) -> String {
        let fields = [("username", name), ("password", PASSWORD)];
        self.send(registry, ["/api/v1/signin", "/signin"], &fields, cookie).await
    }

    async fn sign_up(self, registry: &Registry, name: &str, cookie: &str) -> String {
        let email = format!("{name}@registry.example");
        let fields = [("username", name), ("email", &*email), ("password", PASSWORD), ("confirm", PASSWORD)];
        self.send(registry, ["/api/v1/user/", "/createaccount"], &fields, cookie).await
    }
}

fn session_of(answer: &Answer) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter().filter_map(|header| header.to_str().ok());
    let pair = cookies.filter_map(|text| text.split(';').next()?.strip_prefix("_csrf_token=")).next();
    pair.expect("a session").to_owned()
}

async fn name_of(registry: &Registry, cookie: &str) -> Option<String> {
    let here = std::net::Ipv4Addr::LOCALHOST.into();
    let session = registry.core.session(cookie, here).await.expect("an answer");
    session.and_then(|session| session.caller.name().map(str::to_owned))
}

#[tokio::test]
async fn the_session_before_ends_by_whichever_door_the_next_one_comes_in() {
    let registry = Registry::new().await;
    for first in DOORS {
        for then in DOORS {
            let planted = registry.core.new_cookie().expect("a cookie");
            let before = first.sign_in(&registry, "alice", planted.expose()).await;
            let elsewhere = first.sign_in(&registry, "alice", planted.expose()).await;
            let after = then.sign_in(&registry, "bob", &before).await;
            assert_ne!(before, after);
            assert_eq!(name_of(&registry, &before).await, None, "{first:?} {then:?}");
            assert_eq!(name_of(&registry, &after).await.as_deref(), Some("bob"), "{first:?} {then:?}");
            // The control: another browser of the same person stays signed in.
            assert_eq!(name_of(&registry, &elsewhere).await.as_deref(), Some("alice"), "{first:?} {then:?}");
        }
    }
}

#[tokio::test]
async fn signing_up_ends_the_session_before_as_well() {
    let registry = Registry::new().await;
    let planted = registry.core.new_cookie().expect("a cookie");
    let names = ["carol", "carlos"];
    for (door, name) in DOORS.into_iter().zip(names) {
        let before = Door::Api.sign_in(&registry, "alice", planted.expose()).await;
        // The console shows the form to nobody who is signed in, but a script may send it.
        let after = door.sign_up(&registry, name, &before).await;
        assert_eq!(name_of(&registry, &before).await, None, "{door:?}");
        assert_eq!(name_of(&registry, &after).await.as_deref(), Some(name), "{door:?}");
    }
}
