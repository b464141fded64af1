//! What to type to push, pull and verify: lines that can be copied into a shell as they stand.
//!
//! Owns: which tools fit which kind of artifact, and their arguments. Pure; must not know: pages. Every word that comes
//! from outside is quoted unless it consists of letters that no shell reads anything into.

use std::borrow::Cow;

use quay_oci::{Digest, RepositoryName};

/// How an artifact is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As a container image.
    Image,
    /// As a chart of Helm.
    Chart,
    /// As an image of Singularity or Apptainer.
    Singularity,
    /// As files.
    Files,
}

/// Where an artifact is.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    /// The registry's name, with its port.
    pub(super) host: &'a str,
    /// The repository.
    pub(super) repository: &'a RepositoryName,
    /// The tag it was looked up by.
    pub(super) tag: Option<&'a str>,
    /// The artifact itself.
    pub(super) digest: &'a Digest,
    /// Whether clients must be told to trust the registry's own CA.
    pub(super) own_ca: bool,
}

/// Lines for one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// What it does.
    pub(super) does: &'static str,
    /// What to type.
    pub(super) lines: String,
}

/// What one tool can do here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    /// The tool.
    pub(super) tool: &'static str,
    /// In the order in which they are needed.
    pub(super) commands: Vec<Command>,
    /// What else to know.
    pub(super) hint: Option<&'static str>,
}

const OLD_HELM: &str = "Helm before 3.13 has no --ca-file here: add the CA to the system's trust instead.";
const NO_LOG: &str =
    "Signed without a public transparency log? Add --insecure-ignore-tlog=true (cosign 2 and 3).";

impl At<'_> {
    fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    fn by_digest(&self) -> String {
        word(&format!("{}@{}", self.name(), self.digest)).into_owned()
    }

    fn by_tag(&self) -> String {
        match self.tag {
            Some(tag) => word(&format!("{}:{tag}", self.name())).into_owned(),
            None => self.by_digest(),
        }
    }

    /// Where Helm pushes to: the name of the chart is appended by it.
    fn parent(&self) -> String {
        parent(self.host, self.repository)
    }

    fn chart(&self) -> &str {
        let name = self.repository.repository();
        name.rsplit_once('/').map_or(name, |(_, last)| last)
    }

    /// Chart and version as Helm wants them; by digest where the tag is no version.
    fn chart_words(&self) -> String {
        match self.tag.and_then(version_of_tag) {
            Some(version) => {
                format!("{} --version {}", word(&format!("oci://{}", self.name())), word(&version))
            }
            None => word(&format!("oci://{}@{}", self.name(), self.digest)).into_owned(),
        }
    }

    /// The flag by which a tool is told of the CA, with a space before it.
    fn ca_flag(&self, flag: &str) -> String {
        if self.own_ca { format!(" {flag} ca.crt") } else { String::new() }
    }
}

/// Everything that can be done with an artifact, tool by tool.
pub(super) fn recipes(way: Way, at: &At<'_>, signed: bool) -> Vec<Recipe> {
    let mut recipes = match way {
        Way::Image => vec![podman(at), docker(at)],
        Way::Chart => vec![helm(at)],
        Way::Singularity => vec![singularity(at), oras(at)],
        Way::Files => vec![oras(at)],
    };
    if signed {
        recipes.push(Recipe { tool: "cosign", commands: vec![verify(at), tree(at)], hint: Some(NO_LOG) });
    }
    recipes
}

/// The few that belong beside a tag in a list.
pub(super) fn brief(way: Way, at: &At<'_>, signed: bool) -> Vec<Command> {
    let mut commands = match way {
        Way::Image => vec![podman_pull(at), docker_pull(at)],
        Way::Chart => vec![helm_pull(at), helm_install(at)],
        Way::Singularity => vec![singularity_pull(at)],
        Way::Files => vec![oras_pull(at)],
    };
    if signed {
        commands.push(verify(at));
    }
    commands
}

/// How to sign what is not signed yet.
pub(super) fn sign(at: &At<'_>) -> Vec<Command> {
    let ca = at.ca_flag("--registry-cacert");
    vec![
        Command { does: "Make a key pair, once", lines: "cosign generate-key-pair".to_owned() },
        Command { does: "Sign", lines: format!("cosign sign --key cosign.key{ca} {}", at.by_digest()) },
    ]
}

/// How something gets into a repository that holds nothing yet.
pub(super) fn first_push(
    host: &str,
    repository: &RepositoryName,
    user: Option<&str>,
    own_ca: bool,
) -> Vec<Recipe> {
    let at_host = word(host).into_owned();
    let name = |suffix: &str| word(&format!("{host}/{repository}{suffix}")).into_owned();
    let user = word(user.unwrap_or("USERNAME")).into_owned();
    let ca = if own_ca { " --ca-file ca.crt" } else { "" };
    let mut podman = Vec::new();
    if own_ca {
        podman.push(trust_containers(host));
    }
    podman.push(Command { does: "Log in", lines: format!("podman login --username {user} {at_host}") });
    podman.push(Command {
        does: "Push an image",
        lines: format!("podman push localhost/IMAGE:TAG {}", name(":TAG")),
    });
    let mut helm = Vec::new();
    if own_ca {
        helm.push(fetch_ca(host));
    }
    helm.push(Command {
        does: "Log in",
        lines: format!("helm registry login {at_host} --username {user}{ca}"),
    });
    let last = repository.repository().rsplit('/').next().unwrap_or_default();
    helm.push(Command {
        does: "Push a chart",
        lines: format!(
            "helm push {}{ca}",
            [word(&format!("{last}-VERSION.tgz")), word(&parent(host, repository))].join(" ")
        ),
    });
    let oras = vec![
        Command { does: "Log in", lines: format!("oras login --username {user}{ca} {at_host}") },
        Command { does: "Push a file", lines: format!("oras push{ca} {} ./FILE", name(":TAG")) },
    ];
    vec![
        Recipe { tool: "Podman", commands: podman, hint: None },
        Recipe { tool: "Helm", commands: helm, hint: own_ca.then_some(OLD_HELM) },
        Recipe { tool: "ORAS", commands: oras, hint: None },
    ]
}

fn parent(host: &str, repository: &RepositoryName) -> String {
    let name = repository.as_str();
    let above = name.rsplit_once('/').map_or("", |(above, _)| above);
    format!("oci://{host}/{above}")
}

/// Fetches the CA into the working folder.
fn fetch_ca(host: &str) -> Command {
    Command {
        does: "Fetch the registry's CA, once",
        lines: format!("curl -fsSk -o ca.crt {}", word(&format!("https://{host}/ca.crt"))),
    }
}

/// Puts the CA where podman, buildah and skopeo look for it.
fn trust_containers(host: &str) -> Command {
    let folder = word_after(".config/containers/certs.d/", host);
    Command {
        does: "Trust the registry's CA, once",
        lines: format!(
            "mkdir -p ~/{folder}\ncurl -fsSk -o ~/{folder}/ca.crt {}",
            word(&format!("https://{host}/ca.crt"))
        ),
    }
}

fn trust_docker(host: &str) -> Command {
    let folder = word(&format!("/etc/docker/certs.d/{host}")).into_owned();
    Command {
        does: "Trust the registry's CA, once",
        lines: format!(
            "sudo mkdir -p {folder}\nsudo curl -fsSk -o {folder}/ca.crt {}",
            word(&format!("https://{host}/ca.crt"))
        ),
    }
}

fn with_trust(at: &At<'_>, trust: Command, commands: Vec<Command>) -> Vec<Command> {
    if at.own_ca { std::iter::once(trust).chain(commands).collect() } else { commands }
}

fn podman(at: &At<'_>) -> Recipe {
    let by_digest = Command { does: "Pull by digest", lines: format!("podman pull {}", at.by_digest()) };
    let commands = with_trust(at, trust_containers(at.host), with_digest(at, podman_pull(at), by_digest));
    Recipe { tool: "Podman", commands, hint: None }
}

fn docker(at: &At<'_>) -> Recipe {
    let by_digest = Command { does: "Pull by digest", lines: format!("docker pull {}", at.by_digest()) };
    let commands = with_trust(at, trust_docker(at.host), with_digest(at, docker_pull(at), by_digest));
    Recipe { tool: "Docker", commands, hint: None }
}

/// Without a tag the first already is by digest.
fn with_digest(at: &At<'_>, by_tag: Command, by_digest: Command) -> Vec<Command> {
    if at.tag.is_some() { vec![by_tag, by_digest] } else { vec![by_tag] }
}

fn podman_pull(at: &At<'_>) -> Command {
    Command { does: "podman pull", lines: format!("podman pull {}", at.by_tag()) }
}

fn docker_pull(at: &At<'_>) -> Command {
    Command { does: "docker pull", lines: format!("docker pull {}", at.by_tag()) }
}

fn helm(at: &At<'_>) -> Recipe {
    let ca = at.ca_flag("--ca-file");
    let commands = vec![
        helm_pull(at),
        helm_install(at),
        Command { does: "helm show", lines: format!("helm show values {}{ca}", at.chart_words()) },
        Command {
            does: "helm push",
            lines: format!(
                "helm push {} {}{ca}",
                word(&format!("{}-VERSION.tgz", at.chart())),
                word(&at.parent())
            ),
        },
    ];
    let commands = with_trust(at, fetch_ca(at.host), commands);
    Recipe { tool: "Helm", commands, hint: at.own_ca.then_some(OLD_HELM) }
}

fn helm_pull(at: &At<'_>) -> Command {
    let ca = at.ca_flag("--ca-file");
    Command { does: "helm pull", lines: format!("helm pull {}{ca}", at.chart_words()) }
}

fn helm_install(at: &At<'_>) -> Command {
    let ca = at.ca_flag("--ca-file");
    let release = release_name(at.chart());
    Command { does: "helm install", lines: format!("helm install {release} {}{ca}", at.chart_words()) }
}

fn oras(at: &At<'_>) -> Recipe {
    let ca = at.ca_flag("--ca-file");
    let commands = vec![
        oras_pull(at),
        Command {
            does: "See its manifest",
            lines: format!("oras manifest fetch --pretty{ca} {}", at.by_tag()),
        },
        Command { does: "See what refers to it", lines: format!("oras discover{ca} {}", at.by_tag()) },
    ];
    Recipe { tool: "ORAS", commands: with_trust(at, fetch_ca(at.host), commands), hint: None }
}

fn oras_pull(at: &At<'_>) -> Command {
    let ca = at.ca_flag("--ca-file");
    Command { does: "oras pull", lines: format!("oras pull{ca} {}", at.by_tag()) }
}

fn singularity(at: &At<'_>) -> Recipe {
    let hint = "Singularity and Apptainer know the CAs of the system only: add this registry's CA there.";
    Recipe { tool: "Singularity", commands: vec![singularity_pull(at)], hint: at.own_ca.then_some(hint) }
}

fn singularity_pull(at: &At<'_>) -> Command {
    let name = match at.tag {
        Some(tag) => format!("oras://{}:{tag}", at.name()),
        None => format!("oras://{}@{}", at.name(), at.digest),
    };
    Command { does: "singularity pull", lines: format!("singularity pull {}", word(&name)) }
}

fn verify(at: &At<'_>) -> Command {
    let ca = at.ca_flag("--registry-cacert");
    Command { does: "cosign verify", lines: format!("cosign verify --key cosign.pub{ca} {}", at.by_digest()) }
}

fn tree(at: &At<'_>) -> Command {
    let ca = at.ca_flag("--registry-cacert");
    Command { does: "cosign tree", lines: format!("cosign tree{ca} {}", at.by_digest()) }
}

/// The version behind a tag: Helm writes `+` as `_`. Nothing when the tag is no version.
pub(super) fn version_of_tag(tag: &str) -> Option<String> {
    let version = tag.replacen('_', "+", 1);
    let core = version.split(['-', '+']).next()?;
    let core = core.strip_prefix('v').unwrap_or(core);
    let numbers: Vec<&str> = core.split('.').collect();
    let number = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (numbers.len() == 3 && numbers.iter().all(number) && !version.contains('_')).then_some(version)
}

/// A name that Helm takes for a release.
fn release_name(chart: &str) -> String {
    let name: String =
        chart.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(53).collect();
    name.trim_matches('-').to_ascii_lowercase()
}

/// A word of a shell's line.
fn word(text: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

/// A word that begins with letters which need no quotes, so that `~/` before them keeps its meaning.
fn word_after(plain: &str, rest: &str) -> String {
    format!("{plain}{}", word(rest))
}

#[cfg(test)]
mod tests {
    use std::process::Command as Process;

    use super::*;

    fn name(text: &str) -> RepositoryName {
        RepositoryName::parse(text).unwrap()
    }

    fn written(recipes: &[Recipe]) -> String {
        let mut text = String::new();
        for recipe in recipes {
            text.push_str(&format!("{}\n", recipe.tool));
            for command in &recipe.commands {
                let lines = command.lines.replace('\n', "\n      ");
                text.push_str(&format!("  {}\n      {lines}\n", command.does));
            }
            if let Some(hint) = recipe.hint {
                text.push_str(&format!("  ({hint})\n"));
            }
        }
        text
    }

    /// Something to fetch, with all that an [`At`] borrows.
    struct Place {
        host: &'static str,
        repository: RepositoryName,
        tag: Option<&'static str>,
        digest: Digest,
        own_ca: bool,
    }

    impl Place {
        fn image() -> Self {
            Self {
                host: "registry.example",
                repository: name("org/app"),
                tag: Some("v1"),
                digest: Digest::sha256(b"image"),
                own_ca: true,
            }
        }

        fn at(&self) -> At<'_> {
            let Self { host, repository, tag, digest, own_ca } = self;
            At { host, repository, tag: *tag, digest, own_ca: *own_ca }
        }
    }

    #[test]
    fn a_chart_is_pulled_and_installed_by_version() {
        let chart = Place {
            host: "registry.example:8443",
            repository: name("helm/team/etherpad"),
            tag: Some("0.0.4_b1"),
            digest: Digest::sha256(b"chart"),
            ..Place::image()
        };
        insta::assert_snapshot!(written(&recipes(Way::Chart, &chart.at(), true)));
    }

    #[test]
    fn an_image_is_pulled_by_tag_and_by_digest() {
        insta::assert_snapshot!(written(&recipes(Way::Image, &Place::image().at(), false)));
    }

    #[test]
    fn with_a_certificate_that_everybody_trusts_no_line_speaks_of_a_ca() {
        let place = Place { own_ca: false, ..Place::image() };
        for way in [Way::Image, Way::Chart, Way::Singularity, Way::Files] {
            let text = written(&recipes(way, &place.at(), true));
            assert!(!text.contains("ca.crt") && !text.contains("certs.d"), "{text}");
        }
        assert!(!written(&first_push(place.host, &place.repository, None, false)).contains("ca.crt"));
    }

    #[test]
    fn what_has_no_tag_is_fetched_by_digest() {
        let place = Place { tag: None, own_ca: false, ..Place::image() };
        for way in [Way::Image, Way::Chart, Way::Singularity, Way::Files] {
            for command in brief(way, &place.at(), true) {
                let at_digest = format!("registry.example/org/app@{}", place.digest);
                assert!(command.lines.contains(&at_digest), "{command:?}");
            }
        }
    }

    #[test]
    fn an_empty_repository_names_the_next_step() {
        insta::assert_snapshot!(written(&first_push(
            "registry.example",
            &name("org/a/b"),
            Some("alice"),
            true
        )));
    }

    #[test]
    fn only_versions_become_versions() {
        for (tag, version) in [
            ("0.0.4", Some("0.0.4")),
            ("v1.2.3", Some("v1.2.3")),
            ("1.0.0-rc.1", Some("1.0.0-rc.1")),
            ("0.1.0_b1", Some("0.1.0+b1")),
            ("1.0.0-a_b.2", Some("1.0.0-a+b.2")),
            ("latest", None),
            ("1.2", None),
            ("1.2.x", None),
            ("1..3", None),
            ("1.2.3_a_b", None),
        ] {
            assert_eq!(version_of_tag(tag).as_deref(), version, "{tag}");
        }
    }

    #[test]
    fn a_shell_reads_every_word_as_it_was_meant() {
        for hostile in [
            "a b",
            "$(id)",
            "`id`",
            "a'b",
            "a;id",
            "*",
            "[::1]:8443",
            "",
            "\"",
            "\\",
            "~",
            "a\nb",
            "#x",
            "!!",
        ] {
            let out = Process::new("sh")
                .args(["-c", &format!("printf %s {}", word(hostile))])
                .output()
                .expect("a shell");
            assert_eq!(String::from_utf8_lossy(&out.stdout), hostile);
        }
        // An address of IPv6 has letters that a shell would look for files with.
        let place = Place { host: "[::1]:8443", ..Place::image() };
        assert_eq!(podman_pull(&place.at()).lines, "podman pull '[::1]:8443/org/app:v1'");
        assert!(
            trust_containers(place.host)
                .lines
                .starts_with("mkdir -p ~/.config/containers/certs.d/'[::1]:8443'\n")
        );
    }
}
