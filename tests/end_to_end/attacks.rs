//! What somebody does who means harm: names that act, trees and directories full of traps, files that
//! swell, clients by the thousand. docs/attacks.md lists which test is against what.

mod bombs;
mod clients;
mod limits;
mod names;
mod state;
mod trees;
