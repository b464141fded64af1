# Names, addresses and paths of one cluster. Sourced first by every entry point; knows nothing of
# how a cluster is started or removed.
#
# CLUSTER_NAME   which cluster (default "quay"); part of every link, cgroup and process it makes
# CLUSTER_INDEX  which address range, 0 to 255 (default 0); two clusters at once need two numbers
# CLUSTER_DIR    where all of its state lies

set -euo pipefail

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/go/bin # which the caller or sudo may leave out
CLUSTER_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PARTS=$CLUSTER_HOME/parts

CLUSTER_NAME=${CLUSTER_NAME:-quay}
if [[ ! $CLUSTER_NAME =~ ^[a-z][a-z0-9-]{0,10}$ ]]; then
  echo "CLUSTER_NAME '$CLUSTER_NAME' is not usable; use up to 11 lower-case letters, digits and dashes" >&2
  exit 2
fi
if [[ $CLUSTER_NAME == quay ]]; then
  CLUSTER_DIR=${CLUSTER_DIR:-/var/lib/quay-operator-cluster}
else
  CLUSTER_DIR=${CLUSTER_DIR:-/var/lib/quay-operator-cluster-$CLUSTER_NAME}
fi
if [[ $CLUSTER_DIR != /?* || $CLUSTER_DIR =~ [^A-Za-z0-9/._-] || $CLUSTER_DIR =~ ^/(run|var/run|var/log|proc|sys|dev)(/|$) ]]; then
  echo "CLUSTER_DIR '$CLUSTER_DIR' is not usable; give an absolute path without blanks, not below /run or /var/log" >&2
  exit 2
fi

# A cluster that exists keeps the range it was made with.
if [[ -z ${CLUSTER_INDEX:-} && -r $CLUSTER_DIR/index ]]; then
  CLUSTER_INDEX=$(<"$CLUSTER_DIR/index")
fi
CLUSTER_INDEX=${CLUSTER_INDEX:-0}
if [[ ! $CLUSTER_INDEX =~ ^[0-9]{1,3}$ ]] || ((CLUSTER_INDEX > 255)); then
  echo "CLUSTER_INDEX '$CLUSTER_INDEX' is not usable; give a number from 0 to 255" >&2
  exit 2
fi

# Seen from the host: one link with two addresses. Everything else lives in the cluster's own
# network namespace, so every cluster uses the same pod and service ranges.
HOST_ADDRESS=10.213.$CLUSTER_INDEX.1
NODE_ADDRESS=10.213.$CLUSTER_INDEX.2
HOST_LINK=qc-$CLUSTER_NAME
POD_RANGE=10.244.0.0/24
SERVICE_RANGE=10.96.0.0/16
SERVICE_ADDRESS=10.96.0.1
NODE_NAME=$CLUSTER_NAME-node
CGROUP=quay-cluster-$CLUSTER_NAME

KUBECONFIG_FILE=$CLUSTER_DIR/kubeconfig
BIN=$CLUSTER_DIR/bin
PKI=$CLUSTER_DIR/pki
LOGS=$CLUSTER_DIR/log
CONFIG=$CLUSTER_DIR/config
CONTAINERD_SOCKET=$CLUSTER_DIR/containerd.sock
MARKER=$CLUSTER_DIR/.quay-operator-cluster

# With a cache that goes away with the cluster, not the one in the caller's home.
kube() { KUBECACHEDIR=$CLUSTER_DIR/cache "$BIN/kubectl" --kubeconfig "$KUBECONFIG_FILE" "$@"; }

# Run the rest of the calling entry point as root, keeping what says which cluster is meant.
become_root() {
  ((EUID == 0)) && return 0
  command -v sudo >/dev/null || {
    echo "$(basename "$0"): needs root, and sudo is not installed; run it as root" >&2
    exit 1
  }
  exec sudo env CLUSTER_NAME="$CLUSTER_NAME" CLUSTER_DIR="$CLUSTER_DIR" CLUSTER_INDEX="$CLUSTER_INDEX" \
    XDG_CACHE_HOME="${XDG_CACHE_HOME:-}" PATH="$PATH" "$0" "$@"
}

# One change to clusters at a time. The lock is on a folder that is always there, so it leaves no
# file; file descriptor 9 must be closed in everything that outlives the caller.
lock_clusters() {
  exec 9</var/lib
  flock --timeout 900 9 || {
    echo "another start or removal of a cluster has been running for 15 minutes; end it first" >&2
    exit 1
  }
}
