//! The pipelines of `examples/ci/` post what they promise: their lines are run in order, with the variables that the CI sets, against a
//! stand-in of the forge.

use std::path::Path;

use serde_json::Value;

use crate::command::Output;
use crate::forge::{Kind, TOKEN};
use crate::forge_story::Review;

/// The lines of some jobs or steps of a file, in their order.
fn lines(file: &str, of: &[&str]) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci").join(file);
    let yaml: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut found = Vec::new();
    for name in of {
        let job = if yaml["jobs"].is_object() { &yaml["jobs"][name] } else { &yaml[name] };
        let steps = job["steps"].as_array().into_iter().flatten();
        found.extend(steps.filter_map(|step| step["run"].as_str()).map(str::to_owned));
        for script in ["script", "after_script"] {
            let script = job[script].as_array().into_iter().flatten();
            found.extend(script.filter_map(Value::as_str).map(str::to_owned));
        }
        let own = yaml["steps"].as_array().into_iter().flatten().filter(|step| step["name"] == **name);
        let commands = own.flat_map(|step| step["commands"].as_array().into_iter().flatten());
        found.extend(commands.filter_map(Value::as_str).map(str::to_owned));
    }
    assert!(!found.is_empty(), "{file} has no {of:?}");
    found
}

/// Runs lines as the shell of a CI does. Commits are there already, so a line of Git does nothing.
fn run(review: &Review, variables: &[(&'static str, String)], lines: &[String]) -> Vec<(String, Output)> {
    let mut said = Vec::new();
    for line in lines {
        if line.starts_with("git ") {
            continue;
        }
        let mut words: Vec<String> = line.replace("|| true", "").split_whitespace().map(str::to_owned).collect();
        let mut variables = variables.to_vec();
        if words[0] == "env" {
            while words.get(1).is_some_and(|word| word == "-u") {
                variables.retain(|(name, _)| **name != *words[2]);
                words.drain(1..3);
            }
            words.remove(0);
        }
        for word in &mut words {
            for (name, value) in &variables {
                *word = word.trim_matches('"').replace(&format!("${name}"), value);
            }
            assert!(!word.contains('$'), "{line} asks for what nobody sets: {word}");
        }
        assert_eq!(words[..2], ["parcelle", "review"], "{line}");
        let set: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let output = review.environment.run_with(&set, &words[1..]);
        assert!(!output.text().contains(TOKEN), "{line}: {}", output.text());
        said.push((line.clone(), output));
    }
    said
}

/// Asserts that one comment tells of the change, and that its status has ended.
#[track_caller]
fn posted(review: &Review, head: &str, said: &[(String, Output)]) {
    for (line, output) in said {
        assert_eq!(output.code, 0, "{line}: {}", output.text());
    }
    let comment = review.comment();
    assert!(comment.contains("`storage` | `5 GiB` | `6 GiB` |"), "{comment}");
    assert_eq!(review.status(head).0, "success", "{said:?}");
}

#[test]
fn a_merge_request_of_the_repository_gets_its_comment() {
    for (kind, file, jobs) in [
        (Kind::GitHub, "github.yml", &["review"][..]),
        (Kind::GitLab, "gitlab-ci.yml", &["review"]),
        (Kind::Forgejo, "forgejo.yml", &["review"]),
        (Kind::Gitea, "forgejo.yml", &["review"]),
    ] {
        let review = Review::new(kind);
        let head = review.push("6 GiB");
        let said = run(&review, &review.variables(), &lines(file, jobs));
        posted(&review, &head, &said);
        assert!(review.environment.read("garden/plan.txt").contains("storage: 5 GiB → 6 GiB"), "{kind:?}");
        assert!(review.comment().starts_with("<!-- parcelle review plots -->\n**Plan: "), "{}", review.comment());
    }
}

#[test]
fn woodpecker_plans_without_a_token_and_posts_with_one() {
    let review = Review::new(Kind::Forgejo);
    let head = review.push("6 GiB");
    let site = format!("http://{}", review.forge.address);
    let mut variables: Vec<(&'static str, String)> = [
        ("CI", "woodpecker"),
        ("CI_FORGE_TYPE", "forgejo"),
        ("CI_FORGE_URL", &site),
        ("CI_REPO", "collective/garden"),
        ("CI_COMMIT_PULL_REQUEST", "7"),
        ("CI_COMMIT_SHA", &head),
        ("CI_COMMIT_TARGET_BRANCH", "main"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec();
    // The branch that the work goes to, as the plugin of the CI fetches it.
    let base = git2::Oid::from_str(&review.forge.world().base).unwrap();
    review.environment.repository().remote("origin", "https://git.example.org/garden").unwrap();
    review.environment.repository().reference("refs/remotes/origin/main", base, true, "").unwrap();
    let planned = run(&review, &variables, &lines("woodpecker.yml", &["plan"]));
    assert!(review.forge.take_asked().is_empty(), "the first stage asks nobody");
    variables.push(("PARCELLE_FORGE_TOKEN", TOKEN.to_owned()));
    let said = run(&review, &variables, &lines("woodpecker.yml", &["review"]));
    posted(&review, &head, &planned.into_iter().chain(said).collect::<Vec<_>>());
}

#[test]
fn a_fork_on_github_is_planned_by_one_job_and_posted_by_another() {
    let review = Review::new(Kind::GitHub);
    review.forge.world().fork = true;
    let head = review.push("6 GiB");
    // Both run the main branch's text, with the event of the pull request.
    let privileged = review.variables();
    let mut unprivileged = privileged.clone();
    unprivileged.retain(|(name, _)| *name != "GITHUB_TOKEN");
    let planned = run(&review, &unprivileged, &lines("github-review.yml", &["plan"]));
    assert!(review.forge.take_asked().is_empty(), "the first stage asks nobody");
    let said = run(&review, &privileged, &lines("github-review.yml", &["post"]));
    posted(&review, &head, &planned.into_iter().chain(said).collect::<Vec<_>>());
    assert!(review.comment().contains("From a fork: planned without the clusters."), "{}", review.comment());
}

#[test]
fn a_fork_on_gitlab_is_posted_by_a_pipeline_of_the_main_branch() {
    let review = Review::new(Kind::GitLab);
    review.forge.world().fork = true;
    let head = review.push("6 GiB");
    let planned = run(&review, &review.variables(), &lines("gitlab-ci.yml", &["plan-of-fork"]));
    assert!(review.forge.take_asked().is_empty(), "what runs in the fork asks nobody");
    let repository = review.environment.repository();
    let base = review.forge.world().base.clone();
    let id = |commit: &str| git2::Oid::from_str(commit).unwrap();
    repository.remote("origin", "https://git.example.org/garden").unwrap();
    repository.reference("refs/remotes/origin/main", id(&base), true, "").unwrap();
    repository.reference("refs/parcelle/request", id(&head), true, "").unwrap();
    let site = format!("http://{}", review.forge.address);
    let variables: Vec<(&'static str, String)> = [
        ("GITLAB_CI", "true"),
        ("CI_API_V4_URL", &format!("{site}{}", Kind::GitLab.root())),
        ("CI_PROJECT_PATH", "collective/sub/garden"),
        ("CI_PROJECT_ID", "3"),
        ("CI_COMMIT_SHA", &base),
        ("CI_COMMIT_BRANCH", "main"),
        ("CI_DEFAULT_BRANCH", "main"),
        ("REQUEST", "7"),
        ("GITLAB_TOKEN", TOKEN),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec();
    let said = run(&review, &variables, &lines("gitlab-ci.yml", &["review-of-fork"]));
    posted(&review, &head, &planned.into_iter().chain(said).collect::<Vec<_>>());
}
