//! The rights the operator needs: as data, so that a test can hold what is installed against it.

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Resources of the group.
    pub resources: &'static [&'static str],
    /// What is done to them.
    pub verbs: &'static [&'static str],
}

/// Rights in the namespaces of registries (cluster-wide when all namespaces are watched).
pub const REGISTRIES: &[Rule] = &[
    Rule { group: "quay.redhat.com", resources: &["quayregistries"], verbs: &["get", "list", "watch"] },
    Rule { group: "quay.redhat.com", resources: &["quayregistries/status"], verbs: &["patch"] },
    // owner references that block deletion need it where the admission plug-in for them is on, as on OpenShift
    Rule { group: "quay.redhat.com", resources: &["quayregistries/finalizers"], verbs: &["update"] },
    Rule {
        group: "",
        resources: &["secrets", "configmaps", "services", "persistentvolumeclaims", "serviceaccounts"],
        verbs: &["get", "list", "watch", "create", "patch"],
    },
    Rule { group: "apps", resources: &["deployments"], verbs: &["get", "list", "watch", "create", "patch"] },
    Rule { group: "", resources: &["pods"], verbs: &["list", "watch"] },
    Rule { group: "events.k8s.io", resources: &["events"], verbs: &["create"] },
];

/// Rights that are always cluster-wide: addresses of nodes go into certificates.
pub const CLUSTER: &[Rule] = &[Rule { group: "", resources: &["nodes"], verbs: &["list"] }];

/// Rights in the operator's own namespace.
pub const OWN_NAMESPACE: &[Rule] =
    &[Rule { group: "coordination.k8s.io", resources: &["leases"], verbs: &["get", "create", "update"] }];
