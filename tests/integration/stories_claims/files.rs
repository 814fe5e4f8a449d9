//! Stories of files: two of one name, one that lends and cannot be read, one that asks for what another retires.

use super::garden::{Garden, add, path, text, two};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_node_of_a_name_has_the_finding_and_the_first_goes_on() {
    let mut files = two();
    let mut this = Garden::begun(&files).await;
    add(
        &mut files,
        "alpha",
        "ada-lovelace",
        "    domain alpha.example\n    app static-site www { title Ours; }\n    app hedgedoc pads\n",
    );
    let hostile = text("organisation", "alpha", "bell", "    domain evil.example\n");
    files.insert("organisations/a/alpha.kdl".to_owned(), hostile);
    let told = this.pushed(&files).await;
    assert_eq!(told.findings, ["E0302 there are two organisations `alpha`"]);
    assert!(told.wrote("alpha") && !told.wrote("beta"), "{told:?}");
    this.until_calm().await;
    let told = this.followed().await;
    assert_eq!((told.findings.len(), told.writes), (1, Vec::new()));
    // One that cannot be read stops nobody either.
    files.insert(
        "organisations/a/alpha.kdl".to_owned(),
        "edition 2025\n\norganisation alpha { title \"x\"; }\n".to_owned(),
    );
    add(
        &mut files,
        "alpha",
        "ada-lovelace",
        "    domain alpha.example\n    app static-site www { title Mine; }\n    app hedgedoc pads\n",
    );
    let told = this.pushed(&files).await;
    assert!(told.wrote("alpha"), "{told:?}");
    this.until_calm().await;
    // Nor does it step in where the one that is applied cannot be read.
    files.insert(
        "organisations/a/alpha.kdl".to_owned(),
        text(
            "organisation",
            "alpha",
            "ada-lovelace",
            "    domain alpha.example\n    app static-site www { title Theirs; }\n    app hedgedoc pads\n",
        ),
    );
    files.insert(path("alpha"), "edition 2025\n\norganisation alpha { title \"x\"; }\n".to_owned());
    for told in [this.pushed(&files).await, this.followed().await] {
        assert_eq!(told.writes, Vec::<String>::new());
    }
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_cluster_or_offer_of_a_name_stops_nobody() {
    let mut files = two();
    let mut this = Garden::begun(&files).await;
    let second = files["clusters/ada-lovelace.kdl"].replace("domain ada.host.example", "domain other.example");
    files.insert("a-second.kdl".to_owned(), second);
    files.insert("an-offer.kdl".to_owned(), files["offers/small.kdl"].replace("16 cores", "1 cores"));
    add(&mut files, "beta", "ada-lovelace", "    domain beta.example\n    app static-site www { title Ours; }\n");
    let told = this.pushed(&files).await;
    assert_eq!(told.findings, ["E0302 there are two clusters `ada-lovelace`", "E0302 there are two offers `small`"]);
    assert!(told.wrote("beta") && !told.wrote("alpha"), "{told:?}");
    this.until_calm().await;
    let told = this.followed().await;
    assert_eq!((told.findings.len(), told.writes), (2, Vec::new()));
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_takes_the_host_of_a_retired_app_of_another_organisation() {
    let mut files = two();
    let mut this = Garden::begun(&files).await;
    add(
        &mut files,
        "alpha",
        "ada-lovelace",
        "    domain alpha.example\n    app static-site www\n    retired app hedgedoc pads { keep-data 90 days; }\n",
    );
    this.pushed(&files).await;
    this.until_calm().await;
    assert_eq!(this.hosts("ada-lovelace", "alpha").await, ["pads.alpha.example", "www.alpha.example"]);
    add(
        &mut files,
        "beta",
        "ada-lovelace",
        "    domain beta.example\n    app static-site www { also-at pads.alpha.example; }\n",
    );
    let told = this.pushed(&files).await;
    assert_eq!(
        (told.findings, told.writes),
        (vec!["E0401 `pads.alpha.example` is taken by `alpha/pads`".to_owned()], vec![])
    );
    assert_eq!(this.hosts("ada-lovelace", "alpha").await, ["pads.alpha.example", "www.alpha.example"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_borrower_goes_on_while_the_file_of_its_lender_cannot_be_read() {
    let mut files = two();
    let lends = "    domain alpha.example\n    delegate forum.alpha.example to=beta\n    app static-site www\n    app hedgedoc pads\n";
    let borrows = |title: &str| {
        format!("    domain beta.example\n    app static-site www {{ at forum.alpha.example; title {title}; }}\n")
    };
    add(&mut files, "alpha", "ada-lovelace", lends);
    add(&mut files, "beta", "ada-lovelace", &borrows("One"));
    let mut this = Garden::begun(&files).await;
    for broken in [
        "edition 2026\n\norganisation alpha {\n    title \"alpha\n",
        "edition 2025\n",
        "edition 2026\n\norganisation alpha {\n    title alpha\n    offer small\n    cluster ada\n    domain alpha.example\n    delegat forum.alpha.example to=beta\n    app static-site www\n    app hedgedoc pads\n}\n",
    ] {
        files.insert(path("alpha"), broken.to_owned());
        add(&mut files, "beta", "ada-lovelace", &borrows("Two"));
        let told = this.pushed(&files).await;
        assert!(!told.findings.is_empty() && told.wrote("beta"), "{broken}: {told:?}");
        this.until_calm().await;
        add(&mut files, "beta", "ada-lovelace", &borrows("One"));
        this.pushed(&files).await;
        this.until_calm().await;
    }
    // Where the lender says so, it ends.
    add(&mut files, "alpha", "ada-lovelace", &lends.replace("    delegate forum.alpha.example to=beta\n", ""));
    let told = this.pushed(&files).await;
    assert_eq!(told.findings, ["E0402 `forum.alpha.example` is outside the domain of `beta`"]);
    this.ended().await;
}
