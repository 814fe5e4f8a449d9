//! Stories of saved plans that somebody edited: the file decides nothing, it only says which actions were agreed to. The
//! program is a process of its own, and the cluster knows every request that it sent.

use std::collections::BTreeSet;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::command::Output;
use crate::ground::{Ground, organisation};
use crate::stories_moments::PAGE;
use edits::{EDITS, actions, at};

mod edits;

const BEFORE: &str = "app page www { note one; }\n    app page docs { note one; }\n    app page gone";
const AFTER: &str = "app page www { note two; }\n    app page docs\n    app hedgedoc pads\n    \
                     retired app page gone { keep-data 60 days; }";

/// An organisation of which something is changed, something made, something deleted and something retired, and another.
async fn ground() -> Ground {
    let (alpha, beta) = (organisation("alpha", "Alpha", BEFORE), organisation("beta", "Beta", "app page www"));
    let files = [("page.kdl", PAGE), ("organisations/alpha.kdl", &*alpha), ("organisations/beta.kdl", &*beta)];
    let ground = Ground::new(&files).await;
    let applied = run(&ground, &["apply", "--yes", "--no-wait"]);
    assert_eq!(applied.code, 0, "{}", applied.text());
    ground.environment.garden([("organisations/alpha.kdl", organisation("alpha", "Alpha", AFTER))]);
    ground.commit("organisations/beta.kdl", &organisation("beta", "Beta, renamed", "app page www"), "changes");
    ground
}

/// Runs the program beside the cluster, which answers meanwhile.
fn run(ground: &Ground, arguments: &[&str]) -> Output {
    tokio::task::block_in_place(|| ground.environment.run(arguments))
}

fn save(ground: &Ground) -> Value {
    let file = ground.environment.path("plan.json").display().to_string();
    let planned = run(ground, &["plan", "--save", &file]);
    assert!(planned.code == 0 || planned.text().contains("kept: "), "{}", planned.text());
    serde_json::from_str(&ground.environment.read("plan.json")).unwrap()
}

/// Applies what a file says, and says which writes were sent: verb and path.
fn apply(ground: &Ground, text: &str) -> (Output, Vec<String>) {
    ground.environment.write("edited.json", text);
    let file = ground.environment.path("edited.json").display().to_string();
    ground.handle.keep_sent();
    let output = run(ground, &["apply", "--plan", &file, "--yes", "--no-wait"]);
    let sent = ground.handle.keep_sent().into_iter();
    let writes =
        sent.filter(|one| !["get", "list", "watch"].contains(&one.verb) && !one.address.contains("dryRun=All"));
    let mut writes: Vec<String> = writes
        .filter(|one| !one.resource.starts_with("leases"))
        .map(|one| format!("{} {}", one.verb, one.address.split('?').next().unwrap_or_default()))
        .collect();
    writes.sort();
    (output, writes)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_plan_is_refused_whole_before_the_first_write() {
    let ground = ground().await;
    let plan = save(&ground);
    let mut wrong = Vec::new();
    for (what, edit, word) in EDITS {
        let mut edited = plan.clone();
        edit(&mut edited);
        assert!(edited != plan, "{what} edits nothing");
        let (output, writes) = apply(&ground, &edited.to_string());
        if !matches!(output.code, 1 | 2) || !writes.is_empty() || !output.stderr.contains(word) {
            wrong.push(format!("{what}: {} {writes:?} without {word:?}: {}", output.code, output.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));

    // An earlier commit of the same repository renders something else.
    let mut edited = plan.clone();
    let commit = ground.environment.repository().revparse_single("HEAD~1").unwrap().id().to_string();
    edited["commit"] = commit.into();
    let (output, writes) = apply(&ground, &edited.to_string());
    assert_eq!((output.code, writes), (1, vec![]), "{}", output.text());

    // Two heads in one file, of which readers take either.
    let twice = plan.to_string().replacen('{', "{\"commit\":\"main\",", 1);
    let (output, writes) = apply(&ground, &twice);
    assert_eq!((output.code, writes), (2, vec![]), "{}", output.text());
    assert!(output.stderr.contains("`commit` stands in it twice"), "{}", output.stderr);

    // As it was made it is applied, and once only.
    let (output, writes) = apply(&ground, &plan.to_string());
    assert_eq!(output.code, 0, "{}", output.text());
    assert!(writes.iter().any(|write| write.contains("/deployments/pads-web")), "{writes:?}");
    let (output, writes) = apply(&ground, &plan.to_string());
    assert_eq!((output.code, writes), (1, vec![]), "{}", output.text());
    assert!(output.stderr.contains("`beta` is applied already"), "{}", output.stderr);
    assert!(!output.stderr.contains("is there by now"), "{}", output.stderr);
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_plan_made_anew_has_is_told_and_not_done() {
    let ground = ground().await;
    let mut plan = save(&ground);
    // Somebody changes what the plan keeps, and somebody takes a deletion out of the file.
    let by = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
    let deployments: Api<DynamicObject> = ground.api("apps/v1", "Deployment", "beta");
    let change = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "x.example/y:1"}]}}}});
    deployments.patch("www-web", &by, &Patch::Strategic(change)).await.unwrap();
    let deletion = at(&mut plan, "alpha", "delete", "ConfigMap").clone();
    actions(&mut plan, "alpha").retain(|one| *one != deletion);
    let (output, writes) = apply(&ground, &plan.to_string());
    assert_eq!(output.code, 1, "what the commit asks for is not all done: {}", output.text());
    let name = deletion["id"]["name"].as_str().unwrap();
    let told = format!("not in the saved plan, so not done: alpha 1 (ConfigMap {name}); beta 1 (Deployment www-web)");
    assert!(output.stderr.contains(&told), "{}", output.stderr);
    assert!(!writes.is_empty() && !writes.iter().any(|write| write.starts_with("delete ") && write.contains(name)));
    assert!(!writes.iter().any(|write| write.contains("namespaces/beta/deployments")), "{writes:?}");
    assert!(ground.api("v1", "ConfigMap", "alpha").get_opt(name).await.unwrap().is_some());

    // What has to come first cannot be left out.
    let ground = self::ground().await;
    let mut plan = save(&ground);
    actions(&mut plan, "alpha").retain(|one| one["verb"] != "create" || one["id"]["kind"] != "Database");
    let (output, writes) = apply(&ground, &plan.to_string());
    assert_eq!((output.code, writes), (1, vec![]), "{}", output.text());
    assert!(output.stderr.contains("without what the file leaves out"), "{}", output.stderr);
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_passed_makes_a_plan_stale_and_is_named() {
    let night = "app page www { note two; nights asleep from=\"22:00\" to=\"06:30\"; }";
    let mut ground = ground().await;
    ground.commit(
        "organisations/alpha.kdl",
        &organisation("alpha", "Alpha", &format!("{night}\n    app page docs\n    app page gone")),
        "nights",
    );
    let plan = save(&ground);
    ground.environment.set_clock("2026-11-20T21:30:00Z");
    let (output, writes) = apply(&ground, &plan.to_string());
    assert_eq!((output.code, writes), (1, vec![]), "{}", output.text());
    let why =
        "the night of `alpha/www` began (organisations/alpha.kdl:8) at 2026-11-20 21:00 UTC, after the plan was made";
    assert!(output.stderr.contains(why), "{}", output.stderr);
    // The next noon all is as it was planned.
    ground.environment.set_clock("2026-11-21T11:00:00Z");
    let (output, writes) = apply(&ground, &plan.to_string());
    assert_eq!(output.code, 0, "{}", output.text());
    assert!(!writes.is_empty());
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_on_which_data_may_go_makes_a_plan_stale_and_is_named() {
    let mut ground = ground().await;
    let (output, _) = apply(&ground, &save(&ground).to_string());
    assert_eq!(output.code, 0, "{}", output.text());
    ground.commit("organisations/beta.kdl", &organisation("beta", "Beta", "app page www"), "back");
    let other = organisation("alpha", "Alpha, renamed", AFTER);
    ground.commit("organisations/alpha.kdl", &other, "a title");
    ground.environment.set_clock("2027-01-18T11:00:00Z");
    let plan = save(&ground);
    ground.environment.set_clock("2027-01-20T11:00:00Z");
    let (output, writes) = apply(&ground, &plan.to_string());
    assert_eq!((output.code, writes), (1, vec![]), "{}", output.text());
    let why = "the time for which the data of `alpha/gone` was kept ended at 2027-01-19 11:";
    assert!(output.stderr.contains(why), "{}", output.stderr);
    ground.handle.shutdown().await;
}

/// Numbers that repeat from run to run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// The pointers to everything in a value.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, item)| pointers(item, &format!("{at}/{place}"), all));
        }
        Value::Object(map) => map.iter().for_each(|(key, item)| pointers(item, &format!("{at}/{}", escaped(key)), all)),
        _ => {}
    }
}

/// Flips a value, exchanges two of them, or turns a list.
fn mutate(plan: &mut Value, chance: &mut Chance) {
    let mut all = Vec::new();
    pointers(plan, "", &mut all);
    let one = all[1 + chance.below(all.len() - 1)].clone();
    let other = all[1 + chance.below(all.len() - 1)].clone();
    let are_apart = !one.starts_with(&other) && !other.starts_with(&one);
    match plan.pointer_mut(&one).unwrap() {
        Value::Array(items) if items.len() > 1 => items.rotate_left(1),
        Value::Bool(flag) => *flag = !*flag,
        Value::Number(number) => *number = (number.as_i64().unwrap_or(0) + 1).into(),
        Value::String(text) if chance.below(2) == 0 => text.push('x'),
        value if are_apart => {
            let value = value.take();
            let theirs = std::mem::replace(plan.pointer_mut(&other).unwrap(), value);
            *plan.pointer_mut(&one).unwrap() = theirs;
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_plan_is_refused_or_writes_what_the_unedited_one_writes() {
    let mut ground = ground().await;
    let (_, expected) = apply(&ground, &save(&ground).to_string());
    ground.handle.shutdown().await;
    ground = self::ground().await;
    let (mut plan, mut chance) = (save(&ground), Chance(0x9e37_79b9_7f4a_7c15));
    let mut ends = BTreeSet::new();
    for round in 0..24 {
        let mut edited = plan.clone();
        mutate(&mut edited, &mut chance);
        let (output, writes) = apply(&ground, &edited.to_string());
        ends.insert(writes.is_empty());
        if writes.is_empty() {
            assert!(matches!(output.code, 1 | 2), "{round}: {}", output.text());
            continue;
        }
        assert_eq!(writes, expected, "{round}: {}", output.text());
        ground.handle.shutdown().await;
        ground = self::ground().await;
        plan = save(&ground);
    }
    assert_eq!(ends.len(), 2, "some are refused, and some are not");
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_applied_beside_an_organisation_that_is_kept_at_a_newer_commit() {
    let (alpha, beta) = (organisation("alpha", "Alpha", BEFORE), organisation("beta", "Beta", "app page www"));
    let files = [("page.kdl", PAGE), ("organisations/alpha.kdl", &*alpha), ("organisations/beta.kdl", &*beta)];
    let ground = Ground::new(&files).await;
    assert_eq!(run(&ground, &["apply", "--yes", "--no-wait"]).code, 0);
    ground.environment.garden([("organisations/beta.kdl", organisation("beta", "Beta, renamed", "app page www"))]);
    let before = ground.environment.commit("beta is renamed");
    ground.environment.garden([("organisations/beta.kdl", organisation("beta", "Beta, newer", "app page www"))]);
    ground.environment.commit("beta is renamed again");
    assert_eq!(run(&ground, &["apply", "beta", "--yes", "--no-wait"]).code, 0);
    ground.environment.reset(&before);
    ground.commit("organisations/alpha.kdl", &organisation("alpha", "Alpha", AFTER), "alpha changes");
    let plan = save(&ground);
    let (output, writes) = apply(&ground, &plan.to_string());
    assert!(output.code == 1 && output.text().contains("kept: beta is at"), "{}: {}", output.code, output.text());
    assert!(writes.iter().any(|write| write.contains("/alpha/")), "{writes:?}");
    assert!(!writes.iter().any(|write| write.contains("beta")), "{writes:?}");
}
