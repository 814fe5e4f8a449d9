//! The merge of the layers, row by row of the table.

use super::*;
use crate::model::Explanation;
use crate::model::spelling::setting_text;

/// The effective setting of alternatiba's cloud where the layers say these lines.
fn effective(name: &str, offer_defaults: &str, offer_app: &str, defaults: &str, app: &str) -> String {
    let tried = layered(offer_defaults, offer_app, defaults, app);
    assert_eq!(tried.short(), "");
    let app = tried.app("alternatiba", "cloud");
    setting_text(&app.definition.settings[name], &app.settings[name])
}

fn layered(offer_defaults: &str, offer_app: &str, defaults: &str, app: &str) -> Tried {
    let offer = format!(
        "edition 2026\noffer liiibre {{\n defaults {{\n{offer_defaults}\n}}\n app nextcloud cloud {{\n{offer_app}\n}}\n}}\n"
    );
    let organisation = format!(
        "edition 2026\norganisation alternatiba {{\n title \"A\"\n offer liiibre\n cluster ada-lovelace\n domain alternatiba.example\n defaults {{\n{defaults}\n}}\n app nextcloud cloud {{\n{app}\n}}\n app static-site www\n}}\n"
    );
    let title = "    title \"IndieHosters\"\n";
    let mut files = changed(&[("garden.kdl", title, &format!("{title}    allow W0443 \"elsewhere\"\n"))]);
    for (path, text) in &mut files {
        match path.as_str() {
            "offers/liiibre.kdl" => text.clone_from(&offer),
            "organisations/alternatiba.kdl" => text.clone_from(&organisation),
            _ => {}
        }
    }
    try_files(&files, None)
}

#[test]
fn a_scalar_of_a_nearer_layer_replaces_the_whole_node() {
    assert_eq!(effective("storage", "", "storage 50 GiB", "", "storage 120 GiB"), "storage 120 GiB");
    assert_eq!(effective("storage", "", "storage 50 MiB", "", "storage 50 GiB"), "storage 50 GiB");
}

#[test]
fn properties_merge_one_by_one() {
    assert_eq!(effective("scale", "scale min=2 max=6", "", "", "scale max=20"), "scale min=2 max=20 cpu-percent=70");
}

#[test]
fn properties_merge_under_the_same_first_argument_and_under_none() {
    let far = "nights asleep from=\"22:00\" to=\"06:30\"";
    let want = "nights asleep from=\"23:00\" to=\"06:30\"";
    assert_eq!(effective("nights", far, "", "nights asleep from=\"23:00\"", ""), want);
    assert_eq!(effective("nights", far, "", "nights from=\"23:00\"", ""), want);
}

#[test]
fn another_first_argument_replaces_all() {
    assert_eq!(
        effective("nights", "nights asleep from=\"22:00\" to=\"06:30\"", "", "nights awake", ""),
        "nights awake"
    );
}

#[test]
fn children_merge_one_by_one_and_inside_as_above() {
    let merged = effective("backup", "backup { keep daily=7 weekly=4; }", "", "", "backup { keep daily=14; }");
    assert_eq!(merged, "backup { keep daily=14 weekly=4; }");
    let far = "backup { every night at=\"02:30\"; keep daily=7; }";
    assert_eq!(effective("backup", far, "", "", "backup { every week; }"), "backup { every week; keep daily=7; }");
}

#[test]
fn a_list_replaces_and_add_and_without_extend() {
    assert_eq!(effective("modules", "", "modules calendar", "", "modules deck"), "modules deck");
    assert_eq!(effective("modules", "", "modules calendar", "", "modules add deck"), "modules calendar deck");
    assert_eq!(effective("modules", "", "modules calendar deck", "", "modules without deck"), "modules calendar");
    assert_eq!(effective("modules", "", "", "", "modules add deck"), "modules deck");
}

#[test]
fn an_app_is_merged_by_its_name_and_must_be_of_the_same_definition() {
    let offer = ("offers/liiibre.kdl", "app nextcloud cloud {", "app hedgedoc cloud {");
    let tried = try_files(&changed(&[offer]), None);
    let finding = tried.findings.iter().find(|finding| finding.code.as_str() == "E0307").expect("a finding");
    assert_eq!(finding.title, "`cloud` is a nextcloud here and a hedgedoc in the offer");
    assert_eq!(tried.sources.locate(finding.secondary[0].span), "offers/liiibre.kdl:14:5");
}

#[test]
fn the_same_setting_twice_in_one_layer_shows_both_places() {
    let tried = layered("", "", "", "storage 60 GiB\nstorage 70 GiB");
    assert_eq!(
        tried.short(),
        "organisations/alternatiba.kdl:12:1 E0102 `storage` is written twice
  also organisations/alternatiba.kdl:11:1 first here
  why parcelle does not choose which of the two is meant
  help keep one of them"
    );
}

/// Where a setting of alternatiba's cloud comes from: what is in force, then a line a layer.
fn explained(tried: &Tried, name: &str) -> (Explanation, Vec<String>) {
    let explanation = explain(tried.garden(), "alternatiba", "cloud", name).expect("the setting is there");
    let line = |said: &crate::model::explain::LayerSetting| {
        let text = said.text.as_deref().unwrap_or("nothing");
        format!("{:?} {text} {} {:?}", said.layer, tried.sources.locate(said.span), said.part)
    };
    let lines = explanation.layers.iter().map(line).collect();
    (explanation, lines)
}

#[test]
fn explain_says_what_each_layer_says_and_which_words_of_it_are_in_force() {
    let tried = layered("scale min=2 max=6", "scale min=3", "", "scale max=20");
    let (explanation, lines) = explained(&tried, "scale");
    assert_eq!(explanation.effective.as_deref(), Some("scale min=3 max=20 cpu-percent=70"));
    assert_eq!(
        lines[..3],
        [
            "App scale max=20 organisations/alternatiba.kdl:11:1 All",
            "OfferApp scale min=3 offers/liiibre.kdl:7:1 All",
            "OfferDefaults scale min=2 max=6 offers/liiibre.kdl:4:1 Nothing { nearer: App }",
        ]
    );
    assert!(lines[3].starts_with("Definition scale min=1 max="), "{}", lines[3]);
    assert!(lines[3].ends_with("Some([\"cpu-percent\"])"), "{}", lines[3]);
}

#[test]
fn groups_and_their_defaults_are_explained_as_kdl_that_can_be_pasted() {
    let far = "backup { every night; keep weekly=4 daily=7; }";
    let (explanation, lines) = explained(&layered(far, "", "", "backup { keep daily=14; }"), "backup");
    let effective = "backup { every night; keep daily=14 weekly=4; }";
    assert_eq!(explanation.effective.as_deref(), Some(effective));
    assert!(lines[0].starts_with("App backup { keep daily=14; } "), "{}", lines[0]);
    assert!(lines[1].starts_with("OfferDefaults backup { every night; keep daily=7 weekly=4; } "), "{}", lines[1]);
    assert!(lines[1].ends_with("Some([\"every\", \"keep weekly\"])"), "{}", lines[1]);
    assert_eq!(lines.len(), 2, "the definition itself says nothing of it: {lines:?}");
}

#[test]
fn a_value_that_parcelle_makes_says_of_what() {
    let tried = layered("", "", "", "");
    let (explanation, lines) = explained(&tried, "at");
    assert_eq!((explanation.effective.as_deref(), lines.len()), (Some("at cloud.alternatiba.example"), 0));
    let computed = explanation.computed.expect("no layer says it");
    let parts: Vec<String> = computed
        .parts
        .iter()
        .map(|(name, value, span)| format!("{name} {value} {}", tried.sources.locate(*span)))
        .collect();
    assert!(computed.of.starts_with("NAME.DOMAIN"), "{}", computed.of);
    assert_eq!(parts[0], "NAME cloud organisations/alternatiba.kdl:10:2");
    assert!(parts[1].starts_with("DOMAIN alternatiba.example organisations/alternatiba.kdl:"), "{}", parts[1]);
}
