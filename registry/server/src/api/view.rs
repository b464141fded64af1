//! Pieces of answers that several resources share: avatars, dates, roles.

use jiff::Timestamp;
use quay_oci::Digest;
use serde::Serialize;
use utoipa::ToSchema;

/// What a console draws for an account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Avatar {
    name: String,
    hash: String,
    color: &'static str,
    kind: &'static str,
}

const COLORS: [&str; 16] = [
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22",
    "#17becf", "#393b79", "#637939", "#8c6d31", "#843c39", "#7b4173", "#3182bd",
];

impl Avatar {
    /// `kind` is `user`, `org`, `team` or `robot`.
    pub(super) fn new(name: &str, kind: &'static str) -> Self {
        let digest = Digest::sha256(name.as_bytes());
        let hash = digest.hex()[..32].to_owned();
        let first = usize::from(hash.as_bytes()[0] & 0x0f);
        Self { name: name.to_owned(), hash, color: COLORS[first], kind }
    }

    /// The avatar of a person or a robot.
    pub(super) fn of_account(name: &str, robot: bool) -> Self {
        Self::new(name, if robot { "robot" } else { "user" })
    }
}

/// A date as most of Quay's API writes it: `Fri, 21 Aug 2026 10:00:00 -0000`.
pub(super) fn date(at: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_string(&at).unwrap_or_default()
}

/// `{"success": true}`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Success {
    success: bool,
}

pub(super) const SUCCESS: Success = Success { success: true };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_in_mail() {
        assert_eq!(date(Timestamp::from_second(1_787_306_400).unwrap()), "Fri, 21 Aug 2026 10:00:00 -0000");
    }

    #[test]
    fn an_avatar_depends_on_the_name_only() {
        let json = |name| serde_json::to_value(Avatar::new(name, "org")).unwrap();
        assert_eq!(json("a"), json("a"));
        assert_ne!(json("a")["hash"], json("b")["hash"]);
        assert_eq!(json("a")["hash"].as_str().unwrap().len(), 32);
    }
}
