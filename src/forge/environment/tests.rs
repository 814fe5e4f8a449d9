//! What each CI tells, in tables.

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
