//! The token service: GET and POST, scopes, lifetimes, refusals.

use anyhow::{Context, Result, bail};
use quay_tests::artifact::push;
use quay_tests::client::Token;

use crate::fixture::started;

#[tokio::test]
async fn a_get_with_a_password_gets_a_token_of_five_minutes() -> Result<()> {
    let started = started().await?;
    let token = started.client().token(Some(&started.admin), &["repository:quayadmin/new:pull,push"]).await?;
    assert_eq!(token.actions("quayadmin/new"), ["pull", "push"]);
    assert_eq!(token.answer["expires_in"], 300);
    let issued = token.answer["issued_at"].as_str().context("issued_at")?;
    assert!(issued.contains('T') && (issued.ends_with('Z') || issued.contains('+')), "RFC 3339: {issued}");
    let life = token.claim("exp").as_i64().context("exp")? - token.claim("iat").as_i64().context("iat")?;
    assert_eq!((life, token.claim("sub").as_str()), (300, Some("quayadmin")));
    let caller = started.client().bearer(&token.text);
    push(&caller, "quayadmin/new", "1", 1_000).await?;
    Ok(())
}

#[tokio::test]
async fn a_post_with_the_password_grant_gets_the_same() -> Result<()> {
    let started = started().await?;
    let form = |password: &'static str| {
        let password = if password.is_empty() { started.admin.password.clone() } else { password.to_owned() };
        let host = started.client().host().to_owned();
        let call = started.anonymous().post("/v2/auth");
        async move {
            call.form(&[
                ("grant_type", "password"),
                ("service", &host),
                ("scope", "repository:quayadmin/new:pull,push"),
                ("client_id", "quay-tests"),
                ("username", "quayadmin"),
                ("password", &password),
            ])
            .send()
            .await
        }
    };
    let token = Token::read(form("").await?.expect(200)?)?;
    assert_eq!(token.actions("quayadmin/new"), ["pull", "push"]);
    push(&started.client().bearer(&token.text), "quayadmin/new", "1", 10).await?;
    form("not the password").await?.expect_error(401, "UNAUTHORIZED")?;
    Ok(())
}

#[tokio::test]
async fn a_login_without_scope_gets_a_token_without_rights() -> Result<()> {
    let started = started().await?;
    let token = started.client().token(Some(&started.admin), &[]).await?;
    assert_eq!(token.claim("access"), &serde_json::json!([]));
    started.client().bearer(&token.text).get("/v2/").send().await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn scopes_may_be_repeated_or_separated_by_spaces_and_unknown_ones_are_ignored() -> Result<()> {
    let started = started().await?;
    for repository in ["quayadmin/one", "quayadmin/two"] {
        push(&started.caller(), repository, "1", 10).await?;
    }
    let (one, two) = ("repository:quayadmin/one:pull", "repository:quayadmin/two:push,pull,delete");
    let both = format!("{one} {two}");
    for scopes in
        [vec![one, two], vec![&both], vec!["registry:catalog:*", one, "repository(plugin):a:pull", two]]
    {
        let token = started.client().token(Some(&started.admin), &scopes).await?;
        assert_eq!(token.actions("quayadmin/one"), ["pull"], "{scopes:?}");
        let actions = token.actions("quayadmin/two");
        assert!(
            actions.starts_with(&["pull".into(), "push".into()]) || actions.contains(&"push".into()),
            "{actions:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_granted_is_left_out_and_not_an_error() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("grants").await?;
    push(&started.client().basic(&organization.owner), "grants/private", "1", 10).await?;
    let scope = ["repository:grants/private:pull,push"];
    let stranger = started.client().token(Some(&organization.stranger), &scope).await?;
    assert!(stranger.actions("grants/private").is_empty());
    let missing =
        started.client().token(Some(&organization.stranger), &["repository:grants/missing:pull"]).await?;
    assert!(missing.actions("grants/missing").is_empty());
    let anonymous = started.client().token(None, &scope).await?;
    assert!(anonymous.actions("grants/private").is_empty());
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_gets_401_with_the_reason() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("wrong").await?;
    for who in [&started.admin, &organization.owner, &organization.robot] {
        let wrong = who.with_wrong_password()?;
        for path in ["/v2/auth?scope=repository:wrong/a:pull", "/v2/auth", "/v2/"] {
            let answer =
                started.client().basic(&wrong).get(path).send().await?.expect_error(401, "UNAUTHORIZED")?;
            let message = answer.json()?["errors"][0]["message"].as_str().unwrap_or_default().to_lowercase();
            assert!(
                message.contains("invalid") || message.contains("could not find robot"),
                "{path}: {message}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_refused() -> Result<()> {
    let started = started().await?;
    let token = started.client().token(Some(&started.admin), &["repository:quayadmin/a:pull,push"]).await?;
    let parts: Vec<&str> = token.text.split('.').collect();
    let [head, payload, signature] = parts[..] else { bail!("not a JWT") };
    let other = started.client().token(Some(&started.admin), &[]).await?;
    let other_payload = other.text.split('.').nth(1).context("payload")?;
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    for forged in [
        format!("{head}.{other_payload}.{signature}"),
        format!("{head}.{payload}."),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        "a.b.c".to_owned(),
        "x".repeat(5_000),
    ] {
        let answer = started.client().bearer(&forged).get("/v2/").send().await?.expect(401)?;
        answer.error_code()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_token_ends_with_the_right_or_the_credential_it_was_made_from() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("current").await?;
    let session = &organization.session;
    session.create_repository("current", "app", "private").await?;
    let reader = session.create_robot("current", "reader").await?;
    session.permit("current/app", &reader.username, "write").await?;
    let scope = ["repository:current/app:pull,push"];
    let token = started.client().token(Some(&reader), &scope).await?;
    let bearer = started.client().bearer(&token.text);
    push(&bearer, "current/app", "1", 10).await?;

    let permission = format!("/api/v1/repository/current/app/permissions/user/{}", reader.username);
    session.delete(&permission).await?.expect(204)?;
    bearer.get("/v2/current/app/manifests/1").send().await?.expect_error(403, "DENIED")?;

    session.permit("current/app", &reader.username, "read").await?;
    bearer.get("/v2/current/app/manifests/1").send().await?.expect(200)?;
    bearer.post("/v2/current/app/blobs/uploads/").send().await?.expect_error(403, "DENIED")?;

    let regenerate = "/api/v1/organization/current/robots/reader/regenerate";
    let answer = session.post(regenerate, &serde_json::json!({})).await?.expect(200)?;
    quay_tests::secrets::known(answer.json()?["token"].as_str().context("token")?)?;
    bearer.get("/v2/current/app/manifests/1").send().await?.expect(401)?;
    started.client().basic(&reader).get("/v2/").send().await?.expect(401)?;
    Ok(())
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() -> Result<()> {
    let started = started().await?;
    let victim = started.sign_up("victim").await?;
    for _ in 0..20 {
        let wrong = victim.with_wrong_password()?;
        let answer = started.client().basic(&wrong).get("/v2/auth").send().await?;
        if answer.status == 429 {
            let wait: u64 = answer.need("retry-after")?.parse()?;
            assert!((1..=60).contains(&wait), "{wait} s");
            // others are not locked out with the victim
            started.client().token(Some(&started.admin), &[]).await?;
            return Ok(());
        }
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    bail!("twenty wrong passwords in a row were all judged");
}
