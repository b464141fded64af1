//! Where log lines go and what they look like.
//!
//! Owns: the one tracing subscriber. Must not know: what is logged. Secrets never reach a line because no
//! type that holds one prints it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object per line, for collectors.
    Json,
    /// Lines for people.
    Text,
}

impl Format {
    /// JSON unless a person is looking at a terminal.
    #[must_use]
    pub fn fitting() -> Self {
        if std::io::stdout().is_terminal() { Self::Text } else { Self::Json }
    }
}

/// Installs the subscriber for the life of the process.
///
/// # Errors
/// When the filter cannot be read or a subscriber is installed already.
pub fn install(format: Format, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("log filter cannot be read: QUAY_LOG = {filter}; {error}"))?;
    let lines = tracing_subscriber::registry().with(filter);
    match format {
        Format::Json => lines
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false),
            )
            .try_init()?,
        Format::Text => lines
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(std::io::stdout().is_terminal())
                    .with_target(false),
            )
            .try_init()?,
    }
    Ok(())
}
