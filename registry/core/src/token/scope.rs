//! The scopes a client asks a token for: parsed leniently, so that what is unknown is dropped and only a bad
//! repository name is an error.

use quay_oci::{ErrorCode, RepositoryName};

use crate::error::{Error, Result};

/// The most scopes one request may name; real clients name two or three.
const MOST_SCOPES: usize = 64;

/// One repository scope of a token request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScopeRequest {
    /// The name as the client wrote it, host prefix included.
    pub(crate) asked: String,
    pub(crate) name: RepositoryName,
    pub(crate) pull: bool,
    pub(crate) push: bool,
    pub(crate) delete: bool,
    pub(crate) administer: bool,
}

/// Whether the catalog is asked for.
pub(crate) fn wants_catalog(parameters: &[String]) -> bool {
    parameters.iter().flat_map(|p| p.split_ascii_whitespace()).any(|scope| scope == "registry:catalog:*")
}

/// Parses every `scope` parameter; each may hold several scopes separated by spaces. `service` is the host that
/// names may be prefixed with, `resolve` what a name without a namespace stands for.
pub(crate) fn parse(
    service: &str,
    parameters: &[String],
    resolve: impl Fn(RepositoryName) -> Result<RepositoryName>,
) -> Result<Vec<ScopeRequest>> {
    let mut out: Vec<ScopeRequest> = Vec::new();
    for scope in parameters.iter().flat_map(|p| p.split_ascii_whitespace()) {
        let Some(mut request) = one(service, scope)? else { continue };
        request.name = resolve(request.name)?;
        if let Some(known) = out.iter_mut().find(|known| known.asked == request.asked) {
            known.pull |= request.pull;
            known.push |= request.push;
            known.delete |= request.delete;
            known.administer |= request.administer;
        } else if out.len() < MOST_SCOPES {
            out.push(request);
        } else {
            let message = format!("too many scopes: at most {MOST_SCOPES} in one token");
            return Err(Error::invalid(ErrorCode::NameInvalid, message));
        }
    }
    Ok(out)
}

/// `repository:[host/]path:actions`; other resource types are none of ours.
fn one(service: &str, scope: &str) -> Result<Option<ScopeRequest>> {
    let Some((kind, rest)) = scope.split_once(':') else { return Ok(None) };
    // The name may hold a colon itself (`host:port/…`): actions begin after the last one.
    let (Some((asked, actions)), "repository") = (rest.rsplit_once(':'), kind) else { return Ok(None) };
    let path = asked.strip_prefix(service).and_then(|rest| rest.strip_prefix('/')).unwrap_or(asked);
    let name = path.parse::<RepositoryName>().map_err(|error| {
        Error::invalid(ErrorCode::NameInvalid, format!("Invalid repository name: {asked}; {error}"))
    })?;
    let wants = |action: &str| actions.split(',').any(|a| a == action);
    Ok(Some(ScopeRequest {
        asked: asked.to_owned(),
        name,
        pull: wants("pull"),
        push: wants("push"),
        delete: wants("delete"),
        administer: wants("*"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(scopes: &[&str]) -> Vec<ScopeRequest> {
        let scopes: Vec<String> = scopes.iter().map(|s| (*s).to_owned()).collect();
        parse("reg.example:8443", &scopes, Ok).unwrap()
    }

    fn flags(r: &ScopeRequest) -> (bool, bool, bool, bool) {
        (r.pull, r.push, r.delete, r.administer)
    }

    #[test]
    fn a_scope_names_a_repository_and_its_actions() {
        let all = parsed(&["repository:charts/demo:push,pull,*"]);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].name.namespace(), "charts");
        assert_eq!(flags(&all[0]), (true, true, false, true));
    }

    #[test]
    fn a_host_prefix_of_ours_is_kept_in_the_name_asked_for_but_not_in_the_repository() {
        let all = parsed(&["repository:reg.example:8443/charts/demo:pull"]);
        assert_eq!(all[0].asked, "reg.example:8443/charts/demo");
        assert_eq!(all[0].name.namespace(), "charts");
        assert_eq!(all[0].name.repository(), "demo");
    }

    #[test]
    fn several_scopes_come_in_several_parameters_or_in_one() {
        let apart = parsed(&["repository:a/b:pull", "repository:c/d:push"]);
        let together = parsed(&["repository:a/b:pull repository:c/d:push"]);
        assert_eq!(apart, together);
        assert_eq!(apart.len(), 2);
    }

    #[test]
    fn the_same_repository_named_twice_is_one_entry() {
        let all = parsed(&["repository:a/b:pull", "repository:a/b:push"]);
        assert_eq!(all.len(), 1);
        assert_eq!(flags(&all[0]), (true, true, false, false));
    }

    #[test]
    fn unknown_types_and_actions_are_dropped() {
        assert!(parsed(&["registry:catalog:*", "repository(plugin):a/b:pull", "nonsense", ""]).is_empty());
        assert_eq!(flags(&parsed(&["repository:a/b:fly,delete"])[0]), (false, false, true, false));
    }

    #[test]
    fn a_name_that_cannot_be_a_repository_is_an_error() {
        let wrong = parse("reg.example", &["repository:Charts/Demo:pull".to_owned()], Ok);
        let Err(Error::Invalid { code: ErrorCode::NameInvalid, message }) = wrong else {
            panic!("{wrong:?}");
        };
        assert!(message.starts_with("Invalid repository name: Charts/Demo; "), "{message}");
        assert!(message.contains("lower-case"), "{message}");
    }

    #[test]
    fn a_flood_of_scopes_is_refused() {
        let many: Vec<String> = (0..=MOST_SCOPES).map(|i| format!("repository:a/b{i}:pull")).collect();
        assert!(parse("reg.example", &many, Ok).is_err());
    }
}
