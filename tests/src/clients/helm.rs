//! helm, from the first that pushed charts without an experiment to today's: the same commands, different options.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use super::{HELM_3, HELM_3_8, HELM_3_LAST, HELM_4, Outcome, program, run, trust_by_environment};
use crate::accounts::Credentials;
use crate::chart::path;
use crate::out;

/// The versions this run is to prove: two every day, all of them in full runs.
pub fn helms() -> &'static [&'static str] {
    if out::long() { &[HELM_3_8, HELM_3, HELM_3_LAST, HELM_4] } else { &[HELM_3, HELM_4] }
}

/// A helm with a home of its own, trusting one authority.
pub struct Helm {
    program: PathBuf,
    home: TempDir,
    ca: PathBuf,
    /// helm 3.8 has no option for an authority when a chart comes out of a registry.
    by_environment: bool,
    environment: Vec<(String, String)>,
}

impl Helm {
    /// `version` is one of the names in `clients`; `ca` the authority as PEM.
    pub async fn new(version: &str, ca: &str) -> Result<Helm> {
        let (program, home) = (program(version).await?, tempfile::tempdir()?);
        let file = home.path().join("ca.crt");
        fs::write(&file, ca)?;
        let helm =
            Helm { program, home, ca: file, by_environment: version == HELM_3_8, environment: Vec::new() };
        // As the guides of its days say; since 3.8 it is not looked at any more.
        Ok(if version == HELM_3_8 { helm.env("HELM_EXPERIMENTAL_OCI", "1") } else { helm })
    }

    /// Sets a variable for every run, as `KUBECONFIG`.
    pub fn env(mut self, name: &str, value: &str) -> Helm {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Its own folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Any command.
    pub async fn run(&self, args: &[&str]) -> Result<Outcome> {
        self.run_with(args, None).await
    }

    /// Any command that reads something.
    pub async fn run_with(&self, args: &[&str], input: Option<&str>) -> Result<Outcome> {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(self.home.path());
        for (name, folder) in [
            ("HOME", ""),
            ("HELM_CONFIG_HOME", "config"),
            ("HELM_CACHE_HOME", "cache"),
            ("HELM_DATA_HOME", "data"),
            ("DOCKER_CONFIG", "docker"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            command.env(name, self.home.path().join(folder));
        }
        if self.by_environment {
            trust_by_environment(&mut command, &self.ca);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        run(command, &format!("helm {}", args.join(" ")), input).await
    }

    /// Any command that talks to the registry, with the option that makes it trust the authority.
    pub async fn ask(&self, args: &[&str]) -> Result<Outcome> {
        self.run(&[args, &self.trust()?].concat()).await
    }

    fn trust(&self) -> Result<Vec<&str>> {
        if self.by_environment { Ok(Vec::new()) } else { Ok(vec!["--ca-file", path(&self.ca)?]) }
    }

    /// `helm registry login`.
    pub async fn login(&self, host: &str, who: &Credentials) -> Result<Outcome> {
        let args = ["registry", "login", host, "--username", &who.username, "--password-stdin"];
        self.run_with(&[&args[..], &self.trust()?].concat(), Some(&who.password)).await
    }

    /// Stores a log-in without asking the registry, as one that was good once.
    pub fn remember(&self, host: &str, who: &Credentials) -> Result<()> {
        let folder = self.home.path().join("config/registry");
        fs::create_dir_all(&folder)?;
        let auth = BASE64_STANDARD.encode(format!("{}:{}", who.username, who.password));
        fs::write(folder.join("config.json"), json!({ "auths": { host: { "auth": auth } } }).to_string())?;
        Ok(())
    }

    /// `helm push`; `to` is `host/namespace`, or the bare host.
    pub async fn push(&self, archive: &Path, to: &str) -> Result<Outcome> {
        self.ask(&["push", path(archive)?, &format!("oci://{to}")]).await
    }

    /// `helm pull` into its own folder; `from` is `host/namespace/chart`.
    pub async fn pull(&self, from: &str, version: &str) -> Result<Outcome> {
        self.pull_with(from, version, &[]).await
    }

    /// The same with more options.
    pub async fn pull_with(&self, from: &str, version: &str, more: &[&str]) -> Result<Outcome> {
        let source = format!("oci://{from}");
        let to = self.home.path().join("pulled");
        fs::create_dir_all(&to)?;
        let args = ["pull", &source, "--version", version, "--destination", path(&to)?];
        self.ask(&[&args[..], more].concat()).await
    }

    /// `helm install` out of the registry; `from` is `host/namespace/chart`.
    pub async fn install(
        &self,
        release: &str,
        from: &str,
        version: &str,
        namespace: &str,
    ) -> Result<Outcome> {
        let source = format!("oci://{from}");
        self.ask(&["install", release, &source, "--version", version, "--namespace", namespace]).await
    }

    /// What `pull` brought.
    pub fn pulled(&self, file: &str) -> Result<Vec<u8>> {
        let path = self.home.path().join("pulled").join(file);
        fs::read(&path).with_context(|| format!("read {}", path.display()))
    }
}
