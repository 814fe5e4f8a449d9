//! The manual page of every code: `docs/findings/CODE.md`, kept in the binary.

/// A row a page; kept in the order of the codes.
macro_rules! pages {
    ($($code:literal)*) => {
        &[$(($code, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings/", $code, ".md")))),*]
    };
}

const PAGES: &[(&str, &str)] = pages! {
    "E0001"
    "E0002"
    "E0003"
    "E0004"
    "E0005"
    "E0006"
    "E0007"
    "E0008"
    "E0009"
    "E0010"
    "E0011"
    "E0012"
    "E0013"
    "E0014"
    "E0015"
    "E0016"
    "E0017"
    "E0018"
    "E0019"
    "E0020"
    "E0021"
    "E0022"
    "E0023"
    "E0024"
    "E0025"
    "E0026"
    "E0027"
    "E0028"
    "E0029"
    "E0030"
    "E0031"
    "W0001"
};

/// The manual page of a code in Markdown: a title line, what it means, why, an example, the way out.
pub fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}

/// All codes that have a page, in order.
pub fn pages() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}
