//! `scrubjay config`: whether the configuration is valid, and where each value comes from.

use super::print;
use crate::config::{Inputs, Settings};
use crate::exit::Exit;

pub(crate) fn show(inputs: &Inputs) -> anyhow::Result<Exit> {
    print(&inputs.show())?;
    // The reason is worth as much as the values; it goes to stderr with everything else.
    Settings::validate(inputs)?;
    Ok(Exit::Ok)
}

pub(crate) fn check(inputs: &Inputs) -> anyhow::Result<Exit> {
    Settings::validate(inputs)?;
    let mut page = String::from("configuration is valid\n");
    for path in &inputs.files {
        page.push_str(&format!("read {}\n", path.display()));
    }
    if inputs.files.is_empty() {
        page.push_str("no configuration file was found; defaults apply\n");
    }
    print(&page)?;
    Ok(Exit::Ok)
}
