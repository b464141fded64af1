# The capsule: a process namespace with its own mounts and network, in which all of a cluster runs.
# Its first process keeps it alive; when that one ends, the kernel ends every other process in it and
# drops its mounts, links and firewall rules. That is why a removal, also after a crash, misses nothing.
# Knows nothing of Kubernetes.

CAPSULE_PID=""
PARTS_INIT=parts/capsule-init
# The root folder is named because this host's may itself be a nested one.
CAPSULE_ENTRANCES=(--pid --mount --net --root --wd)

# List the first processes of all capsules: number, cluster, folder, and whether its root folder is
# ours ("here") or a nested root's. They are recognised by what the kernel says of them: root's, the
# whole command line, and process 1 of a namespace below ours.
list_capsules() {
  local file pid arguments place
  for file in $(grep -laFs "$PARTS_INIT" /proc/[0-9]*/cmdline || true); do
    pid=${file#/proc/}
    pid=${pid%/cmdline}
    mapfile -d '' -t arguments 2>/dev/null <"$file" || continue
    [[ ${#arguments[@]} -eq 4 && ${arguments[1]} == */"$PARTS_INIT" ]] || continue
    awk '/^NSpid:/ { first = (NF == 3 && $3 == 1) } /^Uid:/ { root = ($2 == 0) } END { exit !(first && root) }' \
      "/proc/$pid/status" 2>/dev/null || continue
    if [[ /proc/$pid/root -ef / ]]; then place=here; else place=elsewhere; fi
    echo "$pid ${arguments[2]} ${arguments[3]} $place"
  done
}

# Set CAPSULE_PID and CAPSULE_DIR to this cluster's.
find_capsule() {
  local pid name folder place
  CAPSULE_PID=""
  while read -r pid name folder place; do
    if [[ $name == "$CLUSTER_NAME" && $place == here ]]; then
      CAPSULE_PID=$pid
      CAPSULE_DIR=$folder
    fi
  done < <(list_capsules)
  [[ -n $CAPSULE_PID ]]
}

any_capsule_runs() { list_capsules | grep ' here$' >/dev/null; }

# Links and cgroups are shared with nested roots, so a name can be used once.
check_name() {
  if list_capsules | grep "^[0-9]* $CLUSTER_NAME .* elsewhere$" >/dev/null; then
    fail "a cluster $CLUSTER_NAME runs outside of this root folder; choose another CLUSTER_NAME and CLUSTER_INDEX"
  fi
}

capsule_is_ready() { find_capsule && [[ -e $CLUSTER_DIR/capsule-ready ]]; }

start_capsule() {
  if find_capsule; then
    [[ $CAPSULE_DIR == "$CLUSTER_DIR" ]] ||
      fail "cluster $CLUSTER_NAME already runs from $CAPSULE_DIR; set CLUSTER_DIR to that, or choose another CLUSTER_NAME"
    [[ -e $CLUSTER_DIR/capsule-ready ]] && return 0
    stop_capsule # interrupted before it was complete
  fi
  rm -rf "$CLUSTER_DIR/capsule-ready" "$CLUSTER_DIR/running"
  mkdir -p "$CLUSTER_DIR/running" "$CLUSTER_DIR/node/"{kubelet,cni,containers} "$LOGS/node" "$CONFIG"
  printf 'nameserver %s\n' "$NODE_ADDRESS" >"$CONFIG/resolv.conf"
  make_mount_points
  make_cgroups
  setsid unshare --pid --mount --net --fork --kill-child --propagation slave --mount-proc \
    bash "$CLUSTER_HOME/$PARTS_INIT" "$CLUSTER_NAME" "$CLUSTER_DIR" \
    </dev/null >"$LOGS/capsule.log" 2>&1 9>&- &
  disown
  wait_until 15 "the capsule of cluster $CLUSTER_NAME coming up" "$LOGS/capsule.log" capsule_is_ready
  find_capsule
}

# Folders outside CLUSTER_DIR that a capsule covers with its own. One that was not there before gets
# a marker, visible on the host only, by which the last removal knows that it may go.
MOUNT_POINTS=(/var/lib/kubelet /var/lib/cni /var/lib/containers)
MOUNT_POINT_MARKER=.quay-operator-cluster

make_mount_points() {
  local folder staged=$CLUSTER_DIR/mount-point
  for folder in "${MOUNT_POINTS[@]}"; do
    [[ ! -d $folder ]] || continue
    mkdir -p "$staged"
    : >"$staged/$MOUNT_POINT_MARKER"
    mv -T "$staged" "$folder"
  done
}

# Every cgroup hierarchy of this host, one mount point per line.
cgroup_mounts() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts; }

# The cgroup below which the kubelet puts all pods, in version 1 and 2 hierarchies alike.
make_cgroups() {
  local hierarchy controller file
  while read -r hierarchy; do
    mkdir -p "$hierarchy/$CGROUP"
    if [[ -e $hierarchy/cgroup.controllers ]]; then
      for controller in $(<"$hierarchy/cgroup.controllers"); do
        echo "+$controller" >"$hierarchy/cgroup.subtree_control" || continue
        echo "+$controller" >"$hierarchy/$CGROUP/cgroup.subtree_control" || continue
      done 2>/dev/null
    fi
    for file in cpuset.cpus cpuset.mems; do # version 1: empty until copied from above
      if [[ -e $hierarchy/$CGROUP/$file && -e $hierarchy/$file && -z $(<"$hierarchy/$CGROUP/$file") ]]; then
        cat "$hierarchy/$file" >"$hierarchy/$CGROUP/$file"
      fi
    done
  done < <(cgroup_mounts)
}

# Run COMMAND inside the capsule and wait for it.
in_capsule() { nsenter --target "$CAPSULE_PID" "${CAPSULE_ENTRANCES[@]}" -- "$@"; }

part_is_alive() {
  in_capsule bash -c '
    pid=$(cat "$1" 2>/dev/null) && IFS= read -r -d "" first <"/proc/$pid/cmdline" && [[ $first == "$2" ]]
  ' check "$CLUSTER_DIR/running/$1" "$1" 2>/dev/null
}

# start_part NAME PROGRAM ARGUMENT...: keep PROGRAM running in the capsule under NAME, with an
# environment of its own. Does nothing when it runs already.
start_part() {
  local name=$1
  shift
  part_is_alive "$name" && return 0
  setsid --wait nsenter --target "$CAPSULE_PID" "${CAPSULE_ENTRANCES[@]}" -- \
    env -i PATH="$BIN:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root LANG=C.UTF-8 \
    bash -c '
      running=$1 log=$2 name=$3
      shift 3
      ulimit -n "$(ulimit -Hn)"
      cd /
      (echo "$BASHPID" >"$running"; exec -a "$name" "$@") </dev/null >>"$log" 2>&1 &
    ' start "$CLUSTER_DIR/running/$name" "$LOGS/$name.log" "$name" "$@" 9>&-
}

# End the capsule with everything in it, and wait until the kernel has finished.
stop_capsule() {
  find_capsule || return 0
  local pid=$CAPSULE_PID
  kill -KILL "$pid" 2>/dev/null || true
  wait_until 60 "the end of process $pid with all of cluster $CLUSTER_NAME" "" process_is_gone "$pid"
  CAPSULE_PID=""
}

process_is_gone() { [[ ! -e /proc/$1 ]]; }
