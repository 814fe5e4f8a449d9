//! Nobody harms another: whatever one organisation's file says, the objects of all others are byte for byte what they are
//! without it, and none of its own lies outside its namespace.
//!
//! Files are made at random from the whole language: the words of every schema, with the names, hosts and domains of the other
//! organisations and of the clusters as values. `PARCELLE_PROPERTY_CASES` says how many.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use parcelle::check::{Checked, Memo, check_again, past_of};
use parcelle::model::{Age, Past};

use crate::incremental::{Dice, located_objects, snapshot};

type Files = BTreeMap<String, String>;

/// The file that is made.
const STRANGER: &str = "organisations/stranger.kdl";

/// How many files are made where nothing else is said.
const CASES: usize = 150;

/// Values that reach for what is another's.
const FOREIGN: &[&str] = &[
    "alternatiba",
    "cnam",
    "stranger",
    "ada-lovelace",
    "louise-michel",
    "liiibre",
    "sur-mesure",
    "indiehosters",
    "alternatiba.example",
    "cloud.alternatiba.example",
    "id.alternatiba.example",
    "cnam.example",
    "example",
    "cnam.ada.indiehosters.example",
    "pads.cnam.ada.indiehosters.example",
    "ada.indiehosters.example",
    "indiehosters.example",
    "smtp.indiehosters.example",
    "s3.indiehosters.example",
    "s3.sauvegardes.example",
    "stranger.example",
    "a.stranger.example",
    "www.stranger.example",
    "xn--stranger-.example",
    "president@alternatiba.example",
    "a@stranger.example",
    "\"*.alternatiba.example\"",
    "\"https://cnam.example\"",
    "cloud",
    "pads",
    "www",
    "sso",
    "chat",
    "nextcloud",
    "hedgedoc",
    "static-site",
    "keycloak",
    "rocket-chat",
    "decidim",
    "kube-system",
    "parcelle-system",
    "gateways",
    "garage",
    "cnpg-system",
    "default",
    "Deployment",
    "NetworkPolicy",
    "Namespace",
    "ResourceQuota",
    "HTTPRoute",
    "Certificate",
    "Secret",
    "Service",
    "\".spec\"",
    "\".metadata.labels\"",
    "\".spec.replicas\"",
    "take",
    "leave",
    "on",
    "off",
    "none",
    "asleep",
    "awake",
    "1",
    "0",
    "-1",
    "9999999",
    "50 GiB",
    "900 TiB",
    "64 cores",
    "90 days",
    "0 days",
    "\"22:00\"",
    "\"06:30\"",
    "\"02:30\"",
    "\"2026-12-01T08:00\"",
    "33",
    "32",
    "stable",
    "large",
    "huge",
    "\"$(HOME)\"",
    "\"${org.name}\"",
    "\"\"",
    "smtp-relay",
    "backups",
    "W0103",
    "E0701",
    "E0401",
    "error",
    "hint",
    "operators",
    "#true",
    "#null",
];

/// Whole pieces of the language in a shape that means something.
const PIECES: &[&str] = &[
    "app static-site www { title \"S\"; }",
    "app nextcloud cloud { storage 10 GiB; modules calendar; }",
    "app hedgedoc pads { at pads.stranger.example; }",
    "app keycloak sso { title \"S\"; }",
    "sign-on sso { admins a@stranger.example; }",
    "retired app hedgedoc old { keep-data 90 days; }",
    "defaults { nights asleep from=\"22:00\" to=\"06:30\"; }",
    "delegate cloud.alternatiba.example to=stranger",
    "delegate a.stranger.example to=cnam",
    "without cloud",
    "without pads",
    "hold \"a while\"",
    "allow W0103 \"because\"",
    "allow env patch",
    "severity E0401 hint",
    "cluster louise-michel",
    "offer sur-mesure",
    "domain alternatiba.example",
    "domain indiehosters.example",
    "domain example",
    "was alternatiba",
    "app nextcloud cloud { at cloud.alternatiba.example; also-at cnam.example www.cnam.example; }",
    "app hedgedoc pads { env A b; patch Deployment pads { spec { replicas 9; }; }; }",
    "app hedgedoc pads { patch NetworkPolicy pads { spec { ingress; }; }; }",
    "app hedgedoc pads { field Namespace stranger \".metadata.labels\" leave; }",
    "app hedgedoc pads { adopt Deployment cloud; }",
    "app hedgedoc pads { mail from=president@alternatiba.example; }",
    "app hedgedoc pads { env A secret=smtp-relay key=password; }",
];

/// What belongs into other files.
const ELSEWHERE: &[&str] = &[
    "garden indiehosters { title \"Mine\"; deletions { undeclared at-most=1000 percent=100; }; }",
    "cluster ada-lovelace { title \"Mine\"; uid \"0\"; provides { redis valkey; }; }",
    "offer liiibre { allow env patch; grants { cpu 900 cores; memory 900 TiB; storage 900 TiB; }; }",
    "offer mine { allow env patch; grants { cpu 900 cores; memory 900 TiB; storage 900 TiB; }; }",
    "definition hedgedoc { replaces \"mine\"; about \"x\"; releases { channel stable 1; release 1 image=\"evil.example/x:1\"; }; }",
    "organisation alternatiba { title \"Mine\"; offer liiibre; cluster ada-lovelace; domain alternatiba.example; }",
    "retired organisation cnam { keep-data 0 days; }",
    "settings { refine storage { default 1 GiB; }; }",
    "schema x { about \"y\"; }",
    "organisation stranger { title \"Twice\"; }",
    "organisation",
    "}",
    "{",
    "\"",
    "/*",
    "<<<<<<< HEAD",
];

/// The words of every schema and definition: names of nodes and settings.
fn vocabulary() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut words = BTreeSet::new();
    for folder in ["schemas/language", "schemas/apps"] {
        for raw in parcelle::git::read_files(&root.join(folder), root).unwrap() {
            let text = String::from_utf8(raw.bytes.to_vec()).unwrap();
            for line in text.lines() {
                let mut parts = line.split_whitespace();
                if matches!(parts.next(), Some("node" | "setting" | "prop" | "property" | "form" | "option" | "refine"))
                {
                    words.extend(parts.next().map(|word| word.trim_matches('"').to_owned()));
                }
            }
        }
    }
    assert!(words.len() > 150, "{} words", words.len());
    words.into_iter().collect()
}

struct Maker {
    dice: Dice,
    words: Vec<String>,
}

impl Maker {
    fn value(&mut self) -> String {
        FOREIGN[self.dice.below(FOREIGN.len())].to_owned()
    }

    /// A node of any word, with any values and children.
    fn node(&mut self, depth: usize) -> String {
        let word = self.words[self.dice.below(self.words.len())].clone();
        let mut text = word;
        for _ in 0..self.dice.below(4) {
            let value = self.value();
            if self.dice.one_in(4) {
                let key = self.words[self.dice.below(self.words.len())].clone();
                let _ = write!(text, " {key}={}", value.split(' ').next().unwrap_or_default());
            } else {
                let _ = write!(text, " {value}");
            }
        }
        if depth > 0 && self.dice.one_in(2) {
            let children: Vec<String> = (0..=self.dice.below(3)).map(|_| self.node(depth - 1)).collect();
            let _ = write!(text, " {{\n{}\n}}", children.join("\n"));
        }
        text
    }

    /// A line of one of the other organisations, as it stands there.
    fn borrowed(&mut self, files: &Files) -> String {
        let others: Vec<&String> =
            files.iter().filter(|(path, _)| path.starts_with("organisations/")).map(|(_, text)| text).collect();
        let lines: Vec<&str> =
            others[self.dice.below(others.len())].lines().filter(|line| !line.contains(['{', '}'])).collect();
        lines[self.dice.below(lines.len())].to_owned()
    }

    fn piece(&mut self, files: &Files) -> String {
        match self.dice.below(10) {
            0..6 => PIECES[self.dice.below(PIECES.len())].to_owned(),
            6 => self.borrowed(files),
            7 => {
                // A piece with one of its values exchanged.
                let piece = PIECES[self.dice.below(PIECES.len())];
                let words: Vec<&str> = piece.split(' ').collect();
                let at = self.dice.below(words.len());
                let value = self.value();
                words
                    .iter()
                    .enumerate()
                    .map(|(i, word)| if i == at { value.as_str() } else { word })
                    .collect::<Vec<_>>()
                    .join(" ")
            }
            _ => self.node(2),
        }
    }

    fn file(&mut self, files: &Files, path: &str) -> String {
        let mut body = vec!["title \"Stranger\"".to_owned()];
        let mut usual = |line: &str, often: usize| {
            if !self.dice.one_in(often) {
                body.push(line.to_owned());
            }
        };
        usual("offer liiibre", 8);
        usual("cluster ada-lovelace", 8);
        usual("domain stranger.example", 8);
        for _ in 0..self.dice.below(4) {
            let piece = self.piece(files);
            let at = self.dice.below(body.len() + 1);
            body.insert(at, piece);
        }
        let name = match path {
            STRANGER if self.dice.one_in(12) => self.value(),
            STRANGER => "stranger".to_owned(),
            // The name of an organisation that has a file already, or of none.
            _ => called(path).to_owned(),
        };
        let mut text = format!("edition 2026\n\norganisation {name} {{\n    {}\n}}\n", body.join("\n    "));
        if self.dice.one_in(4) {
            let more = ELSEWHERE[self.dice.below(ELSEWHERE.len())];
            text = if self.dice.one_in(2) { format!("{text}\n{more}\n") } else { format!("{more}\n{text}") };
        }
        text
    }

    /// Where it is written: its own place, or one that looks like another's.
    fn path(&mut self) -> &'static str {
        const PLACES: &[&str] = &[
            "organisations/north/stranger.kdl",
            "organisations/alternatiba/alternatiba.kdl",
            "organisations/a/alternatiba.kdl",
            "organisations/a/indiehosters.kdl",
            "organisations/garden.kdl",
            "organisations/offers/liiibre.kdl",
            "organisations/Stranger.kdl",
            "organisations/organisations/stranger.kdl",
        ];
        if self.dice.one_in(8) { PLACES[self.dice.below(PLACES.len())] } else { STRANGER }
    }
}

/// The organisation that a file is called after.
fn called(path: &str) -> &str {
    path.rsplit('/').next().and_then(|file| file.strip_suffix(".kdl")).unwrap()
}

fn check(memo: &mut Memo, files: &Files, past: Option<&Past>) -> Checked {
    check_again(memo, snapshot(files), past, "2026-11-20T12:00:00Z".parse().unwrap())
}

/// Every object of an organisation lies in its namespace, which is called after it.
fn stays_at_home(checked: &Checked, text: &str) {
    for (name, packed) in &checked.objects {
        let objects = packed.open();
        let ids = objects.objects.iter().map(|object| &object.id).chain(objects.secrets.iter().map(|one| &one.id));
        for id in ids {
            let is_own_namespace = &*id.kind == "Namespace" && &*id.name == name.as_str() && id.namespace.is_empty();
            assert!(is_own_namespace || &*id.namespace == name.as_str(), "{name}: {id:?} of\n{text}");
        }
    }
}

#[test]
fn whatever_one_file_says_all_others_stay_as_they_are() {
    let cases = std::env::var("PARCELLE_PROPERTY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("orgs");
    let files = parcelle::git::read_files(&root, &root).unwrap();
    let files: Files =
        files.into_iter().map(|raw| (raw.path, String::from_utf8(raw.bytes.to_vec()).unwrap())).collect();
    let (mut memo, mut maker) = (Memo::default(), Maker { dice: Dice::new(13), words: vocabulary() });
    let before = check(&mut memo, &files, None);
    assert!(!before.findings.has_errors());
    let others = located_objects(&before);
    assert!(others.len() >= 10);
    let past = past_of(&before);
    let mut rendered = 0;
    for case in 0..cases {
        let mut with = files.clone();
        let path = maker.path();
        let text = maker.file(&files, path);
        with.insert(path.to_owned(), text.clone());
        let mut checked = check(&mut memo, &with, if case % 2 == 1 { Some(&past) } else { None });
        if case % 2 == 0 {
            // What a repository says of all that is asked: the others were there before.
            let undecided = checked.garden.iter().flat_map(|garden| garden.undecided.clone());
            let ages = undecided.map(|claim| {
                let age = usize::from(claim.path != path);
                (claim, Age { unbroken: age, first: age })
            });
            let history = Past { ages: ages.collect(), ..Past::default() };
            checked = check(&mut memo, &with, Some(&history));
        }
        let mut now = located_objects(&checked);
        let called = called(path);
        if !others.contains_key(called) {
            rendered += usize::from(now.remove(called).is_some());
        }
        for (name, objects) in &others {
            assert!(now.get(name) == Some(objects), "case {case}: `{name}` is another one with {path}:\n{text}");
        }
        assert_eq!(now.len(), others.len(), "case {case}: there is one more with {path}:\n{text}");
        stays_at_home(&checked, &text);
    }
    assert!(rendered * 12 > cases, "too few were sound enough to mean anything: {rendered} of {cases}");
}
