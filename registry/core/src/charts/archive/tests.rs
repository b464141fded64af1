//! Archives as Helm makes them, and as somebody who means harm does.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A tar of entries; names are written as they are, since the library refuses bad ones.
fn tar_of(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, kind, bytes) in entries {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

fn chart(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let files: Vec<_> = entries.iter().map(|(name, bytes)| (*name, EntryType::Regular, *bytes)).collect();
    gzip(&tar_of(&files))
}

fn found(archive: &[u8]) -> Option<String> {
    readme(archive).ok().flatten()
}

#[test]
fn the_readme_of_the_chart_itself_is_found() {
    let archive = chart(&[
        ("etherpad/Chart.yaml", b"name: etherpad"),
        ("etherpad/charts/postgresql/README.md", b"of another"),
        ("etherpad/templates/README.md", b"of the templates"),
        ("etherpad/README.md", "# Etherpad \u{e4}".as_bytes()),
    ]);
    assert_eq!(found(&archive).as_deref(), Some("# Etherpad \u{e4}"));
    assert_eq!(found(&chart(&[("./etherpad/readme.md", b"small")])).as_deref(), Some("small"));
    assert_eq!(readme(&chart(&[("etherpad/Chart.yaml", b"")])).unwrap(), None);
    assert_eq!(found(&chart(&[("etherpad/README.md", b"\xff#")])).as_deref(), Some("\u{fffd}#"));
}

#[test]
fn tricks_with_paths_find_nothing() {
    for name in [
        "README.md",
        "/README.md",
        "/etherpad/README.md",
        "../README.md",
        "etherpad/../README.md",
        "etherpad/README.md/x",
        "etherpad/README.md.bak",
        "a/b/README.md",
        "etherpad/README.md\n",
    ] {
        assert_eq!(found(&chart(&[(name, b"# x")])), None, "{name}");
    }
}

#[test]
fn a_link_or_a_folder_is_no_readme() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Directory,
        EntryType::Fifo,
        EntryType::Char,
        EntryType::GNUSparse,
    ] {
        let archive = gzip(&tar_of(&[("etherpad/README.md", kind, b"")]));
        assert_eq!(found(&archive), None, "{kind:?}");
    }
}

#[test]
fn a_readme_that_is_too_long_is_not_shown() {
    let longest = vec![b'x'; LARGEST_README as usize];
    assert_eq!(found(&chart(&[("a/README.md", &longest)])).map(|text| text.len()), Some(longest.len()));
    let longer = vec![b'x'; LARGEST_README as usize + 1];
    assert_eq!(readme(&chart(&[("a/README.md", &longer)])).unwrap(), None);
}

#[test]
fn what_is_broken_is_an_error_and_never_a_panic() {
    let whole = chart(&[("a/README.md", &crate::spec::world::noise(10_000, 1))]);
    for cut in [0, 1, 5, 12, 600, whole.len() / 2] {
        assert!(found(&whole[..cut]).is_none(), "{cut}");
    }
    for bytes in [b"not a gzip".to_vec(), gzip(b"not a tar"), gzip(&[0xff; 4096])] {
        assert!(readme(&bytes).is_err());
    }
    // The header tells of more than there is.
    let mut cut = tar_of(&[("a/README.md", EntryType::Regular, &[b'x'; 5000])]);
    cut.truncate(1024);
    assert!(readme(&gzip(&cut)).is_err());
    // Every single byte of a small archive turned over.
    let small = tar_of(&[("a/README.md", EntryType::Regular, b"# x")]);
    for at in 0..512 {
        let mut damaged = small.clone();
        damaged[at] ^= 0xff;
        let _ = readme(&gzip(&damaged));
    }
}

#[test]
fn a_bomb_is_read_only_so_far() {
    // Beyond the bound lies a README that must not be reached; within it, the same one is.
    for (size, expected) in [(LONGEST as usize, None), (1 << 20, Some("# x"))] {
        let zeros = vec![0; size];
        let bomb = chart(&[("a/zeros", &zeros), ("a/README.md", b"# x")]);
        assert!(bomb.len() < size / 100, "it is small outside");
        assert_eq!(found(&bomb).as_deref(), expected);
    }
}

#[test]
fn an_archive_of_nothing_but_entries_is_read_only_so_far() {
    let name = |number: usize| format!("a/{number}");
    let names: Vec<String> = (0..ENTRIES).map(name).collect();
    let mut entries: Vec<_> = names.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    entries.push(("a/README.md", b"# x"));
    assert_eq!(found(&chart(&entries)), None);
    assert_eq!(found(&chart(&entries[1..])).as_deref(), Some("# x"));
}

#[test]
fn a_long_name_costs_no_more_than_the_bound() {
    // A name that says it is a gigabyte long, in the form for long names.
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(1 << 30);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(vec![b'x'; 1 << 20]);
    assert!(readme(&gzip(&bytes)).is_err());
}
