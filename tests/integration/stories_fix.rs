//! `parcelle fix` as people run it: what it writes, what it leaves, and what it says.

use crate::command::TestEnvironment;
use crate::stories_output::{CLUSTER, GARDEN, OFFER};

const PATH: &str = "garden/organisations/alpha.kdl";

fn place(organisation: &str) -> TestEnvironment {
    let place = TestEnvironment::new();
    place.garden([("garden.kdl", GARDEN), ("clusters/ada.kdl", CLUSTER), ("offers/small.kdl", OFFER)]);
    place.write(PATH, organisation);
    place
}

const ALPHA: &str = "organisation alpha {
    title 'A' # one
    offer small
    cluster ada
    domain https://École.example/
    defaults { nights asleep from=22h to=6:30; ; }
    app nextcloud cloud {
        storage: 1,5Gi // two
        modules [calendar, contacts]
        env LIMIT 1G
    }
}
";

const MENDED: &str = "edition 2026

organisation alpha {
    title \"A\" // one
    offer small
    cluster ada
    domain xn--cole-9oa.example
    defaults { nights asleep from=\"22:00\" to=\"06:30\";  }
    app nextcloud cloud {
        storage 1.5 GiB // two
        modules calendar contacts
        env LIMIT \"1G\"
    }
}
";

#[test]
fn a_file_is_mended_at_once_and_keeps_its_form_and_its_rights() {
    for (begin, line_end) in [("", "\n"), ("\u{FEFF}", "\r\n")] {
        let written = |text: &str| format!("{begin}{}", text.replace('\n', line_end));
        let place = place(&written(ALPHA));
        let said = place.run(["fix", "--check"]);
        assert_eq!((said.code, place.read(PATH)), (1, written(ALPHA)), "{}", said.text());
        let rights = std::os::unix::fs::PermissionsExt::from_mode(0o640);
        std::fs::set_permissions(place.path(PATH), rights).unwrap();
        let said = place.run(["fix"]);
        assert_eq!(place.read(PATH), written(MENDED), "{}", said.text());
        assert!(!said.text().contains("left out"), "{}", said.text());
        let mode = std::os::unix::fs::PermissionsExt::mode(&place.path(PATH).metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(place.path("garden/organisations").read_dir().unwrap().count(), 1, "nothing lies beside it");
        let again = place.run(["fix"]);
        assert!(again.text().contains("0 fixes applied") && place.read(PATH) == written(MENDED), "{}", again.text());
    }
}

#[test]
fn a_fix_that_leads_to_the_next_finding_is_left_out_and_the_others_are_made() {
    let alpha = MENDED.replace("modules calendar contacts", "mdules 'calendar'; modules 'deck'");
    let place = place(&alpha);
    let said = place.run(["fix"]);
    assert_eq!(place.read(PATH), alpha.replace("'deck'", "\"deck\""), "{}", said.text());
    let left_out = "left out: quote it with `\"` (E0016: `'` is no quotation mark here): then stands there E0101: \
                    `nextcloud` has no setting `mdules`";
    assert!(said.stdout.contains(left_out), "{}", said.text());
    assert!(said.stderr.contains("1 fix applied; 1 left out, which would leave the file no better"), "{}", said.text());
}

#[test]
fn what_a_value_should_be_waits_until_it_is_known_where_it_stands() {
    let alpha = MENDED
        .replace("title \"A\"", "title \"A\",")
        .replace("\"22:00\"", "22h")
        .replace("    offer", "    x { } { }\n    offer");
    let place = place(&alpha);
    let said = place.run(["fix"]);
    assert_eq!(place.read(PATH), alpha.replace("\"A\",", "\"A\""), "{}", said.text());
    assert!(said.stdout.contains("what is meant is known when E0024 of line 5 is mended"), "{}", said.text());
}

#[test]
fn what_is_no_utf_8_is_not_written() {
    let place = place("");
    let latin =
        [b"edition 2026\norganisation alpha {\n    title 'Caf\xe9' # one\n    offer small\n}\n".as_slice()].concat();
    std::fs::write(place.path(PATH), &latin).unwrap();
    let said = place.run(["fix"]);
    assert_eq!(std::fs::read(place.path(PATH)).unwrap(), latin, "{}", said.text());
    assert!(said.stdout.contains("left out") && said.stdout.contains("the file is not UTF-8"), "{}", said.text());
}
