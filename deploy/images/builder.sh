# Sourced. Makes images with a storage of its own below $work, which the caller names first and which is gone at the end.
#
# Owns: how buildah is called, and that nothing is left behind. Must not know: what is in an image.
# Needs: work.

finish() {
  # Layers may belong to sub-users when this runs without root.
  if [ "$(id -u)" = 0 ]; then rm -rf "$work"; else buildah unshare rm -rf "$work"; fi
}
trap finish EXIT

# Neither reads nor fills the caller's storage. vfs and chroot need no kernel feature.
builder() {
  local command=$1; shift
  buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$command" "$@"
}

# The same sources give the same image: its times are those of the commit.
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)

make_image() { # Containerfile, context, name, archive, more options of the build …
  local file=$1 context=$2 name=$3 archive=$4; shift 4
  builder build --quiet --isolation chroot --format oci --timestamp "$epoch" --file "$file" --tag "$name" "$@" "$context" >/dev/null
  rm -f "$archive"
  builder push --quiet --format oci "$name" "oci-archive:$archive:$name"
}
