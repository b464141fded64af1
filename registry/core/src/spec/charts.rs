//! Charts as people look at them, through the repository and with archives of strangers.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use quay_oci::{Digest, media_type};
use serde_json::json;

use super::world::{World, noise, word};
use crate::Caller;

const CHART: &str = "alice/etherpad";

/// A chart's archive with one README.
fn archive(readme: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, bytes) in
        [("etherpad/Chart.yaml", b"name: etherpad".as_slice()), ("etherpad/README.md", readme)]
    {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, bytes).unwrap();
    }
    let mut packed = tar.into_inner().unwrap();
    packed.flush().unwrap();
    packed.finish().unwrap()
}

async fn push(w: &World, who: &Caller, repository: &str, metadata: &str, content: &[u8]) -> Digest {
    let config = w.push_blob(who, repository, metadata.as_bytes()).await;
    let layer = w.push_blob(who, repository, content).await;
    let manifest = json!({
        "schemaVersion": 2,
        "config": {"mediaType": media_type::HELM_CONFIG, "digest": config, "size": metadata.len()},
        "layers": [
            {"mediaType": media_type::HELM_CHART, "digest": layer, "size": content.len()},
            {"mediaType": media_type::HELM_PROVENANCE, "digest": layer, "size": content.len()},
        ],
    });
    w.put(who, repository, "0.0.4", &manifest.to_string()).await.unwrap()
}

fn metadata() -> String {
    json!({"apiVersion": "v2", "name": "etherpad", "version": "0.0.4", "appVersion": "1.8"}).to_string()
}

#[tokio::test]
async fn a_chart_is_shown_with_its_metadata_and_readme() {
    let (w, alice) = World::with_alice().await;
    // One in a row, one in a file.
    for (n, readme) in
        [b"# Etherpad".to_vec(), noise(200_000, 1).into_iter().map(|b| b'a' + b % 26).collect()]
            .into_iter()
            .enumerate()
    {
        let repository = format!("{CHART}-{n}");
        let digest = push(&w, &alice, &repository, &metadata(), &archive(&readme)).await;
        let at = w.may_pull(&alice, &repository).await;
        for _ in 0..2 {
            let chart = w.core.chart(&at, &digest).await.unwrap().unwrap();
            assert_eq!(
                (chart.name.as_str(), chart.version.as_str(), chart.provenance),
                ("etherpad", "0.0.4", true)
            );
            assert_eq!(chart.app_version.as_deref(), Some("1.8"));
            assert_eq!(chart.readme.as_deref().map(str::as_bytes), Some(readme.as_slice()));
        }
    }
}

#[tokio::test]
async fn a_broken_archive_costs_the_readme_and_nothing_else() {
    let (w, alice) = World::with_alice().await;
    let whole = archive(&noise(10_000, 1));
    let mut large = whole.clone();
    large.resize((16 << 20) + 1, 0);
    for (n, content) in
        [b"no archive".to_vec(), whole[..whole.len() / 2].to_vec(), large].into_iter().enumerate()
    {
        let repository = format!("{CHART}-{n}");
        let digest = push(&w, &alice, &repository, &metadata(), &content).await;
        let at = w.may_pull(&alice, &repository).await;
        let chart = w.core.chart(&at, &digest).await.unwrap().unwrap();
        assert_eq!((chart.name.as_str(), chart.readme.is_none()), ("etherpad", true), "{n}");
    }
}

#[tokio::test]
async fn what_is_no_chart_has_none() {
    let (w, alice) = World::with_alice().await;
    let image = w.push_image(&alice, CHART, "image", b"layer").await;
    let at = w.may_pull(&alice, CHART).await;
    assert!(w.core.chart(&at, &image).await.unwrap().is_none());
    for metadata in ["{}", "no json", &format!("{{\"name\":\"{}\"}}", "x".repeat(1 << 20))] {
        let digest = push(&w, &alice, CHART, metadata, b"x").await;
        assert!(w.core.chart(&at, &digest).await.unwrap().is_none());
    }
    assert_eq!(word(w.core.chart(&at, &Digest::sha256(b"unknown")).await), "not found");
}

#[tokio::test]
async fn what_one_repository_shows_another_does_not() {
    let (w, alice, bob) = World::with_two().await;
    let digest = push(&w, &alice, CHART, &metadata(), &archive(b"# Etherpad")).await;
    assert!(w.core.chart(&w.may_pull(&alice, CHART).await, &digest).await.unwrap().is_some());
    w.push_image(&bob, "bob/app", "v1", b"layer").await;
    assert_eq!(word(w.core.chart(&w.may_pull(&bob, "bob/app").await, &digest).await), "not found");
    // And what is deleted is gone, though it was kept in memory.
    let at = w.core.allow::<crate::perms::Delete>(&alice, &super::world::name(CHART)).await.unwrap();
    w.core.delete_manifest(&at, &quay_oci::Reference::Digest(digest.clone())).await.unwrap();
    assert_eq!(word(w.core.chart(&w.may_pull(&alice, CHART).await, &digest).await), "not found");
}
