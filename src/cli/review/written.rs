//! Who wrote the commits of a merge request, as they say it themselves.

use std::collections::BTreeMap;

use crate::consent::Authors;
use crate::consent::signature::{COMMITS, signer};
use crate::git::{CommitId, GitError, Repository, WrittenCommit};
use crate::model::Person;
use crate::name::Name;

/// The most commits of a merge request that are looked at.
const MOST_COMMITS: usize = 1_000;

/// What the commits of a change say of their authors.
#[derive(Debug, Default)]
pub(super) struct RequestAuthors {
    pub(super) authors: Authors,
    /// Commits that change the garden and bear no signature of the people, with the reason.
    pub(super) unsigned: Vec<(CommitId, String)>,
}

/// Reads who wrote the commits of `head` that `base` lacks.
pub(super) fn written(
    repository: &Repository,
    (base, head): (&CommitId, &CommitId),
    folder: &str,
    people: &BTreeMap<Name, Person>,
) -> Result<RequestAuthors, GitError> {
    let mut written = RequestAuthors::default();
    let Some(commits) = repository.written_between(base, head, MOST_COMMITS)? else {
        let why = format!("there are more than {MOST_COMMITS} commits, which are not looked at");
        written.unsigned.push((head.clone(), why));
        return Ok(written);
    };
    let mut are_all_signed = !commits.is_empty();
    for commit in commits.iter().filter(|commit| writes(repository, commit, folder)) {
        for address in [&commit.author, &commit.committer] {
            match people.iter().find(|(_, person)| person.email.eq_ignore_ascii_case(address)) {
                Some((name, _)) => written.authors.people.insert(name.clone()),
                None => written.authors.others.insert(crate::visible::line(address)),
            };
        }
        let why = match &commit.signature {
            None => Some("it is not signed".to_owned()),
            Some((signature, signed)) => match signer(people, COMMITS, signed, signature) {
                Ok(person) => {
                    written.authors.people.insert(person.clone());
                    None
                }
                Err(why) => Some(why),
            },
        };
        are_all_signed &= why.is_none();
        written.unsigned.extend(why.map(|why| (commit.id.clone(), why)));
    }
    written.authors.vouched = are_all_signed;
    Ok(written)
}

/// Whether a commit writes something of the garden itself: a merge that only brings together what others wrote does not.
fn writes(repository: &Repository, commit: &WrittenCommit, folder: &str) -> bool {
    match commit.parents.as_slice() {
        [parent] => repository.content(parent, &commit.id, folder).map_or(true, |content| !content.files.is_empty()),
        [first, second] => {
            let joined = || -> Result<bool, GitError> {
                let base = repository.shared(&first.0, &second.0)?;
                let theirs = repository.content(&base, second, folder)?;
                Ok(theirs == repository.content(first, &commit.id, folder)?)
            };
            !joined().unwrap_or(false)
        }
        _ => true,
    }
}
