//! Workers Analytics Engine: what Workers wrote, by dataset.

use std::collections::{BTreeMap, VecDeque};

use crate::limits::{
    ANALYTICS_BLOB_BYTES, ANALYTICS_BLOBS, ANALYTICS_DOUBLES, ANALYTICS_INDEX_BYTES,
    ANALYTICS_KEPT_MS, ANALYTICS_POINTS,
};

/// One data point as it is kept. What was not given is empty, or 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataPoint {
    /// Milliseconds since 1970, by the runtime's clock.
    pub at_ms: u64,
    /// The sampling key.
    pub index: String,
    /// `blob1` to `blob20`.
    pub blobs: Vec<String>,
    /// `double1` to `double20`.
    pub doubles: Vec<f64>,
    /// How many data points this one stands for.
    pub sample_interval: u64,
}

/// The table of one dataset.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// Oldest first.
    pub points: VecDeque<DataPoint>,
    /// How many were written, by index.
    written: BTreeMap<String, u64>,
}

impl Dataset {
    /// Takes a data point in; one that breaks a limit is dropped without a word, as by the real service. With `sample` above 1
    /// every so-manieth of an index is kept, and stands for so many.
    pub fn write(&mut self, mut point: DataPoint, sample: u64, now_ms: u64) {
        let blob_bytes: usize = point.blobs.iter().map(String::len).sum();
        if point.blobs.len() > ANALYTICS_BLOBS
            || point.doubles.len() > ANALYTICS_DOUBLES
            || point.index.len() > ANALYTICS_INDEX_BYTES
            || blob_bytes > ANALYTICS_BLOB_BYTES
        {
            return;
        }
        let written = self.written.entry(point.index.clone()).or_default();
        *written += 1;
        let sample = sample.max(1);
        if !written.is_multiple_of(sample) {
            return;
        }
        point.sample_interval = sample;
        self.points.push_back(point);
        while self.points.len() > ANALYTICS_POINTS
            || self
                .points
                .front()
                .is_some_and(|first| first.at_ms + ANALYTICS_KEPT_MS < now_ms)
        {
            self.points.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(index: &str, blob: String) -> DataPoint {
        DataPoint {
            at_ms: 1_000,
            index: index.to_owned(),
            blobs: vec![blob],
            ..DataPoint::default()
        }
    }

    #[test]
    fn one_in_so_many_is_kept_of_each_index() {
        let mut dataset = Dataset::default();
        for _ in 0..9 {
            dataset.write(point("a", "x".to_owned()), 4, 1_000);
        }
        dataset.write(point("b", "x".to_owned()), 4, 1_000);
        assert_eq!(dataset.points.len(), 2);
        assert!(dataset.points.iter().all(|kept| kept.sample_interval == 4));
    }

    #[test]
    fn what_breaks_a_limit_or_is_old_is_not_kept() {
        let mut dataset = Dataset::default();
        dataset.write(point(&"i".repeat(97), "x".to_owned()), 1, 1_000);
        dataset.write(point("a", "x".repeat(16 * 1024 + 1)), 1, 1_000);
        assert!(dataset.points.is_empty());
        dataset.write(point("a", "x".repeat(16 * 1024)), 1, 1_000);
        assert_eq!(dataset.points.len(), 1);
        let mut late = point("a", "y".to_owned());
        late.at_ms = 2_000 + ANALYTICS_KEPT_MS;
        dataset.write(late, 1, 2_000 + ANALYTICS_KEPT_MS);
        assert_eq!(dataset.points.len(), 1);
    }
}
