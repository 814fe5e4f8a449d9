//! Which merge request of which forge this run is about, as a CI's variables and the event file tell it.
//!
//! Pure: whoever runs a command reads the variables and the file. What the flags of the command say counts before them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::read::{is_commit, text};
use super::{ForgeError, ForgeKind};

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

    /// Jobs of GitHub, and of what takes after it.
    fn actions(&self, kind: ForgeKind) -> CiPlace {
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
        let run = match kind {
            ForgeKind::GitHub => self.word("GITHUB_RUN_ID"),
            _ => self.word("GITHUB_RUN_NUMBER"),
        };
        let details = self
            .word("GITHUB_SERVER_URL")
            .zip(run)
            .map(|(server, run)| format!("{}/{repository}/actions/runs/{run}", server.trim_end_matches('/')));
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
mod tests {
    use serde_json::json;

    use super::*;

    const HEAD: &str = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";
    const BASE: &str = "00112233445566778899aabbccddeeff00112233";

    fn environment(variables: &[(&str, &str)], event: Option<Value>) -> CiEnvironment {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        CiEnvironment { variables: variables.collect(), event }
    }

    fn event(head: &str, base: &str) -> Value {
        let side = |repository: &str, sha: &str, branch: &str| {
            let repository = if repository.is_empty() { Value::Null } else { json!({"full_name": repository}) };
            json!({"sha": sha, "ref": branch, "repo": repository})
        };
        json!({"number": 7, "pull_request": {
            "number": 7, "draft": true, "head": side(head, HEAD, "work"), "base": side(base, BASE, "main"),
        }})
    }

    const ACTIONS: [(&str, &str); 5] = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_API_URL", "https://forge.example/api"),
        ("GITHUB_SERVER_URL", "https://forge.example/"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_RUN_ID", "5"),
    ];

    fn found(variables: &[(&str, &str)], event: Option<Value>) -> CiPlace {
        find_place(&environment(variables, event), &PlaceFlags::default()).expect("a place")
    }

    #[test]
    fn jobs_of_github_and_of_what_takes_after_it_are_told_apart() {
        for (more, kind, token) in [
            (None, ForgeKind::GitHub, "GITHUB_TOKEN"),
            (Some("FORGEJO_ACTIONS"), ForgeKind::Forgejo, "FORGEJO_TOKEN"),
            (Some("GITEA_ACTIONS"), ForgeKind::Gitea, "GITEA_TOKEN"),
        ] {
            let variables: Vec<_> = ACTIONS.into_iter().chain(more.map(|name| (name, "true"))).collect();
            let place = found(&variables, Some(event("o/r", "O/R")));
            assert_eq!((place.kind, place.url.as_str()), (kind, "https://forge.example/api"));
            assert_eq!(place.token_variables[..2], [TOKEN_VARIABLE, token]);
            assert_eq!((place.repository.as_str(), place.request), ("o/r", Some(7)));
            assert_eq!((place.head.as_deref(), place.base.as_deref()), (Some(HEAD), Some(BASE)));
            assert_eq!((place.base_branch.as_deref(), place.from_fork, place.draft), (Some("main"), Some(false), true));
        }
        let with_own: Vec<_> = ACTIONS.into_iter().chain([("GITHUB_TOKEN", "t")]).collect();
        assert_eq!(found(&with_own, None).account.as_deref(), Some("github-actions[bot]"));
        assert_eq!(found(&ACTIONS, None).details.as_deref(), Some("https://forge.example/o/r/actions/runs/5"));
    }

    #[test]
    fn a_fork_is_told_by_the_repositories_of_both_sides() {
        for (head, fork) in [("o/r", false), ("somebody/r", true), ("", true)] {
            assert_eq!(found(&ACTIONS, Some(event(head, "o/r"))).from_fork, Some(fork), "{head:?}");
        }
        let mut agit = event("o/r", "o/r");
        agit["pull_request"]["flow"] = 1.into();
        assert_eq!(found(&ACTIONS, Some(agit)).from_fork, Some(true));
        assert_eq!(found(&ACTIONS, None).from_fork, None);
        let of_ref: Vec<_> = ACTIONS.into_iter().chain([("GITHUB_REF", "refs/pull/12/merge")]).collect();
        assert_eq!(found(&of_ref, None).request, Some(12));
    }

    #[test]
    fn a_job_of_gitlab_names_the_commit_of_the_branch() {
        let detached = [
            ("GITLAB_CI", "true"),
            ("CI_API_V4_URL", "https://forge.example/api/v4"),
            ("CI_MERGE_REQUEST_PROJECT_PATH", "group/target"),
            ("CI_PROJECT_PATH", "somebody/fork"),
            ("CI_MERGE_REQUEST_IID", "7"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "3"),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "3"),
            ("CI_COMMIT_SHA", HEAD),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", ""),
            ("CI_PIPELINE_ID", "55"),
            ("CI_JOB_TOKEN", "reads only"),
        ];
        let place = found(&detached, None);
        assert_eq!((place.kind, place.repository.as_str()), (ForgeKind::GitLab, "group/target"));
        assert_eq!((place.head.as_deref(), place.pipeline, place.from_fork), (Some(HEAD), Some(55), Some(false)));
        assert_eq!(place.token_variables, [TOKEN_VARIABLE, "GITLAB_TOKEN"]);
        let merged = [&detached[..], &[("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", BASE)]].concat();
        let place = found(&merged, None);
        assert_eq!((place.head.as_deref(), place.pipeline), (Some(BASE), None), "the merge is in no branch");
        let fork = [&detached[..], &[("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "9")]].concat();
        assert_eq!(found(&fork, None).from_fork, Some(true));
        let branch = [
            ("GITLAB_CI", "true"),
            ("CI_SERVER_URL", "https://forge.example"),
            ("CI_PROJECT_PATH", "group/target"),
            ("CI_OPEN_MERGE_REQUESTS", "group/target!8,group/target!9"),
        ];
        assert_eq!(found(&branch, None).request, Some(8));
    }

    #[test]
    fn woodpecker_names_its_forge() {
        for (word, kind) in [
            ("github", Some(ForgeKind::GitHub)),
            ("gitlab", Some(ForgeKind::GitLab)),
            ("forgejo", Some(ForgeKind::Forgejo)),
            ("gitea", Some(ForgeKind::Gitea)),
            ("bitbucket", None),
        ] {
            let variables = [
                ("CI", "woodpecker"),
                ("CI_FORGE_TYPE", word),
                ("CI_FORGE_URL", "https://forge.example"),
                ("CI_REPO", "o/r"),
                ("CI_COMMIT_PULL_REQUEST", "7"),
                ("CI_COMMIT_SHA", HEAD),
                ("CI_COMMIT_TARGET_BRANCH", "main"),
                ("CI_COMMIT_PULL_REQUEST_DRAFT", "true"),
            ];
            let place = find_place(&environment(&variables, None), &PlaceFlags::default()).ok();
            assert_eq!(place.as_ref().map(|place| place.kind), kind, "{word}");
            assert!(place.is_none_or(|place| place.request == Some(7) && place.draft && place.head.is_some()));
        }
    }

    #[test]
    fn what_a_flag_says_counts_before_the_ci_and_takes_nothing_of_another_with_it() {
        let environment = environment(&ACTIONS, Some(event("o/r", "o/r")));
        let flags = PlaceFlags { request: Some(8), ..PlaceFlags::default() };
        let place = find_place(&environment, &flags).expect("a place");
        assert_eq!((place.request, place.head, place.base, place.draft), (Some(8), None, None, false));
        let flags = PlaceFlags { url: Some("https://other.example".to_owned()), ..PlaceFlags::default() };
        let place = find_place(&environment, &flags).expect("a place");
        assert_eq!((place.url_is_of_ci, place.token_variables), (false, vec![TOKEN_VARIABLE]));
        let flags = PlaceFlags { kind: Some(ForgeKind::Gitea), ..PlaceFlags::default() };
        let lacks = find_place(&environment, &flags).expect_err("another forge than the CI's").to_string();
        assert!(lacks.contains("`--forge-url`"), "{lacks}");
        let nothing = find_place(&CiEnvironment::default(), &PlaceFlags::default()).expect_err("nothing").to_string();
        assert!(nothing.contains("`--forge`"), "{nothing}");
    }
}
