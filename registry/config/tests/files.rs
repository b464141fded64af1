//! Whole files: one that is good, one that comes from Quay, one in which everything is wrong.

use quay_config::{Config, Database, Problems, Reload, Storage, load};

const GOOD: &str = include_str!("fixtures/good.yaml");
const UPSTREAM: &str = include_str!("fixtures/upstream.yaml");
const MISTAKES: &str = include_str!("fixtures/mistakes.yaml");

fn told(problems: &[quay_config::Problem]) -> String {
    problems.iter().map(|problem| format!("[{}] {problem}\n", problem.group)).collect()
}

#[test]
fn a_good_file_is_read_without_a_word() {
    let loaded = load(GOOD).unwrap();
    assert_eq!(told(&loaded.warnings), "");
    insta::assert_debug_snapshot!(loaded.config);
}

#[test]
fn a_file_of_quay_is_read_and_what_has_no_effect_is_told() {
    let loaded = load(UPSTREAM).unwrap();
    assert_eq!(loaded.config.database(), Database::Postgres);
    assert_eq!(loaded.config.storage(), Storage::External { driver: "S3Storage".to_owned() });
    assert_eq!(loaded.config.other["MAIL_PORT"], 587);
    insta::assert_snapshot!(told(&loaded.warnings));
}

#[test]
fn every_mistake_is_told_at_once_with_key_value_reason_and_hint() {
    let Problems(problems) = load(MISTAKES).unwrap_err();
    // One per line of the file but the comment.
    assert_eq!(problems.len(), MISTAKES.lines().count() - 1);
    assert!(problems.iter().all(|problem| !problem.message.is_empty() && !problem.hint.is_empty()));
    insta::assert_snapshot!(told(&problems));
}

#[test]
fn secrets_are_in_no_output_whatever_goes_wrong() {
    for file in [GOOD, UPSTREAM, MISTAKES] {
        let output = match load(file) {
            Ok(loaded) => format!("{loaded:?}{}", told(&loaded.warnings)),
            Err(problems) => format!("{problems:?}{problems}"),
        };
        for secret in ["hunter2", "c2d6a2c5", "5b9a0e0f", "48899417", "93934016", "AKIAEXAMPLE"] {
            assert!(!output.contains(secret), "{secret} in {output}");
        }
    }
    // The control: they are in the files.
    assert!(
        [GOOD, UPSTREAM, MISTAKES].iter().all(|file| file.contains("hunter2") || file.contains("c2d6a2c5"))
    );
}

#[test]
fn a_misspelt_secret_is_named_and_not_shown() {
    let misspelt = [
        "DATABASE_SECRETKEY",
        "SECRET_KEYS",
        "SECERT_KEY",
        "DBURI",
        "DB_PASS",
        "MAIL_PASSWORDS",
        "BUILDLOG_REDIS",
        "WHAT_ELSE",
    ];
    for key in misspelt {
        for value in ["hunter2", "[hunter2]", "{password: hunter2}", "!x hunter2", "7736861234567890"] {
            let loaded = load(&format!("{key}: {value}\n")).unwrap();
            let output = format!("{loaded:?}{}", told(&loaded.warnings));
            assert!(output.contains(&format!("{key} = (redacted)")), "{output}");
            assert!(!output.contains("hunter2") && !output.contains("7736861234567890"), "{output}");
        }
    }
    // What is no name of a key is not shown either.
    let refusal = load("[hunter2]: x\n{hunter2: a}: y\n").unwrap_err().to_string();
    assert_eq!(refusal.matches("(redacted)").count(), 2, "{refusal}");
    assert!(!refusal.contains("hunter2"), "{refusal}");
}

#[test]
fn an_empty_file_means_the_defaults() {
    for nothing in ["", "\n# nothing\n", "{}", "SERVER_HOSTNAME:\n"] {
        let loaded = load(nothing).unwrap();
        assert_eq!(loaded.config, Config::default());
        assert!(loaded.warnings.is_empty());
    }
    insta::assert_debug_snapshot!(Config::default());
}

#[test]
fn what_is_no_document_of_keys_is_refused_with_the_place() {
    let refusals: Vec<_> =
        ["- a\n", "text", "a: [1\n", "A: 1\nA: 2\n", "1: 2\n", "SECRET_KEY: \"hunter2\n", "a: &a [*a]\n"]
            .into_iter()
            .map(|yaml| load(yaml).unwrap_err().to_string())
            .collect();
    assert!(!refusals.join("").contains("hunter2"));
    insta::assert_snapshot!(refusals.join("\n"));
    assert!(load(&"#".repeat(2 << 20)).unwrap_err().to_string().contains("larger than"));
}

#[test]
fn a_default_that_falls_out_of_the_options_is_told() {
    let refusal = |yaml: &str| load(yaml).unwrap_err().to_string();
    assert_eq!(
        refusal("DEFAULT_TAG_EXPIRATION: 3w\n"),
        "must be one of TAG_EXPIRATION_OPTIONS: DEFAULT_TAG_EXPIRATION = \"3w\"; write one of 0s, 1d, 1w, 2w, 4w, or add it to that list"
    );
    assert!(refusal("TAG_EXPIRATION_OPTIONS: [1d]\n").starts_with("its default 2w must be one of"));
    assert!(load("TAG_EXPIRATION_OPTIONS: [14d]\n").is_ok());
}

#[test]
fn combinations_that_defeat_themselves_are_warned_of() {
    let warned = |yaml: &str| told(&load(yaml).unwrap().warnings);
    let table = "ALLOWED_OCI_ARTIFACT_TYPES: {a/b: [c/d]}\n";
    assert!(warned(table).contains("so cosign signatures and Helm charts are refused"));
    let named = "ALLOWED_OCI_ARTIFACT_TYPES: {a/b: [application/vnd.dev.cosign.simplesigning.v1+json]}\n";
    assert_eq!(warned(&format!("{named}FEATURE_HELM_OCI_SUPPORT: true\n")), "");
    assert!(warned(&format!("{table}IGNORE_UNKNOWN_MEDIATYPES: true\n")).contains("not enforced"));
    assert!(
        warned("FEATURE_HELM_OCI_SUPPORT: true\nFEATURE_GENERAL_OCI_SUPPORT: false\n")
            .contains("charts are refused")
    );
    assert!(warned("SECRET_KEY: short\n").contains("shorter than 16"));
    assert!(warned("PREFERRED_URL_SCHEME: http\n").contains("speaks TLS"));
}

#[test]
fn what_cannot_be_switched_off_is_warned_of() {
    let warned = |yaml: &str| told(&load(yaml).unwrap().warnings);
    assert!(warned("EXTERNAL_TLS_TERMINATION: true\n").contains("speaks TLS nevertheless"));
    assert_eq!(warned("EXTERNAL_TLS_TERMINATION: false\n"), "");
    assert_eq!(warned("FEATURE_LIBRARY_SUPPORT: false\n"), "");
    assert!(
        warned("FEATURE_LIBRARY_SUPPORT: false\nLIBRARY_NAMESPACE: other\n")
            .contains("names of one component are refused")
    );
    assert_eq!(warned("LIBRARY_NAMESPACE: other\n"), "");
    for unread in ["AVATAR_KIND: local\n", "V2_PAGINATION_SIZE: 10\n"] {
        assert!(warned(unread).contains("key has no effect in this registry"), "{unread}");
    }
}

#[test]
fn the_artifact_keys_tell_absent_from_false() {
    let absent = Config::default();
    assert_eq!((absent.feature_helm_oci_support, absent.ignore_unknown_mediatypes), (None, None));
    assert!(absent.feature_general_oci_support && absent.allowed_oci_artifact_types.is_none());
    let written = load(
        "FEATURE_HELM_OCI_SUPPORT: no\nIGNORE_UNKNOWN_MEDIATYPES: 'False'\nALLOWED_OCI_ARTIFACT_TYPES: {}\n",
    );
    let written = written.unwrap().config;
    assert_eq!(
        (written.feature_helm_oci_support, written.ignore_unknown_mediatypes),
        (Some(false), Some(false))
    );
    assert_eq!(written.allowed_oci_artifact_types, Some(std::collections::BTreeMap::new()));
    for key in [
        "FEATURE_HELM_OCI_SUPPORT",
        "FEATURE_GENERAL_OCI_SUPPORT",
        "ALLOWED_OCI_ARTIFACT_TYPES",
        "IGNORE_UNKNOWN_MEDIATYPES",
    ] {
        assert_eq!(quay_config::reload_class(key), Reload::Live);
    }
}

#[test]
fn only_live_keys_are_taken_over_by_a_running_process() {
    let running = load(GOOD).unwrap().config;
    let newer =
        load("SERVER_HOSTNAME: elsewhere.example\nSUPER_USERS: [bob]\nSECRET_KEY: another-long-secret-key\n")
            .unwrap()
            .config;
    let now = running.with_live(&newer);
    assert_eq!(now.super_users, ["bob"]);
    assert!(!now.create_namespace_on_push, "a live key that is gone has its default again");
    assert!(running.create_namespace_on_push);
    assert_eq!(now.server_hostname, "quay.example.com:8443");
    assert_eq!(now.secret_key, running.secret_key);
}
