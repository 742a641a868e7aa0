//! Logs as studies publish them, and as people get them wrong.

use super::*;

fn read(text: &str) -> anyhow::Result<Log> {
    errors_from(Path::new("ce.csv"), text.as_bytes(), &mut |_| {})
}

fn refused(text: &str) -> String {
    format!("{:#}", read(text).unwrap_err())
}

const SMARTMEM: &str = "\
cpuid,channelid,dimmid,rankid,deviceid,bankgroupid,bankid,rowid,columnid,retryrderrlogparity,retryrderrlog,burst_info,error_type,log_time,memory_type
0,1,0,1,11,2,3,40948,560,65536,257,,memory scrub,1708987825,DDR4
0,1,0,-1,-1,-1,-1,-1,-1,7,256,,memory read,1708987800,DDR4
0,1,1,0,0,0,1,7,8,,0,,memory read,2024-02-26 22:50:25,DDR4
";

#[test]
fn columns_of_smartmem_are_understood() {
    let (nodes, unknown) = read(SMARTMEM).unwrap().nodes(None);
    assert_eq!((nodes.len(), unknown), (2, 0));
    let Observation::Reported(known) = nodes[0].dimms[0].observations[1] else { panic!() };
    let cell = Cell {
        rank: Some(1),
        device: Some(11),
        bank: Some(0x203),
        row: Some(40948),
        column: Some(560),
    };
    assert_eq!((known.at, known.cell, known.parity), (1_708_987_825, cell, Some(Parity(65_536))));
    assert_eq!((known.errors, known.by_scrub, known.page), (1, Some(true), None));
    // −1 is not known, and a parity that is not valid is none.
    let Observation::Reported(bare) = nodes[0].dimms[0].observations[0] else { panic!() };
    assert_eq!((bare.cell, bare.parity, bare.by_scrub), (Cell::default(), None, Some(false)));
    assert_eq!(nodes[1].dimms[0].observations[0].at(), 1_708_987_825);
}

#[test]
fn nodes_and_uncorrected_errors_are_told_if_there_are_columns() {
    let text = "Node,DIMM,time,type,count,address\n\
                a,1,2024-01-01T00:00:00Z,ce,12,0x12345678\n\
                a,2,2024-01-01T01:00:00Z,UE,,\n\
                b,1,1704067200.5,ce,1,\n";
    let (nodes, _) = read(text).unwrap().nodes(None);
    assert_eq!(nodes.iter().map(|node| node.dimms.len()).collect::<Vec<_>>(), [2, 1]);
    let Observation::Reported(hit) = nodes[0].dimms[0].observations[0] else { panic!() };
    assert_eq!((hit.errors, hit.page), (12, Some(0x12345)));
    assert_eq!(nodes[0].dimms[1].failures, [Failure { at: 1_704_070_800, sudden: None }]);
    assert_eq!(nodes[1].dimms[0].observations[0].at(), 1_704_067_200);
}

#[test]
fn tickets_are_the_failures_where_there_are_any() {
    let log = read("time,sn,type\n100,sn_1,ce\n200,sn_2,UE\n").unwrap();
    let tickets = "serial_number,failure_time,serial_number_type\nsn_1,500,A\nsn_9,600,A\n";
    let tickets = failures_from(Path::new("t.csv"), tickets.as_bytes()).unwrap();
    let (nodes, unknown) = log.nodes(Some(tickets));
    let failed: Vec<Vec<Seconds>> = nodes
        .iter()
        .map(|node| node.dimms[0].failures.iter().map(|failure| failure.at).collect())
        .collect();
    assert_eq!((failed, unknown), (vec![vec![500], vec![], vec![600]], 1));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    assert!(refused("dimm,row\n1,2\n").contains("ce.csv:1: a column is missing"));
    assert!(refused("dimm,row\n1,2\n").contains("time, logtime"));
    assert!(refused("time,row\n1,2\n").contains("ce.csv:1: no column tells the DIMM"));
    assert!(refused("time,dimm,log_time\n1,2,3\n").contains("tells what another one tells"));
    assert_eq!(refused("time,dimm\n"), "ce.csv: there are no rows below the header");
    assert!(refused("time,dimm\n5,a\nnever,a\n").starts_with("ce.csv:3: \"never\" is not a time"));
    assert!(
        refused("time,dimm,row\n5,a,x\n").contains("ce.csv:2: \"x\" of column Row is not a number")
    );
    assert!(
        refused("time,dimm,rank\n5,a,256\n").contains("ce.csv:2: 256 of column Rank is too large")
    );
    assert!(refused("time,dimm\n5,a\n6\n").contains("ce.csv:3: not a row of the table"));
    assert!(refused("time,dimm\n5,\n").contains("ce.csv:2: the row names no DIMM"));
    assert!(refused("time,dimm,row\n5,a,-7\n").contains("ce.csv:2: \"-7\""));
}
