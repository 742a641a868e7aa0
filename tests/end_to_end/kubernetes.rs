//! The manifests for Kubernetes: that their parts fit each other, that the agent may no more than the
//! packaged service, and that what they say to others is what the binary understands.

use super::harness::{output, scrubjay, stdout};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All documents of a file.
fn documents(path: &str) -> Vec<Value> {
    let text = read(path);
    serde_norway::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).unwrap_or_else(|e| panic!("{path}: {e}")))
        .collect()
}

fn manifest(path: &str) -> Value {
    let mut all = documents(path);
    assert_eq!(all.len(), 1, "{path}");
    all.remove(0)
}

fn names(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

fn container(daemonset: &Value) -> &Value {
    &daemonset["spec"]["template"]["spec"]["containers"][0]
}

/// Every manifest below `kubernetes`.
fn manifests() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(repository().join("kubernetes")).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|ending| ending == "yaml") {
                found.push(file);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_manifest_is_named_by_the_kustomization_beside_it_and_every_name_is_there() {
    for folder in ["base", "prometheus"] {
        let kustomization = manifest(&format!("kubernetes/{folder}/kustomization.yaml"));
        let mut named = BTreeSet::new();
        for resource in kustomization["resources"].as_array().unwrap() {
            let resource = resource.as_str().unwrap();
            let path = repository().join("kubernetes").join(folder).join(resource);
            assert!(path.exists(), "{folder} names {resource}");
            named.insert(resource.to_owned());
        }
        for path in manifests().iter().filter(|path| path.parent().unwrap().ends_with(folder)) {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(name == "kustomization.yaml" || named.contains(name), "{name} is not named");
        }
    }
}

#[test]
fn selectors_labels_ports_and_volumes_fit_each_other() {
    let daemonset = manifest("kubernetes/base/daemonset.yaml");
    let service = manifest("kubernetes/base/service.yaml");
    let monitor = manifest("kubernetes/prometheus/servicemonitor.yaml");
    let (spec, pod) = (&daemonset["spec"], &daemonset["spec"]["template"]["spec"]);
    let labels = &spec["template"]["metadata"]["labels"];
    assert_eq!(&spec["selector"]["matchLabels"], labels);
    assert_eq!(&service["spec"]["selector"], labels);
    assert_eq!(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"]);
    // What "scrubjay fleet" and the rules take for the job.
    let job = monitor["spec"]["jobLabel"].as_str().unwrap();
    assert_eq!(service["metadata"]["labels"][job], "scrubjay");
    let ports = names(&container(&daemonset)["ports"]);
    assert!(ports.contains(service["spec"]["ports"][0]["targetPort"].as_str().unwrap()));
    let served = names(&service["spec"]["ports"]);
    assert!(served.contains(monitor["spec"]["endpoints"][0]["port"].as_str().unwrap()));
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let get = &container(&daemonset)[probe]["httpGet"];
        assert!(ports.contains(get["port"].as_str().unwrap()), "{probe}");
        assert!(["/healthz", "/readyz"].contains(&get["path"].as_str().unwrap()), "{probe}");
    }
    let mounts = &container(&daemonset)["volumeMounts"];
    assert_eq!(names(mounts), names(&pod["volumes"]));
    let account = manifest("kubernetes/base/serviceaccount.yaml");
    assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
    let config = manifest("kubernetes/base/configmap.yaml");
    let volumes = pod["volumes"].as_array().unwrap();
    let of_config = volumes.iter().find(|volume| volume["name"] == "config").unwrap();
    assert_eq!(of_config["configMap"]["name"], config["metadata"]["name"]);
}

#[test]
fn the_agent_may_no_more_than_the_packaged_service() {
    let daemonset = manifest("kubernetes/base/daemonset.yaml");
    let pod = &daemonset["spec"]["template"]["spec"];
    assert_eq!(pod["containers"].as_array().unwrap().len(), 1);
    assert_eq!(pod["automountServiceAccountToken"], false);
    for closed in ["hostNetwork", "hostIPC"] {
        assert!(pod[closed].is_null(), "{closed}");
    }
    let context = &container(&daemonset)["securityContext"];
    assert_eq!(context["privileged"], false);
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["readOnlyRootFilesystem"], true);
    assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]));
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    // What those of container engines forbid is what the agent is there for.
    assert_eq!(context["appArmorProfile"]["type"], "Unconfined");
    assert_eq!(context["seLinuxOptions"], serde_json::json!({"type": "spc_t"}));
    let unit = read("dist/usr/lib/systemd/system/scrubjay.service");
    let bounding =
        unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).unwrap();
    let unit: BTreeSet<&str> =
        bounding.split(' ').map(|name| name.strip_prefix("CAP_").unwrap()).collect();
    let added = context["capabilities"]["add"].as_array().unwrap();
    let added: BTreeSet<&str> = added.iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(added, unit);
    // Of the host, what can be written: the history and our own trace instance.
    let mounts = container(&daemonset)["volumeMounts"].as_array().unwrap();
    let written: BTreeSet<&str> = mounts
        .iter()
        .filter(|mount| mount["readOnly"] != true)
        .map(|mount| mount["mountPath"].as_str().unwrap())
        .collect();
    let wanted = ["/host/sys/kernel/tracing/instances", "/var/lib/scrubjay"];
    assert_eq!(written, BTreeSet::from(wanted));
    for mount in mounts.iter().filter(|mount| mount["readOnly"] == true) {
        let is_host = mount["mountPath"].as_str().unwrap().starts_with("/host");
        assert!(!is_host || mount["recursiveReadOnly"] == "IfPossible", "{mount}");
        // The two do not go together.
        assert!(mount["mountPropagation"].is_null(), "{mount}");
    }
    for volume in pod["volumes"].as_array().unwrap() {
        let Some(path) = volume["hostPath"]["path"].as_str() else { continue };
        let mount = mounts.iter().find(|mount| mount["name"] == volume["name"]).unwrap();
        let there = mount["mountPath"].as_str().unwrap();
        // The host is below /host as it is, and the history is where it is without Kubernetes.
        let as_it_is = there == path
            || there.trim_end_matches('/') == format!("/host{path}").trim_end_matches('/');
        assert!(as_it_is, "{path} is mounted at {there}");
    }
}

#[test]
fn the_configuration_and_the_commands_are_those_of_the_binary() {
    let home = tempfile::tempdir().unwrap();
    let config = manifest("kubernetes/base/configmap.yaml");
    let file = home.path().join("scrubjay.toml");
    let text = config["data"]["scrubjay.toml"].as_str().unwrap();
    std::fs::write(&file, text).unwrap();
    // Devices are closed to the container: what is read of them would be unreadable on every node, for ever.
    let sources = read("docs/sources.md");
    let of_devices: Vec<&str> = sources
        .split("\n## ")
        .filter(|section| section.contains("  - `dev/"))
        .map(|section| section.lines().next().unwrap())
        .collect();
    assert!(!of_devices.is_empty());
    assert!(text.contains(&format!("disabled = {of_devices:?}\n")), "{of_devices:?}: {text}");
    let daemonset = manifest("kubernetes/base/daemonset.yaml");
    let port = &container(&daemonset)["ports"][0]["containerPort"];
    assert!(text.contains(&format!("0.0.0.0:{port}\"")), "{text}");
    let mut check = Command::new(super::harness::SCRUBJAY);
    check.env_clear().env("HOME", home.path()).arg("--config").arg(&file).args(["config", "check"]);
    stdout(&mut check);
    let arguments = container(&daemonset)["args"].as_array().unwrap();
    let arguments: Vec<&str> = arguments.iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(arguments, ["--config", "/etc/scrubjay/scrubjay.toml", "agent"]);
    // kured runs it on the host; a usage error would be 2.
    let kured = manifest("kubernetes/kured/kured.yaml");
    let command = container(&kured)["command"].as_array().unwrap();
    let value = |flag: &str| {
        let found = command.iter().filter_map(|word| word.as_str().unwrap().strip_prefix(flag));
        found.map(|value| value.trim_start_matches('=')).next().unwrap().to_owned()
    };
    assert_eq!(value("--reboot-sentinel-command"), "/usr/bin/scrubjay reboot-required");
    let (code, _, stderr) = output(scrubjay(home.path()).arg("reboot-required"));
    assert!([0, 1, 3].contains(&code), "{code}: {stderr}");
    // The trap: an alert of ours that asks for a reboot, or that may fire for ever, must not keep kured
    // from it.
    let ignored = value("--alert-filter-regexp");
    let ignored: BTreeSet<&str> =
        ignored.trim_start_matches("^(").trim_end_matches(")$").split('|').collect();
    if repository().join(RULES).is_dir() {
        let alerts = alerts();
        let wanted: BTreeSet<&str> = alerts
            .iter()
            .filter(|(name, severity)| name.contains("Reboot") || severity == "info")
            .map(|(name, _)| name.as_str())
            .collect();
        let ours = ignored.into_iter().filter(|name| name.starts_with("Scrubjay"));
        assert_eq!(ours.collect::<BTreeSet<_>>(), wanted);
    } else {
        println!("skipped: {RULES} is not there, so that the alerts cannot be compared");
    }
}

#[test]
fn the_monitor_of_node_problem_detector_fits_the_check() {
    let home = tempfile::tempdir().unwrap();
    let monitor: Value =
        serde_json::from_str(&read("kubernetes/npd/scrubjay-monitor.json")).unwrap();
    assert_eq!(monitor["plugin"], "custom");
    assert_eq!(monitor["pluginConfig"]["max_output_length"], 80);
    let conditions: BTreeSet<&str> = monitor["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|condition| condition["type"].as_str().unwrap())
        .collect();
    let seconds = |value: &Value| -> u32 {
        value.as_str().unwrap().strip_suffix('s').unwrap().parse().unwrap()
    };
    for rule in monitor["rules"].as_array().unwrap() {
        assert_eq!(rule["type"], "permanent");
        assert!(conditions.contains(rule["condition"].as_str().unwrap()));
        assert_eq!(rule["path"], "/usr/bin/scrubjay");
        assert!(seconds(&rule["timeout"]) <= seconds(&monitor["pluginConfig"]["timeout"]));
    }
    let limit = seconds(&monitor["pluginConfig"]["timeout"]);
    assert!(limit < seconds(&monitor["pluginConfig"]["invoke_interval"]));
    let arguments: Vec<&str> = monitor["rules"][0]["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| argument.as_str().unwrap())
        .collect();
    let (code, _, stderr) = output(scrubjay(home.path()).args(["check", "--help"]));
    if code != 0 {
        println!("skipped: this binary has no check: {stderr}");
        return;
    }
    let (code, line, stderr) = output(scrubjay(home.path()).args(arguments));
    assert!([0, 1, 2].contains(&code), "{code}: {stderr}");
    assert!(line.trim_end().len() <= 80, "{line}");
}

const RULES: &str = "grafana/prometheus/rules";

/// The files of rules, in order.
fn rule_files() -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(repository().join(RULES))
        .unwrap()
        .map(|file| format!("{RULES}/{}", file.unwrap().file_name().to_str().unwrap()))
        .filter(|file| file.ends_with(".yml") || file.ends_with(".yaml"))
        .collect();
    files.sort();
    files
}

fn groups() -> Vec<Value> {
    let all = rule_files().into_iter().map(|file| manifest(&file));
    all.flat_map(|file| file["groups"].as_array().unwrap().clone()).collect()
}

/// Each alert, with its severity.
fn alerts() -> Vec<(String, String)> {
    let groups = groups();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    let alerts = rules.filter(|rule| rule["alert"].is_string());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    alerts.map(|rule| (text(&rule["alert"]), text(&rule["labels"]["severity"]))).collect()
}

/// The rules of the Prometheus operator are those of Prometheus; `UPDATE_DOCS=1` makes them anew.
#[test]
fn the_rules_of_the_operator_are_those_of_prometheus() {
    const FILE: &str = "kubernetes/prometheus/prometheusrule.yaml";
    if !repository().join(RULES).is_dir() {
        println!("skipped: {RULES} is not there");
        return;
    }
    let wanted = serde_json::json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "scrubjay",
            "namespace": "scrubjay",
            "labels": {"app.kubernetes.io/name": "scrubjay"},
        },
        "spec": {"groups": groups()},
    });
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let head = "# Made of grafana/prometheus/rules: change it there, then run\n\
                    # UPDATE_DOCS=1 cargo test --test end_to_end kubernetes\n";
        let text = head.to_owned() + &serde_norway::to_string(&wanted).unwrap();
        std::fs::write(repository().join(FILE), text).unwrap();
    }
    assert!(manifest(FILE) == wanted, "{FILE} is not made of {RULES}: run with UPDATE_DOCS=1");
}

#[test]
fn the_schemas_of_kubernetes_accept_the_manifests() {
    let Some(program) = std::env::var_os("SCRUBJAY_KUBERNETES_VALIDATE") else {
        println!("skipped: SCRUBJAY_KUBERNETES_VALIDATE names no kubernetes-validate");
        return;
    };
    let check = |file: &Path| {
        let mut command = Command::new(&program);
        command.args(["--strict", "--quiet"]).arg(file);
        output(&mut command)
    };
    let mut checked = 0;
    for file in manifests().iter().filter(|file| file.parent().unwrap().ends_with("base")) {
        if file.ends_with("kustomization.yaml") {
            continue;
        }
        let (code, said, stderr) = check(file);
        assert_eq!(code, 0, "{}: {said}{stderr}", file.display());
        checked += 1;
    }
    assert!(checked >= 5, "{checked}");
    // It can object.
    let home = tempfile::tempdir().unwrap();
    let wrong = home.path().join("wrong.yaml");
    let text = read("kubernetes/base/daemonset.yaml").replace("hostPID:", "hostPid:");
    std::fs::write(&wrong, text).unwrap();
    assert_ne!(check(&wrong).0, 0);
}
