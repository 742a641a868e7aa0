//! Relations, next boots and debts of imagined hosts.

use super::*;
