//! What counts for nothing: forged, replayed, foreign, cut and far too much; the loop goes on unhurt.

use super::{Commons, RULES, alpha, beta};

/// The statements that the repository holds, by ref.
pub(super) fn statements(commons: &Commons) -> Vec<(String, Vec<u8>)> {
    let origin = commons.origin();
    let refs = origin.references_glob("refs/parcelle-consent/*").unwrap();
    let read = refs.map(|found| {
        let found = found.unwrap();
        let tree = found.peel_to_commit().unwrap().tree().unwrap();
        let blob = origin.find_blob(tree.get_name("statement").unwrap().id()).unwrap();
        (found.name().unwrap().to_owned(), blob.content().to_vec())
    });
    read.collect()
}

/// Puts something down as a statement.
fn put(commons: &Commons, name: &str, bytes: &[u8]) {
    let origin = commons.origin();
    let mut tree = origin.treebuilder(None).unwrap();
    tree.insert("statement", origin.blob(bytes).unwrap(), 0o100_644).unwrap();
    let tree = origin.find_tree(tree.write().unwrap()).unwrap();
    let who = git2::Signature::now("somebody", "somebody@example.org").unwrap();
    let commit = origin.commit(None, &who, &who, "a statement", &tree, &[]).unwrap();
    origin.reference(&format!("refs/parcelle-consent/{name}"), commit, true, "put").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_forged_replayed_or_cut_counts_for_nothing_and_says_why() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let first = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.branch("first", first);
    commons.approved("pierre", first);
    let (_, signed) = statements(&commons).remove(0);
    let text = String::from_utf8(signed.clone()).unwrap();
    let change = text.lines().find_map(|line| line.strip_prefix("change ")).unwrap().to_owned();
    // Another change under the same signature, another garden, cut, without a signature, by a stranger, twice the same.
    let place = |number: u32| format!("000000000001/pierre-approve-{number:012}");
    put(&commons, &place(1), text.replace(&change, &"0".repeat(64)).as_bytes());
    put(&commons, &place(2), text.replace("garden loops", "garden other").as_bytes());
    put(&commons, &place(3), &signed[..signed.len() - 60]);
    put(&commons, &place(4), text.split("-----BEGIN").next().unwrap().as_bytes());
    put(&commons, &place(5), &signed);
    put(&commons, &place(6), &vec![b'x'; 70_000]);
    put(&commons, &place(7), text.replace("word approve", "word urgent").as_bytes());
    commons.branch("tree", first);
    let origin = commons.origin();
    origin.reference(&format!("refs/parcelle-consent/{}", place(8)), first, true, "a commit").unwrap();
    let blob = origin.blob(b"no commit").unwrap();
    origin.reference(&format!("refs/parcelle-consent/{}", place(9)), blob, true, "a file").unwrap();
    let told = commons.pushed(first).await;
    assert!(!commons.has("alpha", "one").await, "one person counts once");
    let said = told.consent.join("\n");
    assert!(said.contains("1 more of operators (hadrien, tim) must agree"), "{said}");
    for why in [
        "the text is another than what was signed",
        "it is about the garden `other`",
        "cut short",
        "it is not signed",
        "3 more statements do not count",
    ] {
        assert!(said.contains(why), "{why}: {said}");
    }
    commons.approved("tim", first);
    commons.looked().await;
    assert!(commons.has("alpha", "one").await);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_refused_before_anything_is_signed_and_another_namespace_counts_for_nothing() {
    let Some(commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.branch("work", change);
    let said = commons.say("jeanne", &["approve", &change.to_string()]);
    assert_eq!(said.code, 2, "{}", said.text());
    assert!(said.stderr.contains("is nobody's in the garden"), "{}", said.stderr);
    assert!(statements(&commons).is_empty());
    commons.this.ended().await;
}

/// Fills the repository with refs to what is no statement.
fn fill(commons: &Commons, names: impl Iterator<Item = String>) {
    let (origin, junk) = (commons.origin(), commons.main());
    let mut packed = String::from("# pack-refs with: peeled fully-peeled sorted \n");
    names.for_each(|name| packed.push_str(&format!("{junk} refs/{name}\n")));
    std::fs::write(origin.path().join("packed-refs"), packed).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remote_full_of_refs_silences_nobody_and_moves_none_of_ours() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "jeanne", &[beta(&["one"])]);
    commons.branch("work", change);
    // All of them sort before what people say: names that are none, then those of a stranger.
    let odd = (0..10_000).map(|number| format!("parcelle-consent/0/{number:05}"));
    let strange = (0..10_000).map(|number| format!("parcelle-consent/{number:012x}/zoe-approve-{number:012x}"));
    fill(&commons, odd.chain(strange).chain(["parcelle/head".to_owned()]));
    let junk = commons.main();
    commons.origin().reference("refs/parcelle-consent/refs/parcelle/head", junk, true, "ours").unwrap();
    commons.approved("pierre", change);
    commons.approved("tim", change);
    let revision = change.to_string();
    assert_eq!(commons.say("camille", &["object", &revision, "too early"]).code, 0);
    let told = commons.pushed(change).await;
    assert!(!commons.has("beta", "one").await, "an objection is heard among 20,000 other refs");
    let said = told.consent.join("\n");
    assert!(said.contains("camille objects since"), "{said}");
    assert!(!said.contains("nothing new is allowed"), "refs of a stranger hold nothing: {said}");
    commons.people.set_clock("2026-11-20T12:05:00Z");
    commons.this.now += jiff::SignedDuration::from_mins(6);
    assert_eq!(commons.say("camille", &["withdraw", &format!("{change}^..{change}")]).code, 0);
    let told = commons.looked().await;
    assert!(commons.has("beta", "one").await, "the loop goes on: {:?}", told.consent);
    let mirror = git2::Repository::open_bare(commons.this.folder.path().join("mirror")).unwrap();
    let own: Vec<(String, git2::Oid)> = mirror
        .references()
        .unwrap()
        .map(|found| found.unwrap())
        .map(|one| (one.name().unwrap().to_owned(), one.target().unwrap()))
        .collect();
    assert_eq!(own, [("refs/parcelle/head".to_owned(), change)], "the mirror's refs are its own");
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_that_are_not_read_hold_what_is_new_and_say_whose_they_are() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "jeanne", &[beta(&["one"])]);
    commons.branch("work", change);
    commons.approved("pierre", change);
    commons.approved("tim", change);
    fill(&commons, (0..2_100).map(|number| format!("parcelle-consent/{number:012x}/camille-object-{number:012x}")));
    let told = commons.pushed(change).await;
    assert!(!commons.has("beta", "one").await);
    let said = told.consent.join("\n");
    for words in [
        "not all statements of camille are read, and one may be an objection",
        "100 statements are there in the name of camille and not read",
        "refs/parcelle-consent/*/camille-*",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    fill(&commons, std::iter::empty());
    let told = commons.looked().await;
    assert!(commons.has("beta", "one").await, "{:?}", told.consent);
    assert_eq!(told.consent, Vec::<String>::new());
    commons.this.ended().await;
}
