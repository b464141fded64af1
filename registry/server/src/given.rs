//! What a person or the operator gave us: a folder with `config.yaml`, `ssl.cert` and `ssl.key`.
//!
//! Owns: reading these files as one consistent set, and noticing that they changed. In a cluster the folder is a
//! mounted Secret, whose files change all at once by a switch of the link `..data`.
//! Must not know: what becomes of a change.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use quay_config::{Config, Database, Problem, Problems, Storage};

use crate::{secret_file, tls};

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("a file of the configuration cannot be read: {}; {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no configuration in it.
    #[error("there is no configuration: {}; put a config.yaml there", .0.display())]
    Missing(PathBuf),
    /// Keys of the configuration are wrong.
    #[error("the configuration is refused: config.yaml\n{0}")]
    Problems(Problems),
    /// The certificate or its key is wrong.
    #[error(transparent)]
    Certificate(#[from] tls::Error),
    /// Only one half of the pair is there.
    #[error("half of a certificate pair is missing: {0}; give both ssl.cert and ssl.key, or none of them")]
    HalfPair(&'static str),
}

/// A folder with a configuration.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// All that one reading of the folder gave.
#[derive(Debug)]
pub struct Given {
    /// The configuration as written.
    pub yaml: String,
    /// The configuration as values.
    pub config: Config,
    /// What its author should know.
    pub warnings: Vec<Problem>,
    /// The certificate to serve, when there is one.
    pub pair: Option<tls::Pair>,
}

/// What the files look like from outside; it differs when any of them was replaced or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look(Vec<Option<(u64, i64, i64, u64)>>);

const CONFIG: &str = "config.yaml";
const CERTIFICATE: &str = "ssl.cert";
const KEY: &str = "ssl.key";

impl Folder {
    /// Uses `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Reads and checks everything in it.
    ///
    /// # Errors
    /// When something is missing or wrong.
    pub fn read(&self) -> Result<Given, Error> {
        let folder = self.now();
        let yaml = text(&folder, CONFIG)?.ok_or_else(|| Error::Missing(self.0.clone()))?;
        let loaded = quay_config::load(&yaml).map_err(Error::Problems)?;
        let pair = pair(&folder)?;
        Ok(Given { yaml, config: loaded.config, warnings: loaded.warnings, pair })
    }

    /// Reads the certificate only: it is good whatever the configuration beside it says.
    ///
    /// # Errors
    /// When it is wrong or half of it is missing.
    pub fn pair(&self) -> Result<Option<tls::Pair>, Error> {
        pair(&self.now())
    }

    /// A look from outside, cheap enough for every other second.
    #[must_use]
    pub fn look(&self) -> Look {
        look(&self.0, &[CONFIG, CERTIFICATE, KEY])
    }

    /// The folder of this moment: behind `..data` all files are of one generation.
    fn now(&self) -> PathBuf {
        fs::canonicalize(self.0.join("..data")).unwrap_or_else(|_| self.0.clone())
    }
}

/// What files of a folder look like from outside.
#[must_use]
pub fn look(folder: &Path, files: &[&str]) -> Look {
    Look(
        files
            .iter()
            .map(|file| {
                let found = fs::metadata(folder.join(file)).ok()?;
                Some((found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
            })
            .collect(),
    )
}

/// What the configuration asks for that this registry cannot do.
#[must_use]
pub fn unsupported(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    if config.database() != Database::Embedded {
        problems.push(
            "an external database is not supported yet: DB_URI; leave it out to use the embedded one"
                .to_owned(),
        );
    }
    if let Storage::External { driver } = config.storage() {
        problems.push(format!(
            "external object storage is not supported yet: DISTRIBUTED_STORAGE_CONFIG = {driver}; leave it out to keep blobs in the data folder"
        ));
    }
    problems
}

fn pair(folder: &Path) -> Result<Option<tls::Pair>, Error> {
    match (bytes(folder, CERTIFICATE)?, bytes(folder, KEY)?) {
        (Some(chain), Some(key)) => Ok(Some(tls::Pair::from_pem(&chain, &key)?)),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Error::HalfPair(CERTIFICATE)),
        (Some(_), None) => Err(Error::HalfPair(KEY)),
    }
}

fn bytes(folder: &Path, file: &str) -> Result<Option<Vec<u8>>, Error> {
    let path = folder.join(file);
    secret_file::read(&path).map_err(|source| Error::File { path, source })
}

fn text(folder: &Path, file: &str) -> Result<Option<String>, Error> {
    let Some(content) = bytes(folder, file)? else { return Ok(None) };
    let path = folder.join(file);
    String::from_utf8(content).map(Some).map_err(|_| Error::File {
        path,
        source: io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"),
    })
}
