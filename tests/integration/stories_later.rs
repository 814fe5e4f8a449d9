//! What a plan says of what acts later than it is applied: nights, peaks, hours for releases, brakes, the days of data; told
//! until it is applied, and only then no more. The program is a process of its own.

use serde_json::Value;

use crate::command::Output;
use crate::ground::{Ground, organisation};
use crate::stories_moments::PAGE;
use crate::story::real;

const OFFER: &str = "edition 2026\n\noffer small {\n    title \"A small one\"\n    grants { cpu 8 cores; memory 16 GiB; storage 100 GiB; }\n    \
                     defaults { nights asleep from=\"22:00\" to=\"06:30\"; }\n}\n";

/// Some organisations of an offer, each with apps.
fn files(count: usize, apps: &str) -> Vec<(String, String)> {
    let name = |at: usize| format!("o{at:03}");
    let one = |at: usize| {
        let text = organisation(&name(at), "One of some", apps).replace("    cluster", "    offer small\n    cluster");
        (format!("organisations/{}.kdl", name(at)), text)
    };
    (0..count).map(one).collect()
}

async fn ground(count: usize, apps: &str) -> Ground {
    let all = files(count, apps);
    let own = [("page.kdl", PAGE), ("offers/small.kdl", OFFER)];
    let all: Vec<(&str, &str)> =
        own.into_iter().chain(all.iter().map(|(name, text)| (name.as_str(), text.as_str()))).collect();
    let ground = Ground::new(&all).await;
    let said = run(&ground, &["apply", "--yes", "--no-wait"]);
    assert_eq!(said.code, 0, "{}", said.text());
    ground
}

fn run(ground: &Ground, arguments: &[&str]) -> Output {
    tokio::task::block_in_place(|| ground.environment.run(arguments))
}

/// A plan in each of the formats.
fn plans(ground: &Ground) -> (String, String, Value) {
    let plan = |format: &str| run(ground, &["plan", "--commit", "HEAD", "--format", format]).stdout;
    (plan("text"), plan("markdown"), serde_json::from_str(&plan("json")).unwrap())
}

/// All that acts later, of all organisations.
fn later(json: &Value) -> Vec<Value> {
    let organisations = json["plan"]["organisations"].as_array().unwrap().iter();
    organisations.flat_map(|one| one["later"].as_array().cloned().unwrap_or_default()).collect()
}

/// The first lines after what the garden's findings say.
fn first_lines(text: &str, count: usize) -> String {
    let plan = text.lines().skip_while(|line| !line.starts_with("commit ") && !line.starts_with("<!-- parcelle plan"));
    plan.take(count).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nights_of_an_offer_are_told_by_day_until_they_are_applied() {
    if real().is_some() {
        return;
    }
    let ground = ground(3, "app page www\n    app hedgedoc pads").await;
    let quiet = run(&ground, &["plan", "--exit-code"]);
    assert!(quiet.code == 0 && !quiet.stdout.contains("acts later"), "{}", quiet.text());
    ground.commit("offers/small.kdl", &OFFER.replace("22:00", "21:00"), "earlier nights");
    let (text, markdown, json) = plans(&ground);
    let told = "nights, 6 apps of 3 organisations: asleep from 21:00 to 06:30 (Europe/Paris); before: asleep from 22:00 to 06:30 (Europe/Paris); \
                6 Deployment stop then  offers/small.kdl:6";
    assert!(first_lines(&text, 10).contains(told), "{text}");
    assert!(text.contains("Nothing changes now in 3 organisations; in 3 something acts later."), "{text}");
    assert!(text.contains("The plan is that of this hour: 6 apps are awake"), "{text}");
    assert!(markdown.contains("\n- nights, 6 apps of 3 organisations"), "{markdown}");
    let acts = later(&json);
    assert_eq!((acts.len(), &json["plan"]["actsLater"], &json["plan"]["changes"]), (6, &true.into(), &false.into()));
    assert_eq!(acts[0]["word"], "nights");
    assert_eq!(acts[0]["after"], "asleep from 21:00 to 06:30 (Europe/Paris)");
    assert_eq!(acts[0]["origin"]["file"], "offers/small.kdl");
    assert_eq!(run(&ground, &["plan", "--exit-code"]).code, 3);
    // Against another commit and against a snapshot it is the same.
    let based = run(&ground, &["plan", "--base", "HEAD~1"]);
    assert!(based.stdout.contains(told), "{}", based.text());
    let file = ground.environment.path("live.json").display().to_string();
    assert_eq!(run(&ground, &["snapshot", "--output", &file]).code, 0);
    let offline = run(&ground, &["plan", "--live", &file]);
    assert!(offline.stdout.contains(told), "{}", offline.text());
    assert_eq!(run(&ground, &["apply", "--yes", "--no-wait"]).code, 0);
    let quiet = run(&ground, &["plan", "--exit-code"]);
    assert!(quiet.code == 0 && !quiet.stdout.contains("acts later"), "{}", quiet.text());
    // What is taken away is told too.
    ground.commit("offers/small.kdl", &OFFER.replace(" nights asleep from=\"22:00\" to=\"06:30\";", ""), "no nights");
    let (text, ..) = plans(&ground);
    assert!(text.contains("nights, 6 apps of 3 organisations: no longer asleep from 21:00"), "{text}");
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brakes_come_first_and_peaks_hours_and_backups_are_told() {
    if real().is_some() {
        return;
    }
    let mut ground = ground(2, "app page www").await;
    let garden = ground.environment.read("garden/garden.kdl");
    let looser =
        garden.replace("title \"Grounds\"", "title \"Grounds\"\n    deletions { undeclared at-most=500 percent=90; }");
    ground.environment.garden([("garden.kdl", looser)]);
    let more = "app page www { upgrade window=\"02:00\" days=\"monday\"; nights awake; peak from=\"2026-12-01T08:00\" to=\"2026-12-02T08:00\" min=4; peak from=\"2026-12-05T08:00\" to=\"2026-12-05T20:00\" min=9; }";
    let (name, text) = files(1, more).remove(0);
    ground.commit(&name, &text, "much that acts later");
    let (text, markdown, json) = plans(&ground);
    let lines: Vec<&str> = text.lines().skip_while(|line| *line != "What acts later:").skip(1).take(5).collect();
    assert!(lines[0].contains("deletions, 2 organisations: one run takes away 500 objects that nobody retired at most, and 90 % of an organisation's; before: one run takes away 20 objects"), "{text}");
    assert!(lines[1].starts_with("  2026-12-01, peak, o000/www: at least 4 replicas from 2026-12-01 08:00"), "{text}");
    assert!(lines[2].starts_with("  2026-12-05, peak, o000/www: at least 9 replicas from 2026-12-05 08:00"), "{text}");
    assert!(lines[3].starts_with("  nights, o000/www: no longer asleep"), "{text}");
    assert!(
        lines[4]
            .starts_with("  upgrade, o000/www: new releases are put in from 02:00 to 04:00 on monday (Europe/Paris)"),
        "{text}"
    );
    assert!(markdown.contains("\n- deletions, 2 organisations"), "{markdown}");
    let words: Vec<String> = later(&json).iter().map(|act| act["word"].as_str().unwrap().to_owned()).collect();
    assert_eq!(words, ["deletions", "peak", "peak", "nights", "upgrade", "deletions"]);
    // Of two peaks that are applied, the later one is called off; then what was on the first day is past.
    assert_eq!(run(&ground, &["apply", "--yes", "--no-wait"]).code, 0);
    let fewer = more.replace("peak from=\"2026-12-05T08:00\" to=\"2026-12-05T20:00\" min=9; ", "");
    ground.commit(&name, &files(1, &fewer).remove(0).1, "one peak");
    let (text, ..) = plans(&ground);
    assert!(text.contains("peak, o000/www: no longer at least 9 replicas from 2026-12-05 08:00"), "{text}");
    assert!(!text.contains("at least 4 replicas"), "{text}");
    ground.environment.set_clock("2026-12-07T10:00:00Z");
    let (text, ..) = plans(&ground);
    assert!(!text.contains("peak, "), "{text}");
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_made_by_night_says_so() {
    if real().is_some() {
        return;
    }
    let mut ground = ground(1, "app page www").await;
    ground.environment.set_clock("2026-11-20T23:30:00Z");
    let (text, markdown, json) = plans(&ground);
    let hour = "The plan is that of this hour: 1 app is asleep; it may be another from 2026-11-21 05:30 UTC on.";
    assert!(text.contains(hour), "{text}");
    assert!(markdown.contains("The plan is that of this hour: 1 app is asleep"), "{markdown}");
    assert_eq!(json["plan"]["organisations"][0]["hour"]["asleep"], serde_json::json!(["www"]));
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retirement_says_its_day_and_what_goes_then_in_every_format() {
    if real().is_some() {
        return;
    }
    let ground = ground(2, "app page www\n    app hedgedoc pads").await;
    let (name, text) = files(1, "app page www\n    retired app hedgedoc pads { keep-data 60 days; }").remove(0);
    ground.commit(&name, &text, "pads go");
    let (text, markdown, json) = plans(&ground);
    let day = "2027-01-19";
    let told = format!(
        "  Gone on {day} unless taken back: pads of o000: database `pads_db` and volume `pads-uploads` with 2 GiB of room; "
    );
    assert!(first_lines(&text, 8).contains(&told), "{text}");
    assert!(text.contains(&format!("  pads, retired until {day}\n")), "{text}");
    assert!(markdown.contains(&format!("- **Gone on {day}** unless taken back: pads of o000")), "{markdown}");
    assert!(markdown.contains(&format!("retired until {day}")), "{markdown}");
    let one = &json["plan"]["organisations"][0];
    assert!(one["retired"]["pads"]["until"].is_i64(), "{one:#}");
    let objects = one["later"][0]["objects"].as_array().unwrap();
    assert!(objects.iter().any(|object| object == "PersistentVolumeClaim pads-uploads"), "{one:#}");
    assert_eq!(run(&ground, &["apply", "--yes", "--no-wait"]).code, 0);
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_waits_for_its_window_is_told_with_its_day_until_it_is_put_in() {
    if real().is_some() {
        return;
    }
    let waits = |version: &str| {
        let app =
            format!("app page www {{ version {version}; upgrade window=\"00:30\" days=\"monday\"; nights awake; }}");
        files(1, &app).remove(0)
    };
    let two =
        PAGE.replace("release 1 image", "release 2 image=\"docker.io/example/page:2.0\" after=1; release 1 image");
    let mut ground =
        Ground::new(&[("page.kdl", &two), ("offers/small.kdl", OFFER), (&waits("1").0, &waits("1").1)]).await;
    assert_eq!(run(&ground, &["apply", "--yes", "--no-wait"]).code, 0);
    let (name, text) = waits("2");
    ground.commit(&name, &text, "a release");
    // Noon of a Friday; half past midnight in Paris is still the day before in UTC.
    let (text, markdown, json) = plans(&ground);
    let told = "2026-11-23, upgrade, o000/www: release 2 is put in from 00:30 to 02:30 on monday (Europe/Paris); before: release 1; ";
    assert!(first_lines(&text, 5).contains(told) && text.contains("change then"), "{text}");
    assert!(
        text.contains("objects — held: release 2 is put in from 00:30 to 02:30 on monday (Europe/Paris): "),
        "{text}"
    );
    let image = "page:1.0 → docker.io/example/page:2.0";
    assert!(text.matches(image).count() == 1 && !text.contains("app.kubernetes.io/version"), "{text}");
    assert!(markdown.contains("\n- 2026-11-23, upgrade, o000/www"), "{markdown}");
    let acts = later(&json);
    assert_eq!(
        (acts.len(), &acts[0]["word"], &acts[0]["day"]),
        (1, &"upgrade".into(), &"2026-11-23".into()),
        "{acts:#?}"
    );
    assert_eq!(acts[0]["before"], "release 1");
    let verbose = run(&ground, &["plan", "--commit", "HEAD", "--verbose"]).stdout;
    assert!(verbose.contains("= Deployment www-web — held"), "{verbose}");
    assert_eq!(run(&ground, &["plan", "--exit-code"]).code, 3);
    assert_eq!(run(&ground, &["apply", "--yes", "--no-wait"]).code, 0);
    assert!(plans(&ground).0.contains(told), "it waits still");
    ground.environment.set_clock("2026-11-22T23:45:00Z");
    let (text, ..) = plans(&ground);
    assert!(text.contains("~ Deployment www-web") && !text.contains("What acts later"), "{text}");
    assert_eq!(run(&ground, &["apply", "--yes", "--no-wait"]).code, 0);
    assert_eq!(run(&ground, &["plan", "--exit-code"]).code, 0);
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_weighs_most_of_what_is_done_now_stands_first() {
    if real().is_some() {
        return;
    }
    let mut ground = ground(2, "app page www\n    app hedgedoc pads").await;
    // An app that is called otherwise, and the address that people lose.
    let (name, text) = files(1, "app page site { was www; }\n    app hedgedoc pads").remove(0);
    ground.commit(&name, &text, "another name");
    let (text, markdown, json) = plans(&ground);
    let told = "Leads nowhere: www.o000.example (www of o000)";
    assert!(first_lines(&text, 9).contains(told), "{text}");
    assert!(markdown.contains("**Leads nowhere"), "{markdown}");
    assert_eq!(json["plan"]["impact"]["interruptions"][0]["addresses"], serde_json::json!(["www.o000.example"]));
    // Once the pods of the earlier name are gone, the rest follows.
    assert!((0..20).any(|_| run(&ground, &["apply", "--yes", "--no-wait"]).code == 0));
    // The day on which data goes.
    let (name, text) =
        files(1, "app page site { was www; }\n    retired app hedgedoc pads { keep-data 60 days; }").remove(0);
    ground.commit(&name, &text, "pads go");
    assert_eq!(run(&ground, &["apply", "--yes", "--no-wait"]).code, 0);
    assert!(!plans(&ground).0.contains("What to look at first"));
    ground.environment.set_clock("2027-01-25T12:00:00Z");
    let (text, markdown, json) = plans(&ground);
    let told = "Gone when this is done: pads of o000: database `pads_db` and volume `pads-uploads` with 2 GiB of room";
    assert!(first_lines(&text, 5).contains(&format!("What to look at first:\n  {told}")), "{text}");
    assert!(markdown.contains("**Gone when this is done"), "{markdown}");
    assert_eq!(json["plan"]["impact"]["data"][0]["how"], "goes-now", "{json:#}");
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_least_time_that_data_is_kept_is_a_brake_that_is_told() {
    if real().is_some() {
        return;
    }
    let ground = ground(2, "app page www").await;
    let garden = ground.environment.read("garden/garden.kdl");
    let shorter = garden.replace("title \"Grounds\"", "title \"Grounds\"\n    deletions { keep-data 1 day; }");
    ground.commit("garden.kdl", &shorter, "a day");
    let (text, markdown, json) = plans(&ground);
    let told = "deletions, 2 organisations: data of what is retired is kept for 1 day at least; before: data of what is retired is kept for 30 days at least";
    assert!(text.contains(told), "{text}");
    assert!(!markdown.contains('\u{FFFD}') && markdown.contains("\n- deletions"), "{markdown}");
    assert_eq!((later(&json).len(), run(&ground, &["plan", "--exit-code"]).code), (2, 3));
    let based = run(&ground, &["plan", "--base", "HEAD~1"]);
    assert!(based.stdout.contains(told) && !based.stdout.contains("it runs"), "{}", based.text());
    ground.handle.shutdown().await;
}
