//! Texts inside Markdown: nothing that a garden or a cluster says becomes a mention, a link, a table or HTML.

use std::fmt::Write as _;

use crate::visible;

/// A text as code: neither Markdown nor mentions are read in it.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", entities(&visible::line(text), false))
}

/// A text outside of code; what stands between backticks becomes code.
pub(crate) fn escape(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { code(part) } else { entities(&visible::line(part), true) }).collect()
}

/// Every punctuation that Markdown, HTML or a reference (`@name`, `#1`, `!1`) could be made of, as an entity. References are
/// found after rendering, so outside of code a joiner that nobody sees parts the sign from the name.
fn entities(text: &str, parted: bool) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for char in text.chars() {
        match char {
            '@' | '#' | '!' | '~' | '%' | '&' | '$' => {
                let _ = write!(out, "&#{};", u32::from(char));
                if parted {
                    out.push('\u{2060}');
                }
            }
            // A name of a host is made a link by itself.
            ':' | '<' | '>' | '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '"' | '\'' | '^' | '{' | '}' | '=' => {
                let _ = write!(out, "&#{};", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out
}
