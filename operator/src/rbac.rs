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
    Rule {
        group: "route.openshift.io",
        resources: &["routes"],
        verbs: &["get", "list", "watch", "create", "patch", "delete"],
    },
    // a host of one's own, and the authority by which a router checks our certificate, need a right of their own
    Rule { group: "route.openshift.io", resources: &["routes/custom-host"], verbs: &["create", "update"] },
    // a pod is patched for its annotation, which makes the kubelet bring in changed settings at once
    Rule { group: "", resources: &["pods"], verbs: &["list", "watch", "patch"] },
    Rule { group: "events.k8s.io", resources: &["events"], verbs: &["create"] },
];

/// Rights that are always cluster-wide: addresses of nodes go into certificates.
pub const CLUSTER: &[Rule] = &[Rule { group: "", resources: &["nodes"], verbs: &["list"] }];

/// Rights in the operator's own namespace.
pub const OWN_NAMESPACE: &[Rule] =
    &[Rule { group: "coordination.k8s.io", resources: &["leases"], verbs: &["get", "create", "update"] }];

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules that a template of the chart defines under `name`.
    fn chart(name: &str) -> Vec<String> {
        let templates = include_str!("../../charts/quay-operator/templates/_rules.tpl");
        let start = format!("{{{{- define \"{name}\" -}}}}");
        let body = templates.split_once(&start).unwrap().1.split_once("{{- end -}}").unwrap().0;
        let rules: Vec<serde_json::Value> = serde_yaml::from_str(body).unwrap();
        let list = |value: &serde_json::Value| {
            let mut texts: Vec<String> =
                value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
            texts.sort();
            texts.join(",")
        };
        let mut lines: Vec<String> = rules
            .iter()
            .map(|rule| {
                format!("{}/{}: {}", list(&rule["apiGroups"]), list(&rule["resources"]), list(&rule["verbs"]))
            })
            .collect();
        lines.sort();
        lines
    }

    fn ours(rules: &[Rule]) -> Vec<String> {
        let list = |texts: &[&str]| {
            let mut texts = texts.to_vec();
            texts.sort_unstable();
            texts.join(",")
        };
        let mut lines: Vec<String> = rules
            .iter()
            .map(|rule| format!("{}/{}: {}", rule.group, list(rule.resources), list(rule.verbs)))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn the_chart_grants_what_the_operator_needs_and_nothing_more() {
        assert_eq!(chart("quay-operator.rules"), ours(REGISTRIES));
        assert_eq!(chart("quay-operator.clusterRules"), ours(CLUSTER));
    }

    #[test]
    fn the_operator_can_delete_nothing_but_routes() {
        let rules = [REGISTRIES, CLUSTER, OWN_NAMESPACE].concat();
        assert!(
            rules.iter().all(|rule| !rule.verbs.contains(&"*") && !rule.verbs.contains(&"deletecollection"))
        );
        let deletes = rules.iter().filter(|rule| rule.verbs.contains(&"delete"));
        assert!(deletes.flat_map(|rule| rule.resources).eq(&["routes"]));
    }
}
