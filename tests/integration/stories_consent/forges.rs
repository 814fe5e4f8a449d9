//! Reviews of merged requests, read from each forge by the loop: what counts, what does not, and what is asked.

use super::forge_commons::{ForgeCommons, TWO, Way};
use super::{PEOPLE, alpha, beta, garden, people};
use crate::forge::{Kind, Says};

#[track_caller]
fn has(told: &[String], part: &str) {
    assert!(told.iter().any(|line| line.contains(part)), "{part}: {told:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_approvals_apply_what_one_holds_however_it_was_merged() {
    for (kind, way) in [
        (Kind::GitHub, Way::Squash),
        (Kind::GitHub, Way::FastForward),
        (Kind::GitLab, Way::Merge),
        (Kind::GitLab, Way::FastForward),
        (Kind::Forgejo, Way::Squash),
        (Kind::Forgejo, Way::FastForward),
    ] {
        let Some(mut this) = ForgeCommons::begun(kind, TWO).await else { return };
        let first = this.commons.commit(&[this.commons.main()], "camille", &[alpha(&["one"])]);
        let last = this.commons.commit(&[first], "camille", &[alpha(&["one", "two"])]);
        this.pushes(first);
        this.pushes(last);
        this.forge.world().review("pierre", Says::Approve, "Fine.");
        let told = this.merged(way, &[first, last], &[alpha(&["one", "two"])]).await.consent;
        assert!(
            !this.commons.has("alpha", "one").await && !this.commons.has("alpha", "two").await,
            "{kind:?}, {way:?}"
        );
        has(&told, "pierre agreed; 1 more of operators (hadrien, tim) must agree; until then alpha stay at");
        assert!(told.iter().all(|line| !line.contains("does not count")), "{kind:?}, {way:?}: {told:#?}");
        // The forge is asked again while something is open; where it says the same, nothing is told or done.
        this.forge.take_asked();
        assert!(this.commons.looked().await.consent.is_empty(), "{kind:?}, {way:?}");
        let asked = this.forge.take_asked().len();
        assert!((1..=7).contains(&asked), "{kind:?}, {way:?}: {asked} questions");
        this.forge.world().review("tim", Says::Approve, "");
        let told = this.commons.looked().await.consent;
        assert!(this.commons.has("alpha", "one").await && this.commons.has("alpha", "two").await, "{told:#?}");
        assert_eq!(told, Vec::<String>::new(), "{kind:?}, {way:?}");
        // Nothing is open, so nobody is asked.
        this.forge.take_asked();
        this.commons.looked().await;
        this.commons.this.turn(parcelle::engine::Event::Resync).await;
        assert_eq!(this.forge.take_asked().len(), 0, "{kind:?}, {way:?}");
        this.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stale_dismissed_by_the_author_or_by_a_stranger_counts_for_nothing() {
    for kind in [Kind::GitHub, Kind::GitLab, Kind::Forgejo] {
        let Some(mut this) = ForgeCommons::begun(kind, TWO).await else { return };
        let first = this.commons.commit(&[this.commons.main()], "camille", &[alpha(&["one"])]);
        let last = this.commons.commit(&[first], "camille", &[alpha(&["two"])]);
        this.pushes(first);
        this.forge.world().review("pierre", Says::Approve, "");
        this.pushes(last);
        {
            let mut world = this.forge.world();
            world.review("tim", Says::Approve, "");
            world.dismiss("tim");
            world.review("ada", Says::Approve, "");
            world.review("mallory", Says::Approve, "");
        }
        let told = this.merged(Way::Squash, &[last], &[alpha(&["two"])]).await.consent;
        assert!(!this.commons.has("alpha", "two").await && !this.commons.has("alpha", "one").await, "{kind:?}");
        has(&told, "2 more of operators (hadrien, pierre, tim) must agree");
        has(&told, "what camille said does not count: camille wrote it");
        has(
            &told,
            &format!(
                "what mallory said on {kind:?} does not count: nobody among the people has this account on {kind:?}"
            ),
        );
        let stale = format!("what pierre said on {kind:?} does not count: it is of `{}`", &first.to_string()[..12]);
        has(&told, &format!("{stale}, and `organisations/alpha.kdl` changed since"));
        // GitLab shows nothing of what was taken back.
        let dismissed = told.iter().any(|line| line.ends_with("it was dismissed on the forge"));
        assert_eq!(dismissed, kind != Kind::GitLab, "{kind:?}: {told:#?}");
        this.forge.world().review("hadrien", Says::Approve, "");
        this.forge.world().review("tim", Says::Approve, "");
        let told = this.commons.looked().await.consent;
        assert!(this.commons.has("alpha", "two").await, "{kind:?}: {told:#?}");
        this.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_objection_on_the_forge_holds_also_while_it_is_away_until_it_is_taken_back_there() {
    for (kind, way) in [(Kind::GitHub, Way::FastForward), (Kind::GitLab, Way::Merge), (Kind::Forgejo, Way::Squash)] {
        let Some(mut this) = ForgeCommons::begun(kind, TWO).await else { return };
        let first = this.commons.commit(&[this.commons.main()], "camille", &[alpha(&["one"])]);
        let last = this.commons.commit(&[first], "camille", &[alpha(&["one", "two"])]);
        this.pushes(first);
        this.pushes(last);
        for who in ["pierre", "tim"] {
            this.forge.world().review(who, Says::Approve, "");
        }
        this.forge.world().review("hadrien", Says::Object, "Not in the night of the congress.");
        let told = this.merged(way, &[first, last], &[alpha(&["one", "two"])]).await.consent;
        assert!(!this.commons.has("alpha", "one").await, "{kind:?}: {told:#?}");
        has(&told, "hadrien objects since 2025-11-30");
        if kind != Kind::GitLab {
            has(&told, "“Not in the night of the congress.”");
        }
        // The forge is away: what it said last counts against the change, and nothing for it.
        let answers = this.forge.address;
        this.forge.go_wrong(1, usize::MAX, crate::forge::Wrong::CutBefore);
        this.forge.world().dismiss("hadrien");
        let told = this.commons.looked().await.consent;
        assert!(!this.commons.has("alpha", "one").await, "{kind:?}: {told:#?}");
        has(&told, "hadrien objects since 2025-11-30");
        has(&told, "are not known, so no approval there counts: cannot ");
        has(&told, &answers.to_string());
        // Drift of the one that waits is put back all the same.
        let api = this.commons.this.api("v1", "Service", "alpha");
        api.delete("www-web", &kube::api::DeleteParams::default()).await.unwrap();
        let mut back = false;
        for _ in 0..20 {
            this.commons.this.until_calm().await;
            back |= api.get_opt("www-web").await.unwrap().is_some();
            if back {
                break;
            }
        }
        assert!(back, "what was deleted is made again");
        this.forge.mend();
        this.commons.this.now += jiff::SignedDuration::from_mins(11);
        let told = this.commons.looked().await.consent;
        assert!(
            this.commons.has("alpha", "one").await && this.commons.has("alpha", "two").await,
            "{kind:?}: {told:#?}"
        );
        this.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_waits_beside_what_was_pushed_without_any() {
    let Some(mut this) = ForgeCommons::begun(Kind::GitHub, "approvals 1 from=operators").await else { return };
    let work = this.commons.commit(&[this.commons.main()], "camille", &[alpha(&["one"])]);
    this.pushes(work);
    this.forge.world().review("pierre", Says::Approve, "");
    // Pushed by somebody past every request: nobody says who did, and nobody approved.
    let direct = this.commons.commit(&[this.commons.main()], "camille", &[beta(&["two"])]);
    this.commons.pushed(direct).await;
    let told = this.merged(Way::Merge, &[work], &[alpha(&["one"])]).await.consent;
    assert!(this.commons.has("alpha", "one").await && !this.commons.has("beta", "two").await, "{told:#?}");
    has(
        &told,
        "2 more of operators (hadrien, pierre, tim) must agree, one of them because nothing proves who wrote it",
    );
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_ask_the_forge_as_the_loop_does_or_say_that_they_cannot() {
    let Some(mut this) = ForgeCommons::begun(Kind::GitLab, TWO).await else { return };
    let work = this.commons.commit(&[this.commons.main()], "camille", &[alpha(&["one"])]);
    this.pushes(work);
    this.forge.world().review("pierre", Says::Approve, "");
    this.merged(Way::Merge, &[work], &[alpha(&["one"])]).await;
    for command in
        [&["consent"][..], &["status"], &["plan"], &["plan", "--commit", "HEAD"], &["consent", "HEAD^..HEAD"]]
    {
        let said = this.command(true, command).text();
        assert!(
            said.contains("pierre agreed") && said.contains("1 more of operators (hadrien, tim) must agree"),
            "{command:?}: {said}"
        );
        let said = this.command(false, command).text();
        assert!(
            said.contains("3 more of operators (hadrien, pierre, tim) must agree, one of them"),
            "{command:?}: {said}"
        );
        assert!(
            said.contains(
                "there is no token for `credentials=forge`: give it in the variable `PARCELLE_CREDENTIALS_FORGE`"
            ),
            "{command:?}: {said}"
        );
    }
    // A change that nobody merged yet.
    let next = this.commons.commit(&[this.commons.main()], "camille", &[beta(&["two"])]);
    this.commons.branch("next", next);
    let said = this.command(true, &["consent", "origin/next"]).text();
    assert!(said.contains("reviews there count once it is merged"), "{said}");
    // `apply` obeys like the loop, which has ended.
    let ForgeCommons { commons, forge } = this;
    let folder = commons.this.folder.path().to_owned();
    let mut this = ForgeCommons { commons, forge };
    let idle = crate::stories_loop::daemon(&this.commons.this.handle, &folder, "another-mirror");
    Box::pin(std::mem::replace(&mut this.commons.this.daemon, Box::new(idle)).close()).await;
    let said = this.command(true, &["apply", "--yes"]);
    assert!(said.text().contains("1 more of operators (hadrien, tim) must agree"), "{}", said.text());
    assert!(!this.commons.has("alpha", "one").await);
    this.forge.world().review("tim", Says::Approve, "");
    let said = this.command(false, &["apply", "--yes"]);
    assert!(!this.commons.has("alpha", "one").await, "{}", said.text());
    let said = this.command(true, &["apply", "--yes"]);
    assert!(this.commons.has("alpha", "one").await, "{}", said.text());
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lay_on_the_branch_before_a_request_is_not_approved_with_it() {
    for kind in [Kind::GitHub, Kind::Forgejo] {
        let Some(mut this) = ForgeCommons::begun(kind, "approvals 1 from=operators; source signatures").await else {
            return;
        };
        let slipped = this.commons.commit(&[this.commons.main()], "camille", &[alpha(&["slipped"])]);
        let first = this.commons.commit(&[slipped], "camille", &[alpha(&["slipped", "one"])]);
        let last = this.commons.commit(&[first], "camille", &[alpha(&["slipped", "one", "two"])]);
        this.pushes(first);
        this.pushes(last);
        for who in ["tim", "hadrien"] {
            this.forge.world().review(who, Says::Approve, "");
        }
        // The loop sees both at once: what was pushed past every request, and the fast-forward of what was made upon it.
        let told = this.merged(Way::FastForward, &[first, last], &[]).await.consent;
        for site in ["slipped", "one", "two"] {
            assert!(!this.commons.has("alpha", site).await, "{kind:?}, {site}: {told:#?}");
        }
        has(&told, &format!("{} (commit", &slipped.to_string()[..12]));
        has(
            &told,
            "2 more of operators (hadrien, pierre, tim) must agree, one of them because nothing proves who wrote it",
        );
        // Somebody signs all of it, which those who reviewed the request did not see.
        let all = format!("{slipped}^..{last}");
        let said = this.commons.say("pierre", &["approve", &all]);
        assert_eq!(said.code, 0, "{}", said.text());
        let told = this.commons.looked().await.consent;
        assert!(!this.commons.has("alpha", "one").await, "{kind:?}: {told:#?}");
        has(
            &told,
            "pierre agreed; 1 more of operators (hadrien, tim) must agree, one of them because nothing proves who",
        );
        let said = this.commons.say("tim", &["approve", &all]);
        assert_eq!(said.code, 0, "{}", said.text());
        let told = this.commons.looked().await.consent;
        assert!(
            this.commons.has("alpha", "slipped").await && this.commons.has("alpha", "two").await,
            "{kind:?}: {told:#?}"
        );
        this.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_with_an_edit_of_its_own_waits_and_says_what_moved() {
    let Some(mut this) = ForgeCommons::begun(Kind::GitLab, "approvals 1 from=operators").await else { return };
    let work = this.commons.commit(&[this.commons.main()], "camille", &[alpha(&["one"])]);
    this.pushes(work);
    for who in ["pierre", "tim"] {
        this.forge.world().review(who, Says::Approve, "");
    }
    let told = this.merged(Way::Merge, &[work], &[alpha(&["one", "slipped-in"])]).await.consent;
    assert!(!this.commons.has("alpha", "one").await && !this.commons.has("alpha", "slipped-in").await, "{told:#?}");
    let moved = format!("it is of `{}`, and `organisations/alpha.kdl` changed since", &work.to_string()[..12]);
    has(&told, &format!("what pierre said on GitLab does not count: {moved}"));
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_forge_is_left_as_its_own_reviewers_agreed() {
    let Some(mut this) = ForgeCommons::begun(Kind::GitHub, "approvals 1 from=operators").await else { return };
    // By the next rules people sign, and no forge counts.
    let rules = garden(&people(&PEOPLE), "approvals 1 from=operators; source signatures");
    let edits = [("garden.kdl", Some(rules))];
    let work = this.commons.commit(&[this.commons.main()], "camille", &edits);
    this.pushes(work);
    let held = this.merged(Way::Squash, &[work], &edits).await.consent;
    has(&held, "until then the rules, the people and the clusters' own objects stay as they are");
    this.forge.world().review("tim", Says::Approve, "");
    assert_eq!(this.commons.looked().await.consent, Vec::<String>::new());
    this.forge.take_asked();
    let next = this.commons.commit(&[this.commons.main()], "camille", &[alpha(&["one"])]);
    this.commons.branch("next", next);
    for who in ["pierre", "hadrien"] {
        this.commons.approved(who, next);
    }
    let told = this.commons.pushed(next).await.consent;
    assert!(this.commons.has("alpha", "one").await, "{told:#?}");
    assert!(this.forge.take_asked().is_empty(), "the forge counts no longer");
    this.ended().await;
}
