//! Snapshots of no sense at all, for laws that hold for any.

mod kernels;

use super::{agent, healthy, of};
use proptest::collection::vec;
use proptest::prelude::*;
use scrubjay_model::{
    Accumulated, AgentStats, BadPage, Blocker, BootId, Controller, ControllerKey, Counter,
    CpuSignature, CpuVulnerability, Csrow, Dimm, DimmLabels, EarlyImage, Edac, EdacDriver, Epoch,
    ErrorCheck, ErrorClass, ErrorCounts, ForcedPatch, Holder, ImageOf, Kernel, KernelHealth,
    KernelLog, Kexec, Layout, LedgerState, Livepatch, Lockdown, LogCounts, LogMark, MachineCheck,
    MemoryFailure, Microcode, MicrocodeUpdate, MicrocodeVendor, NodeMemoryFailure, NodePages,
    NonValue, Origin, PageOutcome, PageReason, PageState, ParseFault, Patch, PatchObject, Place,
    Platform, Present, Processes, ReadFault, Reading, RebootMarkers, RunningMicrocode, Scrub,
    ScrubControl, ScrubDevice, Section, SeriesKey, SeriesPlace, SeriesTotal, Smbios, Snapshot,
    SourceReport, StaleFile, StaleProcess, Taint, Uptime, VulnerabilityState,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zA-Z0-9 ,:_#-]{0,12}",
        2 => any::<String>(),
        1 => Just("None".to_owned()),
        1 => Just("ghes_edac".to_owned()),
        1 => Just("QEMU".to_owned()),
        1 => Just("mce=off".to_owned()),
    ]
}

fn non_value() -> impl Strategy<Value = NonValue> {
    let fault = prop_oneof![
        Just(ReadFault::Denied),
        Just(ReadFault::NotAFile),
        any::<i32>().prop_map(ReadFault::Io),
        Just(ReadFault::Deadline),
        Just(ReadFault::StillRunning),
        Just(ReadFault::Torn),
        Just(ReadFault::Panicked),
        Just(ReadFault::NoThread),
    ];
    let parse = vec(any::<u8>(), 0..8).prop_map(|found| ParseFault::new("a number", &found));
    prop_oneof![
        words().prop_map(|path| NonValue::Absent(Origin::new(path))),
        (words(), fault).prop_map(|(path, fault)| NonValue::Unreadable(Origin::new(path), fault)),
        (words(), parse).prop_map(|(path, fault)| NonValue::Malformed(Origin::new(path), fault)),
    ]
}

pub(super) fn reading<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Reading<T>> {
    prop_oneof![4 => value.prop_map(Reading::Value), 1 => non_value().prop_map(Reading::from)]
        .boxed()
}

fn number() -> BoxedStrategy<u64> {
    prop_oneof![3 => Just(0), 3 => 1_u64..100, 1 => any::<u64>()].boxed()
}

fn counter() -> BoxedStrategy<Reading<Counter>> {
    reading(number().prop_map(|value| Counter {
        value,
        epoch: Epoch { boot: BootId::unknown(), zeroed: None },
    }))
}

fn error_counts() -> BoxedStrategy<ErrorCounts> {
    let pair = (counter(), counter());
    pair.prop_map(|(correctable, uncorrectable)| ErrorCounts { correctable, uncorrectable }).boxed()
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        (0_u32..40).prop_map(Place::Dimm),
        (0_u32..40).prop_map(Place::Rank),
        (0_u32..8, 0_u32..8).prop_map(|(csrow, channel)| Place::Channel { csrow, channel }),
        (0_u32..8).prop_map(Place::Csrow),
    ]
}

fn dimm() -> impl Strategy<Value = Dimm> {
    let text = || reading(words());
    (place(), text(), text(), reading(number()), text(), text(), text(), error_counts()).prop_map(
        |(place, label, location, size_bytes, memory_type, device_type, edac_mode, errors)| Dimm {
            place,
            label,
            location,
            size_bytes,
            memory_type,
            device_type,
            edac_mode,
            errors,
        },
    )
}

fn controller() -> impl Strategy<Value = Controller> {
    let layout = prop_oneof![
        Just(Layout::Dimm),
        Just(Layout::Rank),
        Just(Layout::Csrow),
        Just(Layout::Controller)
    ];
    let csrow = (0_u32..8, error_counts()).prop_map(|(index, errors)| Csrow { index, errors });
    let facts = (reading(words()), reading(number()), reading(number()), reading(number()));
    let counted = (error_counts(), error_counts(), vec(dimm(), 0..14), vec(csrow, 0..3));
    (0_u32..4, facts, counted, layout, any::<bool>()).prop_map(
        |(index, (name, size_bytes, seconds_since_reset, scrub_rate), counted, layout, steady)| {
            let (errors, unattributed, dimms, csrows) = counted;
            Controller {
                index,
                name,
                size_bytes,
                seconds_since_reset,
                scrub_rate,
                errors,
                unattributed,
                layout,
                dimms: dimms.into(),
                csrows,
                steady,
            }
        },
    )
}

fn memory_failure() -> impl Strategy<Value = MemoryFailure> {
    let results = (number_read(), number_read(), number_read(), number_read(), number_read());
    let node =
        (any::<u32>(), results).prop_map(|(node, (total, ignored, failed, delayed, recovered))| {
            NodeMemoryFailure {
                node,
                pages: NodePages { total, ignored, failed, delayed, recovered },
            }
        });
    let facts = (number_read(), reading(vec(node, 0..3)), switch(), number_read(), number_read());
    facts.prop_map(|(hardware_corrupted_bytes, nodes, recovery, soft_offline, page_size_bytes)| {
        MemoryFailure { hardware_corrupted_bytes, nodes, recovery, soft_offline, page_size_bytes }
    })
}

fn number_read() -> BoxedStrategy<Reading<u64>> {
    reading(number())
}

pub(super) fn switch() -> BoxedStrategy<Reading<bool>> {
    reading(any::<bool>())
}

pub(super) fn present() -> BoxedStrategy<Reading<Present>> {
    reading(Just(Present))
}

pub(super) fn text() -> BoxedStrategy<Reading<String>> {
    reading(words())
}

fn livepatch() -> impl Strategy<Value = Livepatch> {
    let object =
        (words(), switch(), reading(vec(words(), 0..3))).prop_map(|(name, patched, functions)| {
            PatchObject { name, patched, loaded: None, functions }
        });
    let patch = (
        words(),
        switch(),
        switch(),
        switch(),
        reading(any::<u32>()),
        reading(vec(object, 0..2)),
        text(),
    )
        .prop_map(
            |(name, enabled, transition, replace, stack_order, objects, module_taint)| Patch {
                name,
                enabled,
                transition,
                replace,
                stack_order,
                objects,
                module_taint,
            },
        );
    let blocker = (any::<u32>(), any::<u32>(), text(), -1_i8..2)
        .prop_map(|(pid, tid, comm, patch_state)| Blocker { pid, tid, comm, patch_state });
    (vec(patch, 0..3), proptest::option::of(reading(vec(blocker, 0..6))))
        .prop_map(|(patches, blockers)| Livepatch { patches, blockers })
}

fn platform() -> impl Strategy<Value = Platform> {
    let dmi = (text(), text(), text(), text(), text(), text(), text());
    let there = (present(), present(), present(), present(), present(), present());
    let driver = (words(), present(), proptest::option::of(words()))
        .prop_map(|(name, loaded, forbidden_by)| EdacDriver { name, loaded, forbidden_by });
    let asked = (
        switch(),
        proptest::option::of(switch()),
        proptest::option::of(reading(vec(driver, 0..4))),
    );
    (switch(), text(), dmi, reading(vec(words(), 0..4)), there, asked).prop_map(
        |(hypervisor_flag, hypervisor_type, dmi, command_line, there, asked)| {
            let (
                system_vendor,
                product_name,
                board_vendor,
                board_name,
                firmware,
                bios_date,
                fadt_oem,
            ) = dmi;
            let (edac_core, hest, bert, ghes_edac, cec, debugfs) = there;
            let (panic_on_uncorrected, cec_configured, edac_drivers) = asked;
            Platform {
                hypervisor_flag,
                hypervisor_type,
                system_vendor,
                product_name,
                board_vendor,
                board_name,
                bios_version: firmware,
                bios_date,
                command_line,
                edac_core,
                hest,
                bert,
                fadt_oem: Some(fadt_oem),
                ghes_edac,
                panic_on_uncorrected,
                debugfs,
                cec,
                cec_configured,
                edac_drivers,
            }
        },
    )
}

fn scrub() -> impl Strategy<Value = Scrub> {
    let control = (0_u32..3, switch(), number_read(), number_read()).prop_map(
        |(index, background, cycle_seconds, other)| ScrubControl {
            index,
            background,
            cycle_seconds,
            min_cycle_seconds: other.clone(),
            max_cycle_seconds: other.clone(),
            on_demand_address: other.clone(),
            on_demand_bytes: other,
        },
    );
    let check = (0_u32..3, number_read(), number_read()).prop_map(|(index, mode, threshold)| {
        ErrorCheck { index, log_entry_type: mode.clone(), mode, threshold }
    });
    let device =
        (words(), vec(control, 0..3), vec(check, 0..3)).prop_map(|(name, scrubs, error_checks)| {
            ScrubDevice { name, scrubs, error_checks, repairs: Vec::new() }
        });
    vec(device, 0..3).prop_map(|devices| Scrub { devices, cxl: Vec::new() })
}

fn section<T: Clone + std::fmt::Debug + 'static>(
    found: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Option<Section<T>>> {
    let report = vec(non_value(), 0..3).prop_map(|faults| SourceReport {
        took: Duration::ZERO,
        attributes: 1,
        faults,
    });
    let section =
        (reading(found), report).prop_map(|(reading, report)| Section { reading, report });
    proptest::option::weighted(0.9, section).boxed()
}

/// Any snapshot.
pub(crate) fn snapshot() -> BoxedStrategy<Snapshot> {
    let uptime = (number_read(), reading(any::<i64>())).prop_map(|(seconds, boot_time_s)| {
        let seconds = seconds.map(Duration::from_secs);
        let boot_id = seconds.as_ref().map(|_| BootId::unknown());
        Uptime { boot_id, since_boot: seconds.clone(), boot_time_s, slept: seconds }
    });
    let kernel = (kernels::release(), text(), text(), text(), (present(), present(), present()))
        .prop_map(|(release, version, banner, version_signature, modules)| {
            let (modules_supported, modules_root, modules_directory) = modules;
            let uname = of(&mut healthy().kernel).uname.clone();
            Kernel {
                release,
                version,
                banner,
                version_signature,
                uname,
                modules_supported,
                modules_root,
                modules_directory,
            }
        });
    let health = (reading(any::<u64>().prop_map(Taint)), number_read(), number_read())
        .prop_map(|(taint, oops_count, warn_count)| KernelHealth { taint, oops_count, warn_count });
    let state = proptest::sample::select(VulnerabilityState::ALL.to_vec());
    let vulnerability = (words(), reading(state), text())
        .prop_map(|(name, state, text)| CpuVulnerability { name, state, text });
    let kexec =
        (switch(), switch(), number_read()).prop_map(|(loaded, crash_loaded, crash_size_bytes)| {
            Kexec { loaded, crash_loaded, crash_size_bytes }
        });
    let lockdown = proptest::sample::select(Lockdown::ALL.to_vec());
    let markers = (text(), reading(vec(words(), 0..8)), text())
        .prop_map(|(required, packages, needed)| RebootMarkers { required, packages, needed });
    let check = (number_read(), switch(), switch(), switch()).prop_map(
        |(check_interval_seconds, ignore_ce, dont_log_ce, cmci_disabled)| MachineCheck {
            check_interval_seconds,
            ignore_ce,
            dont_log_ce,
            cmci_disabled,
        },
    );
    let edac = vec(controller(), 0..3).prop_map(|controllers| Edac { controllers });
    let first = (
        section(edac),
        section(memory_failure()),
        section(uptime),
        section(kernel),
        section(health),
        section(vec(vulnerability, 0..3)),
    );
    let second = (
        section(kexec),
        section(lockdown),
        section(livepatch()),
        section(markers),
        section(check),
        section(platform()),
        section(kernel_log()),
        section(scrub()),
        section(super::crashes::previous_boot()),
    );
    let rest = (
        section(microcode()),
        section(super::modules::arbitrary()),
        section(super::systems::arbitrary()),
        section(processes()),
    );
    let third = (
        section(smbios()),
        section(Just(DimmLabels { entries: Vec::new() })),
        section(kernels::packages()),
        section(kernels::boot_images()),
        section(kernels::cve_lists()),
        rest,
    );
    (first, second, third)
        .prop_map(|(first, second, third)| {
            let (edac, memory_failure, uptime, kernel, kernel_health, cpu_vulnerabilities) = first;
            let (
                kexec,
                lockdown,
                livepatch,
                reboot_markers,
                machine_check,
                platform,
                kernel_log,
                scrub,
                previous_boot,
            ) = second;
            let (smbios, dimm_labels, packages, boot_images, cve_lists, rest) = third;
            let (microcode, livepatch_modules, livepatch_systems, processes) = rest;
            Snapshot {
                at: healthy().at,
                edac,
                memory_failure,
                uptime,
                kernel,
                kernel_health,
                cpu_vulnerabilities,
                kexec,
                lockdown,
                livepatch,
                reboot_markers,
                machine_check,
                platform,
                kernel_log,
                scrub,
                previous_boot,
                // Sticks and labels are plain facts: what can vary is whether there are any.
                smbios,
                dimm_labels,
                packages,
                boot_images,
                cve_lists,
                microcode,
                livepatch_modules,
                livepatch_systems,
                processes,
            }
        })
        .boxed()
}

fn processes() -> impl Strategy<Value = Processes> {
    let holder = prop::sample::select(Holder::ALL.to_vec());
    let process = (
        any::<u32>(),
        holder,
        reading(words()),
        reading(any::<u64>()),
        proptest::option::of(words()),
        vec(words(), 0..3),
    );
    let process = process.prop_map(|(pid, holder, comm, started, unit, paths)| StaleProcess {
        pid,
        comm,
        started,
        holder,
        unit,
        program: false,
        files: paths.into_iter().map(|path| StaleFile { path, replaced: false }).collect(),
        more_files: 0,
    });
    (any::<u32>(), any::<u32>(), any::<bool>(), vec(process, 0..4), any::<u32>()).prop_map(
        |(read, unread, complete, stale, left_out)| Processes {
            read,
            unread,
            complete,
            stale,
            left_out,
        },
    )
}

fn microcode() -> impl Strategy<Value = Microcode> {
    let update = || {
        (any::<u32>(), words()).prop_map(|(revision, file)| MicrocodeUpdate {
            revision,
            date: None,
            file,
        })
    };
    let of = prop_oneof![
        Just(ImageOf::AnyKernel),
        Just(ImageOf::RunningKernel),
        Just(ImageOf::OtherKernel)
    ];
    let image = (words(), of, reading(proptest::option::of(update())))
        .prop_map(|(file, of, update)| EarlyImage { file, of, update });
    let running = (any::<u32>(), any::<u32>(), any::<u32>())
        .prop_map(|(lowest, highest, cpus)| RunningMicrocode { lowest, highest, cpus });
    (
        any::<bool>(),
        (any::<u32>(), any::<u32>(), any::<u32>()),
        proptest::option::of(reading(any::<u32>())),
        reading(running),
        reading(proptest::option::of(update())),
        reading(vec(image, 0..3)),
    )
        .prop_map(
            |(intel, (family, model, stepping), platform, running, available, images)| Microcode {
                vendor: if intel { MicrocodeVendor::Intel } else { MicrocodeVendor::Amd },
                signature: CpuSignature { family, model, stepping },
                platform,
                running,
                available,
                images,
            },
        )
}

fn forced_patches() -> impl Strategy<Value = Vec<ForcedPatch>> {
    let forced = (any::<u32>(), proptest::option::of(words()))
        .prop_map(|(s, patch)| ForcedPatch { awake: Duration::from_secs(s.into()), patch });
    vec(forced, 0..3)
}

fn kernel_log() -> impl Strategy<Value = KernelLog> {
    let mark = (proptest::option::of(any::<u64>()), proptest::option::of(any::<u32>())).prop_map(
        |(sequence, s)| LogMark { sequence, awake: s.map(|s| Duration::from_secs(s.into())) },
    );
    let mark = || proptest::option::of(mark.clone());
    (mark(), mark(), number(), number(), any::<bool>(), forced_patches()).prop_map(
        |(oldest, newest, records, lost, cut, forced)| KernelLog {
            oldest,
            newest,
            records,
            lost,
            cut,
            forced,
            transition: None,
            transition_ended: false,
            ecc_disabled: Vec::new(),
            cec_initialized: false,
            cmci_storms: 0,
            told: LogCounts::NONE,
        },
    )
}

/// A table without sticks, understood or not.
fn smbios() -> impl Strategy<Value = Smbios> {
    any::<bool>().prop_map(|complete| Smbios {
        version: None,
        arrays: Vec::new(),
        devices: Vec::new(),
        complete,
    })
}

/// Any history.
pub(crate) fn accumulated() -> BoxedStrategy<Accumulated> {
    let key = || words().prop_map(ControllerKey::from_stored);
    let series_place = prop_oneof![
        Just(SeriesPlace::Total),
        Just(SeriesPlace::Unattributed),
        place().prop_map(SeriesPlace::Dimm)
    ];
    let class = proptest::sample::select(ErrorClass::ALL.to_vec());
    let series = (key(), series_place, class).prop_map(|(controller, place, class)| SeriesKey {
        controller,
        place,
        class,
    });
    let total =
        (any::<u64>(), any::<i64>(), any::<u64>()).prop_map(|(total, since_wall_ms, restarts)| {
            SeriesTotal { total, since_wall_ms, restarts }
        });
    let controllers = proptest::collection::btree_map(0_u32..4, key(), 0..4);
    let totals = proptest::collection::btree_map(series, total, 0..8);
    let seen = proptest::collection::btree_set(key(), 0..3);
    (controllers, totals, forced_patches(), seen, bad_pages())
        .prop_map(|(controllers, totals, forced_patches, seen_this_boot, bad_pages)| Accumulated {
            controllers,
            totals,
            forced_patches,
            seen_this_boot,
            bad_pages,
            ..Accumulated::default()
        })
        .boxed()
}

/// Any agent, or none.
fn ledgers() -> BoxedStrategy<LedgerState> {
    prop_oneof![
        Just(LedgerState::None),
        Just(LedgerState::Intact),
        any::<String>().prop_map(|because| LedgerState::Altered { because }),
        any::<String>().prop_map(|because| LedgerState::NotChecked { because }),
    ]
    .boxed()
}

pub(crate) fn agents() -> BoxedStrategy<Option<AgentStats>> {
    let troubles = (
        any::<u64>(),
        proptest::option::of(any::<String>()),
        proptest::option::of(any::<String>()),
        ledgers(),
    );
    let agents = troubles.prop_map(|(write_failures, last_error, replaced, ledger)| {
        let mut agent = agent();
        agent.storage.ledger = ledger;
        agent.storage.write_failures = write_failures;
        agent.storage.last_error = last_error;
        agent.storage.replaced = replaced;
        agent
    });
    proptest::option::of(agents).boxed()
}

fn bad_pages() -> impl Strategy<Value = BTreeMap<u64, BadPage>> {
    let reason = prop_oneof![
        Just(PageReason::SoftOffline),
        Just(PageReason::CorrectedThreshold),
        words().prop_map(|page_type| PageReason::MemoryFailure {
            page_type,
            result: PageOutcome::Failed,
        }),
    ];
    let state = proptest::sample::select(PageState::ALL.to_vec());
    let times = (any::<i64>(), any::<i64>(), any::<u32>());
    let dimm = proptest::option::of(words());
    let page = (1_u64..1 << 40, reason, dimm, times, state).prop_map(
        |(pfn, reason, dimm, (first, last, boots_survived), state)| {
            let page = BadPage {
                pfn,
                physical_address: pfn * 4096,
                page_size_bytes: 4096,
                reason,
                dimm,
                first_seen_wall_ms: first,
                last_seen_wall_ms: last,
                boots_survived,
                boot: BootId::unknown(),
                state,
            };
            (page.physical_address, page)
        },
    );
    vec(page, 0..4).prop_map(|pages| pages.into_iter().collect())
}
