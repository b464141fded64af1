//! Core's rules for accounts as attributes and hints of fields: a browser asks for nothing else than core does.
//!
//! Only what an attribute can say stands here; whatever else is wrong, core tells when the form is sent.

use quay_core::accounts::{LONGEST_EMAIL, NAME_LENGTH, SHORTEST_PASSWORD};

/// A name of an account, an organization or a team; `more` is further attributes.
pub(super) fn name(more: &str) -> String {
    let (shortest, longest) = (NAME_LENGTH.start(), NAME_LENGTH.end());
    format!(
        "type=\"text\" required minlength=\"{shortest}\" maxlength=\"{longest}\" autocapitalize=\"none\" \
         spellcheck=\"false\" {more}"
    )
}

/// What names are made of.
pub(super) fn name_hint(and: &str) -> String {
    let (shortest, longest) = (NAME_LENGTH.start(), NAME_LENGTH.end());
    format!("{shortest} to {longest} lower-case letters and digits, with . _ - between them{and}")
}

/// An e-mail address.
pub(super) fn email(more: &str) -> String {
    format!("type=\"email\" maxlength=\"{LONGEST_EMAIL}\" {more}")
}

/// A password that is chosen. There is no `maxlength`: a browser would cut what is pasted without a word.
pub(super) fn new_password(more: &str) -> String {
    format!(
        "type=\"password\" required minlength=\"{SHORTEST_PASSWORD}\" autocomplete=\"new-password\" {more}"
    )
}

/// What passwords are made of.
pub(super) fn password_hint(and: &str) -> String {
    format!("At least {SHORTEST_PASSWORD} characters, no white space{and}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_told_what_core_asks_for() {
        assert!(name("").contains("minlength=\"2\" maxlength=\"255\""));
        assert!(email("required").ends_with("maxlength=\"254\" required"));
        assert!(new_password("").contains("minlength=\"8\"") && !new_password("").contains("maxlength"));
        assert_eq!(password_hint("."), "At least 8 characters, no white space.");
    }
}
