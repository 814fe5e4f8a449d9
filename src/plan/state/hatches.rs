//! The hatches that an organisation uses: lines by which its apps go past their definitions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{EnvValue, Garden, Organisation};
use crate::name::Name;
use crate::plan::hash_of;
use crate::source::Span;
use crate::syntax::Node;

/// The word of a hatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HatchWord {
    /// An environment variable of every container.
    Env,
    /// Fields of a rendered object.
    Patch,
    /// A field that is taken from others, or left to them.
    Field,
    /// A finding that is accepted.
    Allow,
}

/// A hatch as the garden says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HatchLine {
    /// The app that says it, or that the offer says it for; absent for one of the organisation itself.
    pub(crate) app: Option<Name>,
    pub(crate) word: HatchWord,
    /// What it is about, without the value: `Deployment cloud-web`, `PHP_MEMORY_LIMIT`.
    pub(crate) about: String,
    /// The hash of all that it says, wherever it stands and however it is written.
    pub(crate) hash: String,
    /// The whole node.
    pub(crate) span: Span,
}

impl HatchLine {
    fn new(app: Option<&Name>, word: HatchWord, about: String, said: &str, span: Span) -> Self {
        let whose = app.map_or("", Name::as_str);
        let mut hash = hash_of(&serde_json::json!([whose, word, about, said]));
        hash.truncate(HASH);
        Self { app: app.cloned(), word, about, hash, span }
    }

    fn allow(app: Option<&Name>, (code, span): (&str, Span)) -> Self {
        Self::new(app, HatchWord::Allow, code.to_owned(), "", span)
    }
}

/// So many hexadecimal digits tell the hatches of an organisation apart.
const HASH: usize = 12;

/// The hatches of an organisation: what it accepts as a whole, then those of its apps.
pub(crate) fn hatches_of(garden: &Garden, organisation: &Organisation) -> Vec<HatchLine> {
    let allowed = |place: Span| garden.judgement.allowed_around(place);
    let whole: Vec<_> = allowed(organisation.span).collect();
    let of_whole: BTreeSet<Span> = whole.iter().map(|(_, place)| *place).collect();
    let mut lines: Vec<HatchLine> = whole.iter().map(|allow| HatchLine::allow(None, *allow)).collect();
    for app in organisation.apps.values() {
        let name = Some(&app.name);
        let own = allowed(app.span).filter(|(_, place)| !of_whole.contains(place));
        lines.extend(own.map(|allow| HatchLine::allow(name, allow)));
        lines.extend(app.env.iter().map(|(variable, value)| {
            let said = match &value.value {
                EnvValue::Text(text) => text.clone(),
                EnvValue::Secret(secret) => format!("{}\n{}", secret.secret, secret.key),
            };
            HatchLine::new(name, HatchWord::Env, variable.clone(), &said, value.span)
        }));
        lines.extend(app.patches.iter().map(|node| {
            let about: Vec<&str> = node.args.iter().map(|word| &*word.text).collect();
            HatchLine::new(name, HatchWord::Patch, about.join(" "), &words(node), node.span)
        }));
        lines.extend(app.fields.iter().map(|decision| {
            let word = if decision.take { "take" } else { "leave" };
            let about = format!("{} {} \"{}\" {word}", decision.kind, decision.name, decision.path);
            HatchLine::new(name, HatchWord::Field, about, "", decision.span)
        }));
    }
    lines
}

/// All that a node says, however it is laid out.
fn words(node: &Node) -> String {
    let args = node.args.iter().map(|word| format!("{:?}", word.text));
    let props = node.props.iter().map(|prop| format!("{:?}={:?}", prop.name.value, prop.value.text));
    let children = node.children.iter().map(words);
    let parts: Vec<String> = args.chain(props).chain(children).collect();
    format!("{:?}({})", node.name.value, parts.join(" "))
}
