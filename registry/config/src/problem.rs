//! What is wrong with a key: which group it belongs to, its value, the reason and the way out.

use std::fmt;

/// One thing that is wrong, or worth a warning, in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Quay's field group, such as `HostSettings`.
    pub group: &'static str,
    /// The key as it is written in `config.yaml`.
    pub key: String,
    /// The value, shortened; `(redacted)` when it is or may be a secret, empty when there is none.
    pub value: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group: _, key, value, message, hint } = self;
        write!(f, "{message}: {key}")?;
        if !value.is_empty() {
            write!(f, " = {value}")?;
        }
        if hint.is_empty() { Ok(()) } else { write!(f, "; {hint}") }
    }
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The problems, in the order of the keys' declaration.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
