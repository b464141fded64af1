//! skopeo of the system: copies images between registries and folders.

use std::fs;
use std::path::Path;

use anyhow::Result;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Outcome, run};
use crate::accounts::Credentials;
use crate::chart::path;

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
        self.copy_with(from, to, &[]).await
    }

    /// The same with more options.
    pub async fn copy_with(&self, from: &str, to: &str, more: &[&str]) -> Result<Outcome> {
        let certs = self.cert_dir()?;
        let args = ["copy", "--src-cert-dir", &certs, "--dest-cert-dir", &certs];
        self.run(&[&args[..], more, &[from, to]].concat()).await
    }
}
