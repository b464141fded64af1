//! The command line: `serve` with nothing, with mistakes, twice on one folder.

use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use quay_tests::accounts::Credentials;
use quay_tests::artifact::{pull_manifest, push};
use quay_tests::registry::{DEFAULT_USER, Site};

use crate::fixture::{bare, started};

#[tokio::test]
async fn serve_without_configuration_makes_all_it_needs() -> Result<()> {
    let started = bare().await?;
    let path = started.site.first_password_file();
    let mode = std::fs::metadata(&path)?.permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "the first password is its owner's only");
    let log = started.site.log()?;
    assert!(log.contains("initial-admin-password"), "the path of the first password is printed:\n{log}");
    assert!(!log.contains(&started.admin.password), "the password itself is not");
    assert!(started.admin.password.len() >= 16, "it is long enough not to be guessed");

    let pushed = push(&started.caller(), "quayadmin/first", "1", 100_000).await?;
    assert_eq!(pull_manifest(&started.caller(), "quayadmin/first", "1").await?.body, pushed.manifest);
    let user = started.session(&started.admin).await?.get("/api/v1/user/").await?.expect(200)?.json()?;
    assert_eq!((user["username"].as_str(), user["super_user"].as_bool()), (Some(DEFAULT_USER), Some(true)));
    Ok(())
}

#[tokio::test]
async fn a_second_start_keeps_certificate_password_and_content() -> Result<()> {
    let started = bare().await?;
    let pushed = push(&started.caller(), "quayadmin/kept", "1", 100_000).await?;
    let token = started.client().token(Some(&started.admin), &["repository:quayadmin/kept:pull"]).await?;
    assert!(started.registry.terminate().await?.success());

    let again = started.site.start().await?;
    assert_eq!((started.site.ca()?, started.site.superuser()?), (started.ca, started.admin.clone()));
    let caller = again.client().basic(&started.admin);
    assert_eq!(pull_manifest(&caller, "quayadmin/kept", "1").await?.body, pushed.manifest);
    // the signing key is kept as well
    let bearer = again.client().bearer(&token.text);
    bearer.get("/v2/quayadmin/kept/manifests/1").send().await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn nobody_becomes_superuser_by_being_first() -> Result<()> {
    let started = bare().await?;
    let body = serde_json::json!({
        "username": "mallory", "password": quay_tests::accounts::password(), "email": "m@example.com",
        "access_token": true,
    });
    let answer = started.anonymous().post("/api/v1/user/initialize").json(&body).send().await?;
    assert_eq!(answer.status, 404, "{answer:?}");
    let reserved = Credentials::fresh(DEFAULT_USER)?;
    let session = quay_tests::api::Session::open(started.client(), &started.ca).await?;
    let body = serde_json::json!({ "username": DEFAULT_USER, "password": reserved.password, "email": "a@example.com" });
    session.post("/api/v1/user/", &body).await?.expect(400)?;
    let user = started.sign_up("first").await?;
    let user = started.session(&user).await?.get("/api/v1/user/").await?.expect(200)?.json()?;
    assert_ne!(user["super_user"], true);
    Ok(())
}

/// What is wrong, and what the message has to name.
const MISTAKES: &str = "\
SERVER_HOSTNAME: [not, text]
PREFERRED_URL_SCHEME: gopher
MAXIMUM_LAYER_SIZE: plenty
FEATURE_USER_CREATION: perhaps
DEFAULT_TAG_EXPIRATION: soon
SUPER_USERS: quayadmin
A_KEY_NOBODY_KNOWS: is kept
";
const WRONG: [&str; 5] = [
    "SERVER_HOSTNAME",
    "PREFERRED_URL_SCHEME",
    "MAXIMUM_LAYER_SIZE",
    "FEATURE_USER_CREATION",
    "DEFAULT_TAG_EXPIRATION",
];

#[tokio::test]
async fn all_mistakes_of_a_configuration_are_told_at_once() -> Result<()> {
    let site = Site::configured("")?;
    let good = site.read_config()?;
    let check = |config: &std::path::Path| {
        let config = config.to_path_buf();
        let command = site.command(["config".into(), "check".into(), config.into_os_string()]);
        async move {
            let status = command?.spawn()?.wait().await?;
            anyhow::Ok(status.success())
        }
    };
    assert!(check(&site.config()).await?, "a good configuration passes:\n{}", site.log()?);

    site.write_config(MISTAKES)?;
    assert!(!site.start_refused().await?.success(), "serve refuses");
    let log = site.log()?;
    for key in WRONG {
        assert!(log.contains(key), "serve names {key}:\n{log}");
    }
    let before = log.len();
    assert!(!check(&site.config()).await?, "the check refuses");
    let log = site.log()?.split_off(before);
    for key in WRONG {
        assert!(log.contains(key), "the check names {key}:\n{log}");
    }
    assert!(!site.data().join("db").try_exists()?, "nothing was made for a configuration that is refused");

    for broken in ["SECRET_KEY: [unclosed", "- a\n- list\n", "\0\0", "just text"] {
        site.write_config(broken)?;
        assert!(!site.start_refused().await?.success(), "{broken:?}");
    }
    site.write_config(&good)?;
    site.start().await?;
    Ok(())
}

#[tokio::test]
async fn an_unknown_key_is_kept_with_a_warning() -> Result<()> {
    let site = Site::configured("A_KEY_NOBODY_KNOWS: is kept\n")?;
    site.start().await?;
    let log = site.log()?;
    assert!(log.contains("A_KEY_NOBODY_KNOWS"), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_missing_certificate_or_folder_is_an_error_that_names_it() -> Result<()> {
    let site = Site::configured("")?;
    std::fs::remove_file(site.config().join("ssl.key"))?;
    assert!(!site.start_refused().await?.success());
    assert!(site.log()?.contains("ssl.key"), "{}", site.log()?);

    let other = Site::configured("")?;
    std::fs::remove_dir_all(other.config())?;
    assert!(!other.start_refused().await?.success());
    assert!(other.log()?.contains("config"), "{}", other.log()?);
    Ok(())
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_refused_and_the_first_goes_on() -> Result<()> {
    let started = started().await?;
    let before = started.site.log()?.len();
    let refused = started.site.start_refused().await?;
    let log = started.site.log()?.split_off(before);
    assert!(!refused.success(), "{log}");
    assert!(log.contains(started.site.data().to_str().context("path")?), "it names the folder: {log}");
    assert!(log.to_lowercase().contains("lock") || log.contains("another"), "it says why: {log}");
    push(&started.caller(), "quayadmin/on", "1", 100_000).await?;
    let listen = started.site.data().join("run/listen.json");
    assert!(listen.try_exists()?, "what the first one wrote down is still there");
    Ok(())
}

#[tokio::test]
async fn help_and_version_tell_what_they_should() -> Result<()> {
    let site = Site::bare()?;
    for (args, expected) in
        [(vec!["--help"], "serve"), (vec!["serve", "--help"], "--data"), (vec!["version"], "0.1.0")]
    {
        let before = site.log()?.len();
        let status = site.command(&args)?.spawn()?.wait().await?;
        let log = site.log()?.split_off(before);
        assert!(status.success() && log.contains(expected), "{args:?}: {log}");
    }
    let status = site.command(["serve", "--no-such-flag"])?.spawn()?.wait().await?;
    assert!(!status.success());
    Ok(())
}

#[tokio::test]
async fn initialize_works_once_when_it_is_switched_on() -> Result<()> {
    let site = Site::configured("FEATURE_USER_INITIALIZE: true\n")?;
    // without a superuser's Secret there is nobody yet
    let mut command = site.command(["serve"])?;
    command.arg("--data").arg(site.data()).arg("--config").arg(site.config());
    command.args(["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]);
    let registry = site.start_with(command).await?;
    let admin = site.superuser()?;
    let body = serde_json::json!({
        "username": admin.username, "password": admin.password, "email": "admin@example.com", "access_token": true,
    });
    let post = || registry.client().anonymous().post("/api/v1/user/initialize").json(&body).send();
    let answer = post().await?.expect(200)?.json()?;
    assert_eq!(answer["username"], DEFAULT_USER);
    let token = answer["access_token"].as_str().context("access_token")?;
    quay_tests::secrets::known(token)?;
    let encrypted = answer["encrypted_password"].as_str().context("encrypted_password")?;
    let encrypted = Credentials::new(&admin.username, encrypted)?;
    registry.client().basic(&encrypted).get("/v2/auth").send().await?.expect(200)?;
    post().await?.expect(400)?;

    // the token is a password for clients as well, under a name that is nobody's
    let robot = Credentials::new("$oauthtoken", token)?;
    registry.client().basic(&robot).get("/v2/").send().await?.expect(200)?;

    let bearer = registry.client().bearer(token);
    let organization = serde_json::json!({ "name": "automated", "email": "a@example.com" });
    bearer.post("/api/v1/organization/").json(&organization).send().await?.expect(201)?;
    let repository = serde_json::json!({
        "namespace": "automated", "repository": "made", "visibility": "private", "description": "",
    });
    bearer.post("/api/v1/repository").json(&repository).send().await?.expect(201)?;
    let robot =
        bearer.put("/api/v1/organization/automated/robots/ci").json(&serde_json::json!({})).send().await?;
    let robot = robot.expect(201)?.json()?;
    Credentials::new("automated+ci", robot["token"].as_str().context("token")?)?;
    assert_eq!(robot["name"], "automated+ci");
    Ok(())
}

#[tokio::test]
async fn two_first_starts_at_once_leave_one_registry_that_can_start_again() -> Result<()> {
    for _ in 0..3 {
        let site = Site::bare()?;
        let (one, two) = futures::join!(site.start(), site.start());
        let (registry, refused) = match (one, two) {
            (Ok(registry), Err(refused)) | (Err(refused), Ok(registry)) => (registry, refused),
            (Ok(_), Ok(_)) => anyhow::bail!("two processes serve one folder"),
            (Err(one), Err(two)) => anyhow::bail!("neither started: {one:#}\n{two:#}"),
        };
        assert!(format!("{refused:#}").to_lowercase().contains("lock"), "{refused:#}");
        // what the winner sealed can be opened with the keys that are on the disk
        let admin = site.superuser()?;
        let session = quay_tests::api::Session::sign_in(registry.client(), &site.ca()?, &admin).await?;
        session.create_organization("acme").await?;
        let robot = session.create_robot("acme", "ci").await?;
        let token = registry.client().token(Some(&admin), &[]).await?;
        assert!(registry.terminate().await?.success());

        let again = site.start().await?;
        again.client().basic(&robot).get("/v2/").send().await?.expect(200)?;
        again.client().bearer(&token.text).get("/v2/").send().await?.expect(200)?;
        let session = quay_tests::api::Session::sign_in(again.client(), &site.ca()?, &admin).await?;
        let shown = session.get("/api/v1/organization/acme/robots/ci").await?.expect(200)?.json()?;
        assert_eq!(shown["token"], robot.password);
    }
    Ok(())
}
