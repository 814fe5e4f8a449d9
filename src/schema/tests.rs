use super::*;
use crate::finding::Finding;
use crate::schema::check::NO_BLOCK;
use crate::schema::check::NO_EDITION;
use crate::schema::check::UNKNOWN_EDITION;
use crate::source::FileId;
use crate::syntax;

/// The findings of a file of a garden.
fn check_text(text: &str) -> Vec<Finding> {
    let mut findings = Findings::default();
    let document = syntax::parse(FileId(0), text, &mut findings);
    check(document, &mut findings);
    findings.sort();
    findings.into_iter().collect()
}

/// The one finding of an organisation with a line changed.
fn the_finding(line: &str, mutated: &str) -> Finding {
    let text = ORGANISATION.replace(line, mutated);
    assert_ne!(text, ORGANISATION, "the line {line:?} is in the baseline");
    let mut found = check_text(&text);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

const ORGANISATION: &str = r#"edition 2026

organisation alternatiba {
    title "Alternatiba"
    offer liiibre
    cluster ada-lovelace
    domain alternatiba.example
    contact tech@alternatiba.example role=technical
    app nextcloud cloud {
        storage 120 GiB
        hold "later"
    }
    retired app hedgedoc old-pads {
        keep-data 90 days
    }
}
"#;

#[test]
fn every_schema_checks_against_the_schema_of_schemas() {
    let language = Language::embedded();
    for (path, text) in language::TEXTS {
        let mut findings = Findings::default();
        let document = syntax::parse(FileId(0), text, &mut findings);
        check::file(language, &language.schemas["schema"], document, &mut findings);
        assert!(findings.is_empty(), "{path}: {findings:#?}");
    }
}

#[test]
fn every_group_that_is_used_exists() {
    let language = Language::embedded();
    let mut shapes: Vec<&language::Shape> = language.schemas.values().chain(language.groups.values()).collect();
    while let Some(shape) = shapes.pop() {
        for group in &shape.uses {
            assert!(language.groups.contains_key(group), "the group {group} is used and not there");
        }
        shapes.extend(shape.nodes.iter().map(|node| &node.shape));
        shapes.extend(shape.forms.iter().map(|(_, form)| form));
    }
}

#[test]
fn every_example_of_the_language_reads_as_it_stands() {
    let language = Language::embedded();
    let mut shapes: Vec<&language::Shape> = language.schemas.values().chain(language.groups.values()).collect();
    let mut seen = 0;
    while let Some(shape) = shapes.pop() {
        if let Some(example) = &shape.example {
            let mut findings = Findings::default();
            syntax::parse(FileId(0), example, &mut findings);
            assert!(findings.is_empty(), "{example}: {findings:#?}");
            seen += 1;
        }
        shapes.extend(shape.nodes.iter().map(|node| &node.shape));
        shapes.extend(shape.forms.iter().map(|(_, form)| form));
    }
    assert!(seen > 50, "{seen} examples");
}

#[test]
fn a_value_whose_form_is_wrong_is_told_once_in_the_words_of_its_setting() {
    for (line, mutated, code, fix) in [
        ("hold \"later\"", "env LIMIT 1G", "E0012", "\"1G\""),
        ("hold \"later\"", "env TIMEOUT 2h", "E0012", "\"2h\""),
        ("hold \"later\"", "env DEBUG true", "E0015", "\"true\""),
        ("keep-data 90 days", "keep-data 1,5 days", "E0203", "1.5"),
        ("keep-data 90 days", "keep-data 90days", "E0013", "90 days"),
        ("keep-data 90 days", "keep-data 90GiB", "E0203", ""),
        ("domain alternatiba.example", "domain https://alternatiba.example", "E0204", "alternatiba.example"),
        ("domain alternatiba.example", "domain 350.org", "E0012", "\"350.org\""),
        ("domain alternatiba.example", "domain 'Alternatiba.example'", "E0204", "alternatiba.example"),
        ("role=technical", "role=true", "E0202", ""),
        ("title \"Alternatiba\"", "title true", "E0012", "\"true\""),
    ] {
        let finding = the_finding(line, mutated);
        let found = finding.fixes.first().map_or("", |fix| fix.edits[0].replacement.as_str());
        assert_eq!((finding.code.as_str(), found), (code, fix), "{mutated}: {finding:#?}");
    }
}

#[test]
fn a_good_organisation_has_no_finding() {
    assert_eq!(check_text(ORGANISATION), []);
}

#[test]
fn an_unknown_word_names_the_nearest_one_allowed_there() {
    let finding = the_finding("domain alternatiba", "domian alternatiba");
    assert_eq!(finding.code, UNKNOWN_WORD);
    assert_eq!(finding.title, "`domian` is not known in `organisation`");
    assert_eq!(finding.primary.text, "did you mean `domain`?");
    assert_eq!(finding.fixes[0].edits[0].replacement, "domain");
}

#[test]
fn a_word_that_belongs_elsewhere_says_where() {
    let finding = the_finding("offer liiibre", "offer liiibre\n    grants { cpu 1 cores; }");
    assert_eq!(finding.help, ["it belongs in `offer`"]);
}

#[test]
fn a_repeated_node_shows_both_places() {
    let finding = the_finding("    offer liiibre\n", "    offer liiibre\n    offer sur-mesure\n");
    assert_eq!((finding.code, finding.title.as_str()), (TWICE, "`offer` is written twice"));
    assert_eq!(finding.secondary[0].text, "first here");
}

#[test]
fn repeated_apps_are_told_apart_by_their_name() {
    let finding = the_finding("    retired app", "    app hedgedoc cloud\n    retired app");
    assert_eq!((finding.code, finding.title.as_str()), (TWICE, "`app hedgedoc cloud` is written twice"));
}

#[test]
fn a_missing_node_shows_how_it_is_written() {
    let finding = the_finding("    cluster ada-lovelace\n", "");
    assert_eq!((finding.code, finding.title.as_str()), (MISSING_NODE, "`organisation alternatiba` lacks `cluster`"));
    assert_eq!(finding.help, ["add, for example, `cluster ada-lovelace`"]);
}

#[test]
fn a_missing_argument_shows_how_it_is_written() {
    let finding = the_finding("app nextcloud cloud {", "app nextcloud {");
    assert_eq!((finding.code, finding.title.as_str()), (MISSING, "`app nextcloud` lacks its name"));
    assert_eq!(finding.help, ["write it as `app nextcloud cloud { storage 120 GiB; }`"]);
}

#[test]
fn a_text_without_quotes_is_quoted_by_a_fix() {
    let finding = the_finding("title \"Alternatiba\"", "title Alternatiba France");
    assert_eq!((finding.code, finding.title.as_str()), (SUPERFLUOUS, "`title` has a word too many"));
    assert_eq!(finding.fixes[0].edits[0].replacement, "\"Alternatiba France\"");
}

#[test]
fn a_setting_on_the_line_of_its_app_goes_into_the_block() {
    let finding = the_finding("app nextcloud cloud {", "app nextcloud cloud size=small {");
    assert_eq!(finding.code, UNKNOWN_PROPERTY);
    assert_eq!(finding.help, ["settings stand in the block: `app nextcloud cloud { size small; }`"]);
}

#[test]
fn a_property_written_as_a_node_goes_on_the_line() {
    let finding = the_finding("role=technical", "role=technical {\n        role billing\n    }");
    assert_eq!((finding.code, finding.title.as_str()), (NO_BLOCK, "`contact` takes no block"));
}

#[test]
fn a_form_that_nobody_knows_lists_those_there_are() {
    let finding = the_finding("retired app hedgedoc", "retired ap hedgedoc");
    assert_eq!((finding.code, finding.title.as_str()), (scalar::NOT_AN_OPTION, "`retired` cannot be `ap`"));
    assert_eq!(finding.primary.text, "did you mean `app`?");
}

#[test]
fn an_amount_without_its_unit_is_one_finding() {
    let finding = the_finding("keep-data 90 days", "keep-data 90");
    assert_eq!(finding.title, "`keep-data` lacks the unit of its amount");
}

#[test]
fn a_file_without_its_edition_gets_one() {
    let finding = the_finding("edition 2026\n", "");
    assert_eq!((finding.code, finding.title.as_str()), (NO_EDITION, "the file does not say its edition"));
    assert_eq!(finding.fixes[0].edits[0].replacement, "edition 2026\n\n");
}

#[test]
fn a_file_of_another_edition_is_one_finding_whatever_it_holds() {
    let finding = the_finding("edition 2026\n", "edition 2031\nwonders galore\n");
    assert_eq!((finding.code, finding.title.as_str()), (UNKNOWN_EDITION, "parcelle does not know edition `2031`"));
}

#[test]
fn a_broken_node_is_marked_and_its_neighbours_are_not() {
    let mut findings = Findings::default();
    let text = ORGANISATION.replace("90 days", "90 dayz");
    let checked = check(syntax::parse(FileId(0), &text, &mut findings), &mut findings);
    let organisation = &checked.document.nodes[1];
    let retired = organisation.child("retired").expect("it is there");
    assert!(checked.holds_broken(retired) && !checked.is_broken(retired));
    assert!(checked.is_broken(&retired.children[0]));
    assert!(checked.holds_broken(organisation));
    assert!(!checked.holds_broken(organisation.child("app").expect("it is there")));
}
