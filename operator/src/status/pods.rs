//! Why a pod does not run, as a sentence with what to do.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// The first trouble of the pods, if any.
pub(super) fn trouble(pods: &[Pod]) -> Option<String> {
    let pods = || pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    pods().find_map(container_trouble).or_else(|| pods().find_map(scheduling_trouble))
}

fn container_trouble(pod: &Pod) -> Option<String> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find_map(|status| waiting(status, pod.metadata.name.as_deref().unwrap_or_default()))
}

fn waiting(status: &ContainerStatus, pod: &str) -> Option<String> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().unwrap_or_default();
    let message = waiting.message.as_deref().unwrap_or_default();
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => Some(format!(
            "image {} cannot be pulled ({reason}: {message}): make it available to the nodes, or set another image in the operator",
            status.image
        )),
        "CrashLoopBackOff" => {
            let said = status
                .last_state
                .as_ref()
                .and_then(|state| state.terminated.as_ref())
                .map(|ended| match &ended.message {
                    Some(message) => format!("exit code {}, {}", ended.exit_code, message.trim()),
                    None => format!("exit code {}", ended.exit_code),
                })
                .unwrap_or_default();
            Some(format!(
                "the registry ends again and again ({said}): look at `kubectl logs {pod} --previous`"
            ))
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(format!("the container cannot be made ({reason}: {message})"))
        }
        _ => None,
    }
}

fn scheduling_trouble(pod: &Pod) -> Option<String> {
    pod.status
        .as_ref()?
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .map(|condition| {
            format!("no node takes the pod: {}", condition.message.as_deref().unwrap_or("no reason given"))
        })
}
