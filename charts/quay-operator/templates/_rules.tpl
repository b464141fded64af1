{{/*
What the operator may do where registries live: cluster-wide, or in one namespace when watchNamespace is set. Each rule
is there because the operator needs it now; operator/src/rbac.rs has the same list. It deletes nothing itself but Routes
that it made and that are not wanted any more: what belongs to a registry goes with it by owner references.
*/}}
{{- define "quay-operator.rules" -}}
# The registries themselves. Their spec is never written.
- apiGroups: [quay.redhat.com]
  resources: [quayregistries]
  verbs: [get, list, watch]
- apiGroups: [quay.redhat.com]
  resources: [quayregistries/status]
  verbs: [patch]
# Owner references that block deletion need it where the admission plug-in for them is on, as on OpenShift.
- apiGroups: [quay.redhat.com]
  resources: [quayregistries/finalizers]
  verbs: [update]
# What a registry consists of, made and kept by server-side apply.
- apiGroups: [""]
  resources: [configmaps, persistentvolumeclaims, secrets, serviceaccounts, services]
  verbs: [get, list, watch, create, patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch]
# Exposure by a Route, where the cluster serves that API.
- apiGroups: [route.openshift.io]
  resources: [routes]
  verbs: [get, list, watch, create, patch, delete]
# A host of one's own, and the authority by which a router checks the registry's certificate, need a right of their own.
- apiGroups: [route.openshift.io]
  resources: [routes/custom-host]
  verbs: [create, update]
# Why a registry does not start yet; and one annotation, whose change makes the kubelet bring changed settings to a running
# registry at once.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}

{{/* What lies in no namespace: the addresses under which a node port is reached. */}}
{{- define "quay-operator.clusterRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list]
{{- end -}}
