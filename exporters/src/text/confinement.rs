//! What scrubjay may do on a host, and what it has given up.

use super::page::{Cell, FAINT, Page, paint_of};
use scrubjay_model::{Confinement, Landlock, Privilege, Privileges, Verdict};

/// What an agent has left, in a line.
pub(crate) fn confinement(confinement: &Confinement) -> String {
    let Confinement { capabilities, superfluous, no_new_privileges, landlock } = confinement;
    let held = if capabilities.is_empty() { "none".to_owned() } else { capabilities.join(", ") };
    let mut told = format!("capabilities: {held}");
    if !superfluous.is_empty() {
        told.push_str(&format!(" (not needed: {})", superfluous.join(", ")));
    }
    told.push_str("; files: ");
    told.push_str(&files(landlock));
    if !no_new_privileges {
        told.push_str("; it could gain privileges");
    }
    told
}

fn files(landlock: &Landlock) -> String {
    match landlock {
        Landlock::Off => "not kept to its own (agent.sandbox)".to_owned(),
        Landlock::Unavailable { why } => format!("not kept to its own: {why}"),
        Landlock::Enforced { abi, gaps, excepted } => {
            let mut told = format!("kept to its own by Landlock {abi}");
            for (lead, all) in [(", but for ", gaps), ("; not ", excepted)] {
                if !all.is_empty() {
                    told.push_str(lead);
                    told.push_str(&all.join(", "));
                }
            }
            told
        }
    }
}

/// Each capability: whether it is there, who wants it and what it buys.
pub(super) fn privileges(page: &mut Page, privileges: &Privileges) {
    let Privileges { uid, capabilities, landlock } = privileges;
    page.heading(&format!("rights of this process (user {uid}):"));
    let row = |privilege: &Privilege| {
        let Privilege { capability, held, kept, for_whom, opens: _, without: _ } = privilege;
        let (sign, state, paint) = match (held, kept) {
            (true, true) => ("+", "there", paint_of(Verdict::Ok)),
            (false, true) => ("!", "missing", paint_of(Verdict::Watch)),
            (true, false) => (".", "there, and given up by an agent", FAINT),
            (false, false) => (".", "not wanted", FAINT),
        };
        vec![
            Cell::left(sign).painted(paint),
            Cell::left(*capability),
            Cell::left(state).painted(paint),
            Cell::left(for_whom.join(", ")),
        ]
    };
    page.table(2, &capabilities.iter().map(row).collect::<Vec<_>>());
    let state = match landlock {
        Landlock::Off => "switched off (agent.sandbox)".to_owned(),
        Landlock::Unavailable { why } => format!("not available: {why}"),
        Landlock::Enforced { abi, gaps, .. } if gaps.is_empty() => format!("version {abi}"),
        Landlock::Enforced { abi, gaps, .. } => {
            format!("version {abi}, which leaves unguarded: {}", gaps.join(", "))
        }
    };
    page.field(2, "Landlock", &state);
    for Privilege { capability, held, kept, for_whom, opens, without } in capabilities {
        if *held || !*kept {
            continue;
        }
        page.blank();
        page.heading(&format!("{capability}: missing"));
        page.field(2, "buys", opens);
        page.field(2, "for", &for_whom.join(", "));
        page.field(2, "without it", without);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Style;
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_it_would_buy() {
        let one = |capability, held, kept| Privilege {
            capability,
            held,
            kept,
            for_whom: if kept { vec!["processes"] } else { Vec::new() },
            opens: "what others have mapped",
            without: "that is not known",
        };
        let all = Privileges {
            uid: 1000,
            capabilities: vec![
                one("CAP_SYSLOG", true, true),
                one("CAP_SYS_PTRACE", false, true),
                one("CAP_SYS_ADMIN", true, false),
                one("CAP_DAC_OVERRIDE", false, false),
            ],
            landlock: Landlock::Enforced {
                abi: 4,
                gaps: vec!["commands to devices (ioctl)".to_owned()],
                excepted: Vec::new(),
            },
        };
        let mut page = Page::new(Style { colour: false, all: false });
        privileges(&mut page, &all);
        insta::assert_snapshot!(page.into_text(), @r"
        rights of this process (user 1000):
          +  CAP_SYSLOG        there                            processes
          !  CAP_SYS_PTRACE    missing                          processes
          .  CAP_SYS_ADMIN     there, and given up by an agent
          .  CAP_DAC_OVERRIDE  not wanted
          Landlock     version 4, which leaves unguarded: commands to devices (ioctl)

        CAP_SYS_PTRACE: missing
          buys         what others have mapped
          for          processes
          without it   that is not known
        ");
    }

    #[test]
    fn an_agent_tells_what_it_has_left() {
        let left = Confinement {
            capabilities: vec!["CAP_SYSLOG".to_owned()],
            superfluous: Vec::new(),
            no_new_privileges: true,
            landlock: Landlock::Unavailable { why: "the kernel has none".to_owned() },
        };
        assert_eq!(
            confinement(&left),
            "capabilities: CAP_SYSLOG; files: not kept to its own: the kernel has none"
        );
        let bare = Confinement {
            capabilities: Vec::new(),
            superfluous: vec!["CAP_X".to_owned()],
            no_new_privileges: false,
            landlock: Landlock::Enforced {
                abi: 2,
                gaps: vec!["a".to_owned()],
                excepted: vec!["processes: b".to_owned()],
            },
        };
        assert_eq!(
            confinement(&bare),
            "capabilities: none (not needed: CAP_X); files: kept to its own by Landlock 2, but for a; \
             not processes: b; it could gain privileges"
        );
    }
}
