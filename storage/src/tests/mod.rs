//! Tests of the crate as a whole. They build snapshots from the model's types; the database is a
//! real one in a temporary directory.

mod alerts;
mod away;
mod bites;
mod boot_imports;
mod boots;
mod counting;
mod creation;
mod damage;
mod error_imports;
mod events;
mod exposures;
mod faults;
mod forced;
mod homecoming;
mod issued;
mod laws;
mod ledger;
mod module_events;
mod modules;
mod page_requests;
mod pages;
mod query_plans;
mod sources;
mod support;
mod tiers;
mod traces;
mod transitions;
mod upgrades;
