//! Lists of vulnerabilities that the administrator laid in `/etc/scrubjay/lists`: known exploited
//! ones, severities, probabilities, and what a live patch fixes.
//!
//! Nothing fetches them; whoever has a network brings them. Without them nothing is ranked, and no
//! rule that needs a rank speaks.

use crate::cve_list::{self, CveList};
use crate::reader::Reader;
use crate::remember::Remember;
use scrubjay_model::{
    CveListContent, CveListFile, CveLists, NonValue, Reading, SourceDoc, SourceId, Stamp,
};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::CveLists,
    reads: &["etc/scrubjay/lists/*.csv", "etc/scrubjay/lists/*.json"],
    needs: "nothing",
    absence: "no list was brought: vulnerabilities are counted and not ranked",
    kernel_doc: "none: formats of CISA, FIRST (EPSS), the CVE program, OSV and OASIS (CSAF)",
};

const DIR: &str = "etc/scrubjay/lists";

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<CveLists> {
    reader.files(DIR).map(|names| {
        let mut lists = CveLists::default();
        let wanted = |name: &&String| name.ends_with(".csv") || name.ends_with(".json");
        for name in names.iter().filter(wanted) {
            let path = format!("{DIR}/{name}");
            let what =
                Remember { key: &format!("cve_lists/{name}"), files: &[&path], at_most: None };
            let list = reader.remembered(&what, |reader| list(reader, &path));
            let content = list.as_ref().as_ref().map(|CveList { form, ranks, live_patches: _ }| {
                CveListContent { form: *form, entries: ranks.len() }
            });
            let named = list.value().map(|list| list.ranks.clone()).unwrap_or_default();
            lists.take(CveListFile { path, content }, named);
            for (patch, cves) in list.value().into_iter().flat_map(|list| &list.live_patches) {
                lists.live_patches.entry(patch.clone()).or_default().extend(cves);
            }
        }
        lists
    })
}

fn list(reader: &Reader<'_>, path: &str) -> Reading<CveList> {
    let read = || -> Result<CveList, NonValue> {
        let bytes = reader.part(path, <[u8]>::to_vec).into_result()?;
        cve_list::parse(path, &bytes)
            .map_err(|expected| crate::reader::malformed(path, expected, &bytes))
    };
    reader.noted(read())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sources::check::{self, found, is_absent, partly_found};
    use scrubjay_model::CveId;

    pub(crate) const HEALTHY: &str = "\
//- etc/scrubjay/lists/kev.csv
cveID,vendorProject
CVE-2024-1086,Linux
//- etc/scrubjay/lists/ours.json
{\"document\":{},\"vulnerabilities\":[{\"cve\":\"CVE-2024-1086\",\"threats\":[{\"category\":\"impact\",\"details\":\"Important\"}]}]}
//- etc/scrubjay/lists/README.txt
not a list
";

    #[test]
    fn lists_are_put_together() {
        let lists = found(HEALTHY, read);
        let rank = lists.rank(CveId::parse("CVE-2024-1086").unwrap()).unwrap();
        assert!(rank.exploited && rank.severity.is_some());
        assert_eq!(lists.files.len(), 2);
    }

    #[test]
    fn a_list_that_is_none_costs_itself_and_is_told() {
        let broken = HEALTHY.replace("cveID,vendorProject", "x,y");
        let (lists, faults) = partly_found(&broken, read);
        assert_eq!((lists.files.len(), lists.ranks.len(), faults.len()), (2, 1, 1));
        assert!(faults[0].contains("first line names its columns"), "{faults:?}");
    }

    #[test]
    fn no_list_is_the_normal_state() {
        assert!(is_absent("//- dir etc\n", read));
        assert_eq!(found("//- dir etc/scrubjay/lists\n", read), CveLists::default());
    }

    #[test]
    fn the_laws_hold() {
        check::keeps_the_laws(HEALTHY, read, |_, _| true);
    }
}
