//! Small files that appear whole, with the right mode, or not at all.
//!
//! Owns: writing one file beside its place and renaming it in. Must not know: what is in it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The owner only (0600).
    Owner,
    /// Everyone (0644).
    Everyone,
}

/// Writes `content` to `path` so that a reader sees the old file or the new one, also after a crash.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(path: &Path, content: &[u8], mode: Mode) -> io::Result<()> {
    let bits = match mode {
        Mode::Owner => 0o600,
        Mode::Everyone => 0o644,
    };
    let aside = aside(path);
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The mode is set at creation: there is no moment at which others could open it.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(bits).open(&aside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Reads a file, `None` when there is none.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_readable_by_its_owner_only_and_replaced_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        write(&path, b"one", Mode::Owner).expect("written");
        write(&path, b"two", Mode::Owner).expect("replaced");
        assert_eq!(read(&path).expect("readable").as_deref(), Some(&b"two"[..]));
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left beside it");
    }
}
