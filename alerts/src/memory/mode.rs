//! The shapes a fault of memory can have.

use super::Seconds;

/// Seconds of a day.
pub(crate) const DAY: Seconds = 86_400;

/// What part of the memory a fault takes in, as far as the reports show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Errors were counted, and nothing said where.
    Unknown,
    /// One cell: a row and a column of a bank.
    Cell,
    /// One page, or one row of which no column was told: one cell or one row.
    CellOrRow,
    /// A few cells that have nothing in common yet; too few to prove a shape.
    FewCells,
    /// Several pages, or rows without columns: more than a cell, and no more can be told.
    UnknownMulti,
    /// One row of one bank.
    Row,
    /// One column of one bank.
    Column,
    /// Neighbouring rows of one bank, at most 1,024 apart: counted with banks.
    Subarray,
    /// One bank.
    Bank,
    /// The same column of several banks.
    MultiBankColumn,
    /// Several banks of one device.
    MultiBank,
    /// Several devices, or several ranks.
    MultiDevice,
    /// DIMMs of one channel err together.
    Channel,
    /// All channels of one controller or socket err together.
    Controller,
}

/// Which weight of the scorecard belongs to a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RiskClass {
    /// One cell.
    Cell,
    /// A row, or what may be one.
    Row,
    /// A column.
    Column,
    /// A bank or a part of it.
    Bank,
    /// Several banks of a device.
    Device,
    /// Several devices.
    MultiDevice,
    /// Nothing is known; the mixture of all.
    Unknown,
}

impl Mode {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Cell => "cell",
            Self::CellOrRow => "cell-or-row",
            Self::FewCells => "few-cells",
            Self::UnknownMulti => "unknown-multi",
            Self::Row => "row",
            Self::Column => "column",
            Self::Subarray => "subarray",
            Self::Bank => "bank",
            Self::MultiBankColumn => "multi-bank-column",
            Self::MultiBank => "multi-bank",
            Self::MultiDevice => "multi-device",
            Self::Channel => "channel",
            Self::Controller => "controller",
        }
    }

    /// What it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unknown => "errors of unknown place",
            Self::Cell => "one cell",
            Self::CellOrRow => "one cell or one row",
            Self::FewCells => "a few cells without a common shape",
            Self::UnknownMulti => "several places, of which the shape is not known",
            Self::Row => "a row",
            Self::Column => "a column",
            Self::Subarray => "a part of a bank",
            Self::Bank => "a bank",
            Self::MultiBankColumn => "one column of several banks",
            Self::MultiBank => "several banks",
            Self::MultiDevice => "several devices",
            Self::Channel => "the channel",
            Self::Controller => "the controller or its socket",
        }
    }

    /// Which weight it has.
    pub fn risk_class(self) -> RiskClass {
        match self {
            Self::Cell => RiskClass::Cell,
            Self::CellOrRow | Self::UnknownMulti | Self::Row => RiskClass::Row,
            Self::Column => RiskClass::Column,
            Self::Subarray | Self::Bank => RiskClass::Bank,
            Self::MultiBankColumn | Self::MultiBank => RiskClass::Device,
            Self::MultiDevice => RiskClass::MultiDevice,
            Self::Unknown | Self::FewCells | Self::Channel | Self::Controller => RiskClass::Unknown,
        }
    }

    /// Whether it goes beyond one bank of one device.
    pub fn is_wide(self) -> bool {
        match self {
            Self::MultiBankColumn | Self::MultiBank | Self::MultiDevice => true,
            Self::Unknown
            | Self::Cell
            | Self::CellOrRow
            | Self::FewCells
            | Self::UnknownMulti
            | Self::Row
            | Self::Column
            | Self::Subarray
            | Self::Bank
            | Self::Channel
            | Self::Controller => false,
        }
    }

    /// Whether it lies within one bank, and so is no fault of what several DIMMs share.
    pub fn is_confined(self) -> bool {
        match self {
            Self::Cell
            | Self::CellOrRow
            | Self::Row
            | Self::Column
            | Self::Subarray
            | Self::Bank => true,
            Self::Unknown
            | Self::FewCells
            | Self::UnknownMulti
            | Self::MultiBankColumn
            | Self::MultiBank
            | Self::MultiDevice
            | Self::Channel
            | Self::Controller => false,
        }
    }

    /// Whether it is more than one cell, by what was reported.
    pub fn is_more_than_a_cell(self) -> bool {
        !matches!(self, Self::Unknown | Self::Cell | Self::CellOrRow)
    }

    /// How long it must have been quiet before a verdict steps down by one: 7 days for a cell, 30
    /// for anything else.
    pub fn hold(self) -> Seconds {
        match self {
            Self::Cell | Self::CellOrRow => 7 * DAY,
            Self::Unknown
            | Self::FewCells
            | Self::UnknownMulti
            | Self::Row
            | Self::Column
            | Self::Subarray
            | Self::Bank
            | Self::MultiBankColumn
            | Self::MultiBank
            | Self::MultiDevice
            | Self::Channel
            | Self::Controller => 30 * DAY,
        }
    }
}
