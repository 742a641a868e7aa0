//! How durations are written to JSON: seconds, as a number.

use crate::Reading;
use serde::{Deserialize as _, Deserializer, Serialize, Serializer, de};
use std::time::Duration;

// serde's `serialize_with` hands fields by reference.

pub(crate) fn of<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

pub(crate) fn of_option<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(|d| d.as_secs_f64()).serialize(serializer)
}

pub(crate) fn of_reading<S: Serializer>(
    reading: &Reading<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    reading.as_ref().map(|d| d.as_secs_f64()).serialize(serializer)
}

/// Reads what [`of_option`] wrote.
pub(crate) fn read_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let seconds = Option::<f64>::deserialize(deserializer)?;
    seconds.map(Duration::try_from_secs_f64).transpose().map_err(de::Error::custom)
}
