//! An agent that the kernel keeps to its files, on kernels that differ in how far they do.

use crate::guest::Guest;
use crate::machine::Kernel;
use serde_json::Value;
use std::collections::BTreeMap;

/// The state of each source, with the number of attributes that could not be read.
fn states(shown: &Value) -> BTreeMap<String, (String, usize)> {
    let sections = shown["snapshot"].as_object().unwrap();
    let told = sections.iter().filter(|(name, _)| name.as_str() != "at").map(|(name, section)| {
        let state = section["reading"]["state"].as_str().unwrap_or("off").to_owned();
        let faults = section["report"]["faults"].as_array().map_or(0, Vec::len);
        (name.clone(), (state, faults))
    });
    told.collect()
}

pub(crate) fn an_agent_that_is_kept_to_its_files_sees_all_the_same_and_leaves_the_rest_alone(
    kernel: Kernel,
) {
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_edac");
    guest.start_agent_set_to("[agent]\nsandbox = \"off\"\n");
    let free = guest.shown();
    assert_eq!(free["agent"]["confinement"]["landlock"]["state"], "off");
    guest.stop_agent();

    guest.start_agent();
    let kept = guest.shown();
    let confinement = &kept["agent"]["confinement"];
    let landlock = &confinement["landlock"];
    assert_eq!(landlock["state"], "enforced", "{confinement}");
    // Documentation/userspace-api/landlock.rst of each. Both leave sockets with a path and UDP open.
    let (abi, gaps) = if kernel.series == "6.1" { (2, 6) } else { (6, 2) };
    assert_eq!(landlock["abi"], abi, "{landlock}");
    assert_eq!(landlock["gaps"].as_array().unwrap().len(), gaps, "{landlock}");
    let capabilities = serde_json::json!(["CAP_DAC_READ_SEARCH", "CAP_SYSLOG", "CAP_SYS_PTRACE"]);
    assert_eq!(confinement["capabilities"], capabilities);
    assert_eq!(confinement["no_new_privileges"], true);

    assert_eq!(states(&kept), states(&free));
    assert_eq!(kept["agent"]["events"]["path"], free["agent"]["events"]["path"]);
    // What it counts and hears is what was done.
    guest.order("corrected mc=0 channel=0 slot=0 count=3");
    assert_eq!(guest.heard(1).sum("scrubjay_event_reports_total"), 1);

    // A file that leads out of what it may read is none: what held before goes on to hold.
    guest.stop_agent();
    guest.run(
        "mkdir -p /run/web /srv/shut; echo \"http_server_config: {}\" >/run/web/config.yml
         echo \"http_server_config: {}\" >/srv/shut/config.yml",
    );
    guest.start_agent_set_to("[web]\nconfig_file = \"/run/web/config.yml\"\n");
    assert_eq!(guest.metrics().value("scrubjay_web_config_failing", ""), Some(0));
    guest.run("ln -sf /srv/shut/config.yml /run/web/config.yml; sleep 1.5");
    guest.next_pass();
    assert_eq!(guest.next_pass().value("scrubjay_web_config_failing", ""), Some(1));
    let log = guest.run("cat /run/agent.log");
    assert!(log.contains("Permission denied"), "{log}");
}
