//! Forges that are away, refuse, ask for time or answer what nobody can read: it is told, and nothing is taken for agreement.

use super::forge_commons::{ForgeCommons, TWO, Way};
use super::{alpha, beta};
use crate::forge::{Kind, Says, StandIn, TOKEN, Wrong};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_forge_answers_is_told_and_nothing_is_taken_for_an_approval() {
    for kind in [Kind::GitHub, Kind::GitLab, Kind::Forgejo] {
        let Some(mut this) = ForgeCommons::begun(kind, TWO).await else { return };
        let elsewhere = StandIn::start(kind);
        let work = this.commons.commit(&[this.commons.main()], "camille", &[alpha(&["one"])]);
        this.pushes(work);
        for who in ["pierre", "tim"] {
            this.forge.world().review(who, Says::Approve, "");
        }
        let soon = vec![("retry-after", "3000".to_owned())];
        let wrongs = [
            (
                Wrong::Refused(401, Vec::new()),
                "the forge answered 401: something is wrong here; give a token that it takes",
            ),
            (Wrong::Refused(403, Vec::new()), "give a token that may read its merge requests and commits"),
            (Wrong::Refused(404, Vec::new()), "cannot look at the project: the forge answered 404"),
            (Wrong::Refused(429, soon), "the forge asks to wait for 3000 s"),
            (Wrong::Refused(503, Vec::new()), "the forge answered 503"),
            (Wrong::CutAfter, "it is asked again by itself"),
            (Wrong::Garbage, "its answer is no JSON"),
            (Wrong::Oversize, "its answer is longer than 16 MiB"),
            (Wrong::SentOn(format!("{}/stolen", elsewhere.api())), "the forge sends on to another address"),
        ];
        let mut is_first = true;
        for (wrong, words) in wrongs {
            this.forge.go_wrong(1, usize::MAX, wrong.clone());
            let told = if std::mem::take(&mut is_first) {
                this.merged(Way::Merge, &[work], &[alpha(&["one"])]).await.consent
            } else {
                this.commons.this.now += jiff::SignedDuration::from_mins(61);
                this.commons.looked().await.consent
            };
            assert!(!this.commons.has("alpha", "one").await, "{kind:?}, {wrong:?}: {told:#?}");
            let told = told.join("\n");
            assert!(told.contains(words) && told.contains(&this.forge.project()), "{kind:?}, {wrong:?}: {told}");
            assert!(told.contains("3 more of operators") && !told.contains(TOKEN), "{kind:?}, {wrong:?}: {told}");
            // A forge that wants to be left alone is.
            if told.contains("asks to wait") {
                this.forge.take_asked();
                this.commons.this.now += jiff::SignedDuration::from_mins(40);
                assert!(this.commons.looked().await.consent.is_empty());
                assert_eq!(this.forge.take_asked().len(), 0);
            }
        }
        assert!(elsewhere.take_asked().is_empty(), "{kind:?}");
        // The loop goes on: what needs no review of this forge is looked at, and once it answers, what it says counts.
        this.forge.mend();
        this.commons.this.now += jiff::SignedDuration::from_mins(61);
        let told = this.commons.looked().await.consent;
        assert!(this.commons.has("alpha", "one").await, "{kind:?}: {told:#?}");
        this.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_without_a_token_says_so_before_anything_is_open_and_takes_one_that_comes() {
    let Some(mut this) = ForgeCommons::begun(Kind::Forgejo, TWO).await else { return };
    let token = this.commons.people.path("credentials/forge");
    let folder = this.commons.this.folder.path().to_owned();
    std::fs::remove_file(&token).unwrap();
    let next = crate::stories_loop::daemon(&this.commons.this.handle, &folder, "another-mirror");
    let access = parcelle::engine::ForgeAccess {
        credentials: Some(this.commons.people.path("credentials")),
        certificates: None,
        patience: 1,
    };
    let next = Box::new(next.reaching(access));
    Box::pin(std::mem::replace(&mut this.commons.this.daemon, next).close()).await;
    let told = this.commons.this.turn(parcelle::engine::Event::Resync).await.unwrap().consent.join("\n");
    assert!(told.contains("the token `credentials=forge` cannot be read from"), "{told}");
    let work = this.commons.commit(&[this.commons.main()], "camille", &[beta(&["one"])]);
    this.pushes(work);
    for who in ["pierre", "tim"] {
        this.forge.world().review(who, Says::Approve, "");
    }
    let told = this.merged(Way::Squash, &[work], &[beta(&["one"])]).await.consent.join("\n");
    assert!(!this.commons.has("beta", "one").await, "{told}");
    assert!(told.contains("3 more of operators") && told.contains("no approval there counts"), "{told}");
    assert!(this.forge.take_asked().is_empty(), "nobody asks a forge without the token that it is asked with");
    this.commons.people.write("credentials/forge", TOKEN);
    let told = this.commons.looked().await.consent;
    assert!(this.commons.has("beta", "one").await, "{told:#?}");
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_to_object_does_not_end_while_nobody_knows_whether_somebody_does() {
    let Some(mut this) = ForgeCommons::begun(Kind::GitHub, "waiting 24 hours").await else { return };
    let work = this.commons.commit(&[this.commons.main()], "camille", &[alpha(&["one"])]);
    this.pushes(work);
    let told = this.merged(Way::Merge, &[work], &[alpha(&["one"])]).await.consent.join("\n");
    assert!(told.contains("people may object until 2026-11-21 12:00 UTC"), "{told}");
    this.forge.go_wrong(1, usize::MAX, Wrong::Refused(503, Vec::new()));
    this.commons.this.now += jiff::SignedDuration::from_hours(25);
    let told = this.commons.looked().await.consent.join("\n");
    assert!(!this.commons.has("alpha", "one").await, "{told}");
    assert!(told.contains("whether somebody objects on http://") && told.contains("is not known"), "{told}");
    this.forge.mend();
    this.commons.this.now += jiff::SignedDuration::from_hours(1);
    let told = this.commons.looked().await.consent;
    assert!(this.commons.has("alpha", "one").await, "{told:#?}");
    this.ended().await;
}
