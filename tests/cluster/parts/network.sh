# The one link between the host and a cluster's network namespace, and what the namespace needs to
# forward traffic of pods. The host's own routes, rules and settings stay as they are.

check_addresses() {
  local other
  other=$(ip -4 route show table main to match "$NODE_ADDRESS" | grep -v '^default' | grep -v " dev $HOST_LINK " || true)
  [[ -z $other ]] ||
    fail "the addresses $HOST_ADDRESS and $NODE_ADDRESS are in use on this host ($other); choose another CLUSTER_INDEX"
}

connect_network() {
  if ! in_capsule ip link show eth0 >/dev/null 2>&1; then
    ip link delete "$HOST_LINK" 2>/dev/null || true
    ip link add "$HOST_LINK" type veth peer name eth0 netns "$CAPSULE_PID"
  fi
  ip address replace "$HOST_ADDRESS/30" dev "$HOST_LINK"
  ip link set "$HOST_LINK" up
  in_capsule bash -euc '
    ip link set lo up
    ip address replace "$1/30" dev eth0
    ip link set eth0 up
    ip route replace default via "$2"
    echo 1 >/proc/sys/net/ipv4/ip_forward
    # Pods of one node talk over a bridge; answers of a service must still pass its address translation.
    if [[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]]; then
      echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
    fi
  ' network "$NODE_ADDRESS" "$HOST_ADDRESS"
}

prepare_kernel() {
  local module
  command -v modprobe >/dev/null || return 0
  for module in overlay veth bridge br_netfilter nf_conntrack; do
    modprobe --quiet "$module" 2>/dev/null || true # built in, or the step that needs it says so
  done
}

# Without bridge filtering the answers have to be led through the node by masquerading.
services_need_masquerade() {
  if in_capsule test -e /proc/sys/net/bridge/bridge-nf-call-iptables; then echo false; else echo true; fi
}

write_network_plugin() {
  mkdir -p "$CONFIG/cni"
  cat >"$CONFIG/cni/10-bridge.conflist" <<JSON
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
      "ipam": {
        "type": "host-local", "ranges": [[{ "subnet": "$POD_RANGE" }]], "routes": [{ "dst": "0.0.0.0/0" }],
        "dataDir": "/var/lib/cni/addresses"
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
JSON
}
