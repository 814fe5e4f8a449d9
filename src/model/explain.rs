//! Where the value of a setting comes from, layer by layer.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::expression::Value;
use crate::model::{Garden, Layer, Setting};
use crate::source::Span;
use crate::syntax::Value as Written;

/// What one layer says of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The layer.
    pub layer: Layer,
    /// The setting as it says it: `scale min=2`.
    pub text: String,
    /// Where.
    pub span: Span,
    /// Whether any of it is in force.
    pub wins: bool,
}

/// What each layer says of a setting of an app, nearest first; empty where no layer says anything. Absent where there
/// is no such app.
pub fn explain(garden: &Garden, organisation: &str, app: &str, setting: &str) -> Option<Vec<Explained>> {
    let app = garden.organisations.get(organisation)?.apps.get(app)?;
    let Some(effective) = app.settings.get(setting) else { return Some(Vec::new()) };
    let mut places = BTreeSet::new();
    collect(effective, &mut places);
    let mut explained: Vec<Explained> = Vec::new();
    for said in app.layers.get(setting).into_iter().flatten() {
        let mut own = BTreeSet::new();
        collect(said, &mut own);
        // A default that is only a value has no places: it counts where nothing nearer is written.
        let wins = if own.is_empty() { explained.is_empty() } else { !own.is_disjoint(&places) };
        explained.push(Explained { layer: said.layer, text: setting_text(setting, said), span: said.span, wins });
    }
    if explained.is_empty() {
        // Computed by parcelle: the host of an app that says none.
        let text = format!("{setting} {}", value_text(&effective.value));
        explained.push(Explained { layer: effective.layer, text, span: effective.span, wins: true });
    }
    Some(explained)
}

/// The places of every word of a setting.
fn collect(setting: &Setting, places: &mut BTreeSet<Span>) {
    places.extend(setting.args.iter().chain(setting.props.values()).map(|value| value.span));
    setting.children.values().flat_map(|keyed| keyed.values()).for_each(|child| collect(child, places));
}

/// A setting as KDL on one line.
pub fn setting_text(name: &str, setting: &Setting) -> String {
    // The nodes of a repeatable setting stand side by side.
    if let Some(nodes) = setting.children.get(name) {
        return nodes.values().map(|node| setting_text(name, node)).collect::<Vec<_>>().join("; ");
    }
    let mut text = name.to_owned();
    let written = setting.args.iter().map(spelling);
    let props = setting.props.iter().map(|(key, value)| format!("{key}={}", spelling(value)));
    for word in written.chain(props) {
        let _ = write!(text, " {word}");
    }
    if setting.args.is_empty() && setting.props.is_empty() && setting.children.is_empty() {
        let _ = write!(text, " {}", value_text(&setting.value));
    }
    if !setting.children.is_empty() {
        let children = setting
            .children
            .iter()
            .flat_map(|(name, keyed)| keyed.values().map(move |child| setting_text(name, child)));
        let _ = write!(text, " {{ {}; }}", children.collect::<Vec<_>>().join("; "));
    }
    text
}

fn spelling(value: &Written) -> String {
    if value.quoted { format!("{:?}", value.text) } else { value.text.clone() }
}

/// A value as people write it.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Absent => "nothing".to_owned(),
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => crate::schema::scalar::quoted_where_needed(&text.text),
        Value::Quantity(quantity) => quantity.to_string(),
        Value::Secret(_) => "a secret".to_owned(),
        Value::List(items) => items.iter().map(value_text).collect::<Vec<_>>().join(" "),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}={}", value_text(value)));
            entries.collect::<Vec<_>>().join(" ")
        }
    }
}
