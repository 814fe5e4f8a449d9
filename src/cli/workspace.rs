//! What commands have in common with the world: the garden around the current folder, the clock, the user's folders.

use std::path::{Path, PathBuf};

use crate::check::{Checked, Memo, check_in_history, past_of};
use crate::git::{self, Snapshot, Workspace};
use crate::model::Past;

use super::{CommandFailure, Common, Output};

/// Finds the garden that the flags or the current folder name.
#[expect(clippy::disallowed_methods, reason = "a port: the current folder")]
pub(crate) fn find(common: &Common, path: Option<&Path>) -> Result<Workspace, CommandFailure> {
    let current = std::env::current_dir().map_err(CommandFailure::file("read", Path::new(".")))?;
    Ok(Workspace::find(path.or(common.garden.as_deref()), &current)?)
}

/// Checks the garden as it lies on disk (or at a commit), at this moment.
pub(crate) fn check_once(workspace: &Workspace, commit: Option<&str>) -> Result<Checked, CommandFailure> {
    Ok(check_against(workspace, &mut Memo::default(), workspace.snapshot(commit)?, None))
}

/// Checks the garden against where the work began, or against `base` (`none`: against nothing).
pub(crate) fn check_since(
    workspace: &Workspace,
    memo: &mut Memo,
    commit: Option<&str>,
    base: Option<&str>,
) -> Result<Checked, CommandFailure> {
    let past = past_since(workspace, memo, commit, base)?;
    Ok(check_against(workspace, memo, workspace.snapshot(commit)?, past.as_ref()))
}

/// Checks files, of a commit or as they lie on disk, against a past. What that leaves undecided the history decides, where it can.
pub(crate) fn check_against(
    workspace: &Workspace,
    memo: &mut Memo,
    snapshot: Snapshot,
    past: Option<&Past>,
) -> Checked {
    check_in_history(memo, &snapshot, past, workspace.repository.as_ref(), now())
}

/// The garden as it was where the work began, or at `base`; absent where it was not there yet. What did not change since is
/// not read again by those who go on with `memo`.
pub(crate) fn past_since(
    workspace: &Workspace,
    memo: &mut Memo,
    commit: Option<&str>,
    base: Option<&str>,
) -> Result<Option<Past>, CommandFailure> {
    let began = match (base, &workspace.repository) {
        (Some("none"), _) | (None, None) => None,
        (Some(base), _) => Some(base.to_owned()),
        (None, Some(repository)) => repository.began_from(commit.unwrap_or("HEAD"))?.map(|id| id.0),
    };
    let Some(began) = began else { return Ok(None) };
    let snapshot = match workspace.snapshot(Some(&began)) {
        Err(git::GitError::NoGarden(_)) if base.is_none() => return Ok(None),
        snapshot => snapshot?,
    };
    Ok(Some(past_of(&check_against(workspace, memo, snapshot, None))))
}

/// Sets the clock of this process ahead or back by so many seconds: for tests, which must not depend on the time of day.
const CLOCK_OFFSET: &str = "PARCELLE_CLOCK_OFFSET";

/// The time, read once a command, and once a turn of the loop.
#[expect(clippy::disallowed_methods, reason = "a port: the clock")]
pub(crate) fn now() -> jiff::Timestamp {
    let offset = std::env::var(CLOCK_OFFSET).ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let now = jiff::Timestamp::now();
    now.checked_add(jiff::SignedDuration::from_secs(offset)).unwrap_or(now)
}

/// Who writes, as others are told in a lease: the machine (or pod), the process, a word of its own.
pub(crate) fn identity() -> String {
    let machine = machine();
    format!("{machine}-{}-{:x}", std::process::id(), now().as_nanosecond() % 0xffff_ffff)
}

/// The name of the machine, or pod.
#[expect(clippy::disallowed_methods, reason = "a port: the name of the machine")]
fn machine() -> String {
    let pod = std::env::var("HOSTNAME").ok();
    let machine = pod.or_else(|| std::fs::read_to_string("/etc/hostname").ok()).unwrap_or_default();
    let machine = machine.trim();
    if machine.is_empty() { "parcelle".to_owned() } else { machine.to_owned() }
}

/// Who says something, as others are told: the user and the machine.
#[expect(clippy::disallowed_methods, reason = "a port: the name of the user")]
pub(crate) fn speaker() -> String {
    let named = |variable: &str| std::env::var(variable).ok().filter(|name| !name.trim().is_empty());
    let user = named("USER").or_else(|| named("LOGNAME")).unwrap_or_else(|| "somebody".to_owned());
    format!("{}@{}", user.trim(), machine())
}

/// The user's state folder of parcelle.
#[expect(clippy::disallowed_methods, reason = "a port: where state is kept")]
pub(crate) fn state_folder() -> Result<PathBuf, CommandFailure> {
    let named = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = named("XDG_STATE_HOME").or_else(|| named("HOME").map(|home| home.join(".local/state")));
    base.map(|base| base.join("parcelle")).ok_or_else(|| {
        CommandFailure::asked(
            "there is no folder to keep state in",
            "set HOME or XDG_STATE_HOME, or use --sandbox-state none",
        )
    })
}

/// The findings of a check, to standard error.
pub(crate) fn show_findings(checked: &Checked, output: &Output) {
    if !checked.findings.is_empty() {
        let text = crate::report::render(
            crate::report::Format::Text,
            &checked.findings,
            &checked.sources,
            output.drawing_of_notes(),
        );
        output.block(text.trim_end());
    }
}
