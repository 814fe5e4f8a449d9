//! What an application is: settings, releases, needs, workloads, jobs, rules and tests of one definition.
//!
//! Every template was type-checked when the definition loaded, so that nothing an organisation writes can
//! make it fail later.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::expression::{Expression, Template};
use crate::name::Name;
use crate::source::{Span, Spanned};

mod needs;
mod setting;
mod workload;

pub use needs::{FACTS, Facts, Need, NeedKind, NeedOption, NeedValue, OptionKind, OutputKind};
pub use setting::{SettingDeclaration, SettingType};
pub use workload::{
    Data, Env, File, FileContent, FileFormat, Job, Mount, Pod, Port, Probe, ProbeKind, Resources, Trigger, Workload,
};

/// A definition: a file in `schemas/apps/` or in the garden.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name, as `app NAME …` uses it.
    pub name: Name,
    /// What it is, in a sentence.
    pub about: String,
    /// The upstream documentation.
    pub docs: Option<String>,
    /// Every setting an app of it may have: the common ones as refined, then its own.
    pub settings: BTreeMap<String, SettingDeclaration>,
    /// Releases by version.
    pub releases: BTreeMap<String, Arc<Release>>,
    /// Channels: name to version. `stable` is the default one.
    pub channels: BTreeMap<String, String>,
    /// Needs in order.
    pub needs: Vec<Guarded<Need>>,
    /// Workloads in order.
    pub workloads: Vec<Guarded<Workload>>,
    /// Jobs in order.
    pub jobs: Vec<Guarded<Job>>,
    /// Kubernetes objects in KDL, as written.
    pub objects: Vec<Guarded<crate::syntax::Node>>,
    /// Rules over an app's settings.
    pub rules: Vec<Rule>,
    /// Tests that `check` runs.
    pub tests: Vec<Test>,
    /// More than one replica is safe, by the definition's word; otherwise why it is not.
    pub single_replica: Option<Spanned<String>>,
    /// It receives (mail, federation): sleeping loses something, with the reason.
    pub receives: Option<Spanned<String>>,
    /// Where it was written.
    pub span: Span,
}

/// A part that exists only when conditions hold, possibly once an element of lists.
#[derive(Clone, Debug, PartialEq)]
pub struct Guarded<T> {
    /// `@when`, outermost first: all must hold.
    pub when: Vec<Expression>,
    /// `@each NAME in="…"`, outermost first.
    pub each: Vec<(String, Expression)>,
    /// The part.
    pub item: T,
}

/// A version that can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The version, in source spelling.
    pub version: String,
    /// The image with its tag.
    pub image: String,
    /// The version that must have run before it; absent for the first of the chain.
    pub after: Option<String>,
    /// Where it was declared.
    pub span: Span,
}

/// A rule over an app's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: Spanned<Name>,
    /// What must hold.
    pub check: Expression,
    /// What to say where it does not.
    pub message: Template,
    /// The setting to underline.
    pub points_at: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// Whether it only warns.
    pub warning: bool,
    /// Where it was declared.
    pub span: Span,
}

/// A test of a definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Its name.
    pub name: Spanned<Name>,
    /// The body of an app node: its settings.
    pub given: Vec<crate::syntax::Node>,
    /// What must hold of `objects`.
    pub expect: Vec<Expression>,
    /// Where it was declared.
    pub span: Span,
}
