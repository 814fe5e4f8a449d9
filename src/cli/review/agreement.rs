//! Who must agree to a merge request, and who has.
//!
//! Rules and people are those of the branch that it goes to. Reviews are read from the forge, signed statements from the clone. Nothing is
//! remembered in a CI, so what was used before, and from when on people may object, is the loop's to say.

use std::collections::BTreeSet;

use super::super::workspace::{garden_at, now};
use super::agreement_words::{self, ToldAgreement};
use crate::consent::{self, Authors, Change, ChangeId, MOST_COMMITS, Question, Record, Voice, judge, unsigned};
use crate::forge::consent::{ForgeAnswer, HeardReviews, Hearing, heard, is_project};
use crate::forge::{CiPlace, Forge, StatusState};
use crate::git::{ChangedFiles, CommitId, GitError, MergeTarget, Repository, Workspace, WrittenCommit};
use crate::model::{Class, Consent, ConsentSource, ForgeWord, Garden};

/// What is said of consent: in the comment, and as a status of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestAgreement {
    /// The verdict, then what it comes from, a line each.
    pub(super) lines: Vec<String>,
    pub(super) state: StatusState,
    /// The verdict for a status.
    pub(super) description: String,
}

/// The merge request, and what is known of it.
pub(super) struct AgreementAsked<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) forge: &'a dyn Forge,
    pub(super) place: &'a CiPlace,
    /// The commit that was planned.
    pub(super) head: &'a str,
    /// The branch or commit that it goes to, where somebody named one.
    pub(super) base: Option<&'a str>,
    /// The branch that it goes to, as the forge says; as the CI says where absent.
    pub(super) branch: Option<&'a str>,
    /// What the plan says that it is; everything where it says nothing.
    pub(super) classes: Option<&'a BTreeSet<Class>>,
}

/// The change of a merge request as it would be merged now.
struct ReviewedChange {
    tip: CommitId,
    base: CommitId,
    head: CommitId,
    content: ChangedFiles,
}

/// Finds out who must agree and who has; nothing where the garden asks nobody.
///
/// # Errors
/// Why that is not known, in words.
pub(super) fn agreement(asked: &AgreementAsked<'_>) -> Result<Option<RequestAgreement>, String> {
    let repository = asked.workspace.repository().map_err(|error| error.to_string())?;
    let tip = asked.tip(repository)?;
    let Some(garden) = garden_at(asked.workspace, &tip.0).ok().flatten().filter(|garden| garden.consent.asks()) else {
        return Ok(None);
    };
    Ok(Some(asked.judged(repository, &garden, tip).unwrap_or_else(|why| agreement_words::unknown(&why))))
}

impl AgreementAsked<'_> {
    /// The latest commit of the branch that it goes to.
    fn tip(&self, repository: &Repository) -> Result<CommitId, String> {
        if let Some(named) = self.base {
            let named = named.strip_suffix("...").unwrap_or(named);
            return repository.commit(named).map(|commit| commit.id).map_err(|error| error.to_string());
        }
        let target = match self.branch {
            Some(branch) => MergeTarget { branch: Some(branch.to_owned()), ..MergeTarget::default() },
            None => super::planned::target(Some(self.place)),
        };
        let tip = repository.target_tip(&target).map(|(_, tip)| tip);
        tip.ok_or_else(|| "this clone does not hold the branch that it goes to".to_owned())
    }

    fn judged(&self, repository: &Repository, garden: &Garden, tip: CommitId) -> Result<RequestAgreement, String> {
        let folder = self.workspace.folder_in_repository();
        let read = || -> Result<(ReviewedChange, Option<Vec<WrittenCommit>>), GitError> {
            let head = repository.commit(self.head)?.id;
            let base = repository.shared(&tip.0, &head.0)?;
            let content = repository.content(&base, &head, &folder)?;
            let commits = repository.written_between(&base, &head, &folder, MOST_COMMITS)?;
            Ok((ReviewedChange { tip, base, head, content }, commits))
        };
        let (reviewed, commits) = read().map_err(|error| error.to_string())?;
        let mut said = self.said(repository, garden, &folder, &reviewed);
        let mut authors = Authors::of(commits.as_deref(), &garden.people);
        authors.join(std::mem::take(&mut said.heard.authors));
        let rules = &garden.consent;
        if reviewed.content.files.is_empty() {
            return Ok(agreement_words::nothing());
        }
        let change = Change {
            id: ChangeId::of(&reviewed.content, &garden.name),
            before: reviewed.base.clone(),
            after: reviewed.head.clone(),
            files: reviewed.content.files.keys().cloned().collect(),
            classes: self.classes(&authors),
            authors,
            unsigned: if rules.signed {
                unsigned(commits.as_deref(), &reviewed.head, &garden.people)
            } else {
                Vec::new()
            },
        };
        let question = Question {
            rules,
            people: &garden.people,
            change: &change,
            voices: &said.heard.voices,
            record: &Record::default(),
            earlier: &[],
            announced: None,
            now: now().as_second(),
            contains: &|commit, earlier| repository.holds(commit, earlier),
        };
        let verdict = judge(&question);
        if self.classes.is_none() {
            let why = "what the plan of a fork says that it is does not count";
            said.notes.push(format!("asked as for every kind of change: {why}"));
        }
        let told = ToldAgreement {
            change: &change,
            verdict: &verdict,
            unheard: &said.heard.unheard,
            waiting: waiting(rules, &change.classes),
            notes: &said.notes,
        };
        Ok(told.agreement())
    }

    /// What it is by its plan, and by who wrote it.
    fn classes(&self, authors: &Authors) -> BTreeSet<Class> {
        let all = [Class::Deletions, Class::Data, Class::Offers, Class::People, Class::Clusters];
        let mut classes = self.classes.cloned().unwrap_or_else(|| all.into());
        // Whoever wrote the file that this may come from decides nothing about who wrote the change.
        classes.retain(|class| !matches!(class, Class::Contribution | Class::Routine));
        authors.classes(classes)
    }

    /// What was said, by every source that the garden names.
    fn said(&self, repository: &Repository, garden: &Garden, folder: &str, reviewed: &ReviewedChange) -> SaidOfRequest {
        let mut said = SaidOfRequest::default();
        let forges = garden.consent.sources.iter().filter_map(|source| match source {
            ConsentSource::Forge { kind, address, .. } => Some((*kind, address)),
            ConsentSource::Signatures => None,
        });
        let forges: Vec<(ForgeWord, &String)> = forges.collect();
        let own =
            forges.iter().find(|(kind, address)| is_project(*kind, address, self.forge.kind(), &self.place.repository));
        match own {
            Some((kind, _)) => {
                let hearing = Hearing {
                    repository,
                    folder,
                    garden: &garden.name,
                    people: &garden.people,
                    kind: *kind,
                    before: &reviewed.tip,
                    content: &reviewed.content,
                };
                said.hear_forge(self.forge, &reviewed.head, &hearing);
            }
            None => said.notes.extend(
                forges
                    .first()
                    .map(|(_, address)| format!("reviews count on `{address}`, and not on this merge request")),
            ),
        }
        if garden.consent.sources.contains(&ConsentSource::Signatures) {
            let statements = repository.statements();
            let read = statements.read.iter().map(|(place, bytes)| (place.as_str(), &**bytes));
            let (voices, _) = consent::heard(&garden.name, &garden.people, read);
            said.heard.voices.extend::<Vec<Voice>>(voices);
            if !statements.left_out.is_empty() {
                said.notes.push(format!("{} signed statements of this clone are not read", statements.left_out.len()));
            }
        }
        said
    }
}

/// What was said of a change.
#[derive(Default)]
struct SaidOfRequest {
    heard: HeardReviews,
    /// What its readers must know of it.
    notes: Vec<String>,
}

impl SaidOfRequest {
    fn hear_forge(&mut self, forge: &dyn Forge, head: &CommitId, hearing: &Hearing<'_>) {
        // The time that there was before the plan was made is over.
        forge.client().allow(forge.client().patience().total);
        match forge.reviews() {
            Ok(request) => {
                if request.head != *head {
                    self.notes.push(format!("the merge request is at {} by now", request.head.short()));
                }
                self.heard = heard(&ForgeAnswer { requests: vec![request], unasked: 0 }, hearing);
            }
            Err(error) => {
                self.notes.push(format!("what was said on the forge is not known: {error}"));
            }
        }
    }
}

/// How long people may object to a change of some classes.
fn waiting(rules: &Consent, classes: &BTreeSet<Class>) -> Option<String> {
    let applies = |class: Option<Class>| class.is_none_or(|class| classes.contains(&class));
    let times = rules.waiting.iter().filter(|rule| applies(rule.class)).map(|rule| rule.time);
    times.max_by_key(|time| time.amount).map(|time| time.to_string())
}
