//! Whom clients must trust: the certificate and the page that says how.

use http::StatusCode;

use super::{Browser, text};
use crate::temporary::{As, Registry};

#[tokio::test]
async fn the_authority_is_served_and_explained() {
    let registry = Registry::new().await;
    let mut browser = Browser::new(&registry);
    // Without one there is nothing to trust, and it is said why.
    let none = registry.get(&As::Nobody, "/ca.crt").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert!(text(&none).contains("was not issued by an authority of its own"));
    assert!(browser.open("/trust").await.contains("nothing to download here"));

    let pem = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
    let key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    std::fs::write(registry.folder().join("ca.crt"), format!("{pem}{key}")).expect("written");
    let served = registry.get(&As::Nobody, "/ca.crt").await;
    assert_eq!((served.status, text(&served).as_str()), (StatusCode::OK, pem));
    let page = browser.open("/trust").await;
    for part in [
        "03:90:58:C6:F2",
        "helm registry login registry.example:8443 --ca-file ca.crt",
        "/etc/containers/certs.d/registry.example:8443/ca.crt",
        "/etc/docker/certs.d/registry.example:8443/ca.crt",
        "/etc/containerd/certs.d/registry.example:8443/hosts.toml",
        "update-ca-certificates",
        "update-ca-trust",
        "additionalTrustedCA",
        "SSL_CERT_FILE",
        "--registry-cacert",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("c2VjcmV0"));
}
