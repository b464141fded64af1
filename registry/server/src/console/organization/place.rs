//! A namespace as one visitor sees it: its tabs and their addresses. Pure.

use quay_core::Namespace;

use super::super::repository::wish::address;

/// What a page of a namespace shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::console) enum Tab {
    /// What it holds.
    #[default]
    Repositories,
    /// Who belongs to it.
    Teams,
    /// Accounts of machines.
    Robots,
    /// Who gets what on new repositories.
    Defaults,
    /// What was done.
    Logs,
    /// Its settings.
    Settings,
}

impl Tab {
    /// Quay's key of a tab; what is not one shows the first.
    pub(super) fn of(key: &str) -> Self {
        const ALL: [Tab; 6] =
            [Tab::Repositories, Tab::Teams, Tab::Robots, Tab::Defaults, Tab::Logs, Tab::Settings];
        ALL.into_iter().find(|tab| tab.key().eq_ignore_ascii_case(key)).unwrap_or_default()
    }

    /// The key in addresses.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Repositories => "Repositories",
            Self::Teams => "Teamsandmembership",
            Self::Robots => "Robotaccounts",
            Self::Defaults => "Defaultpermissions",
            Self::Logs => "Logs",
            Self::Settings => "Settings",
        }
    }

    /// What stands on it.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Repositories => "Repositories",
            Self::Teams => "Teams and membership",
            Self::Robots => "Robot accounts",
            Self::Defaults => "Default permissions",
            Self::Logs => "Logs",
            Self::Settings => "Settings",
        }
    }
}

/// A namespace and the tab that is shown.
#[derive(Clone, Debug)]
pub(in crate::console) struct Place {
    space: Namespace,
    pub(super) tab: Tab,
}

impl Place {
    pub(super) fn new(space: Namespace, tab: Tab) -> Self {
        Self { space, tab }
    }

    pub(super) fn name(&self) -> &str {
        &self.space.name
    }

    pub(super) fn is_organization(&self) -> bool {
        self.space.organization
    }

    pub(super) fn can_manage(&self) -> bool {
        self.space.is_admin
    }

    pub(super) fn can_create(&self) -> bool {
        self.space.can_create
    }

    pub(super) fn email(&self) -> Option<&str> {
        self.space.email.as_deref()
    }

    pub(super) fn tag_expiration_s(&self) -> i64 {
        self.space.tag_expiration_s
    }

    /// The tabs that the visitor may see.
    pub(super) fn tabs(&self) -> Vec<Tab> {
        let Namespace { organization, is_admin, is_member, .. } = self.space;
        [
            (Tab::Repositories, true),
            (Tab::Teams, organization && (is_member || is_admin)),
            (Tab::Robots, is_admin),
            (Tab::Defaults, organization && is_admin),
            (Tab::Logs, is_admin),
            (Tab::Settings, is_admin),
        ]
        .into_iter()
        .filter_map(|(tab, seen)| seen.then_some(tab))
        .collect()
    }

    /// The address of the namespace.
    pub(super) fn path(&self) -> String {
        format!("/{}/{}", if self.space.organization { "organization" } else { "user" }, self.space.name)
    }

    /// The address of a tab.
    pub(super) fn url(&self, tab: Tab) -> String {
        address(&self.path(), &[("tab", tab.key())])
    }

    /// The address of a tab by its key.
    pub(super) fn at(&self, key: &str) -> String {
        self.url(Tab::of(key))
    }

    /// The address of the tab that is shown.
    pub(super) fn here(&self) -> String {
        self.url(self.tab)
    }

    /// The address of the tab that is shown, with something more.
    pub(super) fn with(&self, key: &str, value: &str) -> String {
        address(&self.path(), &[("tab", self.tab.key()), (key, value)])
    }

    /// The address of a team.
    pub(super) fn team(&self, team: &str) -> String {
        format!("{}/teams/{team}", self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(organization: bool, is_admin: bool, is_member: bool) -> Place {
        let space = Namespace {
            name: "charts".to_owned(),
            organization,
            email: None,
            created: jiff::Timestamp::UNIX_EPOCH,
            is_admin,
            is_member,
            can_create: is_admin,
            repositories: 0,
            teams: 0,
            members: 0,
            robots: 0,
            modified: None,
            tag_expiration_s: 0,
        };
        Place::new(space, Tab::of("robotAccounts"))
    }

    #[test]
    fn strangers_see_repositories_only_and_people_have_no_teams() {
        assert_eq!(place(true, false, false).tabs(), [Tab::Repositories]);
        assert_eq!(place(true, false, true).tabs(), [Tab::Repositories, Tab::Teams]);
        assert_eq!(place(true, true, true).tabs().len(), 6);
        assert_eq!(
            place(false, true, true).tabs(),
            [Tab::Repositories, Tab::Robots, Tab::Logs, Tab::Settings]
        );
    }

    #[test]
    fn addresses_are_quays() {
        let place = place(true, true, true);
        assert_eq!(place.tab, Tab::Robots);
        assert_eq!(place.here(), "/organization/charts?tab=Robotaccounts");
        assert_eq!(place.with("robot", "a b"), "/organization/charts?tab=Robotaccounts&robot=a+b");
        assert_eq!(place.team("owners"), "/organization/charts/teams/owners");
        assert_eq!(Tab::of("nonsense"), Tab::Repositories);
    }
}
