//! What Cloudflare answered in the last seconds: each question counts against what it allows in a day.

use cloudflare::DataGroup;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(20);

/// The most groups that are kept in memory, in all answers together.
const KEPT_MAX: usize = 100_000;

/// An answer, and when it came.
type Answered = (Instant, Arc<Vec<DataGroup>>);

/// The answers of the last seconds.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<HashMap<String, Answered>>);

impl Answers {
    pub(super) fn get(&self, key: &str) -> Option<Arc<Vec<DataGroup>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, groups) = kept.get(key)?;
        (at.elapsed() < FRESH).then(|| Arc::clone(groups))
    }

    pub(super) fn put(&self, key: String, groups: Arc<Vec<DataGroup>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (at, _)| at.elapsed() < FRESH);
        let all: usize = kept.values().map(|(_, groups)| groups.len() + 1).sum();
        if all + groups.len() > KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, (Instant::now(), groups));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> DataGroup {
        DataGroup {
            keys: Vec::new(),
            written: 1,
            kept: 1,
            sum: 0.0,
        }
    }

    #[test]
    fn answers_are_kept_within_bounds() {
        let answers = Answers::default();
        answers.put("a".to_owned(), Arc::new(vec![group()]));
        assert!(answers.get("a").is_some() && answers.get("b").is_none());
        let many = Arc::new(vec![group(); KEPT_MAX]);
        answers.put("b".to_owned(), many);
        assert!(answers.get("a").is_none() && answers.get("b").is_some());
    }
}
