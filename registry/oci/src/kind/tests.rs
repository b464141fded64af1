//! Manifests as real tools write them, each in a folder that is named after what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn manifest(text: &str) -> Manifest {
    Manifest::parse(None, text.as_bytes()).unwrap()
}

#[test]
fn every_manifest_of_a_real_tool_is_told_by_its_kind() {
    let folders = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kinds"));
    let mut seen = BTreeSet::new();
    for folder in folders {
        let expected: ArtifactKind = folder.file_name().unwrap().to_str().unwrap().parse().unwrap();
        for file in files(&folder) {
            let found = manifest(&fs::read_to_string(&file).unwrap()).artifact_kind();
            assert_eq!(found, expected, "{}", file.display());
            seen.insert(found);
        }
    }
    assert_eq!(seen, ArtifactKind::ALL.iter().copied().collect(), "every kind has a fixture");
}

#[test]
fn labels_of_an_image_tell_too_but_not_against_its_layers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kinds");
    let image = manifest(&fs::read_to_string(folder.join("image/podman-zstd.json")).unwrap());
    let signature = manifest(&fs::read_to_string(folder.join("signature/cosign-tag.json")).unwrap());
    let labels = BTreeMap::from([(
        "operators.operatorframework.io.bundle.mediatype.v1".to_owned(),
        "registry+v1".to_owned(),
    )]);
    assert_eq!(ArtifactKind::of(&image, &labels), ArtifactKind::OperatorBundle);
    assert_eq!(ArtifactKind::of(&image, &BTreeMap::new()), ArtifactKind::Image);
    assert_eq!(ArtifactKind::of(&signature, &labels), ArtifactKind::Signature);
}

#[test]
fn types_are_compared_without_case_and_only_as_a_whole() {
    assert_eq!(among(TYPES, "Application/X-MLModel"), Some(ArtifactKind::Model));
    assert_eq!(among(TYPES, "application/x-mlmodel2"), None);
    assert_eq!(among(TYPES, "x-application/vnd.cncf.flux.config"), None);
}

#[test]
fn words_are_unique_and_read_back() {
    for kind in ArtifactKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert!(kind.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
        assert!(!kind.label().is_empty());
    }
    assert_eq!("chart".parse::<ArtifactKind>(), Err(UnknownKind));
}
