# Names and places of the images. Sourced; knows nothing of how they are built.

VERSION=$(awk -F '"' '/^\[workspace.package\]/ {inside = 1} inside && /^version *=/ {print $2; exit}' Cargo.toml)
IMAGES=${IMAGES:-localhost}
MUSL=x86_64-unknown-linux-musl
IMAGE_PROGRAMS=(quay-operator quay-registry)

# The folder of the archives: what is shipped lies apart from what is quick to build.
images_folder() { # profile
  case $1 in
    release) echo .build/images ;;
    *) echo ".build/images-${1#image-}" ;;
  esac
}
image_name() { echo "$IMAGES/$1:$VERSION"; } # program
image_archive() { echo "$(images_folder "$2")/$1.oci.tar"; } # program, profile
