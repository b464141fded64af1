//! Where blobs are kept.

use std::{collections::BTreeMap, fmt};

use serde_yaml::{Mapping, Value};

use crate::{
    config::Config,
    raw::Reading,
    yaml::{Read, mistake},
};

/// A place for blobs. Its parameters hold credentials and are never printed.
#[derive(Clone, PartialEq)]
pub struct StorageLocation {
    /// Quay's name of the driver.
    pub driver: String,
    /// The driver's parameters, as written.
    pub parameters: Mapping,
}

impl fmt::Debug for StorageLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StorageLocation").field(&self.driver).finish()
    }
}

/// What the configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Files in the registry's data folder.
    Embedded,
    /// An external store, by the driver of the preferred location.
    External {
        /// Quay's name of the driver.
        driver: String,
    },
}

const DRIVERS: [&str; 13] = [
    "LocalStorage",
    "S3Storage",
    "STSS3Storage",
    "RadosGWStorage",
    "RHOCSStorage",
    "IBMCloudStorage",
    "GoogleCloudStorage",
    "AzureStorage",
    "SwiftStorage",
    "CloudFrontedS3Storage",
    "CloudFlareStorage",
    "AkamaiS3Storage",
    "MultiCDNStorage",
];

pub(crate) fn locations(value: &Value) -> Read<BTreeMap<String, StorageLocation>> {
    const HINT: &str = "write `location: [driver, {parameters}]`";
    let Value::Mapping(mapping) = value else { return mistake("must be a map of locations", HINT) };
    let mut locations = BTreeMap::new();
    for (name, location) in mapping {
        let Some(name) = name.as_str() else { return mistake("must be a map of locations", HINT) };
        let (driver, parameters) = match location.as_sequence().map(Vec::as_slice) {
            Some([Value::String(driver)]) => (driver, Mapping::new()),
            Some([Value::String(driver), Value::Mapping(parameters)]) => (driver, parameters.clone()),
            _ => return mistake(format!("location {name:?} must be a driver and its parameters"), HINT),
        };
        if !DRIVERS.contains(&driver.as_str()) {
            let driver: String = driver.chars().take(40).collect();
            return mistake(
                format!("{driver:?} is not a valid storage type"),
                format!("use one of {}", DRIVERS.join(", ")),
            );
        }
        locations.insert(name.to_owned(), StorageLocation { driver: driver.clone(), parameters });
    }
    if locations.is_empty() {
        return mistake(
            "must contain at least one storage location",
            "remove the key to keep blobs in the data folder",
        );
    }
    Ok(locations)
}

impl Config {
    /// Which store the configuration asks for; `LocalStorage` means the data folder.
    pub fn storage(&self) -> Storage {
        let preferred = self.distributed_storage_preference.first();
        let location = preferred
            .and_then(|name| self.distributed_storage_config.get(name))
            .or_else(|| self.distributed_storage_config.values().next());
        match location {
            Some(location) if location.driver != "LocalStorage" => {
                Storage::External { driver: location.driver.clone() }
            }
            _ => Storage::Embedded,
        }
    }
}

pub(crate) fn check(config: &Config, reading: &mut Reading) {
    if reading.is_wrong("DISTRIBUTED_STORAGE_CONFIG") {
        return;
    }
    let known: Vec<&str> = config.distributed_storage_config.keys().map(String::as_str).collect();
    for (key, names) in [
        ("DISTRIBUTED_STORAGE_PREFERENCE", &config.distributed_storage_preference),
        ("DISTRIBUTED_STORAGE_DEFAULT_LOCATIONS", &config.distributed_storage_default_locations),
    ] {
        if let Some(missing) = names.iter().find(|name| !known.contains(&name.as_str())) {
            let missing: String = missing.chars().take(40).collect();
            let hint = if known.is_empty() {
                "add it to DISTRIBUTED_STORAGE_CONFIG or remove this key".to_owned()
            } else {
                format!("use one of {}", known.join(", "))
            };
            reading.problem(key, format!("location {missing:?} is not in DISTRIBUTED_STORAGE_CONFIG"), hint);
        }
    }
    if config
        .distributed_storage_config
        .values()
        .any(|location| location.driver == "LocalStorage" && !location.parameters.is_empty())
    {
        reading.warning(
            "DISTRIBUTED_STORAGE_CONFIG",
            "LocalStorage keeps blobs in the data folder, whatever storage_path says",
            "",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_a_location_never_show() {
        let value: Value = serde_yaml::from_str("a: [S3Storage, {s3_secret_key: hunter2}]").unwrap();
        let read = locations(&value).unwrap();
        assert!(!format!("{read:?}").contains("hunter2"));
        assert_eq!(read["a"].parameters["s3_secret_key"], "hunter2");
        let wrong: Value = serde_yaml::from_str("a: {s3_secret_key: hunter2}").unwrap();
        assert!(!format!("{:?}", locations(&wrong).unwrap_err()).contains("hunter2"));
    }

    #[test]
    fn the_preferred_location_says_which_store_is_meant() {
        let config = |yaml: &str| crate::load(yaml).unwrap().config.storage();
        assert_eq!(config(""), Storage::Embedded);
        assert_eq!(
            config("DISTRIBUTED_STORAGE_CONFIG: {a: [LocalStorage, {storage_path: /x}]}"),
            Storage::Embedded
        );
        assert_eq!(
            config(
                "DISTRIBUTED_STORAGE_CONFIG: {a: [LocalStorage], b: [S3Storage, {}]}\nDISTRIBUTED_STORAGE_PREFERENCE: [b]\n"
            ),
            Storage::External { driver: "S3Storage".to_owned() }
        );
    }
}
