//! cosign in three generations: signatures as tags, as tags or bundles, as bundles. Keys are files, and nothing is
//! asked of or told to a public transparency log.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Outcome, program, run, trust_by_environment};
use crate::accounts::password;
use crate::out;
use crate::secrets;

const COSIGN_1: &str = "cosign-1.13.6";
const COSIGN_2: &str = "cosign-2.6.5";
const COSIGN_3: &str = "cosign-3.1.3";

/// What `cosign trusted-root create` writes when it is told of no service.
const NO_SERVICES: &str = r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;
const TRUSTED_ROOT: &str = "trusted-root.json";

/// Where a signature lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Under the tag `sha256-….sig`.
    Tag,
    /// As a manifest that refers to its subject.
    Referrer,
}

/// The versions this run is to prove, each with the schemes it knows.
pub fn cosigns() -> &'static [(&'static str, Scheme)] {
    const EVERY: &[(&str, Scheme)] = &[
        (COSIGN_3, Scheme::Referrer),
        (COSIGN_3, Scheme::Tag),
        (COSIGN_2, Scheme::Tag),
        (COSIGN_2, Scheme::Referrer),
        (COSIGN_1, Scheme::Tag),
    ];
    if out::long() { EVERY } else { &EVERY[..2] }
}

/// A cosign with a home and keys of its own, trusting one authority.
pub struct Cosign {
    program: PathBuf,
    home: TempDir,
    version: &'static str,
    scheme: Scheme,
    password: String,
    environment: Vec<(&'static str, PathBuf)>,
}

impl Cosign {
    /// `ca` is the authority as PEM.
    pub async fn new((version, scheme): (&'static str, Scheme), ca: &str) -> Result<Cosign> {
        let (program, home) = (program(version).await?, tempfile::tempdir()?);
        fs::write(home.path().join("ca.crt"), ca)?;
        fs::write(home.path().join(TRUSTED_ROOT), NO_SERVICES)?;
        let password = password();
        secrets::known(&password)?;
        Ok(Cosign { program, home, version, scheme, password, environment: Vec::new() })
    }

    /// Reads credentials from the file that `podman login --authfile` wrote, by podman's own variable; cosign 1.13 does
    /// not know it and is told the folder, as docker is.
    pub fn with_auth_file(mut self, file: &Path) -> Cosign {
        if self.version == COSIGN_1
            && let Some(folder) = file.parent()
        {
            return self.with_docker_config(folder);
        }
        self.environment.push(("REGISTRY_AUTH_FILE", file.to_owned()));
        self
    }

    /// Reads credentials from `config.json` in a folder, as docker does.
    pub fn with_docker_config(mut self, folder: &Path) -> Cosign {
        self.environment.push(("DOCKER_CONFIG", folder.to_owned()));
        self
    }

    /// Its own folder, in which it also runs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Any command.
    pub async fn run(&self, args: &[&str]) -> Result<Outcome> {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(self.home.path()).env("HOME", self.home.path());
        command.env("COSIGN_PASSWORD", &self.password).env("TUF_ROOT", self.home.path().join("tuf"));
        for name in ["XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG"] {
            command.env_remove(name);
        }
        // cosign 2 keeps what it calls experimental behind this.
        if self.version == COSIGN_2 && self.scheme == Scheme::Referrer {
            command.env("COSIGN_EXPERIMENTAL", "1");
        }
        trust_by_environment(&mut command, &self.home.path().join("ca.crt"));
        command.envs(self.environment.iter().map(|(name, path)| (name, path)));
        run(command, &format!("{} {}", self.version, args.join(" ")), None).await
    }

    /// `cosign generate-key-pair`: `<name>.key` and `<name>.pub`.
    pub async fn generate_key_pair(&self, name: &str) -> Result<()> {
        self.run(&["generate-key-pair"]).await?.success()?;
        // cosign 1.13 has no say in how they are called
        for suffix in ["key", "pub"] {
            let home = self.home.path();
            fs::rename(home.join(format!("cosign.{suffix}")), home.join(format!("{name}.{suffix}")))?;
        }
        secrets::known(&fs::read_to_string(self.home.path().join(format!("{name}.key")))?)
    }

    /// `cosign sign`.
    pub async fn sign(&self, key: &str, reference: &str) -> Result<Outcome> {
        let key = format!("{key}.key");
        let args = [&["sign", "--key", &key][..], self.writing(), &[reference]].concat();
        self.run(&args).await
    }

    /// `cosign attest` with a predicate of cosign's type `custom`.
    pub async fn attest(&self, key: &str, predicate: &str, reference: &str) -> Result<Outcome> {
        let key = format!("{key}.key");
        let what = ["attest", "--key", &key, "--type", "custom", "--predicate", predicate];
        self.run(&[&what[..], self.writing(), &[reference]].concat()).await
    }

    /// `cosign verify`.
    pub async fn verify(&self, key: &str, reference: &str) -> Result<Outcome> {
        let key = format!("{key}.pub");
        self.run(&[&["verify", "--key", &key][..], self.reading(), &[reference]].concat()).await
    }

    /// `cosign verify-attestation`.
    pub async fn verify_attestation(&self, key: &str, reference: &str) -> Result<Outcome> {
        let key = format!("{key}.pub");
        let what = ["verify-attestation", "--key", &key, "--type", "custom"];
        self.run(&[&what[..], self.reading(), &[reference]].concat()).await
    }

    /// `cosign tree`.
    pub async fn tree(&self, reference: &str) -> Result<Outcome> {
        let referrers = self.version == COSIGN_2 && self.scheme == Scheme::Referrer;
        let more: &[&str] = if referrers { &["--experimental-oci11"] } else { &[] };
        self.run(&[&["tree"], more, &[reference]].concat()).await
    }

    /// `cosign copy`.
    pub async fn copy(&self, from: &str, to: &str) -> Result<Outcome> {
        self.run(&["copy", from, to]).await
    }

    /// What keeps a signature off the public log, and chooses where it lies.
    fn writing(&self) -> &'static [&'static str] {
        match (self.version, self.scheme) {
            (COSIGN_3, Scheme::Referrer) => &["--yes", "--tlog-upload=false", "--use-signing-config=false"],
            (COSIGN_3, Scheme::Tag) => {
                &["--yes", "--tlog-upload=false", "--use-signing-config=false", "--new-bundle-format=false"]
            }
            (COSIGN_2, Scheme::Referrer) => &["--yes", "--tlog-upload=false", "--new-bundle-format"],
            (COSIGN_2, Scheme::Tag) => &["--yes", "--tlog-upload=false"],
            // asks no log unless its experiments are on
            _ => &[],
        }
    }

    fn reading(&self) -> &'static [&'static str] {
        match (self.version, self.scheme) {
            (COSIGN_3, Scheme::Tag) => &["--insecure-ignore-tlog", "--new-bundle-format=false"],
            // it wants a root for bundles even where a key is all that is asked
            (COSIGN_2, Scheme::Referrer) => {
                &["--insecure-ignore-tlog", "--new-bundle-format", "--trusted-root", TRUSTED_ROOT]
            }
            (COSIGN_2 | COSIGN_3, _) => &["--insecure-ignore-tlog"],
            _ => &[],
        }
    }
}
