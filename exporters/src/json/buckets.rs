//! Buckets of time or boots, each with the time watched. Figures of one that nobody watched are null:
//! nothing is known of it, which is not the same as nothing having happened.

use super::{SCHEMA_VERSION, line};
use crate::PageError;
use scrubjay_model::{
    BootBucket, BootCounts, BucketBy, BucketSum, FoldedRows, MemoryBucket, PageBucket, PageCounts,
    PatchBucket, PatchCounts, SeriesKey,
};
use serde::Serialize;

#[derive(Serialize)]
struct Buckets<'a, B> {
    schema_version: u32,
    by: BucketBy,
    #[serde(skip_serializing_if = "Option::is_none")]
    folded: Option<&'a FoldedRows>,
    buckets: Vec<B>,
}

impl<'a, B: Serialize> Buckets<'a, B> {
    fn line(
        by: BucketBy,
        folded: Option<&'a FoldedRows>,
        buckets: impl Iterator<Item = B>,
    ) -> Result<String, PageError> {
        line(&Self { schema_version: SCHEMA_VERSION, by, folded, buckets: buckets.collect() })
    }
}

#[derive(Serialize)]
struct Memory<'a> {
    #[serde(flatten)]
    bucket: &'a MemoryBucket,
    /// Where this is false nothing is known, which is not the same as no errors.
    is_watched: bool,
    errors: Vec<SeriesSum<'a>>,
}

#[derive(Serialize)]
struct SeriesSum<'a> {
    #[serde(flatten)]
    series: &'a SeriesKey,
    #[serde(flatten)]
    sum: &'a BucketSum,
}

#[derive(Serialize)]
struct Boots<'a> {
    #[serde(flatten)]
    bucket: &'a BootBucket,
    is_told: bool,
    up_ppm_at_least: Option<u64>,
    up_ppm_at_most: Option<u64>,
    counts: Option<&'a BootCounts>,
}

#[derive(Serialize)]
struct Patches<'a> {
    #[serde(flatten)]
    bucket: &'a PatchBucket,
    is_watched: bool,
    owed: Option<u64>,
    counts: Option<&'a PatchCounts>,
}

#[derive(Serialize)]
struct Pages<'a> {
    #[serde(flatten)]
    bucket: &'a PageBucket,
    is_watched: bool,
    known: Option<u64>,
    out_of_use: Option<u64>,
    counts: Option<&'a PageCounts>,
}

/// Errors: `history memory --by … --json`.
pub fn memory_buckets(
    buckets: &[MemoryBucket],
    by: BucketBy,
    folded: &FoldedRows,
) -> Result<String, PageError> {
    let buckets = buckets.iter().map(|bucket| {
        let errors = bucket.series.iter().map(|(key, sum)| SeriesSum { series: key, sum });
        Memory { bucket, is_watched: bucket.is_watched(), errors: errors.collect() }
    });
    Buckets::line(by, Some(folded), buckets)
}

/// Boots and availability: `history boots --by … --json`.
pub fn boot_buckets(buckets: &[BootBucket], by: BucketBy) -> Result<String, PageError> {
    let buckets = buckets.iter().map(|bucket| {
        let (least, most) = bucket.bounds_ppm().unzip();
        Boots {
            bucket,
            is_told: bucket.is_told(),
            up_ppm_at_least: least,
            up_ppm_at_most: most,
            counts: bucket.counts(),
        }
    });
    Buckets::line(by, None, buckets)
}

/// Kernels, live patches and what was owed: `history patches --by … --json`.
pub fn patch_buckets(buckets: &[PatchBucket], by: BucketBy) -> Result<String, PageError> {
    let buckets = buckets.iter().map(|bucket| Patches {
        bucket,
        is_watched: bucket.is_watched(),
        owed: bucket.owed(),
        counts: bucket.counts(),
    });
    Buckets::line(by, None, buckets)
}

/// Bad pages: `history pages --by … --json`.
pub fn page_buckets(buckets: &[PageBucket], by: BucketBy) -> Result<String, PageError> {
    let buckets = buckets.iter().map(|bucket| Pages {
        bucket,
        is_watched: bucket.is_watched(),
        known: bucket.known(),
        out_of_use: bucket.out_of_use(),
        counts: bucket.counts(),
    });
    Buckets::line(by, None, buckets)
}
