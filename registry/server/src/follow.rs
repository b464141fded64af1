//! Following what changes while the registry runs: configuration, certificates, the superuser's Secret.
//!
//! ```text
//! every 2 s: look at the files ─ changed ─► read and check ─ good ─► put in force   (live keys, certificate)
//!                                                          └ wrong ─► say so, go on with the old
//! every hour: our own leaf ─ near its end ─► renewed
//! ```
//! Owns: when to look and what to put in force. Must not know: what the values mean.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use quay_config::Reload;
use quay_core::{Core, Error};
use tokio::time::{MissedTickBehavior, interval};

use crate::given::{self, Folder, Given};
use crate::http::App;
use crate::own_ca::OwnCa;
use crate::superuser::{self, Admin};
use crate::tasks::Tasks;
use crate::tls::{Pair, Serving};

const LOOK_EVERY: Duration = Duration::from_secs(2);
const RENEW_EVERY: Duration = Duration::from_secs(3600);

/// Follows the folder of the configuration until told to stop.
///
/// `superuser` is one by other means than the configuration, and stays one.
pub(crate) async fn configuration(
    folder: Folder,
    mut yaml: String,
    superuser: Option<String>,
    app: App,
    serving: Serving,
    tasks: Tasks,
) {
    let stop = tasks.stopping();
    app.health.note_settings(&yaml);
    let mut last = folder.look();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let (at, seen) = (folder.clone(), last.clone());
        let changed = tasks
            .blocking(move || {
                let now = at.look();
                // The look is taken first: what is written while we read shows at the next tick.
                (now != seen).then(|| (now, at.read(), at.pair()))
            })
            .await;
        match changed {
            Ok(None) | Err(_) => {}
            Ok(Some((look, Ok(given), _))) => {
                last = look;
                yaml = put_in_force(yaml, given, superuser.as_deref(), &app.core, &serving);
                app.health.note_settings(&yaml);
                if let Err(error) = app.core.ensure_library().await {
                    tracing::error!(%error, "the namespace of names without one cannot be made; a restart tries it again");
                }
            }
            Ok(Some((look, Err(error), pair))) => {
                last = look;
                // A certificate ends on its day, whatever is wrong with the rest.
                if let Ok(Some(pair)) = pair {
                    serve_with(pair, &serving);
                }
                tracing::error!("the changed configuration is not used, the old one stays in force: {error}");
            }
        }
    }
}

/// Swaps in what may change at run time; answers the text now known.
fn put_in_force(
    old: String,
    given: Given,
    superuser: Option<&str>,
    core: &Core,
    serving: &Serving,
) -> String {
    if let Some(pair) = given.pair {
        serve_with(pair, serving);
    }
    for warning in &given.warnings {
        tracing::warn!("configuration: {warning}");
    }
    let unsupported = given::unsupported(&given.config);
    if !unsupported.is_empty() {
        tracing::error!("the changed configuration is not used: {}", unsupported.join("; "));
        return old;
    }
    for change in quay_config::changes(&old, &given.yaml).unwrap_or_default() {
        match change.reload {
            Reload::Live => tracing::info!(key = change.key, "configuration changed, in force now"),
            Reload::Restart => {
                tracing::warn!(key = change.key, "configuration changed, in force after a restart");
            }
            Reload::Frozen => {
                tracing::error!(
                    key = change.key,
                    "this key cannot change while there is data; put the old value back"
                );
            }
        }
    }
    let mut live = core.config().with_live(&given.config);
    if let Some(name) = superuser
        && !live.super_users.iter().any(|known| known == name)
    {
        live.super_users.push(name.to_owned());
    }
    core.swap_config(live);
    given.yaml
}

fn serve_with(pair: Pair, serving: &Serving) {
    if *pair.facts() != serving.facts() {
        tracing::info!(names = pair.facts().names.join(" "), "a new certificate is in use");
    }
    serving.swap(pair);
}

/// Follows the superuser's Secret until told to stop.
pub(crate) async fn admin(folder: PathBuf, core: Core, tasks: Tasks) {
    let stop = tasks.stopping();
    let mut last = given::look(&folder, &superuser::FILES);
    let mut told = None;
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let (at, seen) = (folder.clone(), last.clone());
        let changed = tasks
            .blocking(move || {
                let now = given::look(&at, &superuser::FILES);
                (now != seen).then(|| (now, Admin::read(&at)))
            })
            .await;
        let Ok(Some((look, read))) = changed else { continue };
        let outcome = match read {
            Ok(admin) => admin.ensure(&core).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => last = look,
            // Looked at again with the next tick, told once.
            Err(error) if passes(&error) => {
                if told.as_ref() != Some(&look) {
                    tracing::warn!("the changed admin folder is not used yet, it is tried again: {error:#}");
                }
                told = Some(look);
            }
            Err(error) => {
                last = look;
                tracing::error!("the changed admin folder is not used: {error:#}");
            }
        }
    }
}

/// Whether the same attempt may succeed later.
fn passes(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(
            Error::Unavailable { .. }
                | Error::Internal(_)
                | Error::OutOfSpace
                | Error::TooManyAttempts { .. }
        )
    )
}

/// Renews our own leaf until told to stop.
pub(crate) async fn own_leaf(own: OwnCa, names: Vec<String>, serving: Serving, tasks: Tasks) {
    let stop = tasks.stopping();
    let mut ticks = interval(RENEW_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let (ca, wanted) = (own.clone(), names.clone());
        match tasks.blocking(move || ca.leaf(&wanted, Timestamp::now())).await {
            Ok(Ok(pair)) if *pair.facts() != serving.facts() => serving.swap(pair),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!("the certificate cannot be renewed: {error}"),
            Err(error) => tracing::error!("the certificate cannot be renewed: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn what_may_succeed_later_is_tried_again_and_what_was_refused_is_not() {
        let wrapped = |error: Error| Err::<(), _>(error).context("the superuser cannot be made").unwrap_err();
        assert!(passes(&wrapped(Error::Unavailable { retry_after: LOOK_EVERY })));
        assert!(passes(&wrapped(Error::OutOfSpace)));
        assert!(!passes(&wrapped(Error::BadCredentials("no"))));
        assert!(!passes(&anyhow::anyhow!("a file of the admin folder is empty")));
    }
}
