//! Every password, token and key that a test makes or reads, and the proof that no log shows one of them.
//!
//! Secrets are appended to one file of the run as they come up; `scan-secrets` looks for all of them in all logs
//! when everything has ended. A scan without secrets or without logs is a failure, not a success.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::out::{self, Kind};

/// Shorter ones would be found by chance.
const SHORTEST: usize = 8;

/// Where the secrets of this run are listed.
pub fn list() -> PathBuf {
    out::dir().join("known-secrets")
}

/// Notes a secret, line by line (a PEM key counts by each line of its body).
pub fn known(secret: &str) -> Result<()> {
    let mut text = String::new();
    for line in secret.lines().map(str::trim) {
        if line.len() >= SHORTEST && !line.starts_with("-----") {
            text.push_str(line);
            text.push('\n');
        }
    }
    if text.is_empty() {
        return Ok(());
    }
    let path = list();
    fs::create_dir_all(out::dir()).context("make the output folder")?;
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("open {}", path.display()))?;
    // one write, so that tests which run at the same time do not mix their lines
    file.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))
}

/// Notes a password, and the form in which HTTP and pull Secrets carry it.
pub fn known_login(username: &str, password: &str) -> Result<()> {
    known(password)?;
    known(&BASE64_STANDARD.encode(format!("{username}:{password}")))
}

/// One line of a log that shows a secret; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The log.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
    /// Which line of the list of secrets it shows, from 1.
    pub secret: usize,
}

/// What a scan looked at and found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many secrets were looked for.
    pub secrets: usize,
    /// How many logs were read.
    pub files: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// What was found.
    pub leaks: Vec<Leak>,
}

/// Looks for every secret of `list` in every file below `logs`; each kind of `demanded` must have left a log.
pub fn scan(list: &Path, logs: &Path, demanded: &[String]) -> Result<Report> {
    let text = fs::read_to_string(list)
        .with_context(|| format!("read the list of known secrets {}; did a suite run?", list.display()))?;
    let secrets: Vec<&str> = text.lines().filter(|line| line.len() >= SHORTEST).collect();
    ensure!(!secrets.is_empty(), "no secret is known: {} is empty", list.display());
    for kind in demanded {
        let folder = logs.join(kind);
        let mut files = Vec::new();
        walk(&folder, &mut files)?;
        let bytes: u64 = files.iter().filter_map(|file| fs::metadata(file).ok()).map(|meta| meta.len()).sum();
        ensure!(bytes > 0, "no log of the kind `{kind}` was collected in {}", folder.display());
    }
    let mut files = Vec::new();
    walk(logs, &mut files)?;
    ensure!(!files.is_empty(), "no log was collected in {}", logs.display());

    let search = AhoCorasick::new(&secrets).context("prepare the search")?;
    let mut report = Report { secrets: secrets.len(), ..Report::default() };
    for file in files {
        let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        report.files += 1;
        report.bytes += bytes.len() as u64;
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            for hit in search.find_iter(line) {
                let secret = hit.pattern().as_usize() + 1;
                report.leaks.push(Leak { file: file.clone(), line: number + 1, secret });
            }
        }
    }
    Ok(report)
}

/// The kinds that a full run collects.
pub fn all_kinds() -> Vec<String> {
    [Kind::Registry, Kind::Operator, Kind::Clients].map(|kind| kind.as_str().to_owned()).to_vec()
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.try_exists().unwrap_or(false) {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), into)?;
        } else {
            into.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(log: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("logs/registry")).unwrap();
        fs::write(dir.path().join("logs/registry/a.log"), log).unwrap();
        fs::write(dir.path().join("known"), "correct horse\nbattery staple\n").unwrap();
        dir
    }

    #[test]
    fn a_log_that_shows_a_secret_is_found_by_file_and_line() {
        let dir = folder("fine\npassword=battery staple!\n");
        let report = scan(&dir.path().join("known"), &dir.path().join("logs"), &["registry".into()]).unwrap();
        let file = dir.path().join("logs/registry/a.log");
        assert_eq!(report.leaks, [Leak { file, line: 2, secret: 2 }]);
    }

    #[test]
    fn a_clean_log_passes() {
        let dir = folder("fine\nbattery\nstaple\n");
        let report = scan(&dir.path().join("known"), &dir.path().join("logs"), &[]).unwrap();
        assert_eq!((report.leaks.len(), report.secrets, report.files), (0, 2, 1));
    }

    #[test]
    fn a_scan_of_nothing_is_a_failure() {
        let dir = folder("fine\n");
        let (known, logs) = (dir.path().join("known"), dir.path().join("logs"));
        assert!(scan(&known, &logs, &["operator".into()]).is_err(), "a demanded kind left no log");
        fs::write(&known, "short\n").unwrap();
        assert!(scan(&known, &logs, &[]).is_err(), "no secret long enough to look for");
        assert!(scan(&dir.path().join("absent"), &logs, &[]).is_err(), "no list");
    }
}
