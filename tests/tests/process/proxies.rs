//! A registry behind a proxy: its log has the client's address as soon as the proxy is trusted, and no sooner.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use quay_tests::accounts::Credentials;
use quay_tests::client::Client;
use quay_tests::until::until;
use serde_json::json;

use crate::fixture::started;

/// The longest that an edit of the configuration may take to be in force.
const SOON: Duration = Duration::from_secs(60);
/// Where the proxy saw its client, and what it says: the client has claimed another address.
const CLIENT: &str = "203.0.113.9";
const SAID: &str = "198.51.100.1, 203.0.113.9";

/// Makes a robot by way of a proxy on this machine: the address that the log has got for it.
async fn logged(client: &Client, who: &Credentials, robot: &str) -> Result<String> {
    let caller = client.basic(who);
    let made = caller.put(&format!("/api/v1/user/robots/{robot}")).json(&json!({}));
    made.header("x-forwarded-for", SAID).send().await?.expect(201)?;
    let logs = caller.get("/api/v1/user/logs").send().await?.expect(200)?.json()?;
    let line = &logs["logs"][0];
    ensure!(line["kind"] == "create_robot", "{line}");
    Ok(line["ip"].as_str().context("no address")?.to_owned())
}

#[tokio::test]
async fn the_log_has_the_clients_address_as_soon_as_its_proxy_is_trusted() -> Result<()> {
    let started = started().await?;
    let alice = started.sign_up("alice").await?;
    let client = started.client();
    assert_eq!(logged(client, &alice, "before").await?, "127.0.0.1");

    let plain = started.site.read_config()?;
    started.site.write_config(&format!("{plain}TRUSTED_PROXIES: [127.0.0.0/8]\n"))?;
    let number = std::cell::Cell::new(0);
    until("the proxy to be trusted", SOON, || async {
        number.set(number.get() + 1);
        let found = logged(client, &alice, &format!("try{}", number.get())).await?;
        ensure!(found == CLIENT, "{found}");
        Ok(())
    })
    .await?;
    let over_http2 = Client::http2(&started.registry.host(), &started.ca)?;
    assert_eq!(logged(&over_http2, &alice, "http2").await?, CLIENT);

    // A network that is none is told, and changes nothing.
    started.site.write_config(&format!("{plain}TRUSTED_PROXIES: [127.0.0.1/8]\n"))?;
    until("the mistake to be told", SOON, || async {
        let log = started.site.log()?;
        ensure!(
            log.contains("TRUSTED_PROXIES") && log.contains("write 127.0.0.0/8 for the network"),
            "no word of it"
        );
        Ok(())
    })
    .await?;
    assert_eq!(logged(client, &alice, "after").await?, CLIENT);
    Ok(())
}
