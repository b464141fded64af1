//! Media types that the registry knows by name, and the form every other one must have.

/// OCI image manifest, also the manifest of every OCI artifact.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker manifest schema 1, refused.
pub const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
/// Signed Docker manifest schema 1, refused.
pub const DOCKER_SCHEMA1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// Configuration of an OCI image.
pub const OCI_IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Configuration of a Docker image.
pub const DOCKER_IMAGE_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// The empty descriptor `{}` of artifacts that need no configuration.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// OCI layer, plain tar.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// OCI layer, gzip.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// OCI layer, zstd.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// OCI layer that is fetched from elsewhere, plain tar.
pub const OCI_LAYER_FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
/// OCI layer that is fetched from elsewhere, gzip.
pub const OCI_LAYER_FOREIGN_GZIP: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
/// OCI layer that is fetched from elsewhere, zstd.
pub const OCI_LAYER_FOREIGN_ZSTD: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";
/// Docker layer.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// Docker layer that is fetched from elsewhere.
pub const DOCKER_LAYER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

/// Configuration of a Helm chart.
pub const HELM_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// Content of a Helm chart.
pub const HELM_CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// Content of a Helm chart, before Helm 3.7.
pub const HELM_CHART_LEGACY: &str = "application/tar+gzip";
/// Provenance of a Helm chart.
pub const HELM_PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// Payload of a cosign signature.
pub const COSIGN_SIGNATURE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Envelope of an attestation.
pub const DSSE_ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// Sigstore bundle.
pub const SIGSTORE_BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The four kinds of manifest that are accepted, as they go into an `Accept` header.
pub const MANIFESTS: [&str; 4] = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST];

/// The longest media type that is accepted (RFC 6838 allows 127 on each side of the slash).
pub const MAX_LEN: usize = 255;

/// The media type of a header without its parameters: `a/b; charset=utf-8` becomes `a/b`.
pub fn essence(header: &str) -> &str {
    header.split(';').next().unwrap_or_default().trim()
}

/// Whether manifests of this type list other manifests.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | DOCKER_LIST)
}

/// Whether manifests of this type are one of the four kinds.
pub fn is_manifest(media_type: &str) -> bool {
    MANIFESTS.contains(&media_type)
}

/// Whether a layer of this type is fetched from elsewhere and so need not be in the registry.
pub fn is_foreign_layer(media_type: &str) -> bool {
    matches!(
        media_type,
        OCI_LAYER_FOREIGN | OCI_LAYER_FOREIGN_GZIP | OCI_LAYER_FOREIGN_ZSTD | DOCKER_LAYER_FOREIGN
    )
}

/// Whether a layer of this type is a part of an image's file system.
pub fn is_image_layer(media_type: &str) -> bool {
    let plain = media_type.trim_end_matches("+encrypted");
    matches!(plain, OCI_LAYER | OCI_LAYER_GZIP | OCI_LAYER_ZSTD | DOCKER_LAYER)
        || plain == "application/vnd.docker.image.rootfs.diff.tar"
        || is_foreign_layer(plain)
}

/// Whether a text has the form of a media type: `type/subtype` of RFC 6838's restricted names.
pub fn is_valid(text: &str) -> bool {
    let restricted = |part: &str| {
        part.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    text.len() <= MAX_LEN
        && text.split_once('/').is_some_and(|(kind, subtype)| restricted(kind) && restricted(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_spaces_are_not_part_of_the_type() {
        assert_eq!(essence(" application/json ; charset=utf-8"), "application/json");
        assert_eq!(essence(OCI_INDEX), OCI_INDEX);
        assert_eq!(essence(""), "");
    }

    #[test]
    fn every_named_type_is_well_formed() {
        for known in
            MANIFESTS.iter().chain(&[OCI_LAYER_ZSTD, HELM_PROVENANCE, COSIGN_SIGNATURE, "text/spdx+json"])
        {
            assert!(is_valid(known), "{known}");
        }
        for wrong in [
            "",
            "text",
            "/x",
            "x/",
            "a/b/c",
            "a b/c",
            "a/b;q=1",
            "*/*",
            "a/ü",
            &format!("a/{}", "b".repeat(255)),
        ] {
            assert!(!is_valid(wrong), "{wrong}");
        }
    }
}
