//! One written setting, checked against its declaration and decoded to a value.

mod bounds;
mod fetched;
mod many;
mod options;
mod scalar;
mod spelling;
mod times;
mod written;

use std::collections::BTreeMap;

use super::{KeyedBy, SettingDeclaration, SettingType, secret};
use crate::expression::Value;
use crate::finding::{Code, Finding, Findings};
use crate::model::{Layer, Setting};
use crate::quantity::Dimension;
use crate::schema::scalar::{ScalarType, amount, mismatch};
use crate::schema::suggest::{either, nearest};
use crate::schema::{MISSING, MISSING_NODE, SUPERFLUOUS, UNKNOWN_PROPERTY, UNKNOWN_WORD};
use crate::source::Span;
use crate::syntax::Value as Written;
use scalar::{thousandths, whole_number};
use spelling::{example, say, say_members, spelling};

pub(crate) use many::AGAIN;
pub(crate) use options::UNCHOSEN;
pub(super) use scalar::scalar_type;
pub(super) use spelling::guess;
pub(super) use written::as_written;
pub(crate) use written::{settings_value, written};

/// A `min` that is more than its `max`.
const BACKWARDS: Code = Code::new("E0250");

/// The value of an effective setting, all layers merged (`add` and `without` of lists resolved); what does not fit
/// its declaration is a finding and absent.
///
/// A group is a map of its members, with `is` for its first argument; a repeatable setting (one [`Setting`] whose
/// `children` hold the settings by name and key) is a map by key. Members that nobody wrote have their defaults;
/// required ones that are missing are findings.
pub fn decode(declaration: &SettingDeclaration, setting: &Setting, findings: &mut Findings) -> Value {
    Decoder { findings, whole: true }.setting(declaration, setting)
}

/// Checks what one layer says, by itself: nothing is missing yet, since another layer may say it.
pub(crate) fn check_layer(declaration: &SettingDeclaration, setting: &Setting, findings: &mut Findings) {
    Decoder { findings, whole: false }.setting(declaration, setting);
}

/// `add` and `without`, which extend a list.
fn is_extending(word: &Written) -> bool {
    !word.quoted && matches!(word.text.as_str(), "add" | "without")
}

struct Decoder<'a> {
    findings: &'a mut Findings,
    whole: bool,
}

impl Decoder<'_> {
    fn setting(&mut self, declaration: &SettingDeclaration, setting: &Setting) -> Value {
        let Some(keyed_by) = &declaration.keyed_by else { return self.one(declaration, setting, 0) };
        let mut entries = BTreeMap::new();
        for keyed in setting.children.get(&declaration.name).into_iter().flatten() {
            self.key(declaration, keyed.0, keyed.1.span);
            entries.insert(keyed.0.clone(), self.one(declaration, keyed.1, keyed_by.arguments()));
        }
        Value::Map(entries)
    }

    /// One node; its first `skip` arguments are its key.
    fn one(&mut self, declaration: &SettingDeclaration, setting: &Setting, skip: usize) -> Value {
        let args = setting.args.get(skip..).unwrap_or_default();
        if !self.whole && self.says_nothing(declaration, setting, args) {
            return Value::Absent;
        }
        match &declaration.kind {
            SettingType::Group(options) => self.group(declaration, options, setting, args),
            SettingType::Map(inner) => {
                self.no_parts(declaration, setting, true);
                self.map(declaration, inner, setting)
            }
            SettingType::List(inner, allowed) => {
                self.no_parts(declaration, setting, false);
                self.list(declaration, inner, allowed, setting, args)
            }
            SettingType::Secret => secret::decode(declaration, setting, self.whole, self.findings),
            kind => {
                self.no_parts(declaration, setting, false);
                let value = self.arguments(declaration, kind, setting, args);
                self.bounds(declaration, value, setting, args)
            }
        }
    }

    /// Tells of a group or list that a layer names without a word about it.
    fn says_nothing(&mut self, declaration: &SettingDeclaration, setting: &Setting, args: &[Written]) -> bool {
        let is_list = matches!(declaration.kind, SettingType::List(..));
        let nothing = match &declaration.kind {
            SettingType::Group(_) => args.is_empty() && setting.props.is_empty() && setting.children.is_empty(),
            SettingType::List(..) => {
                setting.props.is_empty()
                    && setting.children.is_empty()
                    && args.iter().all(is_extending)
                    && args.len() < 2
            }
            _ => false,
        };
        if nothing && declaration.keyed_by != Some(KeyedBy::Argument) {
            let finding = Finding::error(MISSING, format!("`{}` says nothing", declaration.name), setting.span);
            let finding = match (&declaration.example, is_list) {
                (Some(example), _) => finding.help(format!("write it as `{example}`, or take it away")),
                (None, true) => finding.help("write what belongs to the list, or take it away"),
                (None, false) => finding.help(say_members(declaration)),
            };
            self.findings.push(finding);
        }
        nothing
    }

    /// A scalar that takes one argument, or two where it is an amount.
    fn arguments(
        &mut self,
        declaration: &SettingDeclaration,
        kind: &SettingType,
        setting: &Setting,
        args: &[Written],
    ) -> Value {
        let scalar = scalar_type(kind);
        let [first, rest @ ..] = args else {
            let finding = Finding::error(MISSING, format!("`{}` lacks its value", declaration.name), setting.span)
                .help(say(declaration, &scalar));
            self.findings.push(finding);
            return Value::Absent;
        };
        if let Some(extra) = rest.get(scalar.width() - 1) {
            self.too_many(declaration, extra);
        }
        if let ScalarType::Amount(dimension) = scalar {
            return self.amount(declaration, dimension, first, rest.first());
        }
        self.scalar(&declaration.name, kind, first, setting.layer)
    }

    fn amount(
        &mut self,
        declaration: &SettingDeclaration,
        dimension: Dimension,
        number: &Written,
        unit: Option<&Written>,
    ) -> Value {
        match amount(dimension, &format!("`{}`", declaration.name), number, unit) {
            Ok(quantity) => Value::Quantity(quantity),
            Err(finding) => {
                self.findings.push(*finding);
                Value::Absent
            }
        }
    }

    fn scalar(&mut self, name: &str, kind: &SettingType, value: &Written, layer: Layer) -> Value {
        if let Some(finding) = mismatch(&scalar_type(kind), &format!("`{name}`"), value) {
            self.findings.push(finding);
            return Value::Absent;
        }
        if let SettingType::Url(plain) = kind
            && layer >= Layer::OrganisationDefaults
            && let Some(finding) = fetched::finding(name, value, *plain)
        {
            self.findings.push(finding);
            return Value::Absent;
        }
        let text = value.text.as_str();
        match kind {
            SettingType::OnOff => Value::Bool(text == "on"),
            SettingType::Integer | SettingType::Percent => whole_number(text).map_or(Value::Absent, Value::Int),
            SettingType::Number => thousandths(text).map_or(Value::Absent, Value::Int),
            SettingType::Choice(_) => Value::text(text),
            _ if layer == Layer::Definition => Value::text(text),
            _ => Value::garden_text(text),
        }
    }

    fn group(
        &mut self,
        declaration: &SettingDeclaration,
        options: &[String],
        setting: &Setting,
        args: &[Written],
    ) -> Value {
        let mut fields = BTreeMap::new();
        if !options.is_empty() {
            let choice = SettingType::Choice(options.iter().map(|word| (word.clone(), None)).collect());
            match args.first() {
                Some(word) => {
                    let word = self.scalar(&declaration.name, &choice, word, setting.layer);
                    fields.insert("is".to_owned(), word);
                }
                None if self.whole => self.findings.push(
                    Finding::error(MISSING, format!("`{}` lacks its value", declaration.name), setting.span)
                        .help(format!("write {}", either(options.iter().map(String::as_str)))),
                ),
                None => {}
            }
        }
        if let Some(extra) = args.get(usize::from(!options.is_empty())) {
            self.too_many(declaration, extra);
        }
        for (name, value) in &setting.props {
            self.property(declaration, name, value, setting.layer, &mut fields);
        }
        for (name, settings) in &setting.children {
            self.child(declaration, name, settings, setting, &mut fields);
        }
        if self.whole {
            self.complete(declaration, setting, &mut fields);
        }
        self.in_order(declaration, setting, &fields);
        self.unchosen(declaration, setting, args);
        self.takes_time(declaration, setting);
        fields.retain(|_, value| *value != Value::Absent);
        Value::Map(fields)
    }

    fn property(
        &mut self,
        declaration: &SettingDeclaration,
        name: &str,
        value: &Written,
        layer: Layer,
        fields: &mut BTreeMap<String, Value>,
    ) {
        let Some(member) = declaration.members.get(name).filter(|member| member.as_property) else {
            let known = declaration.members.values().filter(|member| member.as_property);
            return self.unknown(declaration, name, known, value.span, true);
        };
        let decoded = match &member.kind {
            SettingType::Time if self.is_range_of_hours(declaration, member, value) => Value::Absent,
            SettingType::List(inner, allowed) => self.words(member, inner, allowed, value, layer),
            kind => self.scalar(name, kind, value, layer),
        };
        let decoded = self.range(member, decoded, value.span);
        fields.insert(name.to_owned(), decoded);
    }

    fn child(
        &mut self,
        declaration: &SettingDeclaration,
        name: &str,
        settings: &BTreeMap<String, Setting>,
        setting: &Setting,
        fields: &mut BTreeMap<String, Value>,
    ) {
        let Some(member) = declaration.members.get(name).filter(|member| !member.as_property) else {
            let span = settings.values().next().map_or(setting.span, |child| child.span);
            let known = declaration.members.values().filter(|member| !member.as_property);
            return self.unknown(declaration, name, known, span, false);
        };
        let value = if let Some(keyed_by) = &member.keyed_by {
            let mut one = |(key, child): (&String, &Setting)| {
                self.key(member, key, child.span);
                (key.clone(), self.one(member, child, keyed_by.arguments()))
            };
            Value::Map(settings.iter().map(&mut one).collect())
        } else {
            settings.values().next().map_or(Value::Absent, |child| self.one(member, child, 0))
        };
        fields.insert(name.to_owned(), value);
    }

    /// Members that nobody wrote: their defaults, or a finding where they are required.
    fn complete(&mut self, declaration: &SettingDeclaration, setting: &Setting, fields: &mut BTreeMap<String, Value>) {
        let option = setting.args.first().map(|option| option.text.as_str());
        for (name, member) in &declaration.members {
            if fields.contains_key(name) || !member.counts_with(option) {
                continue;
            }
            match &member.default {
                Some(default) => drop(fields.insert(name.clone(), default.clone())),
                None if member.required => self.missing(member, &declaration.name, setting.span),
                None => {}
            }
        }
    }

    fn missing(&mut self, member: &SettingDeclaration, group: &str, span: Span) {
        let finding = Finding::error(
            if member.as_property { MISSING } else { MISSING_NODE },
            format!("`{group}` lacks `{}`", member.name),
            span,
        );
        let spelled = if member.as_property { format!("{}=…", member.name) } else { format!("{} …", member.name) };
        let finding = finding.help(format!("add `{spelled}`"));
        self.findings.push(match &member.about {
            Some(about) => finding.why(about.clone()),
            None => finding,
        });
    }

    fn too_many(&mut self, declaration: &SettingDeclaration, extra: &Written) {
        let finding = Finding::error(SUPERFLUOUS, format!("`{}` takes no further value", declaration.name), extra.span);
        let finding = match &declaration.kind {
            SettingType::Text | SettingType::Lines if !extra.quoted => finding.help("quote the whole text"),
            SettingType::Group(_) if !declaration.members.is_empty() => {
                let members: Vec<String> = declaration.members.values().map(spelling).collect();
                finding.help(format!("it has `{}`", members.join("`, `")))
            }
            _ => finding,
        };
        self.findings.push(example(finding, declaration));
    }

    /// A setting without members has neither properties nor (except maps) a block.
    fn no_parts(&mut self, declaration: &SettingDeclaration, setting: &Setting, is_map: bool) {
        for (name, value) in &setting.props {
            self.unknown(declaration, name, std::iter::empty(), value.span, true);
        }
        if is_map {
            return;
        }
        for (name, children) in &setting.children {
            let span = children.values().next().map_or(setting.span, |child| child.span);
            self.unknown(declaration, name, std::iter::empty(), span, false);
        }
    }

    fn unknown<'a>(
        &mut self,
        declaration: &SettingDeclaration,
        name: &str,
        known: impl Iterator<Item = &'a SettingDeclaration>,
        span: Span,
        property: bool,
    ) {
        let known: Vec<&str> = known.map(|member| member.name.as_str()).collect();
        let what = if property { "property" } else { "node" };
        let title = format!("`{}` has no {what} `{name}`", declaration.name);
        let mut finding = if property {
            Finding::error(UNKNOWN_PROPERTY, title, span)
        } else {
            Finding::refused(UNKNOWN_WORD, title, span)
        };
        if let Some(member) = declaration.members.get(name) {
            finding = finding.help(format!("write `{}`", spelling(member)));
        } else if let Some(near) = nearest(name, known.iter().copied()) {
            if near == name.to_lowercase() {
                finding = finding.why("capitals count, and the words of the language are written in small letters");
            }
            finding = finding.help(format!("did you mean `{near}`?"));
        } else if known.is_empty() {
            finding = finding.why(format!("it has no {what} at all"));
        } else {
            finding = finding.why(format!("it has `{}`", known.join("`, `")));
        }
        self.findings.push(finding);
    }
}
