//! Which merge request of which forge this run is about, as a CI's variables and the event file tell it.
//!
//! Pure: whoever runs a command reads the variables and the file. What the flags of the command say counts before them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::read::is_commit;
use super::{ForgeError, ForgeKind};

mod actions;

/// The variables of a CI job and the event that began it.
#[derive(Clone, Debug, Default)]
pub(crate) struct CiEnvironment {
    pub(crate) variables: BTreeMap<String, String>,
    /// The JSON in the file that `GITHUB_EVENT_PATH` names.
    pub(crate) event: Option<Value>,
}

/// What the flags of a command say of the place.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlaceFlags {
    pub(crate) kind: Option<ForgeKind>,
    pub(crate) url: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) request: Option<u64>,
}

/// A merge request, and what is known of it before its forge is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CiPlace {
    pub(crate) kind: ForgeKind,
    /// The address of the API, or of the site.
    pub(crate) url: String,
    /// Whether the CI itself says that address: its own token is for nobody else, and it alone may be reached without TLS.
    pub(crate) url_is_of_ci: bool,
    pub(crate) repository: String,
    /// Absent on a branch that has no merge request.
    pub(crate) request: Option<u64>,
    /// The commit that the work is at, by the event that began this run.
    pub(crate) head: Option<String>,
    pub(crate) base_branch: Option<String>,
    pub(crate) base: Option<String>,
    /// Whether the work comes from a fork; absent where the CI does not say.
    pub(crate) from_fork: Option<bool>,
    pub(crate) draft: bool,
    /// The account that the CI's token is of, where that is known beforehand.
    pub(crate) account: Option<String>,
    /// The variables that may hold a token, the first that is set counts.
    pub(crate) token_variables: Vec<&'static str>,
    /// Where people read what this run says.
    pub(crate) details: Option<String>,
    /// The pipeline of GitLab that this runs in.
    pub(crate) pipeline: Option<u64>,
}

/// What holds a token for every forge, before what the CI gives.
pub(crate) const TOKEN_VARIABLE: &str = "PARCELLE_FORGE_TOKEN";
/// What names the account of the token, where a forge does not say it.
pub(crate) const ACCOUNT_VARIABLE: &str = "PARCELLE_FORGE_ACCOUNT";

/// Finds the place that the flags name, else the CI.
pub(crate) fn find_place(environment: &CiEnvironment, flags: &PlaceFlags) -> Result<CiPlace, ForgeError> {
    let found = environment.place();
    let kind = flags.kind.or(found.as_ref().map(|found| found.kind));
    let lacks = |what: &str, flag: &str| {
        ForgeError::Setting(format!(
            "it is not known {what}: no CI that parcelle knows says it, and there is no `{flag}`"
        ))
    };
    let kind = kind.ok_or_else(|| lacks("which forge this is about", "--forge"))?;
    // What a CI says of one kind of forge is nothing about another.
    let found = found.filter(|found| found.kind == kind);
    let account = environment.word(ACCOUNT_VARIABLE).map(str::to_owned);
    let mut place = match found {
        Some(found) => found,
        None => CiPlace::of(kind),
    };
    if let Some(url) = &flags.url {
        place.url_is_of_ci = place.url_is_of_ci && url.trim_end_matches('/') == place.url.trim_end_matches('/');
        place.url.clone_from(url);
    }
    if !place.url_is_of_ci {
        place.token_variables.clear();
    }
    place.token_variables.insert(0, TOKEN_VARIABLE);
    if let Some(repository) = &flags.repository {
        place.repository.clone_from(repository);
    }
    if let Some(request) = flags.request {
        // What the event says is of another one.
        if place.request != Some(request) {
            place = CiPlace { head: None, base_branch: None, base: None, from_fork: None, draft: false, ..place };
        }
        place.request = Some(request);
    }
    place.account = account.or(place.account);
    match () {
        () if place.url.is_empty() => Err(lacks("where the forge is", "--forge-url")),
        () if place.repository.is_empty() => Err(lacks("which repository this is about", "--repository")),
        () => Ok(place),
    }
}

impl CiPlace {
    /// A place of which nothing is known but the kind, and where the forge is that most people mean by it.
    pub(crate) fn of(kind: ForgeKind) -> Self {
        let url = match kind {
            ForgeKind::GitHub => "https://api.github.com",
            ForgeKind::GitLab => "https://gitlab.com",
            ForgeKind::Forgejo | ForgeKind::Gitea => "",
        };
        Self {
            kind,
            url: url.to_owned(),
            url_is_of_ci: false,
            repository: String::new(),
            request: None,
            head: None,
            base_branch: None,
            base: None,
            from_fork: None,
            draft: false,
            account: None,
            token_variables: Vec::new(),
            details: None,
            pipeline: None,
        }
    }
}

impl CiEnvironment {
    /// A variable that says something.
    pub(crate) fn word(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn is_true(&self, name: &str) -> bool {
        self.word(name).is_some_and(|value| value == "true" || value == "1")
    }

    fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.word(name))
    }

    fn owned(&self, names: &[&str]) -> Option<String> {
        self.first(names).map(str::to_owned)
    }

    fn commit(&self, name: &str) -> Option<String> {
        self.word(name).filter(|commit| is_commit(commit)).map(str::to_owned)
    }

    /// What the CI of this run says. Runners of Forgejo and Gitea say that they are GitHub's too, so those are asked first.
    fn place(&self) -> Option<CiPlace> {
        match () {
            () if self.word("CI") == Some("woodpecker") => self.woodpecker(),
            () if self.is_true("FORGEJO_ACTIONS") => Some(self.actions(ForgeKind::Forgejo)),
            () if self.is_true("GITEA_ACTIONS") => Some(self.actions(ForgeKind::Gitea)),
            () if self.is_true("GITHUB_ACTIONS") => Some(self.actions(ForgeKind::GitHub)),
            () if self.is_true("GITLAB_CI") => Some(self.gitlab()),
            () => None,
        }
    }

    fn gitlab(&self) -> CiPlace {
        let repository =
            ["CI_MERGE_REQUEST_PROJECT_PATH", "CI_MERGE_REQUEST_PROJECT_ID", "CI_PROJECT_PATH", "CI_PROJECT_ID"];
        // On the pipeline of a branch: `group/name!7`, up to four of them.
        let open = || self.word("CI_OPEN_MERGE_REQUESTS")?.split(',').next()?.rsplit_once('!')?.1.parse().ok();
        let request = self.word("CI_MERGE_REQUEST_IID").and_then(|iid| iid.parse().ok()).or_else(open);
        let source = self.word("CI_MERGE_REQUEST_SOURCE_PROJECT_ID");
        let from_fork = source.zip(self.word("CI_MERGE_REQUEST_PROJECT_ID")).map(|(source, target)| source != target);
        // The pipeline of a merged result runs on a commit that is in no branch.
        let of_branch = self.commit("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA");
        let is_merged_result = of_branch.is_some();
        let pipeline = self.word("CI_PIPELINE_ID").and_then(|id| id.parse().ok());
        CiPlace {
            url: self.owned(&["CI_API_V4_URL", "CI_SERVER_URL"]).unwrap_or_default(),
            url_is_of_ci: true,
            repository: self.owned(&repository).unwrap_or_default(),
            request,
            head: of_branch.or_else(|| self.commit("CI_COMMIT_SHA")),
            base_branch: self.owned(&["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"]),
            base: self.commit("CI_MERGE_REQUEST_DIFF_BASE_SHA"),
            from_fork,
            draft: self.word("CI_MERGE_REQUEST_DRAFT").is_some_and(|draft| draft == "true"),
            token_variables: vec!["GITLAB_TOKEN"],
            details: self.owned(&["CI_JOB_URL", "CI_PIPELINE_URL"]),
            pipeline: pipeline.filter(|_| !is_merged_result && from_fork != Some(true)),
            ..CiPlace::of(ForgeKind::GitLab)
        }
    }

    /// Woodpecker names its forge, and has no token for it.
    fn woodpecker(&self) -> Option<CiPlace> {
        let kind = match self.word("CI_FORGE_TYPE")? {
            "github" => ForgeKind::GitHub,
            "gitlab" => ForgeKind::GitLab,
            "forgejo" => ForgeKind::Forgejo,
            "gitea" => ForgeKind::Gitea,
            _ => return None,
        };
        Some(CiPlace {
            url: self.owned(&["CI_FORGE_URL"]).unwrap_or_default(),
            url_is_of_ci: true,
            repository: self.owned(&["CI_REPO"]).unwrap_or_default(),
            request: self.word("CI_COMMIT_PULL_REQUEST").and_then(|number| number.parse().ok()),
            head: self.commit("CI_COMMIT_SHA"),
            base_branch: self.owned(&["CI_COMMIT_TARGET_BRANCH"]),
            draft: self.is_true("CI_COMMIT_PULL_REQUEST_DRAFT"),
            details: self.owned(&["CI_PIPELINE_URL"]),
            ..CiPlace::of(kind)
        })
    }
}

#[cfg(test)]
mod tests;
