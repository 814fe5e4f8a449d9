//! Names and domains beside an organisation's own: what the file of a cluster opens, and what was had before.

use super::*;

const TIERS_LIEUX: &str = "organisations/tiers-lieux.kdl";
const NOTES: &str = "        at notes.tiers-lieux.example\n";

/// What is said of the baseline with some changes, and whom it stops.
fn said_of(changes: &[(&str, &str, &str)]) -> (String, Vec<String>) {
    let tried = try_files(&changed(changes), None);
    (tried.short(), tried.garden().broken.iter().map(ToString::to_string).collect())
}

#[test]
fn a_further_domain_is_opened_by_the_file_of_the_cluster_for_its_owner_alone() {
    const CLUSTER: &str = "clusters/ada-lovelace.kdl";
    let host = (TIERS_LIEUX, NOTES, "        at notes.tl.example\n");
    let apps =
        "    app static-site www { at tl.example; }\n    app nextcloud notes {\n        mail from=notes@tl.example\n";
    let mail = (TIERS_LIEUX, "    app hedgedoc notes {\n", apps);
    let (text, stopped) = said_of(&[host, mail]);
    assert!(text.contains("E0402 2 hosts are outside the domain of `tiers-lieux`"), "{text}");
    assert!(text.contains("the file of the cluster says so: `belongs tl.example to=tiers-lieux`"), "{text}");
    assert_eq!(stopped, ["tiers-lieux"]);
    let belongs = (CLUSTER, "    provides {", "    belongs tl.example to=tiers-lieux\n    provides {");
    let (text, stopped) = said_of(&[host, mail, belongs]);
    assert_eq!((text.as_str(), stopped.len()), ("", 0));
    // It opens nothing to anybody else.
    let other = (CLUSTER, "    provides {", "    belongs tl.example to=art-bati\n    provides {");
    let (text, stopped) = said_of(&[host, mail, other]);
    assert!(text.contains("E0425"), "{text}");
    assert_eq!(stopped, ["tiers-lieux"]);
}

#[test]
fn an_organisation_that_has_a_reserved_name_in_a_cluster_keeps_it_and_can_be_retired() {
    let name = || Name::new("argocd").unwrap();
    let mut files = changed(&[(TIERS_LIEUX, "organisation tiers-lieux", "organisation argocd")]);
    files
        .iter_mut()
        .filter(|(path, _)| path == TIERS_LIEUX)
        .for_each(|(path, _)| *path = "organisations/argocd.kdl".to_owned());
    let tried = try_files(&files, None);
    assert!(tried.short().contains("E0404") && tried.garden().broken.contains("argocd"), "{}", tried.short());
    let mut before = past(&[]);
    let applied = before.organisations.remove("tiers-lieux").unwrap();
    before.organisations.insert(name(), applied);
    let tried = try_files(&files, Some(&before));
    assert!(!tried.short().contains("E0404"), "{}", tried.short());
    assert!(tried.garden().organisations.contains_key("argocd"), "{}", tried.short());
}
