//! Errors by time or boot.

use super::{SCHEMA_VERSION, line};
use crate::PageError;
use scrubjay_model::{BucketBy, BucketSum, FoldedRows, MemoryBucket, SeriesKey};
use serde::Serialize;

#[derive(Serialize)]
struct Buckets<'a> {
    schema_version: u32,
    by: BucketBy,
    folded: &'a FoldedRows,
    buckets: Vec<Bucket<'a>>,
}

#[derive(Serialize)]
struct Bucket<'a> {
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

/// Errors by time or boot, each with the time watched: `history memory --by … --json`.
pub fn memory_buckets(
    buckets: &[MemoryBucket],
    by: BucketBy,
    folded: &FoldedRows,
) -> Result<String, PageError> {
    let buckets = buckets.iter().map(|bucket| {
        let errors = bucket.series.iter().map(|(key, sum)| SeriesSum { series: key, sum });
        Bucket { bucket, is_watched: bucket.is_watched(), errors: errors.collect() }
    });
    let buckets = buckets.collect();
    line(&Buckets { schema_version: SCHEMA_VERSION, by, folded, buckets })
}
