//! Codes of findings, and the manual page of each: `docs/findings/CODE.md`, kept in the binary.

use std::fmt;

/// A stable diagnostic code such as `E0412`; never reused. Opaque: codes are compared with named codes, never as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(&'static str);

impl Code {
    /// A code as reports write it.
    pub const fn new(text: &'static str) -> Self {
        Self(text)
    }

    /// Returns the code that a person wrote; `None` where no finding is called so.
    pub(crate) fn written(text: &str) -> Option<Self> {
        all().map(|page| page.code).find(|code| code.as_str() == text)
    }

    /// Returns the code's text, for reports.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether findings of this code are doubts, which a garden may accept or weigh; all others are mistakes.
    pub(crate) fn is_doubt(self) -> bool {
        DOUBTS.iter().any(|page| page.code == self)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// A code with its manual page.
struct Page {
    code: Code,
    /// Markdown: a title line, what it means, why, an example, the way out.
    text: &'static str,
}

/// A row a page; kept in the order of the codes.
macro_rules! pages {
    ($($code:literal)*) => {
        &[$(Page {
            code: Code($code),
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings/", $code, ".md")),
        }),*]
    };
}

/// What is wrong, whoever looks at it.
const MISTAKES: &[Page] = pages! {
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
    "E0032"
    "E0033"
    "E0034"
    "E0101"
    "E0102"
    "E0103"
    "E0104"
    "E0105"
    "E0106"
    "E0107"
    "E0108"
    "E0109"
    "E0110"
    "E0201"
    "E0202"
    "E0203"
    "E0204"
    "E0205"
    "E0206"
    "E0250"
    "E0251"
    "E0252"
    "E0253"
    "E0254"
    "E0255"
    "E0256"
    "E0257"
    "E0258"
    "E0259"
    "E0260"
    "E0261"
    "E0262"
    "E0263"
    "E0301"
    "E0302"
    "E0303"
    "E0304"
    "E0305"
    "E0306"
    "E0307"
    "E0308"
    "E0309"
    "E0310"
    "E0311"
    "E0312"
    "E0313"
    "E0314"
    "E0315"
    "E0316"
    "E0317"
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
    "E0412"
    "E0413"
    "E0414"
    "E0415"
    "E0416"
    "E0418"
    "E0419"
    "E0420"
    "E0421"
    "E0425"
    "E0426"
    "E0427"
    "E0428"
    "E0430"
    "E0431"
    "E0432"
    "E0433"
    "E0434"
    "E0435"
    "E0438"
    "E0439"
    "E0440"
    "E0441"
    "E0450"
    "E0451"
    "E0452"
    "E0453"
    "E0454"
    "E0460"
    "E0461"
    "E0470"
    "E0471"
    "E0477"
    "E0478"
    "E0480"
    "E0481"
    "E0482"
    "E0483"
    "E0484"
    "E0485"
    "E0486"
    "E0487"
    "E0488"
    "E0489"
    "E0490"
    "E0491"
    "E0492"
    "E0493"
    "E0494"
    "E0495"
    "E0496"
    "E0498"
    "E0501"
    "E0502"
    "E0503"
    "E0504"
    "E0505"
    "E0506"
    "E0507"
    "E0508"
    "E0509"
    "E0510"
    "E0511"
    "E0512"
    "E0520"
    "E0521"
    "E0601"
    "E0602"
    "E0603"
    "E0604"
    "E0605"
    "E0606"
    "E0607"
    "E0608"
    "E0609"
    "E0610"
    "E0611"
    "E0612"
    "E0650"
    "E0651"
    "E0652"
    "E0653"
    "E0654"
    "E0701"
    "E0702"
};

/// What is a matter of opinion.
const DOUBTS: &[Page] = pages! {
    "W0001"
    "W0002"
    "W0101"
    "W0103"
    "W0104"
    "W0105"
    "W0106"
    "W0309"
    "W0310"
    "W0410"
    "W0411"
    "W0412"
    "W0413"
    "W0430"
    "W0435"
    "W0438"
    "W0440"
    "W0441"
    "W0442"
    "W0443"
    "W0444"
    "W0445"
    "W0446"
    "W0447"
    "W0470"
    "W0478"
    "W0481"
    "W0482"
    "W0483"
    "W0490"
    "W0499"
    "W0501"
    "W0502"
    "W0520"
    "W0650"
};

fn all() -> impl Iterator<Item = &'static Page> {
    MISTAKES.iter().chain(DOUBTS)
}

/// Returns the manual page of a code in Markdown: a title line, what it means, why, an example, the way out.
pub fn page(code: &str) -> Option<&'static str> {
    all().find(|page| page.code.0.eq_ignore_ascii_case(code)).map(|page| page.text)
}

/// Returns all codes that have a page, in order.
pub fn pages() -> impl Iterator<Item = &'static str> {
    all().map(|page| page.code.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_shows_whether_it_is_a_doubt() {
        for code in all().map(|page| page.code) {
            assert_eq!(code.is_doubt(), code.0.starts_with('W'), "{code} stands in the wrong list");
        }
        assert_eq!(Code::written("W9999"), None);
        assert_eq!(Code::written("W0106").map(Code::is_doubt), Some(true));
    }
}
