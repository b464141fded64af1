//! The folders of the data that belong to the server: `conf` (keys, certificates) and `run` (where it listens).
//!
//! ```text
//! DATA ─ lock ─► conf, run ─► whatever else is written below DATA
//! ```
//! Owns: the lock that is taken before anything is written, who may use the folders, and `run/listen.json`.
//! Must not know: what lies in `conf`; the database and the storage, which have folders of their own beside these.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::getegid;
use serde::Serialize;

use crate::secret_file::{self, Mode};

const LISTENING: &str = "listen.json";
const GROUP: u32 = 0o070;

/// The folders, for this process alone until dropped.
pub(crate) struct Folders {
    /// Keys, certificates and the first password.
    pub(crate) conf: PathBuf,
    run: PathBuf,
    /// On the folder itself: taking it leaves nothing behind. The database has a lock of its own, taken later.
    _lock: File,
}

impl Folders {
    /// Locks the data folder, and makes what is missing.
    pub(crate) fn make(data: &Path) -> anyhow::Result<Self> {
        let unusable =
            || format!("the data folder cannot be made: {}; choose another --data", data.display());
        DirBuilder::new().recursive(true).mode(0o750).create(data).with_context(unusable)?;
        let lock = lock(data)?;
        let folders = Self { conf: folder(data, "conf")?, run: folder(data, "run")?, _lock: lock };
        // One that a crash left would send scripts to the wrong place.
        folders.clear_announcement();
        Ok(folders)
    }

    /// Writes the addresses down for scripts. Serving does not depend on it.
    pub(crate) fn announce(&self, https: SocketAddr, ops: SocketAddr) {
        #[derive(Serialize)]
        struct Listening {
            https: String,
            ops: String,
            pid: u32,
        }
        let listening = Listening { https: https.to_string(), ops: ops.to_string(), pid: std::process::id() };
        let path = self.run.join(LISTENING);
        let written = serde_json::to_vec(&listening)
            .map_err(io::Error::from)
            .and_then(|text| secret_file::write(&path, &text, Mode::Everyone));
        if let Err(error) = written {
            tracing::warn!(%error, path = %path.display(), "the addresses cannot be written down; make the folder writable");
        }
    }

    /// Takes the addresses back.
    pub(crate) fn clear_announcement(&self) {
        let path = self.run.join(LISTENING);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %path.display(), "the addresses of an earlier run stay; remove the file");
            }
            _ => {}
        }
    }
}

/// Whoever writes below the folder first has this lock; the kernel frees it when the process ends in any way.
fn lock(data: &Path) -> anyhow::Result<File> {
    let folder = File::open(data).with_context(|| {
        format!("the data folder cannot be opened: {}; choose another --data", data.display())
    })?;
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(folder),
        Err(Errno::WOULDBLOCK) => bail!(
            "the data folder is locked by another process: {}; stop that one or choose another --data",
            data.display()
        ),
        Err(error) => Err(error).with_context(|| {
            format!("the data folder cannot be locked: {}; put it on a local file system", data.display())
        }),
    }
}

/// Makes a folder of ours. A container in group 0, or with a volume that its group may write, may come back under
/// another user of that group; others have no business with keys.
fn folder(data: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = data.join(name);
    let made = || -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {
                let given = |path: &Path| fs::metadata(path).map(|facts| facts.permissions().mode());
                let shared = getegid().is_root() || given(data)? & 0o020 != 0;
                // What the kernel gave it beyond the nine bits, such as the group of a shared volume, stays.
                let mode = given(&path)? & 0o7000 | 0o700 | if shared { GROUP } else { 0 };
                fs::set_permissions(&path, Permissions::from_mode(mode))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            Err(error) => Err(error),
        }
    };
    made()
        .with_context(|| format!("the folder cannot be made: {}; choose another --data", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_in_use_is_refused_before_anything_in_it_changes() {
        let data = tempfile::tempdir().expect("a folder");
        let first = Folders::make(data.path()).expect("made");
        let here = SocketAddr::from(([127, 0, 0, 1], 1));
        first.announce(here, here);
        let refused = Folders::make(data.path()).err().expect("refused").to_string();
        assert!(refused.contains("locked by another process"), "{refused}");
        assert!(refused.contains(&data.path().display().to_string()), "{refused}");
        let announced = data.path().join("run").join(LISTENING);
        assert!(announced.try_exists().expect("looked"), "the first one's addresses stay");
        drop(first);
        Folders::make(data.path()).expect("free again");
        assert!(!announced.try_exists().expect("looked"), "those of an earlier run go");
    }

    #[test]
    fn what_the_group_of_a_shared_folder_may_use_nobody_else_may() {
        let data = tempfile::tempdir().expect("a folder");
        fs::set_permissions(data.path(), Permissions::from_mode(0o777)).expect("shared");
        let folders = Folders::make(data.path()).expect("made");
        assert_eq!((mode(&folders.conf), mode(&folders.run)), (0o770, 0o770));
        let key = folders.conf.join("key");
        secret_file::write(&key, b"k", Mode::Shared).expect("written");
        assert_eq!(mode(&key), 0o660, "another user of the group goes on with it");
        let password = folders.conf.join("password");
        secret_file::write(&password, b"p", Mode::Owner).expect("written");
        assert_eq!(mode(&password), 0o600);
    }

    #[test]
    fn a_stale_address_that_cannot_be_removed_does_not_stop_the_start() {
        let data = tempfile::tempdir().expect("a folder");
        // A folder of that name cannot be removed as a file, whoever we are.
        fs::create_dir_all(data.path().join("run").join(LISTENING)).expect("in the way");
        let folders = Folders::make(data.path()).expect("goes on");
        let here = SocketAddr::from(([127, 0, 0, 1], 1));
        folders.announce(here, here);
    }
}
