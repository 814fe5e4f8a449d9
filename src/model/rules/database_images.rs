//! The images of databases, against those that hold the data: no version back, none skipped where that is not possible, nothing
//! missing that the data may need; and who stops meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Code, Finding, Findings};
use crate::model::definition::NeedKind;
use crate::model::rules::View;
use crate::model::{Cluster, Organisation, ProviderChoice};
use crate::name::Name;
use crate::source::Span;

/// A version before the one that databases have, or one that cannot follow it.
pub(crate) const GOES_BACK: Code = Code::new("E0496");
/// An image without something that the one before it had.
pub(crate) const LACKS: Code = Code::new("E0439");
/// Databases stop while their version, or what they stand on, changes.
pub(crate) const STOPS: Code = Code::new("W0438");

/// The databases whose image says the version of the data.
struct Database {
    need: NeedKind,
    /// As people call it.
    called: &'static str,
    /// Whether each major version must have run before the next.
    by_steps: bool,
}

const DATABASES: [Database; 3] = [
    Database { need: NeedKind::Postgres, called: "PostgreSQL", by_steps: false },
    Database { need: NeedKind::Mongodb, called: "MongoDB", by_steps: true },
    Database { need: NeedKind::Redis, called: "Valkey", by_steps: false },
];

/// The systems that images stand on, as tags name them.
const SYSTEMS: [&str; 8] = ["alpine", "bookworm", "bullseye", "buster", "forky", "trixie", "ubi8", "ubi9"];

/// How many organisations a finding names.
const NAMED: usize = 5;

/// Databases of one cluster with one image.
#[derive(Default)]
struct Users<'a> {
    databases: usize,
    organisations: BTreeSet<&'a Name>,
}

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (cluster, word, was) in before(view) {
        let Some(database) = DATABASES.iter().find(|database| database.need.word() == word) else { continue };
        let mut told = BTreeSet::new();
        for (was, users) in was {
            let found = compare(cluster, database, was, &users);
            found
                .into_iter()
                .filter(|found| told.insert((found.code, found.title.clone())))
                .for_each(|found| findings.push(found));
        }
    }
}

/// The lines of clusters as databases got their images from them, by cluster and need; those that name the same as now left out.
type Before<'a> = Vec<(&'a Cluster, &'static str, Vec<(&'a ProviderChoice, Users<'a>)>)>;

fn before<'a>(view: &View<'a>) -> Before<'a> {
    let mut found: BTreeMap<(&Name, &'static str), (&Cluster, Vec<(&ProviderChoice, Users<'_>)>)> = BTreeMap::new();
    for (name, organisation) in view.past.iter().flat_map(|past| past.each()) {
        let earlier = &*organisation.cluster;
        let Some(now) = view.garden.clusters.get(&earlier.name).filter(|now| now.complete) else { continue };
        if view.draft(name).is_none_or(|draft| draft.organisation.cluster.name != earlier.name) {
            continue;
        }
        for database in &DATABASES {
            let word = database.need.word();
            let (Some(choice), Some(was)) = (now.provides.get(word), earlier.provides.get(word)) else { continue };
            if choice.provider.value != was.provider.value || image(choice) == image(was) {
                continue;
            }
            let databases = databases(organisation, database.need);
            if databases == 0 {
                continue;
            }
            let (_, all) = found.entry((&now.name, word)).or_insert_with(|| (now, Vec::new()));
            let at = all.iter().position(|(known, _)| image(known) == image(was)).unwrap_or_else(|| {
                all.push((was, Users::default()));
                all.len() - 1
            });
            if all[at].1.organisations.insert(name) {
                all[at].1.databases += databases;
            }
        }
    }
    found.into_iter().map(|((_, word), (cluster, all))| (cluster, word, all)).collect()
}

/// The image of a line, and what is said of it.
fn image(choice: &ProviderChoice) -> (Option<&str>, Option<&str>) {
    (choice.image().map(|(image, _)| image), said_flavour(choice))
}

fn said_flavour(choice: &ProviderChoice) -> Option<&str> {
    choice.option("image")?.props.get("flavour").map(|written| written.text.as_str())
}

/// How many databases of a kind the apps of an organisation have; a cache that keeps nothing is none.
fn databases(organisation: &Organisation, kind: NeedKind) -> usize {
    let needs = organisation.apps.values().flat_map(|app| &app.definition.needs).map(|need| &need.item);
    let keeps = |need: &crate::model::definition::Need| kind != NeedKind::Redis || need.options.contains_key("keep");
    needs.filter(|need| need.kind == kind && keeps(need)).count()
}

fn compare(cluster: &Cluster, database: &Database, was: &ProviderChoice, users: &Users<'_>) -> Vec<Finding> {
    let Some(choice) = cluster.provides.get(database.need.word()) else { return Vec::new() };
    let Some((before, _)) = was.image() else { return Vec::new() };
    let (is, place) = choice.image().map_or((None, choice.provider.span), |(is, place)| (Some(is), place));
    if is == Some(before) && said_flavour(choice) == said_flavour(was) {
        return Vec::new();
    }
    let step = Step { cluster, database, choice, was, before, place, users };
    match step.goes_back(is) {
        Some(refused) => vec![refused],
        None => is.and_then(|is| step.lacks(is).or_else(|| step.stops(is))).into_iter().collect(),
    }
}

/// The way of databases from one image to another.
struct Step<'a> {
    cluster: &'a Cluster,
    database: &'a Database,
    choice: &'a ProviderChoice,
    was: &'a ProviderChoice,
    before: &'a str,
    place: Span,
    users: &'a Users<'a>,
}

impl Step<'_> {
    fn goes_back(&self, is: Option<&str>) -> Option<Finding> {
        let Database { called, by_steps, .. } = self.database;
        let (on, before) = (&self.cluster.name, self.before);
        let (from, to) = (version(before)?, is.and_then(version));
        let finding = |title: String| {
            Finding::error(GOES_BACK, title, self.place).also(self.cluster.span, "every organisation on it has one")
        };
        match to {
            None => Some(
                finding(format!("which version of {called} `{on}` gets cannot be seen, where {from} runs"))
                    .why("a server does not read data that a later version has written")
                    .help(format!("name an image whose tag begins with the version, such as `{before}`")),
            ),
            Some(to) if to < from => Some(
                finding(format!("{called} on `{on}` runs {from} and cannot go back to {to}"))
                    .why("a server does not read data that a later version has written")
                    .help(format!("write `image \"{before}\"`, or a later one")),
            ),
            Some(to) if *by_steps && to > from + 1 => Some(
                finding(format!("{called} on `{on}` runs {from} and cannot go to {to} at once"))
                    .why("each major version carries the data over from the one before it")
                    .help(format!(
                        "name an image of {} first, and go on once `parcelle status` says that it is applied",
                        from + 1
                    )),
            ),
            Some(_) => None,
        }
    }

    /// What the image lacks that the one before it had, or has otherwise.
    fn lacks(&self, is: &str) -> Option<Finding> {
        let Database { called, need, .. } = self.database;
        let (had, has) = (flavour(self.was, self.before), flavour(self.choice, is));
        let on = &self.cluster.name;
        let finding = |title: String| {
            Finding::error(LACKS, title, self.place)
                .also(self.cluster.span, format!("{} have one", self.users))
                .help(format!("write `image \"{}\"`, or a later one of `{had}`", self.before))
        };
        // A plain server of the same kind has less than any other image; what is called otherwise is not known.
        if had != has && !is_plain(*need, had) {
            return Some(
                finding(format!("{called} on `{on}` has `{had}` and would get `{has}`"))
                    .why(format!("databases that use what `{had}` brings do not start, or answer, without it"))
                    .help(format!(
                        "where the new image has all of it under another name, say so: `image \"{is}\" flavour={had}`"
                    )),
            );
        }
        let is_minimal = |image: &str| words(image).any(|word| word == "minimal");
        if *need == NeedKind::Postgres && is_minimal(is) && !is_minimal(self.before) {
            return Some(
                finding(format!("{called} on `{on}` would get a minimal image"))
                    .why("extensions that databases may use, such as `vector`, are not in it"),
            );
        }
        let (from, to) = (system(self.before)?, system(is)?);
        let is_major = version(self.before) != version(is);
        (*need == NeedKind::Postgres && from != to && is_major).then(|| {
            finding(format!("{called} on `{on}` would change its version and its system `{from}` at once"))
                .why("data is carried over to a new version on the same system only: both versions run side by side then")
                .help(format!("name an image of the new version on `{from}`, or of the old one on `{to}`, and the other step later"))
        })
    }

    /// That databases stop, and how many.
    fn stops(&self, is: &str) -> Option<Finding> {
        let Database { called, need, .. } = self.database;
        let (from, to) = (version(self.before)?, version(is)?);
        let on = &self.cluster.name;
        let title = |what: String| format!("{called} on `{on}` {what}: {} stop", self.users);
        if to > from {
            let why = match need {
                NeedKind::Postgres => {
                    "all servers of an organisation stop until its data is carried over, and backups from before cannot bring back a \
                     moment after it"
                }
                _ => "servers stop one after the other until each has the new version, which is no way back",
            };
            return Some(
                Finding::warning(STOPS, title(format!("goes from {from} to {to}")), self.place)
                    .why(why)
                    .help("do it at an hour at which that may be, and see that there is a backup; the finding goes once it is applied"),
            );
        }
        let (from, to) = (system(self.before)?, system(is)?);
        (*need == NeedKind::Postgres && from != to).then(|| {
            Finding::warning(STOPS, title(format!("goes from `{from}` to `{to}`")), self.place)
                .why("another system may sort texts otherwise: indexes over texts are wrong until they are made anew")
                .help("run `REINDEX DATABASE` in each once it is applied, or stay on the same system")
        })
    }
}

impl std::fmt::Display for Users<'_> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { databases, organisations } = self;
        let plural =
            |count: usize, word: &str| if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") };
        let names: Vec<String> = organisations.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = if organisations.len() > NAMED { ", …" } else { "" };
        write!(
            to,
            "{} of {} ({}{more})",
            plural(*databases, "database"),
            plural(organisations.len(), "organisation"),
            names.join(", ")
        )
    }
}

/// The name and tag of an image.
fn named(image: &str) -> (&str, &str) {
    let image = image.split('@').next().unwrap_or(image);
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split_once(':').unwrap_or((name, ""))
}

/// The major version that the tag of an image begins with: 16 of `registry.example/postgresql:16.4-bookworm@sha256:…`.
pub(crate) fn version(image: &str) -> Option<u32> {
    let (_, tag) = named(image);
    let digits = tag.trim_start_matches('v').split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// What a server has beside the database itself: what the line says, else the name of the image.
fn flavour<'a>(choice: &'a ProviderChoice, image: &'a str) -> &'a str {
    said_flavour(choice).unwrap_or_else(|| named(image).0)
}

/// Whether an image of this name is the database alone.
fn is_plain(need: NeedKind, flavour: &str) -> bool {
    match need {
        NeedKind::Postgres => matches!(flavour, "postgresql" | "postgres"),
        _ => false,
    }
}

/// The words of a tag: those of `16.4-standard-bookworm` are `16.4`, `standard`, `bookworm`.
fn words(image: &str) -> impl Iterator<Item = &str> {
    named(image).1.split('-')
}

fn system(image: &str) -> Option<&'static str> {
    words(image).find_map(|word| SYSTEMS.into_iter().find(|system| word.starts_with(system)))
}

#[cfg(test)]
mod tests {
    use super::{named, system, version};

    #[test]
    fn the_version_is_what_the_tag_begins_with() {
        assert_eq!(version("ghcr.io/cloudnative-pg/postgresql:16.4-bookworm"), Some(16));
        assert_eq!(version("registry.example:5000/postgresql:17@sha256:0011"), Some(17));
        assert_eq!(version("percona/percona-server-mongodb:v7.0.8-5"), Some(7));
        assert_eq!(version("registry.example:5000/postgresql"), None);
        assert_eq!(version("registry.example/postgresql:latest"), None);
        assert_eq!(version("registry.example/postgresql@sha256:16"), None);
    }

    #[test]
    fn the_flavour_is_the_name_and_the_system_a_word_of_the_tag() {
        assert_eq!(named("ghcr.io/cloudnative-pg/postgis:18.6-3.6.4-system-trixie").0, "postgis");
        assert_eq!(system("ghcr.io/cloudnative-pg/postgis:18.6-3.6.4-system-trixie"), Some("trixie"));
        assert_eq!(system("valkey/valkey:8.1-alpine3.20"), Some("alpine"));
        assert_eq!(system("ghcr.io/cloudnative-pg/postgresql:17"), None);
    }
}
