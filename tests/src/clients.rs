//! The real clients: helm in two versions and skopeo, each in a home of its own, with their output kept as logs.
//!
//! `tests/clients/build NAME` makes a client once and prints where it is. Passwords go in by standard input only.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::accounts::Credentials;
use crate::chart::path;
use crate::out::{self, Kind};

/// The helm that has the hardest time with a repository that does not exist.
pub const HELM_3: &str = "helm-3.18.6";
/// The helm that most people have.
pub const HELM_4: &str = "helm-4.2.4";

const LIMIT: Duration = Duration::from_secs(120);
/// A client that has never been built needs a compiler's time.
const BUILD: Duration = Duration::from_secs(900);

static BUILT: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);

/// Where the client `name` is; builds it when needed.
pub async fn program(name: &str) -> Result<PathBuf> {
    let known =
        |built: &Option<HashMap<String, PathBuf>>| built.as_ref().and_then(|map| map.get(name).cloned());
    if let Some(path) = known(&*BUILT.lock().map_err(|_| anyhow!("poisoned"))?) {
        return Ok(path);
    }
    let script = out::repository().join("tests/clients/build");
    let run = Command::new(&script).arg(name).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(BUILD, run)
        .await
        .with_context(|| format!("building {name} took too long"))?
        .with_context(|| format!("run {}", script.display()))?;
    ensure!(
        output.status.success(),
        "{} {name} failed:\n{}",
        script.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout)?;
    let path = PathBuf::from(text.lines().last().context("the build printed no path")?.trim());
    ensure!(path.try_exists()?, "{} printed {}, which is not there", script.display(), path.display());
    BUILT
        .lock()
        .map_err(|_| anyhow!("poisoned"))?
        .get_or_insert_default()
        .insert(name.to_owned(), path.clone());
    Ok(path)
}

/// How a client ended and what it said.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status.
    pub status: ExitStatus,
    /// Standard output and standard error, one after the other.
    pub text: String,
}

impl Outcome {
    /// The outcome itself when the client said that it succeeded.
    pub fn success(self) -> Result<Outcome> {
        ensure!(self.status.success(), "the client ended with {}:\n{}", self.status, self.text);
        Ok(self)
    }

    /// The outcome itself when the client said that it failed.
    pub fn failure(self) -> Result<Outcome> {
        ensure!(!self.status.success(), "the client should have failed:\n{}", self.text);
        Ok(self)
    }

    /// What follows `label` on a line of the output, as in `Digest: sha256:…`.
    pub fn after(&self, label: &str) -> Result<&str> {
        let line = self.text.lines().find_map(|line| line.trim().strip_prefix(label));
        Ok(line.with_context(|| format!("the client did not print {label:?}:\n{}", self.text))?.trim())
    }
}

/// Runs a command to its end, with its output also in the clients' log.
pub async fn run(mut command: Command, shown: &str, input: Option<&str>) -> Result<Outcome> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("start {shown}"))?;
    let mut stdin = child.stdin.take().context("standard input")?;
    if let Some(input) = input {
        stdin.write_all(input.as_bytes()).await?;
    }
    drop(stdin);
    let output = tokio::time::timeout(LIMIT, child.wait_with_output())
        .await
        .with_context(|| format!("`{shown}` did not end within {LIMIT:?}"))??;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    let (_, mut log) = out::log(Kind::Clients, &out::test_name())?;
    log.write_all(format!("$ {shown}\n{text}→ {}\n", output.status).as_bytes())?;
    Ok(Outcome { status: output.status, text })
}

/// A helm with a home of its own, trusting one authority.
pub struct Helm {
    program: PathBuf,
    home: TempDir,
    ca: PathBuf,
    environment: Vec<(String, String)>,
}

impl Helm {
    /// `version` is one of the names above; `ca` the authority as PEM.
    pub async fn new(version: &str, ca: &str) -> Result<Helm> {
        let (program, home) = (program(version).await?, tempfile::tempdir()?);
        let file = home.path().join("ca.crt");
        fs::write(&file, ca)?;
        Ok(Helm { program, home, ca: file, environment: Vec::new() })
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
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        run(command, &format!("helm {}", args.join(" ")), input).await
    }

    /// `helm registry login`.
    pub async fn login(&self, host: &str, who: &Credentials) -> Result<Outcome> {
        let ca = path(&self.ca)?;
        let args =
            ["registry", "login", host, "--username", &who.username, "--password-stdin", "--ca-file", ca];
        self.run_with(&args, Some(&who.password)).await
    }

    /// Stores a log-in without asking the registry, as one that was good once.
    pub fn remember(&self, host: &str, who: &Credentials) -> Result<()> {
        let folder = self.home.path().join("config/registry");
        fs::create_dir_all(&folder)?;
        let auth = BASE64_STANDARD.encode(format!("{}:{}", who.username, who.password));
        fs::write(folder.join("config.json"), json!({ "auths": { host: { "auth": auth } } }).to_string())?;
        Ok(())
    }

    /// `helm push`; `to` is `host/namespace`.
    pub async fn push(&self, archive: &Path, to: &str) -> Result<Outcome> {
        let target = format!("oci://{to}");
        self.run(&["push", path(archive)?, &target, "--ca-file", path(&self.ca)?]).await
    }

    /// `helm pull` into its own folder; `from` is `host/namespace/chart`.
    pub async fn pull(&self, from: &str, version: &str) -> Result<Outcome> {
        let source = format!("oci://{from}");
        let to = self.home.path().join("pulled");
        fs::create_dir_all(&to)?;
        let args = ["pull", &source, "--version", version, "--destination", path(&to)?];
        self.run(&[&args[..], &["--ca-file", path(&self.ca)?]].concat()).await
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
        let args = ["install", release, &source, "--version", version, "--namespace", namespace];
        self.run(&[&args[..], &["--ca-file", path(&self.ca)?]].concat()).await
    }

    /// What `pull` brought.
    pub fn pulled(&self, file: &str) -> Result<Vec<u8>> {
        let path = self.home.path().join("pulled").join(file);
        fs::read(&path).with_context(|| format!("read {}", path.display()))
    }
}

/// skopeo with a home of its own, trusting one authority.
pub struct Skopeo {
    home: TempDir,
}

impl Skopeo {
    /// `ca` is the authority as PEM.
    pub fn new(ca: &str) -> Result<Skopeo> {
        let home = tempfile::tempdir()?;
        fs::create_dir_all(home.path().join("certs"))?;
        fs::write(home.path().join("certs/ca.crt"), ca)?;
        fs::write(home.path().join("policy.json"), r#"{"default":[{"type":"insecureAcceptAnything"}]}"#)?;
        Ok(Skopeo { home })
    }

    /// Its own folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The folder with the authority, as `--dest-cert-dir` wants it.
    pub fn cert_dir(&self) -> Result<String> {
        Ok(path(&self.home.path().join("certs"))?.to_owned())
    }

    /// Any command.
    pub async fn run(&self, args: &[&str]) -> Result<Outcome> {
        self.run_with(args, None).await
    }

    /// Any command that reads something.
    pub async fn run_with(&self, args: &[&str], input: Option<&str>) -> Result<Outcome> {
        let mut command = Command::new("skopeo");
        command.arg("--policy").arg(self.home.path().join("policy.json")).args(args);
        run(self.at_home(command), &format!("skopeo {}", args.join(" ")), input).await
    }

    /// A line as a person pastes it into a shell.
    pub async fn shell(&self, line: &str) -> Result<Outcome> {
        let mut command = Command::new("sh");
        command.args(["-euc", line]);
        run(self.at_home(command), line, None).await
    }

    fn at_home(&self, mut command: Command) -> Command {
        command.current_dir(self.home.path()).env("HOME", self.home.path());
        command.env("XDG_RUNTIME_DIR", self.home.path().join("run"));
        command.env("REGISTRY_AUTH_FILE", self.home.path().join("auth.json"));
        command
    }

    /// `skopeo login`.
    pub async fn login(&self, host: &str, who: &Credentials) -> Result<Outcome> {
        let certs = self.cert_dir()?;
        let args = ["login", "--cert-dir", &certs, "--username", &who.username, "--password-stdin", host];
        self.run_with(&args, Some(&who.password)).await
    }

    /// `skopeo copy` from or to a registry.
    pub async fn copy(&self, from: &str, to: &str) -> Result<Outcome> {
        let certs = self.cert_dir()?;
        self.run(&["copy", "--src-cert-dir", &certs, "--dest-cert-dir", &certs, from, to]).await
    }
}
