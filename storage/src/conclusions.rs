//! What was concluded from a pass, as facts of the history: how the kernel stands, which findings
//! ask for a reboot, and the verdict. Pure.

use crate::changes::{Changes, Entry};
use crate::state::{FactKey, State};
use crate::{exposures, facts, ledger};
use scrubjay_model::{Assessment, KERNEL_RELATION, REBOOT_REASON, Stamp, VERDICT};
use std::collections::BTreeMap;

/// The facts that are conclusions.
const NAMES: [&str; 3] = [KERNEL_RELATION, REBOOT_REASON, VERDICT];

/// Takes in what was concluded from the pass that was appended last. Nothing if no run was begun.
pub(crate) fn note(state: &mut State, assessment: &Assessment, at: &Stamp) -> Changes {
    let mut changes = Changes::default();
    let at = state.placed(at);
    let Some(run) = &mut state.run else { return changes };
    let run_id = run.row.id;
    changes.ledger.extend(ledger::verdict(&mut run.pace, assessment, &at));
    changes.urgent |= !changes.ledger.is_empty();
    let told = facts_of(assessment);
    let changed = facts::follow_conclusions(&mut state.facts, &NAMES, &told);
    if !changed.is_empty() {
        let mut entry = Entry::new(state.next_snapshot, run_id, at.clone());
        state.next_snapshot = state.next_snapshot.saturating_add(1);
        entry.facts = changed;
        changes.ledger.extend(ledger::of_entry(&entry));
        changes.entries.push(entry);
        changes.urgent = true;
    }
    if let Some(truth) = &assessment.patches {
        exposures::follow(state, truth, &at, &mut changes);
    }
    changes
}

fn facts_of(assessment: &Assessment) -> BTreeMap<FactKey, String> {
    let mut facts = BTreeMap::new();
    let mut tell = |name: &str, subject: &str, value: &str| {
        facts.insert((name.to_owned(), subject.to_owned()), value.to_owned());
    };
    tell(VERDICT, "", assessment.verdict.as_str());
    if let Some(truth) = &assessment.patches {
        tell(KERNEL_RELATION, "", truth.kernel.relation.as_str());
    }
    for finding in assessment.reboot_reasons() {
        let subject = match finding.subject.as_str() {
            "host" => finding.code.to_owned(),
            subject => format!("{} {subject}", finding.code),
        };
        tell(REBOOT_REASON, &subject, finding.verdict.as_str());
    }
    facts
}
