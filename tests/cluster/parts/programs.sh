# The programs that are built from pinned Go modules, by the person who called, and put into the
# cluster's own folder. Knows nothing of what they are started with.

PROGRAM_MODULES=(node dns storage)

# Run COMMAND as the person behind sudo, in their home, so that their caches fill and not root's.
as_caller() {
  if ((EUID == 0)) && [[ -n ${SUDO_USER:-} && $SUDO_USER != root ]]; then
    local home
    home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
    runuser -u "$SUDO_USER" -- env HOME="$home" XDG_CACHE_HOME="${XDG_CACHE_HOME:-}" PATH="$PATH" "$@"
  else
    "$@"
  fi
}

declare -A PROGRAM=()

build_programs() {
  local module
  for module in "${PROGRAM_MODULES[@]}"; do
    PROGRAM[$module]=$(as_caller "$PARTS/build-module" "$CLUSTER_HOME/$module" "cluster-$module") ||
      fail "could not build tests/cluster/$module"
  done
}

# Root runs copies that only root can change, and a cleared cache does not break a running cluster.
install_programs() {
  local module copy name
  mkdir -p "$BIN"
  for module in "${PROGRAM_MODULES[@]}"; do
    copy=$BIN/$(basename "${PROGRAM[$module]}")
    if [[ ! -x $copy ]]; then
      cp --reflink=auto "${PROGRAM[$module]}" "$copy.part"
      chmod 0755 "$copy.part"
      mv "$copy.part" "$copy"
    fi
  done
  for name in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
    ln -sfn "$(basename "${PROGRAM[node]}")" "$BIN/$name"
  done
  ln -sfn "$(basename "${PROGRAM[dns]}")" "$BIN/coredns"
  ln -sfn "$(basename "${PROGRAM[storage]}")" "$BIN/local-path-provisioner"
}
