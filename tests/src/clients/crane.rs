//! crane: builds and moves images without any daemon.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Outcome, program, run, trust_by_environment};
use crate::accounts::Credentials;

/// crane with a home of its own, trusting one authority.
pub struct Crane {
    program: PathBuf,
    home: TempDir,
}

impl Crane {
    /// `ca` is the authority as PEM.
    pub async fn new(ca: &str) -> Result<Crane> {
        let (program, home) = (program("crane-0.21.9").await?, tempfile::tempdir()?);
        fs::write(home.path().join("ca.crt"), ca)?;
        Ok(Crane { program, home })
    }

    /// Its own folder, in which it also runs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Any command.
    pub async fn run(&self, args: &[&str]) -> Result<Outcome> {
        self.run_with(args, None).await
    }

    async fn run_with(&self, args: &[&str], input: Option<&str>) -> Result<Outcome> {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(self.home.path()).env("HOME", self.home.path());
        command.env("DOCKER_CONFIG", self.home.path().join("docker"));
        trust_by_environment(&mut command, &self.home.path().join("ca.crt"));
        run(command, &format!("crane {}", args.join(" ")), input).await
    }

    /// `crane auth login`, which only stores.
    pub async fn login(&self, host: &str, who: &Credentials) -> Result<Outcome> {
        let args = ["auth", "login", host, "--username", &who.username, "--password-stdin"];
        self.run_with(&args, Some(&who.password)).await
    }
}
