//! How settings are declared, and what they are in expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::pattern::Pattern;
use crate::expression::{Field, Type, Value};
use crate::model::Setting;
use crate::quantity::Dimension;
use crate::source::Span;
use crate::syntax::Node;

/// How a setting is declared.
#[derive(Clone, Debug)]
pub struct SettingDeclaration {
    pub(crate) name: String,
    /// Its type as written (`choice`, `size`, `list-of=word`, …).
    pub kind: SettingType,
    /// Its value where no layer says one.
    pub(crate) default: Option<Value>,
    /// The same as written, of [`Layer::Definition`](crate::model::Layer): the farthest layer of the merge.
    pub(crate) default_written: Option<Setting>,
    /// Where parcelle itself gives a value when no layer does (`at`: `NAME.DOMAIN`): what it is, for the docs.
    pub(crate) computed: Option<String>,
    /// Whether every app has it (`common-settings.kdl`), rather than apps of this definition only.
    pub common: bool,
    /// What tells its nodes apart where it may be written several times.
    pub(crate) keyed_by: Option<KeyedBy>,
    /// Whether some layer must say one.
    pub(crate) required: bool,
    /// Never smaller than applied before; with the reason.
    pub(crate) only_grows: Option<String>,
    /// Never other than applied first; with the reason.
    pub(crate) immutable: Option<String>,
    /// The options of its group with which it counts; all where it names none.
    pub(crate) with: Vec<String>,
    /// Allowed numbers, inclusive; of amounts in their base unit, of texts their length, of lists their size.
    pub(crate) range: Option<(i64, i64)>,
    /// A regular expression that the whole text must match.
    pub(crate) pattern: Option<Pattern>,
    /// What it is, in a sentence.
    pub(crate) about: Option<String>,
    /// An example value, as written.
    pub(crate) example: Option<String>,
    /// An earlier name.
    pub(crate) was: Option<String>,
    /// Why it should not be used any more.
    pub(crate) deprecated: Option<String>,
    /// Nested settings of a group, by name; properties where `as_property`.
    pub(crate) members: BTreeMap<String, SettingDeclaration>,
    /// Whether a member is written as `name=value` rather than as a child.
    pub(crate) as_property: bool,
    /// Where it was declared.
    pub(crate) span: Span,
}

/// What tells the nodes of a repeatable setting apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyedBy {
    /// The first argument: `group coordination { … }`, `group press { … }`.
    Argument,
    /// The property of that name: `peak from="2026-12-01T08:00" …`, `peak from="2026-12-08T08:00" …`.
    Property(String),
}

impl KeyedBy {
    /// The key that a node says.
    pub(crate) fn key<'n>(&self, node: &'n Node) -> Option<&'n str> {
        match self {
            Self::Argument => node.arg(0),
            Self::Property(name) => node.prop(name),
        }
        .map(|key| key.text.as_str())
    }

    /// How many of a node's first arguments are its key.
    pub(crate) fn arguments(&self) -> usize {
        usize::from(*self == Self::Argument)
    }
}

/// The type of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingType {
    /// `on` or `off`.
    OnOff,
    /// A whole number.
    Integer,
    /// A number with at most three decimals, held as thousandths.
    Number,
    /// A text of one line.
    Text,
    /// A text of several lines.
    Lines,
    /// A bare word.
    Word,
    /// One of the options: word and what it means.
    Choice(Vec<(String, Option<String>)>),
    /// An amount of bytes.
    Size,
    /// An amount of processor time.
    Cpu,
    /// An amount of time.
    Duration,
    /// A time of day, as in `22:30`.
    Time,
    /// `"2026-12-01"` or `"2026-12-01T08:00"`.
    Date,
    /// An IANA zone.
    Timezone,
    /// A BCP 47 tag.
    Locale,
    /// A host name.
    Domain,
    /// An address of mail.
    Email,
    /// An absolute https address from which something in the cluster fetches; an http one too where that is said.
    Url(bool),
    /// `80` for 80 %.
    Percent,
    /// `list-of=T`, with the words allowed where T is a word.
    List(Box<SettingType>, Vec<String>),
    /// `map-of=T`: children `key value`.
    Map(Box<SettingType>),
    /// Members of their own (see `members`); an optional first argument is a choice.
    Group(Vec<String>),
    /// A key of a Secret of the organisation's own namespace: `secret=NAME key=KEY`.
    Secret,
    /// The name of an app of the same organisation with that definition, a cluster or an offer.
    Reference(String),
}

impl SettingType {
    /// The expression type of a value of this type.
    pub(crate) fn expression_type(&self, members: &BTreeMap<String, SettingDeclaration>) -> Type {
        expression_type(self, members)
    }
}

/// The type of a setting in expressions: `settings.NAME`, or one member of a group.
fn expression_type(kind: &SettingType, members: &BTreeMap<String, SettingDeclaration>) -> Type {
    match kind {
        SettingType::OnOff => Type::Bool,
        SettingType::Integer | SettingType::Number | SettingType::Percent => Type::Int,
        SettingType::Size => Type::Quantity(Dimension::Size),
        SettingType::Cpu => Type::Quantity(Dimension::Cpu),
        SettingType::Duration => Type::Quantity(Dimension::Duration),
        SettingType::Choice(options) => choice(options.iter().map(|(word, _)| word)),
        SettingType::List(_, allowed) if !allowed.is_empty() => Type::List(Box::new(choice(allowed))),
        SettingType::List(inner, _) => Type::List(Box::new(expression_type(inner, members))),
        SettingType::Map(inner) => Type::Map(Box::new(expression_type(inner, members))),
        SettingType::Group(options) => group(options, members),
        SettingType::Secret => Type::Secret,
        SettingType::Text
        | SettingType::Lines
        | SettingType::Word
        | SettingType::Time
        | SettingType::Date
        | SettingType::Timezone
        | SettingType::Locale
        | SettingType::Domain
        | SettingType::Email
        | SettingType::Url(_)
        | SettingType::Reference(_) => Type::Text,
    }
}

fn choice<'a>(words: impl IntoIterator<Item = &'a String>) -> Type {
    Type::Choice(Arc::new(words.into_iter().cloned().collect()))
}

/// The members of a group; its first argument, where it has one, is the field `is`: `settings.nights.is == 'asleep'`.
fn group(options: &[String], members: &BTreeMap<String, SettingDeclaration>) -> Type {
    let mut fields: BTreeMap<String, Field> =
        members.iter().map(|(name, member)| (name.clone(), member.expression_field())).collect();
    if !options.is_empty() {
        fields.insert("is".to_owned(), Field { kind: choice(options), optional: false });
    }
    Type::Object(Arc::new(fields))
}

impl SettingDeclaration {
    /// Whether it counts where its group is of this option.
    pub(crate) fn counts_with(&self, option: Option<&str>) -> bool {
        self.with.is_empty() || option.is_some_and(|option| self.with.iter().any(|with| with == option))
    }

    /// The field of `settings` (or of a group) that this setting is in expressions.
    pub(crate) fn expression_field(&self) -> Field {
        let kind = self.kind.expression_type(&self.members);
        if self.keyed_by.is_some() {
            return Field { kind: Type::Map(Box::new(kind)), optional: false };
        }
        let required = self.required && self.with.is_empty();
        let always = self.default.is_some() || required || self.computed.is_some();
        // A list nobody wrote is empty.
        let empty = matches!(self.kind, SettingType::List(..) | SettingType::Map(_));
        Field { kind, optional: !always && !empty }
    }
}
