//! Git without a checkout: a bare mirror of a repository, fetched; trees read straight from its objects.
//!
//! A [`Snapshot`] is what the flow starts from: the KDL files of one garden, from a commit or from a working tree.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::finding::Findings;
pub(crate) use crate::schema::scalar::SHORTEST_COMMIT;
use crate::source::{FileId, SourceFile, Sources};
use crate::visible;

mod base;
mod collection;
mod consent_refs;
mod library;
mod line;
mod merged;
mod mirror;
mod passed_over;
mod standing;
mod transport;
mod tree;
mod words;
mod workspace;
mod worktree;

pub(crate) use base::{Ancestry, Before, Began, MergeTarget};
pub(crate) use consent_refs::{LARGEST_STATEMENT, MOST_OF_A_PERSON, MOST_STATEMENTS, Statements, statement_ref};
pub(crate) use line::{ChangedFiles, FirstParents, WrittenCommit};
pub(crate) use merged::{Merged, merged};
pub use mirror::{Remote, RemoteMirror};
pub use passed_over::{PassedOver, PassedOverEntries};
pub(crate) use transport::has_ssh;
pub(crate) use tree::commit_snapshot;
pub use tree::{Repository, commit_snapshot_after};
pub(crate) use words::GitRefusal;
pub(crate) use workspace::Workspace;
pub(crate) use worktree::find_garden;
pub use worktree::{read_files, worktree_snapshot};

/// The largest file that is read whole; a larger one is cut here and refused as a finding when it is decoded.
pub(crate) const LARGEST_FILE: usize = 256 << 10;
const _: () = assert!(LARGEST_FILE == crate::syntax::LONGEST_FILE, "what is read is what is decoded");
/// The most KDL files in one garden.
pub(crate) const MOST_FILES: usize = 50_000;
/// The most bytes that the KDL files of one garden have together.
pub(crate) const LARGEST_GARDEN: usize = 64 << 20;
/// The most entries of folders that are looked at to read one garden, files of other kinds among them. A tree of Git can name
/// itself a thousand times at each level, so what is small in a pack can be endless in a commit.
pub(crate) const MOST_ENTRIES: usize = 250_000;
/// The most bytes of one folder's list in Git: some 250,000 entries.
pub(crate) const LARGEST_FOLDER: usize = 16 << 20;
/// The most bytes of a commit without its files: its message and signatures.
pub(crate) const LARGEST_COMMIT: usize = 1 << 20;
/// The deepest folder below the garden's.
pub(crate) const DEEPEST_FOLDER: usize = 16;

/// A commit's id in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct CommitId(pub String);

impl CommitId {
    /// The first twelve characters: enough to name a commit to people, and in a garden.
    pub(crate) fn short(&self) -> &str {
        self.0.get(..SHORTEST_COMMIT).unwrap_or(&self.0)
    }
}

/// A commit, as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub(crate) id: CommitId,
    /// The first line of its message.
    pub(crate) summary: String,
    /// Who wrote it.
    pub(crate) author: String,
    /// When it was committed, in seconds since 1970.
    pub(crate) time: i64,
}

/// One file as read: its bytes may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFile {
    /// Path relative to the repository, with `/`.
    pub path: String,
    /// Its bytes, at most [`LARGEST_FILE`] + 1 of them; shared with other snapshots that hold the same file.
    pub bytes: Arc<[u8]>,
    /// Git's id of its content; computed for working trees too.
    pub blob: String,
}

impl RawFile {
    /// A file that stands nowhere yet.
    pub(crate) fn of(path: &str, bytes: Vec<u8>) -> Self {
        let blob =
            git2::Oid::hash_object(git2::ObjectType::Blob, &bytes).map_or_else(|_| String::new(), |id| id.to_string());
        Self { path: path.to_owned(), bytes: bytes.into(), blob }
    }
}

/// The KDL files of one garden at one moment, in order of their paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The commit; absent for a working tree.
    pub commit: Option<Commit>,
    /// The garden's folder relative to the repository; empty for its root.
    pub folder: String,
    /// The files in order of path.
    pub files: Vec<RawFile>,
    /// What looks like files of the garden and is not read.
    pub passed_over: PassedOverEntries,
}

impl Snapshot {
    /// Files of no commit, in order of path, at the root of a repository.
    pub fn of(files: Vec<RawFile>) -> Self {
        Self { commit: None, folder: String::new(), files, passed_over: PassedOverEntries::default() }
    }

    /// Whether its folder has a `garden.kdl`.
    pub(crate) fn has_garden(&self) -> bool {
        let path = crate::model::Boundary::garden_file(&self.folder);
        self.files.binary_search_by(|file| file.path.cmp(&path)).is_ok()
    }
}

/// Why Git could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// libgit2 refused something.
    #[error("cannot {doing}: {why}")]
    Git {
        /// What was being done, after "cannot ".
        doing: String,
        /// Why, in plain words.
        why: String,
    },
    /// A repository could not be fetched.
    #[error("cannot fetch `{address}`: {}", refusal.why)]
    Fetch {
        /// The address, without credentials.
        address: String,
        /// Why, and what to do.
        refusal: GitRefusal,
    },
    /// There is no repository at a path.
    #[error("there is no Git repository in `{0}`")]
    NotARepository(String),
    /// The folder that a repository is fetched from is not there, or not any more.
    #[error("the repository's folder `{0}` is not there")]
    NoFolder(String),
    /// The repository has no commit yet.
    #[error("the repository `{0}` has no commit on its main branch yet")]
    Empty(String),
    /// A revision that names nothing.
    #[error("this repository has no commit `{revision}`")]
    NoRevision {
        /// As it was asked for.
        revision: String,
        /// Whether the clone holds the latest commits only.
        shallow: bool,
    },
    /// The clone does not reach back to where the work began.
    #[error("this clone is too shallow to tell where the work began, which is what it is compared with")]
    TooShallow,
    /// A revision that names something else than a commit.
    #[error("`{0}` names no commit, but a folder or a file of one")]
    NotACommit(String),
    /// A file or folder could not be read or written.
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        /// What was being done, after "cannot ".
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The index of a sparse checkout that leaves out whole folders.
    #[error("the index of this sparse checkout leaves out whole folders, which parcelle does not read")]
    SparseIndex,
    /// An object that a partial clone left out.
    #[error("this clone leaves out objects of the repository, `{}` among them", visible::line(.0))]
    PartialClone(String),
    /// A repository of a kind that is not read.
    #[error("cannot read the repository of `{folder}`: {}", refusal.why)]
    Unreadable {
        /// A folder in it.
        folder: String,
        /// Why, and what to do.
        refusal: GitRefusal,
    },
    /// Nothing says which branch is the main one.
    #[error("nothing says which branch the work began from, so there is nothing to compare with{}", known(branches))]
    NoMainBranch {
        /// The branches that there are.
        branches: Vec<String>,
        /// A remote that would know.
        remote: Option<String>,
    },
    /// The branch that a merge request goes to is not here.
    #[error(
        "`{}`, the branch that this goes to, is not in this clone, so there is nothing to compare with",
        visible::line(branch)
    )]
    NoTarget {
        /// The branch.
        branch: String,
        /// Where it would be fetched from.
        remote: String,
    },
    /// The work and the main branch share no commit.
    #[error("this history shares no commit with `{0}`, so there is nothing to compare with")]
    Unrelated(String),
    /// A bare repository has no files but those of commits.
    #[error("`{0}` is a bare repository: there are no files on disk")]
    Bare(String),
    /// The address has a scheme that is not fetched.
    #[error("`{0}` is neither a folder nor an address that can be fetched")]
    Address(String),
    /// The folder belongs to another user.
    #[error(
        "`{0}` belongs to another user, and Git does not trust it: run `git config --global --add safe.directory {0}`, or run as its owner"
    )]
    Owner(String),
    /// No garden was found.
    #[error(
        "no folder with a `garden.kdl` in {0}: name it with --garden, or start one with `parcelle new garden NAME`"
    )]
    NoGarden(String),
    /// More than one garden was found.
    #[error("{found} gardens in this commit ({folders}): name one with --garden")]
    ManyGardens {
        /// How many there are.
        found: usize,
        /// Their folders, separated by commas.
        folders: String,
    },
    /// The nearest garden lies inside of another one.
    #[error(
        "`{inner}` holds a garden.kdl and lies inside of the garden `{outer}`: name the one you mean with --garden"
    )]
    NestedGarden {
        /// The folder that is nearest.
        inner: String,
        /// The folder around it.
        outer: String,
    },
    /// More files than [`MOST_FILES`].
    #[error("the garden has more than {MOST_FILES} KDL files: the one too many is `{}`", visible::line(.0))]
    TooManyFiles(String),
    /// More bytes than [`LARGEST_GARDEN`].
    #[error("the garden's KDL files have more than {} MiB: the one too many is `{}`", LARGEST_GARDEN >> 20, visible::line(.0))]
    TooManyBytes(String),
    /// More entries than [`MOST_ENTRIES`].
    #[error("the commit has more than {MOST_ENTRIES} entries to look at: the one too many is `{}`", visible::line(.0))]
    TooManyEntries(String),
    /// An object of Git that is larger than any that belongs to a garden.
    #[error("`{}` is larger in Git than anything of a garden", visible::line(.0))]
    TooLarge(String),
    /// The place is in no Git repository.
    #[error(
        "`{0}` lies in no Git repository: `run` and `apply` take commits only; `git init` and commit the garden first"
    )]
    NoRepository(String),
    /// The branch is not there.
    #[error("the repository has no branch `{branch}`{}", known(.others))]
    NoBranch {
        /// The branch that was asked for.
        branch: String,
        /// Those that it has, as far as it tells.
        others: Vec<String>,
    },
    /// The branch that the repository names as its own is not there: it was renamed, or deleted.
    #[error("the main branch of the repository `{address}` is not there any more, or was renamed{}", known(.others))]
    NoHead {
        /// The repository.
        address: String,
        /// The branches that it has.
        others: Vec<String>,
    },
}

/// The branches that there are, as the end of a sentence; empty where none is known.
fn known(branches: &[String]) -> String {
    if branches.is_empty() {
        return String::new();
    }
    let named = crate::schema::suggest::either(branches.iter().take(10).map(String::as_str));
    format!("; it has {}", named.replace(" or ", " and "))
}

impl GitError {
    /// Wraps what libgit2 said; `doing` reads after "cannot ".
    fn git(doing: impl Into<String>) -> impl FnOnce(git2::Error) -> Self {
        let doing = doing.into();
        move |source| match source.code() {
            git2::ErrorCode::Owner => Self::Owner(doing),
            _ => Self::Git { doing, why: words::of(&source).why },
        }
    }

    /// Whether a fetch brought more than is taken.
    fn is_too_much(&self) -> bool {
        matches!(self, Self::Fetch { refusal, .. } if refusal.is_too_much())
    }

    /// The way out, where there is one that the message does not say.
    pub(crate) fn help(&self) -> Option<String> {
        let help = match self {
            Self::Fetch { refusal, .. } | Self::Unreadable { refusal, .. } if !refusal.help.is_empty() => refusal.help,
            Self::SparseIndex => {
                "run `git sparse-checkout reapply --no-sparse-index`, or `git sparse-checkout disable`"
            }
            Self::PartialClone(_) => {
                "fetch everything: `git fetch --refetch --no-filter`; in CI leave out `filter:` of actions/checkout, or \
                 `--filter` of the clone"
            }
            Self::NoMainBranch { remote: Some(remote), .. } => {
                return Some(format!(
                    "name it with --base, or let Git know it: `git remote set-head {remote} --auto`; to compare with nothing: \
                     `--base none`"
                ));
            }
            Self::NoMainBranch { remote: None, .. } => {
                "name the one that the work goes to: `--base BRANCH`, or `CI_DEFAULT_BRANCH=BRANCH` in the environment; to compare \
                 with nothing: `--base none`"
            }
            Self::NoTarget { branch, remote } => {
                return Some(format!(
                    "fetch it: `git fetch {remote} {branch}:refs/remotes/{remote}/{branch}` (`fetch-depth: 0` of actions/checkout \
                     fetches all), or name what to compare with: `--base REV`"
                ));
            }
            Self::Unrelated(_) => "name what to compare with: `--base BRANCH`, or `--base none` for nothing",
            Self::Bare(_) => "name a commit with --commit; what writes files is done in a clone that has them",
            Self::NotARepository(_) | Self::Address(_) => {
                "name a folder that holds a repository, or an address that starts with https://, ssh:// or git@"
            }
            Self::NoFolder(_) => {
                "check the path, and that its disk is mounted; a repository that was moved is named with --repo, by a folder or an \
                 address that starts with https://, ssh:// or git@"
            }
            Self::Empty(_) => "commit the garden first, or name a branch with --branch",
            Self::NoBranch { others, .. } if !others.is_empty() => "name one of them with --branch, or push it again",
            Self::NoHead { .. } => {
                "name a branch with --branch, or set the repository's default branch: `git symbolic-ref HEAD \
                 refs/heads/BRANCH` where it lies"
            }
            Self::NoRevision { shallow: true, .. } => {
                "this clone holds the latest commits only; fetch them all: `GIT_DEPTH: \"0\"` in GitLab CI, \
                 `fetch-depth: 0` of actions/checkout, `git fetch --unshallow` by hand"
            }
            Self::TooShallow => {
                "fetch the default branch and all commits: `GIT_DEPTH: \"0\"` in GitLab CI, `fetch-depth: 0` of \
                 actions/checkout, `git fetch --unshallow` by hand; or compare with nothing: `--base none`"
            }
            Self::TooManyFiles(_) | Self::TooManyBytes(_) | Self::TooManyEntries(_) | Self::TooLarge(_) => {
                "take what is no garden out of the repository, or give the garden a repository of its own"
            }
            Self::NoRevision { shallow: false, .. } => "name a branch, a tag or the id of a commit",
            Self::NotACommit(_) => "name a branch, a tag or the id of a commit, without a path",
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                "give the user that parcelle runs as the right to read it"
            }
            _ => return None,
        };
        Some(help.to_owned())
    }

    /// Wraps what the system said; `doing` reads after "cannot ".
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { doing, path, source }
    }
}

impl RawFile {
    /// Decodes the file into `sources`; what is no text or too large is a finding, and the file stays, cut.
    pub(crate) fn decode(&self, sources: &mut Sources) -> (FileId, Findings) {
        let (text, findings) = crate::syntax::decode(sources.next_id(), &self.bytes);
        (sources.add(SourceFile::new(&self.path, &text)), findings)
    }
}
