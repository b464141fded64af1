//! A text that must never be shown: passwords, tokens and cookies on their way through the registry.
//!
//! Its `Debug` form is redacted and its memory is wiped when it is dropped. It knows nothing about what it guards.

use std::fmt;

use zeroize::Zeroizing;

/// A secret text; reading it is the explicit act [`Secret::expose`].
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text in custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself: for comparing, hashing or handing to the person it belongs to.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_debug_form_does_not_show_it() {
        assert!(!format!("{:?}", Secret::new("hunter22")).contains("hunter22"));
    }
}
