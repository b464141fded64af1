//! Markup that strangers store, in every text that the registry keeps: refused, or shown as the text it is.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use quay_tests::artifact::{
    OCI_INDEX, OCI_MANIFEST, descriptor, manifest_bytes, noise, push, push_blob, put_manifest,
};
use quay_tests::browser::Browser;
use quay_tests::client::Caller;
use quay_tests::page::Page;
use serde_json::{Value, json};
use tokio::process::Command;

use super::NEW_ORGANIZATION;
use crate::fixture::{Organization, Started, started};

/// Ways to get a script into a page; each has the word by which the text is found again.
fn attacks(word: &str) -> [String; 5] {
    [
        format!("<script>alert('{word}1')</script>"),
        format!("\"><img src=x onerror=alert('{word}2')>"),
        format!("'><svg/onload=alert(\"{word}3\")>"),
        format!("</textarea></title></script><iframe srcdoc=\"{word}4\">"),
        format!("{{{{constructor.constructor('{word}5')()}}}}"),
    ]
}

/// All of them in one text.
fn attack(word: &str) -> String {
    attacks(word).join(" ")
}

/// Everybody and everything of one test, seen by the owner.
struct Scene {
    started: Started,
    organization: Organization,
    browser: Browser,
}

impl Scene {
    async fn new(name: &str) -> Result<Scene> {
        let started = started().await?;
        let organization = started.organization(name).await?;
        let browser = started.browser_of(&organization.owner).await?;
        Ok(Scene { started, organization, browser })
    }

    fn pusher(&self) -> Caller {
        self.started.client().basic(&self.organization.robot)
    }

    /// Looks at a page and everything of the same object that it leads to: nothing runs, and the words are read.
    async fn is_inert(&self, start: &str, words: &[&str]) -> Result<()> {
        let (mut open, mut seen) = (vec![start.to_owned()], BTreeSet::new());
        let object = start.split('?').next().unwrap_or(start).to_owned();
        let (mut text, mut pages) = (String::new(), 0);
        while let Some(path) = open.pop() {
            // one look at each page and tab; sorting and paging show the same
            let key: String = path.split('&').next().unwrap_or_default().to_owned();
            let other = key.contains('?') && !key.contains("?tab=");
            if other || !path.starts_with(&object) || !seen.insert(key) {
                continue;
            }
            let answer = self.browser.get(&path).await?;
            if answer.header("content-type").is_none_or(|kind| !kind.starts_with("text/html")) {
                continue;
            }
            let page = self.browser.read(&answer.expect(200)?, &path)?;
            let active = page.active();
            ensure!(active.is_empty(), "{path} would run {active:#?}");
            text.push_str(&page.text());
            open.extend(page.links());
            pages += 1;
            ensure!(pages < 80, "more pages than an object has: {seen:?}");
        }
        for word in words {
            ensure!(text.contains(word), "{word:?} is not shown on any of {seen:?}:\n{text}");
        }
        Ok(())
    }
}

#[tokio::test]
async fn names_with_markup_are_refused_everywhere() -> Result<()> {
    let scene = Scene::new("names").await?;
    let session = &scene.organization.session;
    for name in attacks("n") {
        let escaped: String = form_escape(&name);
        let user = json!({ "username": name, "password": "long-enough-1", "email": "n@example.com" });
        let stranger = quay_tests::api::Session::open(scene.started.client(), &scene.started.ca).await?;
        stranger.post("/api/v1/user/", &user).await?.expect(400)?;
        session
            .post("/api/v1/organization/", &json!({ "name": name, "email": "n@example.com" }))
            .await?
            .expect(400)?;
        let repository =
            json!({ "namespace": "names", "repository": name, "visibility": "private", "description": "" });
        session.post("/api/v1/repository", &repository).await?.expect(400)?;
        for path in ["robots", "team"] {
            let path = format!("/api/v1/organization/names/{path}/{escaped}");
            let answer = session.put(&path, &json!({ "role": "member" })).await?;
            ensure!([400, 404].contains(&answer.status), "{answer:?}");
        }
        let body = manifest_bytes(&json!({ "schemaVersion": 2 }));
        let answer = put_manifest(&scene.pusher(), "names/app", &escaped, OCI_MANIFEST, &body).await?;
        ensure!([400, 404].contains(&answer.status), "a tag's name: {answer:?}");

        // the form gives it back as text
        let form = scene.browser.page(NEW_ORGANIZATION).await?.form_with("name")?.with("name", &name);
        let answer = scene.browser.send(&form).await?.expect(422)?;
        let page = scene.browser.read(&answer, NEW_ORGANIZATION)?;
        assert_eq!(page.active(), Vec::<String>::new(), "{name}");
        ensure!(page.text().contains(&name), "what was typed is still there: {}", page.text());
    }
    Ok(())
}

#[tokio::test]
async fn what_is_asked_for_comes_back_as_text_or_not_at_all() -> Result<()> {
    let scene = Scene::new("asked").await?;
    push(&scene.pusher(), "asked/app", "1", 100).await?;
    for attack in attacks("q") {
        let escaped = form_escape(&attack);
        for path in [
            format!("/{escaped}"),
            format!("/asked/{escaped}:{escaped}?x={escaped}"),
            format!("/repository/asked/app/-/delete-tags?tag={escaped}&tag=1"),
            format!("/repository/asked/app/-/expire-tags?tag={escaped}&tag=1"),
            format!("/repository?starred=1&search={escaped}"),
            format!("/organization/{escaped}"),
            format!("/organization/asked?tab={escaped}"),
            format!("/organization?search={escaped}"),
            format!("/repository?search={escaped}&page={escaped}&sort={escaped}"),
            format!("/repository/asked/app?tab=tags&search={escaped}&sort={escaped}&kind={escaped}"),
            format!("/repository/asked/app/tag/{escaped}"),
            format!("/repository/asked/app/manifest/{escaped}"),
            format!("/signin?redirect_url={escaped}&username={escaped}"),
        ] {
            let answer = scene.browser.get(&path).await?;
            ensure!(answer.status < 500, "{answer:?}");
            if answer.status < 300 || answer.status >= 400 {
                let page = scene.browser.read(&answer, "/")?;
                assert_eq!(page.active(), Vec::<String>::new(), "{path}");
            }
        }
    }
    let page = scene
        .browser
        .page(&format!("/repository/asked/app?tab=tags&search={}", form_escape("<b>q</b>")))
        .await?;
    ensure!(page.text().contains("<b>q</b>"), "the search is shown as it was typed: {}", page.text());
    Ok(())
}

#[tokio::test]
async fn an_organizations_address_is_text() -> Result<()> {
    let scene = Scene::new("mail").await?;
    let session = &scene.organization.session;
    let body = json!({ "email": attack("m") });
    session.put("/api/v1/organization/mail", &body).await?.expect(400)?;
    // what the grammar of addresses lets through
    let sly = "\"<img/src=x/onerror=alert(1)>\"@example.com";
    let answer = session.put("/api/v1/organization/mail", &json!({ "email": sly })).await?;
    let shown: &[&str] = if answer.status == 200 { &[sly] } else { &["mail@example.com"] };
    scene.is_inert("/organization/mail", shown).await
}

#[tokio::test]
async fn a_teams_description_is_text() -> Result<()> {
    let scene = Scene::new("team").await?;
    let body = json!({ "role": "member", "description": attack("t") });
    scene.organization.session.put("/api/v1/organization/team/team/readers", &body).await?.expect(200)?;
    scene.is_inert("/organization/team?tab=Teamsandmembership", &["<script>alert('t1')</script>"]).await
}

#[tokio::test]
async fn a_robots_description_is_text() -> Result<()> {
    let scene = Scene::new("robot").await?;
    let body = json!({ "description": attack("r") });
    let path = "/api/v1/organization/robot/robots/speaks";
    let made = scene.organization.session.put(path, &body).await?.expect(201)?.json()?;
    quay_tests::secrets::known(made["token"].as_str().context("token")?)?;
    scene.is_inert("/organization/robot?tab=Robotaccounts", &["<script>alert('r1')</script>"]).await
}

#[tokio::test]
async fn an_application_tokens_title_is_text_also_where_its_end_is_asked_for() -> Result<()> {
    let scene = Scene::new("tokens").await?;
    let body = json!({ "title": attack("token") });
    let made = scene.organization.session.post("/api/v1/user/apptoken", &body).await?.expect(200)?.json()?;
    quay_tests::secrets::known(made["token"]["token_code"].as_str().context("token")?)?;
    let settings = format!("/user/{}?tab=Settings", scene.organization.owner.username);
    let shown = "<script>alert('token1')</script>";
    scene.is_inert(&settings, &[shown]).await?;
    let links = scene.browser.page(&settings).await?.links();
    let revoke = links.into_iter().find(|link| link.contains("revoke=")).context("a way to revoke it")?;
    let question = scene.browser.page(&revoke).await?;
    assert_eq!(question.active(), Vec::<String>::new());
    ensure!(
        question.text().contains(&format!("Revoke the application token {shown}")),
        "{}",
        question.text()
    );
    Ok(())
}

#[tokio::test]
async fn a_repositorys_description_is_harmless_markdown() -> Result<()> {
    let scene = Scene::new("words").await?;
    let session = &scene.organization.session;
    session.create_repository("words", "app", "private").await?;
    session
        .put("/api/v1/repository/words/app", &json!({ "description": markdown("d") }))
        .await?
        .expect(200)?;
    scene.is_inert("/repository/words/app?tab=information", &["bold d", "click d"]).await?;
    let page = scene.browser.page("/repository/words/app?tab=information").await?;
    let bold: Vec<String> = page.all("strong")?.iter().map(|element| element.text().collect()).collect();
    ensure!(bold.contains(&"bold d".to_owned()), "it is Markdown: {bold:?}");
    scene.is_inert("/organization/words", &[]).await
}

#[tokio::test]
async fn what_a_charts_metadata_says_is_text_and_its_addresses_are_no_scripts() -> Result<()> {
    let scene = Scene::new("charts").await?;
    let metadata = json!({
        "apiVersion": "v2",
        "name": "evil",
        "version": "1.0.0",
        "appVersion": attack("app"),
        "description": attack("description"),
        "home": "javascript:alert('home')",
        "icon": "javascript:alert('icon')",
        "sources": ["javascript:alert('source')", "https://example.com/\"><script>alert('source2')</script>"],
        "keywords": [attack("keyword")],
        "maintainers": [{ "name": attack("maintainer"), "email": attack("mail"), "url": "javascript:alert('url')" }],
        "annotations": { attack("key"): attack("value") },
        "type": attack("type"),
        "deprecated": attack("deprecated"),
    });
    push_chart(&scene, "charts/evil", &metadata, "# plain\n").await?;
    let shown = [
        "<script>alert('description1')</script>",
        "<script>alert('maintainer1')</script>",
        "javascript:alert('home')",
    ];
    scene.is_inert("/repository/charts/evil", &shown).await
}

#[tokio::test]
async fn a_charts_readme_is_harmless_markdown() -> Result<()> {
    let scene = Scene::new("readme").await?;
    let metadata = json!({ "apiVersion": "v2", "name": "evil", "version": "1.0.0", "description": "plain" });
    push_chart(&scene, "readme/evil", &metadata, &markdown("readme")).await?;
    scene.is_inert("/repository/readme/evil", &["bold readme", "click readme"]).await
}

#[tokio::test]
async fn annotations_labels_and_types_are_text() -> Result<()> {
    let scene = Scene::new("notes").await?;
    let pusher = scene.pusher();
    let config = manifest_bytes(&json!({
        "architecture": attack("architecture"),
        "os": attack("os"),
        "author": attack("author"),
        "config": { "Labels": { "label": attack("label"), attack("name"): "x" } },
        "rootfs": { "type": "layers", "diff_ids": [] },
        "history": [{ "created_by": attack("history"), "comment": attack("comment") }],
    }));
    let layer = noise(100);
    let mut entry = descriptor("application/vnd.oci.image.layer.v1.tar", &layer);
    entry["annotations"] = json!({ "org.opencontainers.image.title": attack("title") });
    let manifest = manifest_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [entry],
        "annotations": {
            "org.opencontainers.image.title": attack("annotation"),
            "org.opencontainers.image.url": "javascript:alert('url')",
            "org.opencontainers.image.source": "javascript:alert('source')",
            attack("key"): "value",
        },
    }));
    push_blob(&pusher, "notes/app", &config).await?;
    push_blob(&pusher, "notes/app", &layer).await?;
    put_manifest(&pusher, "notes/app", "1", OCI_MANIFEST, &manifest).await?.expect(201)?;

    let mut child = descriptor(OCI_MANIFEST, &manifest);
    child["platform"] =
        json!({ "os": attack("platform"), "architecture": attack("cpu"), "variant": attack("variant") });
    let index = manifest_bytes(&json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child],
        "artifactType": "application/x\"><script>alert(1)</script>",
    }));
    // a type that is none may be refused; the platform is anybody's text
    if put_manifest(&pusher, "notes/app", "all", OCI_INDEX, &index).await?.status != 201 {
        let index =
            manifest_bytes(&json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child] }));
        put_manifest(&pusher, "notes/app", "all", OCI_INDEX, &index).await?.expect(201)?;
    }
    scene
        .is_inert(
            "/repository/notes/app",
            &["<script>alert('annotation1')</script>", "<script>alert('platform1')</script>"],
        )
        .await
}

#[tokio::test]
async fn a_page_that_was_pushed_as_a_blob_is_not_served_as_a_page() -> Result<()> {
    let scene = Scene::new("blobs").await?;
    let page = Bytes::from("<!DOCTYPE html><script>alert(document.cookie)</script>");
    let digest = push_blob(&scene.pusher(), "blobs/app", &page).await?;
    let manifest = manifest_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "text/html",
        "config": descriptor("text/html", &page),
        "layers": [descriptor("text/html", &page)],
    }));
    put_manifest(&scene.pusher(), "blobs/app", "1", OCI_MANIFEST, &manifest).await?.expect(201)?;
    for path in [format!("/v2/blobs/app/blobs/{}", digest.as_str()), "/v2/blobs/app/manifests/1".to_owned()] {
        let answer =
            scene.pusher().get(&path).header("accept", "text/html, */*").send().await?.expect(200)?;
        let kind = answer.need("content-type")?;
        ensure!(
            !kind.contains("html") && !kind.contains("svg") && !kind.starts_with("text/"),
            "{path}: {kind}"
        );
        assert_eq!(answer.need("x-content-type-options")?, "nosniff", "{path}");
    }
    // and the session's cookie opens nothing there
    let answer = scene.browser.get(&format!("/v2/blobs/app/blobs/{}", digest.as_str())).await?;
    assert_eq!(answer.status, 401, "{answer:?}");
    scene.is_inert("/repository/blobs/app", &["text/html"]).await
}

#[tokio::test]
async fn the_parser_of_these_tests_sees_a_script_that_is_let_through() -> Result<()> {
    for attack in attacks("c").into_iter().take(4) {
        let page = Page::parse(&format!("<p>{attack}</p>"), "https://registry.example/")?;
        ensure!(!page.active().is_empty(), "{attack}");
    }
    Ok(())
}

/// Markdown with every way out of it; `bold` and `click` are what is honest in it.
fn markdown(word: &str) -> String {
    format!(
        "**bold {word}** [click {word}](javascript:alert(1)) [two](&#106;avascript:alert(1)) [three](JaVaScRiPt&colon;alert(1)) \
         <javascript:alert(1)> [four](data:text/html;base64,PHNjcmlwdD4=) ![five](javascript:alert(1)) \
         ![six](https://evil.example/pixel) [seven](https://example.com \"\\\" onmouseover=alert(1) x=\\\"\")\n\n\
         {}\n\n[eight]: javascript:alert(1)\n[eight]\n\n```\"><script>alert(1)</script>\ncode\n```\n\n\
         <div onclick=alert(1)>html</div>\n<style>body{{display:none}}</style>\n<base href=https://evil.example>\n\n\
         | a |\n|---|\n| <img src=x onerror=alert(1)> |\n\n    <script>indented</script>\n",
        attack(word)
    )
}

/// Pushes a chart as helm does: metadata as config, a packed folder with the README as layer.
async fn push_chart(scene: &Scene, repository: &str, metadata: &Value, readme: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("evil"))?;
    std::fs::write(folder.path().join("evil/README.md"), readme)?;
    std::fs::write(folder.path().join("evil/Chart.yaml"), metadata.to_string())?;
    let packed = Command::new("tar").arg("-C").arg(folder.path()).args(["-cz", "evil"]).output().await?;
    ensure!(packed.status.success(), "tar: {}", String::from_utf8_lossy(&packed.stderr));
    let (config, layer) = (manifest_bytes(metadata), Bytes::from(packed.stdout));
    let manifest = manifest_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.cncf.helm.config.v1+json", &config),
        "layers": [descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &layer)],
        "annotations": { "org.opencontainers.image.description": attack("annotation") },
    }));
    for blob in [&config, &layer] {
        push_blob(&scene.pusher(), repository, blob).await?;
    }
    put_manifest(&scene.pusher(), repository, "1.0.0", OCI_MANIFEST, &manifest).await?.expect(201).map(drop)
}

/// Escapes everything that has a meaning in a path or a query.
fn form_escape(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}
