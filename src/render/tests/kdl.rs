//! Tests of objects and patches that are written in KDL.

use serde_json::json;

use super::{NOON, cloud, object};
use crate::finding::Findings;
use crate::model::definition::Guarded;
use crate::render::{OrganisationObjects, sample};

/// Renders with an object in the definition or a patch in the app, from its KDL.
fn written(kdl: &str) -> (OrganisationObjects, Vec<crate::finding::Finding>) {
    let mut findings = Findings::default();
    let document = crate::syntax::parse(crate::source::FileId(4), kdl, &mut findings);
    let garden = sample::garden();
    let mut organisation = sample::organisation(&garden);
    let app = cloud(&mut organisation);
    let mut definition = (*app.definition).clone();
    for node in document.nodes {
        if node.name.value == "patch" {
            app.patches.push(node);
        } else {
            definition.objects.push(Guarded { when: Vec::new(), each: Vec::new(), item: node });
        }
    }
    app.definition = std::sync::Arc::new(definition);
    let allowance = &mut crate::render::RenderAllowance::of_organisation();
    let objects = crate::render::with_findings(&garden, &organisation, NOON.parse().unwrap(), allowance, &mut findings);
    (objects, findings.into_iter().collect())
}

#[test]
fn objects_in_kdl_are_mapped_by_the_facts_of_their_fields() {
    let (objects, findings) = written(
        r#"object Deployment bridge {
            metadata { annotations "example.org/note"="${settings.office}"; }
            spec {
                replicas 1
                selector { matchLabels part="bridge"; }
                template {
                    metadata { labels part="bridge"; }
                    spec {
                        containers bridge {
                            image "docker.io/library/bridge:1"
                            command bridge --verbose
                            env HOST value="${needs.db.host}"
                            env PORT value="5432"
                            ports 8080 name=http
                            resources { requests { memory 64 MiB; cpu "0.5"; }; }
                        }
                    }
                }
            }
        }"#,
    );
    assert_eq!(findings, []);
    let deployment = object(&objects, "Deployment", "cloud-bridge");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["name"], "bridge");
    assert_eq!(container["command"], json!(["bridge", "--verbose"]));
    assert_eq!(container["env"][0], json!({ "name": "HOST", "value": "postgres-rw" }));
    assert_eq!(container["env"][1]["value"], "5432");
    assert_eq!(container["ports"][0]["containerPort"], 8080);
    assert_eq!(container["resources"]["requests"], json!({ "memory": "64Mi", "cpu": "500m" }));
    assert_eq!(container["securityContext"]["capabilities"]["drop"], json!(["ALL"]));
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(deployment["metadata"]["annotations"]["example.org/note"], "onlyoffice");
}

#[test]
fn guards_inside_objects_are_unfolded() {
    let (objects, findings) = written(
        r#"object ConfigMap seats {
            data {
                title "${org.title}"
                @when "settings.office == 'onlyoffice'" { office on; }
                @when "settings.office == 'none'" { none yes; }
                @each host in="app.hosts" { at "${host}"; }
            }
        }
        object Service door {
            spec {
                @each port in="[80, 81]" { ports "${port}" { name "p${port}"; targetPort "${port}"; }; }
                internalTrafficPolicy "${settings.office == 'none' ? 'Local' : 'Cluster'}"
            }
        }"#,
    );
    assert_eq!(findings, []);
    let host = "cloud.alternatiba.example";
    let seats = json!({ "title": "Alternatiba $(DB_PASSWORD)", "office": "on", "at": host });
    assert_eq!(object(&objects, "ConfigMap", "cloud-seats")["data"], seats);
    let ports =
        json!([{ "port": 80, "name": "p80", "targetPort": 80 }, { "port": 81, "name": "p81", "targetPort": 81 }]);
    assert_eq!(object(&objects, "Service", "cloud-door")["spec"]["ports"], ports);
}

#[test]
fn a_patch_lies_over_what_is_rendered() {
    let (objects, findings) = written(
        r"patch Deployment cloud-web {
            spec { minReadySeconds 20; template { spec { containers web { imagePullPolicy Always; }; }; }; }
        }",
    );
    assert_eq!(findings, []);
    let deployment = object(&objects, "Deployment", "cloud-web");
    assert_eq!(deployment["spec"]["minReadySeconds"], 20);
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    assert_eq!(containers[0]["imagePullPolicy"], "Always");
    assert_eq!(containers[0]["image"], "docker.io/library/nextcloud:33.0.7-apache");
}

#[test]
fn a_list_of_dashes_is_a_list_as_in_definitions() {
    let (objects, findings) = written(
        "object PersistentVolumeClaim more { spec { accessModes { - ReadWriteOnce; - ReadWriteMany; }; }; }
         patch Deployment cloud-web { spec { template { spec { containers web { args { - serve; }; }; }; }; }; }",
    );
    assert_eq!(findings, []);
    let claim = object(&objects, "PersistentVolumeClaim", "cloud-more");
    assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteOnce", "ReadWriteMany"]));
    let containers = &object(&objects, "Deployment", "cloud-web")["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers[0]["args"], json!(["serve"]));
}

#[test]
fn what_objects_and_patches_may_not_say_is_found_where_it_stands() {
    let found = |kdl: &str| -> Vec<String> {
        let (_, findings) = written(kdl);
        findings.iter().map(|finding| format!("{} {}", finding.code.as_str(), finding.title)).collect()
    };
    let cases = [
        ("object Secret x {}", "E0603 `Secret` is not a kind that may be written"),
        ("patch Deployment {}", "E0608 `patch` wants a kind and a name"),
        ("object ClusterRole x {}", "E0603 `ClusterRole` is not a kind that may be written"),
        ("patch Deployment cloud-wbe {}", "E0607 there is no Deployment `cloud-wbe` to patch"),
        ("patch Deployment cloud-web { spec { replicaz 2; }; }", "E0601 there is no field `replicaz` here"),
        ("patch Deployment cloud-web { spec { minReadySeconds soon; }; }", "E0602 `soon` is no number"),
        (
            "patch Deployment cloud-web { spec { template { spec { containers web { args { one; }; }; }; }; }; }",
            "E0602 `args` holds values, no field `one`",
        ),
        ("patch Deployment cloud-web { metadata { name x; }; }", "E0606 `metadata.name` is not for writing"),
        (
            "patch Deployment cloud-web { metadata { labels \"parcelle.dev/app\"=x; }; }",
            "E0604 `parcelle.dev/app` is not for writing",
        ),
        (
            "patch Deployment cloud-web { spec { template { spec { hostNetwork on; }; }; }; }",
            "E0605 `hostNetwork` would give the pod more than it may have",
        ),
        (
            "patch Deployment cloud-web { spec { template { spec { volumes x { hostPath path=\"/\"; }; }; }; }; }",
            "E0605 `hostPath` would give the pod more than it may have",
        ),
        (
            "patch Deployment cloud-web { spec { template { spec { containers web { securityContext { \
             capabilities { add SYS_ADMIN; }; }; }; }; }; }; }",
            "E0605 `add` would give the pod more than it may have",
        ),
    ];
    for (kdl, expected) in cases {
        assert_eq!(found(kdl), [expected], "{kdl}");
    }
}
