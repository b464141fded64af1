//! How clients are made to trust this registry, system by system, and the certificate itself.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use quay_oci::Digest;

use super::frame::{Frame, Section, page};
use super::problem::Answer;
use super::visit::Visit;
use crate::http::names::without_port;
use crate::http::{App, reply};

#[derive(Template)]
#[template(path = "trust.html")]
struct Trust {
    frame: Frame,
    systems: Vec<System>,
    /// SHA-256 of the certificate, as openssl prints it.
    fingerprint: Option<String>,
}

/// What to do on one kind of system.
struct System {
    id: &'static str,
    name: &'static str,
    lead: &'static str,
    lines: String,
}

/// `GET /trust`.
pub(super) async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let pem = app.authority.pem();
    page(&Trust {
        fingerprint: pem.as_deref().and_then(fingerprint),
        systems: if pem.is_some() { systems(visit.host()) } else { Vec::new() },
        frame: visit.frame("Trust this registry").section(Section::Trust),
    })
}

/// `GET /ca.crt`: public, since nobody can be trusted before it is known.
pub(super) async fn certificate(State(app): State<App>) -> Response {
    let Some(pem) = app.authority.pem() else {
        let said = "this registry's certificate was not issued by an authority of its own: \
                    ask whoever runs it which authority to trust\n";
        return reply::text(StatusCode::NOT_FOUND, said.to_owned());
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/x-x509-ca-cert")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"ca.crt\"")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, pem).into_response()
}

/// `AB:CD:…` of the first certificate.
fn fingerprint(pem: &str) -> Option<String> {
    let body = pem.split("-----BEGIN CERTIFICATE-----").nth(1)?.split("-----END").next()?;
    let compact: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = BASE64_STANDARD.decode(compact).ok()?;
    let hex = Digest::sha256(&der).hex().to_ascii_uppercase();
    let pairs: Vec<&str> = (0..hex.len()).step_by(2).filter_map(|at| hex.get(at..at + 2)).collect();
    Some(pairs.join(":"))
}

/// The lines for every system. `host` consists of letters that no shell reads anything into.
fn systems(host: &str) -> Vec<System> {
    let dns = without_port(host);
    // A key of a ConfigMap has no colon; OpenShift reads two dots as one.
    let key = host.replace(':', "..");
    let system = |id, name, lead, lines: String| System { id, name, lead, lines };
    vec![
        system(
            "helm",
            "Helm",
            "Helm takes the certificate with every command. Before 3.13, push and pull do not know the option: \
             add the certificate to the operating system there.",
            format!(
                "helm registry login {host} --ca-file ca.crt\n\
                 helm push CHART-VERSION.tgz oci://{host}/ORGANIZATION --ca-file ca.crt\n\
                 helm pull oci://{host}/ORGANIZATION/CHART --version VERSION --ca-file ca.crt"
            ),
        ),
        system(
            "podman",
            "Podman, Buildah, Skopeo",
            "They look in a folder of the registry's name, port included. Without root, the folder is \
             ~/.config/containers/certs.d.",
            format!(
                "sudo mkdir -p /etc/containers/certs.d/{host}\nsudo cp ca.crt /etc/containers/certs.d/{host}/ca.crt"
            ),
        ),
        system(
            "docker",
            "Docker",
            "The daemon reads the folder at every request; it need not be restarted.",
            format!(
                "sudo mkdir -p /etc/docker/certs.d/{host}\nsudo cp ca.crt /etc/docker/certs.d/{host}/ca.crt"
            ),
        ),
        system(
            "containerd",
            "containerd (Kubernetes nodes)",
            "With config_path = \"/etc/containerd/certs.d\" in its configuration, containerd reads this at every pull.",
            format!(
                "sudo mkdir -p /etc/containerd/certs.d/{host}\n\
                 sudo cp ca.crt /etc/containerd/certs.d/{host}/ca.crt\n\
                 sudo tee /etc/containerd/certs.d/{host}/hosts.toml <<'END'\n\
                 server = \"https://{host}\"\n\n\
                 [host.\"https://{host}\"]\n  ca = \"/etc/containerd/certs.d/{host}/ca.crt\"\nEND"
            ),
        ),
        system(
            "cosign",
            "cosign",
            "Recent versions (2.6 and 3) have an option for it. Older ones (1.13) read the variable; it replaces the \
             system's certificates, so append them where a public log is used as well.",
            format!(
                "cosign verify --key cosign.pub --registry-cacert ca.crt {host}/ORGANIZATION/NAME@DIGEST\n\
                 SSL_CERT_FILE=$PWD/ca.crt cosign verify --key cosign.pub {host}/ORGANIZATION/NAME@DIGEST"
            ),
        ),
        system(
            "oras",
            "ORAS",
            "ORAS takes the certificate with every command.",
            format!(
                "oras login --ca-file ca.crt {host}\noras pull --ca-file ca.crt {host}/ORGANIZATION/NAME:TAG"
            ),
        ),
        system(
            "debian",
            "Debian, Ubuntu",
            "For every program that uses the system's certificates, and for Helm of any age.",
            format!("sudo cp ca.crt /usr/local/share/ca-certificates/{dns}.crt\nsudo update-ca-certificates"),
        ),
        system(
            "rhel",
            "Red Hat Enterprise Linux, Fedora",
            "For every program that uses the system's certificates.",
            format!("sudo cp ca.crt /etc/pki/ca-trust/source/anchors/{dns}.crt\nsudo update-ca-trust"),
        ),
        system(
            "openshift",
            "OpenShift",
            "The cluster's nodes and builds trust it from then on. An additionalTrustedCA that is set already must \
             get one more key instead.",
            format!(
                "oc create configmap registry-cas --namespace openshift-config --from-file={key}=ca.crt\n\
                 oc patch image.config.openshift.io/cluster --type merge \\\n  \
                 --patch '{{\"spec\":{{\"additionalTrustedCA\":{{\"name\":\"registry-cas\"}}}}}}'"
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_that_of_the_first_certificate() {
        let pem = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        let expected =
            "03:90:58:C6:F2:C0:CB:49:2C:53:3B:0A:4D:14:EF:77:CC:0F:78:AB:CC:CE:D5:28:7D:84:A1:A2:01:1C:FB:81";
        assert_eq!(fingerprint(pem).as_deref(), Some(expected));
        assert_eq!(fingerprint("nothing"), None);
    }

    #[test]
    fn every_system_names_the_registry_with_its_port_where_it_matters() {
        let systems = systems("registry.example:8443");
        let lines = |id: &str| &systems.iter().find(|system| system.id == id).expect("there").lines;
        assert!(lines("podman").contains("/etc/containers/certs.d/registry.example:8443/ca.crt"));
        assert!(lines("openshift").contains("--from-file=registry.example..8443=ca.crt"));
        assert!(lines("openshift").contains(r#"'{"spec":{"additionalTrustedCA":{"name":"registry-cas"}}}'"#));
        assert!(lines("debian").contains("/usr/local/share/ca-certificates/registry.example.crt"));
        assert!(lines("containerd").contains("[host.\"https://registry.example:8443\"]\n  ca = "));
    }
}
