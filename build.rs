//! Has the linker put the functions that an agent enters side by side (layout.ld, written by tests/bench/layout).

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=layout.ld");
    println!("cargo::rerun-if-env-changed=SCRUBJAY_LAYOUT");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    // Unoptimised code is made to be debugged, and linked often. Some linkers know no scripts.
    if is("OPT_LEVEL", "0") || !is("CARGO_CFG_TARGET_OS", "linux") || is("SCRUBJAY_LAYOUT", "off") {
        return;
    }
    if let Ok(here) = var("CARGO_MANIFEST_DIR") {
        println!("cargo::rustc-link-arg-bin=scrubjay=-Wl,-T,{here}/layout.ld");
    }
}
