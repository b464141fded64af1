//! oras: pushes any files as an artifact of any type, attaches them to others and copies what is attached.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Outcome, program, run};
use crate::accounts::Credentials;
use crate::chart::path;

/// oras with a home of its own, trusting one authority.
pub struct Oras {
    program: PathBuf,
    home: TempDir,
    ca: PathBuf,
}

impl Oras {
    /// `ca` is the authority as PEM.
    pub async fn new(ca: &str) -> Result<Oras> {
        let (program, home) = (program("oras-1.3.2").await?, tempfile::tempdir()?);
        let file = home.path().join("ca.crt");
        fs::write(&file, ca)?;
        Ok(Oras { program, home, ca: file })
    }

    /// Its own folder, in which it also runs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file that can be pushed by its name.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let file = self.home.path().join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(file, content)?)
    }

    /// What a pull brought.
    pub fn read(&self, name: &str) -> Result<Vec<u8>> {
        let file = self.home.path().join(name);
        fs::read(&file).with_context(|| format!("read {}", file.display()))
    }

    /// Any command.
    pub async fn run(&self, args: &[&str]) -> Result<Outcome> {
        self.run_with(args, None).await
    }

    async fn run_with(&self, args: &[&str], input: Option<&str>) -> Result<Outcome> {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(self.home.path()).env("HOME", self.home.path());
        command.env("DOCKER_CONFIG", self.home.path().join("docker"));
        run(command, &format!("oras {}", args.join(" ")), input).await
    }

    /// Any command that talks to one registry. oras takes `localhost` for one without TLS unless told.
    pub async fn ask(&self, verb: &str, args: &[&str]) -> Result<Outcome> {
        let trust = [verb, "--ca-file", path(&self.ca)?, "--plain-http=false"];
        self.run(&[&trust[..], args].concat()).await
    }

    /// `oras login`.
    pub async fn login(&self, host: &str, who: &Credentials) -> Result<Outcome> {
        let args = ["login", "--ca-file", path(&self.ca)?, "--plain-http=false"];
        let more = ["--username", &who.username, "--password-stdin", host];
        self.run_with(&[&args[..], &more].concat(), Some(&who.password)).await
    }

    /// `oras cp -r`: an artifact and all that is attached to it.
    pub async fn copy_all(&self, from: &str, to: &str) -> Result<Outcome> {
        let ca = path(&self.ca)?;
        let trust =
            ["--from-ca-file", ca, "--to-ca-file", ca, "--from-plain-http=false", "--to-plain-http=false"];
        self.run(&[&["cp", "--recursive"], &trust[..], &[from, to]].concat()).await
    }

    /// `oras discover`, as JSON.
    pub async fn discover(&self, reference: &str) -> Result<Value> {
        let outcome = self.ask("discover", &["--format", "json", reference]).await?.success()?;
        serde_json::from_str(&outcome.text).with_context(|| format!("oras discover said {}", outcome.text))
    }
}
