//! Blobs in and out, in every way that clients use.

use axum::body::Body;
use bytes::Bytes;
use http::{Method, StatusCode};
use quay_oci::Digest;

use crate::temporary::{Answer, As, Registry, request};

const NAME: &str = "charts/blobs";

async fn begin(registry: &Registry, who: &As) -> String {
    let answer = registry.ask(who, Method::POST, &format!("/v2/{NAME}/blobs/uploads/")).await;
    assert_eq!((answer.status, answer.header("range")), (StatusCode::ACCEPTED, "0-0"));
    assert!(answer.header("location").ends_with(answer.header("docker-upload-uuid")));
    answer.header("location").to_owned()
}

fn large() -> Vec<u8> {
    (0..1_000_000u32).flat_map(|n| n.to_le_bytes()).collect()
}

#[tokio::test]
async fn a_streamed_patch_and_an_empty_put_make_a_blob() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let content = large();
    let digest = Digest::sha256(&content);
    let location = begin(&registry, &who).await;
    let pieces = content.chunks(70_000).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)));
    let body = Body::from_stream(futures::stream::iter(pieces.collect::<Vec<_>>()));
    let patched = registry.send(request(&who, Method::PATCH, &location).body(body).expect("a request")).await;
    assert_eq!((patched.status, patched.header("range")), (StatusCode::ACCEPTED, "0-3999999"));
    let put = registry.ask(&who, Method::PUT, &format!("{location}?digest={digest}")).await;
    assert_eq!(put.status, StatusCode::CREATED);
    assert_eq!(put.header("location"), format!("/v2/{NAME}/blobs/{digest}"));
    assert_eq!(put.header("docker-content-digest"), digest.as_str());
    let back = registry.get(&who, &format!("/v2/{NAME}/blobs/{digest}")).await;
    assert_eq!(back.status, StatusCode::OK);
    assert_eq!(back.header("content-length"), "4000000");
    assert!(back.body == content, "the bytes are the same");
}

#[tokio::test]
async fn pieces_have_their_places_and_a_wrong_place_is_told_where_to_go_on() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let content = b"hello, registry";
    let digest = Digest::sha256(content);
    let location = begin(&registry, &who).await;
    let patch = |range: &'static str, piece: &'static [u8]| {
        request(&who, Method::PATCH, &location)
            .header("content-range", range)
            .body(Body::from(piece))
            .expect("a request")
    };
    assert_eq!(registry.send(patch("0-4", b"hello")).await.status, StatusCode::ACCEPTED);
    let early = registry.send(patch("10-14", b"istry")).await;
    assert_eq!((early.status, early.header("range")), (StatusCode::RANGE_NOT_SATISFIABLE, "0-4"));
    assert_eq!(early.header("location"), location);
    assert_eq!(registry.send(patch("nonsense", b"x")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(registry.send(patch("5-14", b"short")).await.status, StatusCode::BAD_REQUEST);
    let status = registry.get(&who, &location).await;
    assert_eq!((status.status, status.header("range")), (StatusCode::NO_CONTENT, "0-4"));
    // The last piece may come with the PUT; at a wrong place it is refused as well.
    let put = |range: &'static str, piece: &'static [u8]| {
        request(&who, Method::PUT, &format!("{location}?digest={digest}"))
            .header("content-range", range)
            .body(Body::from(piece))
            .expect("a request")
    };
    assert_eq!(registry.send(put("7-14", b"registry")).await.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(registry.send(put("5-14", b", registry")).await.status, StatusCode::CREATED);
    assert_eq!(registry.get(&who, &format!("/v2/{NAME}/blobs/{digest}")).await.body, &content[..]);
}

#[tokio::test]
async fn a_wrong_digest_is_refused_in_every_style() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let wrong = Digest::sha256(b"something else");
    let whole = request(&who, Method::POST, &format!("/v2/{NAME}/blobs/uploads/?digest={wrong}"))
        .body(Body::from("content"))
        .expect("a request");
    let answer = registry.send(whole).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "DIGEST_INVALID".to_owned()));
    let location = begin(&registry, &who).await;
    let put = request(&who, Method::PUT, &format!("{location}?digest={wrong}")).body(Body::from("content"));
    assert_eq!(registry.send(put.expect("a request")).await.status, StatusCode::BAD_REQUEST);
    let missing = registry.get(&who, &format!("/v2/{NAME}/blobs/{wrong}")).await;
    assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, "BLOB_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn parts_of_small_and_large_blobs_are_served() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    for content in [b"0123456789".to_vec(), large()] {
        let digest = registry.put_blob(&who, NAME, &content).await;
        let path = format!("/v2/{NAME}/blobs/{digest}");
        let size = content.len();
        for (range, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-5", 2..6),
            ("bytes=7-", 7..size),
            ("bytes=-3", size - 3..size),
            ("bytes=5-99999999", 5..size),
        ] {
            let asked = request(&who, Method::GET, &path).header("range", range).body(Body::empty());
            let answer = registry.send(asked.expect("a request")).await;
            assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
            let (first, last) = (part.start, part.end - 1);
            assert_eq!(answer.header("content-range"), format!("bytes {first}-{last}/{size}"));
            assert_eq!(answer.header("content-length"), part.len().to_string());
            assert!(answer.body == content[part], "{range}");
        }
        for range in ["bytes=99999999-", "bytes=500-0"] {
            let asked = request(&who, Method::GET, &path).header("range", range).body(Body::empty());
            let answer = registry.send(asked.expect("a request")).await;
            assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
            assert_eq!(answer.header("content-range"), format!("bytes */{size}"));
        }
        let head = registry.ask(&who, Method::HEAD, &path).await;
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(head.header("content-length"), size.to_string());
        assert_eq!(head.header("accept-ranges"), "bytes");
        let etag = head.header("etag").to_owned();
        let again = request(&who, Method::GET, &path).header("if-none-match", etag).body(Body::empty());
        assert_eq!(registry.send(again.expect("a request")).await.status, StatusCode::NOT_MODIFIED);
    }
}

/// The parts of an answer in parts: where each lies, and its bytes. Read as the clients do, by the boundary.
fn parts(answer: &Answer) -> Vec<(String, Vec<u8>)> {
    let boundary =
        answer.header("content-type").strip_prefix("multipart/byteranges; boundary=").expect("a boundary");
    let (mut rest, mut parts) = (&answer.body[..], Vec::new());
    let skip = |rest: &mut &[u8], text: &str| {
        *rest = rest.strip_prefix(text.as_bytes()).ok_or(text).expect("what comes next");
    };
    loop {
        skip(&mut rest, &format!("\r\n--{boundary}"));
        if rest == b"--\r\n" {
            return parts;
        }
        skip(&mut rest, "\r\nContent-Type: application/octet-stream\r\nContent-Range: ");
        let line = rest.iter().position(|b| *b == b'\r').expect("an end of line");
        let place = std::str::from_utf8(&rest[..line]).expect("text").to_owned();
        rest = &rest[line..];
        skip(&mut rest, "\r\n\r\n");
        let mark = format!("\r\n--{boundary}");
        let end = rest.windows(mark.len()).position(|at| at == mark.as_bytes()).expect("an end of the part");
        parts.push((place, rest[..end].to_vec()));
        rest = &rest[end..];
    }
}

#[tokio::test]
async fn several_parts_come_in_one_answer_in_the_order_asked_for() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    for content in [b"0123456789".to_vec(), large()] {
        let digest = registry.put_blob(&who, NAME, &content).await;
        let size = content.len();
        let get = async |range: &str| {
            let path = format!("/v2/{NAME}/blobs/{digest}");
            let asked = request(&who, Method::GET, &path).header("range", range).body(Body::empty());
            registry.send(asked.expect("a request")).await
        };
        let answer = get("bytes=1-2,5-5, -2").await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        assert_eq!((answer.header("content-range"), answer.header("accept-ranges")), ("", "bytes"));
        assert_eq!(answer.header("docker-content-digest"), digest.as_str());
        let expected: Vec<_> = [1..3, 5..6, size - 2..size]
            .map(|part| (format!("bytes {}-{}/{size}", part.start, part.end - 1), content[part].to_vec()))
            .into();
        assert!(parts(&answer) == expected);
        // One that is left is not wrapped; more than there is, is everything; nothing that is there is refused.
        let one = get("bytes=0-1,999999999-").await;
        assert_eq!(
            (one.status, one.header("content-type")),
            (StatusCode::PARTIAL_CONTENT, "application/octet-stream")
        );
        assert!(one.body == content[..2]);
        let all = get("bytes=0-,0-,0-").await;
        assert_eq!(all.status, StatusCode::OK);
        assert!(all.body == content);
        assert_eq!(get("bytes=999999999-,888888888-").await.status, StatusCode::RANGE_NOT_SATISFIABLE);
    }
    // As many as a client of zstd:chunked layers asks for at once.
    let content = large();
    let digest = Digest::sha256(&content);
    let ranges: Vec<String> = (0..1024).map(|n| format!("{}-{}", n * 3000, n * 3000 + 99)).collect();
    let asked = request(&who, Method::GET, &format!("/v2/{NAME}/blobs/{digest}"))
        .header("range", format!("bytes={}", ranges.join(",")))
        .body(Body::empty());
    let answer = registry.send(asked.expect("a request")).await;
    let parts = parts(&answer);
    assert_eq!(parts.len(), 1024);
    assert!(parts.iter().enumerate().all(|(n, (_, bytes))| bytes == &content[n * 3000..n * 3000 + 100]));
}

#[tokio::test]
async fn a_mount_works_for_who_may_pull_the_source_and_is_an_upload_for_others() {
    let registry = Registry::new().await;
    let alice = As::Basic("alice");
    let digest = registry.put_blob(&alice, "charts/source", b"content").await;
    let mount = |name: &str| format!("/v2/{name}/blobs/uploads/?mount={digest}&from=charts/source");
    let mounted = registry.ask(&alice, Method::POST, &mount("charts/target")).await;
    assert_eq!(mounted.status, StatusCode::CREATED);
    assert_eq!(mounted.header("location"), format!("/v2/charts/target/blobs/{digest}"));
    assert_eq!(registry.get(&alice, &format!("/v2/charts/target/blobs/{digest}")).await.body, "content");
    let stranger = registry.ask(&As::Basic("bob"), Method::POST, &mount("bob/target")).await;
    assert_eq!(stranger.status, StatusCode::ACCEPTED, "an upload instead");
    let nothing = registry.get(&As::Basic("bob"), &format!("/v2/bob/target/blobs/{digest}")).await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND, "the digest alone gives nothing");
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository_and_its_owner() {
    let registry = Registry::new().await;
    let alice = As::Basic("alice");
    let location = begin(&registry, &alice).await;
    let elsewhere = location.replace(NAME, "charts/other");
    registry.put_blob(&alice, "charts/other", b"so that it exists").await;
    assert_eq!(registry.get(&alice, &elsewhere).await.status, StatusCode::NOT_FOUND);
    let robot = As::Robot(registry.robot_token.clone());
    assert_ne!(registry.get(&robot, &location).await.status, StatusCode::NO_CONTENT);
    assert_eq!(registry.ask(&alice, Method::DELETE, &location).await.status, StatusCode::NO_CONTENT);
    let gone = registry.get(&alice, &location).await;
    assert_eq!((gone.status, gone.code()), (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_the_upload_where_it_was() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let location = begin(&registry, &who).await;
    let broken =
        futures::stream::iter([Ok(Bytes::from_static(b"hello")), Err(std::io::Error::other("gone"))]);
    let asked = request(&who, Method::PATCH, &location).body(Body::from_stream(broken)).expect("a request");
    assert_eq!(registry.send(asked).await.status, StatusCode::BAD_REQUEST);
    let status = registry.get(&who, &location).await;
    assert_eq!(
        (status.status, status.header("range")),
        (StatusCode::NO_CONTENT, "0-4"),
        "what came can be continued"
    );
}
