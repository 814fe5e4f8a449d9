//! Fields by kind: which may be rendered at all, and which a hatch may write.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::hands;
use crate::kind;

/// Every field that providers and built-in definitions render, by kind: written by a test that renders all of them.
const RENDERED: &str = include_str!("../../schemas/policy/rendered-fields.txt");

/// What every object says of itself.
const HEAD: [&[&str]; 4] = [&["apiVersion"], &["kind"], &["metadata", "name"], &["metadata", "namespace"]];

/// The labels by which parcelle knows an object again, and which nobody else writes.
pub(super) const IDENTITY: [&str; 10] = [
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
    "applyset.kubernetes.io/part-of",
    "parcelle.dev/app",
    "parcelle.dev/garden",
    "parcelle.dev/organisation",
];

/// A field, and those below it.
#[derive(Debug, Default)]
pub(crate) struct ListedField {
    below: BTreeMap<Box<str>, ListedField>,
    /// Whether a value may stand here.
    ends: bool,
    /// Whether only an `object` writes it.
    of_objects: bool,
}

impl ListedField {
    /// The field below that a key or index means; `*` stands for those that are not named.
    pub(super) fn step(&self, segment: &str) -> Option<&ListedField> {
        self.below.get(segment).or_else(|| self.below.get("*"))
    }

    /// Whether a value may stand here.
    pub(super) fn ends(&self) -> bool {
        self.ends
    }

    /// Whether only an `object` writes it.
    pub(super) fn is_of_objects(&self) -> bool {
        self.of_objects
    }

    /// The field at a JSON pointer.
    pub(super) fn at(&self, pointer: &str) -> Option<&ListedField> {
        pointer.split('/').skip(1).try_fold(self, |field, segment| field.step(&unescaped(segment)))
    }

    fn add<'s>(&mut self, segments: impl IntoIterator<Item = &'s str>, of_objects: bool) {
        let mut field = self;
        for segment in segments {
            field = field.below.entry(segment.into()).or_default();
        }
        // What both may write is not an object's alone.
        field.of_objects = of_objects && (field.of_objects || !field.ends);
        field.ends = true;
    }

    /// Adds a path of the short table: each segment may name several fields.
    fn add_row(&mut self, path: &str, of_objects: bool) {
        let mut paths: Vec<Vec<&str>> = vec![Vec::new()];
        for segment in path.split('.') {
            let words: Vec<&str> = segment.split('|').collect();
            paths = paths.iter().flat_map(|path| words.iter().map(|word| [&path[..], &[*word]].concat())).collect();
        }
        paths.into_iter().for_each(|path| self.add(path, of_objects));
    }
}

/// A segment of a JSON pointer as a key.
fn unescaped(segment: &str) -> std::borrow::Cow<'_, str> {
    if segment.contains('~') { segment.replace("~1", "/").replace("~0", "~").into() } else { segment.into() }
}

type Kinds = BTreeMap<(Box<str>, Box<str>), ListedField>;

static ALLOWED: LazyLock<Kinds> = LazyLock::new(|| {
    let (mut kinds, mut fields) = (Kinds::new(), None);
    for line in RENDERED.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match (line.strip_prefix("    /"), &mut fields) {
            (Some(path), Some(key)) => {
                let segments: Vec<_> = path.split('/').map(unescaped).collect();
                let field: &mut ListedField = kinds.entry(Clone::clone(key)).or_default();
                field.add(segments.iter().map(AsRef::as_ref), false);
            }
            _ => {
                fields = line.split_once(' ').map(|(kind, group)| (group.trim_matches(['(', ')']).into(), kind.into()));
            }
        }
    }
    kinds
});

static WRITTEN: LazyLock<Kinds> = LazyLock::new(|| {
    let mut kinds = Kinds::new();
    for row in hands::TABLE {
        for id in row.kinds {
            let field = kinds.entry((id.group.into(), id.kind.into())).or_default();
            let prefix = if row.in_pods { id.facts().pod_spec.join(".") + "." } else { String::new() };
            row.fields.iter().for_each(|path| field.add_row(&format!("{prefix}{path}"), row.of_objects));
        }
    }
    kinds
});

/// What every object has, whatever its kind.
static EVERYWHERE: LazyLock<ListedField> = LazyLock::new(|| {
    let mut everywhere = ListedField::default();
    HEAD.iter().for_each(|path| everywhere.add(path.iter().copied(), false));
    IDENTITY.iter().for_each(|label| everywhere.add(["metadata", "labels", label], false));
    everywhere
});

/// The fields that every object has.
pub(super) fn everywhere() -> &'static ListedField {
    &EVERYWHERE
}

/// The fields that parcelle renders of a kind; none where it renders no such object.
pub(super) fn rendered(group: &str, kind: &str) -> Option<&'static ListedField> {
    of(&ALLOWED, group, kind)
}

/// The fields of a kind that hatches may write; none where they write no such object.
pub(super) fn written(group: &str, kind: &str) -> Option<&'static ListedField> {
    of(&WRITTEN, group, kind)
}

fn of(kinds: &'static Kinds, group: &str, kind: &str) -> Option<&'static ListedField> {
    let row = kind::find(group, kind)?;
    kinds.get(&(row.id.group.into(), row.id.kind.into()))
}
