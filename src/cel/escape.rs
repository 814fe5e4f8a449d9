//! How names of fields are written in CEL, where not every name is an identifier.

/// Words of CEL that no field is called.
const RESERVED: [&str; 20] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
];

/// Returns the identifier that stands for a field: `__dash__` for `-`, `__namespace__` for a reserved word. `None` for a
/// name that no rule can reach.
pub(super) fn escaped(name: &str) -> Option<String> {
    if RESERVED.contains(&name) || name == "while" {
        return Some(format!("__{name}__"));
    }
    let mut escaped = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(letter) = rest.chars().next() {
        let (taken, word) = match letter {
            '_' if rest.starts_with("__") => (2, "__underscores__"),
            '.' => (1, "__dot__"),
            '-' => (1, "__dash__"),
            '/' => (1, "__slash__"),
            _ if letter == '_' || letter.is_ascii_alphanumeric() => (1, &rest[..1]),
            _ => return None,
        };
        escaped.push_str(word);
        rest = &rest[taken..];
    }
    let begins = escaped.chars().next().is_some_and(|first| first == '_' || first.is_ascii_alphabetic());
    begins.then_some(escaped)
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_are_escaped_as_the_server_does() {
        let cases = [
            ("size", Some("size")),
            ("namespace", Some("__namespace__")),
            ("while", Some("__while__")),
            ("body-size", Some("body__dash__size")),
            ("a.b/c", Some("a__dot__b__slash__c")),
            ("my_field", Some("my_field")),
            ("a__b", Some("a__underscores__b")),
            ("a___b", Some("a__underscores___b")),
            ("int", Some("int")),
            ("-a", Some("__dash__a")),
            ("1st", None),
            ("ü", None),
            ("", None),
        ];
        for (name, wanted) in cases {
            assert_eq!(escaped(name).as_deref(), wanted, "{name}");
        }
    }
}
