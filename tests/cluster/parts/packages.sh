# Debian packages the cluster needs. Only what is missing gets installed and nothing is ever
# removed, so a machine that runs Docker keeps its own containerd and runc.

missing_packages() {
  local pair
  for pair in \
    containerd:containerd ctr:containerd runc:runc iptables:iptables ip:iproute2 buildah:buildah \
    openssl:openssl busybox:busybox-static nsenter:util-linux setsid:util-linux flock:util-linux \
    mount:mount findmnt:util-linux; do
    command -v "${pair%%:*}" >/dev/null || echo "${pair#*:}"
  done
  [[ -x /usr/lib/cni/bridge && -x /usr/lib/cni/host-local && -x /usr/lib/cni/portmap ]] || echo containernetworking-plugins
}

install_packages() {
  local packages
  mapfile -t packages < <(missing_packages | sort -u)
  ((${#packages[@]})) || return 0
  command -v apt-get >/dev/null ||
    fail "needed packages are missing: ${packages[*]}; this is not a Debian machine, install them by hand"
  note "installing ${packages[*]}"
  local log=$LOGS/packages.log
  apt-get update >"$log" 2>&1 || fail "apt-get update failed; is a package mirror reachable?" "$log"
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-remove --no-install-recommends "${packages[@]}" \
    >>"$log" 2>&1 || fail "apt-get could not install ${packages[*]} without removing another package" "$log"
}

is_static() { ! ldd "$1" >/dev/null 2>&1; }

# Print a statically linked busybox. Debian's two busybox packages exclude each other; where the
# dynamic one is installed, the static one is unpacked beside the cluster and not installed.
static_busybox() {
  local installed unpacked=$CLUSTER_DIR/busybox
  installed=$(command -v busybox)
  if is_static "$installed"; then
    echo "$installed"
    return 0
  fi
  if [[ ! -x $unpacked/bin/busybox ]]; then
    mkdir -p "$unpacked"
    (cd "$unpacked" && apt-get download busybox-static && dpkg-deb -x busybox-static_*.deb .) >"$LOGS/busybox.log" 2>&1 ||
      fail "could not fetch the package busybox-static" "$LOGS/busybox.log"
  fi
  echo "$unpacked/bin/busybox"
}
