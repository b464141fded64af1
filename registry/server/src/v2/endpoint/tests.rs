//! Every route of the protocol, and what is none.

use proptest::prelude::*;

use super::*;

const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ID: &str = "0190a6a5-7a51-7d2e-9c5e-0123456789ab";

fn get(path: &str) -> Result<Endpoint, Unreadable> {
    parse(&Method::GET, path, None)
}

fn repo(name: &str) -> RepositoryName {
    RepositoryName::parse(name).expect("a name")
}

fn code(outcome: Result<Endpoint, Unreadable>) -> (u16, ErrorCode) {
    match outcome.expect_err("refused") {
        Unreadable::Part { status, code, .. } => (status, code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn ping_answers_with_and_without_the_slash() {
    assert_eq!(get("/v2/"), Ok(Endpoint::Ping));
    assert_eq!(get("/v2"), Ok(Endpoint::Ping));
    assert_eq!(get("/v20"), Err(Unreadable::NoRoute));
    assert_eq!(parse(&Method::PUT, "/v2/", None), Err(Unreadable::Method { allow: "GET, HEAD" }));
}

#[test]
fn words_of_the_protocol_are_good_names_too() {
    for (path, name) in [
        ("/v2/a/blobs/uploads/manifests/latest", "a/blobs/uploads"),
        ("/v2/manifests/manifests/manifests/manifests", "manifests/manifests"),
        ("/v2/a/tags/list/manifests/v1", "a/tags/list"),
        ("/v2/x/manifests/v1", "library/x"),
    ] {
        match get(path) {
            Ok(Endpoint::In(found, Operation::GetManifest(_))) => assert_eq!(found, repo(name), "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    assert_eq!(
        get("/v2/a/blobs/uploads/tags/list"),
        Ok(Endpoint::In(repo("a/blobs/uploads"), Operation::Tags(Page::default())))
    );
}

#[test]
fn uploads_begin_in_three_ways() {
    fn begin(query: Option<&str>) -> Start {
        match parse(&Method::POST, "/v2/a/b/blobs/uploads/", query) {
            Ok(Endpoint::In(_, Operation::StartUpload(start))) => start,
            other => panic!("{other:?}"),
        }
    }
    let digest: Digest = D.parse().expect("a digest");
    assert_eq!(begin(None), Start::Session);
    assert_eq!(begin(Some("digest-algorithm=sha512")), Start::Session);
    assert_eq!(begin(Some(&format!("digest={D}"))), Start::Whole(digest.clone()));
    assert_eq!(
        begin(Some("digest=sha256%3Ae3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")),
        { Start::Whole(digest.clone()) }
    );
    assert_eq!(begin(Some(&format!("mount={D}&from=c/d"))), {
        Start::Mount { digest: digest.clone(), from: Some(repo("c/d")) }
    });
    assert_eq!(begin(Some(&format!("mount={D}"))), Start::Mount { digest, from: None });
    assert_eq!(begin(Some(&format!("mount={D}&from=NOT%20A%20NAME"))), Start::Session);
    assert_eq!(
        parse(&Method::POST, "/v2/a/b/blobs/uploads", None),
        parse(&Method::POST, "/v2/a/b/blobs/uploads/", None)
    );
}

#[test]
fn a_last_put_names_its_digest_behind_whatever_query_the_location_had() {
    let path = format!("/v2/a/b/blobs/uploads/{ID}");
    let finish = parse(&Method::PUT, &path, Some(&format!("state=x&digest={D}")));
    assert!(matches!(finish, Ok(Endpoint::In(_, Operation::FinishUpload(..)))), "{finish:?}");
    assert_eq!(code(parse(&Method::PUT, &path, None)), (400, ErrorCode::DigestInvalid));
    assert_eq!(code(parse(&Method::PUT, &path, Some("digest=sha256:xy"))), (400, ErrorCode::DigestInvalid));
    assert_eq!(code(get("/v2/a/b/blobs/uploads/17")), (404, ErrorCode::BlobUploadUnknown));
}

#[test]
fn malformed_parts_are_told_apart() {
    assert_eq!(code(get("/v2/A/b/manifests/x")), (400, ErrorCode::NameInvalid));
    assert_eq!(code(get("/v2/a//b/manifests/x")), (400, ErrorCode::NameInvalid));
    assert_eq!(code(get("/v2/a%2Fb/manifests/x")), (400, ErrorCode::NameInvalid));
    assert_eq!(code(get("/v2/a/%ff/manifests/x")), (400, ErrorCode::NameInvalid));
    assert_eq!(code(get("/v2/a/b/manifests/.x")), (404, ErrorCode::ManifestUnknown));
    assert_eq!(code(parse(&Method::PUT, "/v2/a/b/manifests/.x", None)), (400, ErrorCode::TagInvalid));
    assert_eq!(code(get("/v2/a/b/manifests/sha256:12")), (400, ErrorCode::DigestInvalid));
    assert_eq!(code(get("/v2/a/b/blobs/latest")), (400, ErrorCode::DigestInvalid));
    assert_eq!(
        code(parse(&Method::GET, "/v2/_catalog", Some("n=-1"))),
        (400, ErrorCode::PaginationNumberInvalid)
    );
    assert_eq!(get("/v2/a/b"), Err(Unreadable::NoRoute));
}

#[test]
fn percent_encoding_in_a_path_is_understood() {
    let encoded = D.replace(':', "%3A");
    assert_eq!(get(&format!("/v2/a/b/blobs/{encoded}")), get(&format!("/v2/a/b/blobs/{D}")));
}

#[test]
fn a_plus_that_was_not_encoded_is_still_a_plus_in_a_type() {
    let outcome =
        parse(&Method::GET, &format!("/v2/a/b/referrers/{D}"), Some("artifactType=application/x.y+json"));
    match outcome {
        Ok(Endpoint::In(_, Operation::Referrers { artifact_type, .. })) => {
            assert_eq!(artifact_type.as_deref(), Some("application/x.y+json"));
        }
        other => panic!("{other:?}"),
    }
}

/// The request that asks for `endpoint`.
fn written(endpoint: &Endpoint) -> (Method, String, Option<String>) {
    let paged = |page: &Page| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(page.n.map(|n| ("n", n.to_string())));
        query.extend_pairs(page.last.as_ref().map(|last| ("last", last)));
        Some(query.finish())
    };
    let (name, operation) = match endpoint {
        Endpoint::Ping => return (Method::GET, "/v2/".to_owned(), None),
        Endpoint::Token => return (Method::POST, "/v2/auth".to_owned(), None),
        Endpoint::Catalog(page) => return (Method::GET, "/v2/_catalog".to_owned(), paged(page)),
        Endpoint::In(name, operation) => (name, operation),
    };
    let (method, rest, query) = match operation {
        Operation::Tags(page) => (Method::GET, "tags/list".to_owned(), paged(page)),
        Operation::Referrers { subject, artifact_type, last } => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(artifact_type.as_ref().map(|artifact_type| ("artifactType", artifact_type)));
            query.extend_pairs(last.as_ref().map(|last| ("last", last)));
            (Method::GET, format!("referrers/{subject}"), Some(query.finish()))
        }
        Operation::HeadBlob(digest) => (Method::HEAD, format!("blobs/{digest}"), None),
        Operation::GetBlob(digest) => (Method::GET, format!("blobs/{digest}"), None),
        Operation::DeleteBlob(digest) => (Method::DELETE, format!("blobs/{digest}"), None),
        Operation::StartUpload(start) => {
            let query = match start {
                Start::Session => None,
                Start::Whole(digest) => Some(format!("digest={digest}")),
                Start::Mount { digest, from: None } => Some(format!("mount={digest}")),
                Start::Mount { digest, from: Some(from) } => Some(format!("from={from}&mount={digest}")),
            };
            (Method::POST, "blobs/uploads/".to_owned(), query)
        }
        Operation::UploadStatus(id) => (Method::GET, format!("blobs/uploads/{id}"), None),
        Operation::AppendUpload(id) => (Method::PATCH, format!("blobs/uploads/{id}"), None),
        Operation::FinishUpload(id, digest) => {
            (Method::PUT, format!("blobs/uploads/{id}"), Some(format!("digest={digest}")))
        }
        Operation::CancelUpload(id) => (Method::DELETE, format!("blobs/uploads/{id}"), None),
        Operation::HeadManifest(reference) => (Method::HEAD, format!("manifests/{reference}"), None),
        Operation::GetManifest(reference) => (Method::GET, format!("manifests/{reference}"), None),
        Operation::PutManifest(reference, tags) => {
            let query = tags.iter().map(|tag| format!("tag={tag}")).collect::<Vec<_>>().join("&");
            (Method::PUT, format!("manifests/{reference}"), (!tags.is_empty()).then_some(query))
        }
        Operation::DeleteManifest(reference) => (Method::DELETE, format!("manifests/{reference}"), None),
    };
    (method, format!("/v2/{name}/{rest}"), query)
}

fn names() -> impl Strategy<Value = RepositoryName> {
    let word = prop_oneof![
        Just("blobs".to_owned()),
        Just("uploads".to_owned()),
        Just("manifests".to_owned()),
        Just("tags".to_owned()),
        Just("list".to_owned()),
        Just("referrers".to_owned()),
        Just("auth".to_owned()),
        "[a-z0-9]{1,8}((\\.|_|__|-)[a-z0-9]{1,4}){0,2}",
    ];
    prop::collection::vec(word, 2..7).prop_map(|words| repo(&words.join("/")))
}

fn digests() -> impl Strategy<Value = Digest> {
    prop_oneof![
        "[0-9a-f]{64}".prop_map(|hex| format!("sha256:{hex}")),
        "[0-9a-f]{128}".prop_map(|hex| format!("sha512:{hex}"))
    ]
    .prop_map(|text| text.parse().expect("a digest"))
}

fn tags() -> impl Strategy<Value = TagName> {
    prop_oneof!["[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", Just("list".to_owned()), Just("uploads".to_owned())]
        .prop_map(|text| TagName::parse(&text).expect("a tag"))
}

fn references() -> impl Strategy<Value = Reference> {
    prop_oneof![tags().prop_map(Reference::Tag), digests().prop_map(Reference::Digest)]
}

fn pages() -> impl Strategy<Value = Page> {
    (prop::option::of(any::<u32>()), prop::option::of("[ -~]{0,20}"))
        .prop_map(|(n, last)| Page { n: n.map(|n| n as usize), last })
}

fn ids() -> impl Strategy<Value = UploadId> {
    any::<u128>().prop_map(|bits| uuid::Uuid::from_u128(bits).to_string().parse().expect("an upload"))
}

fn operations() -> impl Strategy<Value = Operation> {
    let start = prop_oneof![
        Just(Start::Session),
        digests().prop_map(Start::Whole),
        (digests(), prop::option::of(names())).prop_map(|(digest, from)| Start::Mount { digest, from }),
    ];
    prop_oneof![
        pages().prop_map(Operation::Tags),
        (digests(), prop::option::of("[a-z]{1,9}/[a-z.+]{1,9}"), prop::option::of(digests()))
            .prop_map(|(subject, artifact_type, last)| Operation::Referrers { subject, artifact_type, last }),
        digests().prop_map(Operation::HeadBlob),
        digests().prop_map(Operation::GetBlob),
        digests().prop_map(Operation::DeleteBlob),
        start.prop_map(Operation::StartUpload),
        ids().prop_map(Operation::UploadStatus),
        ids().prop_map(Operation::AppendUpload),
        (ids(), digests()).prop_map(|(id, digest)| Operation::FinishUpload(id, digest)),
        ids().prop_map(Operation::CancelUpload),
        references().prop_map(Operation::HeadManifest),
        references().prop_map(Operation::GetManifest),
        (references(), prop::collection::vec(tags(), 0..3))
            .prop_map(|(at, tags)| Operation::PutManifest(at, tags)),
        references().prop_map(Operation::DeleteManifest),
    ]
}

fn endpoints() -> impl Strategy<Value = Endpoint> {
    prop_oneof![
        1 => Just(Endpoint::Ping),
        1 => Just(Endpoint::Token),
        1 => pages().prop_map(Endpoint::Catalog),
        20 => (names(), operations()).prop_map(|(name, operation)| Endpoint::In(name, operation)),
    ]
}

proptest! {
    #[test]
    fn every_endpoint_is_read_back_as_it_was_written(endpoint in endpoints()) {
        let (method, path, query) = written(&endpoint);
        prop_assert_eq!(parse(&method, &path, query.as_deref()), Ok(endpoint));
    }

    #[test]
    fn no_request_makes_the_parser_panic(
        method in prop::sample::select(vec!["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "BREW"]),
        path in "(/v2/?)?[a-zA-Z0-9/%.:_ü-]{0,60}(/(blobs|uploads|manifests|tags|list|referrers))?[/a-z0-9%]{0,9}",
        query in prop::option::of(".{0,40}"),
    ) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let _ = parse(&method, &path, query.as_deref());
    }
}
