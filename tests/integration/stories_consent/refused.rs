//! What counts for nothing: forged, replayed, foreign, cut and far too much; the loop goes on unhurt.

use super::{Commons, RULES, alpha, beta};

/// The statements that the repository holds, by ref.
fn statements(commons: &Commons) -> Vec<(String, Vec<u8>)> {
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
    put(&commons, "a/changed", text.replace(&change, &"0".repeat(64)).as_bytes());
    put(&commons, "a/garden", text.replace("garden loops", "garden other").as_bytes());
    put(&commons, "a/cut", &signed[..signed.len() - 60]);
    put(&commons, "a/unsigned", text.split("-----BEGIN").next().unwrap().as_bytes());
    put(&commons, "a/again", &signed);
    put(&commons, "a/huge", &vec![b'x'; 70_000]);
    put(&commons, "a/word", text.replace("word approve", "word urgent").as_bytes());
    commons.branch("tree", first);
    let origin = commons.origin();
    origin.reference("refs/parcelle-consent/a/commit", first, true, "a commit").unwrap();
    let blob = origin.blob(b"no commit").unwrap();
    origin.reference("refs/parcelle-consent/a/blob", blob, true, "a file").unwrap();
    let told = commons.pushed(first).await;
    assert!(!commons.has("alpha", "one").await, "one person counts once");
    let said = told.consent.join("\n");
    assert!(said.contains("1 more of operators (hadrien, tim) must agree"), "{said}");
    for why in
        ["the text is another than what was signed", "it is about the garden `other`", "cut short", "it is not signed"]
    {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remote_full_of_refs_that_names_ours_hurts_nobody() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "camille", &[beta(&["one"])]);
    commons.branch("work", change);
    commons.approved("pierre", change);
    commons.approved("tim", change);
    {
        let (origin, junk) = (commons.origin(), commons.main());
        let mut packed = String::from("# pack-refs with: peeled fully-peeled sorted \n");
        for number in 0..20_000 {
            packed.push_str(&format!("{junk} refs/parcelle-consent/z/{number:05}\n"));
        }
        packed.push_str(&format!("{} refs/parcelle/head\n", commons.main()));
        std::fs::write(origin.path().join("packed-refs"), packed).unwrap();
        origin.reference("refs/parcelle-consent/refs/parcelle/head", junk, true, "ours").unwrap();
    }
    commons.pushed(change).await;
    assert!(commons.has("beta", "one").await, "statements of people come first in order of name, and the loop goes on");
    commons.this.ended().await;
}
