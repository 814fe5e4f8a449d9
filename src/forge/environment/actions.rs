//! Jobs of GitHub Actions, and of what takes after it.

use serde_json::Value;

use super::{CiEnvironment, CiPlace, TOKEN_VARIABLE};
use crate::forge::ForgeKind;
use crate::forge::read::{is_commit, text};

impl CiEnvironment {
    /// Jobs of GitHub, and of what takes after it.
    pub(super) fn actions(&self, kind: ForgeKind) -> CiPlace {
        let (url, tokens, account): (&[&str], &[&'static str], _) = match kind {
            ForgeKind::Forgejo => (
                &["FORGEJO_API_URL", "GITHUB_API_URL", "FORGEJO_SERVER_URL", "GITHUB_SERVER_URL"],
                &["FORGEJO_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN"],
                None,
            ),
            ForgeKind::Gitea => (&["GITHUB_API_URL", "GITHUB_SERVER_URL"], &["GITEA_TOKEN", "GITHUB_TOKEN"], None),
            ForgeKind::GitHub | ForgeKind::GitLab => {
                (&["GITHUB_API_URL", "GITHUB_SERVER_URL"], &["GITHUB_TOKEN", "GH_TOKEN"], Some("github-actions[bot]"))
            }
        };
        let repository = self.owned(&["GITHUB_REPOSITORY"]).unwrap_or_default();
        let nothing = Value::Null;
        let event = self.event.as_ref().unwrap_or(&nothing);
        let pull = &event["pull_request"];
        let of_ref = || self.word("GITHUB_REF")?.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok();
        let request = pull["number"].as_u64().or_else(|| event["number"].as_u64()).or_else(of_ref);
        let sha = |side: &str| Some(text(&pull[side], "sha").to_owned()).filter(|sha| is_commit(sha));
        let branch = Some(text(&pull["base"], "ref").to_owned()).filter(|branch| !branch.is_empty());
        let name = |side: &str| pull[side]["repo"]["full_name"].as_str().map(str::to_lowercase);
        let from_fork =
            (!pull.is_null()).then(|| name("head").is_none() || name("head") != name("base") || pull["flow"] == 1);
        let number = match kind {
            ForgeKind::GitHub => self.word("GITHUB_RUN_ID"),
            _ => self.word("GITHUB_RUN_NUMBER"),
        };
        let details = self
            .word("GITHUB_SERVER_URL")
            .zip(number)
            .map(|(server, number)| format!("{}/{repository}/actions/runs/{number}", server.trim_end_matches('/')));
        let is_own = self.word("GITHUB_TOKEN").is_some();
        CiPlace {
            url: self.owned(url).unwrap_or_default(),
            url_is_of_ci: true,
            repository,
            request,
            head: sha("head"),
            base_branch: branch.or_else(|| self.owned(&["GITHUB_BASE_REF"])),
            base: sha("base"),
            from_fork,
            draft: pull["draft"].as_bool().unwrap_or(false),
            account: account.filter(|_| is_own && self.word(TOKEN_VARIABLE).is_none()).map(str::to_owned),
            token_variables: tokens.to_vec(),
            details,
            ..CiPlace::of(kind)
        }
    }
}
