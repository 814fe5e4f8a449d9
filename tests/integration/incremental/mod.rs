//! A check that knows an earlier one says the same as one from nothing: after any edits, against any past, at any hour.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use parcelle::check::{Checked, Memo, check, check_again, past_of};
use parcelle::git::{RawFile, Snapshot};
use parcelle::model::{Past, Setting};
use parcelle::report::{self, Drawing, Format};
use parcelle::source::{FileId, Sources, Span};

mod edits;

#[expect(dead_code, reason = "shared with benchmarks")]
#[path = "../../../benches/generated/mod.rs"]
pub(crate) mod generated;

pub(crate) use edits::Dice;
use edits::Edited;
use generated::Size;

/// A moment at which nobody sleeps.
const NOON: &str = "2026-11-20T12:00:00Z";

type Files = BTreeMap<String, String>;

pub(crate) fn snapshot(files: &Files) -> Snapshot {
    // The content stands for Git's id of it.
    let raw = |(path, text): (&String, &String)| RawFile {
        path: path.clone(),
        blob: text.clone(),
        bytes: text.as_bytes().into(),
    };
    Snapshot::of(files.iter().map(raw).collect())
}

/// A garden with everything that can be edited: definitions that take in another one, hosts that are lent, retired apps.
fn generated_garden() -> Files {
    let mut files: Files = generated::files(9, Size::Short).into_iter().collect();
    files.insert("definitions/base.kdl".to_owned(), edits::BASE.to_owned());
    files.insert("definitions/board.kdl".to_owned(), edits::BOARD.to_owned());
    for (at, line) in [
        (1, "    app board forum { colour red; }\n"),
        (2, "    delegate fair.org-2.example to=org-3\n"),
        (3, "    app static-site fair { at fair.org-2.example; }\n"),
        (4, "    app board talk { colour blue; nights asleep from=\"22:00\" to=\"06:00\"; }\n"),
        (5, "    retired app static-site old\n"),
    ] {
        let text = files.get_mut(&generated::path(at)).unwrap();
        text.insert_str(text.len() - 2, line);
    }
    files
}

/// The garden of the repository.
fn own_garden() -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("orgs");
    let files = parcelle::git::read_files(&root, &root).unwrap();
    files.into_iter().map(|raw| (raw.path, String::from_utf8(raw.bytes.to_vec()).unwrap())).collect()
}

/// Everything that a check says, without the numbers that its files happen to have.
#[derive(PartialEq)]
struct Told {
    text: String,
    json: String,
    organisations: BTreeMap<String, String>,
    objects: BTreeMap<String, String>,
    broken: BTreeSet<String>,
    stopped: BTreeSet<String>,
}

fn told(checked: &Checked) -> Told {
    let render = |format| report::render(format, &checked.findings, &checked.sources, Drawing::Plain);
    let garden = checked.garden.as_ref();
    let names = |names: Vec<&parcelle::name::Name>| names.into_iter().map(ToString::to_string).collect();
    let organisations = garden.into_iter().flat_map(|garden| garden.organisations.values());
    Told {
        text: render(Format::Text),
        json: render(Format::Json),
        organisations: organisations.map(|one| (one.name.to_string(), meaning(one, &checked.sources))).collect(),
        objects: located_objects(checked),
        broken: names(garden.into_iter().flat_map(|garden| &garden.broken).collect()),
        stopped: names(garden.into_iter().flat_map(|garden| garden.stopped.keys()).collect()),
    }
}

/// The objects of each organisation as text, every span as path, line and column.
pub(crate) fn located_objects(checked: &Checked) -> BTreeMap<String, String> {
    let objects = checked.objects.iter().map(|(name, packed)| {
        let mut value = serde_json::to_value(packed.open()).unwrap();
        locate(&mut value, &checked.sources);
        (name.to_string(), value.to_string())
    });
    objects.collect()
}

/// What an organisation came to mean: each setting with every layer's word and place.
fn meaning(organisation: &parcelle::model::Organisation, sources: &Sources) -> String {
    let place = |setting: &Setting| format!("{} {:?}", sources.locate(setting.span), setting.value);
    let apps = organisation.apps.values().map(|app| {
        let layers =
            app.layers.iter().map(|(name, said)| (name, said.iter().map(|one| place(one)).collect::<Vec<_>>()));
        let settings = app.settings.iter().map(|(name, setting)| (name, place(setting)));
        let hosts: Vec<&String> = app.hosts.iter().map(|host| &host.value).collect();
        let (layers, settings): (Vec<_>, Vec<_>) = (layers.collect(), settings.collect());
        format!("{} {} {layers:?} {settings:?} {hosts:?} {}", app.name, app.definition.about, app.release.image)
    });
    apps.collect::<Vec<_>>().join("\n")
}

/// Writes every span of a value as path, line and column.
fn locate(value: &mut serde_json::Value, sources: &Sources) {
    if let Ok(span) = serde_json::from_value::<Span>(value.clone()) {
        *value = sources.locate(span).into();
        return;
    }
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| locate(item, sources)),
        serde_json::Value::Object(entries) => entries.values_mut().for_each(|entry| locate(entry, sources)),
        _ => {}
    }
}

fn assert_same(warm: &Checked, cold: &Checked, done: &[String]) {
    let (warm, cold) = (told(warm), told(cold));
    let done = done.join("\n");
    assert_eq!(warm.text, cold.text, "findings after\n{done}");
    assert_eq!(warm.json, cold.json, "findings after\n{done}");
    assert_eq!(warm.broken, cold.broken, "broken after\n{done}");
    assert_eq!(warm.stopped, cold.stopped, "stopped after\n{done}");
    assert_eq!(warm.organisations, cold.organisations, "meaning after\n{done}");
    assert!(warm.objects == cold.objects, "objects after\n{done}");
}

/// Edits a garden step by step, and checks it from nothing and with what is known after each.
fn edit_and_compare(files: Files, seed: u64, steps: usize) {
    let mut memo = Memo::default();
    let mut edited = Edited::new(files, Dice::new(seed));
    let mut now: jiff::Timestamp = NOON.parse().unwrap();
    let mut past: Option<Past> = None;
    let mut done = Vec::new();
    let (mut stopping, mut sound) = (0, 0);
    for step in 0..steps {
        done.push(format!("{step}: {}", edited.edit()));
        if edited.dice.one_in(4) {
            // Over an edge of a night, forwards or back.
            let hours = i64::try_from(edited.dice.below(30)).unwrap() - 10;
            now += jiff::SignedDuration::from_hours(hours);
            done.push(format!("{step}: the time moves by {hours} hours"));
        }
        let cold = check(snapshot(&edited.files), past.as_ref(), now);
        let warm = check_again(&mut memo, snapshot(&edited.files), past.as_ref(), now);
        assert_same(&warm, &cold, &done);
        if warm.findings.has_errors() {
            stopping += 1;
        } else {
            sound += 1;
        }
        if edited.dice.one_in(3) {
            past = Some(applied(past, &warm, &mut edited.dice));
            done.push(format!("{step}: applied"));
        }
    }
    assert!(stopping > steps / 10 && sound > steps / 10, "{stopping} of {steps} steps have errors, {sound} have none");
}

/// What is applied after a round: everything that could be; the rest stays. Of some apps nothing is left.
fn applied(past: Option<Past>, checked: &Checked, dice: &mut Dice) -> Past {
    let mut past = past.unwrap_or_default();
    past.organisations.extend(past_of(checked).organisations);
    past.gone = past
        .organisations
        .values()
        .flat_map(|one| one.apps.keys().map(|app| (one.name.clone(), app.clone())))
        .filter(|_| dice.one_in(20))
        .collect();
    past
}

#[test]
fn a_generated_garden_edited_at_random_is_checked_as_from_nothing() {
    edit_and_compare(generated_garden(), 4, 36);
}

#[test]
fn the_garden_of_the_repository_edited_at_random_is_checked_as_from_nothing() {
    edit_and_compare(own_garden(), 5, 16);
}

/// The organisations and objects of a check that are not the same values as in an earlier one.
fn new_values(before: &Checked, after: &Checked) -> BTreeSet<String> {
    let (old, new) = (before.garden.as_ref().unwrap(), after.garden.as_ref().unwrap());
    let meant = new
        .organisations
        .iter()
        .filter(|(name, one)| !old.organisations.get(*name).is_some_and(|known| Arc::ptr_eq(known, one)));
    let rendered = after
        .objects
        .iter()
        .filter(|(name, one)| !before.objects.get(*name).is_some_and(|known| Arc::ptr_eq(known, one)));
    meant.map(|(name, _)| name.to_string()).chain(rendered.map(|(name, _)| name.to_string())).collect()
}

#[test]
fn only_what_rests_on_a_change_is_read_and_rendered_anew() {
    let mut files = generated_garden();
    let (mut memo, now) = (Memo::default(), NOON.parse().unwrap());
    let mut before = check_again(&mut memo, snapshot(&files), None, now);
    // Nothing of it is backed up.
    let mut others = before.findings.iter().filter(|finding| finding.code.as_str() != "W0443");
    assert!(others.next().is_none(), "{}", told(&before).text);
    let all: Vec<String> = (0..9).map(|at| format!("org-{at}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    for (path, from, to, concerned) in [
        ("garden.kdl", "edition", "edition", &[][..]),
        ("organisations/org-2.kdl", "20 GiB", "21 GiB", &["org-2"]),
        ("organisations/org-5.kdl", "Number 5", "Number five", &["org-5"]),
        // A file that cannot be read leaves the others alone.
        ("organisations/org-6.kdl", "title \"", "title ", &[]),
        ("organisations/org-6.kdl", "title ", "title \"", &["org-6"]),
        ("definitions/board.kdl", "The board", "A board", &["org-1", "org-4"]),
        // `board` takes in what `base` brings.
        ("definitions/base.kdl", "DATABASE", "STORE", &["org-1", "org-4"]),
        ("offers/basic.kdl", "64 cores", "65 cores", &all),
    ] {
        let text = files.get_mut(path).unwrap();
        assert!(text.contains(from), "{path} holds {from}");
        *text = text.replacen(from, to, 1);
        let after = check_again(&mut memo, snapshot(&files), None, now);
        let concerned: BTreeSet<String> = concerned.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(new_values(&before, &after), concerned, "{path}: {from} to {to}\n{}", told(&after).text);
        assert_eq!(after.rendered, concerned.len(), "{path}: {from} to {to}");
        before = after;
    }
}

#[test]
fn files_of_another_name_or_content_have_ids_of_their_own() {
    let files = generated_garden();
    let (mut memo, now) = (Memo::default(), NOON.parse().unwrap());
    let first = check_again(&mut memo, snapshot(&files), None, now);
    let again = check_again(&mut memo, snapshot(&files), None, now);
    let ids = |checked: &Checked| checked.sources.iter().map(|(file, _)| file).collect::<Vec<FileId>>();
    assert_eq!(ids(&first), ids(&again));
    assert_eq!(again.rendered, 0);
}
