//! What an application is: settings, releases, needs, workloads, jobs, rules and tests of one definition.
//!
//! Every template was type-checked when the definition loaded, so that nothing an organisation writes can
//! make it fail later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expression::{Environment, Expression, Template, Value, evaluate_explained};
use crate::finding::{Code, Finding};
use crate::name::Name;
use crate::source::{FileId, SourceFile, Sources, Span, Spanned};

mod built_in;
mod decode;
mod idle;
mod load;
mod names;
mod needs;
mod pattern;
mod reads;
mod secret;
mod sender;
mod setting;
mod workload;

pub use decode::decode;
pub(crate) use decode::{AGAIN, UNCHOSEN, check_layer, written};
pub(super) use load::compose::{circle, uses};
pub use load::load_all;
pub(crate) use load::{load, load_built_in};
pub(super) use names::wanted;
pub(crate) use names::{environment, objects_value};
pub(crate) use needs::{Need, NeedKind, NeedOption, NeedValue, OptionKind, SignOn};
pub(crate) use reads::SettingReads;
pub(crate) use secret::named as secrets_named;
pub(crate) use sender::{SenderPart, sender_files, sender_variables};
pub use setting::SettingType;
pub(crate) use setting::{KeyedBy, SettingDeclaration};
pub use workload::Trigger;
pub(crate) use workload::{
    DEFAULT_DEADLINE, Data, Env, File, FileContent, FileFormat, Job, Mount, Pod, Port, Probe, ProbeKind, Resources,
    Workload,
};

/// A need without a provider.
pub(crate) const NOT_PROVIDED: Code = Code::new("E0303");
/// A rule of a definition that an app breaks.
const BROKEN_RULE: Code = Code::new("E0520");
/// The same, where the definition only warns.
const DOUBTFUL: Code = Code::new("W0520");
/// What a test of a definition expects and what is rendered differ.
const FAILED_TEST: Code = Code::new("E0521");

/// The settings that every app has and the definitions that come with parcelle: name shown, text.
const TEXTS: &[(&str, &str)] = &[
    ("<schemas>/language/common-settings.kdl", include_str!("../../../schemas/language/common-settings.kdl")),
    ("<schemas>/apps/decidim.kdl", include_str!("../../../schemas/apps/decidim.kdl")),
    ("<schemas>/apps/hedgedoc.kdl", include_str!("../../../schemas/apps/hedgedoc.kdl")),
    ("<schemas>/apps/keycloak.kdl", include_str!("../../../schemas/apps/keycloak.kdl")),
    ("<schemas>/apps/nextcloud.kdl", include_str!("../../../schemas/apps/nextcloud.kdl")),
    ("<schemas>/apps/rocket-chat.kdl", include_str!("../../../schemas/apps/rocket-chat.kdl")),
    ("<schemas>/apps/static-site.kdl", include_str!("../../../schemas/apps/static-site.kdl")),
];

/// Adds the built-in files: the settings that every app has, then one definition each.
pub fn built_in(sources: &mut Sources) -> Vec<FileId> {
    TEXTS.iter().map(|(path, text)| sources.add(SourceFile::new(path, text))).collect()
}

/// The texts of the built-in files: what a parcelle of this version knows.
pub(crate) fn texts() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().map(|(_, text)| *text)
}

/// Definitions that loaded, and those that did not: their apps stay as applied.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// Definitions by name.
    pub loaded: BTreeMap<Name, Arc<Definition>>,
    /// Names of those with an error in them.
    pub broken: BTreeSet<Name>,
    /// The settings that every app has, by name, before any definition refined them.
    pub common: BTreeMap<String, SettingDeclaration>,
    /// SHA-256, in hexadecimal, of this parcelle's version and the built-in files; empty where these are not of them.
    pub(crate) hash: String,
}

/// A definition: a file in `schemas/apps/` or in the garden.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name, as `app NAME …` uses it.
    pub(crate) name: Name,
    /// Its earlier names: it reads what apps of those have written.
    pub(crate) was: BTreeSet<Name>,
    /// What it is, in a sentence.
    pub about: String,
    /// The upstream documentation.
    pub(crate) docs: Option<String>,
    /// Every setting an app of it may have: the common ones as refined, then its own.
    pub settings: BTreeMap<String, SettingDeclaration>,
    /// Releases by version.
    pub(crate) releases: BTreeMap<String, Arc<Release>>,
    /// Channels: name to version. `stable` is the default one.
    pub(crate) channels: BTreeMap<String, String>,
    /// Needs in order.
    pub(crate) needs: Vec<Guarded<Need>>,
    /// Signing in, where its apps give that to others.
    pub(crate) sign_on: Option<SignOn>,
    /// Workloads in order.
    pub(crate) workloads: Vec<Guarded<Workload>>,
    /// Jobs in order.
    pub(crate) jobs: Vec<Guarded<Job>>,
    /// Kubernetes objects in KDL, as written.
    pub(crate) objects: Vec<Guarded<crate::syntax::Node>>,
    /// Rules over an app's settings.
    pub(crate) rules: Vec<Rule>,
    /// Tests that `check` runs.
    pub tests: Vec<Test>,
    /// More than one replica is safe, by the definition's word; otherwise why it is not.
    pub single_replica: Option<Spanned<String>>,
    /// It knows one address of its own, with the reason: further hosts would lead nowhere.
    pub(crate) one_address: Option<Spanned<String>>,
    /// Where it reads which of its settings.
    pub(crate) reads: SettingReads,
    /// It receives (mail, federation): sleeping loses something, with the reason.
    pub(crate) receives: Option<Spanned<String>>,
    /// Where it was written.
    pub(crate) span: Span,
    /// The definitions that it takes in, over however many steps: its apps may stand where one of these is wanted.
    pub uses: BTreeSet<Name>,
    /// Its node with all that it uses: what others that use it take in.
    pub(crate) written: Arc<crate::syntax::Node>,
}

impl Definition {
    /// Whether apps of it read what apps of a definition have written.
    pub(crate) fn goes_on_from(&self, earlier: &Name) -> bool {
        self.name == *earlier || self.was.contains(earlier)
    }
}

/// A part that exists only when conditions hold, possibly once an element of lists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Guarded<T> {
    /// `@when`, outermost first: all must hold.
    pub(crate) when: Vec<Expression>,
    /// `@each NAME in="…"`, outermost first.
    pub(crate) each: Vec<(String, Expression)>,
    pub(crate) item: T,
}

/// A version that can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The version, in source spelling.
    pub(crate) version: String,
    /// The image with its tag.
    pub image: String,
    /// The version that must have run before it; absent for the first of the chain.
    pub(crate) after: Option<String>,
    /// Where it was declared.
    pub(crate) span: Span,
}

/// A rule over an app's settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) name: Spanned<Name>,
    /// What must hold.
    pub(crate) check: Expression,
    /// What to say where it does not.
    pub(crate) message: Template,
    /// The setting to underline.
    pub(crate) points_at: Option<String>,
    /// What to do.
    pub(crate) help: Option<String>,
    /// Whether it only warns.
    pub(crate) warning: bool,
    /// Where it was declared.
    pub(crate) span: Span,
}

/// A test of a definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    pub(crate) name: Spanned<Name>,
    /// The body of an app node: its settings.
    pub(crate) given: Vec<crate::syntax::Node>,
    /// Further apps of its organisation, as `beside` nodes.
    pub(crate) beside: Vec<crate::syntax::Node>,
    /// What must hold of `objects`.
    pub(crate) expect: Vec<Expression>,
    /// Where it was declared.
    pub(crate) span: Span,
}

impl Rule {
    /// The finding about an app that breaks the rule, with the values that broke it; none where it holds.
    /// `place` finds where a setting is written (its own name given); the app's own place otherwise.
    pub(crate) fn broken(
        &self,
        environment: &Environment,
        app: Span,
        place: impl Fn(&str) -> Option<Span>,
    ) -> Option<Finding> {
        let explained = evaluate_explained(&self.check, environment);
        if explained.value == Value::Bool(true) {
            return None;
        }
        let span = self.points_at.as_deref().and_then(place).unwrap_or(app);
        let message = self.message.evaluate_text(environment).text.to_string();
        let finding = if self.warning {
            Finding::warning(DOUBTFUL, message, span)
        } else {
            Finding::error(BROKEN_RULE, message, span)
        };
        let finding = finding.why(format!("the rule `{}`: {}", self.name.value, explained.parts_line()));
        Some(match &self.help {
            Some(help) => finding.help(help.clone()),
            None => finding,
        })
    }
}

impl Test {
    /// What the test expects and does not find: one finding each, with the values found. The environment holds
    /// `objects` (see [`objects_value`]) beside the names of [`environment`].
    pub(crate) fn failures(&self, environment: &Environment) -> Vec<Finding> {
        let failed = self.expect.iter().filter_map(|expect| {
            let explained = evaluate_explained(expect, environment);
            if explained.value == Value::Bool(true) {
                return None;
            }
            let title = format!("the test `{}` fails: `{}`", self.name.value, expect.text);
            let finding = Finding::error(FAILED_TEST, title, expect.span);
            Some(if explained.parts.is_empty() { finding } else { finding.why(explained.parts_line()) })
        });
        failed.collect()
    }
}

#[cfg(test)]
mod tests;
