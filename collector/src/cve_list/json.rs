//! Lists as JSON: one record, a list of them, or a document that holds a list.

use super::CveList;
use scrubjay_model::{CveId, CveListForm, CveRank, Severity};
use serde_json::Value;

const FORM: &str = "JSON of CISA's catalogue, of CVE records, of OSV or of CSAF";

pub(super) fn parse(bytes: &[u8]) -> Result<CveList, &'static str> {
    let value: Value = serde_json::from_slice(bytes).map_err(|_| FORM)?;
    let form = form(value.get(0).unwrap_or(&value)).ok_or(FORM)?;
    let mut list = CveList::new(form);
    let records = match &value {
        Value::Array(records) => records.as_slice(),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            std::slice::from_ref(&value)
        }
    };
    for record in records {
        match form {
            CveListForm::KnownExploited => catalogue(record, &mut list),
            CveListForm::CveRecord => cve_record(record, &mut list),
            CveListForm::Osv => osv(record, &mut list),
            CveListForm::Csaf => csaf(record, &mut list),
            CveListForm::Epss | CveListForm::Table => return Err(FORM),
        }
    }
    Ok(list)
}

/// By what only this form has.
fn form(record: &Value) -> Option<CveListForm> {
    let has = |key: &str| record.get(key).is_some();
    if has("catalogVersion") {
        Some(CveListForm::KnownExploited)
    } else if has("cveMetadata") {
        Some(CveListForm::CveRecord)
    } else if has("document") && has("vulnerabilities") {
        Some(CveListForm::Csaf)
    } else if has("id") && (has("affected") || has("schema_version")) {
        Some(CveListForm::Osv)
    } else {
        None
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn items<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn catalogue(record: &Value, list: &mut CveList) {
    for item in items(record, "/vulnerabilities") {
        if let Some(cve) = text(item, "/cveID").and_then(CveId::parse) {
            list.take(cve, CveRank { exploited: true, ..CveRank::default() });
        }
    }
}

/// The worst severity among metrics of any version of CVSS.
fn cvss(metrics: &[Value]) -> Option<Severity> {
    let versions = ["cvssV4_0", "cvssV3_1", "cvssV3_0", "cvss_v4", "cvss_v3"];
    let words = metrics.iter().flat_map(|metric| {
        versions.iter().filter_map(|version| text(metric, &format!("/{version}/baseSeverity")))
    });
    words.filter_map(Severity::parse).max()
}

fn cve_record(record: &Value, list: &mut CveList) {
    let Some(cve) = text(record, "/cveMetadata/cveId").and_then(CveId::parse) else { return };
    if text(record, "/cveMetadata/state") == Some("REJECTED") {
        return;
    }
    let added = items(record, "/containers/adp").iter().flat_map(|adp| items(adp, "/metrics"));
    let metrics: Vec<Value> =
        items(record, "/containers/cna/metrics").iter().chain(added).cloned().collect();
    // CISA's own container repeats its catalogue.
    let exploited = metrics.iter().any(|metric| text(metric, "/other/type") == Some("kev"));
    list.take(cve, CveRank { exploited, severity: cvss(&metrics), epss_millionths: None });
}

fn osv(record: &Value, list: &mut CveList) {
    let ids = ["/aliases", "/upstream"].into_iter().flat_map(|key| items(record, key));
    let ids = ids.filter_map(Value::as_str).chain(text(record, "/id"));
    let words = items(record, "/severity").iter().filter_map(|item| text(item, "/score"));
    let words = words.chain(text(record, "/database_specific/severity"));
    let severity = words.filter_map(Severity::parse).max();
    for id in ids {
        for cve in CveId::all_in(id) {
            list.take(cve, CveRank { severity, ..CveRank::default() });
        }
    }
}

fn csaf(record: &Value, list: &mut CveList) {
    for item in items(record, "/vulnerabilities") {
        let Some(cve) = text(item, "/cve").and_then(CveId::parse) else { continue };
        let threats = || items(item, "/threats").iter();
        let of = |category: &'static str| {
            threats()
                .filter(move |threat| text(threat, "/category") == Some(category))
                .filter_map(|threat| text(threat, "/details"))
        };
        let by_vendor = of("impact").filter_map(Severity::parse).max();
        // The vendor's own word outranks a score made without its product in mind.
        let severity = by_vendor.or_else(|| cvss(items(item, "/scores")));
        let exploited = of("exploit_status").any(|status| {
            let status = status.to_ascii_lowercase();
            status.contains("exploited") && !status.contains("not")
        });
        list.take(cve, CveRank { exploited, severity, epss_millionths: None });
    }
}
