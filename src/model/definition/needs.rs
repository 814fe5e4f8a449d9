//! What an app may ask of the cluster: the closed set of needs, their options and what they give.
//!
//! These tables are read by the checker of definitions, by the providers and by the reference of the language.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::expression::{Environment, Field, Template, Type, Value};
use crate::name::Name;
use crate::quantity::{Dimension, Quantity};
use crate::source::{Span, Spanned};

/// Something an app asks of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Need {
    /// Which: `postgres`, `redis`, `bucket`, `volume`, `mail`, `route`, `secret`, ….
    pub(crate) kind: NeedKind,
    /// Its name inside the app: `db` in `needs.db.host`.
    pub(crate) name: Spanned<Name>,
    /// Options by name: arguments and properties as templates (`size "${settings.storage}"` → `size`: one).
    pub(crate) options: BTreeMap<String, NeedOption>,
    /// `key NAME length=N` of a `secret` need.
    pub(crate) keys: Vec<(Spanned<String>, u32)>,
    /// Where it was declared.
    pub(crate) span: Span,
}

/// Signing in, which apps of a definition give to others of their organisation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SignOn {
    /// The workload that answers.
    pub(crate) to: Spanned<Name>,
    /// What the need `sign-on` yields but the client and its secret.
    pub(crate) outputs: BTreeMap<String, Template>,
    /// Where it was declared.
    pub(crate) span: Span,
}

impl SignOn {
    /// The outputs of the need that a provider says; the others follow from the issuer or are made for each app.
    pub(crate) fn outputs() -> impl Iterator<Item = &'static str> {
        let outputs = NeedKind::SignOn.facts().outputs.iter().map(|(name, ..)| *name);
        outputs.filter(|name| !matches!(*name, "client" | "secret" | "discovery"))
    }

    /// What `clients` is in expressions of a definition that provides it.
    pub(crate) fn clients_type() -> Type {
        let texts = || Type::List(Box::new(Type::Text));
        let fields = [
            ("id", Type::Text),
            ("title", Type::Text),
            ("url", Type::Text),
            ("hosts", texts()),
            ("redirects", texts()),
            ("secret", Type::Secret),
        ];
        let fields = fields.into_iter().map(|(name, kind)| (name.to_owned(), Field { kind, optional: false }));
        Type::List(Box::new(Type::Object(Arc::new(fields.collect()))))
    }
}

/// An option of a need as the definition wrote it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NeedOption {
    /// A whole value: one template; amounts in two arguments are read to one literal amount.
    pub(crate) value: NeedValue,
    /// Where it stands.
    pub(crate) span: Span,
}

/// The value of a need's option.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NeedValue {
    /// Text or a hole that keeps its type.
    Template(Template),
    /// A literal amount such as `10 GiB`.
    Quantity(Quantity),
    /// Several texts; a hole that is a list stands for its elements.
    List(Vec<Template>),
}

/// The closed set of needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum NeedKind {
    /// A PostgreSQL database with its user.
    Postgres,
    /// A MongoDB database with its user.
    Mongodb,
    /// A Redis-compatible cache.
    Redis,
    /// An S3 bucket.
    Bucket,
    /// A volume: mounted by `volume NAME at=…`.
    Volume,
    /// Leave to send mail.
    Mail,
    /// An HTTP route to a workload.
    Route,
    /// Secret values that parcelle makes once: its outputs are its keys.
    Secret,
    /// Signing in through an app of the same organisation.
    SignOn,
    /// Leave to reach addresses outside.
    Outward,
}

/// What a definition may say about a kind of need, and what it gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NeedFacts {
    pub(crate) kind: NeedKind,
    /// The word in `needs { … }`.
    pub(crate) word: &'static str,
    /// Options: name, what it may be, whether it must be there.
    pub(crate) options: &'static [(&'static str, OptionKind, bool)],
    /// Outputs: name, what it is, in a few words.
    pub(crate) outputs: &'static [(&'static str, OutputKind, &'static str)],
}

/// What the option of a need may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionKind {
    Amount(Dimension),
    Text,
    Texts,
    /// A host name.
    Host,
    /// `on` or `off`.
    OnOff,
    /// The name of a workload of the definition.
    Workload,
    /// The name of a port of the workload that `to` names.
    Port,
}

/// What the output of a need is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputKind {
    Text,
    /// A whole number.
    Int,
    /// `true` or `false`.
    Bool,
    Secret,
}

const SIZE: OptionKind = OptionKind::Amount(Dimension::Size);
const HOST: (&str, OutputKind, &str) = ("host", OutputKind::Text, "the host to connect to");
const PORT: (&str, OutputKind, &str) = ("port", OutputKind::Int, "the port to connect to");
const PASSWORD: (&str, OutputKind, &str) = ("password", OutputKind::Secret, "the password");

/// Every kind of need.
pub(crate) const FACTS: &[NeedFacts] = &[
    NeedFacts {
        kind: NeedKind::Postgres,
        word: "postgres",
        options: &[
            ("extensions", OptionKind::Texts, false),
            ("locale", OptionKind::Text, false),
            ("pool", OptionKind::OnOff, false),
        ],
        outputs: &[
            HOST,
            PORT,
            ("pool-host", OutputKind::Text, "the host of the connection pool; the same as `host` without one"),
            ("database", OutputKind::Text, "the name of the database"),
            ("user", OutputKind::Text, "the user that owns it"),
            PASSWORD,
            ("url", OutputKind::Secret, "all of it as `postgres://user:password@host:port/database`"),
        ],
    },
    NeedFacts {
        kind: NeedKind::Mongodb,
        word: "mongodb",
        options: &[("size", SIZE, false)],
        outputs: &[
            HOST,
            PORT,
            ("database", OutputKind::Text, "the name of the database"),
            ("user", OutputKind::Text, "the user that owns it"),
            PASSWORD,
            ("url", OutputKind::Secret, "all of it as `mongodb://user:password@host:port/database?…`"),
        ],
    },
    NeedFacts {
        kind: NeedKind::Redis,
        word: "redis",
        options: &[("keep", OptionKind::OnOff, false)],
        outputs: &[HOST, PORT, PASSWORD, ("url", OutputKind::Secret, "all of it as `redis://:password@host:port`")],
    },
    NeedFacts {
        kind: NeedKind::Bucket,
        word: "bucket",
        options: &[("size", SIZE, false), ("public", OptionKind::OnOff, false)],
        outputs: &[
            ("bucket", OutputKind::Text, "the name of the bucket"),
            ("endpoint", OutputKind::Text, "the address of the service with its scheme"),
            ("host", OutputKind::Text, "the host of that address"),
            ("port", OutputKind::Int, "the port of that address"),
            ("secure", OutputKind::Bool, "whether it speaks https"),
            ("region", OutputKind::Text, "the region to sign requests with"),
            ("access-key", OutputKind::Secret, "the id of the key"),
            ("secret-key", OutputKind::Secret, "the key"),
        ],
    },
    NeedFacts {
        kind: NeedKind::Volume,
        word: "volume",
        options: &[("size", SIZE, true), ("shared", OptionKind::OnOff, false)],
        outputs: &[],
    },
    NeedFacts {
        kind: NeedKind::Mail,
        word: "mail",
        options: &[("from", OptionKind::Text, false)],
        outputs: &[
            HOST,
            PORT,
            ("user", OutputKind::Secret, "the user at the relay"),
            PASSWORD,
            ("from", OutputKind::Text, "the address that mail comes from"),
            ("sender", OutputKind::Text, "the part of `from` before the `@`"),
            ("domain", OutputKind::Text, "the part of `from` after the `@`"),
        ],
    },
    NeedFacts {
        kind: NeedKind::Route,
        word: "route",
        options: &[
            ("host", OptionKind::Host, true),
            ("also", OptionKind::Texts, false),
            ("to", OptionKind::Workload, true),
            ("port", OptionKind::Port, false),
            ("path", OptionKind::Text, false),
            ("body-size", SIZE, false),
            ("timeout", OptionKind::Amount(Dimension::Duration), false),
        ],
        outputs: &[
            ("host", OutputKind::Text, "the host name"),
            ("url", OutputKind::Text, "the address, as `https://cloud.example.org`"),
        ],
    },
    NeedFacts { kind: NeedKind::Secret, word: "secret", options: &[], outputs: &[] },
    NeedFacts {
        kind: NeedKind::SignOn,
        word: "sign-on",
        options: &[("by", OptionKind::Text, true), ("redirects", OptionKind::Texts, true)],
        outputs: &[
            ("client", OutputKind::Text, "the id of its client"),
            ("secret", OutputKind::Secret, "the secret of its client"),
            ("title", OutputKind::Text, "what the button to sign in says"),
            ("issuer", OutputKind::Text, "the address of the realm"),
            ("discovery", OutputKind::Text, "the address of the description of the realm"),
            ("authorize", OutputKind::Text, "where browsers are sent to sign in"),
            ("token", OutputKind::Text, "where the app's server exchanges a code, inside the cluster"),
            ("userinfo", OutputKind::Text, "where the app's server reads who it is, inside the cluster"),
            ("logout", OutputKind::Text, "where browsers are sent to sign out"),
        ],
    },
    NeedFacts { kind: NeedKind::Outward, word: "outward", options: &[], outputs: &[] },
];

impl NeedKind {
    /// The kind of a word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        FACTS.iter().find(|facts| facts.word == word).map(|facts| facts.kind)
    }

    /// What is known about it.
    ///
    /// # Panics
    /// Never: the table has every kind, as its test shows.
    pub(crate) fn facts(self) -> &'static NeedFacts {
        FACTS.iter().find(|facts| facts.kind == self).expect("the table has every kind, as its test shows")
    }

    pub(crate) fn word(self) -> &'static str {
        self.facts().word
    }
}

impl OutputKind {
    /// Its type in expressions.
    pub(crate) fn expression_type(self) -> Type {
        match self {
            Self::Text => Type::Text,
            Self::Int => Type::Int,
            Self::Bool => Type::Bool,
            Self::Secret => Type::Secret,
        }
    }
}

impl Need {
    /// What `needs.NAME` is in expressions.
    pub(crate) fn expression_type(&self) -> Type {
        let field = |kind: Type| Field { kind, optional: false };
        let outputs =
            self.kind.facts().outputs.iter().map(|(name, kind, _)| ((*name).to_owned(), field(kind.expression_type())));
        let keys = self.keys.iter().map(|(key, _)| (key.value.clone(), field(Type::Secret)));
        Type::Object(Arc::new(outputs.chain(keys).collect()))
    }

    /// The value of an option (`on` and `off` are true and false); none where the definition does not say it.
    pub(crate) fn option(&self, name: &str, environment: &Environment) -> Option<Value> {
        let value = self.options.get(name)?.value.evaluate(environment);
        let on_off =
            self.kind.facts().options.iter().any(|(option, kind, _)| *option == name && *kind == OptionKind::OnOff);
        Some(match value {
            Value::Text(text) if on_off => Value::Bool(&*text.text == "on"),
            other => other,
        })
    }
}

impl NeedValue {
    /// Whether the definition alone decides it.
    pub(crate) fn is_literal(&self) -> bool {
        match self {
            Self::Template(template) => template.as_literal().is_some(),
            Self::Quantity(_) => true,
            Self::List(items) => items.iter().all(|item| item.as_literal().is_some()),
        }
    }

    /// The value; a hole that is the whole string keeps its type.
    pub(crate) fn evaluate(&self, environment: &Environment) -> Value {
        match self {
            Self::Template(template) => template.evaluate_value(environment),
            Self::Quantity(quantity) => Value::Quantity(*quantity),
            Self::List(templates) => Value::List(
                templates
                    .iter()
                    .flat_map(|template| match template.evaluate_value(environment) {
                        Value::List(items) => items,
                        Value::Absent => Vec::new(),
                        other => vec![other],
                    })
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_need_has_its_facts_once() {
        use NeedKind::{Bucket, Mail, Mongodb, Outward, Postgres, Redis, Route, Secret, SignOn, Volume};
        for kind in [Postgres, Mongodb, Redis, Bucket, Volume, Mail, Route, Secret, SignOn, Outward] {
            assert_eq!(FACTS.iter().filter(|facts| facts.kind == kind).count(), 1, "{kind:?}");
            assert_eq!(NeedKind::parse(kind.word()), Some(kind));
        }
    }
}
