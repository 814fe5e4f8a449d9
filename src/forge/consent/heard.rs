//! What reviews come to for one change: voices of people, who wrote it, and why the rest does not count.

use std::collections::{BTreeMap, BTreeSet};

use super::said::account;
use super::{ForgeAnswer, ForgeKind, RequestReviews, ReviewSaid};
use crate::consent::{Authors, ChangeId, ConsentWord, Given, Via, Voice, moved_since};
use crate::git::{ChangedFiles, CommitId, GitError, Repository};
use crate::model::{self, Person};
use crate::name::Name;

/// What somebody said on a forge that counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ForgeUnheard {
    /// The account, neutralised.
    pub(crate) account: String,
    /// In words, after "what ACCOUNT said does not count: ".
    pub(crate) why: String,
}

impl ForgeUnheard {
    pub(super) fn new(name: &str, why: impl Into<String>) -> Self {
        Self { account: account(name), why: why.into() }
    }
}

/// The change that reviews are heard for, and where it is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Hearing<'a> {
    pub(crate) repository: &'a Repository,
    /// The garden's folder in the repository.
    pub(crate) folder: &'a str,
    pub(crate) garden: &'a Name,
    pub(crate) people: &'a BTreeMap<Name, Person>,
    /// The kind of forge, as accounts name it.
    pub(crate) kind: model::ForgeWord,
    /// The commit that the change is made to.
    pub(crate) before: &'a CommitId,
    /// What the change makes of the garden's files.
    pub(crate) content: &'a ChangedFiles,
}

/// What reviews come to for one change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeardReviews {
    /// What people said, of this change or of others.
    pub(crate) voices: Vec<Voice>,
    /// Who wrote it, as the forge says; to be joined with those that the commits name.
    pub(crate) authors: Authors,
    pub(crate) unheard: Vec<ForgeUnheard>,
    /// What the requests bring, as they were merged.
    pub(crate) brought: BTreeSet<ChangeId>,
    /// Commits of reviews that the repository does not hold, with the ref under which the forge has them.
    pub(crate) missing: BTreeMap<CommitId, String>,
}

/// The one of the people who has an account on a kind of forge; nobody where two of them say so.
pub(crate) fn person_of<'p>(
    people: &'p BTreeMap<Name, Person>,
    kind: model::ForgeWord,
    account: &str,
) -> Option<&'p Name> {
    let has = |person: &Person| person.accounts.get(&kind).is_some_and(|own| own.eq_ignore_ascii_case(account));
    let mut found = people.iter().filter(|(_, person)| has(person)).map(|(name, _)| name);
    found.next().filter(|_| found.next().is_none())
}

/// Hears what a forge says of a change. An approval is of the content of the commit that it was given at; an objection stands for
/// whatever its request brings, until it is taken back on the forge.
pub(crate) fn heard(answer: &ForgeAnswer, hearing: &Hearing<'_>) -> HeardReviews {
    let change = ChangeId::of(hearing.content, hearing.garden);
    let mut heard = HeardReviews::default();
    let mut known = BTreeMap::new();
    let mut is_brought_whole = false;
    for request in &answer.requests {
        heard.unheard.extend(request.discounted.iter().cloned());
        heard.wrote(request, hearing);
        let head = known.entry(request.head.clone()).or_insert_with(|| hearing.looked_at(&request.head));
        is_brought_whole |= matches!(head, Ok(Some(seen)) if seen.change == change && !request.opener.is_empty());
        heard.brought.extend(head.iter().flatten().map(|seen| seen.change.clone()));
        if matches!(head, Ok(None)) {
            heard.missing.insert(request.head.clone(), hearing.head_ref(request.number));
        }
        for said in &request.said {
            let Some(person) = person_of(hearing.people, hearing.kind, &said.account) else {
                let why = format!("nobody among the people has this account on {}", ForgeKind::from(hearing.kind));
                heard.unheard.push(ForgeUnheard::new(&said.account, why));
                continue;
            };
            let seen = known.entry(said.head.clone()).or_insert_with(|| hearing.looked_at(&said.head));
            heard.take(said, person, request, seen, &change, hearing);
        }
    }
    heard.authors.vouched =
        is_brought_whole && answer.unasked == 0 && answer.requests.iter().all(|request| request.knows_pushers);
    heard
}

/// Whether an objection that was remembered still stands, as far as a forge tells: one that it answered for and shows no longer was
/// taken back there.
pub(crate) fn stands(
    voice: &Voice,
    answer: &ForgeAnswer,
    kind: model::ForgeWord,
    people: &BTreeMap<Name, Person>,
) -> bool {
    let Via::Forge { kind: of, request } = &voice.via else { return true };
    let Some(request) = answer.requests.iter().find(|one| *of == kind && one.number == *request) else { return true };
    let objects = |said: &&ReviewSaid| said.word == ConsentWord::Object;
    request.said.iter().filter(objects).any(|said| person_of(people, kind, &said.account) == Some(&voice.person))
}

/// What somebody saw who looked at a commit.
struct SeenCommit {
    given: Given,
    content: ChangedFiles,
    change: ChangeId,
}

/// Absent where the repository does not hold the commit.
type LookedCommit = Result<Option<SeenCommit>, GitError>;

impl Hearing<'_> {
    /// What a commit changes since it left the branch that the change goes to.
    fn looked_at(&self, head: &CommitId) -> LookedCommit {
        if !self.repository.has(head) {
            return Ok(None);
        }
        let base = self.repository.shared(&self.before.0, &head.0)?;
        let content = self.repository.content(&base, head, self.folder)?;
        let change = ChangeId::of(&content, self.garden);
        Ok(Some(SeenCommit { given: Given { head: head.clone(), base }, content, change }))
    }

    /// The ref under which the forge has the work of a request.
    fn head_ref(&self, request: u64) -> String {
        match self.kind {
            model::ForgeWord::Gitlab => format!("refs/merge-requests/{request}/head"),
            model::ForgeWord::Github | model::ForgeWord::Forgejo | model::ForgeWord::Gitea => {
                format!("refs/pull/{request}/head")
            }
        }
    }
}

impl HeardReviews {
    /// Adds what reviews of another project come to for the same change: it is enough that one vouches for who wrote it.
    pub(crate) fn join(&mut self, other: Self) {
        self.voices.extend(other.voices);
        self.authors.join(other.authors);
        self.unheard.extend(other.unheard);
        self.brought.extend(other.brought);
        self.missing.extend(other.missing);
    }

    /// Adds who wrote a request.
    fn wrote(&mut self, request: &RequestReviews, hearing: &Hearing<'_>) {
        let opener = Some(&request.opener).filter(|opener| !opener.is_empty());
        for account in opener.into_iter().chain(&request.pushers) {
            match person_of(hearing.people, hearing.kind, account) {
                Some(person) => self.authors.people.insert(person.clone()),
                None => self.authors.others.insert(format!("{account} on {}", ForgeKind::from(hearing.kind))),
            };
        }
    }

    /// Takes what one of the people said.
    fn take(
        &mut self,
        said: &ReviewSaid,
        person: &Name,
        request: &RequestReviews,
        seen: &LookedCommit,
        change: &ChangeId,
        hearing: &Hearing<'_>,
    ) {
        let mut voice = |change: &ChangeId, given: Given| {
            self.voices.push(Voice {
                person: person.clone(),
                word: said.word,
                change: change.clone(),
                given,
                when: said.when,
                reason: said.reason.clone(),
                via: Via::Forge { kind: hearing.kind, request: request.number },
            });
        };
        if said.word == ConsentWord::Object {
            voice(change, Given { head: request.head.clone(), base: hearing.before.clone() });
            return;
        }
        let short = said.head.short();
        let why = match seen {
            Ok(Some(seen)) => {
                voice(&seen.change, seen.given.clone());
                if seen.change == *change {
                    return;
                }
                moved_since(&seen.given.head, &seen.content, hearing.content)
            }
            Ok(None) if said.head == request.head => format!("it is of `{short}`, which is not held here yet"),
            Ok(None) => format!("it is of `{short}`, which was replaced by `{}` since", request.head.short()),
            Err(error) => format!("what `{short}` changes cannot be told: {error}"),
        };
        // What nobody holds any more is asked for once all the same: servers keep it for a while.
        if matches!(seen, Ok(None)) {
            let reference =
                if said.head == request.head { hearing.head_ref(request.number) } else { said.head.0.clone() };
            self.missing.insert(said.head.clone(), reference);
        }
        self.unheard.push(ForgeUnheard::new(&said.account, why));
    }
}
