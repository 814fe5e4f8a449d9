//! Stories of `new` and `rename`: what they write is valid, leads on, and never brings findings.

use crate::command::{Output, TestEnvironment};

fn done(environment: &TestEnvironment, arguments: &[&str]) -> Output {
    let said = environment.run(arguments);
    assert_eq!(said.code, 0, "{arguments:?}: {}", said.text());
    said
}

fn refused(environment: &TestEnvironment, arguments: &[&str], what: &str) {
    let before = tree(environment);
    let said = environment.run(arguments);
    assert_eq!(said.code, 2, "{arguments:?}: {}", said.text());
    assert!(said.text().contains(what), "{arguments:?} does not say {what:?}: {}", said.text());
    assert_eq!(tree(environment), before, "{arguments:?} wrote something");
}

/// Every KDL file of the garden with its text.
fn tree(environment: &TestEnvironment) -> Vec<(String, String)> {
    let root = environment.path("garden");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() && !path.ends_with(".git") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "kdl") {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// A garden as `new` makes it, with an organisation that has an app of its own and one of its offer.
fn grown() -> TestEnvironment {
    let environment = TestEnvironment::new();
    done(&environment, &["new", "garden", "jardin", "--backups", "https://s3.backups.example"]);
    let offer = environment.read("garden/offers/basic.kdl");
    let offer =
        offer.replace("    defaults {", "    app hedgedoc pads {\n        storage 5 GiB\n    }\n    defaults {");
    environment.garden([("offers/basic.kdl", offer)]);
    done(&environment, &["new", "org", "cafe", "--domain", "cafe.example", "--title", "Café"]);
    done(&environment, &["new", "app", "cafe/sso", "--definition", "keycloak"]);
    done(&environment, &["new", "app", "cafe/cloud", "--definition", "nextcloud"]);
    environment
}

fn cafe(environment: &TestEnvironment) -> String {
    environment.read("garden/organisations/cafe.kdl")
}

/// The garden is clean, and a plan against the commit before goes on with all data: no volume or database is made or goes.
fn clean(environment: &TestEnvironment) {
    let said = done(environment, &["check"]);
    assert!(!said.text().contains("error"), "{}", said.text());
}

#[test]
fn each_new_file_is_valid_and_the_next_command_is_named() {
    let environment = TestEnvironment::new();
    let said = done(&environment, &["new", "garden", "jardin"]);
    assert_eq!(said.stdout, "garden.kdl\nclusters/first.kdl\noffers/basic.kdl\n");
    assert!(said.stderr.contains("nothing is backed up until clusters/first.kdl says where"), "{}", said.stderr);
    assert!(said.stderr.ends_with("next: parcelle new org NAME, for whom you host first\n"), "{}", said.stderr);
    let said = done(&environment, &["new", "org", "cafe"]);
    assert!(said.stderr.contains("next: parcelle new app cafe/NAME --definition DEFINITION"), "{}", said.stderr);
    let said = done(&environment, &["new", "app", "cafe/www", "--definition", "static-site"]);
    assert!(said.stderr.contains("git init && git add --all && git commit"), "{}", said.stderr);
    assert!(said.stderr.contains("then: parcelle run --once --sandbox"), "{}", said.stderr);
    clean(&environment);
    environment.commit("The garden");
    let said = done(&environment, &["run", "--once", "--sandbox"]);
    assert!(said.stdout.ends_with("16 applied in 1 organisation.\n"), "{}", said.stdout);
    // What there is already is left alone, and further parts stand beside it.
    refused(&environment, &["new", "garden", "jardin"], "exists already");
    refused(&environment, &["new", "cluster", "first"], "exists already");
    let said = done(
        &environment,
        &["new", "cluster", "second", "--domain", "second.example.net", "--backups", "https://s3.x.example"],
    );
    assert!(said.stderr.contains("parcelle doctor second"), "{}", said.stderr);
    let cluster = environment.read("garden/clusters/second.kdl");
    assert!(cluster.contains("    domain second.example.net\n"), "{cluster}");
    assert!(cluster.contains("        backup k8up { endpoint \"https://s3.x.example\";"), "{cluster}");
    let said = done(&environment, &["new", "offer", "grande-taille"]);
    assert!(said.stderr.contains("parcelle new org NAME --offer grande-taille"), "{}", said.stderr);
    assert!(environment.read("garden/offers/grande-taille.kdl").contains("title \"Grande taille\""));
    clean(&environment);
    let said = done(&environment, &["new", "app", "cafe/pads", "--definition", "hedgedoc"]);
    assert!(
        said.stderr.ends_with("next: parcelle plan --base HEAD cafe, which asks no cluster; then commit it\n"),
        "{}",
        said.stderr
    );
}

#[test]
fn what_would_not_be_valid_is_not_written() {
    let environment = grown();
    refused(&environment, &["new", "cluster", "third", "--domain", "nodot"], "a host has at least one dot");
    refused(&environment, &["new", "cluster", "third", "--backups", "ftp://x"], "`endpoint` wants an address");
    refused(&environment, &["new", "cluster", "Third"], "no name");
    refused(&environment, &["new", "offer", "x--y"], "no name");
    refused(&environment, &["new", "org", "www", "--domain", "cafe.example"], "nothing was written");
    refused(&environment, &["new", "org", "zz", "--contact", "nobody"], "`contact` wants a mail address");
    refused(&environment, &["new", "org", "zz", "--offer", "basik"], "did you mean `basic`?");
    refused(&environment, &["new", "app", "cafe/chat", "--definition", "rocket-chat"], "does not provide `mongodb`");
    refused(&environment, &["new", "app", "cafe/chat", "--definition", "rocketchat"], "did you mean `rocket-chat`?");
    refused(&environment, &["new", "app", "caffe/chat", "--definition", "hedgedoc"], "did you mean `cafe`?");
    let elsewhere = environment.path("elsewhere").display().to_string();
    let said = environment.run(["new", "garden", "x", &elsewhere, "--domain", "a b"]);
    assert!(said.code == 2 && !environment.path("elsewhere").exists(), "{}", said.text());
}

#[test]
fn an_app_goes_on_under_another_name_with_all_that_names_it() {
    let environment = grown();
    let text = cafe(&environment);
    let more = "    sign-on sso {\n        admins a@cafe.example\n    }\n";
    environment
        .garden([("organisations/cafe.kdl", text.replace("    app keycloak", &format!("{more}    app keycloak")))]);
    let cloud = "    app nextcloud cloud {\n        sign-on sso\n        field Deployment cloud-web \".spec.replicas\" leave\n    }";
    environment.garden([("organisations/cafe.kdl", cafe(&environment).replace("    app nextcloud cloud", cloud))]);
    clean(&environment);
    environment.commit("a garden");
    let said = done(&environment, &["rename", "app", "cafe/sso", "door"]);
    assert_eq!(said.stdout, "organisations/cafe.kdl\n");
    assert!(
        said.stderr.contains("people find it at door.cafe.example from then on, and at sso.cafe.example nothing"),
        "{}",
        said.stderr
    );
    let text = cafe(&environment);
    assert!(text.contains("    sign-on door {") && text.contains("        sign-on door\n"), "{text}");
    assert!(text.contains("app keycloak door { was sso; }"), "{text}");
    clean(&environment);
    // A second renaming keeps the first name, objects that are named follow, the host may stay.
    environment.commit("a door");
    done(&environment, &["rename", "app", "cafe/cloud", "files", "--keep-host"]);
    let text = cafe(&environment);
    assert!(text.contains("field Deployment files-web \".spec.replicas\" leave"), "{text}");
    assert!(text.contains("        was cloud\n        at cloud.cafe.example\n    }"), "{text}");
    environment.commit("files");
    done(&environment, &["rename", "app", "cafe/files", "papers"]);
    assert!(cafe(&environment).contains("was cloud\n"), "{}", cafe(&environment));
    clean(&environment);
    // Back again: there is no earlier name.
    done(&environment, &["rename", "app", "cafe/papers", "cloud"]);
    assert!(!cafe(&environment).contains("was cloud"), "{}", cafe(&environment));
    assert!(cafe(&environment).contains("field Deployment cloud-web"), "{}", cafe(&environment));
    clean(&environment);
    // What nobody has applied has no data to go on with.
    done(&environment, &["new", "app", "cafe/site", "--definition", "static-site"]);
    done(&environment, &["rename", "app", "cafe/site", "www"]);
    assert!(cafe(&environment).contains("    app static-site www\n"), "{}", cafe(&environment));
}

#[test]
fn an_app_of_the_offer_becomes_one_of_the_organisations_own() {
    let environment = grown();
    environment.commit("a garden");
    let said = done(&environment, &["rename", "app", "cafe/pads", "texts"]);
    assert!(said.stderr.contains("`pads` is an app of the offer basic"), "{}", said.stderr);
    let text = cafe(&environment);
    assert!(
        text.ends_with(
            "    without pads\n    app hedgedoc texts {\n        was pads\n        storage 5 GiB\n    }\n}\n"
        ),
        "{text}"
    );
    clean(&environment);
    let said = environment.run(["explain", "cafe/texts.storage"]);
    assert!(said.stdout.contains("storage 5 GiB"), "{}", said.text());
    // One that the organisation says more of: both count, word by word.
    environment.reset("HEAD");
    let own = "    app hedgedoc pads {\n        scale min=1\n    }\n}\n";
    let text = cafe(&environment);
    environment.garden([("organisations/cafe.kdl", format!("{}{own}", text.trim_end().strip_suffix('}').unwrap()))]);
    done(&environment, &["rename", "app", "cafe/pads", "texts"]);
    let text = cafe(&environment);
    assert!(text.contains("    app hedgedoc texts {\n        scale min=1\n        was pads\n        storage 5 GiB\n    }\n    without pads\n}"), "{text}");
    clean(&environment);
}

#[test]
fn a_renaming_that_brings_findings_writes_nothing() {
    let environment = grown();
    environment.commit("a garden");
    refused(&environment, &["rename", "app", "cafe/cloud", "sso"], "already has an app `sso`");
    refused(&environment, &["rename", "app", "cafe/cloud", "cloud"], "is called so already");
    refused(&environment, &["rename", "app", "cafe/clod", "x"], "did you mean `cloud`?");
    refused(&environment, &["rename", "app", "cloud", "x"], "in which organisation");
    refused(&environment, &["rename", "app", "cafe/cloud", "Wolke"], "is no name");
    // Somebody else has the host that the new name brings.
    done(&environment, &["new", "org", "other", "--domain", "other.example"]);
    let text = environment.read("garden/organisations/other.kdl");
    let lent = text.replace("    contact", "    app static-site www { at files.cafe.example; }\n    contact");
    environment.garden([("organisations/other.kdl", lent)]);
    let lender = cafe(&environment).replace("    contact", "    delegate files.cafe.example to=other\n    contact");
    environment.garden([("organisations/cafe.kdl", lender)]);
    clean(&environment);
    refused(&environment, &["rename", "app", "cafe/cloud", "files"], "nothing was written");
    done(&environment, &["rename", "app", "cafe/cloud", "files", "--keep-host"]);
    // Files with findings are left alone.
    environment.garden([("organisations/cafe.kdl", cafe(&environment).replace("offer basic", "offer basik"))]);
    refused(&environment, &["rename", "app", "cafe/files", "papers"], "mend them first");
}

#[test]
fn an_organisation_that_nobody_applied_gets_another_name_everywhere() {
    let environment = grown();
    environment.commit("a garden");
    refused(&environment, &["rename", "org", "cafe", "bistro"], "an organisation is a namespace");
    done(&environment, &["new", "org", "newcomer", "--domain", "newcomer.example"]);
    let lender = cafe(&environment).replace("    contact", "    delegate x.cafe.example to=newcomer\n    contact");
    environment.garden([("organisations/cafe.kdl", lender)]);
    let said = done(&environment, &["rename", "org", "newcomer", "neighbour"]);
    assert_eq!(said.stdout, "organisations/cafe.kdl\norganisations/neighbour.kdl\n");
    assert!(!environment.path("garden/organisations/newcomer.kdl").exists());
    assert!(environment.read("garden/organisations/neighbour.kdl").contains("organisation neighbour {"));
    assert!(cafe(&environment).contains("to=neighbour"), "{}", cafe(&environment));
    clean(&environment);
    refused(&environment, &["rename", "org", "neighbour", "cafe"], "already has an organisation `cafe`");
    refused(&environment, &["rename", "org", "neighbour", "kube-system"], "nothing was written");
}
