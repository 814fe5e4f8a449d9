//! Values and nodes as an edit shows them: as they are written, on one line, cut where they are long, without what looks secret.

use crate::plan::says_a_secret;
use crate::secrets::MASK;
use crate::syntax::{Node, Value};

/// The most characters of a value that are shown.
const LONGEST_VALUE: usize = 80;
/// So many characters are left before the place where two long values begin to differ.
const BEFORE_THE_DIFFERENCE: usize = 12;

/// Words whose values name a secret and are none.
const NAMES_OF_SECRETS: &[&str] = &["secret", "credentials", "key"];

/// Arguments in their order, as they are written.
pub(super) fn arguments(of: &str, values: &[&Value]) -> Option<String> {
    let alone = values.len() == 1;
    let texts: Vec<String> = values.iter().map(|value| text(of, value, alone)).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

/// A value, in quotes where it would be read as several beside others.
pub(super) fn text(of: &str, value: &Value, alone: bool) -> String {
    if is_secret(of, &value.text) {
        return MASK.to_owned();
    }
    let needs_quotes = value.quoted && (value.text.is_empty() || value.text.contains(char::is_whitespace));
    if needs_quotes && !alone { format!("\"{}\"", value.text) } else { value.text.clone() }
}

/// What a line holds beside its name and some of its arguments, with its block: `night at=02:30`.
pub(super) fn rest(node: &Node, skipped: &[usize]) -> String {
    let mut out = String::new();
    write_rest(&mut out, node, skipped);
    out
}

fn write_rest(out: &mut String, node: &Node, skipped: &[usize]) {
    let mut parts: Vec<String> = Vec::new();
    let of = name_of(node);
    let args = node.args.iter().enumerate().filter(|(at, _)| !skipped.contains(at));
    parts.extend(args.map(|(_, value)| text(of, value, false)));
    let prop = |name: &str, value: &Value| format!("{name}={}", text(name, value, false));
    parts.extend(node.props.iter().map(|one| prop(&one.name.value, &one.value)));
    out.push_str(&parts.join(" "));
    if node.children.is_empty() || out.len() > 4 * LONGEST_VALUE {
        return;
    }
    let bare = parts.is_empty() && out.is_empty();
    out.push_str(if bare { "" } else { " { " });
    for (at, child) in node.children.iter().enumerate() {
        if out.len() > 4 * LONGEST_VALUE {
            break;
        }
        out.push_str(if at > 0 { "; " } else { "" });
        out.push_str(&child.name.value);
        let mut inner = String::new();
        write_rest(&mut inner, child, &[]);
        match (inner.is_empty(), child.args.is_empty() && child.props.is_empty()) {
            (true, _) => {}
            (false, true) => drop(std::fmt::Write::write_fmt(out, format_args!(" {{ {inner} }}"))),
            (false, false) => drop(std::fmt::Write::write_fmt(out, format_args!(" {inner}"))),
        }
    }
    out.push_str(if bare { "" } else { " }" });
}

/// A line without its block: `retired app hedgedoc pads`.
pub(super) fn head(node: &Node) -> String {
    let values: Vec<&Value> = node.args.iter().collect();
    let args = values.iter().map(|value| format!(" {}", text(name_of(node), value, false)));
    format!("{}{}", node.name.value, args.collect::<String>())
}

/// The name that the values of a node stand under: of a variable its own.
pub(super) fn name_of(node: &Node) -> &str {
    let variable = node.args.first().filter(|_| node.name.value == "env");
    variable.map_or(node.name.value.as_str(), |variable| variable.text.as_str())
}

/// Whether a value must not be shown, by the name that it stands under or by itself.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    let by_name = !NAMES_OF_SECRETS.contains(&name) && says_a_secret(&format!("{name}={value}"));
    by_name || value.split('\n').any(says_a_secret)
}

/// A text that is no longer than a value may be.
pub(in crate::impact) fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST_VALUE {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST_VALUE).collect();
    format!("{kept}…")
}

/// Two values of which the part is shown in which they differ.
pub(super) fn pair(was: Option<String>, is: Option<String>) -> (Option<String>, Option<String>) {
    let (Some(was), Some(is)) = (&was, &is) else {
        return (was.as_deref().map(shortened), is.as_deref().map(shortened));
    };
    let same = was.chars().zip(is.chars()).take_while(|(one, other)| one == other).count();
    let skipped = if same > LONGEST_VALUE / 2 { same - BEFORE_THE_DIFFERENCE } else { 0 };
    let cut = |text: &str| {
        let rest: String = text.chars().skip(skipped).collect();
        let before = if skipped > 0 { "…" } else { "" };
        format!("{before}{}", shortened(&rest))
    };
    let long = |text: &str| text.chars().count() > LONGEST_VALUE;
    let skips = long(was) || long(is);
    if skips { (Some(cut(was)), Some(cut(is))) } else { (Some(was.clone()), Some(is.clone())) }
}
