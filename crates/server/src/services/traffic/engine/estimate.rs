//! What is to be said of counts that Cloudflare keeps.

/// How far counts can be relied on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Estimate {
    /// Visits, as Cloudflare estimates them.
    pub(crate) visits: u64,
    /// The data points that it has of them.
    pub(crate) points: u64,
    /// The first hour of which it surely still has everything, where the question or the time before begins earlier.
    pub(crate) kept_from: Option<i64>,
}

impl Estimate {
    /// Whether it has not every visit.
    pub(crate) const fn is_sampled(&self) -> bool {
        self.points < self.visits
    }

    /// What to know of these counts, in words.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            "These visits are kept in Cloudflare’s Workers Analytics Engine. Who came is not checked there: no address is written, so every visit counts as claimed.".to_owned(),
        ];
        if self.is_sampled() {
            notes.push(format!(
                "Estimated from {} sampled data points: Cloudflare kept about one in {:.1}.",
                self.points,
                self.rate()
            ));
        }
        if self.kept_from.is_some() {
            notes.push(
                "Cloudflare keeps three months: older visits are gone, so the comparison with the time before is not whole.".to_owned(),
            );
        }
        notes
    }

    /// How many visits a data point stands for.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate need not be exact to one visit in 2^52"
    )]
    pub(crate) fn rate(&self) -> f64 {
        if self.points == 0 {
            1.0
        } else {
            self.visits as f64 / self.points as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sampled_or_gone_is_said() {
        let exact = Estimate {
            visits: 10,
            points: 10,
            kept_from: None,
        };
        assert!(!exact.is_sampled());
        assert_eq!(exact.notes().len(), 1);
        let sampled = Estimate {
            visits: 1_000,
            points: 40,
            kept_from: Some(7),
        };
        let notes = sampled.notes();
        assert_eq!(notes.len(), 3);
        assert!(
            notes[1].contains("from 40 sampled") && notes[1].contains("one in 25.0"),
            "{notes:?}"
        );
        assert!(notes[2].contains("three months"));
    }
}
