# The one cluster of a run, and the operator in it as its users install it. Sourced by every lane that needs both.
#
# Whoever comes first puts it up; whoever comes last takes it down, also when something failed. tests/run says who that
# is by CLUSTER_STAYS; a lane by itself is both. A lane that is broken off takes it down in any case.
#
#   KEEP_CLUSTER=1   take the cluster that runs, and leave it afterwards

export CLUSTER_NAME=${CLUSTER_NAME:-quay-test}
[ "$CLUSTER_NAME" != quay-test ] || export CLUSTER_INDEX=${CLUSTER_INDEX:-1}
source tests/cluster/parts/settings.sh

profile=image-test
[ -z "${TESTS_LONG:-}" ] || profile=release
source deploy/images/names.sh
# Holds the cluster's name as long as the operator runs there; tests/run begins without it.
cluster_ready=${QUAY_TESTS_OUT:-.build/test}/cluster-ready
[ -n "${QUAY_TESTS_OUT:-}" ] || rm -f "$cluster_ready"

step() { printf '── %s (%d s)\n' "$1" "$SECONDS"; }

# What a lane wants to keep of the cluster before it may go.
keep_logs() { :; }

leave_cluster() {
  local code=$? logs=${QUAY_TESTS_OUT:-.build/test}/logs/operator
  trap - EXIT
  if [ -r "$KUBECONFIG_FILE" ]; then
    mkdir -p "$logs"
    timeout 30 "$BIN/kubectl" --kubeconfig "$KUBECONFIG_FILE" --namespace quay-operator logs --prefix --tail=-1 \
      --selector app.kubernetes.io/name=quay-operator >"$logs/at-the-end.log" 2>&1 || true
    keep_logs || true
  fi
  if [ -n "${KEEP_CLUSTER:-}" ]; then
    echo "the cluster stays: export KUBECONFIG=$KUBECONFIG_FILE"
  elif [ -z "${CLUSTER_STAYS:-}" ]; then
    step "cluster down"
    rm -f "$cluster_ready"
    tests/cluster/down || code=1
  fi
  exit "$code"
}

enter_cluster() {
  mkdir -p "$(dirname "$cluster_ready")"
  trap leave_cluster EXIT
  trap 'CLUSTER_STAYS=""; exit 130' INT TERM
  export KUBECONFIG=$KUBECONFIG_FILE
  [ ! -e "$cluster_ready" ] || return 0
  step "images"
  deploy/images/build --profile "$profile"
  # What a run that was cut off left behind.
  [ -n "${KEEP_CLUSTER:-}" ] || tests/cluster/down
  step "cluster up"
  tests/cluster/up
  step "images into the cluster"
  tests/cluster/load-image "$(image_archive quay-operator "$profile")" "$(image_archive quay-registry "$profile")"
  step "chart"
  deploy/demo/install-chart "$KUBECONFIG_FILE" "$profile"
  echo "$CLUSTER_NAME" >"$cluster_ready"
}
