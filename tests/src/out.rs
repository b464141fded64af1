//! Where a run leaves what it collected: logs by kind and the list of secrets that none of them may contain.
//!
//! The folder is `QUAY_TESTS_OUT`, else `quay-tests` in the target folder the test was built in.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Whose log it is; `scan-secrets` can demand that a kind was collected at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `quay-registry`, as a process or as a pod.
    Registry,
    /// `quay-operator`.
    Operator,
    /// helm, skopeo and whatever else pushed.
    Clients,
    /// What the API server shows to everybody who may look: events, status.
    Cluster,
}

impl Kind {
    /// The folder's name, which is also how the kind is called on a command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Registry => "registry",
            Kind::Operator => "operator",
            Kind::Clients => "clients",
            Kind::Cluster => "cluster",
        }
    }
}

/// The folder of this run.
pub fn dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("QUAY_TESTS_OUT") {
        return PathBuf::from(dir);
    }
    target().join("quay-tests")
}

/// The cargo target folder: `CARGO_TARGET_DIR`, else the one this executable lies in.
pub fn target() -> PathBuf {
    if let Some(dir) = std::env::var_os("CARGO_TARGET_DIR") {
        return PathBuf::from(dir);
    }
    let exe = std::env::current_exe().unwrap_or_default();
    exe.ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").try_exists().unwrap_or(false))
        .map_or_else(|| repository().join("target"), Path::to_path_buf)
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// Where all logs lie, one folder per kind.
pub fn logs() -> PathBuf {
    dir().join("logs")
}

/// Opens the log `name` of a kind for appending.
pub fn log(kind: Kind, name: &str) -> Result<(PathBuf, File)> {
    let folder = logs().join(kind.as_str());
    fs::create_dir_all(&folder).with_context(|| format!("make the log folder {}", folder.display()))?;
    let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let path = folder.join(format!("{safe}.log"));
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("open the log {}", path.display()))?;
    Ok((path, file))
}

/// The name of the running test, which libtest gives to its thread.
pub fn test_name() -> String {
    std::thread::current().name().unwrap_or("test").replace("::", "-")
}

/// Whether everything is to run in full (`make test-long` sets `TESTS_LONG`).
pub fn long() -> bool {
    std::env::var_os("TESTS_LONG").is_some_and(|value| !value.is_empty())
}
