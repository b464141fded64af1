# What the demo is called and where it leaves things. Sourced first by run and down.

[ -z "${DEMO_KUBECONFIG:-}" ] || DEMO_KUBECONFIG=$(readlink -f "$DEMO_KUBECONFIG")
# The caller's helm may be pointed at a cluster by its environment; the demo's is not.
unset "${!HELM_KUBE@}" HELM_NAMESPACE
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/images/names.sh

DEMO_FOLDER=$PWD/.build/demo
DEMO_PROFILE=${DEMO_PROFILE:-release}
DEMO_NAMESPACE=quay-demo
DEMO_REGISTRY=demo
DEMO_ORGANIZATION=charts
DEMO_ROBOT=ci
OPERATOR_NAMESPACE=quay-operator
# Both namespaces carry it; what does not is not the demo's to change or delete.
DEMO_MARK=quay-operator-demo

# A cluster of the demo's own, beside those of `make cluster-up` and `make test`.
export CLUSTER_NAME=quay-demo
export CLUSTER_INDEX=${DEMO_CLUSTER_INDEX:-2}

# Sets KUBECONFIG and KUBECTL to the demo's cluster, or to the one the caller names.
choose_cluster() {
  if [ -n "${DEMO_KUBECONFIG:-}" ]; then
    [ -r "$DEMO_KUBECONFIG" ] || { echo "demo: DEMO_KUBECONFIG=$DEMO_KUBECONFIG is not readable" >&2; exit 1; }
    KUBECTL=$(type -P kubectl) || { echo "demo: kubectl is not on the PATH; it is needed for DEMO_KUBECONFIG" >&2; exit 1; }
    # What is agreed to is what is used: a copy of the current context alone, which nobody switches meanwhile.
    mkdir -p "$DEMO_FOLDER"
    rm -f "$DEMO_FOLDER/kubeconfig"
    (umask 077 && "$KUBECTL" --kubeconfig "$DEMO_KUBECONFIG" config view --minify --flatten --raw >"$DEMO_FOLDER/kubeconfig")
    export KUBECONFIG=$DEMO_FOLDER/kubeconfig
  else
    KUBECONFIG=$(bash -c 'source tests/cluster/parts/settings.sh && echo "$KUBECONFIG_FILE"')
    KUBECTL=$(bash -c 'source tests/cluster/parts/settings.sh && echo "$BIN/kubectl"')
    export KUBECONFIG
  fi
}
kubectl() { "$KUBECTL" "$@"; }
kube() { kubectl --namespace "$DEMO_NAMESPACE" "$@"; }

# Asks before anything is done to a cluster that the demo did not make.
ask_for_foreign_cluster() { # what will be done
  local context answer
  context=$(kubectl config current-context)
  echo "demo: the cluster is not the demo's own: context $context of $DEMO_KUBECONFIG"
  echo "demo: $1"
  [ -z "${DEMO_YES:-}" ] || return 0
  [ -t 0 ] || { echo "demo: nobody is there to agree; set DEMO_YES=1 to go on" >&2; exit 1; }
  read -r -p "Go on? [y/N] " answer
  case $answer in y | Y | yes) ;; *) echo "demo: nothing was done"; exit 1 ;; esac
}

# Also when it does not exist. Called in conditions, where `set -e` is off: not to know is not to own.
namespace_is_ours() { # namespace
  local mark
  mark=$(kubectl get namespace "$1" --ignore-not-found -o "jsonpath={.metadata.name} {.metadata.labels.$DEMO_MARK}") || return 1
  [ -z "$mark" ] || [ "$mark" = "$1 true" ]
}
