//! Stories of newcomers that ask for what others have, of what is handed over, and of clusters that are away.

use parcelle::engine::Event;

use super::garden::{Garden, add, ground, path, push, refused, text, two};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_incumbent_has_stays_its_own_while_its_file_cannot_be_read() {
    let mut this = Garden::begun(&two()).await;
    let mut files = two();
    files.insert(path("alpha"), "edition 2026\n\norganisation alpha {\n    title \"alpha\n    domain \"\n".to_owned());
    add(
        &mut files,
        "beta",
        "ada-lovelace",
        "    domain beta.example\n    app static-site www {\n        also-at www.alpha.example\n    }\n",
    );
    add(&mut files, "gamma", "ada-lovelace", "    domain alpha.example\n    app static-site web\n");
    for told in [this.pushed(&files).await, this.followed().await] {
        assert!(told.findings.contains(&"E0401 `www.alpha.example` is taken by `alpha/www`".to_owned()), "{told:?}");
        assert!(told.findings.contains(&"E0403 `alpha.example` belongs to `alpha`".to_owned()), "{told:?}");
        assert_eq!(told.writes, Vec::<String>::new());
    }
    assert_eq!(this.hosts("ada-lovelace", "beta").await, ["www.beta.example"]);
    assert_eq!(this.hosts("ada-lovelace", "alpha").await, ["pads.alpha.example", "www.alpha.example"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_renamed_in_one_commit_waits_until_the_old_one_is_gone_and_is_asked() {
    let mut this = Garden::begun(&two()).await;
    let mut files = two();
    files.remove(&path("alpha"));
    add(
        &mut files,
        "alpha-new",
        "ada-lovelace",
        "    domain alpha.example\n    app static-site www\n    app hedgedoc pads\n",
    );
    for told in [this.pushed(&files).await, this.followed().await] {
        assert_eq!(
            told.findings,
            [
                "E0413 `alpha` is in the cluster, and no file mentions it any more",
                "E0403 `alpha.example` belongs to `alpha`",
            ]
        );
        assert_eq!(told.writes, Vec::<String>::new());
    }
    // The way out as it is printed: the old one is retired, and the new one goes on without what is still there.
    files.insert(
        path("alpha"),
        text(
            "retired organisation",
            "alpha",
            "ada-lovelace",
            "    domain alpha.example\n    app static-site www\n    app hedgedoc pads\n",
        ),
    );
    let told = this.pushed(&files).await;
    assert_eq!(told.findings, ["E0403 `alpha.example` belongs to `alpha`"]);
    assert!(!told.wrote("alpha-new") && told.wrote("alpha"), "{told:?}");
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_that_claims_a_domain_around_others_is_refused_and_stops_nobody() {
    let mut files = ground();
    add(&mut files, "alpha", "ada-lovelace", "    domain alpha.coop.example\n    app static-site www\n");
    add(&mut files, "beta", "ada-lovelace", "    domain beta.coop.example\n    app static-site www\n");
    let mut this = Garden::begun(&files).await;
    let lent = "    domain coop.example\n    delegate alpha.coop.example to=alpha\n    delegate beta.coop.example to=beta\n    app static-site www\n";
    for (lines, title) in [("    domain coop.example\n    app static-site www\n", "Newer"), (lent, "Newest")] {
        add(&mut files, "a-newcomer", "ada-lovelace", lines);
        let site = format!("    domain alpha.coop.example\n    app static-site www {{ title {title}; }}\n");
        add(&mut files, "alpha", "ada-lovelace", &site);
        let told = this.pushed(&files).await;
        let [finding] = &told.findings[..] else { panic!("{told:?}") };
        assert!(finding.starts_with("E0403 `coop.example` cannot be `a-newcomer`'s: `alpha` has the "), "{told:?}");
        assert!(told.wrote("alpha") && !told.wrote("a-newcomer"), "{told:?}");
        this.until_calm().await;
    }
    let told = this.followed().await;
    assert_eq!((told.findings.len(), told.writes), (1, Vec::new()));
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_that_is_handed_over_leads_to_one_at_every_moment() {
    let mut files = ground();
    add(&mut files, "alpha", "ada-lovelace", "    domain fair.example\n    app static-site www\n");
    add(&mut files, "a-beta", "ada-lovelace", "    domain beta.example\n    app static-site web\n");
    let mut this = Garden::begun(&files).await;
    add(&mut files, "alpha", "ada-lovelace", "    domain alpha.example\n    app static-site www\n");
    add(
        &mut files,
        "a-beta",
        "ada-lovelace",
        "    domain fair.example\n    app static-site www\n    app static-site web\n",
    );
    // The one that gives it up cannot: its route stays, and so the other one waits, in this process and the next.
    this.handles["ada-lovelace"].faults().add(refused(&["patch"], "httproutes.gateway.networking.k8s.io", "alpha"));
    let told = this.pushed(&files).await;
    assert_eq!((told.findings.len(), told.wrote("a-beta")), (0, false), "{told:?}");
    let domains = this.inventory("ada-lovelace", "alpha").await["footprint"]["domains"].clone();
    assert_eq!(domains, serde_json::json!(["alpha.example", "fair.example"]));
    let told = this.followed().await;
    assert!(!told.wrote("a-beta"), "{told:?}");
    assert_eq!(this.hosts("ada-lovelace", "a-beta").await, ["web.beta.example"]);
    // Once it can, both go in one turn, the one that gives first.
    this.handles["ada-lovelace"].faults().clear();
    let told = this.turn(Event::Resync).await;
    let route = |organisation: &str| {
        told.writes.iter().position(|write| write.starts_with(organisation) && write.contains("HTTPRoute"))
    };
    assert!(route("alpha ").is_some() && route("a-beta ").is_some(), "{told:?}");
    assert_eq!(this.hosts("ada-lovelace", "alpha").await, ["www.alpha.example"]);
    assert_eq!(this.hosts("ada-lovelace", "a-beta").await, ["web.fair.example", "www.fair.example"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_handed_over_by_a_file_that_is_stopped_stays_where_it_is() {
    let mut files = ground();
    add(
        &mut files,
        "alpha",
        "ada-lovelace",
        "    domain fair.example\n    app static-site www\n    app hedgedoc pads\n",
    );
    add(&mut files, "beta", "ada-lovelace", "    domain beta.example\n    app static-site www\n");
    let mut this = Garden::begun(&files).await;
    // The pads are left out unsaid, which stops alpha.
    add(&mut files, "alpha", "ada-lovelace", "    domain alpha.example\n    app static-site www\n");
    add(&mut files, "beta", "ada-lovelace", "    domain fair.example\n    app static-site www\n");
    for told in [this.pushed(&files).await, this.followed().await] {
        assert_eq!(told.findings, ["E0410 `pads` runs, and `alpha` does not mention it any more"]);
        assert_eq!(told.writes, Vec::<String>::new());
    }
    assert_eq!(this.hosts("ada-lovelace", "beta").await, ["www.beta.example"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_cluster_of_which_nothing_is_known_is_away_a_new_host_waits_and_all_else_goes_on() {
    let mut files = ground();
    add(&mut files, "alpha", "ada-lovelace", "    domain alpha.example\n    app static-site www\n");
    add(&mut files, "beta", "bell", "    domain beta.example\n    app static-site www\n");
    add(&mut files, "delta", "bell", "    domain delta.example\n    app static-site www\n");
    let mut this = Garden::begun(&files).await;
    // A process that begins now knows nothing of the cluster.
    this.handles["ada-lovelace"].faults().add(refused(&["list"], "configmaps", "parcelle-system"));
    add(&mut files, "beta", "bell", "    domain beta.example\n    app static-site www\n    app static-site new\n");
    add(&mut files, "delta", "bell", "    domain delta.example\n    app static-site www { title Delta; }\n");
    push(&this.folder.path().join("garden"), &files);
    let told = this.followed().await;
    assert!(told.wrote("delta") && !told.wrote("beta"), "{told:?}");
    assert_eq!(this.hosts("bell", "beta").await, ["www.beta.example"]);
    // Once it can be read, the loop sees so by itself.
    this.handles["ada-lovelace"].faults().clear();
    let told = this.turn(Event::Lease).await;
    assert!(told.wrote("beta"), "{told:?}");
    assert_eq!(this.hosts("bell", "beta").await, ["new.beta.example", "www.beta.example"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_had_on_a_cluster_that_is_away_counts_once_it_was_read() {
    let mut files = ground();
    add(&mut files, "alpha", "ada-lovelace", "    domain alpha.example\n    app static-site www\n");
    add(&mut files, "beta", "bell", "    domain beta.example\n    app static-site www\n");
    let mut this = Garden::begun(&files).await;
    this.handles["ada-lovelace"].faults().add(refused(&["list"], "configmaps", "parcelle-system"));
    files.remove(&path("alpha"));
    add(&mut files, "beta", "bell", "    domain alpha.example\n    app static-site www\n");
    let told = this.pushed(&files).await;
    assert!(told.findings.contains(&"E0403 `alpha.example` belongs to `alpha`".to_owned()), "{told:?}");
    // The next process waits, and refuses once it knows.
    let told = this.followed().await;
    assert_eq!((told.findings.len(), told.wrote("beta")), (0, false), "{told:?}");
    this.handles["ada-lovelace"].faults().clear();
    let told = this.turn(Event::Lease).await;
    assert!(told.findings.contains(&"E0403 `alpha.example` belongs to `alpha`".to_owned()), "{told:?}");
    assert_eq!(this.hosts("bell", "beta").await, ["www.beta.example"]);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inventories_of_before_have_the_claims_of_their_commits() {
    let mut files = two();
    let mut this = Garden::begun(&files).await;
    let name = "parcelle-claims--alpha";
    let config_maps = this.api("ada-lovelace", "v1", "ConfigMap", "parcelle-system");
    let mut stored = config_maps.get(name).await.unwrap();
    let mut inventory = this.inventory("ada-lovelace", "alpha").await;
    let kept = inventory["entries"].as_array().unwrap().iter().filter(|line| line["entry"]["hosts"].is_array()).count();
    assert!(kept >= 2, "routes and certificates say their hosts: {inventory}");
    inventory["footprint"].as_object_mut().unwrap().remove("domains").unwrap();
    inventory["entries"].as_array_mut().unwrap().iter_mut().for_each(|line| {
        line["entry"].as_object_mut().unwrap().remove("hosts");
    });
    stored.data["data"]["inventory.json"] = inventory.to_string().into();
    config_maps.replace(name, &kube::api::PostParams::default(), &stored).await.unwrap();
    files.remove(&path("alpha"));
    add(&mut files, "beta", "ada-lovelace", "    domain alpha.example\n    app static-site www\n");
    push(&this.folder.path().join("garden"), &files);
    let told = this.followed().await;
    assert!(told.findings.contains(&"E0403 `alpha.example` belongs to `alpha`".to_owned()), "{told:?}");
    assert!(!told.wrote("beta"), "{told:?}");
    // They are kept from the next round on.
    this.pushed(&two()).await;
    this.until_calm().await;
    let domains = this.inventory("ada-lovelace", "alpha").await["footprint"]["domains"].clone();
    assert_eq!(domains, serde_json::json!(["alpha.example"]));
    this.ended().await;
}
