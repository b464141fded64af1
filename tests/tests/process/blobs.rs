//! Reading and deleting blobs.

use anyhow::Result;
use quay_oci::Digest;
use quay_tests::artifact::{noise, push, push_blob};

use crate::fixture::started;

const REPOSITORY: &str = "quayadmin/blobs";

#[tokio::test]
async fn head_and_get_name_length_digest_and_ranges() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    for size in [1_000, 200_000] {
        let bytes = noise(size);
        let digest = push_blob(&caller, REPOSITORY, &bytes).await?;
        let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
        for answer in [caller.head(&path).send().await?, caller.get(&path).send().await?] {
            let answer = answer.expect(200)?;
            assert_eq!(answer.need("content-length")?, size.to_string());
            assert_eq!(answer.digest()?, digest);
            assert_eq!(answer.need("accept-ranges")?, "bytes");
            assert_eq!(answer.header("content-encoding"), None);
        }
        assert!(caller.head(&path).send().await?.body.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn a_range_gets_just_these_bytes() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    // one that is kept inline and one that spans several chunks of a file
    for size in [10_000_usize, 700_000] {
        let bytes = noise(size);
        let digest = push_blob(&caller, REPOSITORY, &bytes).await?;
        let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
        for (range, from, to) in [
            ("bytes=0-0".to_owned(), 0, 1),
            ("bytes=500-999".to_owned(), 500, 1_000),
            ("bytes=9000-".to_owned(), 9_000, size),
            ("bytes=-700".to_owned(), size - 700, size),
            (format!("bytes=5000-{}", size * 2), 5_000, size),
            (format!("bytes=1-{}", size - 2), 1, size - 1),
        ] {
            let answer = caller.get(&path).header("range", &range).send().await?.expect(206)?;
            assert_eq!(answer.need("content-range")?, format!("bytes {from}-{}/{size}", to - 1), "{range}");
            assert_eq!(answer.body, bytes.slice(from..to), "{range}");
        }
        for range in [format!("bytes={size}-"), format!("bytes={}-{}", size + 5, size + 9)] {
            let answer = caller.get(&path).header("range", &range).send().await?.expect(416)?;
            assert_eq!(answer.need("content-range")?, format!("bytes */{size}"), "{range}");
        }
        // what cannot be understood is as if it were not there
        assert_eq!(caller.get(&path).header("range", "lines=1-2").send().await?.expect(200)?.body, bytes);
    }
    Ok(())
}

#[tokio::test]
async fn a_blob_of_another_repository_is_unknown_in_this_one() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let digest = push_blob(&caller, "quayadmin/here", &noise(1_000)).await?;
    push_blob(&caller, "quayadmin/there", &noise(1_000)).await?;
    let path = format!("/v2/quayadmin/there/blobs/{digest}");
    caller.get(&path).send().await?.expect_error(404, "BLOB_UNKNOWN")?;
    caller.head(&path).send().await?.expect(404)?;
    Ok(())
}

#[tokio::test]
async fn a_blob_in_use_cannot_be_deleted_and_a_free_one_can() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let pushed = push(&caller, REPOSITORY, "1", 1_000).await?;
    let layer = format!("/v2/{REPOSITORY}/blobs/{}", Digest::sha256(&pushed.layer));
    caller.delete(&layer).send().await?.expect_error(405, "UNSUPPORTED")?;
    caller.get(&layer).send().await?.expect(200)?;

    let free = push_blob(&caller, REPOSITORY, &noise(1_000)).await?;
    let free = format!("/v2/{REPOSITORY}/blobs/{free}");
    caller.delete(&free).send().await?.expect(202)?;
    caller.get(&free).send().await?.expect_error(404, "BLOB_UNKNOWN")?;
    caller.delete(&free).send().await?.expect(404)?;
    Ok(())
}

#[tokio::test]
async fn a_sha512_blob_keeps_its_digest() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let bytes = noise(150_000);
    let digest = Digest::of(quay_oci::Algorithm::Sha512, &bytes);
    let location = quay_tests::artifact::open_upload(&caller, REPOSITORY).await?;
    let url = quay_tests::artifact::finish_url(&location, &digest);
    assert_eq!(caller.put(&url).body(bytes.clone()).send().await?.expect(201)?.digest()?, digest);
    let answer = caller.get(&format!("/v2/{REPOSITORY}/blobs/{digest}")).send().await?.expect(200)?;
    assert_eq!((answer.digest()?, answer.body), (digest, bytes));
    Ok(())
}
