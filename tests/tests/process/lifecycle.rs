//! A process that lives: health, reload without restart, and a decent end.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use quay_oci::Digest;
use quay_tests::artifact::{noise, open_upload, pull_blob, push};
use quay_tests::raw::{Raw, head};
use quay_tests::tls::Authority;
use quay_tests::until::until;

use crate::fixture::started;

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn health_version_and_metrics_answer_without_a_password() -> Result<()> {
    let started = started().await?;
    push(&started.caller(), "quayadmin/seen", "1", 1_000).await?;
    let ops = reqwest::Client::builder().no_proxy().build()?;
    for path in ["/healthz", "/readyz", "/version", "/metrics"] {
        let answer = ops.get(format!("http://{}{path}", started.registry.ops())).send().await?;
        assert_eq!(answer.status(), 200, "{path}");
        let text = answer.text().await?;
        match path {
            "/version" => {
                let told: serde_json::Value = serde_json::from_str(&text)?;
                assert_eq!(told["version"], "0.1.0");
                assert_eq!(told["artifact_policy"], "every artifact type is accepted");
            }
            "/metrics" => assert!(text.contains("# TYPE") && text.contains("# EOF"), "OpenMetrics: {text}"),
            _ => {}
        }
    }
    let answer = ops.get(format!("http://{}/v2/", started.registry.ops())).send().await?;
    assert_eq!(answer.status(), 404, "the plain port serves nothing else");
    for path in ["/healthz", "/readyz", "/version", "/health/instance", "/health/endtoend"] {
        started.anonymous().get(path).send().await?.expect(200)?;
    }
    started.anonymous().get("/metrics").send().await?.expect(404)?;
    Ok(())
}

#[tokio::test]
async fn a_termination_lets_a_running_push_finish_and_ends_with_success() -> Result<()> {
    let mut started = started().await?;
    let bytes = noise(1_000_000);
    let digest = Digest::sha256(&bytes);
    let location = open_upload(&started.caller(), "quayadmin/drain").await?;
    let path = location.find("/v2/").map_or(location.as_str(), |at| &location[at..]);
    let sign = if path.contains('?') { '&' } else { '?' };
    let target = format!("{path}{sign}digest={digest}");

    let mut raw = Raw::connect(started.registry.https(), &started.ca).await?;
    let length = bytes.len().to_string();
    raw.send(head("PUT", &target, Some(&started.admin), &[("Content-Length", &length)]).as_bytes()).await?;
    raw.send(&bytes[..400_000]).await?;
    // the first half has arrived before the signal: the upload says so only when its writer is done, so ask for health
    started.anonymous().get("/healthz").send().await?.expect(200)?;
    started.registry.signal_termination()?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let ready = format!("http://{}/readyz", started.registry.ops());
    until("the registry to say that it is not ready any more", SOON, || async {
        match client.get(&ready).send().await {
            Ok(answer) => ensure!(answer.status() == 503, "still {}", answer.status()),
            Err(error) => ensure!(error.is_connect() || error.is_request(), "{error}"),
        }
        Ok(())
    })
    .await?;
    ensure!(
        Raw::connect(started.registry.https(), &started.ca).await.is_err(),
        "a new connection is taken while draining"
    );
    raw.send(&bytes[400_000..]).await?;
    let answer = raw.answer().await?;
    assert_eq!(answer.status, 201, "{answer:?}");
    let ended = started.registry.ended().await?;
    assert!(ended.success(), "{ended}");

    let again = started.site.start().await?;
    let caller = again.client().basic(&started.admin);
    assert_eq!(pull_blob(&caller, "quayadmin/drain", &digest).await?, bytes);
    Ok(())
}

#[tokio::test]
async fn an_idle_registry_ends_at_once_on_both_signals() -> Result<()> {
    let mut started = started().await?;
    assert!(started.registry.terminate().await?.success());
    started.registry = started.site.start().await?;
    rustix::process::kill_process(started.registry.pid()?, rustix::process::Signal::INT)?;
    assert!(started.registry.ended().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_new_certificate_is_served_without_a_restart_and_a_bad_one_is_not() -> Result<()> {
    let started = started().await?;
    let shown = || async { Raw::connect(started.registry.https(), &started.ca).await?.certificate() };
    let first = shown().await?;
    let pair = started.site.authority()?.leaf(&["localhost", "127.0.0.1"])?;
    started.site.write_pair(&pair)?;
    let second = until("the new certificate to be shown", SOON, || async {
        let now = shown().await?;
        ensure!(now != first, "still the first certificate");
        Ok(now)
    })
    .await?;

    // a certificate without its key is refused, told, and changes nothing
    let other = Authority::new("another authority")?.leaf(&["localhost"])?;
    let before = started.site.log()?.len();
    std::fs::write(started.site.config().join("ssl.cert"), &other.cert)?;
    until("the bad certificate to be told", SOON, || async {
        let log = started.site.log()?.split_off(before);
        ensure!(log.contains("ssl.") || log.contains("certificate"), "nothing told: {log}");
        ensure!(log.contains("WARN") || log.contains("ERROR"), "not told loudly: {log}");
        Ok(())
    })
    .await?;
    assert_eq!(shown().await?, second);
    push(&started.caller(), "quayadmin/on", "1", 10).await?;
    Ok(())
}

#[tokio::test]
async fn a_live_key_is_taken_up_without_a_restart_and_a_bad_one_is_not() -> Result<()> {
    let started = started().await?;
    started.sign_up("before").await?;
    let good = started.site.read_config()?;
    started.site.write_config(&format!("{good}FEATURE_USER_CREATION: false\n"))?;
    let attempts = std::sync::atomic::AtomicUsize::new(0);
    let try_sign_up = || async {
        let number = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        started.sign_up(&format!("attempt{number}")).await
    };
    until("sign-up to be closed", SOON, || async {
        ensure!(try_sign_up().await.is_err(), "sign-up is still open");
        Ok(())
    })
    .await?;

    let before = started.site.log()?.len();
    started.site.write_config(&format!("{good}FEATURE_USER_CREATION: perhaps\n"))?;
    until("the bad value to be told", SOON, || async {
        let log = started.site.log()?.split_off(before);
        ensure!(log.contains("FEATURE_USER_CREATION"), "nothing told: {log}");
        Ok(())
    })
    .await?;
    assert!(try_sign_up().await.is_err(), "the value in force stays in force");
    started.site.write_config(&good)?;
    until("sign-up to be open again", SOON, || async { try_sign_up().await.map(drop) }).await?;
    Ok(())
}

#[tokio::test]
async fn the_superusers_password_follows_its_secret() -> Result<()> {
    let started = started().await?;
    let new = quay_tests::accounts::Credentials::fresh(&started.admin.username)?;
    let beside = started.site.admin().join("password.new");
    std::fs::write(&beside, &new.password)?;
    std::fs::rename(&beside, started.site.admin().join("password"))?;
    until("the new password to be accepted", SOON, || async {
        started.client().basic(&new).get("/v2/").send().await?.expect(200).map(drop)
    })
    .await?;
    started.caller().get("/v2/").send().await?.expect(401)?;
    Ok(())
}

#[tokio::test]
async fn plain_http_on_the_tls_port_does_not_disturb() -> Result<()> {
    let started = started().await?;
    let plain = reqwest::Client::builder().no_proxy().build()?;
    let answer = plain.get(format!("http://{}/v2/", started.registry.https())).send().await;
    if let Ok(answer) = answer {
        assert!(!answer.status().is_success());
    }
    let mut stuck = Vec::new();
    for _ in 0..50 {
        stuck.push(tokio::net::TcpStream::connect(started.registry.https()).await.context("connect")?);
    }
    // connections that say nothing keep nobody from working
    push(&started.caller(), "quayadmin/on", "1", 1_000).await?;
    drop(stuck);
    Ok(())
}
