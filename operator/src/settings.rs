//! Settings that take effect at once: whether the running registry has them, and how it gets them soon.
//!
//! The kubelet brings a changed Secret into a running pod when it next looks after that pod, which may take a minute and a
//! half. A change of the pod's annotations makes it look at once, whatever way it watches Secrets by. The registry tells
//! which settings are in force, so a touch that came before the Secret's change reached the node is repeated.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use sha2::{Digest, Sha256};

use crate::names::SETTINGS;
use crate::snapshot::Reported;

/// The second touch follows the first after this; each further one after twice the time.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(300);

/// A pod whose annotation must change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Name of the pod.
    pub pod: String,
    /// The very pod: one that took its name since is not meant.
    pub uid: String,
    /// New value of the annotation.
    pub value: String,
}

/// Names the settings of a configuration that take effect at once, as the registry does.
pub fn hash(yaml: &str) -> Option<String> {
    let input = quay_config::live_hash_input(yaml).ok()?;
    Some(hex::encode(Sha256::digest(input)).chars().take(16).collect())
}

/// Whether the registry runs with other settings than `wanted`; one that does not tell is not asked to hurry.
pub fn is_pending(wanted: &str, reported: Option<&Reported>) -> bool {
    reported.and_then(|reported| reported.settings.as_deref()).is_some_and(|settings| settings != wanted)
}

/// The pods to touch now, so that `wanted` reaches them.
pub fn touches(wanted: &str, reported: Option<&Reported>, pods: &[Pod], now: Timestamp) -> Vec<Touch> {
    if !is_pending(wanted, reported) {
        return Vec::new();
    }
    pods.iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .filter_map(|pod| {
            let before = pod.metadata.annotations.as_ref().and_then(|all| Mark::read(all.get(SETTINGS)?));
            let count = match before.filter(|mark| mark.settings == wanted) {
                None => 1,
                Some(mark) if now.duration_since(mark.at) >= mark.wait() => mark.count.saturating_add(1),
                Some(_) => return None,
            };
            let mark = Mark { settings: wanted, count, at: now };
            Some(Touch {
                pod: pod.metadata.name.clone()?,
                uid: pod.metadata.uid.clone()?,
                value: mark.to_string(),
            })
        })
        .collect()
}

/// What the annotation says: for which settings, for how many times, and when the pod was touched.
struct Mark<'a> {
    settings: &'a str,
    count: u32,
    at: Timestamp,
}

impl<'a> Mark<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let (settings, count, at) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { settings, count: count.parse().ok()?, at: at.parse().ok()? })
    }

    fn wait(&self) -> SignedDuration {
        let doubled = 1_i32 << self.count.saturating_sub(1).min(6);
        (FIRST_WAIT * doubled).min(LONGEST_WAIT)
    }
}

impl std::fmt::Display for Mark<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.settings, self.count, self.at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(annotation: Option<&str>) -> Pod {
        serde_json::from_value(json!({"metadata": {
            "name": "p", "uid": "u", "annotations": annotation.map(|value| json!({SETTINGS: value})),
        }}))
        .unwrap()
    }

    fn told(settings: Option<&str>) -> Reported {
        Reported { version: "1".to_owned(), artifact_policy: None, settings: settings.map(str::to_owned) }
    }

    fn touched(annotation: Option<&str>, now: &str) -> Vec<String> {
        let pods = [pod(annotation)];
        let touches = touches("new", Some(&told(Some("old"))), &pods, now.parse().unwrap());
        touches.into_iter().map(|touch| touch.value).collect()
    }

    #[test]
    fn a_pod_is_touched_at_once_and_again_at_growing_intervals_until_the_registry_has_the_settings() {
        let start = "2026-05-01T12:00:00Z";
        let first = "new 1 2026-05-01T12:00:00Z";
        assert_eq!(touched(None, start), [first]);
        assert_eq!(touched(Some("other 9 2026-05-01T11:59:59Z"), start), [first]);
        assert_eq!(touched(Some("nonsense"), start), [first]);
        assert_eq!(touched(Some(first), "2026-05-01T12:00:04Z"), [""; 0]);
        assert_eq!(touched(Some(first), "2026-05-01T12:00:05Z"), ["new 2 2026-05-01T12:00:05Z"]);
        let second = Some("new 2 2026-05-01T12:00:05Z");
        assert_eq!(touched(second, "2026-05-01T12:00:14Z"), [""; 0]);
        assert_eq!(touched(second, "2026-05-01T12:00:15Z"), ["new 3 2026-05-01T12:00:15Z"]);
        assert_eq!(touched(Some("new 999 2026-05-01T12:00:00Z"), "2026-05-01T12:04:59Z"), [""; 0]);
        assert_eq!(touched(Some("new 999 2026-05-01T12:00:00Z"), "2026-05-01T12:05:00Z").len(), 1);
    }

    #[test]
    fn a_registry_that_has_the_settings_or_does_not_tell_is_left_alone() {
        let now = "2026-05-01T12:00:00Z".parse().unwrap();
        for reported in [None, Some(told(None)), Some(told(Some("new")))] {
            assert_eq!(touches("new", reported.as_ref(), &[pod(None)], now), []);
        }
    }

    #[test]
    fn only_what_takes_effect_at_once_counts_and_no_secret() {
        let of = |yaml: &str| hash(yaml).unwrap();
        assert_eq!(of("A: 1\n"), of(""));
        assert_eq!(of("SERVER_HOSTNAME: a.example\nSECRET_KEY: aaaaaaaaaaaaaaaaaaaa\n"), of(""));
        assert_ne!(of("FEATURE_HELM_OCI_SUPPORT: false\n"), of(""));
        assert_eq!(of("").len(), 16);
    }
}
