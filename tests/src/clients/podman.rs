//! podman of the system, with storage of its own in a temporary folder: needs no service, no overlay file system and
//! starts no container.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Outcome, run};
use crate::accounts::Credentials;
use crate::artifact::noise;
use crate::chart::path;

/// podman with a home of its own, trusting one authority.
pub struct Podman {
    home: TempDir,
}

impl Podman {
    /// `ca` is the authority as PEM.
    pub fn new(ca: &str) -> Result<Podman> {
        let home = tempfile::tempdir()?;
        fs::create_dir_all(home.path().join("certs"))?;
        fs::write(home.path().join("certs/ca.crt"), ca)?;
        let policies = home.path().join(".config/containers");
        fs::create_dir_all(&policies)?;
        fs::write(policies.join("policy.json"), r#"{"default":[{"type":"insecureAcceptAnything"}]}"#)?;
        Ok(Podman { home })
    }

    /// Its own folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The file that `login` writes, as `--authfile` names it; cosign and others read it.
    pub fn auth_file(&self) -> PathBuf {
        self.home.path().join("docker/config.json")
    }

    /// Any command.
    pub async fn run(&self, args: &[&str]) -> Result<Outcome> {
        self.run_with(args, None).await
    }

    async fn run_with(&self, args: &[&str], input: Option<&str>) -> Result<Outcome> {
        let mut command = Command::new("podman");
        for (option, folder) in [("--root", "storage"), ("--runroot", "run"), ("--tmpdir", "libpod")] {
            command.arg(option).arg(self.home.path().join(folder));
        }
        command.args(["--storage-driver", "vfs", "--events-backend", "none", "--cgroup-manager", "cgroupfs"]);
        command.args(args).current_dir(self.home.path()).env("HOME", self.home.path());
        command.env("XDG_RUNTIME_DIR", self.home.path().join("run")).env("TMPDIR", self.home.path());
        for name in ["XDG_CONFIG_HOME", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG"] {
            command.env_remove(name);
        }
        run(command, &format!("podman {}", args.join(" ")), input).await
    }

    /// `podman build` of one file of this many bytes: the image's id.
    pub async fn build(&self, size: usize) -> Result<String> {
        let folder = self.home.path().join("build");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("content"), noise(size))?;
        fs::write(folder.join("Containerfile"), "FROM scratch\nCOPY content /content\n")?;
        let id = self.home.path().join("id");
        let args = ["build", "--isolation", "chroot", "--iidfile", path(&id)?, path(&folder)?];
        self.run(&args).await?.success()?;
        Ok(fs::read_to_string(&id)?.trim().trim_start_matches("sha256:").to_owned())
    }

    /// `podman login --authfile`.
    pub async fn login(&self, host: &str, who: &Credentials) -> Result<Outcome> {
        let (file, certs) = (self.auth_file(), self.home.path().join("certs"));
        let args = ["login", "--authfile", path(&file)?, "--cert-dir", path(&certs)?, host];
        let who_args = ["--username", &who.username, "--password-stdin"];
        self.run_with(&[&args[..], &who_args].concat(), Some(&who.password)).await
    }

    /// `podman push` with more options; `to` is `host/namespace/image:tag`.
    pub async fn push(&self, image: &str, to: &str, more: &[&str]) -> Result<Outcome> {
        self.transfer("push", more, &[image, &format!("docker://{to}")]).await
    }

    /// `podman pull`.
    pub async fn pull(&self, from: &str) -> Result<Outcome> {
        self.transfer("pull", &[], &[&format!("docker://{from}")]).await
    }

    async fn transfer(&self, verb: &str, more: &[&str], what: &[&str]) -> Result<Outcome> {
        let (file, certs) = (self.auth_file(), self.home.path().join("certs"));
        let args = [verb, "--authfile", path(&file)?, "--cert-dir", path(&certs)?];
        self.run(&[&args[..], more, what].concat()).await
    }
}
