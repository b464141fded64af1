# The kubelet and kube-proxy, set for a node that lacks some rights a machine of its own would have.

write_kubelet_config() {
  cat >"$CONFIG/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: { enabled: false }
  webhook: { enabled: true }
  x509: { clientCAFile: $PKI/ca.crt }
authorization: { mode: Webhook }
tlsCertFile: $PKI/kubelet.crt
tlsPrivateKeyFile: $PKI/kubelet.key
containerRuntimeEndpoint: unix://$CONTAINERD_SOCKET
clusterDomain: cluster.local
clusterDNS: [$NODE_ADDRESS]
resolvConf: $CONFIG/resolv.conf
volumePluginDir: $CLUSTER_DIR/node/volume-plugins
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
enforceNodeAllocatable: []
oomScoreAdj: 0
failSwapOn: false
serializeImagePulls: false
maxParallelImagePulls: 4
# Imported images cannot be pulled again, so none may be collected, and a full disk of the host's is
# the host's business.
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: { memory.available: 64Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1% }
YAML
}

write_proxy_config() {
  cat >"$CONFIG/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: { kubeconfig: $PKI/proxy.kubeconfig }
hostnameOverride: $NODE_NAME
bindAddress: 0.0.0.0
metricsBindAddress: 127.0.0.1:10249
mode: iptables
iptables: { masqueradeAll: $(services_need_masquerade), localhostNodePorts: false, minSyncPeriod: 100ms }
# These are settings of the whole kernel, which a cluster leaves alone.
conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s }
oomScoreAdj: 0
YAML
}

start_node_agents() {
  write_kubelet_config
  write_proxy_config
  start_part kubelet "$BIN/kubelet" --config "$CONFIG/kubelet.yaml" --kubeconfig "$PKI/kubelet.kubeconfig" \
    --hostname-override "$NODE_NAME" --node-ip "$NODE_ADDRESS"
  start_part kube-proxy "$BIN/kube-proxy" --config "$CONFIG/kube-proxy.yaml"
}

# Ready, and free of the taint that keeps pods off until the controllers have seen it.
node_is_ready() {
  [[ $(kube get node "$NODE_NAME" --request-timeout=2s \
    -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}{.spec.taints[*].key}') == True ]]
}

wait_for_node() {
  wait_until 60 "node $NODE_NAME becoming Ready" "$LOGS/kubelet.log" node_is_ready
  wait_until 30 "the default service account" "$LOGS/kube-controller-manager.log" \
    kube get serviceaccount default --namespace default
}
