//! `scan-secrets [KIND…]`: fails when a log of the run shows a secret that a test made or read.
//!
//! Each KIND (`registry`, `operator`, `clients`) must have left a log, or the scan fails as well; `all` names them all.

use std::process::ExitCode;

use quay_tests::{out, secrets};

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]
fn main() -> ExitCode {
    let mut kinds: Vec<String> = std::env::args().skip(1).collect();
    if kinds.iter().any(|kind| kind == "all") {
        kinds = secrets::all_kinds();
    }
    match secrets::scan(&secrets::list(), &out::logs(), &kinds) {
        Ok(report) if report.leaks.is_empty() => {
            let secrets::Report { secrets, files, bytes, .. } = report;
            println!("no secret in any log: {secrets} secrets looked for in {files} logs, {bytes} bytes");
            ExitCode::SUCCESS
        }
        Ok(report) => {
            for leak in &report.leaks {
                eprintln!(
                    "{}:{}: shows the secret in line {} of the list",
                    leak.file.display(),
                    leak.line,
                    leak.secret
                );
            }
            eprintln!(
                "{} lines show a secret; the list is {}",
                report.leaks.len(),
                secrets::list().display()
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
