//! The data folder: one process at a time, and only on a file system whose locks and syncs mean something.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock, fstatfs};
use rustix::io::Errno;
use rustix::process::{Gid, getegid};

use crate::Error;

const LOCK_FILE: &str = "lock";
const MOUNTS: &str = "/proc/self/mountinfo";

/// An exclusive hold on a data folder, released when dropped or when the process dies in any way.
pub(crate) struct Hold {
    _lock: File,
}

/// Makes the folder if needed, refuses network file systems, takes the lock.
pub(crate) fn hold(data: &Path) -> Result<Hold, Error> {
    std::fs::create_dir_all(data).map_err(Error::io("make data folder", data))?;
    let folder = File::open(data).map_err(Error::io("open data folder", data))?;
    let facts = fstatfs(&folder).map_err(|e| Error::io("inspect data folder", data)(e.into()))?;
    if let Some(kind) = network_kind(facts.f_type as i64, || mounted_type(data)) {
        return Err(Error::NetworkFileSystem { path: data.to_owned(), kind });
    }
    let path = data.join(LOCK_FILE);
    let mut lock = own_file(data, LOCK_FILE)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(Error::Locked { path: data.to_owned() }),
        Err(e) => return Err(Error::io("lock data folder", &path)(e.into())),
    }
    // For people who look: which process holds it. The lock itself is the kernel's.
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(Error::io("write lock file", &path))?;
    folder.sync_all().map_err(Error::io("sync data folder", data))?;
    Ok(Hold { _lock: lock })
}

/// Makes a folder below `parent` so that it survives a power loss.
pub(crate) fn make(parent: &Path, name: &str) -> Result<PathBuf, Error> {
    let path = parent.join(name);
    let failed = || Error::io("make folder", &path);
    match std::fs::DirBuilder::new().mode(0o700).create(&path) {
        Ok(()) => {
            // What the kernel gave it beyond the nine bits, such as the group of a shared volume, stays.
            let beyond = std::fs::metadata(&path).map_err(failed())?.permissions().mode() & 0o7000;
            let mode = beyond | 0o700 | group_bits(parent)?;
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed())?;
        }
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(e) => return Err(failed()(e)),
    }
    sync(parent)?;
    Ok(path)
}

/// Opens a file of ours, making it empty when it is missing.
pub(crate) fn own_file(parent: &Path, name: &str) -> Result<File, Error> {
    let path = parent.join(name);
    let failed = || Error::io("open file", &path);
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    match options.clone().create_new(true).open(&path) {
        Ok(file) => {
            let mode = 0o600 | (group_bits(parent)? & 0o060);
            file.set_permissions(Permissions::from_mode(mode)).map_err(failed())?;
            Ok(file)
        }
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => options.open(&path).map_err(failed()),
        Err(e) => Err(failed()(e)),
    }
}

/// What the group may do in a folder, it may do with what we make there. Others may nothing, for hashes of passwords
/// lie here.
fn group_bits(folder: &Path) -> Result<u32, Error> {
    let facts = std::fs::metadata(folder).map_err(Error::io("inspect folder", folder))?;
    Ok(shared(facts.permissions().mode(), getegid()))
}

/// A container in group 0 may come back under any other user of that group.
fn shared(folder_mode: u32, group: Gid) -> u32 {
    if group.is_root() { 0o070 } else { folder_mode & 0o070 }
}

/// Makes the names in a folder durable.
pub(crate) fn sync(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(Error::io("sync folder", folder))
}

/// What network file system a `statfs` magic stands for, if any. FUSE has one magic for all, so its mounted type
/// decides; unknown ones are refused, as most are remote.
pub(crate) fn network_kind(
    magic: i64,
    mounted_type: impl FnOnce() -> Option<String>,
) -> Option<&'static str> {
    // Some magics do not fit into a signed 32-bit word and may arrive sign-extended.
    match magic as u32 {
        0x0000_6969 => Some("NFS"),
        0xFF53_4D42 => Some("CIFS"),
        0xFE53_4D42 => Some("SMB 2"),
        0x0000_517B => Some("SMB"),
        0x00C3_6400 => Some("CephFS"),
        0x0102_1997 => Some("9P"),
        0x5346_414F | 0x6B41_4653 => Some("AFS"),
        0x7375_7245 => Some("Coda"),
        0x0BD0_0BD0 => Some("Lustre"),
        0x4750_4653 => Some("GPFS"),
        0x1983_0326 => Some("BeeGFS"),
        0x786F_4256 => Some("VirtualBox shared folder"),
        0x6573_5546 => match mounted_type().as_deref() {
            Some("fuseblk" | "fuse.fuse-overlayfs" | "fuse.bindfs" | "fuse.mergerfs") => None,
            _ => Some("FUSE"),
        },
        _ => None,
    }
}

/// The type of the mount that `path` lies on, as the kernel lists it.
fn mounted_type(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let table = std::fs::read_to_string(MOUNTS).ok()?;
    type_of(&table, &path)
}

/// Fields: id parent major:minor root mount-point options … - type source …; the longest mount point wins, the
/// later line when two are equal.
fn type_of(table: &str, path: &Path) -> Option<String> {
    let mut best: Option<(usize, &str)> = None;
    for line in table.lines() {
        let (Some((before, after)), true) = (line.split_once(" - "), line.is_ascii()) else { continue };
        let (Some(point), Some(kind)) = (before.split(' ').nth(4), after.split(' ').next()) else { continue };
        let point = point.replace("\\040", " ");
        if path.starts_with(&point) && best.is_none_or(|(len, _)| point.len() >= len) {
            best = Some((point.len(), kind));
        }
    }
    best.map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_MOUNT: fn() -> Option<String> = || None;

    #[test]
    fn network_file_systems_are_told_by_their_magic() {
        let network = [0x6969, 0xFF53_4D42, 0xFE53_4D42, 0x517B, 0x00C3_6400, 0x0102_1997, 0x0BD0_0BD0];
        for magic in network {
            assert!(network_kind(magic, NO_MOUNT).is_some(), "{magic:#x}");
        }
        // ext4, xfs, btrfs, tmpfs, overlay, zfs, f2fs
        let local = [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1, 0xF2F5_2010];
        for magic in local {
            assert_eq!(network_kind(magic, NO_MOUNT), None, "{magic:#x}");
        }
    }

    #[test]
    fn a_sign_extended_magic_is_the_same_magic() {
        assert_eq!(network_kind(i64::from(0xFF53_4D42_u32 as i32), NO_MOUNT), Some("CIFS"));
    }

    #[test]
    fn fuse_is_refused_unless_its_mount_is_known_to_be_local() {
        let fuse = 0x6573_5546;
        assert_eq!(network_kind(fuse, || Some("fuse.sshfs".into())), Some("FUSE"));
        assert_eq!(network_kind(fuse, NO_MOUNT), Some("FUSE"));
        assert_eq!(network_kind(fuse, || Some("fuse.fuse-overlayfs".into())), None);
        assert_eq!(network_kind(fuse, || Some("fuseblk".into())), None);
    }

    #[test]
    fn the_group_may_what_it_may_in_the_data_folder_and_group_0_may_write() {
        let (root, users) = (Gid::ROOT, Gid::from_raw(100));
        assert_eq!([0o777, 0o750, 0o700].map(|mode| shared(mode, users)), [0o070, 0o050, 0]);
        assert_eq!([0o777, 0o750, 0o700].map(|mode| shared(mode, root)), [0o070; 3]);
    }

    #[test]
    fn others_may_nothing_with_what_is_made() {
        let data = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(data.path(), Permissions::from_mode(0o777)).expect("sets");
        let mode = |path: &Path| std::fs::metadata(path).expect("is there").permissions().mode() & 0o777;
        let folder = make(data.path(), "db").expect("makes");
        own_file(&folder, "x").expect("makes");
        assert_eq!((mode(&folder), mode(&folder.join("x"))), (0o770, 0o660));
        make(data.path(), "db").expect("is there");
        own_file(&folder, "x").expect("is there");
    }

    #[test]
    fn the_mount_of_a_path_is_the_longest_and_latest_that_holds_it() {
        let table = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                     30 22 0:40 / /data rw shared:1 - fuse.sshfs host:/ rw\n\
                     31 22 0:41 / /database rw - xfs /dev/sdb rw\n\
                     32 22 0:42 / /with\\040space rw - fuseblk /dev/sdc rw\n\
                     33 22 0:43 / /database rw - fuse.s3fs s3 rw\n";
        let kind = |path: &str| type_of(table, Path::new(path));
        assert_eq!(kind("/data/registry").as_deref(), Some("fuse.sshfs"));
        assert_eq!(kind("/database/x").as_deref(), Some("fuse.s3fs"));
        assert_eq!(kind("/with space/x").as_deref(), Some("fuseblk"));
        assert_eq!(kind("/var").as_deref(), Some("ext4"));
    }
}
