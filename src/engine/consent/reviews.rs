//! IO: reviews on forges, asked for what is open on the line, and kept from one look at the repository to the next.
//!
//! Where nothing is open nothing is asked. A forge that does not answer is left alone for a while, and nothing of what it said before
//! counts meanwhile but objections, which the record remembers.

use std::collections::{BTreeMap, BTreeSet};

use super::ConsentState;
use crate::consent::Via;
use crate::engine::failure::Failure;
use crate::engine::session::Session;
use crate::forge::consent::credentials::ForgeAccess;
use crate::forge::consent::{ForgeAnswer, ForgeProject, Hearing, MergedChange, heard, is_of_one_request, stands};
use crate::forge::{ForgeError, ForgeToken};
use crate::git::{ChangedFiles, CommitId, FirstParents, Repository};
use crate::model::{ConsentSource, ForgeWord, Garden};

/// From one commit of the line to the next.
pub(super) type LineStep = (CommitId, CommitId);
/// What a forge says of steps, or why that is not known.
type Answers = BTreeMap<LineStep, Result<ForgeAnswer, String>>;

/// After so many steps of which a forge gives wrong answers the others are not asked about.
const MOST_WRONG: usize = 10;
/// How often a commit that somebody reviewed is asked for where the repository lacks it.
const MOST_TRIES: u32 = 3;
/// How much longer a forge that does not answer is left alone with each time, in seconds, from the second time on.
const REST: i64 = 60;
/// The longest that a forge is left alone, in seconds, unless it asks for more.
const LONGEST_REST: i64 = 600;
/// The longest that a forge is left alone where it asks for it, in seconds.
const LONGEST_ASKED: i64 = 3_600;
/// The most reasons of one forge that are told.
const MOST_TOLD: usize = 3;

/// The reviews that were read.
#[derive(Default)]
pub(super) struct Reviews {
    sources: Vec<ReviewSource>,
    /// Commits of reviews that the repository lacks, with how often they were asked for.
    tried: BTreeMap<CommitId, u32>,
    /// Which look at the repository this is.
    look: u64,
}

/// A project whose reviews count.
struct ReviewSource {
    named: ConsentSource,
    /// Absent where it cannot be asked as it is set, and while it is asked.
    project: Option<Box<ForgeProject>>,
    /// What it said in the look that it was asked in last.
    answers: Answers,
    look: u64,
    /// Why it cannot be asked.
    why: Option<String>,
    /// How often in a row it did not answer, and why it did not last.
    failures: u32,
    failed: String,
    /// Until when it is left alone, in Unix seconds.
    rests_until: i64,
}

/// The steps that reviews are read for.
pub(super) struct ReadFor<'a> {
    /// The garden whose rules and people count.
    pub(super) rules: &'a Garden,
    pub(super) folder: &'a str,
    pub(super) steps: &'a BTreeSet<LineStep>,
}

impl Reviews {
    /// What a source says of a step; absent where it was not asked about it.
    pub(super) fn answer(&self, source: &ConsentSource, step: &LineStep) -> Option<&Result<ForgeAnswer, String>> {
        self.sources.iter().find(|one| one.named == *source)?.answers.get(step)
    }

    /// Begins another look at the repository: what was read before is read anew.
    pub(super) fn begin_look(&mut self) {
        self.look += 1;
    }

    /// Forgets what was said of other steps than these, and all that rules name no longer: the next look does not ask for it.
    pub(super) fn keep(&mut self, open: &BTreeSet<LineStep>, named: &[ConsentSource]) {
        self.sources.retain(|source| named.contains(&source.named));
        self.sources.iter_mut().for_each(|source| source.answers.retain(|step, _| open.contains(step)));
    }

    /// Why some sources could not be asked, a sentence each.
    pub(super) fn silent(&self) -> Vec<String> {
        let mut told = Vec::new();
        for source in &self.sources {
            let ConsentSource::Forge { address, .. } = &source.named else { continue };
            let wrong = source.answers.values().filter_map(|answer| answer.as_ref().err());
            let whys: BTreeSet<&String> = source.why.iter().chain(wrong).collect();
            let more = whys.len().saturating_sub(MOST_TOLD);
            let known: Vec<&str> = whys.iter().take(MOST_TOLD).map(|why| why.as_str()).collect();
            if !known.is_empty() {
                let more = if more > 0 { format!("; and {more} more reasons") } else { String::new() };
                told.push(format!(
                    "reviews on {address} are not known, so no approval there counts: {}{more}",
                    known.join("; ")
                ));
            }
        }
        told
    }

    /// That reviews count once a change is merged, of each source that knows no merged request of it.
    pub(super) fn unmerged(&self, step: &LineStep) -> Vec<String> {
        let told = self.sources.iter().filter_map(|source| {
            let ConsentSource::Forge { address, .. } = &source.named else { return None };
            let answer = source.answers.get(step)?.as_ref().ok()?;
            answer.requests.is_empty().then(|| {
                format!("no merged request of {address} brought it: reviews there count once it is merged, and `parcelle review` tells them before")
            })
        });
        told.collect()
    }

    /// What all sources said, to be compared with what they say later.
    fn said(&self) -> (Vec<Answers>, Vec<String>) {
        (self.sources.iter().map(|source| source.answers.clone()).collect(), self.silent())
    }

    /// What each source says that was asked for, by the kind of forge.
    fn by_kind(&self) -> impl Iterator<Item = (ForgeWord, &Answers, bool)> {
        self.sources.iter().filter_map(|source| match &source.named {
            ConsentSource::Forge { kind, .. } => {
                Some((*kind, &source.answers, source.why.is_some() || source.answers.values().any(Result::is_err)))
            }
            ConsentSource::Signatures => None,
        })
    }
}

impl ReviewSource {
    fn new(named: &ConsentSource) -> Self {
        Self {
            named: named.clone(),
            project: None,
            answers: Answers::new(),
            look: 0,
            why: None,
            failures: 0,
            failed: String::new(),
            rests_until: 0,
        }
    }

    /// Opens the project where it is not, with the token that the garden names. IO: the token, and certificates.
    fn open(&mut self, access: &ForgeAccess) {
        let ConsentSource::Forge { kind, address, credentials } = &self.named else { return };
        if self.project.is_some() {
            return;
        }
        let token: Result<Option<ForgeToken>, ForgeError> =
            credentials.as_ref().map(|name| access.token(name)).transpose();
        let project =
            token.and_then(|token| ForgeProject::new(*kind, address, token, &access.roots(), access.patience()));
        self.why = project.as_ref().err().map(ToString::to_string);
        self.project = project.ok().map(Box::new);
    }

    /// Takes note of how the forge answered, and for how long it is left alone.
    fn took(&mut self, failure: Option<&ForgeError>, now: i64) {
        let Some(failure) = failure else {
            (self.failures, self.rests_until) = (0, 0);
            return;
        };
        let before = i64::from(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.failed = words(failure);
        let rest = match failure {
            ForgeError::AskedToWait { seconds, .. } => {
                i64::try_from(*seconds).unwrap_or(LONGEST_ASKED).min(LONGEST_ASKED)
            }
            _ => before.saturating_mul(REST).min(LONGEST_REST),
        };
        self.rests_until = now.saturating_add(rest);
    }
}

impl Session {
    /// Begins another look at the repository.
    pub(in crate::engine) fn begin_look(&mut self) {
        self.consent.reviews.begin_look();
    }

    /// Reads what the forges that rules name say of steps, once a look. IO: the forges, and the repository's remote for commits that
    /// somebody reviewed.
    pub(super) async fn read_reviews(&mut self, read: &ReadFor<'_>, now: i64) -> Result<(), Failure> {
        let named: Vec<&ConsentSource> =
            read.rules.consent.sources.iter().filter(|one| matches!(one, ConsentSource::Forge { .. })).collect();
        // What was asked in this look counts where the rules of then do, although later ones name it no more.
        let look = self.consent.reviews.look;
        self.consent.reviews.sources.retain(|source| source.look == look || named.contains(&&source.named));
        for source in named {
            let reviews = &mut self.consent.reviews;
            let at = reviews.sources.iter().position(|known| known.named == *source).unwrap_or_else(|| {
                reviews.sources.push(ReviewSource::new(source));
                reviews.sources.len() - 1
            });
            self.ask_source(at, read.steps, now).await?;
        }
        let missing = self.missing_of(read);
        self.source.ask_for_named(missing).await;
        self.drop_taken_back(read.rules);
        Ok(())
    }

    /// Whether forges say something else than they did of what was open in the look before. IO: the forges.
    pub(super) async fn reviews_have_news(&mut self, now: i64) -> bool {
        let before = self.consent.reviews.said();
        for at in 0..self.consent.reviews.sources.len() {
            let steps: BTreeSet<LineStep> = self.consent.reviews.sources[at].answers.keys().cloned().collect();
            if self.ask_source(at, &steps, now).await.is_err() {
                return false;
            }
        }
        before != self.consent.reviews.said()
    }

    /// Asks one source about those of some steps that it was not asked about in this look. IO: the forge.
    async fn ask_source(&mut self, at: usize, steps: &BTreeSet<LineStep>, now: i64) -> Result<(), Failure> {
        let (look, leads) = (self.consent.reviews.look, self.leads);
        let source = &mut self.consent.reviews.sources[at];
        let begins = source.look != look;
        if begins {
            (source.look, source.answers) = (look, Answers::new());
        }
        let steps: Vec<LineStep> = steps.iter().filter(|step| !source.answers.contains_key(*step)).cloned().collect();
        // Whoever writes by itself says at once that it cannot read what it will be asked to.
        if !steps.is_empty() || leads {
            source.open(&self.forges);
        }
        if steps.is_empty() {
            return Ok(());
        }
        let branch = self.source.branch();
        let why = match (&source.why, &branch) {
            (Some(why), _) => Some(why.clone()),
            (None, _) if source.rests_until > now => Some(source.failed.clone()),
            (None, None) => Some("nothing says which branch is followed: name it with `--branch`".to_owned()),
            (None, Some(_)) => None,
        };
        let (branch, project) = match (why, branch, source.project.take()) {
            (None, Some(branch), Some(project)) => (branch, project),
            (why, _, project) => {
                let why = why.unwrap_or_else(|| "it cannot be asked any more: begin parcelle anew".to_owned());
                source.project = project;
                source.answers.extend(steps.into_iter().map(|step| (step, Err(why.clone()))));
                return Ok(());
            }
        };
        let repository = self.source.repository();
        let asked: Vec<(LineStep, Vec<CommitId>)> = steps
            .into_iter()
            .map(|step| {
                let between = repository.map(|repository| between(repository, &step)).unwrap_or_default();
                (step, between)
            })
            .collect();
        // The client waits for answers and between them: a thread of its own does.
        let asking = tokio::task::spawn_blocking(move || {
            if begins {
                project.begin_round();
            }
            let (answers, failure) = ask(&project, &branch, asked);
            (project, answers, failure)
        });
        let (project, answers, failure) = tokio::select! {
            asked = asking => asked.map_err(|_| Failure::Ending)?,
            () = self.shutdown.asked() => return Err(Failure::Ending),
        };
        let source = &mut self.consent.reviews.sources[at];
        // A token that is refused may be another one by the next look.
        let is_refused = failure.as_ref().is_some_and(|failure| matches!(failure.status(), Some(401 | 403)));
        source.project = Some(project).filter(|_| !is_refused);
        source.took(failure.as_ref(), now);
        source.answers.extend(answers);
        Ok(())
    }

    /// The commits that people reviewed and the repository lacks, with the ref that the forge has each under.
    fn missing_of(&mut self, read: &ReadFor<'_>) -> BTreeMap<CommitId, String> {
        let Some(repository) = self.source.repository() else { return BTreeMap::new() };
        let none = ChangedFiles::default();
        let mut missing = BTreeMap::new();
        for (kind, answers, _) in self.consent.reviews.by_kind() {
            for ((before, _), answer) in answers.iter().filter_map(|(step, answer)| Some((step, answer.as_ref().ok()?)))
            {
                let hearing = Hearing {
                    repository,
                    folder: read.folder,
                    garden: &read.rules.name,
                    people: &read.rules.people,
                    kind,
                    before,
                    content: &none,
                };
                missing.extend(heard(answer, &hearing).missing);
            }
        }
        let tried = &mut self.consent.reviews.tried;
        tried.retain(|commit, _| missing.contains_key(commit));
        missing.retain(|commit, _| {
            let tries = tried.entry(commit.clone()).or_default();
            *tries += 1;
            *tries <= MOST_TRIES
        });
        missing
    }

    /// Forgets objections that were made on a forge which shows them no longer. Of two projects on forges of a kind, none is forgotten
    /// while one of them is silent.
    fn drop_taken_back(&mut self, rules: &Garden) {
        let ConsentState { record, reviews, is_dirty, .. } = &mut self.consent;
        let before = record.said.len();
        record.said.retain(|voice| {
            let Via::Forge { kind, request } = &voice.via else { return true };
            let of_kind: Vec<_> = reviews.by_kind().filter(|(of, ..)| of == kind).collect();
            let is_doubtful = of_kind.len() > 1 && of_kind.iter().any(|(_, _, is_silent)| *is_silent);
            let answers = of_kind.iter().flat_map(|(_, answers, _)| answers.values().flatten());
            let about = answers.filter(|answer| answer.requests.iter().any(|one| one.number == *request));
            let about: Vec<&ForgeAnswer> = about.collect();
            is_doubtful || about.is_empty() || about.iter().any(|answer| stands(voice, answer, *kind, &rules.people))
        });
        *is_dirty |= record.said.len() != before;
    }
}

/// Asks about steps, one after the other, until the forge fails: what it did not say then is not known.
fn ask(
    project: &ForgeProject,
    branch: &str,
    steps: Vec<(LineStep, Vec<CommitId>)>,
) -> (Vec<(LineStep, Result<ForgeAnswer, String>)>, Option<ForgeError>) {
    let (mut answers, mut failure, mut wrong) = (Vec::with_capacity(steps.len()), None, 0);
    for (step, between) in steps {
        if let Some(failure) = &failure {
            answers.push((step, Err(words(failure))));
            continue;
        }
        let answer = project.merged(&MergedChange { branch, after: &step.1, between: &between });
        answers.push((step, answer.clone().map_err(|error| words(&error))));
        if let Err(error) = answer {
            wrong += 1;
            if !is_of_one_request(&error) || wrong == MOST_WRONG {
                failure = Some(error);
            }
        }
    }
    (answers, failure)
}

/// Why a forge says nothing, and what is to be done.
fn words(error: &ForgeError) -> String {
    let help = match error {
        ForgeError::Refused { status: 401, .. } => "give a token that it takes",
        ForgeError::Refused { status: 403 | 404, .. } => "give a token that may read its merge requests and commits",
        ForgeError::Unreadable { .. } | ForgeError::Setting(_) | ForgeError::Refused { .. } => {
            "look at the forge and at its address in `consent`"
        }
        ForgeError::NoAnswer { .. } | ForgeError::AskedToWait { .. } => "it is asked again by itself",
    };
    format!("{error}; {help}")
}

/// The commits of the line between both ends of a step, where it is more than one.
fn between(repository: &Repository, (before, after): &LineStep) -> Vec<CommitId> {
    let from = repository.shared(&before.0, &after.0).unwrap_or_else(|_| before.clone());
    let line = repository.first_parents(&from, after, crate::consent::MOST_COMMITS);
    match line {
        Ok(FirstParents::Line(mut line)) if line.len() > 2 => {
            line.pop();
            line.split_off(1)
        }
        _ => Vec::new(),
    }
}
