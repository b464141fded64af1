{{/*
What the operator may do where registries live: cluster-wide, or in one namespace when watchNamespace is set.
Each rule is there because a line of the operator needs it; none is for later.
*/}}
{{- define "quay-operator.rules" -}}
# The registries themselves. Their spec is never written.
- apiGroups: [quay.redhat.com]
  resources: [quayregistries]
  verbs: [get, list, watch]
- apiGroups: [quay.redhat.com]
  resources: [quayregistries/status]
  verbs: [get, patch, update]
# Owner references that block deletion may be set where the OwnerReferencesPermissionEnforcement plug-in is on.
- apiGroups: [quay.redhat.com]
  resources: [quayregistries/finalizers]
  verbs: [update]
# What a registry consists of, made and kept by server-side apply.
- apiGroups: [""]
  resources: [configmaps, persistentvolumeclaims, secrets, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
# Why a registry does not start yet.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* What lies in no namespace: the addresses under which a node port is reached. */}}
{{- define "quay-operator.clusterRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, list]
{{- end -}}
