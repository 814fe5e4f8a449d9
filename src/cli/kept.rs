//! A plan on disk: of a large garden it is larger than what may be held in memory, so that it is written, shown and done an
//! organisation at a time. The file is its owner's alone, and has no name unless it is asked for.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{CommandFailure, files};
use crate::finding::Findings;
use crate::impact::{EditedLines, Impact, ImpactBuilder, ImpactContext};
use crate::name::Name;
use crate::plan::{OrganisationPlan, Plan, PlanHead};
use crate::report::plan::Tally;

/// How much of an organisation's plan is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeptDetail {
    /// All of it, to be done.
    Whole,
    /// What is told: what stays as it is is counted.
    Told,
    /// The same without what new objects are made of.
    Brief,
}

/// A plan on disk, complete.
pub(super) struct KeptPlan {
    file: File,
    /// Where it is, for whoever is told of a failure.
    path: PathBuf,
    head: PlanHead,
    parts: Vec<Part>,
    tally: Tally,
    /// What it does, for people; nothing of a saved plan that was only read.
    impact: Impact,
    findings: Findings,
}

/// Where an organisation's part is in the file.
struct Part {
    organisation: Name,
    at: u64,
    length: usize,
    /// Whether anything is left to do of it.
    pending: bool,
    /// How many actions it has.
    actions: usize,
}

/// A plan that is being written.
pub(super) struct PlanWriter {
    file: Place,
    /// Where it is, for whoever is told of a failure.
    path: PathBuf,
    /// How many bytes are written.
    at: u64,
    head: Option<PlanHead>,
    parts: Vec<Part>,
    tally: Tally,
    impact: ImpactBuilder,
    findings: Findings,
}

enum Place {
    Nameless(BufWriter<File>),
    /// Beside the file that it is to become.
    Named(BufWriter<NamedTempFile>),
}

impl Write for Place {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Nameless(file) => file.write(bytes),
            Self::Named(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Nameless(file) => file.flush(),
            Self::Named(file) => file.flush(),
        }
    }
}

impl PlanWriter {
    /// A plan that is gone with the process.
    pub(super) fn nameless() -> Result<Self, CommandFailure> {
        let folder = std::env::temp_dir();
        let file = tempfile::tempfile_in(&folder).map_err(CommandFailure::file("write in", &folder))?;
        Ok(Self::on(Place::Nameless(BufWriter::new(file)), folder))
    }

    /// A plan that appears in `path` when it is complete, and not before.
    pub(super) fn named(path: &Path) -> Result<Self, CommandFailure> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // What a kill leaves says whose it was.
        let prefix = format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy());
        let file = tempfile::Builder::new().prefix(&prefix).suffix(".part").tempfile_in(folder);
        // In the words of the system: the other name is of no use to whoever is told.
        let file = file.map_err(|error| CommandFailure::file("write", path)(error.kind().into()))?;
        Ok(Self::on(Place::Named(BufWriter::new(file)), path.to_owned()))
    }

    fn on(file: Place, path: PathBuf) -> Self {
        let (tally, findings) = (Tally::default(), Findings::default());
        let impact = ImpactBuilder::default();
        Self { file, path, at: 0, head: None, parts: Vec::new(), tally, impact, findings }
    }

    /// The same for a plan whose changes are told by the lines that were edited.
    #[must_use]
    pub(super) fn by_edits(self, edited: EditedLines) -> Self {
        Self { impact: ImpactBuilder::new(edited), ..self }
    }

    /// Adds a batch; `pending` are the organisations of which something is left to do, and `context` is what their impact is told by.
    pub(super) fn add(
        &mut self,
        plan: Plan,
        context: Option<ImpactContext<'_>>,
        pending: &BTreeSet<Name>,
        keep: KeptDetail,
    ) -> Result<(), CommandFailure> {
        self.begin(plan.head)?;
        for mut one in plan.organisations {
            self.tally.add(&one);
            if let Some(context) = context {
                self.impact.add(&one, context);
            }
            self.findings.extend(std::mem::take(&mut one.findings));
            let pending = pending.contains(&one.organisation);
            match keep {
                KeptDetail::Whole => {}
                KeptDetail::Told | KeptDetail::Brief if pending => {}
                KeptDetail::Told => one.leave_out_unchanged(),
                KeptDetail::Brief => one.shorten(),
            }
            self.part(&one, pending)?;
        }
        Ok(())
    }

    fn begin(&mut self, head: PlanHead) -> Result<(), CommandFailure> {
        if self.head.is_some() {
            return Ok(());
        }
        // The head is an object: what follows it stands in the same one.
        let text = serde_json::to_string(&head).map_err(|error| self.failed(error.into()))?;
        self.write(text.trim_end_matches('}'))?;
        self.write(",\"organisations\":[")?;
        self.head = Some(head);
        Ok(())
    }

    fn part(&mut self, one: &OrganisationPlan, pending: bool) -> Result<(), CommandFailure> {
        self.write(if self.parts.is_empty() { "\n" } else { ",\n" })?;
        let text = serde_json::to_string(one).map_err(|error| self.failed(error.into()))?;
        let (at, length) = (self.at, text.len());
        self.write(&text)?;
        let (organisation, actions) = (one.organisation.clone(), one.actions.len());
        self.parts.push(Part { organisation, at, length, pending, actions });
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), CommandFailure> {
        self.at += text.len() as u64;
        self.file.write_all(text.as_bytes()).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: std::io::Error) -> CommandFailure {
        CommandFailure::file("write", &self.path)(error)
    }

    /// The plan, complete; `None` where there was nothing to plan for.
    pub(super) fn finish(mut self) -> Result<Option<KeptPlan>, CommandFailure> {
        let Some(head) = self.head.take() else { return Ok(None) };
        self.write("\n]}\n")?;
        self.closed(head).map(Some)
    }

    fn closed(self, head: PlanHead) -> Result<KeptPlan, CommandFailure> {
        let Self { file, path, parts, tally, impact, findings, .. } = self;
        let failed = || CommandFailure::file("write", &path);
        let file = match file {
            Place::Nameless(file) => file.into_inner().map_err(|error| failed()(error.into_error()))?,
            Place::Named(file) => {
                let file = file.into_inner().map_err(|error| failed()(error.into_error()))?;
                file.as_file().sync_all().map_err(failed())?;
                file.persist(&path).map_err(|error| failed()(error.error))?
            }
        };
        Ok(KeptPlan { file, path, head, parts, tally, impact: impact.finish(), findings })
    }
}

/// So many actions of a plan are done at once, so that organisations go side by side.
const AT_ONCE: usize = 2_000;

impl KeptPlan {
    /// What it was made from.
    pub(super) fn head(&self) -> &PlanHead {
        &self.head
    }

    /// The sums of the plan: actions of each verb, organisations with news.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What it does, for people.
    pub(super) fn impact(&self) -> &Impact {
        &self.impact
    }

    /// The findings of all its organisations.
    pub(super) fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Whether anything of it is left to do, if only in an inventory.
    pub(super) fn is_pending(&self) -> bool {
        self.parts.iter().any(|part| part.pending)
    }

    /// The organisations that it is for.
    pub(super) fn organisations(&self) -> BTreeSet<Name> {
        self.parts.iter().map(|part| part.organisation.clone()).collect()
    }

    /// One organisation's part after the other.
    pub(super) fn each(
        &self,
        mut each: impl FnMut(&OrganisationPlan) -> Result<(), CommandFailure>,
    ) -> Result<(), CommandFailure> {
        self.parts.iter().try_for_each(|part| each(&self.read(part)?))
    }

    /// The plans of some organisations.
    pub(super) fn of(&self, organisations: &BTreeSet<Name>) -> Result<Plan, CommandFailure> {
        let wanted = self.parts.iter().filter(|part| organisations.contains(&part.organisation));
        let organisations = wanted.map(|part| self.read(part)).collect::<Result<_, _>>()?;
        Ok(Plan { head: self.head.clone(), organisations })
    }

    /// What is left to do, in parts that are done at once.
    pub(super) fn pending(&self) -> impl Iterator<Item = Result<Plan, CommandFailure>> {
        let mut at_once: Vec<BTreeSet<Name>> = Vec::new();
        let mut actions = AT_ONCE;
        for part in self.parts.iter().filter(|part| part.pending) {
            if actions + part.actions > AT_ONCE || at_once.is_empty() {
                at_once.push(BTreeSet::new());
                actions = 0;
            }
            actions += part.actions;
            at_once.last_mut().into_iter().for_each(|last| last.extend([part.organisation.clone()]));
        }
        at_once.into_iter().map(|organisations| self.of(&organisations))
    }

    fn read(&self, part: &Part) -> Result<OrganisationPlan, CommandFailure> {
        let failed = || CommandFailure::file("read", &self.path);
        let mut bytes = vec![0; part.length];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(part.at)).and_then(|_| file.read_exact(&mut bytes)).map_err(failed())?;
        serde_json::from_slice(&bytes).map_err(|error| failed()(error.into()))
    }
}

/// Reads a saved plan, an organisation at a time, into one without a name: what is applied is what was read, whatever
/// happens to the file meanwhile.
pub(super) fn read_saved(path: &Path) -> Result<KeptPlan, CommandFailure> {
    let (into, head) = (PlanWriter::nameless()?, serde_json::Map::new());
    let mut reading = SavedPlan { into, head, known: BTreeSet::new(), failure: None };
    let head = files::read_each(path, WHAT, WAY, |from| {
        serde::Deserializer::deserialize_any(from, &mut reading)?;
        serde_json::from_value::<PlanHead>(std::mem::take(&mut reading.head).into())
    });
    let (file, schema) = (path.display(), crate::plan::SCHEMA);
    let no = |why: String| Err(CommandFailure::asked(format!("`{file}` is not {WHAT}: {why}"), WAY));
    match reading.failure {
        None => reading.into.closed(head?),
        Some(Unkept::Disk(failure)) => Err(failure),
        Some(Unkept::OtherSchema(found)) => no(format!("its schema is `{found}`, this parcelle reads `{schema}`")),
        Some(Unkept::Twice(what)) => no(format!("`{what}` stands in it twice")),
        Some(Unkept::NoSchema) => no(format!("it names no schema; {WHAT} starts with `\"schema\": \"{schema}\"`")),
    }
}

const WHAT: &str = "a saved plan";
const WAY: &str = "`parcelle plan --save FILE` writes one";

/// Why what was read is not kept.
enum Unkept {
    NoSchema,
    OtherSchema(String),
    /// A part of the head, or an organisation.
    Twice(String),
    Disk(CommandFailure),
}

/// What a saved plan is read into.
struct SavedPlan {
    into: PlanWriter,
    head: serde_json::Map<String, serde_json::Value>,
    /// What was read of it: parts of the head, and organisations after a slash.
    known: BTreeSet<String>,
    failure: Option<Unkept>,
}

impl<'de> serde::de::Visitor<'de> for &mut SavedPlan {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a saved plan")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            self.once(key.clone()).map_err(serde::de::Error::custom)?;
            if key == "organisations" {
                map.next_value_seed(Organisations(self))?;
                continue;
            }
            let value: serde_json::Value = map.next_value()?;
            if key == "schema" && value != crate::plan::SCHEMA {
                self.failure = Some(Unkept::OtherSchema(value.as_str().unwrap_or_default().to_owned()));
                return Err(serde::de::Error::custom("another schema"));
            }
            self.head.insert(key, value);
        }
        self.named().map_err(serde::de::Error::custom)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.named().map_err(serde::de::Error::custom)
    }
}

impl SavedPlan {
    /// Whether a part is new: of two of a kind each reader takes another.
    fn once(&mut self, part: String) -> Result<(), &'static str> {
        if self.known.contains(&part) {
            self.failure = Some(Unkept::Twice(part.trim_start_matches('/').to_owned()));
            return Err("twice");
        }
        self.known.insert(part);
        Ok(())
    }

    /// Whether a schema was named, in the words of nobody: what is told is the reason that is kept.
    fn named(&mut self) -> Result<(), &'static str> {
        if self.head.contains_key("schema") {
            return Ok(());
        }
        self.failure = Some(Unkept::NoSchema);
        Err("no schema")
    }
}

/// The organisations of a saved plan, each kept as it comes.
struct Organisations<'a>(&'a mut SavedPlan);

impl<'de> serde::de::DeserializeSeed<'de> for Organisations<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> serde::de::Visitor<'de> for Organisations<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the organisations of a plan")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while let Some(one) = all.next_element::<OrganisationPlan>()? {
            self.0.once(format!("/{}", one.organisation)).map_err(serde::de::Error::custom)?;
            self.0.into.tally.add(&one);
            if let Err(failure) = self.0.into.part(&one, false) {
                self.0.failure = Some(Unkept::Disk(failure));
                return Err(serde::de::Error::custom("no room"));
            }
        }
        Ok(())
    }
}
