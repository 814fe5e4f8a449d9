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
    "E0101"
    "E0102"
    "E0103"
    "E0104"
    "E0105"
    "E0106"
    "E0107"
    "E0108"
    "E0109"
    "E0201"
    "E0202"
    "E0203"
    "E0204"
    "E0205"
    "E0206"
    "E0301"
    "E0302"
    "E0303"
    "E0304"
    "E0305"
    "E0306"
    "E0307"
    "E0308"
    "E0310"
    "E0401"
    "E0402"
    "E0403"
    "E0404"
    "E0405"
    "E0406"
    "E0407"
    "E0408"
    "E0409"
    "E0410"
    "E0411"
    "E0413"
    "E0414"
    "E0415"
    "E0416"
    "E0418"
    "E0419"
    "E0480"
    "E0481"
    "E0482"
    "E0483"
    "E0484"
    "E0485"
    "E0486"
    "E0487"
    "E0488"
    "E0701"
    "W0001"
    "W0101"
    "W0103"
    "W0104"
    "W0481"
};

/// The manual page of a code in Markdown: a title line, what it means, why, an example, the way out.
pub fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}

/// All codes that have a page, in order.
pub fn pages() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}
