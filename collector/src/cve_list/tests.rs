//! Each form in which lists are published, in small.

use super::*;
use proptest::prelude::*;
use scrubjay_model::Severity;

fn rank(list: &CveList, cve: &str) -> CveRank {
    list.ranks[&CveId::parse(cve).unwrap()]
}

fn read(name: &str, text: &str) -> CveList {
    parse(name, text.as_bytes()).unwrap_or_else(|why| panic!("{name}: {why}"))
}

#[test]
fn the_catalogue_of_exploited_vulnerabilities_is_read_in_both_forms() {
    let csv = "\"cveID\",\"vendorProject\",\"shortDescription\"\n\
               \"CVE-2024-1086\",\"Linux\",\"a, with a comma\nand a line\"\n";
    let json = r#"{"catalogVersion":"2026.11.01","vulnerabilities":[{"cveID":"CVE-2024-1086"}]}"#;
    for list in [read("kev.csv", csv), read("kev.json", json)] {
        assert_eq!(list.form, CveListForm::KnownExploited);
        assert!(rank(&list, "CVE-2024-1086").exploited);
        assert_eq!(list.ranks.len(), 1);
    }
}

#[test]
fn epss_is_a_probability() {
    let csv = "#model_version:v2026.03.01,score_date:2026-11-01\ncve,epss,percentile\n\
               CVE-2024-1086,0.97565,0.99\n";
    let list = read("epss.csv", csv);
    assert_eq!(list.form, CveListForm::Epss);
    assert_eq!(rank(&list, "CVE-2024-1086").epss_millionths, Some(975_650));
    assert!(!rank(&list, "CVE-2024-1086").exploited);
}

#[test]
fn a_table_of_ones_own_may_name_the_live_patch() {
    let csv = "cve,severity,exploited,live_patch\n\
               CVE-2026-0001,Important,no,livepatch_fix_1\nCVE-2026-0002,,yes,\n\n";
    let list = read("ours.csv", csv);
    assert_eq!(rank(&list, "CVE-2026-0001").severity, Some(Severity::High));
    assert!(rank(&list, "CVE-2026-0002").exploited);
    let patches: Vec<&String> = list.live_patches.keys().collect();
    assert_eq!(patches, ["livepatch_fix_1"]);
}

#[test]
fn a_record_of_the_kernels_cna_says_what_others_added() {
    let json = r#"[{"cveMetadata":{"cveId":"CVE-2024-53104","state":"PUBLISHED"},"containers":{
        "cna":{"title":"media: uvcvideo"},
        "adp":[{"metrics":[{"cvssV3_1":{"baseSeverity":"HIGH"}},{"other":{"type":"kev"}}]}]}},
        {"cveMetadata":{"cveId":"CVE-2024-0001","state":"REJECTED"},"containers":{"cna":{}}}]"#;
    let list = read("cna.json", json);
    let found = rank(&list, "CVE-2024-53104");
    assert_eq!((found.exploited, found.severity), (true, Some(Severity::High)));
    assert_eq!(list.ranks.len(), 1);
}

#[test]
fn osv_and_csaf_have_the_word_of_the_distribution() {
    let osv = r#"{"schema_version":"1.7.3","id":"UBUNTU-CVE-2025-38094","upstream":["CVE-2025-38094"],
        "severity":[{"type":"Ubuntu","score":"medium"}],"affected":[]}"#;
    assert_eq!(rank(&read("a.json", osv), "CVE-2025-38094").severity, Some(Severity::Medium));
    let csaf = r#"{"document":{},"vulnerabilities":[{"cve":"CVE-2026-7",
        "threats":[{"category":"impact","details":"Important"}]},{"cve":"CVE-2026-0007",
        "scores":[{"cvss_v3":{"baseSeverity":"CRITICAL"}}],
        "threats":[{"category":"exploit_status","details":"Exploited in the wild"}]}]}"#;
    let list = read("b.json", csaf);
    let found = rank(&list, "CVE-2026-0007");
    assert_eq!((found.exploited, found.severity), (true, Some(Severity::Critical)));
    assert_eq!(list.ranks.len(), 1, "an identifier that is none is passed over");
}

#[test]
fn what_is_no_list_is_refused_with_what_was_expected() {
    for (name, text) in [
        ("a.csv", ""),
        ("a.csv", "name,value\nx,y\n"),
        ("a.csv", "cve\nnot one\n"),
        ("a.csv", "cve,severity\nCVE-2026-0001,awful\n"),
        ("a.json", "{}"),
        ("a.json", "[1,2]"),
        ("a.json", "{"),
    ] {
        assert!(parse(name, text.as_bytes()).is_err(), "{name} {text}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (parse("a.csv", &bytes), parse("a.json", &bytes));
    }
}
