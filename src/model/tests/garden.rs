use super::*;

#[test]
fn the_garden_of_the_language_page_checks_clean() {
    let tried = try_files(&changed(&[]), None);
    assert_eq!(tried.short(), "");
    let garden = tried.garden();
    assert_eq!(garden.name.as_str(), "indiehosters");
    assert_eq!(garden.people["tim"].groups.len(), 2);
    assert_eq!(garden.deletions.undeclared_percent, 10);
    assert_eq!(garden.organisations.len(), 3);
    let alternatiba = &garden.organisations["alternatiba"];
    assert_eq!(alternatiba.note.as_deref(), Some("Climate movement, on Liiibre since 2019."));
    assert_eq!(alternatiba.timezone, "Europe/Paris");
    let names: Vec<&str> = alternatiba.apps.keys().map(Name::as_str).collect();
    assert_eq!(names, ["cloud", "old-pads", "pads", "www"]);
}

#[test]
fn the_definition_of_the_language_page_loads() {
    let path = "definitions/nextcloud.kdl";
    let page = include_str!("../../../tests/cases/language-page/nextcloud.kdl");
    let ours = include_str!("../../../tests/cases/baseline/definitions/nextcloud.kdl");
    let tried = try_files(&changed(&[(path, ours, page)]), None);
    let errors: Vec<_> =
        tried.findings.iter().filter(|finding| finding.severity == crate::finding::Severity::Error).collect();
    assert!(errors.is_empty(), "{}", tried.short());
}

#[test]
fn an_app_is_at_its_name_below_the_domain_of_its_organisation_or_of_the_cluster() {
    let tried = try_files(&changed(&[]), None);
    let hosts = |organisation: &str, app: &str| -> Vec<String> {
        tried.app(organisation, app).hosts.iter().map(|host| host.value.clone()).collect()
    };
    assert_eq!(hosts("alternatiba", "cloud"), ["cloud.alternatiba.example"]);
    assert_eq!(hosts("alternatiba", "www"), ["alternatiba.example", "www.alternatiba.example"]);
    assert_eq!(hosts("art-bati", "pads"), ["pads.art-bati.ada.indiehosters.example"]);
}

#[test]
fn an_app_runs_its_version_or_what_its_channel_names() {
    let notes = "        at notes.tiers-lieux.example\n";
    let version = |line: &str| {
        let text = format!("{notes}{line}");
        let tried = try_files(&changed(&[("organisations/tiers-lieux.kdl", notes, &text)]), None);
        assert_eq!(tried.short(), "");
        tried.app("tiers-lieux", "notes").release.version.clone()
    };
    assert_eq!(version(""), "1.12");
    assert_eq!(version("        version 1.10\n"), "1.10", "the spelling counts, not the number");
    assert_eq!(version("        channel stable\n"), "1.12");
}

#[test]
fn a_finding_stops_exactly_the_organisation_it_is_in() {
    let tried = try_files(&changed(&[("organisations/tiers-lieux.kdl", "domain tiers", "domian tiers")]), None);
    assert!(
        tried.short().starts_with("organisations/tiers-lieux.kdl:8:5 E0101 `domian` is not known"),
        "{}",
        tried.short()
    );
    let garden = tried.garden();
    assert_eq!(garden.broken.iter().map(Name::as_str).collect::<Vec<_>>(), ["tiers-lieux"]);
    assert_eq!(garden.organisations.len(), 2);
}

#[test]
fn a_finding_in_an_offer_stops_its_subscribers_and_nobody_else() {
    let tried = try_files(&changed(&[("offers/liiibre.kdl", "storage 50 GiB", "storage 50 Gio")]), None);
    assert_eq!(tried.findings.len(), 1, "{}", tried.short());
    let broken: Vec<&str> = tried.garden().broken.iter().map(Name::as_str).collect();
    assert_eq!(broken, ["alternatiba", "art-bati"]);
}

#[test]
fn a_broken_definition_stops_those_who_use_it_and_nobody_else() {
    let tried = try_files(&changed(&[("definitions/forum.kdl", "${needs.db.url}", "${needs.bd.url}")]), None);
    assert!(tried.short().contains("E0505"), "{}", tried.short());
    let broken: Vec<&str> = tried.garden().broken.iter().map(Name::as_str).collect();
    assert_eq!(broken, ["tiers-lieux"]);
}

#[test]
fn what_stood_in_a_file_that_cannot_be_read_is_not_taken_as_gone() {
    let past = past(&[]);
    let tried = try_files(&changed(&[("organisations/art-bati.kdl", "edition 2026", "edition 2031")]), Some(&past));
    assert_eq!(tried.findings.len(), 1, "{}", tried.short());
    assert!(tried.garden().broken.contains("art-bati"));
    assert!(tried.garden().unreadable.is_empty(), "nothing that others use can have stood there");
    assert_eq!(tried.garden().organisations.len(), 2, "the others go on");
}

#[test]
fn without_a_garden_node_there_is_no_garden_and_one_finding() {
    let files: Vec<_> = changed(&[]).into_iter().filter(|(path, _)| path != "garden.kdl").collect();
    let tried = try_files(&files, None);
    assert!(tried.garden.is_none());
    assert_eq!(tried.findings.len(), 1, "{}", tried.short());
    assert_eq!(tried.findings[0].code, crate::model::draft::garden::NO_GARDEN);
}

#[test]
fn retired_apps_are_known_with_their_time_and_give_their_hosts_away() {
    let retired = "    retired app hedgedoc old-pads {\n";
    let with = "    app hedgedoc new-pads { at old-pads.alternatiba.example; }\n    retired app hedgedoc old-pads {\n";
    let tried = try_files(&changed(&[("organisations/alternatiba.kdl", retired, with)]), None);
    assert_eq!(tried.short(), "");
    let old = tried.app("alternatiba", "old-pads");
    let Life::Retired(kept) = &old.life else { panic!("it is retired") };
    assert_eq!(kept.keep_data.to_string(), "90 days");
    assert_eq!(old.hosts, []);
}

#[test]
fn a_retired_organisation_retires_all_its_apps() {
    let head = "organisation tiers-lieux {\n";
    let with = "retired organisation tiers-lieux {\n    keep-data 60 days\n";
    let tried = try_files(&changed(&[("organisations/tiers-lieux.kdl", head, with)]), None);
    assert_eq!(tried.short(), "");
    let organisation = &tried.garden().organisations["tiers-lieux"];
    assert!(organisation.retired.is_some());
    assert!(organisation.apps.values().all(|app| matches!(app.life, Life::Retired(_))));
}

#[test]
fn an_app_says_what_it_adopts_takes_and_holds() {
    let at = "        at notes.tiers-lieux.example\n";
    let words = "        at notes.tiers-lieux.example
        hold \"until Friday\"
        was pad
        adopt Deployment notes-web
        field Deployment notes-web \".spec.replicas\" leave
        env CMD_LOG_LEVEL debug
        patch Deployment notes-web { spec { minReadySeconds 20; }; }
        state paused\n";
    let tried = try_files(&changed(&[("organisations/tiers-lieux.kdl", at, words)]), None);
    assert_eq!(tried.short(), "");
    let app = tried.app("tiers-lieux", "notes");
    assert_eq!(app.hold.as_ref().map(|hold| hold.value.as_str()), Some("until Friday"));
    assert_eq!(app.was.as_ref().map(|was| was.value.as_str()), Some("pad"));
    assert_eq!((app.adopt[0].kind.as_str(), app.adopt[0].name.as_str()), ("Deployment", "notes-web"));
    assert!(!app.fields[0].take);
    assert_eq!(app.env["CMD_LOG_LEVEL"].value, EnvValue::Text("debug".to_owned()));
    assert_eq!(app.patches.len(), 1);
    assert!(matches!(app.life, Life::Paused(_)));
}

#[test]
fn the_definitions_that_come_with_parcelle_check_against_the_language_and_load() {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    for file in definition::built_in(&mut sources) {
        let document = syntax::parse(file, &sources.file(file).text, &mut findings);
        schema::check(document, &mut findings);
    }
    assert!(findings.is_empty(), "{findings:#?}");
    let definitions = Definitions::built_in(&mut sources);
    assert!(definitions.broken.is_empty());
    assert_eq!(definitions.hash.len(), 64);
    assert!(definitions.loaded.contains_key("nextcloud"));
}

#[test]
fn who_signs_in_where_is_said_once_for_the_organisation() {
    let apps = "    app forum forum\n";
    let said = format!(
        "    sign-on sso {{ admins camille@tiers-lieux.example; groups press; }}\n    app keycloak sso {{ groups add board; }}\n    app decidim votes\n    app decidim other {{ sign-on elsewhere; }}\n    app keycloak elsewhere\n    retired app decidim old {{ keep-data 90 days; }}\n{apps}"
    );
    let tried = try_files(&changed(&[("organisations/tiers-lieux.kdl", apps, &said)]), None);
    assert_eq!(tried.short(), "");
    let text = |app: &str, setting: &str| {
        let setting = tried.app("tiers-lieux", app).settings.get(setting);
        setting.map(|setting| value_text(&setting.value))
    };
    assert_eq!(text("votes", "sign-on").as_deref(), Some("sso"));
    assert_eq!(text("other", "sign-on").as_deref(), Some("elsewhere"), "the nearer wins");
    assert_eq!(text("old", "sign-on"), None, "what is retired stays as it is");
    assert_eq!(text("sso", "admins").as_deref(), Some("camille@tiers-lieux.example"));
    assert_eq!(text("sso", "groups").as_deref(), Some("press board"));
    assert_eq!(text("elsewhere", "admins").as_deref(), Some(""));
    let app = tried.app("tiers-lieux", "forum");
    assert!(!app.settings.contains_key("sign-on"), "an app that signs nobody in");
}

#[test]
fn a_doubt_that_is_weighed_as_an_error_leaves_known_what_its_organisation_means() {
    let (path, garden) = ("organisations/art-bati.kdl", "garden.kdl");
    let own = "    without cloud\n    app hedgedoc pads { anonymous off; }\n";
    let before = [(path, "    without cloud\n", own)];
    let weigh = (garden, "    people {\n", "    severity W0410 error\n    people {\n");
    let tried = try_files(&changed(&[weigh]), Some(&past(&before)));
    assert!(tried.short().contains("W0410"), "{}", tried.short());
    let garden = tried.garden();
    assert!(garden.broken.contains("art-bati"), "it stops");
    assert!(garden.stopped.contains_key("art-bati"), "and what it means can be explained");
}
