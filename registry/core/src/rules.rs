//! What the configuration means to the registry's rules: derived once per configuration, swapped as a whole.
//!
//! The only place that reads the configuration's fields for policy.

use std::collections::BTreeSet;
use std::sync::Arc;

use quay_config::Config;

use crate::policy::{ArtifactPolicy, ArtifactSettings};

/// The rules in force.
pub(crate) struct Rules {
    pub(crate) config: Arc<Config>,
    pub(crate) artifacts: ArtifactPolicy,
    superusers: BTreeSet<String>,
    readers_of_all: BTreeSet<String>,
    pub(crate) superusers_full_access: bool,
    pub(crate) anonymous_access: bool,
    pub(crate) create_namespace_on_push: bool,
    pub(crate) private_on_push: bool,
    pub(crate) largest_blob: u64,
    pub(crate) immutable_tags: bool,
}

impl Rules {
    /// `founder` is the superuser that the installation itself made, if it did.
    pub(crate) fn new(config: Arc<Config>, founder: Option<&str>) -> Self {
        let superusers = config.super_users.iter().map(String::as_str).chain(founder);
        Self {
            artifacts: ArtifactPolicy::new(&ArtifactSettings {
                general_oci: Some(config.feature_general_oci_support),
                helm: config.feature_helm_oci_support,
                table: config.allowed_oci_artifact_types.clone(),
                ignore_unknown: config.ignore_unknown_mediatypes,
            }),
            superusers: superusers.map(str::to_owned).collect(),
            readers_of_all: config.global_readonly_super_users.iter().cloned().collect(),
            superusers_full_access: config.feature_superusers_full_access,
            anonymous_access: config.feature_anonymous_access,
            create_namespace_on_push: config.create_namespace_on_push,
            private_on_push: config.create_private_repo_on_push,
            largest_blob: config.maximum_layer_size,
            immutable_tags: config.feature_immutable_tags,
            config,
        }
    }

    /// Whether this account has a superuser's powers.
    pub(crate) fn is_superuser(&self, name: &str) -> bool {
        self.config.feature_super_users && self.is_reserved(name)
    }

    /// Whether this name is kept for a superuser: nobody can take it by signing up.
    pub(crate) fn is_reserved(&self, name: &str) -> bool {
        self.superusers.contains(name)
    }

    /// The namespace of names without one, unless they are refused.
    pub(crate) fn library(&self) -> Option<&str> {
        self.config.feature_library_support.then_some(&*self.config.library_namespace)
    }

    /// Every name that is kept for a superuser.
    pub(crate) fn superusers(&self) -> impl Iterator<Item = &str> {
        self.superusers.iter().map(String::as_str)
    }

    /// Whether nobody but a superuser can take this name by signing up, by founding an organization or by pushing.
    pub(crate) fn is_kept(&self, name: &str) -> bool {
        self.is_reserved(name) || self.reads_everything(name) || self.library() == Some(name)
    }

    /// How long deleted tags can be restored in a new namespace, in seconds.
    pub(crate) fn default_window_s(&self) -> i64 {
        i64::try_from(self.config.default_tag_expiration.seconds()).unwrap_or(i64::MAX)
    }

    /// Whether this account may read everything and, by that, write nothing.
    pub(crate) fn reads_everything(&self, name: &str) -> bool {
        self.readers_of_all.contains(name)
    }
}
