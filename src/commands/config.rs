//! `scrubjay config`: whether the configuration is valid, and where each value comes from.

use super::print;
use crate::config::{Inputs, Settings};
use crate::exit::Exit;
use crate::{clock, web, windows};

pub(crate) fn show(inputs: &Inputs) -> anyhow::Result<Exit> {
    print(&inputs.show())?;
    // The reason is worth as much as the values; it goes to stderr with everything else.
    Settings::validate(inputs)?;
    Ok(Exit::Ok)
}

pub(crate) fn check(inputs: &Inputs) -> anyhow::Result<Exit> {
    let settings = Settings::validate(inputs)?;
    let mut page = String::from("configuration is valid\n");
    for path in &inputs.files {
        page.push_str(&format!("read {}\n", path.display()));
    }
    if inputs.files.is_empty() {
        page.push_str("no configuration file was found; defaults apply\n");
    }
    if let Some(path) = &settings.web.config_file {
        let (_, setup) = web::WebFiles::read(path)?;
        page.push_str(&format!("{}: {}\n", path.display(), web::in_words(&setup)));
    }
    page.push_str(&next_window(&settings));
    print(&page)?;
    Ok(Exit::Ok)
}

/// When the host may be rebooted next, so that a slip in a day or a time zone is seen at once.
fn next_window(settings: &Settings) -> String {
    match windows::next_of(&settings.windows, clock::wall_ms()) {
        None => String::new(),
        Some((window, next)) => {
            let at = window.words(next.from_wall_ms).unwrap_or_default();
            format!("next maintenance window: {at}, of \"{window}\"\n")
        }
    }
}
