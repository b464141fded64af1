//! The user's configuration bundle, taken apart.

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};

use crate::pki::Pair;
use crate::plan::{Problem, Reason};
use crate::snapshot::{Lookup, secret_data};

/// What a configuration bundle holds.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// Name of the Secret; empty when the user names none.
    pub secret: String,
    /// `config.yaml` as written.
    pub yaml: String,
    /// `config.yaml` as values.
    pub settings: Mapping,
    /// `ssl.cert` and `ssl.key`.
    pub certificate: Certificate,
    /// All other files.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The certificate of a bundle.
#[derive(Clone, Debug, Default)]
pub enum Certificate {
    /// Neither certificate nor key.
    #[default]
    Absent,
    /// One without the other.
    Half,
    /// Both.
    Present(Pair),
}

impl Bundle {
    /// A setting that is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.settings.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// A setting as the registry will read it; `None` when it is absent or cannot be read, which validation tells.
    fn read<T>(&self, key: &str, value: impl FnOnce(quay_config::Config) -> Option<T>) -> Option<T> {
        let written = self.settings.get(key).filter(|written| !written.is_null())?;
        let document = Mapping::from_iter([(key.into(), written.clone())]);
        let yaml = serde_yaml::to_string(&document).ok()?;
        value(quay_config::load(&yaml).ok()?.config)
    }

    /// `SECRET_KEY`, to the byte.
    pub fn secret_key(&self) -> Option<String> {
        self.read("SECRET_KEY", |config| config.secret_key.map(|key| key.expose().to_owned()))
    }

    /// `DATABASE_SECRET_KEY`, to the byte.
    pub fn database_secret_key(&self) -> Option<String> {
        self.read("DATABASE_SECRET_KEY", |config| {
            config.database_secret_key.map(|key| key.expose().to_owned())
        })
    }

    /// `SERVER_HOSTNAME`; one that cannot be used is answered as written, to be refused by validation.
    pub fn host(&self) -> Option<String> {
        self.read("SERVER_HOSTNAME", |config| Some(config.server_hostname)).or_else(|| {
            let written = self.settings.get("SERVER_HOSTNAME")?.as_str()?.trim();
            (!written.is_empty()).then(|| written.to_owned())
        })
    }

    /// Whether a setting is written, whatever its value.
    pub fn has(&self, key: &str) -> bool {
        self.settings.contains_key(key)
    }
}

/// Reads the bundle; all problems at once.
pub fn read(lookup: &Lookup) -> Result<Bundle, Vec<Problem>> {
    let secret = match lookup {
        Lookup::NotNamed => return Ok(Bundle::default()),
        Lookup::Missing(name) => {
            return Err(invalid(format!(
                "Secret {name}, named by spec.configBundleSecret, does not exist: create it with the key config.yaml, or remove the name"
            )));
        }
        Lookup::Found(secret) => secret,
    };
    let name = secret.metadata.name.clone().unwrap_or_default();
    let mut files = secret_data(secret.as_ref().clone());
    let certificate = match (take(&mut files, "ssl.cert"), take(&mut files, "ssl.key")) {
        (Some(certificate), Some(key)) => Certificate::Present(Pair {
            certificate: String::from_utf8_lossy(&certificate).into_owned(),
            key: String::from_utf8_lossy(&key).into_owned(),
        }),
        (None, None) => Certificate::Absent,
        _ => Certificate::Half,
    };
    let yaml = String::from_utf8(files.remove("config.yaml").unwrap_or_default())
        .map_err(|_| invalid(format!("config.yaml in Secret {name} is not UTF-8 text: write it anew")))?;
    let settings = if yaml.trim().is_empty() {
        Mapping::new()
    } else {
        match serde_yaml::from_str(&yaml) {
            Ok(Value::Mapping(settings)) => settings,
            Ok(Value::Null) => Mapping::new(),
            Ok(_) | Err(_) => return Err(unreadable(&name, &yaml)),
        }
    };
    Ok(Bundle { secret: name, yaml, settings, certificate, files })
}

fn take(files: &mut BTreeMap<String, Vec<u8>>, key: &str) -> Option<Vec<u8>> {
    files.remove(key).filter(|content| !content.is_empty())
}

/// What the registry itself would say to a text that is no list of keys; it quotes no value.
fn unreadable(secret: &str, yaml: &str) -> Vec<Problem> {
    match quay_config::load(yaml) {
        Err(found) => found
            .iter()
            .map(|problem| {
                Problem::new(Reason::ConfigInvalid, format!("config.yaml in Secret {secret}: {problem}"))
            })
            .collect(),
        Ok(_) => {
            invalid(format!("config.yaml in Secret {secret} is no mapping: write one KEY: value per line"))
        }
    }
}

fn invalid(message: String) -> Vec<Problem> {
    vec![Problem::new(Reason::ConfigInvalid, message)]
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;

    use super::*;

    fn bundle(files: &[(&str, &str)]) -> Lookup {
        let data = files.iter().map(|(k, v)| ((*k).to_owned(), ByteString(v.as_bytes().to_vec()))).collect();
        let mut secret = Secret { data: Some(data), ..Secret::default() };
        secret.metadata.name = Some("bundle".to_owned());
        Lookup::Found(Box::new(secret))
    }

    #[test]
    fn an_empty_bundle_means_defaults() {
        for files in [&[][..], &[("config.yaml", "")][..], &[("config.yaml", "# nothing\n")][..]] {
            assert!(read(&bundle(files)).unwrap().settings.is_empty());
        }
    }

    #[test]
    fn text_that_is_no_mapping_is_refused_without_quoting_it() {
        for yaml in ["- hunter2", "hunter2", "a: [hunter2", "SECRET_KEY = hunter2\nA = 1\n"] {
            let problems = read(&bundle(&[("config.yaml", yaml)])).unwrap_err();
            assert_eq!(problems[0].reason, Reason::ConfigInvalid);
            assert!(!problems[0].message.contains("hunter2"), "{}", problems[0].message);
        }
    }

    #[test]
    fn certificate_and_key_come_in_pairs() {
        assert!(matches!(read(&bundle(&[("ssl.cert", "c")])).unwrap().certificate, Certificate::Half));
        assert!(matches!(
            read(&bundle(&[("ssl.cert", "c"), ("ssl.key", "")])).unwrap().certificate,
            Certificate::Half
        ));
        let both = read(&bundle(&[("ssl.cert", "c"), ("ssl.key", "k"), ("extra_ca_cert_a", "x")])).unwrap();
        assert!(matches!(both.certificate, Certificate::Present(_)));
        assert_eq!(both.files.keys().collect::<Vec<_>>(), ["extra_ca_cert_a"]);
    }
}
