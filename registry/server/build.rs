//! Makes the console's assets before the registry is compiled: packages by npm into a cache, then `console/bundle.mjs`.
//!
//! The cache is keyed by the lock file, so only the first build downloads anything.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const LOCK: &str = "console/package-lock.json";

fn main() {
    for path in ["build.rs", "console", "templates", "src/console"] {
        println!("cargo::rerun-if-changed={path}");
    }
    if let Err(problem) = assets() {
        println!("cargo::error=the console's assets could not be made: {problem}");
    }
}

fn assets() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo names no OUT_DIR")?);
    let packages = packages(&out)?;
    run(Command::new("node").arg("console/bundle.mjs").arg(&packages).arg(out.join("assets")))
}

/// The folder with `node_modules` as the lock file wants them.
fn packages(out: &Path) -> Result<PathBuf, String> {
    let lock = fs::read(LOCK).map_err(|error| format!("{LOCK}: {error}"))?;
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .map_or_else(|| out.join("npm"), |cache| cache.join("quay-operator/npm"));
    let folder = cache.join(format!("{:016x}", fnv(&lock)));
    if folder.is_dir() {
        return Ok(folder);
    }
    let told = |what: &'static str, path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| format!("cannot {what} {path}: {error}")
    };
    let fresh = cache.join(format!("new-{}", std::process::id()));
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh).map_err(told("make", &fresh))?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(Path::new("console").join(file), fresh.join(file)).map_err(told("write", &fresh))?;
    }
    run(Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&fresh))?;
    match fs::rename(&fresh, &folder) {
        Ok(()) => Ok(folder),
        // Another build was faster.
        Err(_) if folder.is_dir() => {
            let _ = fs::remove_dir_all(&fresh);
            Ok(folder)
        }
        Err(error) => Err(told("rename to", &folder)(error)),
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!(
                "{program} is missing; install Node.js 18 or newer with npm (Debian: apt install nodejs npm)"
            )
        }
        _ => format!("{program} cannot be started: {error}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // One line: cargo shows no more of an error.
    let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).take(8).collect();
    Err(format!("{program} ended with {}: {}", output.status, said.join(" | ")))
}

/// FNV-1a: a name for the cache's folder, the same in every version of the compiler.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
