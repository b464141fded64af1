//! Who gets what: one test per line of the table that clients depend on.

use anyhow::{Context, Result};
use quay_tests::artifact::{push, tags};
use quay_tests::raw::{Raw, head};

use crate::fixture::{Organization, Started, started};

async fn organization() -> Result<(Started, Organization)> {
    let started = started().await?;
    let organization = started.organization("acme").await?;
    push(&started.client().basic(&organization.owner), "acme/private", "1", 10).await?;
    Ok((started, organization))
}

const READS: [&str; 3] = [
    "manifests/1",
    "tags/list",
    "referrers/sha256:0000000000000000000000000000000000000000000000000000000000000000",
];

#[tokio::test]
async fn nobody_gets_401_with_a_challenge() -> Result<()> {
    let (started, _) = organization().await?;
    for path in ["/v2/", "/v2"] {
        let answer = started.anonymous().get(path).send().await?.expect_error(401, "UNAUTHORIZED")?;
        assert_eq!(answer.need("docker-distribution-api-version")?, "registry/2.0");
        let challenge = answer.challenge()?;
        assert_eq!(challenge.realm, format!("{}/v2/auth", started.client().base()));
        assert!(!challenge.service.is_empty());
    }
    for repository in ["acme/private", "acme/missing", "nobody/nothing"] {
        for read in READS {
            let answer = started.anonymous().get(&format!("/v2/{repository}/{read}")).send().await?;
            let challenge = answer.expect_error(401, "UNAUTHORIZED")?.challenge()?;
            assert_eq!(challenge.scope, Some(format!("repository:{repository}:pull")), "{read}");
        }
        let answer = started.anonymous().post(&format!("/v2/{repository}/blobs/uploads/")).send().await?;
        let scope = answer.expect_error(401, "UNAUTHORIZED")?.challenge()?.scope.context("scope")?;
        assert_eq!(scope, format!("repository:{repository}:pull,push"));
    }
    // HEAD says the same without a body
    let head = started.anonymous().head("/v2/acme/private/manifests/1").send().await?.expect(401)?;
    assert!(head.body.is_empty() && head.challenge()?.scope.is_some());
    Ok(())
}

#[tokio::test]
async fn a_token_too_narrow_for_a_right_that_exists_gets_401_with_the_scope_to_ask_for() -> Result<()> {
    let (started, organization) = organization().await?;
    let token = started.client().token(Some(&organization.owner), &["repository:acme/private:pull"]).await?;
    let narrow = started.client().bearer(&token.text);
    narrow.get("/v2/acme/private/manifests/1").send().await?.expect(200)?;
    let refused = narrow.post("/v2/acme/private/blobs/uploads/").send().await?.expect(401)?;
    assert_eq!(refused.challenge()?.scope.context("scope")?, "repository:acme/private:pull,push");
    // whoever follows the challenge gets through
    let wider = started.client().answer_challenge(&refused, Some(&organization.owner)).await?;
    let wider = started.client().bearer(&wider.text);
    wider.post("/v2/acme/private/blobs/uploads/").send().await?.expect(202)?;

    let login = started.client().token(Some(&organization.owner), &[]).await?;
    let refused = started.client().bearer(&login.text).get("/v2/acme/private/manifests/1").send().await?;
    let scope = refused.expect(401)?.challenge()?.scope.context("scope")?;
    assert_eq!(scope, "repository:acme/private:pull");
    Ok(())
}

#[tokio::test]
async fn somebody_without_rights_gets_403_the_same_for_missing_and_private() -> Result<()> {
    let (started, organization) = organization().await?;
    let scope = ["repository:acme/private:pull,push", "repository:acme/missing:pull,push"];
    let token = started.client().token(Some(&organization.stranger), &scope).await?;
    let (basic, bearer) =
        (started.client().basic(&organization.stranger), started.client().bearer(&token.text));
    for caller in [basic, bearer] {
        for read in READS {
            let mut bodies = Vec::new();
            for repository in ["acme/private", "acme/missing", "nobody/nothing"] {
                let answer = caller.get(&format!("/v2/{repository}/{read}")).send().await?;
                let answer = answer.expect_error(403, "DENIED")?;
                let (namespace, _) = repository.split_once('/').context("a namespace")?;
                let body = String::from_utf8_lossy(&answer.body).replace(repository, "REPOSITORY");
                bodies.push(body.replace(&format!("an owner of {namespace}"), "an owner of NAMESPACE"));
            }
            bodies.dedup();
            assert_eq!(bodies.len(), 1, "missing and private can be told apart: {bodies:?}");
        }
        for repository in ["acme/private", "acme/missing", "nobody/nothing"] {
            let path = format!("/v2/{repository}/blobs/uploads/");
            caller.post(&path).send().await?.expect_error(403, "DENIED")?;
            let path = format!("/v2/{repository}/manifests/1");
            caller.delete(&path).send().await?.expect_error(403, "DENIED")?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_stranger_who_probes_by_digest_learns_nothing_and_reads_why_at_the_upload() -> Result<()> {
    let (started, organization) = organization().await?;
    let owner = started.client().basic(&organization.owner);
    let stranger = started.client().basic(&organization.stranger);
    let there = push(&owner, "acme/private", "probed", 10).await?;
    let (manifest, config) = (&there.digest, quay_oci::Digest::sha256(&there.config));
    for repository in ["acme/private", "acme/missing", "nobody/nothing"] {
        for path in [format!("manifests/{manifest}"), format!("blobs/{config}")] {
            let path = format!("/v2/{repository}/{path}");
            // an answer to HEAD has no room for a reason, and at 403 clients stop without one
            stranger.head(&path).send().await?.expect(404)?;
            stranger.get(&path).send().await?.expect_error(403, "DENIED")?;
            started.anonymous().head(&path).send().await?.expect(401)?;
        }
        stranger.head(&format!("/v2/{repository}/manifests/probed")).send().await?.expect(403)?;
        let refused = stranger.post(&format!("/v2/{repository}/blobs/uploads/")).send().await?;
        let refused = refused.expect_error(403, "DENIED")?.json()?;
        let text = refused["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
        assert!(text.contains(&format!("you may not push to {repository}")), "{text}");
    }
    owner.head(&format!("/v2/acme/private/blobs/{config}")).send().await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn somebody_who_may_create_gets_404_and_a_token_for_pull_and_push() -> Result<()> {
    let (started, organization) = organization().await?;
    let own = format!("{}/new", organization.stranger.username);
    for (who, repository) in [
        (&started.admin, "quayadmin/new"),
        (&organization.owner, "acme/new"),
        (&organization.robot, "acme/new"),
        (&organization.stranger, own.as_str()),
    ] {
        // helm 3.18 asks for pull only at first, and gives up when it does not get it
        let token = started.client().token(Some(who), &[&format!("repository:{repository}:pull")]).await?;
        assert_eq!(token.actions(repository), ["pull", "push"], "{who:?}");
        let token =
            started.client().token(Some(who), &[&format!("repository:{repository}:pull,push")]).await?;
        assert_eq!(token.actions(repository), ["pull", "push"], "{who:?}");
        for caller in [started.client().bearer(&token.text), started.client().basic(who)] {
            for read in ["manifests/1", "tags/list"] {
                let answer = caller.get(&format!("/v2/{repository}/{read}")).send().await?;
                answer.expect_error(404, "NAME_UNKNOWN")?;
            }
            caller.head(&format!("/v2/{repository}/manifests/1")).send().await?.expect(404)?;
        }
    }
    // asking has created nothing, pushing does
    let robot = started.client().basic(&organization.robot);
    robot.get("/v2/acme/new/tags/list").send().await?.expect_error(404, "NAME_UNKNOWN")?;
    push(&robot, "acme/new", "1", 10).await?;
    assert_eq!(tags(&robot, "acme/new").await?, ["1"]);
    Ok(())
}

#[tokio::test]
async fn what_is_created_on_push_is_private() -> Result<()> {
    let (started, organization) = organization().await?;
    started.anonymous().get("/v2/acme/private/manifests/1").send().await?.expect(401)?;
    let stranger = started.client().basic(&organization.stranger);
    stranger.get("/v2/acme/private/manifests/1").send().await?.expect(403)?;
    let view = organization.session.get("/api/v1/repository/acme/private").await?.expect(200)?.json()?;
    assert_eq!(view["is_public"], false);
    Ok(())
}

#[tokio::test]
async fn a_public_repository_is_readable_by_everybody_and_writable_by_none() -> Result<()> {
    let (started, organization) = organization().await?;
    organization.session.create_repository("acme", "public", "public").await?;
    push(&started.client().basic(&organization.owner), "acme/public", "1", 10).await?;
    let token = started.client().token(None, &["repository:acme/public:pull,push"]).await?;
    assert_eq!(token.actions("acme/public"), ["pull"]);
    for caller in [
        started.anonymous(),
        started.client().bearer(&token.text),
        started.client().basic(&organization.stranger),
    ] {
        caller.get("/v2/acme/public/manifests/1").send().await?.expect(200)?;
        let refused = caller.post("/v2/acme/public/blobs/uploads/").send().await?;
        assert!([401, 403].contains(&refused.status), "{refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_read_permission_does_not_push() -> Result<()> {
    let (started, organization) = organization().await?;
    let session = &organization.session;
    let reader = session.create_robot("acme", "reader").await?;
    session.permit("acme/private", &reader.username, "read").await?;
    let caller = started.client().basic(&reader);
    caller.get("/v2/acme/private/manifests/1").send().await?.expect(200)?;
    caller.post("/v2/acme/private/blobs/uploads/").send().await?.expect_error(403, "DENIED")?;
    caller.delete("/v2/acme/private/manifests/1").send().await?.expect_error(403, "DENIED")?;
    // nor does it see what lies beside
    caller.get("/v2/acme/other/tags/list").send().await?.expect_error(403, "DENIED")?;
    Ok(())
}

#[tokio::test]
async fn the_realm_follows_the_host_when_it_is_one_of_our_names() -> Result<()> {
    let started = started().await?;
    let port = started.registry.https().port();
    for (host, realm) in [
        (format!("localhost:{port}"), format!("https://localhost:{port}/v2/auth\"")),
        (format!("127.0.0.1:{port}"), format!("https://127.0.0.1:{port}/v2/auth\"")),
        // a name that is not ours gets the one that is, with the port or without
        ("evil.example:8443".to_owned(), "https://localhost".to_owned()),
    ] {
        let text = head("GET", "/v2/", None, &[]).replace("Host: localhost", &format!("Host: {host}"));
        let mut raw = Raw::connect(started.registry.https(), &started.ca).await?;
        raw.send(text.as_bytes()).await?;
        let answer = raw.answer().await?;
        assert_eq!(answer.status, 401);
        assert!(answer.text.contains(&format!("realm=\"{realm}")), "Host {host}: {}", answer.text);
    }
    Ok(())
}
