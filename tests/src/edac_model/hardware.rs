//! What a driver tells the EDAC core about a controller when it registers.

/// A memory controller as its driver describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerSpec {
    /// `mc_name`.
    pub name: String,
    /// The layers of the location, outermost first; one to three.
    pub layers: Vec<Layer>,
    /// One for each combination of the layers, the last layer counting fastest.
    pub slots: Vec<Slot>,
    /// How the driver hands errors to the core.
    pub reports: Reports,
    /// `sdram_scrub_rate`, bytes per second; `None` where the driver has no scrub control, and so
    /// no such file.
    pub scrub_rate: Option<u32>,
}

/// One layer of a location (`struct edac_mc_layer`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// What it is called.
    pub kind: LayerKind,
    /// How many there are.
    pub size: u32,
    /// Whether the legacy view takes it for a chip-select row rather than a channel.
    pub is_virt_csrow: bool,
}

/// The kinds of layers the core has names for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// `branch`
    Branch,
    /// `channel`
    Channel,
    /// `slot`
    Slot,
    /// `csrow`
    ChipSelect,
    /// `memory`
    AllMemory,
}

/// One place for memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its size; 0 is an empty slot, which the kernel does not show.
    pub size_mib: u32,
    /// The label the driver sets: `None` leaves the core's own, an empty one shows as an empty
    /// file.
    pub label: Option<String>,
    /// `dimm_mem_type`.
    pub memory_type: &'static str,
    /// `dimm_dev_type`.
    pub device_type: &'static str,
    /// `dimm_edac_mode`.
    pub edac_mode: &'static str,
}

/// How a driver hands errors to the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    /// By `edac_mc_handle_error`, which serves the legacy counters too.
    Located,
    /// By `edac_raw_mc_handle_error`, as ghes_edac does: the legacy counters never move.
    Raw,
}

impl LayerKind {
    /// The core's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::Channel => "channel",
            Self::Slot => "slot",
            Self::ChipSelect => "csrow",
            Self::AllMemory => "memory",
        }
    }
}

impl ControllerSpec {
    /// An Intel server controller as skx_edac describes it: channels and slots, `dimmN`.
    pub fn skx(socket: u32, imc: u32, channels: u32, slots: u32) -> Self {
        let label = |position: &[u32]| match position {
            [channel, slot] => {
                Some(format!("CPU_SrcID#{socket}_MC#{imc}_Chan#{channel}_DIMM#{slot}"))
            }
            _ => None,
        };
        Self::with_layers(
            &format!("Skylake Socket#{socket} IMC#{imc}"),
            vec![
                Layer { kind: LayerKind::Channel, size: channels, is_virt_csrow: false },
                Layer { kind: LayerKind::Slot, size: slots, is_virt_csrow: true },
            ],
            Slot {
                size_mib: 32_768,
                label: None,
                memory_type: "Registered-DDR4",
                device_type: "x4",
                edac_mode: "S4ECD4ED",
            },
            label,
        )
    }

    /// An AMD controller as amd64_edac describes it: chip-select rows and channels, `rankN`. All
    /// controllers of a machine bear the same name.
    pub fn amd(name: &str, csrows: u32, channels: u32) -> Self {
        Self::with_layers(
            name,
            vec![
                Layer { kind: LayerKind::ChipSelect, size: csrows, is_virt_csrow: true },
                Layer { kind: LayerKind::Channel, size: channels, is_virt_csrow: false },
            ],
            Slot {
                size_mib: 16_384,
                label: None,
                memory_type: "Registered-DDR4",
                device_type: "x4",
                edac_mode: "S4ECD4ED",
            },
            |_| None,
        )
    }

    /// The one controller of ghes_edac: all memory in one layer, labels from SMBIOS.
    pub fn ghes(dimms: u32) -> Self {
        let label = |position: &[u32]| match position {
            [dimm] => Some(format!("P0 CHANNEL {} DIMM {}", dimm / 2, dimm % 2)),
            _ => None,
        };
        let mut spec = Self::with_layers(
            "ghes_edac",
            vec![Layer { kind: LayerKind::AllMemory, size: dimms, is_virt_csrow: true }],
            Slot {
                size_mib: 16_384,
                label: None,
                memory_type: "Registered-DDR4",
                device_type: "Unknown",
                edac_mode: "SECDED",
            },
            label,
        );
        spec.reports = Reports::Raw;
        spec
    }

    /// The same controller with the slot of that index empty.
    pub fn without_dimm(mut self, index: usize) -> Self {
        self.slots[index].size_mib = 0;
        self
    }

    /// The same controller with scrubbing at `rate` bytes per second.
    pub fn scrubbing(mut self, rate: u32) -> Self {
        self.scrub_rate = Some(rate);
        self
    }

    /// Whether the core makes `rankN` of its places rather than `dimmN` (`mci->csbased`).
    pub fn is_csbased(&self) -> bool {
        self.layers.iter().any(|layer| layer.kind == LayerKind::ChipSelect)
    }

    /// The location of the slot with that index, by layer.
    pub fn location(&self, index: usize) -> Vec<u32> {
        let mut rest = u32::try_from(index).expect("a slot index is small");
        let mut location: Vec<u32> = Vec::new();
        for layer in self.layers.iter().rev() {
            location.push(rest % layer.size);
            rest /= layer.size;
        }
        location.reverse();
        location
    }

    /// Indexes of the slots that hold memory.
    pub fn populated(&self) -> impl Iterator<Item = usize> + '_ {
        self.slots.iter().enumerate().filter(|(_, slot)| slot.size_mib > 0).map(|(i, _)| i)
    }

    /// Rows of the legacy view.
    pub(crate) fn csrows(&self) -> usize {
        self.product(|layer| layer.is_virt_csrow)
    }

    /// Channels of a row of the legacy view.
    pub(crate) fn channels(&self) -> usize {
        self.product(|layer| !layer.is_virt_csrow)
    }

    /// Where the legacy view has the slot with that index: row and channel
    /// (`edac_mc_alloc_dimms`).
    pub(crate) fn legacy_place(&self, index: usize) -> (usize, usize) {
        if self.layers.first().is_some_and(|layer| layer.is_virt_csrow) {
            (index / self.channels(), index % self.channels())
        } else {
            (index % self.csrows(), index / self.csrows())
        }
    }

    fn product(&self, counts: impl Fn(&Layer) -> bool) -> usize {
        let sizes = self.layers.iter().filter(|layer| counts(layer)).map(|layer| layer.size);
        usize::try_from(sizes.product::<u32>()).expect("a controller is small")
    }

    fn with_layers(
        name: &str,
        layers: Vec<Layer>,
        slot: Slot,
        label: impl Fn(&[u32]) -> Option<String>,
    ) -> Self {
        let count = layers.iter().map(|layer| layer.size).product::<u32>();
        let mut spec = Self {
            name: name.to_owned(),
            layers,
            slots: vec![slot; usize::try_from(count).expect("a controller is small")],
            reports: Reports::Located,
            scrub_rate: None,
        };
        for index in 0..spec.slots.len() {
            spec.slots[index].label = label(&spec.location(index));
        }
        spec
    }
}
