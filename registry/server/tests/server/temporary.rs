//! A registry in a temporary folder, asked in process.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use quay_config::Config;
use quay_core::perms::{Administer, ManageNamespace};
use quay_core::{
    Caller, Clock, Core, Durability, NewUser, Secret, Settings, SystemClock, TeamRole, Visibility,
};
use quay_oci::Digest;
use quay_registry::health::{Health, Phase};
use quay_registry::http::authority::Authority;
use quay_registry::http::names::Names;
use quay_registry::http::{App, Parts, router};
use quay_registry::metrics::Metrics;
use quay_registry::v2::body::Budget;
use tempfile::TempDir;
use tower::ServiceExt;

/// The password of every account made here.
pub(crate) const PASSWORD: &str = "correct-horse-battery";
/// What the registry is called.
pub(crate) const HOST: &str = "registry.example:8443";

/// A registry with a superuser `root`, a user `alice` who owns the organization `charts`, its robot `charts+ci`, who
/// may create there, and a stranger `bob`.
pub(crate) struct Registry {
    pub(crate) core: Core,
    pub(crate) app: App,
    pub(crate) robot_token: String,
    router: Router,
    folder: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The first code in an error's envelope.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().expect("a code").to_owned()
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum As {
    Nobody,
    Basic(&'static str),
    Robot(String),
    Token(String),
}

impl Registry {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_clock(Arc::new(SystemClock), change).await
    }

    /// A registry for which the time is what `clock` says.
    pub(crate) async fn with_clock(clock: Arc<dyn Clock>, change: impl FnOnce(&mut Config)) -> Self {
        let change = |config: &mut Config| {
            config.super_users = vec!["root".to_owned()];
            change(config);
        };
        let mut registry = Self::open(clock, change).await;
        let core = &registry.core;
        let password = Secret::new(PASSWORD);
        core.ensure_superuser("root", "root@registry.example", &password).await.expect("a superuser");
        let here = std::net::Ipv4Addr::LOCALHOST.into();
        let root = core.authenticate_basic("root", &password, here).await.expect("signs in");
        let by = core.allow_superuser(&root).await.expect("is a superuser");
        for name in ["alice", "bob"] {
            let email = Some(format!("{name}@registry.example"));
            let new = NewUser { username: name.to_owned(), email, password: password.clone() };
            core.create_user_as(&by, new).await.expect("a user");
        }
        let alice = core.authenticate_basic("alice", &password, here).await.expect("signs in");
        let account = core.allow_account(&alice).await.expect("is a person");
        core.create_organization(&account, "charts", None).await.expect("an organization");
        registry.robot_token = make_robot(core, &alice).await;
        registry
    }

    /// A registry without any account.
    pub(crate) async fn empty(change: impl FnOnce(&mut Config)) -> Self {
        Self::open(Arc::new(SystemClock), change).await
    }

    async fn open(clock: Arc<dyn Clock>, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config {
            secret_key: Some(quay_config::Secret::new("one secret for tests")),
            database_secret_key: Some(quay_config::Secret::new("another secret for tests")),
            server_hostname: HOST.to_owned(),
            ..Config::default()
        };
        change(&mut config);
        let settings = Settings {
            durability: Durability::Off,
            headroom: 0,
            clock,
            ..Settings::new(config, folder.path())
        };
        let core = Core::open(settings).await.expect("opens");
        let app = App::new(Parts {
            core: core.clone(),
            names: Names::new(Some(HOST), None, "localhost:8443"),
            metrics: Metrics::new("test"),
            health: Health::new(),
            authority: Authority::in_folders(None, folder.path()),
            bodies: Budget::default(),
        });
        app.health.enter(Phase::Serving);
        Self { core, router: router(app.clone()), app, robot_token: String::new(), folder }
    }

    /// Where everything of it lies.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// One request and its whole answer.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn ask(&self, who: &As, method: Method, path: &str) -> Answer {
        self.send(request(who, method, path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn get(&self, who: &As, path: &str) -> Answer {
        self.ask(who, Method::GET, path).await
    }

    /// A token of `who` for `scope`.
    pub(crate) async fn token(&self, who: &As, scope: &str) -> As {
        let answer = self.get(who, &format!("/v2/auth?service={HOST}&scope={scope}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        As::Token(answer.json()["token"].as_str().expect("a token").to_owned())
    }

    pub(crate) async fn put_blob(&self, who: &As, name: &str, content: &[u8]) -> Digest {
        let digest = Digest::sha256(content);
        let path = format!("/v2/{name}/blobs/uploads/?digest={digest}");
        let body = Body::from(content.to_vec());
        let answer = self.send(request(who, Method::POST, &path).body(body).expect("a request")).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        digest
    }

    /// Pushes a small image and answers with its digest.
    pub(crate) async fn push(&self, who: &As, name: &str, tag: &str) -> Digest {
        let config = self.put_blob(who, name, b"{}").await;
        let layer = self.put_blob(who, name, b"a layer").await;
        let manifest = manifest(&config, 2, &layer, 7, None);
        let answer = self.put_manifest(who, name, tag, &manifest).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        Digest::sha256(manifest.as_bytes())
    }

    pub(crate) async fn put_manifest(&self, who: &As, name: &str, reference: &str, manifest: &str) -> Answer {
        let request = request(who, Method::PUT, &format!("/v2/{name}/manifests/{reference}"))
            .header("content-type", quay_oci::media_type::OCI_MANIFEST)
            .body(Body::from(manifest.to_owned()))
            .expect("a request");
        self.send(request).await
    }

    /// Makes a repository public.
    pub(crate) async fn publish(&self, name: &str) {
        let alice = self.alice().await;
        let name = name.parse().expect("a name");
        let allowed = self.core.allow::<Administer>(&alice, &name).await.expect("administers it");
        self.core.set_visibility(&allowed, Visibility::Public).await.expect("published");
    }

    async fn alice(&self) -> Caller {
        let here = std::net::Ipv4Addr::LOCALHOST.into();
        self.core.authenticate_basic("alice", &Secret::new(PASSWORD), here).await.expect("signs in")
    }
}

async fn make_robot(core: &Core, alice: &Caller) -> String {
    let charts = core.allow_in::<ManageNamespace>(alice, "charts").await.expect("owns it");
    let robot = core.create_robot(&charts, "ci", "pushes", None).await.expect("a robot");
    core.put_team(&charts, "creators", TeamRole::Creator, None).await.expect("a team");
    core.add_team_member(&charts, "creators", "charts+ci").await.expect("a member");
    robot.token.expect("shown").expose().to_owned()
}

/// A request as `who`, from a client that speaks to [`HOST`].
pub(crate) fn request(who: &As, method: Method, path: &str) -> http::request::Builder {
    let builder = Request::builder().method(method).uri(path).header("host", HOST);
    let basic = |name: &str, password: &str| {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
    };
    match who {
        As::Nobody => builder,
        As::Basic(name) => builder.header("authorization", basic(name, PASSWORD)),
        As::Robot(token) => builder.header("authorization", basic("charts+ci", token)),
        As::Token(token) => builder.header("authorization", format!("Bearer {token}")),
    }
}

/// An image manifest, and what it is about.
pub(crate) fn manifest(
    config: &Digest,
    config_size: u64,
    layer: &Digest,
    layer_size: u64,
    subject: Option<&Digest>,
) -> String {
    let mut manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": quay_oci::media_type::OCI_MANIFEST,
        "config": {"mediaType": quay_oci::media_type::HELM_CONFIG, "digest": config, "size": config_size},
        "layers": [{"mediaType": quay_oci::media_type::HELM_CHART, "digest": layer, "size": layer_size}],
    });
    if let Some(subject) = subject {
        manifest["subject"] = serde_json::json!({"mediaType": quay_oci::media_type::OCI_MANIFEST, "digest": subject, "size": 2});
    }
    manifest.to_string()
}
