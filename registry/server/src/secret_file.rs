//! Small files that appear whole, with the right mode, or not at all.
//!
//! Owns: writing one file beside its place and renaming it in. Must not know: what is in it.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The owner only (0600).
    Owner,
    /// The owner, and the group where it may write the folder (0600 or 0660): the next run may be another user.
    Shared,
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
        Mode::Shared => 0o600 | group_bits(path)?,
        Mode::Everyone => 0o644,
    };
    let aside = aside(path);
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Nobody else can open it until the mode is set, and the umask takes nothing from that.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    file.set_permissions(Permissions::from_mode(bits))?;
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

fn group_bits(path: &Path) -> io::Result<u32> {
    let Some(folder) = path.parent() else { return Ok(0) };
    Ok(if fs::metadata(folder)?.permissions().mode() & 0o020 == 0 { 0 } else { 0o060 })
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
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
