//! helm as people use it, in every version that is still in use: an owner, a member of a team, a robot and the
//! superuser push and pull charts; whoever may not reads why.

use std::path::PathBuf;

use anyhow::Result;
use quay_tests::accounts::Credentials;
use quay_tests::artifact::{pull_manifest, tags};
use quay_tests::chart;
use quay_tests::clients::{HELM_4, Helm, Outcome, Signer, helms};
use quay_tests::named::Named;

use crate::fixture::{Organization, Started, started_as};

/// helm 3.8 speaks plain HTTP to `localhost`, whatever is there.
const HOST: &str = "registry.example.com";

/// A registry with an organization, under a name like a real one.
struct Place {
    started: Started,
    charts: Organization,
    /// Belongs to a team whose role is `creator`.
    member: Credentials,
    named: Named,
}

async fn place() -> Result<Place> {
    let (started, named) = started_as(HOST).await?;
    let charts = started.organization("charts").await?;
    let member = started.sign_up("charts-member").await?;
    charts.session.let_create("charts", &member.username).await?;
    Ok(Place { started, charts, member, named })
}

impl Place {
    async fn helm(&self, version: &str) -> Result<Helm> {
        let helm = Helm::new(version, &self.started.ca).await?;
        Ok(helm.env("HTTPS_PROXY", &self.named.proxy()).env("NO_PROXY", ""))
    }

    async fn helm_of(&self, version: &str, who: &Credentials) -> Result<Helm> {
        let helm = self.helm(version).await?;
        helm.login(HOST, who).await?.success()?.saying("Login Succeeded")?;
        Ok(helm)
    }

    /// The digest under which the registry serves a tag.
    async fn served(&self, who: &Credentials, repository: &str, tag: &str) -> Result<String> {
        Ok(pull_manifest(&self.started.client().basic(who), repository, tag).await?.digest()?.to_string())
    }
}

/// What helm said, without what differs from run to run.
fn told(helm: &Helm, outcome: &Outcome) -> String {
    let home = helm.home().display().to_string();
    let lines = outcome.text.replace(&home, "HOME");
    let words = |line: &str| {
        let kept = line.split(' ').filter(|word| !word.starts_with("time="));
        kept.map(|word| if word.contains("sha256:") { "sha256:…" } else { word })
            .collect::<Vec<_>>()
            .join(" ")
    };
    lines.lines().map(words).collect::<Vec<_>>().join("\n")
}

/// `helm-4.2.4` as a part of a chart's name.
fn part(version: &str) -> String {
    version.replace('.', "-")
}

/// Pushes a chart to a repository that does not exist and pulls it: bytes and digest are the same on both ways.
async fn pushes_and_pulls(place: &Place, version: &str, who: &Credentials, namespace: &str) -> Result<()> {
    let helm = place.helm_of(version, who).await?;
    let name = format!("chart-{}-{}", part(version), who.username.replace(['+', '_'], "-"));
    let archive = chart::package(&helm, helm.home(), &name, "0.1.0").await?;
    let pushed = helm.push(&archive, &format!("{HOST}/{namespace}")).await?.success()?;
    let printed = pushed.after("Digest:")?;
    assert_eq!(
        place.served(who, &format!("{namespace}/{name}"), "0.1.0").await?,
        printed,
        "{version} {who:?}"
    );

    let pulled = helm.pull(&format!("{HOST}/{namespace}/{name}"), "0.1.0").await?.success()?;
    assert_eq!(pulled.after("Digest:")?, printed, "{version} {who:?}");
    assert_eq!(helm.pulled(&format!("{name}-0.1.0.tgz"))?, std::fs::read(&archive)?, "{version} {who:?}");
    Ok(())
}

#[tokio::test]
async fn every_helm_pushes_as_owner_and_superuser_to_repositories_that_do_not_exist() -> Result<()> {
    let place = place().await?;
    for version in helms() {
        pushes_and_pulls(&place, version, &place.charts.owner, "charts").await?;
        pushes_and_pulls(&place, version, &place.started.admin, "quayadmin").await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_helm_pushes_as_creating_member_and_robot_to_repositories_that_do_not_exist() -> Result<()> {
    let place = place().await?;
    for version in helms() {
        pushes_and_pulls(&place, version, &place.member, "charts").await?;
        pushes_and_pulls(&place, version, &place.charts.robot, "charts").await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_bare_host_is_the_library_where_the_superuser_pushes_and_others_read_why_not() -> Result<()> {
    let place = place().await?;
    for version in helms() {
        let helm = place.helm_of(version, &place.started.admin).await?;
        let name = format!("bare-{}", part(version));
        let archive = chart::package(&helm, helm.home(), &name, "0.1.0").await?;
        let pushed = helm.push(&archive, HOST).await?.success()?;
        let printed = pushed.after("Digest:")?;
        assert_eq!(
            place.served(&place.started.admin, &format!("library/{name}"), "0.1.0").await?,
            printed,
            "{version}"
        );
        for from in [format!("{HOST}/{name}"), format!("{HOST}/library/{name}")] {
            let pulled = helm.pull(&from, "0.1.0").await?.success()?;
            assert_eq!(pulled.after("Digest:")?, printed, "{version} {from}");
        }

        let other = place.helm_of(version, &place.charts.stranger).await?;
        let refused = other.push(&archive, HOST).await?.failure()?;
        insta::assert_snapshot!(format!("{version}-bare-host-refused"), told(&other, &refused));
    }
    Ok(())
}

#[tokio::test]
async fn helm_tells_why_a_wrong_password_does_not_do() -> Result<()> {
    let place = place().await?;
    for version in helms() {
        // whoever fails often has to wait: accounts of their own for each version
        let person = place.started.sign_up(&format!("person-{}", part(version))).await?;
        let robot = place.charts.session.create_robot("charts", &part(version)).await?;
        for (whose, who) in [("person", &person), ("robot", &robot)] {
            let wrong = who.with_wrong_password()?;
            let helm = place.helm(version).await?;
            let login = helm.login(HOST, &wrong).await?.failure()?;
            insta::assert_snapshot!(format!("{version}-wrong-password-login-{whose}"), told(&helm, &login));

            // as one that was good once
            let archive = chart::package(&helm, helm.home(), "refused", "0.1.0").await?;
            helm.remember(HOST, &wrong)?;
            let push = helm.push(&archive, &format!("{HOST}/charts")).await?.failure()?;
            insta::assert_snapshot!(format!("{version}-wrong-password-push-{whose}"), told(&helm, &push));
        }
    }
    Ok(())
}

#[tokio::test]
async fn helm_tells_what_a_stranger_may_not_do() -> Result<()> {
    let place = place().await?;
    place.charts.session.create_repository("charts", "there", "private").await?;
    for version in helms() {
        let helm = place.helm_of(version, &place.charts.stranger).await?;
        for name in ["missing", "there"] {
            let archive = chart::package(&helm, helm.home(), name, "0.1.0").await?;
            let push = helm.push(&archive, &format!("{HOST}/charts")).await?.failure()?;
            insta::assert_snapshot!(format!("{version}-stranger-push-{name}"), told(&helm, &push));
        }
        let pull = helm.pull(&format!("{HOST}/charts/there"), "0.1.0").await?.failure()?;
        insta::assert_snapshot!(format!("{version}-stranger-pull"), told(&helm, &pull));
    }
    Ok(())
}

#[tokio::test]
async fn a_chart_is_shown_and_rendered_straight_out_of_the_registry() -> Result<()> {
    let place = place().await?;
    for version in helms() {
        let helm = place.helm_of(version, &place.charts.owner).await?;
        let name = format!("shown-{}", part(version));
        let source = format!("oci://{HOST}/charts/{name}");
        for release in ["0.1.0", "0.10.0", "0.9.0"] {
            let archive = chart::package(&helm, helm.home(), &name, release).await?;
            helm.push(&archive, &format!("{HOST}/charts")).await?.success()?;
        }
        let chart = helm.ask(&["show", "chart", &source, "--version", "0.1.0"]).await?.success()?;
        assert_eq!(chart.after("version:")?, "0.1.0", "{version}");
        // the newest by meaning, not by spelling or by time
        let chart = helm.ask(&["show", "chart", &source]).await?.success()?;
        assert_eq!(chart.after("version:")?, "0.10.0", "{version}");
        let chart = helm.ask(&["show", "chart", &source, "--version", "<0.10.0"]).await?.success()?;
        assert_eq!(chart.after("version:")?, "0.9.0", "{version}");
        helm.ask(&["show", "readme", &source]).await?.success()?.saying("Greets whoever looks")?;
        helm.ask(&["show", "values", &source]).await?.success()?.saying("greeting: hello")?;
        let args = ["template", "release", &source, "--version", "0.1.0"];
        helm.ask(&args).await?.success()?.saying("kind: ConfigMap")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_chart_version_with_a_plus_is_found_again() -> Result<()> {
    let place = place().await?;
    let owner = place.started.client().basic(&place.charts.owner);
    for version in helms() {
        let helm = place.helm_of(version, &place.charts.owner).await?;
        let name = format!("plus-{}", part(version));
        let archive = chart::package(&helm, helm.home(), &name, "0.1.0+b1").await?;
        helm.push(&archive, &format!("{HOST}/charts")).await?.success()?;
        helm.pull(&format!("{HOST}/charts/{name}"), "0.1.0+b1").await?.success()?;
        assert_eq!(helm.pulled(&format!("{name}-0.1.0+b1.tgz"))?, std::fs::read(&archive)?, "{version}");
        assert_eq!(tags(&owner, &format!("charts/{name}")).await?, ["0.1.0_b1"]);
    }
    Ok(())
}

#[tokio::test]
async fn provenance_goes_with_the_chart_and_is_checked_at_pull() -> Result<()> {
    let place = place().await?;
    let owner = place.started.client().basic(&place.charts.owner);
    let (signer, other) = (Signer::new("packager").await?, Signer::new("somebody").await?);
    for version in helms() {
        let helm = place.helm_of(version, &place.charts.owner).await?;
        let name = format!("signed-{}", part(version));
        let archive = chart::package_signed(&helm, helm.home(), &name, "0.1.0", &signer).await?;
        helm.push(&archive, &format!("{HOST}/charts")).await?.success()?;
        let stored = pull_manifest(&owner, &format!("charts/{name}"), "0.1.0").await?.json()?;
        let layers: Vec<_> = stored["layers"].as_array().into_iter().flatten().collect();
        let types: Vec<_> = layers.iter().filter_map(|layer| layer["mediaType"].as_str()).collect();
        assert!(
            types.contains(&"application/vnd.cncf.helm.chart.provenance.v1.prov"),
            "{version}: {types:?}"
        );

        let from = format!("{HOST}/charts/{name}");
        let verify = |ring: PathBuf| ring.display().to_string();
        let ring = verify(signer.public_ring());
        let pulled = helm.pull_with(&from, "0.1.0", &["--verify", "--keyring", &ring]).await?.success()?;
        pulled.saying("Signed by: packager")?;
        assert_eq!(helm.pulled(&format!("{name}-0.1.0.tgz.prov"))?, std::fs::read(prov(&archive))?);
        // with another's key it must fail, or the success above means nothing
        let ring = verify(other.public_ring());
        helm.pull_with(&from, "0.1.0", &["--verify", "--keyring", &ring]).await?.failure()?;
    }
    Ok(())
}

fn prov(archive: &std::path::Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(".prov");
    name.into()
}

#[tokio::test]
async fn a_chart_of_a_public_repository_is_pulled_without_logging_in() -> Result<()> {
    let place = place().await?;
    place.charts.session.create_repository("charts", "open", "public").await?;
    place.charts.session.create_repository("charts", "closed", "private").await?;
    let helm = place.helm_of(HELM_4, &place.charts.owner).await?;
    for name in ["open", "closed"] {
        let archive = chart::package(&helm, helm.home(), name, "0.1.0").await?;
        helm.push(&archive, &format!("{HOST}/charts")).await?.success()?;
    }
    for version in helms() {
        let nobody = place.helm(version).await?;
        nobody.pull(&format!("{HOST}/charts/open"), "0.1.0").await?.success()?;
        nobody.pull(&format!("{HOST}/charts/closed"), "0.1.0").await?.failure()?;
    }
    Ok(())
}
