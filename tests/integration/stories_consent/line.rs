//! How changes come to the line: merges, squashes, fast-forwards, rebases, reverts.

use git2::Oid;

use super::{Commons, RULES, alpha, beta, sized};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_operators_approved_is_applied_and_what_one_did_waits() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let branch = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.branch("one", branch);
    commons.approved("pierre", branch);
    let merge = commons.merged(branch, &[alpha(&["one"])]);
    let told = commons.pushed(merge).await;
    assert!(!commons.has("alpha", "one").await, "one approval is not enough");
    let waits = told.consent.join("\n");
    assert!(waits.contains("pierre agreed; 1 more of operators (hadrien, tim) must agree"), "{waits}");
    assert!(waits.contains("until then alpha stay at"), "{waits}");
    commons.approved("tim", branch);
    let told = commons.looked().await;
    assert!(commons.has("alpha", "one").await, "{:?}", told.consent);
    assert_eq!(told.consent, Vec::<String>::new());
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_organisation_waits_and_the_others_go_on() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let first = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    let second = commons.commit(&[first], "camille", &[beta(&["two"])]);
    commons.branch("second", second);
    let said = commons.say("pierre", &["approve", &format!("{first}..{second}")]);
    assert_eq!(said.code, 0, "{}", said.text());
    assert_eq!(commons.say("hadrien", &["approve", &format!("{first}..{second}")]).code, 0);
    commons.pushed(second).await;
    assert!(commons.has("beta", "two").await && !commons.has("alpha", "one").await);
    // Drift of the one that waits is put back all the same.
    let api = commons.this.api("v1", "Service", "alpha");
    api.delete("www-web", &kube::api::DeleteParams::default()).await.unwrap();
    let mut back = false;
    for _ in 0..20 {
        commons.this.until_calm().await;
        back |= api.get_opt("www-web").await.unwrap().is_some();
        if back {
            break;
        }
    }
    assert!(back, "what was deleted is made again");
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_squash_a_fast_forward_of_three_and_two_requests_between_rounds_are_found() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    // A squash carries the content and none of the commits.
    let branch = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    let branch = commons.commit(&[branch], "camille", &[alpha(&["one", "two"])]);
    commons.branch("work", branch);
    commons.approved("pierre", branch);
    commons.approved("tim", branch);
    let squash = commons.commit(&[commons.main()], "camille", &[alpha(&["one", "two"])]);
    commons.pushed(squash).await;
    assert!(commons.has("alpha", "two").await, "a squash");
    // Three commits that come as they are.
    let mut tip = commons.main();
    for sites in [&["one"][..], &["one", "three"], &["one", "three", "four"]] {
        tip = commons.commit(&[tip], "camille", &[beta(sites)]);
    }
    commons.branch("work", tip);
    commons.approved("pierre", tip);
    commons.approved("tim", tip);
    commons.pushed(tip).await;
    assert!(commons.has("beta", "four").await, "a fast-forward");
    // Two requests, merged before the loop looks: one is approved.
    let main = commons.main();
    let yes = commons.commit(&[main], "camille", &[alpha(&["one", "two", "yes"])]);
    let no = commons.commit(&[main], "camille", &[beta(&["one", "three", "four", "no"])]);
    commons.branch("yes", yes);
    commons.branch("no", no);
    commons.approved("pierre", yes);
    commons.approved("tim", yes);
    let first = commons.commit(&[main, no], "pierre", &[beta(&["one", "three", "four", "no"])]);
    let second = commons.commit(&[first, yes], "pierre", &[alpha(&["one", "two", "yes"])]);
    commons.pushed(second).await;
    assert!(commons.has("alpha", "yes").await && !commons.has("beta", "no").await);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_adds_something_of_its_own_is_another_change() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let branch = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.branch("work", branch);
    commons.approved("pierre", branch);
    commons.approved("tim", branch);
    let merge = commons.merged(branch, &[alpha(&["one", "slipped-in"])]);
    commons.pushed(merge).await;
    assert!(!commons.has("alpha", "slipped-in").await && !commons.has("alpha", "one").await);
    // Whoever names the branch means what stands on it, not what its merge brought.
    let said = commons.say("hadrien", &["approve", &branch.to_string()]);
    assert!(said.code != 0 && said.stderr.contains("brought something else with it"), "{}", said.text());
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebase_keeps_approvals_unless_the_files_moved() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let begun = commons.main();
    let kept = commons.commit(&[begun], "camille", &[alpha(&["one"])]);
    commons.branch("kept", kept);
    commons.approved("pierre", kept);
    commons.approved("tim", kept);
    let other = commons.commit(&[begun], "camille", &[beta(&["elsewhere"])]);
    commons.branch("other", other);
    commons.approved("pierre", other);
    commons.approved("tim", other);
    commons.pushed(other).await;
    assert!(commons.has("beta", "elsewhere").await);
    // The same files over another base.
    let rebased = commons.commit(&[other], "camille", &[alpha(&["one"])]);
    commons.pushed(rebased).await;
    assert!(commons.has("alpha", "one").await, "a rebase that leaves the files as they were");
    // Another base of the same file.
    let moved = commons.commit(&[begun], "camille", &[beta(&["two"])]);
    commons.branch("moved", moved);
    commons.approved("pierre", moved);
    commons.approved("tim", moved);
    let rebased = commons.commit(&[rebased], "camille", &[beta(&["elsewhere", "two"])]);
    let told = commons.pushed(rebased).await;
    assert!(!commons.has("beta", "two").await, "the file was another when it was approved");
    let (waits, short) = (told.consent.join("\n"), &moved.to_string()[..12]);
    let why = format!("what tim said does not count: it is of `{short}`, and `organisations/beta.kdl` changed since");
    assert!(waits.contains(&why), "{waits}");
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_is_used_once() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let small = commons.memory().await;
    let change = commons.commit(&[commons.main()], "camille", &[sized("large")]);
    commons.branch("work", change);
    commons.approved("pierre", change);
    commons.approved("tim", change);
    commons.pushed(change).await;
    let large = commons.memory().await;
    assert_ne!(small, large);
    // Back, with approvals of its own.
    let revert = commons.commit(&[change], "camille", &[alpha(&[])]);
    commons.branch("revert", revert);
    commons.approved("pierre", revert);
    commons.approved("tim", revert);
    commons.pushed(revert).await;
    assert_eq!(commons.memory().await, small);
    // The same change again is not allowed by what was said before.
    let again = commons.commit(&[revert], "camille", &[sized("large")]);
    let told = commons.pushed(again).await;
    assert_eq!(commons.memory().await, small, "{:?}", told.consent);
    assert!(told.consent.join("\n").contains("it was used for"), "{:?}", told.consent);
    let range = format!("{revert}..{again}");
    for who in ["pierre", "tim"] {
        let said = commons.say(who, &["approve", &range]);
        assert_eq!(said.code, 0, "{}", said.text());
    }
    let told = commons.looked().await;
    assert_eq!(commons.memory().await, large, "{:?}", told.consent);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_and_its_revert_need_nobody() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    let told = commons.pushed(change).await;
    assert_eq!(told.consent.len(), 1, "{:?}", told.consent);
    let revert = commons.commit(&[change], "camille", &[alpha(&[])]);
    let told = commons.pushed(revert).await;
    assert_eq!(told.consent, Vec::<String>::new());
    commons.this.ended().await;
}

impl Commons {
    /// The same commit, signed with a person's key.
    fn signed(&self, commit: Oid, who: &str) -> Oid {
        let repository = self.origin();
        let commit = repository.find_commit(commit).unwrap();
        let parents: Vec<git2::Commit<'_>> = commit.parents().collect();
        let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
        let (author, tree, message) = (commit.author(), commit.tree().unwrap(), commit.message().unwrap());
        let text = repository.commit_create_buffer(&author, &author, message, &tree, &parents).unwrap();
        let text = std::str::from_utf8(&text).unwrap();
        let key = self.people.path(&format!("keys/{who}")).display().to_string();
        let done = self.people.run_program("ssh-keygen", &["-Y", "sign", "-n", "git", "-f", &key], text.as_bytes());
        assert_eq!(done.code, 0, "{}", done.stderr);
        repository.commit_signed(text, &done.stdout, None).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_commits_must_be_signed_each_that_changes_the_garden_is_by_one_of_its_people() {
    let rules = "approvals 1 from=operators; source signatures; commits signed";
    let Some(mut commons) = Commons::begun(rules).await else { return };
    // Pierre's name is on it, and nobody's key.
    let forged = commons.commit(&[commons.main()], "pierre", &[alpha(&["one"])]);
    let stranger = commons.signed(forged, "jeanne");
    for change in [forged, stranger] {
        commons.branch("work", change);
        commons.approved("tim", change);
        commons.approved("hadrien", change);
        let told = commons.pushed(change).await;
        let waits = told.consent.join("\n");
        let short = &change.to_string()[..12];
        assert!(waits.contains(&format!("commit {short} does not count: ")), "{waits}");
        assert!(!commons.has("alpha", "one").await);
    }
    // Who signed it wrote it: with that known, one approval is enough, and not their own.
    let signed = commons.signed(forged, "pierre");
    commons.branch("work", signed);
    let told = commons.pushed(signed).await;
    assert!(commons.has("alpha", "one").await, "{:?}", told.consent);
    let unsigned_middle = commons.commit(&[signed], "camille", &[beta(&["two"])]);
    let last = commons.signed(commons.commit(&[unsigned_middle], "camille", &[beta(&["two", "three"])]), "camille");
    commons.branch("more", last);
    commons.approved("tim", last);
    let told = commons.pushed(last).await;
    assert!(!commons.has("beta", "three").await, "HEAD alone is signed: {:?}", told.consent);
    commons.this.ended().await;
}
