//! Which image the pods get: the operator's own, unless it could not take the database over.
//!
//! A registry that cannot bring its database to its schema ends with an exit code of its own and leaves the database as
//! it was. Then the image that ran before is put back, and stays until the operator brings another one or somebody
//! removes the mark. Both images are remembered on the Deployment.

use k8s_openapi::api::core::v1::{ContainerState, Pod};
use quay_config::exit_code::SCHEMA_REFUSED;

use crate::build::CONTAINER;
use crate::names::{FAILED_IMAGE, PREVIOUS_IMAGE, Slot};
use crate::plan::{Image, Problem, Reason};
use crate::snapshot::Snapshot;

/// Decides on the image.
pub fn resolve(snapshot: &Snapshot) -> Image {
    let wanted = snapshot.platform.image.clone();
    let mark = |key| {
        let annotations = snapshot.children.meta(Slot::App)?.annotations.as_ref()?;
        annotations.get(key).filter(|image: &&String| !image.is_empty()).cloned()
    };
    let running = running(snapshot);
    // an image that was put back is not the one before itself
    let previous = running.filter(|running| *running != wanted).or_else(|| mark(PREVIOUS_IMAGE));
    let has_failed = mark(FAILED_IMAGE).as_ref() == Some(&wanted)
        || snapshot.pods.iter().any(|pod| is_refused(pod, &wanted));
    match previous.filter(|previous| *previous != wanted) {
        Some(previous) if has_failed => {
            let blocked = Problem::new(
                Reason::MigrationsFailed,
                format!(
                    "image {wanted} could not take the database over and left it as it was, so {previous} runs again: read \
                     why in the log of a pod that ended with exit code {SCHEMA_REFUSED}, or start an operator with another \
                     version; to try again, remove annotation {FAILED_IMAGE} from {}",
                    Slot::App.title(&snapshot.name())
                ),
            );
            Image {
                name: previous.clone(),
                previous: Some(previous),
                failed: Some(wanted),
                blocked: Some(blocked),
            }
        }
        previous => Image { name: wanted, previous, failed: None, blocked: None },
    }
}

/// The image in the Deployment as it is.
fn running(snapshot: &Snapshot) -> Option<String> {
    let pod = snapshot.children.deployment()?.spec?.template.spec?;
    pod.containers.into_iter().find(|container| container.name == CONTAINER)?.image
}

/// Whether a pod with this image ended because it could not take the database over.
fn is_refused(pod: &Pod, image: &str) -> bool {
    let runs_it = pod.spec.as_ref().is_some_and(|spec| {
        spec.containers.iter().any(|c| c.name == CONTAINER && c.image.as_deref() == Some(image))
    });
    let ended = |state: Option<&ContainerState>| {
        state.and_then(|state| state.terminated.as_ref()).map(|ended| ended.exit_code)
    };
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref());
    runs_it
        && statuses.unwrap_or_default().iter().filter(|status| status.name == CONTAINER).any(|status| {
            [status.state.as_ref(), status.last_state.as_ref()]
                .into_iter()
                .any(|state| ended(state) == Some(i32::from(SCHEMA_REFUSED)))
        })
}
