//! The rules for names, passwords and e-mail addresses of accounts: pure, with Quay's texts.

use std::ops::RangeInclusive;

use crate::error::{Error, Result};
use crate::secret::Secret;

/// How many characters the name of a user, an organization or a team has.
pub const NAME_LENGTH: RangeInclusive<usize> = 2..=255;
/// Characters of a password at least.
pub const SHORTEST_PASSWORD: usize = 8;
/// Longest password looked at, in bytes; hashing is not for megabytes.
const LONGEST_PASSWORD: usize = 1024;
/// Characters of an e-mail address at most.
pub const LONGEST_EMAIL: usize = 254;

/// A field of an account that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Its name.
    Username,
    /// Its password.
    Password,
    /// Its e-mail address.
    Email,
}

/// What is wrong with a field, in words for whoever filled it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub field: Field,
    /// What is wrong with it.
    pub message: String,
}

/// Holds an account that is to be made against every rule: one fault at most for each field, the name's first.
pub(crate) fn faults(username: &str, password: &Secret, email: Option<&str>) -> Vec<Fault> {
    [
        (Field::Username, check_name("namespace", username)),
        (Field::Password, check_password(password.expose())),
        (Field::Email, email.map_or(Ok(()), check_email)),
    ]
    .into_iter()
    .filter_map(|(field, checked)| Some(Fault { field, message: checked.err()?.message() }))
    .collect()
}

/// A user, organization or team name: `^[a-z0-9]+(?:[._-][a-z0-9]+)*$`, 2 to 255 characters.
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    if !NAME_LENGTH.contains(&name.len()) {
        return Err(Error::bad_request(format!(
            "Invalid {what} {}: {} must be between {} and {} characters in length",
            shown(name),
            capitalised(what),
            NAME_LENGTH.start(),
            NAME_LENGTH.end()
        )));
    }
    if !is_name(name) {
        return Err(Error::bad_request(format!(
            "Invalid {what} {}: {} must match expression ^([a-z0-9]+(?:[._-][a-z0-9]+)*)$",
            shown(name),
            capitalised(what)
        )));
    }
    Ok(())
}

/// Whether a namespace of this name could exist.
pub fn is_namespace(name: &str) -> bool {
    NAME_LENGTH.contains(&name.len()) && is_name(name)
}

/// The short name of a robot.
pub(crate) fn check_robot_name(short: &str) -> Result<()> {
    if (1..=254).contains(&short.len()) && is_name(short) {
        return Ok(());
    }
    Err(Error::bad_request(format!(
        "The name for the robot '{}' is invalid: it must match expression ^([a-z0-9]+(?:[._-][a-z0-9]+)*)$",
        shown(short)
    )))
}

/// Whether `name` has the shape of an account name.
fn is_name(name: &str) -> bool {
    name.split(['.', '_', '-'])
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

/// At least 8 characters, no white space.
pub(crate) fn check_password(password: &str) -> Result<()> {
    if password.chars().count() < SHORTEST_PASSWORD || password.chars().any(char::is_whitespace) {
        return Err(Error::bad_request(format!(
            "Invalid password, password must be at least {SHORTEST_PASSWORD} characters and contain no whitespace."
        )));
    }
    if password.len() > LONGEST_PASSWORD {
        return Err(Error::bad_request(format!(
            "Invalid password, password must have at most {LONGEST_PASSWORD} bytes."
        )));
    }
    Ok(())
}

/// Whether a presented password is worth hashing at all.
pub(crate) fn is_hashable(password: &str) -> bool {
    password.len() <= LONGEST_PASSWORD
}

/// An e-mail address as it is kept.
pub(crate) fn kept_email(typed: &str) -> String {
    typed.trim().to_lowercase()
}

/// Somebody else has the address.
pub(crate) fn email_taken(email: &str) -> Error {
    Error::bad_request(format!("Email has already been used: {email}"))
}

/// Something, an `@`, and a host with a dot or a single name; no white space, no control characters.
pub(crate) fn check_email(email: &str) -> Result<()> {
    let good = email.len() <= LONGEST_EMAIL
        && !email.chars().any(|c| c.is_whitespace() || c.is_control())
        && email.rsplit_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && !local.contains('@')
                && !host.is_empty()
                && !host.starts_with('.')
                && !host.ends_with('.')
        });
    if good { Ok(()) } else { Err(Error::bad_request(format!("Invalid email address: {}", shown(email)))) }
}

/// A stranger's text, cut so that it fits a message.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

fn capitalised(what: &str) -> String {
    let mut chars = what.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_quays_expression() {
        for good in ["ab", "a1", "alice", "my-org", "my.org_2", &"a".repeat(255)] {
            assert!(check_name("namespace", good).is_ok(), "{good}");
        }
        for bad in ["", "a", "Alice", "-ab", "ab-", "a--b", "a b", "ä-b", "a+b", "a/b", &"a".repeat(256)] {
            assert!(check_name("namespace", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bad_name_is_told_why() {
        let error = check_name("namespace", "Alice").unwrap_err();
        assert_eq!(
            error.message(),
            "Invalid namespace Alice: Namespace must match expression ^([a-z0-9]+(?:[._-][a-z0-9]+)*)$"
        );
    }

    #[test]
    fn passwords_have_eight_characters_and_no_white_space() {
        assert!(check_password("12345678").is_ok());
        assert!(check_password("pässwörd").is_ok());
        for bad in ["", "1234567", "1234 5678", "12345678\t", &"x".repeat(1025)] {
            assert!(check_password(bad).is_err());
        }
    }

    #[test]
    fn every_wrong_field_is_told_at_once() {
        let fields = |username, password: &str, email| {
            let faults = faults(username, &Secret::new(password), email);
            faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
        };
        assert_eq!(
            fields("Alice", "short", Some("nowhere")),
            [Field::Username, Field::Password, Field::Email]
        );
        assert_eq!(fields("alice", "long enough", Some("a@b")), [Field::Password]);
        assert_eq!(fields("alice", "long-enough", None), []);
        assert_eq!(
            faults("alice", &Secret::new("long-enough"), Some("nowhere"))[0].message,
            "Invalid email address: nowhere"
        );
    }

    #[test]
    fn addresses_have_two_sides() {
        for good in ["a@b", "first.last+tag@example.com"] {
            assert!(check_email(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@.b"] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
    }
}
