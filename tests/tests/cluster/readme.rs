//! The README's lines, as they stand and in order, in one shell on the cluster of the tests. What they change of the
//! machine (its trust, containerd's folder) is a copy of the shell's own, except that the folder is the cluster's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use quay_tests::artifact::tags;
use quay_tests::clients::{HELM_4, program};
use quay_tests::cluster::Case;
use quay_tests::out::{self, Kind};
use quay_tests::secrets;
use serde_json::Value;
use tokio::process::Command;

/// Longer than all of it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(420);

/// Blocks that do not run here, by their first line, and why.
const ELSEWHERE: [(&str, &str); 7] = [
    (
        "make demo    # from nothing to a chart installed out of a registry made by `spec: {}`",
        "this is a part of `make test`, and the demo has a cluster of its own",
    ),
    (
        "make images IMAGES=registry.example.com/quay       # two OCI archives in .build/images",
        "needs a registry that the cluster can pull from; the lane loads the images and installs the same chart",
    ),
    ("sudo cp ca.crt /etc/pki/ca-trust/source/anchors/quay-example.crt", "Fedora and RHEL only"),
    (
        r#"oc create configmap quay-example-ca --namespace openshift-config --from-file="${HOST/:/..}=ca.crt""#,
        "OpenShift only",
    ),
    (
        "oc get route example-quay -o jsonpath='{.spec.host}'",
        "OpenShift only; the tests of Routes play the router",
    ),
    (
        "make images olm-images IMAGES=registry.example.com/quay",
        "needs a registry that OLM can pull from; the tests of the bundle apply what OLM would",
    ),
    ("cargo build --release --locked -p quay-registry", "the suite of processes runs these lines"),
];

/// A block of shell lines.
#[derive(Debug)]
struct Block {
    heading: String,
    text: String,
}

impl Block {
    fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    fn reason(&self) -> Option<&'static str> {
        ELSEWHERE.iter().find(|(line, _)| *line == self.first_line()).map(|(_, reason)| *reason)
    }
}

fn blocks() -> Result<Vec<Block>> {
    let readme = fs::read_to_string(out::repository().join("README.md"))?;
    let (mut blocks, mut heading, mut open): (Vec<Block>, String, Option<bool>) =
        (Vec::new(), String::new(), None);
    for line in readme.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(language), None) => {
                open = Some(language == "sh");
                if language == "sh" {
                    blocks.push(Block { heading: heading.clone(), text: String::new() });
                }
            }
            (Some(_), Some(_)) => open = None,
            (None, Some(true)) => {
                let block = blocks.last_mut().context("an open block")?;
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, Some(false)) => {}
            (None, None) => {
                if let Some(title) = line.strip_prefix("## ") {
                    title.clone_into(&mut heading);
                }
            }
        }
    }
    ensure!(open.is_none(), "the README ends inside a block");
    Ok(blocks)
}

#[test]
fn every_block_of_the_readme_runs_here_or_has_a_reason() -> Result<()> {
    let blocks = blocks()?;
    for (line, _) in ELSEWHERE {
        let found = blocks.iter().filter(|block| block.first_line() == line).count();
        ensure!(found == 1, "{found} blocks of the README begin with {line:?}");
    }
    let run: Vec<&str> =
        blocks.iter().filter(|block| block.reason().is_none()).map(|block| block.heading.as_str()).collect();
    for workflow in [
        "The console",
        "Helm charts",
        "Trust",
        "Images",
        "Signatures",
        "Other artifacts, and which are allowed",
        "kustomize",
    ] {
        ensure!(run.contains(&workflow), "no block of {workflow:?} is run");
    }
    Ok(())
}

#[tokio::test]
async fn the_readmes_lines_work_as_they_stand() -> Result<()> {
    Case::run(async |case| {
        let shell = Shell::new(case).await?;
        let said = shell.run(&script(&blocks()?)).await?;

        let robot: Value = serde_json::from_slice(&fs::read(shell.folder.join("robot.json"))?)?;
        secrets::known(robot["token"].as_str().context("token")?)?;
        let at = case.endpoint("example").await?;
        let said = said.context("the README's lines")?;
        // the chart's comes first; what oras pushes later has its own
        let digests: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("Digest: ")).collect();
        let chart = digests.first().context("a digest")?;
        ensure!(digests.iter().filter(|digest| *digest == chart).count() >= 3, "push and pull: {digests:?}");
        for (repository, expected) in
            [("helm/etherpad", &["0.0.4"][..]), ("library/etherpad", &["0.0.4"]), ("helm/copy", &["zstd"])]
        {
            assert_eq!(tags(&at.caller(), repository).await?, expected, "{repository}");
        }
        // the second goes through until the setting is in force
        ensure!(
            tags(&at.caller(), "helm/rocket").await?.iter().any(|tag| tag == "1"),
            "the artifact is there"
        );
        let chart = |path: &str| fs::read(shell.folder.join(path));
        ensure!(
            chart("etherpad-0.0.4.tgz")? == chart("pulled/etherpad-0.0.4.tgz")?,
            "another chart came back"
        );
        Ok(())
    })
    .await
}

/// One script of all blocks; what ran last when it fails stands in its output. A pipe ends as it does in a reader's shell:
/// by its last command.
fn script(blocks: &[Block]) -> String {
    let mut script = String::from("set -eu\n");
    for (number, block) in blocks.iter().enumerate().filter(|(_, block)| block.reason().is_none()) {
        script.push_str(&format!(
            "echo '── README, block {}: {}'\n{}",
            number + 1,
            block.heading,
            block.text
        ));
    }
    script
}

/// What stands around the lines: a folder as a clone has it, the clients by their names, a copy of the machine's trust.
struct Shell {
    home: tempfile::TempDir,
    folder: PathBuf,
    cluster: PathBuf,
}

impl Shell {
    async fn new(case: &Case) -> Result<Shell> {
        let home = tempfile::tempdir()?;
        let folder = home.path().join("clone");
        let bin = home.path().join("bin");
        for made in [&folder, &bin, &home.path().join(".config/containers")] {
            fs::create_dir_all(made)?;
        }
        let copied =
            Command::new("cp").arg("-r").arg(out::repository().join("deploy")).arg(&folder).status().await?;
        ensure!(copied.success(), "copy deploy");
        fs::write(
            home.path().join(".config/containers/policy.json"),
            r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
        )?;

        let kubeconfig = std::env::var("CLUSTER_KUBECONFIG").or_else(|_| std::env::var("KUBECONFIG"))?;
        let cluster = Path::new(&kubeconfig).parent().context("the cluster's folder")?.to_path_buf();
        fs::copy(&kubeconfig, home.path().join("kubeconfig"))?;
        for (name, client) in [("helm", HELM_4), ("cosign", "cosign-3.1.3"), ("oras", "oras-1.3.2")] {
            std::os::unix::fs::symlink(program(client).await?, bin.join(name))?;
        }
        std::os::unix::fs::symlink(cluster.join("bin/kubectl"), bin.join("kubectl"))?;
        let podman = format!(
            "#!/bin/sh\nexec /usr/bin/podman --root {0}/storage --runroot {0}/run --tmpdir {0}/libpod --storage-driver vfs \
             --events-backend none --cgroup-manager cgroupfs \"$@\"\n",
            home.path().display()
        );
        for (name, text) in [("podman", podman.as_str()), ("sudo", "#!/bin/sh\nexec \"$@\"\n")] {
            fs::write(bin.join(name), text)?;
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755))?;
        }
        let set = Command::new(bin.join("kubectl"))
            .args(["config", "set-context", "--current", "--namespace", case.namespace(), "--kubeconfig"])
            .arg(home.path().join("kubeconfig"))
            .stdout(Stdio::null())
            .status()
            .await?;
        ensure!(set.success(), "name the namespace");
        Ok(Shell { home, folder, cluster })
    }

    /// Runs a script with mounts of its own: what it said, or why it failed.
    async fn run(&self, script: &str) -> Result<Result<String>> {
        let home = self.home.path().display();
        let around = format!(
            "set -euo pipefail\n\
             mkdir -p /usr/local/share/ca-certificates\n\
             mount -t tmpfs tmpfs /mnt\n\
             cp -a /etc /mnt/etc\n\
             mkdir -p /mnt/etc/containerd/certs.d /mnt/certificates\n\
             mount --bind /mnt/etc /etc\n\
             mount --bind /mnt/certificates /usr/local/share/ca-certificates\n\
             mount --bind {}/certs.d /etc/containerd/certs.d\n\
             code=0\n\
             timeout 400 bash {home}/lines || code=$?\n\
             chown -R --no-dereference {} {home}\n\
             exit $code\n",
            self.cluster.display(),
            rustix::process::getuid().as_raw(),
        );
        fs::write(self.home.path().join("lines"), script)?;
        fs::write(self.home.path().join("around"), around)?;
        let mut command = if rustix::process::geteuid().is_root() {
            Command::new("env")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.args(["--non-interactive", "env"]);
            sudo
        };
        let system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        command.arg("-i").arg(format!("PATH={home}/bin:{system}"));
        for (name, value) in [
            ("HOME", ""),
            ("KUBECONFIG", "/kubeconfig"),
            ("XDG_RUNTIME_DIR", "/run"),
            ("KUBECACHEDIR", "/cache"),
        ] {
            command.arg(format!("{name}={home}{value}"));
        }
        command
            .args(["unshare", "--mount", "--propagation", "private", "bash"])
            .arg(self.home.path().join("around"));
        command.current_dir(&self.folder).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(LIMIT, command.output())
            .await
            .context("the README's lines did not end")??;
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let (_, mut log) = out::log(Kind::Clients, "readme")?;
        std::io::Write::write_all(&mut log, text.as_bytes())?;
        Ok(if output.status.success() {
            Ok(text)
        } else {
            Err(anyhow::anyhow!("{}:\n{text}", output.status))
        })
    }
}
