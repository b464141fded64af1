//! How the credential of a robot, or a person's application token, is used: as a Secret of Kubernetes, and by the tools that log in. Pure.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::super::commands::Command;

/// A credential that can log in.
#[derive(Clone, Copy)]
pub(super) struct Login<'a> {
    /// The registry's name, with its port.
    pub(super) host: &'a str,
    /// The name that it logs in by.
    pub(super) user: &'a str,
    /// What its Secret is called after: a robot's full name.
    pub(super) name: &'a str,
    pub(super) token: &'a str,
    /// Whether clients must be told to trust the registry's own CA.
    pub(super) own_ca: bool,
}

impl Login<'_> {
    /// What `docker login` would have written, for any tool that reads `config.json`.
    pub(super) fn docker_config(&self) -> String {
        let auth = BASE64_STANDARD.encode(format!("{}:{}", self.user, self.token));
        format!("{:#}", json!({"auths": {self.host: {"auth": auth, "email": ""}}}))
    }

    /// The name of the Secret: `ns+ci_bot` → `ns-ci-bot-pull-secret`, since Kubernetes knows neither `+` nor `_`.
    pub(super) fn secret_name(&self) -> String {
        format!("{}-pull-secret", self.name.replace(['+', '_'], "-"))
    }

    /// The Secret, ready for `kubectl apply`.
    pub(super) fn kubernetes(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {}\ndata:\n  .dockerconfigjson: {}\ntype: kubernetes.io/dockerconfigjson\n",
            self.secret_name(),
            BASE64_STANDARD.encode(self.docker_config()),
        )
    }

    /// How the Secret gets into a cluster and is used there.
    pub(super) fn kubernetes_commands(&self) -> Vec<Command> {
        let name = self.secret_name();
        vec![
            Command {
                does: "Create the Secret in the namespace of your pods",
                lines: format!("kubectl create --filename={name}.yml --namespace=NAMESPACE"),
            },
            Command {
                does: "Name it in the pods",
                lines: format!("spec:\n  imagePullSecrets:\n    - name: {name}"),
            },
        ]
    }

    /// The line that logs a tool in. Robots' names and tokens have no letter that a shell reads anything into; `$app`
    /// is quoted.
    pub(super) fn line(&self, tool: &str, more: &str) -> Command {
        let Self { host, user, token, .. } = self;
        let quote = if user.starts_with('$') { "'" } else { "" };
        Command {
            does: "Log in",
            lines: format!("{tool} login {host} --username {quote}{user}{quote} --password {token}{more}"),
        }
    }

    /// Helm, which can be told whom to trust.
    pub(super) fn helm(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.own_ca {
            commands.push(Command {
                does: "Fetch the registry's CA, once",
                lines: format!("curl -fsSk -o ca.crt https://{}/ca.crt", self.host),
            });
        }
        commands.push(self.line("helm registry", if self.own_ca { " --ca-file ca.crt" } else { "" }));
        commands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: Login<'_> = Login {
        host: "registry.example:8443",
        user: "charts+ci_bot",
        name: "charts+ci_bot",
        token: "ABC123",
        own_ca: true,
    };

    #[test]
    fn the_secret_is_what_kubernetes_reads() {
        let secret: serde_json::Value = serde_yaml_of(&LOGIN.kubernetes());
        assert_eq!(secret["metadata"]["name"], "charts-ci-bot-pull-secret");
        assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
        let config = BASE64_STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        let auth = config["auths"]["registry.example:8443"]["auth"].as_str().unwrap();
        assert_eq!(BASE64_STANDARD.decode(auth).unwrap(), b"charts+ci_bot:ABC123");
    }

    /// Reads the little YAML that a Secret is made of.
    fn serde_yaml_of(text: &str) -> serde_json::Value {
        let mut root = serde_json::Map::new();
        let mut under = String::new();
        for line in text.lines() {
            let (key, value) = line.split_once(':').expect("a key");
            let value = value.trim();
            match (key.strip_prefix("  "), value.is_empty()) {
                (None, true) => under = key.to_owned(),
                (None, false) => {
                    root.insert(key.to_owned(), value.into());
                }
                (Some(key), _) => {
                    let map = root.entry(under.clone()).or_insert_with(|| json!({}));
                    map[key] = value.into();
                }
            }
        }
        root.into()
    }

    #[test]
    fn every_line_logs_in_to_this_registry() {
        assert_eq!(
            LOGIN.line("podman", "").lines,
            "podman login registry.example:8443 --username charts+ci_bot --password ABC123"
        );
        let app = Login { user: "$app", name: "alice-app", ..LOGIN };
        assert_eq!(
            app.line("podman", "").lines,
            "podman login registry.example:8443 --username '$app' --password ABC123"
        );
        assert_eq!(app.secret_name(), "alice-app-pull-secret");
        assert!(LOGIN.helm()[1].lines.ends_with("--password ABC123 --ca-file ca.crt"));
        assert_eq!(Login { own_ca: false, ..LOGIN }.helm().len(), 1);
    }
}
