//! The `quay-registry` binary: process-wide choices, then the command line.

use std::process::ExitCode;

// musl's own allocator costs three times the CPU when serving blobs.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // First of all: with no provider chosen, TLS would have to guess.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return ExitCode::FAILURE;
    }
    quay_registry::cli::run()
}
