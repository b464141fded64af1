//! The pages of repositories, as a browser without any script uses them: links and forms.

#[path = "repository_pages/changes.rs"]
mod changes;
#[path = "repository_pages/chosen.rs"]
mod chosen;
#[path = "repository_pages/hostile.rs"]
mod hostile;
#[path = "repository_pages/looks.rs"]
mod looks;

use std::io::Write;

use axum::body::Body;
use http::{Method, StatusCode};
use quay_oci::Digest;
use quay_oci::media_type::{HELM_CHART, HELM_CONFIG, OCI_MANIFEST};
use serde_json::{Value, json};

use crate::temporary::{Answer, As, HOST, PASSWORD, Registry, request};

/// A browser in which somebody is signed in, or nobody.
struct Browser<'r> {
    registry: &'r Registry,
    cookie: String,
    csrf: String,
}

impl<'r> Browser<'r> {
    async fn of_nobody(registry: &'r Registry) -> Self {
        let mut browser = Self { registry, cookie: String::new(), csrf: String::new() };
        let answer = registry.get(&As::Nobody, "/csrf_token").await;
        browser.keep(&answer);
        browser.csrf = answer.json()["csrf_token"].as_str().expect("a token").to_owned();
        browser
    }

    async fn of(registry: &'r Registry, name: &str) -> Self {
        let mut browser = Self::of_nobody(registry).await;
        let body = json!({"username": name, "password": PASSWORD}).to_string();
        let sign_in = request(&As::Nobody, Method::POST, "/api/v1/signin")
            .header("cookie", format!("_csrf_token={}", browser.cookie))
            .header("x-csrf-token", &browser.csrf)
            .header("content-type", "application/json")
            .body(Body::from(body))
            .expect("a request");
        let answer = registry.send(sign_in).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        browser.keep(&answer);
        browser.csrf = answer.header("x-next-csrf-token").to_owned();
        browser
    }

    fn keep(&mut self, answer: &Answer) {
        let pair = answer.header("set-cookie").split(';').next().unwrap_or_default();
        self.cookie = pair.strip_prefix("_csrf_token=").expect("a cookie").to_owned();
    }

    async fn get(&self, path: &str) -> Answer {
        let get = request(&As::Nobody, Method::GET, path)
            .header("cookie", format!("_csrf_token={}", self.cookie))
            .body(Body::empty())
            .expect("a request");
        self.registry.send(get).await
    }

    /// The main part of a page that is there.
    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        main_of(&answer)
    }

    /// Sends a form with its token.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_with(path, fields, &self.csrf).await
    }

    async fn post_with(&self, path: &str, fields: &[(&str, &str)], csrf: &str) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("_csrf_token", csrf).extend_pairs(fields);
        let post = request(&As::Nobody, Method::POST, path)
            .header("cookie", format!("_csrf_token={}", self.cookie))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.finish()))
            .expect("a request");
        self.registry.send(post).await
    }

    /// Sends a form that succeeds, and gives the path of the page that says so.
    async fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path} {fields:?}: {answer:?}");
        answer.header("location").to_owned()
    }

    /// Sends a form that is wrong, and gives the page that says why.
    async fn wrong(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {fields:?}: {answer:?}");
        main_of(&answer)
    }
}

fn main_of(answer: &Answer) -> String {
    let text = String::from_utf8(answer.body.to_vec()).expect("text");
    let (_, main) = text.split_once("<main").expect("a main part");
    main.split_once("</main>").expect("its end").0.to_owned()
}

/// What a page says below its breadcrumb, without what differs from run to run, and without pictures.
fn steady(page: &str) -> String {
    let (_, page) = page.split_once("<h1").expect("a heading");
    let page = without(page, "<time datetime=\"", "</time>", "[moment]");
    let page = without(&page, "<svg", "</svg>", "[icon]");
    let page = without(&page, "name=\"_csrf_token\" value=\"", "\"", "[token]");
    // Lines are kept, white space around them is not what is looked at.
    page.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Everything from one text to another is replaced.
fn without(page: &str, from: &str, to: &str, by: &str) -> String {
    let mut parts = page.split(from);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(by);
        out.push_str(part.split_once(to).expect("its end").1);
    }
    out
}

/// Pushes an artifact of one layer.
async fn push(
    registry: &Registry,
    name: &str,
    tag: &str,
    config: (&str, &[u8]),
    layer: (&str, &[u8]),
    more: Value,
) -> Digest {
    let alice = As::Basic("alice");
    let (config_digest, layer_digest) =
        (registry.put_blob(&alice, name, config.1).await, registry.put_blob(&alice, name, layer.1).await);
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": config.0, "digest": config_digest, "size": config.1.len()},
        "layers": [{"mediaType": layer.0, "digest": layer_digest, "size": layer.1.len(),
                    "annotations": {"org.opencontainers.image.title": "content"}}],
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        manifest[key] = value.clone();
    }
    let manifest = manifest.to_string();
    let digest = Digest::sha256(manifest.as_bytes());
    let reference = if tag.is_empty() { digest.as_str() } else { tag };
    let answer = registry.put_manifest(&alice, name, reference, &manifest).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    digest
}

/// Pushes a chart.
async fn push_chart(registry: &Registry, name: &str, metadata: &Value, readme: &str) -> Digest {
    let folder = metadata["name"].as_str().expect("a name").to_owned();
    let mut archive = tar::Builder::new(Vec::new());
    for (file, content) in [("Chart.yaml", metadata.to_string()), ("README.md", readme.to_owned())] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("{folder}/{file}"), content.as_bytes()).expect("an entry");
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&archive.into_inner().expect("an archive")).expect("packs");
    let layer = packed.finish().expect("packs");
    let tag = metadata["version"].as_str().expect("a version").replace('+', "_");
    let config = metadata.to_string();
    push(registry, name, &tag, (HELM_CONFIG, config.as_bytes()), (HELM_CHART, &layer), json!({})).await
}

/// Signs as cosign 3 does: a bundle that refers to what it signs.
async fn sign(registry: &Registry, name: &str, subject: &Digest) -> Digest {
    let more = json!({
        "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 500},
        "annotations": {"dev.sigstore.bundle.content": "message-signature",
                        "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1"},
    });
    let bundle = (quay_oci::media_type::SIGSTORE_BUNDLE, &b"{}"[..]);
    push(registry, name, "", (quay_oci::media_type::OCI_EMPTY, b"{}"), bundle, more).await
}

fn etherpad() -> Value {
    json!({
        "apiVersion": "v2", "name": "etherpad", "version": "0.0.4", "appVersion": "1.8.4", "type": "application",
        "description": "A pad for many", "home": "https://etherpad.example", "keywords": ["editor"],
        "sources": ["https://code.example/etherpad"],
        "maintainers": [{"name": "Amelie", "email": "amelie@example.com", "url": "https://example.com/amelie"}],
        "dependencies": [{"name": "postgresql", "version": "12.1.0", "repository": "oci://other.example/charts"}],
    })
}
