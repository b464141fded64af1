# containerd with a root, state, socket, network plugins and registry trust of its own, and the images
# that go into it. A containerd of the host's is not touched.

# The image of every pod's sandbox and of the storage helper: a busybox with all its commands.
BASE_IMAGE=localhost/busybox:1

containers() { ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"; }

write_containerd_config() {
  mkdir -p "$CLUSTER_DIR/certs.d" "$CLUSTER_DIR/containerd"
  cat >"$CONFIG/containerd.toml" <<TOML
version = 2
root = "$CLUSTER_DIR/containerd"
state = "/run/cluster-containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
address = "$CONTAINERD_SOCKET"

[plugins."io.containerd.internal.v1.opt"]
path = "$CLUSTER_DIR/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "$BASE_IMAGE"
# Without CAP_SYS_RESOURCE no process may be made harder to kill, and runc would die of trying.
restrict_oom_score_adj = true
stream_server_address = "127.0.0.1"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "$CONFIG/cni"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "$CLUSTER_DIR/certs.d"
TOML
}

containerd_is_ready() { containers version; }

start_containerd() {
  write_containerd_config
  write_network_plugin
  start_part containerd containerd --config "$CONFIG/containerd.toml"
}

# A folder with a static busybox, its commands, and what programs expect of a root.
make_base_root() {
  local root=$1 busybox command
  busybox=$(static_busybox)
  mkdir -p "$root"/{bin,etc,home,root,var}
  install -d -m 1777 "$root/tmp"
  install -m 0755 "$busybox" "$root/bin/busybox"
  for command in $("$busybox" --list); do
    [[ -e $root/bin/$command ]] || ln -s busybox "$root/bin/$command"
  done
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
}

build_base_image() {
  local archive=$CLUSTER_DIR/images/busybox.oci.tar work=$CLUSTER_DIR/images/work
  [[ -s $archive ]] && return 0
  rm -rf "$work"
  mkdir -p "$work"
  make_base_root "$work/root"
  printf 'FROM scratch\nCOPY root/ /\nENV PATH=/bin\nCMD ["/bin/sleep", "2147483647"]\n' >"$work/Containerfile"
  # Inside the capsule, where what buildah keeps outside its storage falls into the cluster's folder.
  in_capsule bash -euc '
    build() { buildah --storage-driver vfs --root "$1/storage" --runroot /run/buildah "${@:2}"; }
    cd "$1"
    build "$1" build --isolation chroot --quiet --tag "$2" .
    build "$1" push --quiet "$2" "oci-archive:$3.part:$2"
    chmod -R u+w "$1"
  ' build "$work" "$BASE_IMAGE" "$archive" >"$LOGS/images.log" 2>&1 || fail "buildah could not make $BASE_IMAGE" "$LOGS/images.log"
  rm -rf "$work"
  mv "$archive.part" "$archive"
}

# import_image FILE: print the names that an OCI or Docker archive has brought in.
import_image() {
  local output
  output=$(containers images import "$1" 2>&1) || {
    echo "$output" >"$LOGS/images.log"
    fail "containerd could not import $1; is it an OCI or Docker archive?" "$LOGS/images.log"
  }
  sed -n 's/^unpacking \([^ ]*\) .*/\1/p' <<<"$output"
}

load_base_image() {
  wait_until 30 "containerd answering" "$LOGS/containerd.log" containerd_is_ready
  # grep must read to the end: closing the pipe early would count as a failure of ctr.
  containers images list --quiet | grep -xF "$BASE_IMAGE" >/dev/null && return 0
  import_image "$CLUSTER_DIR/images/busybox.oci.tar" >/dev/null
}
