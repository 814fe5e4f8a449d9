//! What is fuzzed: each function takes the bytes of a stranger through a part of parcelle as it ships. A panic is a find, and
//! so is what takes longer or more memory than the limits of `docs/security.md` allow. `fuzz/` drives these functions; the kept
//! inputs are replayed by the tests beside them.

#![expect(clippy::unwrap_used, reason = "a test's own scaffold")]

use std::cell::RefCell;
use std::path::Path;

use parcelle::check::{Checked, Memo, check_again};
use parcelle::git::{self, RawFile, Repository, Snapshot};
use parcelle::plan::Plan;
use parcelle::report::plan::{TextStyle, markdown, text};
use parcelle::report::{self, Drawing, Format};

/// A small garden in which a tenant may use every hatch.
const GARDEN: &[(&str, &str)] = &[
    (
        "garden.kdl",
        "edition 2026\n\ngarden g {\n    title G\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n",
    ),
    (
        "cluster.kdl",
        "edition 2026\n\ncluster ada {\n    title Ada\n    uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    timezone \"Europe/Paris\"\n    \
         domain ada.example\n    provides {\n        volume storage-class { class fast; }\n        \
         route ingress { class nginx; namespace ingress; certificates letsencrypt; }\n    }\n}\n",
    ),
    (
        "offer.kdl",
        "edition 2026\n\noffer open {\n    title Open\n    grants { cpu 8 cores; memory 16 GiB; storage 200 GiB; }\n    allow env patch\n}\n",
    ),
    (
        "organisations/other.kdl",
        "edition 2026\n\norganisation other {\n    title Other\n    cluster ada\n    domain other.example\n    app static-site www\n}\n",
    ),
];

/// A definition with places for an expression: one where any text is asked for, one for a truth, one for a list, one for a test.
const DEFINITION: &str = r##"edition 2026

definition fuzzed {
    about "An app whose environment is fuzzed."
    settings {
        setting word text { about "A word."; default word; }
        setting number integer { about "A number."; default 7; }
        setting truth on-off { about "A truth."; default on; }
        setting words list-of=text { about "Words."; default a b c; }
    }
    releases {
        channel stable 1.0
        release 1.0 image="registry.example.org/fuzzed:1.0.0"
    }
    workload web {
        image "${release.image}"
        port http 8080
        env FUZZED #"before ${PLACE0} after"#
        @when #"PLACE1"# {
            env ONLY "there"
        }
        @each one in=#"PLACE2"# {
            env #"EACH_${one}"# "there"
        }
    }
    test smallest {
        given { word other; }
        expect #"PLACE3"#
    }
}
"##;

/// What stands in the places where the fuzzed expression does not.
const PLAIN: [&str; 4] = ["settings.word", "settings.truth", "settings.words", "settings.truth"];

thread_local! {
    /// What a process knows of the garden after its first check, as the daemon does; and how many files were tried.
    static KNOWN: RefCell<(Memo, u64)> = RefCell::default();
}

/// The garden with one more file in it, checked.
pub fn checked(path: &str, bytes: &[u8]) -> Checked {
    KNOWN.with_borrow_mut(|(memo, tried)| {
        if tried.is_multiple_of(1_000) {
            *memo = Memo::default();
        }
        *tried += 1;
        let file =
            |path: &str, blob: String, bytes: &[u8]| RawFile { path: path.to_owned(), blob, bytes: bytes.into() };
        let mut files: Vec<RawFile> =
            GARDEN.iter().map(|(path, text)| file(path, (*path).to_owned(), text.as_bytes())).collect();
        files.push(file(path, tried.to_string(), bytes));
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        check_again(memo, Snapshot::of(files), None, now)
    })
}

/// A file of an organisation to its findings.
pub fn file(data: &[u8]) {
    let checked = checked("organisations/fuzzed.kdl", data);
    assert!(checked.objects.keys().any(|name| name.as_str() == "other"), "a file stopped another organisation");
    let told = |format| report::render(format, &checked.findings, &checked.sources, Drawing::default());
    for line in told(Format::Github).lines() {
        let own = ["::error ", "::warning ", "::notice ", "::error::and ", "::warning::and ", "::notice::and "];
        assert!(own.iter().any(|begin| line.starts_with(begin)), "{line:?}");
    }
    for format in [Format::Text, Format::Short, Format::Github, Format::Json] {
        let steers = |told: char| told.is_control() && told != '\n';
        assert!(!told(format).contains(steers), "a control character is told as it is");
    }
    for line in told(Format::Short).lines() {
        assert!(["organisations/", "offer.kdl", "cluster.kdl"].iter().any(|begin| line.starts_with(begin)), "{line:?}");
    }
    for format in [Format::Sarif, Format::Gitlab, Format::Junit] {
        assert!(!told(format).is_empty());
    }
}

/// A definition with an expression in the place that its first byte names.
pub fn definition(data: &[u8]) -> String {
    let (place, text) = data.split_first().unwrap_or((&b'0', &[]));
    let text = String::from_utf8_lossy(text).replace(['"', '#', '\n', '\r'], " ");
    let place = usize::from(place % 4);
    let places = PLAIN.iter().enumerate();
    places.fold(DEFINITION.to_owned(), |definition, (at, plain)| {
        definition.replace(&format!("PLACE{at}"), if at == place { &text } else { plain })
    })
}

/// An expression of a definition: parsed, checked, and evaluated for an app that uses it.
pub fn expression(data: &[u8]) {
    let definition = definition(data);
    let _ = checked("definitions/fuzzed.kdl", definition.as_bytes());
}

/// A repository of these bytes as objects, read as a garden. The first byte of each part says what it is.
pub fn tree(data: &[u8]) {
    let place = tempfile::tempdir().unwrap();
    let repository = git2::Repository::init_bare(place.path()).unwrap();
    let odb = repository.odb().unwrap();
    let blob = odb.write(git2::ObjectType::Blob, b"edition 2026\n\ngarden g { title G; }\n").unwrap();
    let mut written = vec![blob];
    for part in data.split(|byte| *byte == 0xff).take(64) {
        let Some((kind, rest)) = part.split_first() else { continue };
        let id = match kind % 3 {
            0 => odb.write(git2::ObjectType::Blob, rest),
            1 => odb.write(git2::ObjectType::Tree, &entries(rest, &written)),
            _ => odb.write(git2::ObjectType::Tree, rest),
        };
        written.extend(id.ok());
    }
    let mut commit = format!("tree {}\n", written.last().unwrap()).into_bytes();
    commit.extend(b"author a <a@b> 0 +0000\ncommitter a <a@b> 0 +0000\n\nfuzzed\n");
    let Ok(commit) = odb.write(git2::ObjectType::Commit, &commit) else { return };
    let Ok(repository) = Repository::containing(place.path()) else { return };
    for folder in [None, Some("orgs"), Some("")] {
        let Ok(snapshot) = git::commit_snapshot_after(&repository, &commit.to_string(), folder, None) else { continue };
        for file in &snapshot.files {
            let path = Path::new(&file.path);
            assert!(path.is_relative() && !file.path.contains(".."), "{:?}", file.path);
        }
    }
}

/// The entries of a tree, grown from bytes: mode, name, and which of the objects written so far.
fn entries(mut data: &[u8], written: &[git2::Oid]) -> Vec<u8> {
    const MODES: [&str; 8] = ["40000", "100644", "100755", "120000", "160000", "100664", "0", "777777777"];
    const NAMES: [&str; 8] = ["garden.kdl", "organisations", "a.kdl", "..", ".git", "orgs", "a/b.kdl", "é.kdl"];
    let mut tree = Vec::new();
    while let [mode, name, object, rest @ ..] = data {
        tree.extend(MODES[usize::from(mode % 8)].as_bytes());
        tree.push(b' ');
        if *name < 0x80 {
            tree.extend(NAMES[usize::from(name % 8)].as_bytes());
        } else {
            tree.extend(format!("n{name}.kdl").as_bytes());
        }
        tree.push(0);
        tree.extend(written[usize::from(*object) % written.len()].as_bytes());
        data = rest;
    }
    tree
}

/// A saved plan, read and told in every format.
pub fn saved_plan(data: &[u8]) {
    let Ok(plan) = serde_json::from_slice::<Plan>(data) else { return };
    for told in [text(&plan, TextStyle::default()), markdown(&plan, 60_000)] {
        assert!(!told.contains(['\u{1b}', '\u{7}', '\u{202e}']), "a control character is told as it is");
    }
    let again = serde_json::to_vec(&plan).unwrap();
    let read: Plan = serde_json::from_slice(&again).expect("what is written is read");
    assert_eq!(serde_json::to_vec(&read).unwrap(), again);
}
