# What a cluster offers its pods beyond Kubernetes itself: names (CoreDNS) and volumes
# (local-path-provisioner), both as processes of the node under their own accounts.

write_dns_config() {
  cat >"$CONFIG/Corefile" <<COREFILE
cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
  bind $NODE_ADDRESS
  errors
  ready 127.0.0.1:8181
  cache 5
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig $PKI/dns.kubeconfig
    pods insecure
    ttl 5
  }
}
# Nothing is reachable outside, so nothing outside has an address; saying so at once beats a time-out.
.:53 {
  bind $NODE_ADDRESS
  template ANY ANY {
    rcode NXDOMAIN
  }
}
COREFILE
}

# Volumes are folders with the mode a storage driver would give them, root's and 0750, and of the
# type for which the kubelet applies fsGroup; a folder open to all would hide permission mistakes.
service_objects() {
  cat <<YAML
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: test-bed:dns }
rules:
  - { apiGroups: [""], resources: [endpoints, services, pods, namespaces], verbs: [get, list, watch] }
  - { apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: test-bed:dns }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: test-bed:dns }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: test-bed:dns }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: test-bed:storage }
rules:
  - { apiGroups: [""], resources: [nodes, persistentvolumeclaims, configmaps, pods/log], verbs: [get, list, watch] }
  - { apiGroups: [""], resources: [persistentvolumes, pods], verbs: [get, list, watch, create, patch, update, delete] }
  - { apiGroups: [""], resources: [events], verbs: [create, patch] }
  - { apiGroups: [storage.k8s.io], resources: [storageclasses], verbs: [get, list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: test-bed:storage }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: test-bed:storage }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: test-bed:storage }]
---
apiVersion: v1
kind: Namespace
metadata: { name: local-path-storage }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: local-path-config, namespace: local-path-storage }
data:
  config.json: |
    { "nodePathMap": [{ "node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": ["$CLUSTER_DIR/volumes"] }] }
  setup: |
    #!/bin/sh
    set -eu
    mkdir -m 0750 -p "\$VOL_DIR"
  teardown: |
    #!/bin/sh
    set -eu
    rm -rf "\$VOL_DIR"
  helperPod.yaml: |
    apiVersion: v1
    kind: Pod
    metadata: { name: helper-pod }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - { name: helper-pod, image: "$BASE_IMAGE", imagePullPolicy: IfNotPresent }
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: local-path
  annotations:
    storageclass.kubernetes.io/is-default-class: "true"
    defaultVolumeType: local
provisioner: rancher.io/local-path
volumeBindingMode: WaitForFirstConsumer
reclaimPolicy: Delete
YAML
}

# The provisioner reads the same configuration again from its ConfigMap, for the helper pods.
write_storage_config() {
  printf '{ "nodePathMap": [{ "node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": ["%s/volumes"] }] }\n' \
    "$CLUSTER_DIR" >"$CONFIG/local-path.json"
}

start_services() {
  mkdir -p "$CLUSTER_DIR/volumes"
  write_dns_config
  write_storage_config
  service_objects | kube apply --server-side --force-conflicts -f - >"$LOGS/service-objects.log" 2>&1 ||
    fail "could not create the objects of DNS and storage" "$LOGS/service-objects.log"
  start_part coredns "$BIN/coredns" -conf "$CONFIG/Corefile"
  start_part local-path-provisioner "$BIN/local-path-provisioner" start --config "$CONFIG/local-path.json" \
    --kubeconfig "$PKI/storage.kubeconfig" --namespace local-path-storage --configmap-name local-path-config \
    --helper-image "$BASE_IMAGE" --service-account-name default --worker-threads 4
}

dns_answers() {
  in_capsule timeout 2 bash -c '
    exec 3<>/dev/tcp/127.0.0.1/8181 && printf "GET /ready HTTP/1.0\r\n\r\n" >&3 && read -r _ code _ <&3 && [[ $code == 200 ]]
  '
}

wait_for_services() { wait_until 30 "cluster DNS becoming ready" "$LOGS/coredns.log" dns_answers; }
