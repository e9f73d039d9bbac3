//! Drawn numbers that a seed brings back.

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    /// From `EDGE_DELIVERY_SEED`, or new each time; the seed is printed.
    pub(crate) fn seeded() -> Self {
        let seed = std::env::var("EDGE_DELIVERY_SEED").ok();
        let now = jiff::Timestamp::now().as_millisecond().unsigned_abs();
        let seed = seed.and_then(|text| text.parse().ok()).unwrap_or(now);
        println!("to see this again: EDGE_DELIVERY_SEED={seed}");
        Self(seed)
    }

    /// Another one, for somebody who draws at the same time.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number from 0 to before `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
