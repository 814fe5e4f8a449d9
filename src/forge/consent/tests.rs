//! What forges say of merged changes, read over HTTP from the stand-ins, and what it comes to in a repository.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::consent::{ChangeId, Via};
use crate::git::Repository;
use crate::model::Person;
use crate::name::Name;

#[path = "../../../tests/integration/forge/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the stories of the command line use the rest of it")]
mod stand_in;

use stand_in::{Kind, Says, StandIn, TOKEN, Wrong};

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn of(kind: Kind) -> model::ForgeWord {
    match kind {
        Kind::GitHub => model::ForgeWord::Github,
        Kind::GitLab => model::ForgeWord::Gitlab,
        Kind::Forgejo => model::ForgeWord::Forgejo,
        Kind::Gitea => model::ForgeWord::Gitea,
    }
}

/// A repository, and the project of a stand-in beside it.
struct Place {
    _folder: tempfile::TempDir,
    repository: Repository,
    git: git2::Repository,
    forge: StandIn,
    kind: Kind,
    people: BTreeMap<Name, Person>,
}

impl Place {
    fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let git = git2::Repository::init_bare(folder.path()).expect("a repository");
        let repository = Repository::containing(folder.path()).expect("the same");
        let person = |account: &str| Person {
            email: format!("{account}@example.org"),
            groups: BTreeSet::new(),
            accounts: BTreeMap::from([(of(kind), account.to_uppercase())]),
            keys: BTreeSet::new(),
        };
        let people = ["ada", "bo", "cleo"].map(|account| (name(account), person(account))).into();
        Self { _folder: folder, repository, git, forge: StandIn::start(kind), kind, people }
    }

    /// Makes a commit of files upon others.
    fn commit(&self, parents: &[&CommitId], files: &[(&str, &str)]) -> CommitId {
        let mut tree = self.git.treebuilder(None).unwrap();
        for (path, text) in files {
            tree.insert(path, self.git.blob(text.as_bytes()).unwrap(), 0o100_644).unwrap();
        }
        let tree = self.git.find_tree(tree.write().unwrap()).unwrap();
        let who = git2::Signature::new("Ada", "ada@example.org", &git2::Time::new(1_764_500_000, 0)).unwrap();
        let id = |commit: &CommitId| self.git.find_commit(git2::Oid::from_str(&commit.0).unwrap()).unwrap();
        let parents: Vec<git2::Commit<'_>> = parents.iter().map(|parent| id(parent)).collect();
        let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
        // What differs in nothing else is another commit all the same.
        let message = format!("{} {}", parents.len(), files.iter().map(|(_, text)| *text).collect::<String>());
        CommitId(self.git.commit(None, &who, &who, &message, &tree, &parents).unwrap().to_string())
    }

    fn project(&self, seconds: u64) -> ForgeProject {
        let token = ForgeToken::new(TOKEN).ok();
        let roots = ForgeRoots::default();
        ForgeProject::new(of(self.kind), &self.forge.project(), token, &roots, Patience::of(seconds)).unwrap()
    }

    fn ask(&self, project: &ForgeProject, after: &CommitId, between: &[CommitId]) -> Result<ForgeAnswer, ForgeError> {
        project.merged(&MergedChange { branch: "main", after, between })
    }

    fn hear(&self, answer: &ForgeAnswer, before: &CommitId, after: &CommitId) -> (HeardReviews, ChangeId) {
        let content = self.repository.content(before, after, "").unwrap();
        let (garden, kind) = (name("plots"), of(self.kind));
        let hearing = Hearing {
            repository: &self.repository,
            folder: "",
            garden: &garden,
            people: &self.people,
            kind,
            before,
            content: &content,
        };
        (heard(answer, &hearing), ChangeId::of(&content, &garden))
    }
}

const OLD: (&str, &str) = ("garden.kdl", "old");
const NEW: (&str, &str) = ("garden.kdl", "new");

/// A request of two commits upon the first, pushed by its opener, approved by `bo` at its end.
fn approved(place: &Place) -> (CommitId, CommitId, CommitId) {
    let base = place.commit(&[], &[OLD]);
    let first = place.commit(&[&base], &[("garden.kdl", "half")]);
    let last = place.commit(&[&first], &[NEW]);
    let mut world = place.forge.world();
    world.push("ada", &first.0);
    world.push("ada", &last.0);
    world.review("bo", Says::Approve, "");
    drop(world);
    (base, first, last)
}

#[test]
fn a_merged_change_is_found_however_it_was_merged() {
    for kind in Kind::ALL {
        for way in ["merge", "squash", "rebase", "fast-forward"] {
            let place = Place::new(kind);
            let (base, first, last) = approved(&place);
            let other = ("other.kdl", "of somebody else");
            let moved = place.commit(&[&base], &[OLD, other]);
            let (before, line) = match way {
                "merge" => (moved.clone(), vec![place.commit(&[&moved, &last], &[NEW, other])]),
                "squash" => (moved.clone(), vec![place.commit(&[&moved], &[NEW, other])]),
                "rebase" => {
                    let again = place.commit(&[&moved], &[("garden.kdl", "half"), other]);
                    (moved.clone(), vec![again.clone(), place.commit(&[&again], &[NEW, other])])
                }
                _ => (base.clone(), vec![first, last.clone()]),
            };
            let (after, between) = line.split_last().unwrap();
            let made: Vec<&str> = line.iter().map(|commit| commit.0.as_str()).collect();
            place.forge.world().merge(&made);
            let answer = place.ask(&place.project(30), after, between).unwrap();
            let shown = format!("{kind:?}, {way}: {answer:#?}");
            assert_eq!(answer.requests.len(), 1, "{shown}");
            assert_eq!((answer.requests[0].opener.as_str(), &answer.requests[0].head), ("ada", &last), "{shown}");
            let (heard, change) = place.hear(&answer, &before, after);
            assert_eq!(heard.voices.len(), 1, "{shown}");
            let voice = &heard.voices[0];
            assert_eq!(
                (voice.person.as_str(), voice.word, &voice.change),
                ("bo", ConsentWord::Approve, &change),
                "{shown}"
            );
            assert_eq!((&voice.given.head, &voice.given.base), (&last, &base), "{shown}");
            assert_eq!(voice.via, Via::Forge { kind: of(kind), request: 7 }, "{shown}");
            assert_eq!(heard.authors.people, BTreeSet::from([name("ada")]), "{shown}");
            assert!(
                heard.authors.vouched && heard.unheard.is_empty() && heard.missing.is_empty(),
                "{shown}: {heard:#?}"
            );
            // Few questions: the request, what was said of it, and who pushed.
            let most = if kind == Kind::GitLab { 8 } else { 6 };
            assert!(place.forge.take_asked().len() <= most, "{shown}");
        }
    }
}

#[test]
fn a_merge_with_an_edit_of_its_own_is_not_what_was_approved() {
    for kind in Kind::ALL {
        let place = Place::new(kind);
        let (base, _, last) = approved(&place);
        let merged = place.commit(&[&base, &last], &[NEW, ("more.kdl", "slipped in")]);
        place.forge.world().merge(&[&merged.0]);
        let answer = place.ask(&place.project(30), &merged, &[]).unwrap();
        let (heard, change) = place.hear(&answer, &base, &merged);
        assert!(heard.voices.iter().all(|voice| voice.change != change), "{kind:?}: {heard:#?}");
        assert!(!heard.authors.vouched, "{kind:?}: nobody says who wrote the edit");
        let why = &heard.unheard[0].why;
        assert!(why.ends_with("and `more.kdl` changed since"), "{kind:?}: {why}");
    }
}

#[test]
fn each_review_counts_for_what_it_was_given_at_or_not_at_all() {
    for kind in Kind::ALL {
        let place = Place::new(kind);
        let base = place.commit(&[], &[OLD]);
        let first = place.commit(&[&base], &[("garden.kdl", "half")]);
        let last = place.commit(&[&first], &[NEW]);
        {
            let mut world = place.forge.world();
            world.push("ada", &first.0);
            world.review("bo", Says::Approve, "");
            world.review("dora", Says::Approve, "");
            world.push("erik", &last.0);
            world.review("mallory", Says::Approve, "");
            world.review("dora", Says::Approve, "");
            world.dismiss("dora");
            world.review("cleo", Says::Object, "Not before\n\nthe holidays.");
            world.review("cleo", Says::Comment, "Think of the night shift.");
            world.merge(&[&first.0, &last.0]);
        }
        let answer = place.ask(&place.project(30), &last, std::slice::from_ref(&first)).unwrap();
        let (heard, change) = place.hear(&answer, &base, &last);
        let said: Vec<(&str, ConsentWord, bool)> =
            heard.voices.iter().map(|voice| (voice.person.as_str(), voice.word, voice.change == change)).collect();
        let wanted = [("bo", ConsentWord::Approve, false), ("cleo", ConsentWord::Object, true)];
        assert_eq!(said, wanted, "{kind:?}: {answer:#?}");
        let reason = &heard.voices[1].reason;
        match kind {
            Kind::GitLab => assert!(reason.contains("without a word why"), "{reason}"),
            _ => assert_eq!(reason, "Not before the holidays.", "{kind:?}"),
        }
        let unheard: BTreeMap<&str, &str> =
            heard.unheard.iter().map(|one| (one.account.as_str(), one.why.as_str())).collect();
        assert!(unheard["bo"].ends_with("and `garden.kdl` changed since"), "{kind:?}: {unheard:?}");
        assert!(
            unheard["mallory"].starts_with("nobody among the people has this account on "),
            "{kind:?}: {unheard:?}"
        );
        // GitLab shows nothing of what was taken back.
        let dismissed = unheard.get("dora").copied();
        assert_eq!(dismissed, (kind != Kind::GitLab).then_some("it was dismissed on the forge"), "{kind:?}");
        let others: Vec<&str> = heard.authors.others.iter().map(String::as_str).collect();
        assert!(matches!(others[..], [pusher] if pusher.starts_with("erik on ")), "{kind:?}: {others:?}");
        // The objection is taken back: what was remembered of it stands no longer.
        let objection = heard.voices[1].clone();
        assert!(stands(&objection, &answer, of(kind), &place.people), "{kind:?}");
        place.forge.world().dismiss("cleo");
        let answer = place.ask(&place.project(30), &last, &[]).unwrap();
        assert!(!stands(&objection, &answer, of(kind), &place.people), "{kind:?}: {answer:#?}");
        assert!(stands(&objection, &ForgeAnswer::default(), of(kind), &place.people), "a forge that says nothing");
    }
}

#[test]
fn what_was_given_at_a_commit_that_is_not_held_waits_for_it() {
    for kind in Kind::ALL {
        let place = Place::new(kind);
        let base = place.commit(&[], &[OLD]);
        let squashed = place.commit(&[&base], &[NEW]);
        let elsewhere = "c".repeat(40);
        {
            let mut world = place.forge.world();
            world.push("ada", &elsewhere);
            world.review("bo", Says::Approve, "");
            world.merge(&[&squashed.0]);
        }
        let answer = place.ask(&place.project(30), &squashed, &[]).unwrap();
        let (heard, _) = place.hear(&answer, &base, &squashed);
        let part = if kind == Kind::GitLab { "merge-requests" } else { "pull" };
        let wanted = BTreeMap::from([(CommitId(elsewhere), format!("refs/{part}/7/head"))]);
        assert_eq!((&heard.missing, heard.voices.len()), (&wanted, 0), "{kind:?}: {heard:#?}");
        assert!(heard.unheard[0].why.ends_with("which is not held here yet"), "{kind:?}: {heard:#?}");
        assert!(!heard.authors.vouched, "{kind:?}");
    }
}

#[test]
fn a_request_of_another_project_or_branch_or_one_that_is_open_brought_nothing() {
    for kind in Kind::ALL {
        let place = Place::new(kind);
        let (_, _, last) = approved(&place);
        let none = |branch: &str| {
            let change = MergedChange { branch, after: &last, between: &[] };
            place.project(30).merged(&change).unwrap().requests
        };
        assert_eq!(none("main"), [], "{kind:?}: it is open");
        place.forge.world().merge(&[&last.0]);
        assert_eq!(none("main").len(), 1, "{kind:?}");
        assert_eq!(none("stable"), [], "{kind:?}: it went to main");
        place.forge.world().elsewhere = true;
        assert_eq!(none("main"), [], "{kind:?}: of another project");
        let unknown = CommitId("d".repeat(40));
        assert_eq!(place.ask(&place.project(30), &unknown, &[]).unwrap(), ForgeAnswer::default(), "{kind:?}");
    }
}

#[test]
fn a_forge_that_gives_wrong_answers_is_an_error_in_words() {
    for kind in [Kind::GitHub, Kind::GitLab, Kind::Forgejo] {
        let place = Place::new(kind);
        let (_, _, last) = approved(&place);
        place.forge.world().merge(&[&last.0]);
        let elsewhere = StandIn::start(kind);
        let wrongs = [
            (Wrong::Refused(500, Vec::new()), "the forge answered 500"),
            (Wrong::Refused(401, Vec::new()), "the forge answered 401"),
            (Wrong::Garbage, "its answer is no JSON"),
            (Wrong::CutAfter, "cannot "),
            (Wrong::SentOn(format!("{}/stolen", elsewhere.api())), "another address"),
        ];
        for (wrong, wanted) in wrongs {
            for nth in 1..=3 {
                place.forge.go_wrong(nth, usize::MAX, wrong.clone());
                let error = place.ask(&place.project(1), &last, &[]).expect_err("it goes wrong").to_string();
                assert!(error.contains(wanted) && !error.contains(TOKEN), "{kind:?}, call {nth}: {error}");
            }
        }
        assert!(elsewhere.take_asked().is_empty(), "{kind:?}");
        place.forge.mend();
        place.forge.world().page = 1;
        for nth in 0..=MOST_PAGES {
            place.forge.world().review(&format!("somebody-{nth}"), Says::Object, "no");
        }
        let error = place.ask(&place.project(30), &last, &[]).expect_err("it has no end").to_string();
        assert!(error.contains("there are more than 20 pages of it"), "{kind:?}: {error}");
    }
}

#[test]
fn what_was_read_stays_for_a_round_and_a_round_has_an_end() {
    let place = Place::new(Kind::GitHub);
    let (_, first, last) = approved(&place);
    place.forge.world().merge(&[&first.0, &last.0]);
    let project = place.project(30);
    let one = place.ask(&project, &last, std::slice::from_ref(&first)).unwrap();
    place.forge.take_asked();
    assert_eq!(place.ask(&project, &last, &[first]).unwrap(), one);
    assert!(place.forge.take_asked().is_empty(), "nothing is asked twice in a round");
    place.forge.world().review("cleo", Says::Approve, "");
    project.begin_round();
    assert_eq!(place.ask(&project, &last, &[]).unwrap().requests[0].said.len(), 2);
    // A change of more commits than are asked about says so.
    let many: Vec<CommitId> = (0..30).map(|nth| CommitId(format!("{nth:040x}"))).collect();
    assert_eq!(place.ask(&project, &last, &many).unwrap().unasked, 31 - MOST_COMMITS);
    project.questions.set(MOST_QUESTIONS);
    let unknown = CommitId("d".repeat(40));
    let error = place.ask(&project, &unknown, &[]).expect_err("too many").to_string();
    assert!(error.contains("300 questions at most"), "{error}");
}

#[test]
fn a_commit_of_no_request_is_asked_about_less_and_less_often() {
    let place = Place::new(Kind::GitHub);
    let (base, _, last) = approved(&place);
    let project = place.project(30);
    let mut asked = Vec::new();
    for round in 0..20 {
        project.begin_round();
        place.forge.take_asked();
        assert_eq!(place.ask(&project, &base, &[]).unwrap(), ForgeAnswer::default());
        if !place.forge.take_asked().is_empty() {
            asked.push(round);
        }
    }
    assert_eq!(asked, [0, 1, 3, 7, 15]);
    // What is claimed later is found.
    place.forge.world().merge(&[&base.0, &last.0]);
    let found = (0..20).any(|_| {
        project.begin_round();
        !place.ask(&project, &base, &[]).unwrap().requests.is_empty()
    });
    assert!(found);
}

#[test]
fn a_project_that_may_not_be_read_is_told_and_no_commit_without_a_request() {
    for kind in [Kind::GitLab, Kind::Forgejo] {
        let place = Place::new(kind);
        let (_, _, last) = approved(&place);
        place.forge.go_wrong(1, usize::MAX, Wrong::Refused(404, Vec::new()));
        let error = place.ask(&place.project(1), &last, &[]).expect_err("nothing is there").to_string();
        assert!(error.starts_with("cannot look at the project: the forge answered 404"), "{kind:?}: {error}");
        place.forge.go_wrong(1, 1, Wrong::Refused(404, Vec::new()));
        assert_eq!(place.ask(&place.project(1), &last, &[]).unwrap(), ForgeAnswer::default(), "{kind:?}");
    }
}
