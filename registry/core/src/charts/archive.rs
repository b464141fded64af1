//! The archive of a chart: a gzipped tar of a stranger, read for one file and never unpacked.

use std::io::{self, Read};
use std::path::{Component, Path};

use flate2::read::MultiGzDecoder;

/// Unpacked bytes that are read at most.
const LONGEST: u64 = 32 << 20;
/// Entries that are looked at.
const ENTRIES: usize = 20_000;
/// A longer README is not shown.
const LARGEST_README: u64 = 512 << 10;

/// `<chart>/README.md`; `None` when there is none, or it is longer than what is shown.
pub(super) fn readme(archive: &[u8]) -> io::Result<Option<String>> {
    let unpacked = MultiGzDecoder::new(archive).take(LONGEST);
    let mut archive = tar::Archive::new(unpacked);
    for entry in archive.entries()?.take(ENTRIES) {
        let mut entry = entry?;
        // A link could point anywhere; what it names is not asked.
        if !entry.header().entry_type().is_file() || !is_readme(&entry.path()?) {
            continue;
        }
        if entry.size() > LARGEST_README {
            return Ok(None);
        }
        let mut text = Vec::new();
        let length = entry.by_ref().take(LARGEST_README).read_to_end(&mut text)?;
        if length as u64 != entry.size() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        return Ok(Some(String::from_utf8_lossy(&text).into_owned()));
    }
    Ok(None)
}

/// Two plain components, of which the second is the name; the charts inside of a chart lie deeper.
fn is_readme(path: &Path) -> bool {
    let mut parts = path.components().filter(|part| *part != Component::CurDir);
    let is_name = |part: Component<'_>| matches!(part, Component::Normal(name) if name.eq_ignore_ascii_case("README.md"));
    matches!(parts.next(), Some(Component::Normal(_)))
        && parts.next().is_some_and(is_name)
        && parts.next().is_none()
}

#[cfg(test)]
#[path = "archive/tests.rs"]
mod tests;
