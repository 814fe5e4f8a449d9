//! Which refs are read, and how a mirror brings them, over repositories in folders.

use std::path::Path;

use super::choice::{MOST_OF_A_STRANGER, MOST_OF_STRANGERS, person};
use super::*;
use crate::git::{Remote, RemoteMirror};

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn id(number: usize) -> git2::Oid {
    git2::Oid::from_str(&format!("{number:040x}")).expect("an id")
}

fn refs(of: &str, count: usize) -> Vec<(String, git2::Oid)> {
    (0..count).map(|number| (format!("{number:012x}/{of}-approve-{number:012x}"), id(number + 1))).collect()
}

fn people(names: &[&str]) -> BTreeSet<Name> {
    names.iter().map(|one| name(one)).collect()
}

#[test]
fn a_ref_names_a_change_a_person_a_word_and_a_digest() {
    let full = statement_ref(&"3f".repeat(32), &name("jean-pierre"), "object", &"9b".repeat(32));
    assert_eq!(full, "refs/parcelle-consent/3f3f3f3f3f3f/jean-pierre-object-9b9b9b9b9b9b");
    assert_eq!(person(full.strip_prefix(PUSHED).expect("its prefix")), Some(name("jean-pierre")));
    for other in [
        "0/00001",
        "3f3f3f3f3f3f/pierre-approve",
        "3f3f3f3f3f3f/pierre-approve-9b9b9b9b9b9",
        "3f3f3f3f3f3f/pierre-approve-9B9B9B9B9B9B",
        "3f3f3f3f3f3/pierre-approve-9b9b9b9b9b9b",
        "3f3f3f3f3f3f/pierre/approve-9b9b9b9b9b9b",
        "3f3f3f3f3f3f/-approve-9b9b9b9b9b9b",
        "3f3f3f3f3f3f/pierre--9b9b9b9b9b9b",
        "refs/parcelle/head",
    ] {
        assert_eq!(person(other), None, "{other}");
    }
}

#[test]
fn nobody_takes_the_room_of_somebody_else() {
    let mut offered = refs("zoe", 20_000);
    offered.extend((0..5_000).map(|number| (format!("{number:012x}/a{number}-object-{number:012x}"), id(7))));
    offered.extend((0..3_000).map(|number| (format!("0/{number:05}"), id(7))));
    offered.extend(refs("pierre", 3));
    let choice = Choice::of(offered.clone(), &|_| false, &people(&["pierre", "tim"]));
    let of = |who: &str| choice.chosen.iter().filter(|(_, person, _)| *person == name(who)).count();
    assert_eq!((of("pierre"), choice.chosen.len()), (3, 3 + MOST_OF_STRANGERS));
    assert_eq!(choice.unread.get(&name("zoe")), Some(&20_000));
    assert!(!choice.unread.contains_key(&name("pierre")));
    let (first, why) = choice.misnamed().expect("some are");
    assert_eq!(first, "0/00000");
    assert!(why.ends_with("nor are 2999 other refs there"), "{why}");
    // One stranger alone.
    let choice = Choice::of(refs("zoe", 150), &|_| false, &people(&["pierre"]));
    assert_eq!((choice.chosen.len(), choice.unread.get(&name("zoe"))), (MOST_OF_A_STRANGER, Some(&50)));
    // Before anybody is known everybody counts, and what is left out is told of each.
    let choice = Choice::of(offered, &|_| false, &BTreeSet::new());
    assert_eq!(choice.chosen.len(), 5_000 + 3 + MOST_OF_A_PERSON);
    assert_eq!(choice.unread.get(&name("zoe")), Some(&18_000));
    let many = (0..12_000).map(|number| (format!("{number:012x}/a{number}-object-{number:012x}"), id(7)));
    let choice = Choice::of(many.chain(refs("pierre", 3)).collect(), &|_| false, &BTreeSet::new());
    assert_eq!((choice.chosen.len(), choice.unread.get(&name("pierre"))), (MOST_STATEMENTS, Some(&3)));
}

#[test]
fn what_is_held_stays_when_more_comes() {
    let offered = refs("pierre", MOST_OF_A_PERSON + 10);
    let last: BTreeSet<git2::Oid> = offered.iter().rev().take(5).map(|(_, id)| *id).collect();
    let choice = Choice::of(offered, &|id| last.contains(id), &people(&["pierre"]));
    assert!(last.iter().all(|id| choice.chosen.iter().any(|(_, _, chosen)| chosen == id)));
    assert_eq!(choice.unread.get(&name("pierre")), Some(&10));
}

/// A repository with one commit on its branch, and a mirror of it.
fn mirrored(folder: &Path) -> (Repository, RemoteMirror) {
    let inner = git2::Repository::init_bare(folder.join("origin")).expect("a repository");
    let origin = Repository::wrap(inner);
    let commit = put(&origin, "refs/heads/main", "garden.kdl", b"edition 2026\n", &[]);
    origin.inner().set_head("refs/heads/main").expect("a branch");
    let address = folder.join("origin").display().to_string();
    let mirror = RemoteMirror::open(&folder.join("mirror"), Remote::open_to_all(address, None)).expect("a mirror");
    assert_eq!(mirror.fetch().expect("it is there").0, commit.to_string());
    (origin, mirror)
}

fn put(repository: &Repository, name: &str, file: &str, bytes: &[u8], parents: &[git2::Oid]) -> git2::Oid {
    let inner = repository.inner();
    let mut tree = inner.treebuilder(None).expect("a tree");
    tree.insert(file, inner.blob(bytes).expect("a file"), 0o100_644).expect("a file");
    let tree = inner.find_tree(tree.write().expect("a tree")).expect("a tree");
    let who = git2::Signature::new("ada", "ada@example.org", &git2::Time::new(1_700_000_000, 0)).expect("a name");
    let parents: Vec<git2::Commit<'_>> = parents.iter().map(|id| inner.find_commit(*id).expect("a commit")).collect();
    let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
    let commit = inner.commit(None, &who, &who, "one", &tree, &parents).expect("a commit");
    inner.reference(name, commit, true, "put").expect("a ref");
    commit
}

fn read(mirror: &RemoteMirror) -> Vec<(String, Vec<u8>)> {
    mirror.statements().read.iter().map(|(name, bytes)| (name.clone(), bytes.to_vec())).collect()
}

const PIERRE: &str = "000000000001/pierre-object-00000000000a";
const TIM: &str = "000000000001/tim-approve-00000000000b";

#[test]
fn a_mirror_reads_what_is_there_and_tells_what_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let (origin, mut mirror) = mirrored(folder.path());
    assert!(mirror.statements().silent.is_some(), "nothing was looked at yet");
    let full = |name: &str| format!("{PUSHED}{name}");
    put(&origin, &full(PIERRE), FILE, b"too early", &[]);
    put(&origin, &full(TIM), FILE, b"yes", &[]);
    put(&origin, &full("000000000001/tim-approve-00000000000c"), FILE, &vec![b'x'; 100_000], &[]);
    put(&origin, &full("000000000001/tim-approve-00000000000d"), "other", b"yes", &[]);
    let blob = origin.inner().blob(b"no commit").expect("a file");
    origin.inner().reference(&full("000000000001/tim-approve-00000000000e"), blob, true, "put").expect("a ref");
    put(&origin, &full("refs/parcelle/head"), FILE, b"ours", &[]);
    mirror.fetch_statements(&people(&["pierre", "tim"])).expect("it is there");
    let statements = mirror.statements();
    assert_eq!(read(&mirror), [(PIERRE.to_owned(), b"too early".to_vec()), (TIM.to_owned(), b"yes".to_vec())]);
    assert_eq!((statements.unread.len(), &statements.silent), (0, &None));
    let told: Vec<String> = statements.left_out.iter().map(|(place, why)| format!("{place}: {why}")).collect();
    assert_eq!(
        told,
        [
            "000000000001/tim-approve-00000000000c: it has more than 64 KiB",
            "000000000001/tim-approve-00000000000d: it is no statement of parcelle's",
            "000000000001/tim-approve-00000000000e: it is no statement of parcelle's",
            "refs/parcelle/head: it is not named CHANGE/PERSON-WORD-DIGEST, as `parcelle approve` names them",
        ]
    );
    let own: Vec<String> = mirror
        .repository()
        .inner()
        .references()
        .expect("refs")
        .names()
        .map(|name| name.expect("a name").to_owned())
        .collect();
    assert_eq!(own, ["refs/parcelle/head"], "a mirror has no ref of a statement");
    // What goes there goes here, and where nobody answers what is known stays.
    origin.inner().find_reference(&full(TIM)).expect("it").delete().expect("it goes");
    mirror.fetch_statements(&people(&["pierre", "tim"])).expect("it is there");
    assert_eq!(read(&mirror).len(), 1);
    let before = mirror.statements();
    mirror.fetch_statements(&people(&["pierre"])).expect("it is there");
    assert!(Arc::ptr_eq(&before, &mirror.statements()), "nothing moved");
    std::fs::rename(folder.path().join("origin"), folder.path().join("gone")).expect("it moves");
    assert!(mirror.fetch_statements(&people(&["pierre"])).is_err());
    assert_eq!(read(&mirror).len(), 1);
    let silent = mirror.statements().silent.clone().expect("it is told");
    assert!(silent.starts_with("the refs of statements could not be looked at: "), "{silent}");
}

#[test]
fn a_ref_to_a_whole_history_is_told_and_takes_nothing_from_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let (origin, mut mirror) = mirrored(folder.path());
    let full = |name: &str| format!("{PUSHED}{name}");
    let mut last = put(&origin, "refs/heads/other", "a", b"0", &[]);
    for number in 1..100 {
        last = put(&origin, "refs/heads/other", "a", format!("{number}").as_bytes(), &[last]);
    }
    let heavy = "000000000001/tim-approve-00000000000c";
    origin.inner().reference(&full(heavy), last, true, "put").expect("a ref");
    for number in 0..20 {
        let name = full(&format!("{number:012x}/pierre-object-00000000000a"));
        put(&origin, &name, FILE, format!("{number}").as_bytes(), &[]);
    }
    mirror.fetch_statements(&people(&["pierre", "tim"])).expect("it is there");
    let statements = mirror.statements();
    assert_eq!((statements.read.len(), statements.unread.len()), (20, 0), "the others come all the same");
    assert_eq!(statements.left_out, [(heavy.to_owned(), "it is no statement of parcelle's".to_owned())]);
}

#[test]
fn what_cannot_be_fetched_is_unread_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (origin, mut mirror) = mirrored(folder.path());
    put(&origin, &format!("{PUSHED}{TIM}"), FILE, b"yes", &[]);
    let text = std::fs::read_to_string(folder.path().join(format!("origin/{PUSHED}{TIM}"))).expect("a ref");
    let known = people(&["pierre", "tim"]);
    mirror.fetch_statements(&known).expect("it is there");
    put(&origin, &format!("{PUSHED}{PIERRE}"), FILE, b"no", &[]);
    let id = std::fs::read_to_string(folder.path().join(format!("origin/{PUSHED}{PIERRE}"))).expect("a ref");
    assert_ne!(text, id);
    let object = |id: &str| folder.path().join(format!("origin/objects/{}/{}", &id[..2], &id.trim()[2..]));
    let tree = origin.inner().find_commit(git2::Oid::from_str(id.trim()).expect("an id")).expect("a commit").tree_id();
    let tree = object(&tree.to_string());
    std::fs::rename(&tree, folder.path().join("tree")).expect("it goes");
    for _ in 0..5 {
        mirror.fetch_statements(&known).expect("it is there");
        assert_eq!(mirror.statements().unread, BTreeMap::from([(name("pierre"), 1)]));
        assert_eq!(read(&mirror), [(TIM.to_owned(), b"yes".to_vec())]);
    }
}

#[test]
fn names_that_are_no_text_hurt_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let (origin, mut mirror) = mirrored(folder.path());
    let id = put(&origin, &format!("{PUSHED}{PIERRE}"), FILE, b"too early", &[]);
    let mut packed = b"# pack-refs with: peeled fully-peeled sorted \n".to_vec();
    packed.extend_from_slice(format!("{id} {PUSHED}").as_bytes());
    packed.extend_from_slice(b"\xff\xfe/x\n");
    std::fs::write(folder.path().join("origin/packed-refs"), packed).expect("it is written");
    mirror.fetch().expect("the branch is there");
    mirror.fetch_statements(&people(&["pierre"])).expect("it is there");
    assert_eq!(read(&mirror), [(PIERRE.to_owned(), b"too early".to_vec())]);
}

#[test]
fn a_clone_reads_what_lies_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (origin, _) = mirrored(folder.path());
    let full = statement_ref(&"1".repeat(64), &name("pierre"), "object", &"a".repeat(64));
    origin.put_statement(&full, b"too early").expect("it is kept");
    put(&origin, &format!("{PUSHED}0/1"), FILE, b"junk", &[]);
    let statements = origin.statements();
    let place = "111111111111/pierre-object-aaaaaaaaaaaa".to_owned();
    assert_eq!(statements.read, [(place, Arc::from(&b"too early"[..]))]);
    assert_eq!(statements.left_out.len(), 1);
    assert_eq!(statements.silent, None);
}
