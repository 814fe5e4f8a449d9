//! What commands have in common with the world: the garden around the current folder, the clock, the user's folders.

use std::path::{Path, PathBuf};

use crate::check::{Checked, Memo, check, check_in_history, past_of};
use crate::git::{self, Before, Began, GitError, RawFile, Snapshot, Workspace};
use crate::model::{Boundary, Garden, Past};

use super::{CommandFailure, Common, Output, place};

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

/// Reads the garden's own file alone, at a commit: people and rules stand in no other one. Absent where it holds no garden.
pub(crate) fn garden_at(workspace: &Workspace, revision: &str) -> Result<Option<Garden>, GitError> {
    let mut snapshot = workspace.snapshot(Some(revision))?;
    let path = Boundary::garden_file(&snapshot.folder);
    snapshot.files.retain(|file| file.path == path);
    Ok(check(snapshot, None, now()).garden)
}

/// What a garden is compared with.
pub(crate) struct ComparedPast {
    /// The garden as it was; absent where it is compared with nothing.
    pub(crate) past: Option<Past>,
    /// With what, in a sentence: that nothing was found means nothing without it.
    note: String,
    /// The commit that it is of.
    commit: String,
    /// The files that it was made from.
    files: Vec<RawFile>,
}

/// So many commits are looked through for one that was not refused itself.
const MOST_REFUSED: usize = 20;

impl ComparedPast {
    /// With what a snapshot was compared, and that it is the same where it is.
    pub(crate) fn note(&self, snapshot: &Snapshot) -> String {
        let note = &self.note;
        if self.past.is_none() || self.files != snapshot.files {
            return note.clone();
        }
        format!(
            "{note}, where the garden is the same: no change was checked (`--base REV` compares with an earlier commit)"
        )
    }
}

impl ComparedPast {
    /// The same where organisations that a check stops are compared with what nobody refused: a commit that was itself refused was
    /// never applied, so whoever mends it is held against the one before. Absent where that changes nothing.
    pub(crate) fn before_refusals(&self, workspace: &Workspace, memo: &mut Memo, checked: &Checked) -> Option<Self> {
        let mut past = self.past.clone()?;
        let broken =
            |checked: &Checked| checked.garden.as_ref().map(|garden| garden.broken.clone()).unwrap_or_default();
        let mut stopped = broken(checked);
        stopped.retain(|name| past.organisations.contains_key(name));
        let (mut commit, mut notes) = (self.commit.clone(), Vec::new());
        let mut snapshot = workspace.earlier(&commit).ok()??;
        for _ in 0..MOST_REFUSED {
            if stopped.is_empty() {
                break;
            }
            let parent = format!("{commit}^");
            let Ok(Some(earlier)) = workspace.earlier(&parent) else { break };
            let before = past_of(&check_against(workspace, memo, earlier.clone(), None));
            let refused = broken(&check_against(workspace, memo, snapshot, Some(&before)));
            stopped.retain(|name| refused.contains(name) && before.organisations.contains_key(name));
            for name in &stopped {
                past.organisations
                    .extend(before.organisations.get_key_value(name).map(|(k, v)| (k.clone(), v.clone())));
                notes.push(format!("`{name}` with the commit before that: what came after it was refused itself"));
            }
            (commit, snapshot) = (parent, earlier);
        }
        notes.dedup();
        let note = std::iter::once(self.note.clone()).chain(notes.iter().cloned()).collect::<Vec<_>>().join("; ");
        let (commit, files) = (self.commit.clone(), self.files.clone());
        (!notes.is_empty()).then(|| Self { past: Some(past), note, commit, files })
    }
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

/// The garden as it was where the work began, or at `base` (`none`: nothing). What did not change since is not read again by those
/// who go on with `memo`.
pub(crate) fn compared(
    workspace: &Workspace,
    memo: &mut Memo,
    commit: Option<&str>,
    base: Option<&str>,
) -> Result<ComparedPast, CommandFailure> {
    let nothing = |why: &str| {
        let note = format!("compared with nothing: {why}");
        Ok(ComparedPast { past: None, note, commit: String::new(), files: Vec::new() })
    };
    let (began, of) = match base {
        Some("none") => return nothing("`--base none` was asked for"),
        Some(base) => named_base(workspace, base, commit)?,
        None => {
            let Some(repository) = workspace.repository_around().map_err(without_base)? else {
                return nothing("the garden lies in no Git repository");
            };
            let here = commit.unwrap_or("HEAD");
            let Some(began) = repository.began_from(here, &place::target()).map_err(without_base)? else {
                return nothing("the repository has no commit yet");
            };
            match began_before(workspace, repository, commit, began)? {
                Ok(began) => began,
                Err(why) => return nothing(&why),
            }
        }
    };
    let Some(snapshot) = workspace.earlier(&began)? else {
        return match base {
            Some(_) => Err(git::GitError::NoGarden(of).into()),
            None => nothing(&format!("there is no garden yet in {of}")),
        };
    };
    let files = snapshot.files.clone();
    let past = past_of(&check_against(workspace, memo, snapshot, None));
    Ok(ComparedPast { past: Some(past), note: format!("compared with {of}"), commit: began, files })
}

/// The commit that `--base` names, and what it is. With three dots after it, as `git diff` takes them, it is the latest one that it
/// shares with what is looked at.
pub(crate) fn named_base(
    workspace: &Workspace,
    base: &str,
    commit: Option<&str>,
) -> Result<(String, String), CommandFailure> {
    let Some(branch) = base.strip_suffix("...") else { return Ok((base.to_owned(), format!("`{base}`"))) };
    let shared = workspace.repository()?.shared(branch, commit.unwrap_or("HEAD"))?;
    let of = format!("{}, which is shared with `{branch}`", shared.short());
    Ok((shared.0, of))
}

/// The commit that is compared with where the work began, and what it is. On the branch itself, where no work began, that is the
/// commit of the files that were edited, or the commit before; where there is none, why not.
fn began_before(
    workspace: &Workspace,
    repository: &git::Repository,
    commit: Option<&str>,
    began: Began,
) -> Result<Result<(String, String), String>, CommandFailure> {
    let Began { commit: at, branch } = began;
    let here = repository.commit(commit.unwrap_or("HEAD"))?.id;
    if at != here {
        let of = branch.map_or_else(|| "where the work began".to_owned(), |branch| format!("of `{branch}`"));
        return Ok(Ok((at.0.clone(), format!("{}, {of}", at.short()))));
    }
    let is_edited = match commit {
        Some(_) => false,
        None => match workspace.uncommitted(&here.0) {
            Ok(edited) => !edited.is_empty(),
            // A garden that is in no commit yet.
            Err(git::GitError::NoGarden(_)) => true,
            Err(error) => return Err(error.into()),
        },
    };
    if is_edited {
        let of = format!("{}, the last commit: what was edited since is checked", here.short());
        return Ok(Ok((here.0, of)));
    }
    let itself = branch.map_or_else(
        || "no work began after it".to_owned(),
        |branch| format!("no commit differs from `{branch}` itself"),
    );
    Ok(match repository.commit_before(&here)? {
        Before::Commit(before) => {
            let of = format!("{}, the commit before {}, since {itself}", before.short(), here.short());
            Ok((before.0, of))
        }
        Before::First => Err(format!("{} is the first commit", here.short())),
        Before::NotHeld => Err(format!(
            "{itself}, and this clone is too shallow to hold the commit before {} (`git fetch --deepen=1` brings it)",
            here.short()
        )),
    })
}

/// An error of Git, with the way to check without a past.
fn without_base(error: git::GitError) -> CommandFailure {
    match error {
        git::GitError::Unreadable { .. } => {
            let help = error.help().unwrap_or_default();
            let sentence = if help.is_empty() { String::new() } else { format!("{help}; ") };
            CommandFailure::asked(
                format!("{error}, so there is nothing to compare with"),
                format!("{sentence}to check the files alone: `--base none`"),
            )
        }
        error => error.into(),
    }
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
        output.findings(text.trim_end(), checked.findings.has_errors());
    }
}
