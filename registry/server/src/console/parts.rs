//! Pieces that several pages of a repository show alike: moments, badges, commands with something to copy.

use jiff::Timestamp;
use quay_core::ArtifactKind;

use super::commands::{Command, Recipe, Way};
use super::format;
use crate::http::App;

/// A moment, for people and for machines.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) text: String,
    pub(super) machine: String,
}

impl Moment {
    pub(super) fn new(at: Timestamp) -> Self {
        Self { text: format::moment(at), machine: format::machine_moment(at) }
    }
}

/// Names for a sentence: the first of them, and whether there are others.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) shown: Vec<String>,
    pub(super) others: bool,
}

impl Names {
    /// As many as can be read.
    pub(super) fn new(mut names: Vec<String>) -> Self {
        const MOST: usize = 20;
        let others = names.len() > MOST;
        names.truncate(MOST);
        Self { shown: names, others }
    }
}

/// What an artifact is, as a badge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Badge {
    pub(super) text: &'static str,
    pub(super) colour: &'static str,
}

impl Badge {
    pub(super) fn new(kind: ArtifactKind) -> Self {
        let colour = match kind {
            ArtifactKind::Image | ArtifactKind::Index => "pf-m-blue",
            ArtifactKind::HelmChart => "pf-m-teal",
            ArtifactKind::Signature | ArtifactKind::Attestation => "pf-m-green",
            ArtifactKind::Sbom | ArtifactKind::Policy => "pf-m-yellow",
            ArtifactKind::Wasm | ArtifactKind::Model => "pf-m-purple",
            ArtifactKind::Sif | ArtifactKind::OperatorBundle | ArtifactKind::Source | ArtifactKind::Flux => {
                "pf-m-orange"
            }
            ArtifactKind::Other => "pf-m-grey",
        };
        Self { text: kind.label(), colour }
    }
}

/// Whether clients must be told to trust the registry's own CA.
pub(super) fn own_ca(app: &App) -> bool {
    app.authority.pem().is_some()
}

/// How an artifact of a kind is fetched.
pub(super) fn way(kind: ArtifactKind) -> Way {
    match kind {
        ArtifactKind::Image | ArtifactKind::Index | ArtifactKind::OperatorBundle | ArtifactKind::Source => {
            Way::Image
        }
        ArtifactKind::HelmChart => Way::Chart,
        ArtifactKind::Sif => Way::Singularity,
        ArtifactKind::Signature
        | ArtifactKind::Attestation
        | ArtifactKind::Sbom
        | ArtifactKind::Wasm
        | ArtifactKind::Model
        | ArtifactKind::Policy
        | ArtifactKind::Flux
        | ArtifactKind::Other => Way::Files,
    }
}

/// Lines that can be copied, by an id that is unique on its page.
#[derive(Clone, Debug)]
pub(super) struct Copyable {
    pub(super) id: String,
    pub(super) does: &'static str,
    pub(super) lines: String,
}

impl Copyable {
    pub(super) fn new(id: String, command: Command) -> Self {
        Self { id, does: command.does, lines: command.lines }
    }
}

/// What one tool can do.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    pub(super) tool: &'static str,
    pub(super) commands: Vec<Copyable>,
    pub(super) hint: Option<&'static str>,
}

/// Recipes with ids.
pub(super) fn steps(recipes: Vec<Recipe>) -> Vec<Steps> {
    let number = |(tool, recipe): (usize, Recipe)| Steps {
        tool: recipe.tool,
        hint: recipe.hint,
        commands: copyable(&format!("command-{tool}"), recipe.commands),
    };
    recipes.into_iter().enumerate().map(number).collect()
}

/// Commands with ids that begin alike.
pub(super) fn copyable(prefix: &str, commands: Vec<Command>) -> Vec<Copyable> {
    let number = |(at, command)| Copyable::new(format!("{prefix}-{at}"), command);
    commands.into_iter().enumerate().map(number).collect()
}
