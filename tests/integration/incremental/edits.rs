//! What people do to gardens, well and badly, by a seeded generator.

use std::collections::{BTreeMap, BTreeSet};

use super::Files;

/// A definition that others take in.
pub(super) const BASE: &str = r#"edition 2026

definition base {
    about "A database and what goes with it."
    releases { channel stable 1; release 1 image="registry.example.org/base:1.0"; }
    needs { postgres db; route web { host "${settings.at}"; to web; }; }
    workload web {
        image "${release.image}"
        run-as 1000
        port http 3000
        env DATABASE "${needs.db.url}"
        ready http path="/"
    }
    test smallest { given { at base.example.org; }; expect "objects.Deployment.web.spec.replicas == 1"; }
}
"#;

/// One that takes it in.
pub(super) const BOARD: &str = r#"edition 2026

definition board {
    about "The board."
    use base
    releases { channel stable 2; release 1 image="registry.example.org/board:1.0"; release 2 image="registry.example.org/board:2.0" after=1; }
    settings {
        setting colour text { about "Of its pages."; default red; }
    }
    workload worker {
        image "${release.image}"
        run-as 1000
        env COLOUR "${settings.colour}"
    }
    test smallest { given { at board.example.org; }; expect "objects.Deployment.web.spec.replicas == 1"; }
}
"#;

/// Numbers that look random and are the same each time (a linear congruential generator).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most.max(1)
    }

    pub(crate) fn one_in(&mut self, most: usize) -> bool {
        self.below(most) == 0
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// A garden that is edited, with the sound texts of what was broken.
pub(super) struct Edited {
    pub(super) files: Files,
    pub(super) dice: Dice,
    sound: BTreeMap<String, String>,
    made: usize,
}

/// A replacement of text in an organisation: what is there, what comes. Some are good, some are mistakes.
const OF_ORGANISATIONS: &[(&str, &str)] = &[
    ("storage ", "storage 1"),
    ("storage ", "storage 9"),
    ("modules calendar", "modules deck calendar"),
    ("title \"", "title \"The "),
    ("offer basic", "offer basik"),
    ("cluster ada", "cluster eda"),
    ("app hedgedoc", "app hedgedok"),
    ("app hedgedoc", "app nextcloud"),
    ("    app ", "    hold \"until the meeting\"\n    app "),
    ("    app ", "    allow W0410 \"it is known\"\n    app "),
    ("    app ", "    without cloud\n    app "),
    ("    app ", "    defaults {\n        nights asleep from=\"20:00\" to=\"07:00\"\n    }\n    app "),
    ("    app ", "    retired app "),
    ("    retired app ", "    app "),
    ("    app hedgedoc pads\n", ""),
    ("    app hedgedoc pads\n", "    app hedgedoc pads {\n        env A_TOKEN very-secret-indeed\n    }\n"),
    ("    app hedgedoc pads", "    app hedgedoc notes {\n        was pads\n    }\n    app hedgedoc others"),
    ("also-at www.", "also-at ftp."),
    ("contact ", "contract "),
    ("domain org-", "domain sub.org-"),
    ("colour blue", "colour green; version 1"),
    ("organisation org-", "retired organisation org-"),
    ("sign-on sso", "sign-on sos"),
];

/// The same for shared files.
const OF_SHARED: &[(&str, &str, &str)] = &[
    ("garden.kdl", "title \"", "title \"Our "),
    ("garden.kdl", "    title", "    allow W0101 \"for later\"\n    title"),
    ("garden.kdl", "    title", "    severity W0101 error\n    title"),
    ("garden.kdl", "    title", "    deletions {\n        keep-data 60 days\n    }\n    title"),
    ("garden.kdl", "    title", "    hold \"everything rests\"\n    title"),
    ("garden.kdl", "garden ", "gardn "),
    ("offers/basic.kdl", "64 cores", "1 cores"),
    (
        "offers/basic.kdl",
        "    title",
        "    defaults {\n        nights asleep from=\"21:00\" to=\"07:00\"\n    }\n    title",
    ),
    ("offers/basic.kdl", "    title", "    app static-site hello {\n        title \"Hello\"\n    }\n    title"),
    ("offers/basic.kdl", "    title", "    app hedgedok pads\n    title"),
    ("offers/basic.kdl", "offer basic", "offer basics"),
    ("clusters/ada.kdl", "redis valkey", "redis vlakey"),
    ("clusters/ada.kdl", "        redis valkey\n", ""),
    ("clusters/ada.kdl", "Europe/Paris", "Europe/Oslo"),
    ("clusters/ada.kdl", "domain ada", "domain anna"),
    ("definitions/base.kdl", "3000", "3001"),
    ("definitions/base.kdl", "3000", "three"),
    ("definitions/base.kdl", "base:1.0", "base:1.1"),
    ("definitions/board.kdl", "stable 2", "stable 1"),
    ("definitions/board.kdl", "default red", "default blue"),
    ("definitions/board.kdl", "use base", "use bass"),
    ("definitions/board.kdl", "colour text", "color text"),
    ("offers/liiibre.kdl", "22:00", "23:00"),
    ("offers/liiibre.kdl", "storage 50", "storage 60"),
    ("offers/liiibre.kdl", "16 GiB", "2 GiB"),
    ("clusters/ada-lovelace.kdl", "Europe/Paris", "Europe/Berlin"),
];

impl Edited {
    pub(super) fn new(files: Files, dice: Dice) -> Self {
        Self { sound: files.clone(), files, dice, made: 0 }
    }

    /// One edit, and what it was, in words. What is wrong is mended as often as something is spoiled.
    pub(super) fn edit(&mut self) -> String {
        match self.dice.below(12) {
            0..4 => self.change_organisation(),
            4 | 5 => self.change_shared(),
            6 => self.cut(),
            7 => self.take_host(),
            8 => self.add(),
            9 => self.delete(),
            _ => self.mend(),
        }
    }

    fn organisations(&self) -> Vec<String> {
        self.files.keys().filter(|path| path.starts_with("organisations/")).cloned().collect()
    }

    fn replace(&mut self, path: &str, from: &str, to: &str) -> String {
        let Some(text) = self.files.get_mut(path).filter(|text| text.contains(from)) else {
            return self.mend();
        };
        *text = text.replacen(from, to, 1);
        format!("{path}: {from:?} became {to:?}")
    }

    fn change_organisation(&mut self) -> String {
        let path = self.dice.of(&self.organisations()).clone();
        let text = &self.files[&path];
        let possible: Vec<_> = OF_ORGANISATIONS.iter().filter(|(from, _)| text.contains(from)).collect();
        if possible.is_empty() {
            return self.mend();
        }
        let (from, to) = **self.dice.of(&possible);
        self.replace(&path, from, to)
    }

    fn change_shared(&mut self) -> String {
        let files = &self.files;
        let is_possible =
            |(path, from, _): &&(&str, &str, &str)| files.get(*path).is_some_and(|text| text.contains(from));
        let possible: Vec<_> = OF_SHARED.iter().filter(is_possible).collect();
        let (path, from, to) = **self.dice.of(&possible);
        self.replace(path, from, to)
    }

    /// The rest of a file is lost.
    fn cut(&mut self) -> String {
        let path = self.dice.of(&self.organisations()).clone();
        let text = self.files.get_mut(&path).unwrap();
        let mut at = self.dice.below(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
        format!("{path}: cut off at byte {at}")
    }

    /// An organisation writes the host of another one.
    fn take_host(&mut self) -> String {
        let all = self.organisations();
        let (from, to) = (self.dice.of(&all).clone(), self.dice.of(&all).clone());
        let word = if self.dice.one_in(3) { "domain " } else { "at " };
        let host_of = |text: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(word).map(str::to_owned));
            line.map(|line| format!("{word}{line}"))
        };
        match (host_of(&self.files[&from]), host_of(&self.files[&to])) {
            (Some(theirs), Some(own)) => self.replace(&to, &own, &theirs),
            _ => self.mend(),
        }
    }

    /// A copy of an organisation under a new name, or with the old one where its name was forgotten.
    fn add(&mut self) -> String {
        let path = self.dice.of(&self.organisations()).clone();
        let name = path.trim_start_matches("organisations/").trim_end_matches(".kdl").to_owned();
        self.made += 1;
        let copy = format!("new-{}", self.made);
        let text = &self.files[&path];
        let text = if self.dice.one_in(4) { text.clone() } else { text.replace(&name, &copy) };
        self.files.insert(format!("organisations/{copy}.kdl"), text);
        format!("{path}: copied as {copy}")
    }

    fn delete(&mut self) -> String {
        let all = self.organisations();
        if all.len() < 4 {
            return self.mend();
        }
        let path = self.dice.of(&all).clone();
        self.files.remove(&path);
        format!("{path}: deleted")
    }

    /// Some files become again what they were at first.
    fn mend(&mut self) -> String {
        let paths: BTreeSet<&String> = self.files.keys().chain(self.sound.keys()).collect();
        let wrong = paths.into_iter().filter(|path| self.sound.get(*path) != self.files.get(*path));
        let wrong: Vec<String> = wrong.cloned().collect();
        let mut mended = Vec::new();
        for path in wrong {
            if self.dice.one_in(4) {
                continue;
            }
            match self.sound.get(&path) {
                Some(text) => drop(self.files.insert(path.clone(), text.clone())),
                None => drop(self.files.remove(&path)),
            }
            mended.push(path);
        }
        format!("mended: {}", mended.join(" "))
    }
}
