//! How repositories come to be and how long what nothing refers to is kept.

use serde_yaml::Value;

use crate::{
    config::Config,
    raw::Reading,
    yaml::{self, Read, mistake},
};

/// A push needs this long between its first blob and its manifest, even on a good line.
const SHORTEST_GRACE: u64 = 60;
/// Longer ones keep bytes that nobody will ever ask for.
const LONGEST_GRACE: u64 = 365 * 86_400;

/// Seconds for which a pushed blob waits for its manifest.
pub(crate) fn grace(value: &Value) -> Read<u64> {
    match yaml::whole(value)? {
        seconds @ SHORTEST_GRACE..=LONGEST_GRACE => Ok(seconds),
        _ => mistake(
            format!("must be from {SHORTEST_GRACE} to {LONGEST_GRACE} seconds"),
            "write digits only, as in 3600",
        ),
    }
}

pub(crate) fn library_namespace(value: &Value) -> Read<String> {
    let name = yaml::text(value)?;
    let part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if (2..=255).contains(&name.len()) && name.split(['.', '_', '-']).all(part) {
        return Ok(name);
    }
    mistake("must be the name of an organization", "write lower-case letters and digits, as in library")
}

pub(crate) fn check(config: &Config, reading: &mut Reading) {
    if !config.feature_library_support && reading.is_written("LIBRARY_NAMESPACE") {
        reading.warning(
            "LIBRARY_NAMESPACE",
            "names of one component are refused while FEATURE_LIBRARY_SUPPORT is false",
            "remove one of the two",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_wait_for_their_manifest_for_a_minute_at_least() {
        for good in [60, 3600, LONGEST_GRACE] {
            assert_eq!(grace(&good.into()).unwrap(), good);
        }
        for wrong in [0, 59, LONGEST_GRACE + 1, u64::MAX] {
            assert!(grace(&wrong.into()).unwrap_err().message.starts_with("must be from 60 to"), "{wrong}");
        }
        assert_eq!(grace(&"soon".into()).unwrap_err().message, "must be a whole number");
    }
}
