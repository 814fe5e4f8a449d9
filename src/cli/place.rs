//! Where `check` runs, and what is read there beside the text: annotations in GitHub Actions, a report in GitLab CI.

use std::io::Write as _;
use std::path::Path;

use super::{CommandFailure, Output};
use crate::check::Checked;
use crate::git::MergeTarget;
use crate::report::{Drawing, Format, render, step_summary};

/// The name under which GitLab's own analysers leave their report.
const GITLAB_REPORT: &str = "gl-code-quality-report.json";

/// A CI that shows findings by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    GitHub,
    GitLab,
}

/// Tells the CI that this runs in, if any; files are written only where no report was asked for (`unasked`).
pub(super) fn tell(checked: &Checked, unasked: bool, output: &Output) -> Result<(), CommandFailure> {
    let report = |format| render(format, &checked.findings, &checked.sources, Drawing::Plain);
    match place() {
        Some(Place::GitHub) => {
            output.data(&report(Format::Github))?;
            summarise(checked)
        }
        Some(Place::GitLab) if unasked => {
            write(Path::new(GITLAB_REPORT), &report(Format::Gitlab))?;
            output.note(&format!("{GITLAB_REPORT} is written: name it under `artifacts:reports:codequality`"));
            Ok(())
        }
        Some(Place::GitLab) | None => Ok(()),
    }
}

/// Forgejo and Gitea call themselves GitHub too, and show no annotations.
#[expect(clippy::disallowed_methods, reason = "a port: where this runs")]
fn place() -> Option<Place> {
    let is_set = |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    match () {
        () if is_set("FORGEJO_ACTIONS") || is_set("GITEA_ACTIONS") => None,
        () if is_set("GITHUB_ACTIONS") => Some(Place::GitHub),
        () if is_set("GITLAB_CI") => Some(Place::GitLab),
        () => None,
    }
}

/// What CIs call the branch that a merge request goes to: GitLab, GitHub and what takes after it, Woodpecker, Jenkins, Drone,
/// Bitbucket, Buildkite, Azure.
const TARGETS: [&str; 8] = [
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "GITHUB_BASE_REF",
    "CI_COMMIT_TARGET_BRANCH",
    "CHANGE_TARGET",
    "DRONE_TARGET_BRANCH",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
];

/// Where the work of this job goes, as the CI tells it.
#[expect(clippy::disallowed_methods, reason = "a port: what the CI tells of the work")]
pub(super) fn target() -> MergeTarget {
    let first = |variables: &[&str]| {
        let named = variables.iter().filter_map(|variable| std::env::var(variable).ok());
        let plain = |value: String| value.trim().trim_start_matches("refs/heads/").to_owned();
        named.map(plain).find(|value| !value.is_empty())
    };
    MergeTarget {
        base: first(&["CI_MERGE_REQUEST_DIFF_BASE_SHA"]),
        branch: first(&TARGETS),
        main: first(&["CI_DEFAULT_BRANCH", "CI_REPO_DEFAULT_BRANCH"]),
    }
}

/// All findings on the page of the job, since annotations are cut after ten of a kind.
#[expect(clippy::disallowed_methods, reason = "a port: the summary that GitHub Actions asks for")]
fn summarise(checked: &Checked) -> Result<(), CommandFailure> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else { return Ok(()) };
    let path = Path::new(&path);
    let text = step_summary(&checked.findings, &checked.sources);
    let appended = std::fs::OpenOptions::new().create(true).append(true).open(path);
    appended.and_then(|mut file| file.write_all(text.as_bytes())).map_err(CommandFailure::file("write", path))
}

#[expect(clippy::disallowed_methods, reason = "a port: the report that GitLab CI reads")]
fn write(path: &Path, text: &str) -> Result<(), CommandFailure> {
    std::fs::write(path, text).map_err(CommandFailure::file("write", path))
}
