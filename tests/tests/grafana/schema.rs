//! Grafana's own schema: that of dashboards, of queries, and of what each kind of panel may be told.
//!
//! `SCRUBJAY_GRAFANA_SCHEMA` names the folder `jsonschema` of grafana-foundation-sdk. The judge is
//! Python's `jsonschema`.

use crate::{grafana, run};
use std::process::Command;

const JUDGE: &str = r##"
import json, os, re, sys
from jsonschema import Draft7Validator
schemas, files = sys.argv[1], sys.argv[2:]
def load(name):
    with open(os.path.join(schemas, name + ".jsonschema.json")) as file:
        return any_of(json.load(file))
def any_of(schema):
    # Kinds of cells are told apart by a field that the schema leaves open, so that several fit.
    if isinstance(schema, dict):
        return {"anyOf" if key == "oneOf" else key: any_of(part) for key, part in schema.items()}
    return [any_of(part) for part in schema] if isinstance(schema, list) else schema
def check(where, schema, part, value, wants_all):
    # Whatever it refers to lies in the same file.
    whole = {**schema, "$ref": "#/definitions/" + part}
    for error in Draft7Validator(whole).iter_errors(value):
        # Grafana fills in what an option has by default.
        if error.validator == "required" and not wants_all:
            continue
        place = "/".join(map(str, error.absolute_path))
        # What Go calls `any` the schema takes for an object; here it is a text or a number.
        if re.search("overrides/[0-9]+/(matcher/options|properties/[0-9]+/value)$", place):
            continue
        print(where, place, error.message[:300])
for path in files:
    with open(path) as file:
        dashboard = json.load(file)
    name = os.path.basename(path)
    check(name, load("dashboard"), "Dashboard", {**dashboard, "panels": []}, True)
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            check(name, load("dashboard"), "RowPanel", panel, True)
            continue
        check(name + ": " + panel["title"] + ":", load("dashboard"), "Panel", panel, True)
        where = name + ": " + panel["title"] + ":"
        kind = load(panel["type"].replace("-", ""))
        check(where, kind, "Options", panel["options"], True)
        if "FieldConfig" in kind["definitions"]:
            custom = panel["fieldConfig"]["defaults"].get("custom", {})
            check(where, kind, "FieldConfig", custom, False)
        for target in panel["targets"]:
            check(where, load("prometheus"), "Dataquery", target, True)
"##;

#[test]
fn dashboards_keep_the_schema_of_grafana() {
    let Some(schemas) = std::env::var_os("SCRUBJAY_GRAFANA_SCHEMA") else {
        println!("skipped: SCRUBJAY_GRAFANA_SCHEMA names no folder with Grafana's schemas");
        return;
    };
    let python = std::env::var_os("SCRUBJAY_PYTHON").unwrap_or_else(|| "python3".into());
    let has = Command::new(&python).args(["-c", "import jsonschema"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        println!("skipped: python3 has no module jsonschema");
        return;
    }
    let dir = grafana().join("dashboards");
    let mut files: Vec<_> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    let said = run(Command::new(&python).args(["-c", JUDGE]).arg(schemas).args(files));
    assert_eq!(said, "", "what breaks the schema");
}
