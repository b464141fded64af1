//! What was done, in a sentence: kinds of the audit log and what goes with them as people read them. Pure.
//!
//! Owns: the words for each kind. Must not know: whose log it is, or how a sentence is drawn.

use super::format;

/// A part of a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// Whether it is what the sentence is about, and not a word of ours.
    pub(super) is_value: bool,
}

/// What goes with a kind: names and values.
pub(super) type Details = Vec<(String, String)>;

/// Sentences by kind, the fullest first: one is chosen when every `{name}` in it is known.
const SENTENCES: &[(&str, &[&str])] = &[
    ("account_change_password", &["Changed the password"]),
    ("account_convert", &["Made the account an organization"]),
    ("change_namespace_tag_expiration", &["Changed how long deleted tags can be restored"]),
    ("change_repo_permission", PERMISSION_GIVEN),
    ("change_repo_visibility", &["Made {repo} {visibility}", "Made the repository {visibility}"]),
    ("change_tag_expiration", &["Changed when {tag} of {repo} expires", "Changed when {tag} expires"]),
    (
        "change_tag_immutability",
        &["Changed whether {tag} of {repo} can move", "Changed whether {tag} can move"],
    ),
    ("create_app_specific_token", &["Created the app token {app_specific_token_title}"]),
    (
        "create_prototype_permission",
        &["Created a default permission for {team}", "Created a default permission for {username}"],
    ),
    ("create_repo", &["Created the repository {repo}", "Created the repository"]),
    ("create_robot", &["Created the robot account {robot}"]),
    ("create_tag", &["Created {tag} in {repo}", "Created {tag}"]),
    ("delete_blob", &["Deleted a blob of {repo}", "Deleted a blob"]),
    (
        "delete_manifest",
        &[
            "Deleted {kept_digest} of {repo}, which stays for an index that lists it",
            "Deleted {kept_digest}, which stays for an index that lists it",
            "Deleted a manifest of {repo}",
            "Deleted a manifest",
        ],
    ),
    ("delete_prototype_permission", &["Deleted a default permission"]),
    ("delete_repo", &["Deleted the repository {repo}", "Deleted the repository"]),
    (
        "delete_repo_permission",
        &[
            "Took the permission of {team} on {repo} away",
            "Took the permission of {username} on {repo} away",
            "Took the permission of {team} away",
            "Took the permission of {username} away",
        ],
    ),
    ("delete_robot", &["Deleted the robot account {robot}"]),
    ("delete_tag", &["Deleted {tag} from {repo}", "Deleted {tag}"]),
    ("login_failure", &["Failed to sign in"]),
    ("login_success", &["Signed in"]),
    ("logout_success", &["Signed out"]),
    (
        "manifest_label_add",
        &["Labelled a manifest of {repo} {key}={value}", "Labelled a manifest {key}={value}"],
    ),
    (
        "manifest_label_delete",
        &[
            "Took the label {key}={value} off a manifest of {repo}",
            "Took the label {key}={value} off a manifest",
        ],
    ),
    ("modify_prototype_permission", &["Changed a default permission"]),
    ("move_tag", &["Moved {tag} in {repo}", "Moved {tag}"]),
    ("org_add_team_member", &["Added {member} to the team {team}"]),
    ("org_change_email", &["Changed the e-mail address of the organization"]),
    ("org_change_name", &["Renamed the organization {old_name} to {new_name}"]),
    ("org_create", &["Created the organization {namespace}", "Created the organization"]),
    ("org_create_team", &["Created the team {team}"]),
    ("org_delete", &["Deleted the organization {namespace}", "Deleted the organization"]),
    ("org_delete_team", &["Deleted the team {team}"]),
    (
        "org_remove_team_member",
        &["Removed {member} from the team {team}", "Removed {member} from the organization"],
    ),
    ("org_set_team_description", &["Changed the description of the team {team}"]),
    ("org_set_team_role", &["Changed the role of the team {team} to {role}"]),
    ("pull_repo", &["Pulled {tag} from {repo}", "Pulled {tag}", "Pulled from {repo}", "Pulled"]),
    ("push_repo", &["Pushed {tag} to {repo}", "Pushed {tag}", "Pushed to {repo}", "Pushed"]),
    ("regenerate_robot_token", &["Made a new token for the robot account {robot}"]),
    ("revert_tag", &["Restored {tag} in {repo}", "Restored {tag}"]),
    ("revoke_app_specific_token", &["Revoked the app token {app_specific_token_title}"]),
    ("set_repo_description", &["Changed the description of {repo}", "Changed the description"]),
    ("take_ownership", &["Took over the namespace {namespace}", "Took over the namespace"]),
    ("user_change_email", &["Changed the e-mail address to {email}"]),
    ("user_change_metadata", &["Changed the profile"]),
    ("user_change_name", &["Renamed the account {old_username} to {new_username}"]),
    ("user_change_password", &["Changed the password"]),
    ("user_create", &["Created the account {username}"]),
    ("user_delete", &["Deleted the account {username}"]),
    ("user_disable", &["Disabled the account {username}"]),
    ("user_enable", &["Enabled the account {username}"]),
    ("user_generate_client_key", &["Made an encrypted password"]),
];

const PERMISSION_GIVEN: &[&str] = &[
    "Gave {team} the permission {role} on {repo}",
    "Gave {username} the permission {role} on {repo}",
    "Gave {team} the permission {role}",
    "Gave {username} the permission {role}",
];

/// The sentence for a kind, and the details that it does not tell. A kind without a sentence is told by its name.
pub(super) fn told(kind: &str, details: Details) -> (Vec<Piece>, Details) {
    let sentences = SENTENCES.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, sentences)| sentences);
    match sentences.iter().find_map(|sentence| filled(sentence, &details)) {
        Some((pieces, names)) => {
            let rest = details.into_iter().filter(|(name, _)| !names.contains(&name.as_str()));
            (pieces, rest.map(|(name, value)| (spaced(&name), shortened(&name, value))).collect())
        }
        None => {
            let rest = details.into_iter().map(|(name, value)| (spaced(&name), shortened(&name, value)));
            (vec![word(&capital(&spaced(kind)))], rest.collect())
        }
    }
}

/// The sentence with its values, and the names of these; `None` when one is not known.
fn filled<'a>(sentence: &'a str, details: &Details) -> Option<(Vec<Piece>, Vec<&'a str>)> {
    let (mut pieces, mut names, mut rest) = (Vec::new(), Vec::new(), sentence);
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        let (_, value) = details.iter().find(|(of, _)| of == name)?;
        if !before.is_empty() {
            pieces.push(word(before));
        }
        pieces.push(Piece { text: value.clone(), is_value: true });
        names.push(name);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(word(rest));
    }
    Some((pieces, names))
}

fn word(text: &str) -> Piece {
    Piece { text: text.to_owned(), is_value: false }
}

/// `manifest_digest` → `manifest digest`.
fn spaced(key: &str) -> String {
    key.replace('_', " ")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Digests are told apart by their beginning.
fn shortened(name: &str, value: String) -> String {
    match value.parse() {
        Ok(digest) if name.ends_with("digest") => format::short(&digest),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(pairs: &[(&str, &str)]) -> Details {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn text(pieces: &[Piece]) -> String {
        pieces
            .iter()
            .map(|piece| if piece.is_value { format!("[{}]", piece.text) } else { piece.text.clone() })
            .collect()
    }

    #[test]
    fn a_sentence_tells_what_it_can_and_leaves_the_rest() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let known = details(&[("tag", "1"), ("repo", "app"), ("manifest_digest", &digest)]);
        let (sentence, rest) = told("push_repo", known);
        assert_eq!(text(&sentence), "Pushed [1] to [app]");
        assert_eq!(rest, details(&[("manifest digest", "sha256:abababababab")]));
    }

    #[test]
    fn what_is_not_known_makes_the_sentence_shorter() {
        assert_eq!(text(&told("push_repo", details(&[("tag", "1")])).0), "Pushed [1]");
        assert_eq!(text(&told("push_repo", Vec::new()).0), "Pushed");
        let kept = details(&[("kept_digest", "sha256:abc")]);
        assert_eq!(
            text(&told("delete_manifest", kept).0),
            "Deleted [sha256:abc], which stays for an index that lists it"
        );
        let given = details(&[("username", "bob"), ("role", "write")]);
        assert_eq!(text(&told("change_repo_permission", given).0), "Gave [bob] the permission [write]");
    }

    #[test]
    fn a_kind_without_a_sentence_keeps_its_name_and_all_details() {
        let (sentence, rest) = told("org_mirror_enabled", details(&[("some_name", "x")]));
        assert_eq!((text(&sentence).as_str(), rest), ("Org mirror enabled", details(&[("some name", "x")])));
        assert_eq!(text(&told("create_robot", Vec::new()).0), "Create robot");
    }

    #[test]
    fn a_value_is_never_read_as_a_placeholder() {
        let (sentence, _) = told("create_robot", details(&[("robot", "{team}")]));
        assert_eq!(text(&sentence), "Created the robot account [{team}]");
    }
}
