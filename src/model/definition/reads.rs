//! Where a definition reads its settings: what nothing reads does nothing, and what is read under a condition does nothing
//! where that does not hold.

use std::collections::BTreeMap;

use super::SettingDeclaration;
use crate::expression::{self, Environment, Expression, Value, evaluate};
use crate::syntax::Node;

/// The parts of a definition that read nothing for an app: declarations, and what tries them.
const NO_PARTS: &[&str] = &["settings", "test", "about"];

/// The names of which a condition says the same before needs are met as after.
const NAMES: &[&str] = &["settings", "app", "org", "cluster", "release"];

/// Where a definition reads which of its settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingReads {
    /// By name, of groups by `NAME.MEMBER` too; absent where nothing reads it.
    settings: BTreeMap<String, ReadPlaces>,
    /// Whether anything grows with `size`.
    pub(crate) factor: bool,
}

/// The places where a setting is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ReadPlaces {
    /// Whatever else the app says.
    Always,
    /// Only under conditions: of each place those that must all hold there.
    Under(Vec<Vec<Expression>>),
}

/// A text of a definition with the conditions around it.
struct GuardedText<'n> {
    conditions: Vec<Expression>,
    text: std::borrow::Cow<'n, str>,
}

impl SettingReads {
    /// Looks at every text of a `definition` node.
    pub(in crate::model::definition) fn of(node: &Node, settings: &BTreeMap<String, SettingDeclaration>) -> Self {
        let mut texts = Vec::new();
        for part in node.children.iter().filter(|part| !NO_PARTS.contains(&part.name.value.as_str())) {
            collect(part, &[], &mut texts);
        }
        let mut index = TextIndex::default();
        texts.iter().for_each(|text| index.add(text));
        let mut reads = BTreeMap::new();
        for (name, setting) in settings {
            let path = format!("settings.{name}");
            for member in setting.members.keys() {
                // Who takes the group whole takes each of its members.
                let member_path = format!("{path}.{member}");
                let places = index.at(&member_path).chain(index.whole(&path));
                reads.extend(places_of(places).map(|places| (format!("{name}.{member}"), places)));
            }
            reads.extend(places_of(index.at(&path)).map(|places| (name.clone(), places)));
        }
        let factor = index.at("app.factor").chain(index.at("settings.size")).next().is_some();
        Self { settings: reads, factor }
    }

    /// Where a setting, or a member of one (`NAME.MEMBER`), is read; nothing where it is nowhere.
    pub(crate) fn reading(&self, name: &str) -> Option<&ReadPlaces> {
        self.settings.get(name)
    }
}

impl ReadPlaces {
    /// The condition that does not hold at any place where the setting is read; none where it is read at one of them.
    pub(crate) fn failing(&self, environment: &Environment) -> Option<&Expression> {
        let Self::Under(places) = self else { return None };
        let fails = |condition: &&Expression| evaluate(condition, environment) == Value::Bool(false);
        let mut failing = places.iter().map(|conditions| conditions.iter().find(fails));
        let first = failing.next()??;
        failing.all(|failing| failing.is_some()).then_some(first)
    }
}

/// Texts by the paths that they name, and by those that they name and go no further.
#[derive(Default)]
struct TextIndex<'t> {
    named: BTreeMap<String, Vec<&'t GuardedText<'t>>>,
    whole: BTreeMap<String, Vec<&'t GuardedText<'t>>>,
}

impl<'t> TextIndex<'t> {
    fn add(&mut self, text: &'t GuardedText<'t>) {
        let inner = |letter: char| letter.is_alphanumeric() || "_.-".contains(letter);
        let words = text.text.split(|letter: char| !inner(letter)).map(|word| word.trim_end_matches(['.', '-']));
        for word in words.filter(|word| word.starts_with("settings") || word.starts_with("app.")) {
            // The name, its member, and no further: nothing deeper is asked for.
            let ends = word.match_indices('.').map(|(at, _)| at).chain([word.len()]).skip(1).take(2);
            ends.for_each(|end| self.named.entry(word[..end].to_owned()).or_default().push(text));
            self.whole.entry(word.to_owned()).or_default().push(text);
        }
    }

    /// The texts that name a path, or settings as a whole.
    fn at(&self, path: &str) -> impl Iterator<Item = &'t GuardedText<'t>> {
        self.named.get(path).into_iter().chain(self.whole.get("settings")).flatten().copied()
    }

    /// The texts that name a path and nothing in it.
    fn whole(&self, path: &str) -> impl Iterator<Item = &'t GuardedText<'t>> {
        self.whole.get(path).into_iter().flatten().copied()
    }
}

/// Where texts stand; nothing where there are none.
fn places_of<'t>(texts: impl Iterator<Item = &'t GuardedText<'t>>) -> Option<ReadPlaces> {
    let texts: Vec<_> = texts.collect();
    if texts.is_empty() {
        return None;
    }
    if texts.iter().any(|text| text.conditions.is_empty()) {
        return Some(ReadPlaces::Always);
    }
    Some(ReadPlaces::Under(texts.iter().map(|text| text.conditions.clone()).collect()))
}

fn collect<'n>(node: &'n Node, around: &[Expression], texts: &mut Vec<GuardedText<'n>>) {
    let values = node.args.iter().chain(node.props.iter().map(|prop| &prop.value));
    let condition = node.arg(0).filter(|_| node.name.value == "@when");
    let condition = condition.and_then(|text| expression::parse(&text.text, text.span).ok());
    let Some(condition) = condition else {
        texts.extend(values.map(|value| GuardedText { conditions: around.to_vec(), text: value.text.as_str().into() }));
        return node.children.iter().for_each(|child| collect(child, around, texts));
    };
    let parts = condition.conditions();
    let settled = |part: &&Expression| part.uses_only(NAMES);
    for (at, part) in parts.iter().enumerate() {
        // What one part asks counts only where the others hold.
        let others = parts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other);
        let conditions = around.iter().chain(others.filter(settled)).cloned().collect();
        texts.push(GuardedText { conditions, text: part.text.to_string().into() });
    }
    let inner: Vec<Expression> = around.iter().chain(parts.iter().filter(settled)).cloned().collect();
    node.children.iter().for_each(|child| collect(child, &inner, texts));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Findings;
    use crate::model::definition::SettingType;
    use crate::source::{FileId, Span};
    use crate::syntax;

    fn reads(text: &str, names: &[&str]) -> SettingReads {
        let mut findings = Findings::default();
        let document = syntax::parse(FileId(0), text, &mut findings);
        assert!(findings.is_empty(), "{findings:#?}");
        let declared =
            |name: &&str| ((*name).to_owned(), SettingDeclaration::of(SettingType::Text, Span::new(FileId(0), 0..0)));
        SettingReads::of(&document.nodes[0], &names.iter().map(declared).collect())
    }

    fn failing(reads: &SettingReads, name: &str, login: &str) -> Option<String> {
        let settings = Value::map([("login", Value::text(login))]);
        let environment = Environment::new().with("settings", settings);
        Some(reads.reading(name).unwrap().failing(&environment)?.text.to_string())
    }

    #[test]
    fn what_is_read_under_conditions_alone_does_nothing_where_none_of_them_holds() {
        let text = "definition a {
            workload web {
                env ANY \"${settings.always}\"
                @when \"settings.login == 'ldap' && has(settings.host)\" { env HOST \"${settings.host}\"; }
                @when \"settings.login == 'oidc'\" { @each x in=\"settings.list\" { env \"I${x}\" \"${settings.both}\"; }; }
                @when \"settings.login == 'saml'\" { env S \"${settings.both}\"; }
                @when \"has(needs.login)\" { env N \"${settings.needed}\"; }
            }
            test t { given { unread a; }; expect \"settings.unread == ''\"; }
        }";
        let reads = reads(text, &["always", "host", "list", "both", "needed", "unread", "hos"]);
        assert_eq!(reads.reading("always"), Some(&ReadPlaces::Always));
        assert_eq!(reads.reading("needed"), Some(&ReadPlaces::Always), "what needs yield is not known here");
        assert_eq!((reads.reading("unread"), reads.reading("hos")), (None, None));
        assert_eq!(failing(&reads, "host", "oidc").as_deref(), Some("settings.login == 'ldap'"));
        assert_eq!(failing(&reads, "host", "ldap"), None);
        assert_eq!(failing(&reads, "both", "saml"), None);
        assert_eq!(failing(&reads, "both", "none").as_deref(), Some("settings.login == 'oidc'"));
        assert_eq!(failing(&reads, "list", "saml").as_deref(), Some("settings.login == 'oidc'"));
    }
}
