//! Configuration, in three stages:
//!
//! * *fragments*: the TOML files as written, every key optional, unknown keys refused;
//! * *inputs*: defaults, files, environment and flags put together, each value with where it
//!   came from, none judged yet;
//! * *settings*: validated; what the rest of the program sees.

mod alerting;
mod error;
mod fleet;
mod fragments;
mod inputs;
mod memory;
mod settings;
mod shown;
mod web;

pub(crate) use alerting::{Address, NotifySettings, check_url};
pub(crate) use fleet::{FleetFlags, FleetSettings};
pub(crate) use inputs::{Flags, Inputs};
pub(crate) use settings::{SYSTEM_STATE_DIR, Settings};
pub(crate) use web::{
    DEFAULT_LISTEN_ADDRESS, DEFAULT_SERVE_ADDRESS, ListenAddress, WebFlags, WebSettings,
};
