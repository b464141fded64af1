# Taking a cluster away without a trace, whatever state it is in. Order matters: first everything
# that runs, then what the kernel kept for it, then the files.

remove_link() {
  ip link show "$HOST_LINK" >/dev/null 2>&1 || return 0
  ip link delete "$HOST_LINK" 2>/dev/null || true
  wait_until 20 "the link $HOST_LINK going away" "" link_is_gone
}

link_is_gone() { ! ip link show "$HOST_LINK" >/dev/null 2>&1; }

remove_cgroups() {
  local hierarchy
  while read -r hierarchy; do
    [[ ! -d $hierarchy/$CGROUP ]] || wait_until 20 "the cgroup $hierarchy/$CGROUP emptying" "" remove_cgroup "$hierarchy/$CGROUP"
  done < <(cgroup_mounts)
}

remove_cgroup() {
  find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
  [[ ! -d $1 ]]
}

# All mounts are the capsule's and went with it; one on the host would be a mistake, and deleting
# through it a worse one.
refuse_mounts() {
  local mounts
  mounts=$(awk -v folder="$CLUSTER_DIR/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo)
  [[ -z $mounts ]] || fail "something is mounted below $CLUSTER_DIR on this host ($mounts); unmount it and run this again"
}

# A folder that another cluster has covered must stay: removing it would take that mount away.
remove_mount_points() {
  local folder
  if any_capsule_runs; then return 0; fi
  for folder in "${MOUNT_POINTS[@]}"; do
    if [[ -e $folder/$MOUNT_POINT_MARKER && $(ls -A "$folder") == "$MOUNT_POINT_MARKER" ]]; then
      rm "$folder/$MOUNT_POINT_MARKER"
      rmdir "$folder"
    fi
  done
}

remove_files() {
  [[ -d $CLUSTER_DIR ]] || return 0
  [[ -e $MARKER ]] || fail "$CLUSTER_DIR was not made by tests/cluster/up; remove it yourself if you mean it"
  refuse_mounts
  # The marker goes last, so that an interrupted removal can be taken up again.
  find "$CLUSTER_DIR" -xdev -mindepth 1 -maxdepth 1 ! -path "$MARKER" -exec rm -rf --one-file-system {} +
  rm "$MARKER"
  rmdir "$CLUSTER_DIR"
}
