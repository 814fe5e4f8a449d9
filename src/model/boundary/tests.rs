use super::*;
use crate::schema;
use crate::source::{FileId, SourceFile, Sources};
use crate::syntax;

/// The boundary that a garden's own file draws, and what was found in it.
fn drawn(root: &str, said: &str) -> (Boundary, Vec<String>) {
    let mut findings = Findings::default();
    let text = format!("edition 2026\n\ngarden g {{\n    title G\n    {said}\n}}\n");
    let file = schema::check(syntax::parse(FileId(0), &text, &mut findings), &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    let boundary = Boundary::of(root, Some(&file), &mut findings);
    (boundary, findings.iter().map(|finding| finding.title.clone()).collect())
}

fn organisation(name: &str) -> FilePlace {
    FilePlace::Organisation(Name::new(name).unwrap())
}

#[test]
fn the_place_of_a_file_is_its_path_alone() {
    let (boundary, found) = drawn("orgs", "organisations \"people\" \"partners/people\"");
    assert_eq!(found, Vec::<String>::new());
    for (path, place) in [
        ("orgs/garden.kdl", FilePlace::GardenFile),
        ("orgs/Garden.kdl", FilePlace::Garden),
        ("orgs/clusters/garden.kdl", FilePlace::Garden),
        ("orgs/organisations/alpha.kdl", FilePlace::Garden),
        ("orgs/people.kdl", FilePlace::Garden),
        ("orgs/peoples/alpha.kdl", FilePlace::Garden),
        ("orgs/offers/people/alpha.kdl", FilePlace::Garden),
        ("orgs/partners/alpha.kdl", FilePlace::Garden),
        ("orgs/people/alpha.kdl", organisation("alpha")),
        ("orgs/people/north/deep/alpha.kdl", organisation("alpha")),
        ("orgs/people/beta/garden.kdl", organisation("garden")),
        ("orgs/people/alpha.kdl/beta.kdl", organisation("beta")),
        ("orgs/partners/people/alpha.kdl", organisation("alpha")),
        ("orgs/people/Alpha.kdl", FilePlace::Misnamed),
        ("orgs/people/alpha.beta.kdl", FilePlace::Misnamed),
        ("orgs/people/.alpha.kdl", FilePlace::Misnamed),
        ("orgs/people/a--b.kdl", FilePlace::Misnamed),
        ("orgs/people/\u{e9}.kdl", FilePlace::Misnamed),
        ("orgs/people/alpha .kdl", FilePlace::Misnamed),
    ] {
        assert_eq!(boundary.place(path), place, "{path}");
    }
}

#[test]
fn a_path_that_is_easily_taken_for_another_says_nothing() {
    let (boundary, _) = drawn("", "");
    for path in [
        "Organisations/alpha.kdl",
        "ORGANISATIONS/offer.kdl",
        "organisations./offer.kdl",
        "organisations /offer.kdl",
        "organi\u{17f}ations/offer.kdl",
        "organisations\u{301}/offer.kdl",
        "o\u{308}rganisations/offer.kdl",
        "organisa\u{200b}tions/offer.kdl",
        "\u{ff4f}rganisations/offer.kdl",
        "organisations/../offers/offer.kdl",
        "organisations/./alpha.kdl",
        "organisations//alpha.kdl",
        "offers/../garden.kdl",
        "./garden.kdl",
        "/garden.kdl",
        "organisations\\alpha.kdl",
        "offers/a\nb.kdl",
        "offers/\u{202e}ldk.kdl",
    ] {
        assert_eq!(boundary.place(path), FilePlace::Misleading, "{path:?}");
    }
    let (boundary, _) = drawn("orgs", "");
    assert_eq!(boundary.place("orgsx/garden.kdl"), FilePlace::Misleading, "outside of the garden");
    assert_eq!(boundary.place("garden.kdl"), FilePlace::Misleading, "outside of the garden");
}

#[test]
fn folders_of_organisations_lie_apart_from_each_other_inside_of_the_garden() {
    let wrong = [
        "\"\"",
        "\".\"",
        "\"/\"",
        "\"/etc\"",
        "\"..\"",
        "\"a/../b\"",
        "\"./a\"",
        "\"a/\"",
        "\"a//b\"",
        "\".hidden\"",
        "\"a b\"",
        "\"a\\\\b\"",
        "\"\u{e9}quipes\"",
        "\"a*\"",
    ];
    for folder in wrong {
        let (boundary, found) = drawn("", &format!("organisations {folder}"));
        assert_eq!(found.len(), 1, "{folder}: {found:?}");
        assert_eq!(boundary.place("organisations/alpha.kdl"), organisation("alpha"), "{folder}");
    }
    for folders in ["a a/b", "a/b a"] {
        let folders = folders.split(' ').map(|folder| format!("{folder:?}")).collect::<Vec<_>>().join(" ");
        let (_, found) = drawn("", &format!("organisations {folders}"));
        assert_eq!(found.len(), 1, "{folders}: {found:?}");
    }
    let (boundary, found) = drawn("", "organisations \"a\" \"ab\" \"b/a\"");
    assert_eq!(
        (found, boundary.place("ab/x.kdl"), boundary.place("b/a/x.kdl")),
        (Vec::new(), organisation("x"), organisation("x"))
    );
}

/// What counts of a text at a path, and what is found there.
fn admitted(path: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let file = sources.add(SourceFile::new(path, text));
    let checked = schema::check(syntax::parse(file, text, &mut findings), &mut findings);
    let placed = drawn("", "").0.admit(path, checked, &mut findings);
    let kept = placed.checked.document.nodes.iter().filter(|node| node.name.value != "edition");
    let kept = kept.map(|node| sources.text(node.head).to_owned()).collect();
    (kept, findings.iter().map(|finding| format!("{} {}", finding.code, sources.text(finding.primary.span))).collect())
}

const ALPHA: &str = "edition 2026\n\norganisation alpha {\n    title A\n    cluster ada\n}\n";

#[test]
fn the_file_of_an_organisation_says_that_organisation_and_nothing_else() {
    let path = "organisations/alpha.kdl";
    assert_eq!(admitted(path, ALPHA), (vec!["organisation alpha".to_owned()], vec![]));
    for (more, told) in [
        ("offer liiibre", "E0302 offer liiibre"),
        ("cluster ada", "E0302 cluster ada"),
        ("offer mine {\n    nonsense\n}", "E0313 offer mine"),
        ("definition nextcloud {\n    about \"\"\n}", "E0313 definition nextcloud"),
        ("garden g {\n    title G\n    severity W0101 error\n}", "E0313 garden g"),
        ("cluster ada {\n    title Ada\n}", "E0313 cluster ada"),
        ("organisation beta {\n    title B\n    cluster ada\n}", "E0314 organisation beta"),
        ("retired organisation beta {\n    title B\n    cluster ada\n}", "E0314 retired organisation beta"),
        ("retired organisation alpha {\n    title B\n    cluster ada\n}", "E0302 retired organisation alpha"),
        ("organisation alpha {\n    title B\n    cluster ada\n}", "E0102 organisation alpha"),
        ("retired app hedgedoc pads", "E0202 app"),
        ("domain alpha.example", "E0101 domain"),
    ] {
        let (kept, found) = admitted(path, &format!("{ALPHA}\n{more}\n"));
        assert_eq!((kept, found), (vec!["organisation alpha".to_owned()], vec![told.to_owned()]), "{more}");
    }
}

#[test]
fn nothing_counts_in_a_file_that_is_called_after_no_organisation() {
    let text = format!("{ALPHA}\noffer mine {{\n    nonsense\n}}\n");
    for path in ["organisations/Alpha.kdl", "Organisations/alpha.kdl"] {
        assert_eq!(admitted(path, &text), (vec![], vec!["E0315 organisation alpha".to_owned()]), "{path}");
    }
}

#[test]
fn outside_of_the_folders_no_organisation_counts_and_one_file_says_the_garden() {
    assert_eq!(admitted("alpha.kdl", ALPHA), (vec![], vec!["E0314 organisation alpha".to_owned()]));
    let garden = "edition 2026\n\ngarden g {\n    title G\n}\n\noffer o {\n    title O\n}\n";
    assert_eq!(admitted("more.kdl", garden), (vec!["offer o".to_owned()], vec!["E0305 garden g".to_owned()]));
    assert_eq!(admitted("garden.kdl", garden).1, Vec::<String>::new());
}

#[test]
fn of_many_nodes_that_do_not_count_the_first_ones_are_told_in_short() {
    let offers: String = (0..40_000).map(|at| format!("offer o{at} {{ nonsense; }}\n")).collect();
    let long = format!("offer \"{}\" {{ title T; }}\n", "a".repeat(9_000));
    for path in ["organisations/alpha.kdl", "organisations/Alpha.kdl"] {
        let (mut findings, text) = (Findings::default(), format!("{ALPHA}{long}{offers}"));
        let checked = schema::check(syntax::parse(FileId(0), &text, &mut findings), &mut findings);
        let placed = drawn("", "").0.admit(path, checked, &mut findings);
        assert!(placed.checked.document.nodes.len() <= 2 && findings.len() <= 20, "{path}: {}", findings.len());
        assert!(findings.iter().all(|one| one.title.len() < 200), "{path}");
    }
}
