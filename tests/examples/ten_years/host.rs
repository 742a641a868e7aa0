//! A host of 16 controllers with two DIMMs each, as the collector would read it.

use crate::chance::Chance;
use crate::faults::{Burst, DIMMS};
use crate::kernels::Kernels;
use scrubjay_model::{
    ArrayUse, BootId, Controller, Counter, Dimm, Edac, Epoch, ErrorCorrection, ErrorCounts,
    EventClass, EventGroup, EventPlace, EventWhat, Folded, FormFactor, Layout, MemoryArray,
    MemoryDevice, MemoryType, ModuleSize, Origin, PageOutcome, Place, Reading, Section,
    SeriesPlace, Sighting, Smbios, Snapshot, SourceReport, Stamp, TypeDetail, Witness,
    ZeroedWindow,
};
use std::time::Duration;

pub(crate) struct Host {
    pub(crate) boots: u32,
    pub(crate) since_boot: Duration,
    pub(crate) wall_ms: i64,
    pub(crate) kernels: Kernels,
    counts: Vec<(u64, u64)>,
    serials: Vec<String>,
    snapshot: Snapshot,
    /// Reports of this process so far.
    pub(crate) reports: u64,
}

fn absent<T>() -> Reading<T> {
    Reading::Absent(Origin::new("sys/absent"))
}

pub(crate) fn answered<T>(value: T) -> Section<T> {
    let report = SourceReport { took: Duration::ZERO, attributes: 1, faults: Vec::new() };
    Section { reading: Reading::Value(value), report }
}

fn slot(dimm: usize) -> String {
    format!(
        "CPU{}_{}{}",
        dimm / 16 + 1,
        char::from(b'A' + u8::try_from(dimm / 2 % 8).unwrap()),
        dimm % 2 + 1
    )
}

impl Host {
    pub(crate) fn new(wall_ms: i64) -> Self {
        let mut host = Self {
            boots: 1,
            since_boot: Duration::from_secs(60),
            wall_ms,
            kernels: Kernels::new(wall_ms / 1_000),
            counts: vec![(0, 0); DIMMS],
            serials: (0..DIMMS).map(|dimm| format!("S{dimm:06}")).collect(),
            snapshot: Snapshot::of_nothing(Stamp {
                boot: BootId::unknown(),
                since_boot: None,
                awake: None,
                wall_ms,
            }),
            reports: 0,
        };
        host.build();
        host
    }

    pub(crate) fn at(&self) -> Stamp {
        Stamp {
            boot: BootId::parse(&format!("{:08x}-0000-4000-8000-000000000000", self.boots))
                .unwrap(),
            since_boot: Some(self.since_boot),
            awake: Some(self.since_boot),
            wall_ms: self.wall_ms,
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.since_boot += time;
        self.wall_ms += i64::try_from(time.as_millis()).unwrap();
    }

    pub(crate) fn reboot(&mut self, down: Duration) {
        self.wall_ms += i64::try_from(down.as_millis()).unwrap();
        self.boots += 1;
        self.since_boot = Duration::from_secs(60);
        self.counts.fill((0, 0));
        self.kernels.reboot();
        self.build();
    }

    /// What became of the kernels shows with the next pass.
    pub(crate) fn show_kernels(&mut self) {
        self.kernels.show(&mut self.snapshot);
    }

    /// The kernel tells that an error that it could not correct hit a page of a stick.
    pub(crate) fn hit_page(&mut self, address: u64, outcome: PageOutcome) -> Sighting {
        let number = self.reports;
        self.reports += 1;
        Sighting {
            number,
            group: EventGroup {
                first: self.since_boot,
                last: self.since_boot,
                witness: Witness::MemoryFailure,
                class: EventClass::Uncorrected,
                what: EventWhat::Page { page_type: "dirty LRU page".to_owned(), outcome },
                place: EventPlace::Address,
                address: Some(address),
                grain_bits: None,
                syndrome: None,
                reports: 1,
                errors: 1,
                message: String::new(),
                detail: String::new(),
                folded: Folded::Nothing,
            },
            counter: None,
            same_as: None,
            counted: 0,
        }
    }

    /// A page in which a fault lies.
    pub(crate) fn page_of(dimm: usize, burst: &Burst, chance: &mut Chance) -> u64 {
        let row = (burst.fault * 7_919 + chance.below(burst.cells.clamp(1, 64))) % (1 << 17);
        ((u64::try_from(dimm).unwrap() << 35) + (row << 18)) & !0xfff
    }

    /// Puts another stick into a slot; takes effect with the next boot.
    pub(crate) fn replace(&mut self, dimm: usize) {
        self.serials[dimm] = format!("S{dimm:02}N{:04}", self.boots);
    }

    pub(crate) fn snapshot(&mut self) -> &Snapshot {
        self.snapshot.at = self.at();
        &self.snapshot
    }

    /// Lets errors happen, and returns the reports of them.
    pub(crate) fn fail(
        &mut self,
        dimm: usize,
        burst: &Burst,
        chance: &mut Chance,
    ) -> Vec<Sighting> {
        self.counts[dimm].0 += burst.correctable;
        self.counts[dimm].1 += burst.uncorrectable;
        let total: (u64, u64) = (dimm / 2 * 2..dimm / 2 * 2 + 2)
            .map(|n| self.counts[n])
            .fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
        let counts = self.counts[dimm];
        let Some(Section { reading: Reading::Value(edac), .. }) = &mut self.snapshot.edac else {
            unreachable!()
        };
        let controller = &mut edac.controllers[dimm / 2];
        set(&mut controller.errors, total);
        set(&mut controller.dimms_mut()[dimm % 2].errors, counts);
        let mut reports = Vec::new();
        // Reports of one cell within a second are one group.
        let groups = burst.correctable.min(burst.cells.max(1) * 3).min(1_200);
        for group in 0..groups {
            let errors = burst.correctable / groups + u64::from(group < burst.correctable % groups);
            reports.push(self.report(dimm, burst, EventClass::Corrected, errors, chance));
        }
        for _ in 0..burst.uncorrectable {
            reports.push(self.report(dimm, burst, EventClass::Uncorrected, 1, chance));
        }
        reports
    }

    fn report(
        &mut self,
        dimm: usize,
        burst: &Burst,
        class: EventClass,
        errors: u64,
        chance: &mut Chance,
    ) -> Sighting {
        let cell = chance.below(burst.cells.max(1));
        let row = (burst.fault * 7_919 + cell) % (1 << 17);
        let controller = u32::try_from(dimm / 2).unwrap();
        let of_controller = u8::try_from(dimm % 2).unwrap();
        let second = self.since_boot.saturating_sub(Duration::from_millis(chance.below(60_000)));
        let number = self.reports;
        self.reports += 1;
        let place = Place::Dimm(u32::from(of_controller));
        Sighting {
            number,
            group: EventGroup {
                first: second,
                last: second,
                witness: Witness::McEvent,
                class,
                what: EventWhat::Memory,
                place: EventPlace::Edac {
                    controller,
                    layers: [Some(of_controller), Some(0), None],
                    label: slot(dimm),
                },
                address: Some((u64::try_from(dimm).unwrap() << 35) + (row << 18) + (cell << 6)),
                grain_bits: Some(6),
                syndrome: Some(chance.below(8)),
                reports: errors,
                errors,
                message: "memory read error".to_owned(),
                detail: format!(
                    "err_code:0x0101:0x0090 socket:{} imc:{} rank:{} bg:{} ba:{} row:0x{row:x} col:0x{:x}",
                    dimm / 16,
                    dimm / 2 % 8,
                    cell % 2,
                    cell % 4,
                    cell / 4 % 4,
                    cell % 1_024
                ),
                folded: Folded::Nothing,
            },
            counter: Some((controller, SeriesPlace::Dimm(place))),
            same_as: None,
            counted: errors,
        }
    }

    fn build(&mut self) {
        let epoch = Epoch {
            boot: self.at().boot,
            zeroed: Some(ZeroedWindow {
                earliest: Duration::from_secs(5),
                latest: Duration::from_secs(6),
            }),
        };
        let zero = || Reading::Value(Counter { value: 0, epoch: epoch.clone() });
        let counts = || ErrorCounts { correctable: zero(), uncorrectable: zero() };
        let controllers = (0..DIMMS / 2).map(|mc| Controller {
            index: u32::try_from(mc).unwrap(),
            name: Reading::Value(format!("Ice Lake Socket#{} IMC#{}", mc / 8, mc % 8)),
            size_bytes: absent(),
            seconds_since_reset: absent(),
            scrub_rate: absent(),
            errors: counts(),
            unattributed: counts(),
            layout: Layout::Dimm,
            dimms: (0..2)
                .map(|n| Dimm {
                    place: Place::Dimm(u32::try_from(n).unwrap()),
                    label: Reading::Value(slot(mc * 2 + n)),
                    location: absent(),
                    size_bytes: Reading::Value(32 << 30),
                    memory_type: absent(),
                    device_type: absent(),
                    edac_mode: absent(),
                    errors: counts(),
                })
                .collect(),
            csrows: Vec::new(),
            steady: true,
        });
        self.snapshot.edac = Some(answered(Edac { controllers: controllers.collect() }));
        self.snapshot.smbios = Some(answered(self.table()));
        self.kernels.show(&mut self.snapshot);
    }

    fn table(&self) -> Smbios {
        let device = |dimm: usize| MemoryDevice {
            handle: 0x1100 + u16::try_from(dimm).unwrap(),
            array_handle: 0x1000,
            total_width_bits: Some(72),
            data_width_bits: Some(64),
            size: ModuleSize::Bytes(32 << 30),
            form_factor: FormFactor(9),
            set: None,
            locator: Some(slot(dimm)),
            bank: None,
            memory_type: MemoryType(26),
            type_detail: TypeDetail(0),
            speed_mts: None,
            manufacturer: Some("Imaginary".to_owned()),
            serial: Some(self.serials[dimm].clone()),
            asset_tag: None,
            part: Some("IM-32G".to_owned()),
            ranks: Some(2),
            configured_speed_mts: None,
            technology: None,
            firmware: None,
            module_manufacturer_id: None,
            module_product_id: None,
        };
        Smbios {
            version: None,
            arrays: vec![MemoryArray {
                handle: 0x1000,
                usage: ArrayUse(3),
                error_correction: ErrorCorrection(6),
                max_capacity_bytes: None,
                slots: u16::try_from(DIMMS).unwrap(),
            }],
            devices: (0..DIMMS).map(device).collect(),
            complete: true,
        }
    }
}

fn set(counts: &mut ErrorCounts, (correctable, uncorrectable): (u64, u64)) {
    for (counter, value) in
        [(&mut counts.correctable, correctable), (&mut counts.uncorrectable, uncorrectable)]
    {
        if let Reading::Value(counter) = counter {
            counter.value = value;
        }
    }
}
