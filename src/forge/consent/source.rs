//! Where a project that a garden names is: its address as people open it, and the API that belongs to it.

use crate::forge::{ForgeError, ForgeKind};
use crate::model;
use crate::visible;

/// A project's address, in two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProjectAddress {
    /// The site, or the root of the API where the site lies below a path.
    pub(crate) api: String,
    /// `OWNER/NAME`, or `GROUP/…/NAME` on GitLab.
    pub(crate) repository: String,
}

/// Splits an address as people open it: `https://gitlab.example/group/subgroup/project`.
pub(super) fn project(kind: ForgeKind, address: &str) -> Result<ProjectAddress, ForgeError> {
    let no = |why: &str| {
        let shown = visible::line(address.rsplit('@').next().unwrap_or_default());
        Err(ForgeError::Setting(format!("`{shown}` is no address of a project on {kind}: {why}")))
    };
    let trimmed = address.trim().trim_end_matches('/');
    let Some((scheme, rest)) = trimmed.split_once("://") else { return no("it begins with no `https://`") };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.strip_suffix(".git").unwrap_or(path);
    if path.contains(['?', '#', '%']) {
        return no("a project has no `?`, `#` or `%` in its address");
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let site = format!("{scheme}://{host}");
    let (below, repository) = match kind {
        ForgeKind::GitLab if parts.len() >= 2 => (&parts[..0], parts.join("/")),
        ForgeKind::GitHub if parts.len() == 2 => (&parts[..0], parts.join("/")),
        ForgeKind::Forgejo | ForgeKind::Gitea if parts.len() >= 2 => {
            let (below, own) = parts.split_at(parts.len() - 2);
            (below, own.join("/"))
        }
        ForgeKind::GitLab => return no("it ends in no GROUP/NAME"),
        ForgeKind::GitHub | ForgeKind::Forgejo | ForgeKind::Gitea => return no("it ends in no OWNER/NAME"),
    };
    // Forgejo and Gitea may lie below a path of their host, and their API with them.
    let api = if below.is_empty() { site } else { format!("{site}/{}/api/v1", below.join("/")) };
    Ok(ProjectAddress { api, repository })
}

/// Whether an address names a project of a forge that is known by its kind and the project's name: a CI may reach its forge by another
/// host. Forgejo and Gitea are one to those who moved from one to the other.
pub(crate) fn is_project(of: model::ForgeWord, address: &str, kind: ForgeKind, repository: &str) -> bool {
    let is_tea = |kind: ForgeKind| matches!(kind, ForgeKind::Forgejo | ForgeKind::Gitea);
    let of = ForgeKind::from(of);
    let is_kind = of == kind || is_tea(of) && is_tea(kind);
    is_kind && project(of, address).is_ok_and(|project| project.repository.eq_ignore_ascii_case(repository))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::ForgeAddress;

    #[test]
    fn a_project_is_split_into_its_api_and_its_name() {
        for (kind, address, api, name) in [
            (ForgeKind::GitHub, "https://github.com/o/r", "https://api.github.com/x", "o/r"),
            (ForgeKind::GitHub, "https://ghe.example/o/r.git", "https://ghe.example/api/v3/x", "o/r"),
            (ForgeKind::GitLab, "https://gitlab.example/g/sub/p/", "https://gitlab.example/api/v4/x", "g/sub/p"),
            (ForgeKind::Forgejo, "https://codeberg.org/o/r", "https://codeberg.org/api/v1/x", "o/r"),
            (ForgeKind::Gitea, "https://a.example/git/o/r", "https://a.example/git/api/v1/x", "o/r"),
            (ForgeKind::Gitea, "http://127.0.0.1:3000/o/r", "http://127.0.0.1:3000/api/v1/x", "o/r"),
        ] {
            let project = project(kind, address).expect(address);
            let root = ForgeAddress::new(kind, &project.api, false).expect(address);
            assert_eq!((root.below("/x").as_str(), project.repository.as_str()), (api, name), "{address}");
        }
        for (kind, bad) in [
            (ForgeKind::GitHub, "https://github.com/o"),
            (ForgeKind::GitHub, "https://github.com/o/r/pulls"),
            (ForgeKind::GitLab, "https://gitlab.example/p"),
            (ForgeKind::Gitea, "https://a.example/"),
            (ForgeKind::Gitea, "a.example/o/r"),
            (ForgeKind::GitLab, "https://a.example/g/p?x"),
        ] {
            assert!(project(kind, bad).is_err(), "{bad}");
        }
        let secret = project(ForgeKind::GitHub, "https://u:secret@github.com").expect_err("no project").to_string();
        assert!(!secret.contains("secret"), "{secret}");
        let plain = project(ForgeKind::Gitea, "http://a.example/o/r").expect("a project");
        assert!(ForgeAddress::new(ForgeKind::Gitea, &plain.api, false).is_err(), "without TLS");
    }

    #[test]
    fn a_request_is_of_the_project_that_the_garden_names() {
        let of = model::ForgeWord::Gitlab;
        let address = "https://gitlab.example/g/sub/p";
        assert!(is_project(of, address, ForgeKind::GitLab, "G/sub/p"));
        assert!(
            !is_project(of, address, ForgeKind::GitLab, "g/p")
                && !is_project(of, address, ForgeKind::GitHub, "g/sub/p")
        );
        assert!(is_project(model::ForgeWord::Gitea, "https://a.example/o/r", ForgeKind::Forgejo, "o/r"));
    }
}
