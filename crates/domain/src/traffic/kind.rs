//! What a cell is beside its agent and its path, as one small number.

use crate::{identity::Identity, variant::Format, visit::VisitOutcome};

/// How many pairs of outcome and identity there are.
pub(super) const PAIRS: usize = 12;

/// The pair as a number below [`PAIRS`].
pub(super) fn pair(outcome: VisitOutcome, identity: Identity) -> u8 {
    let outcome = match outcome {
        VisitOutcome::Variant => 0,
        VisitOutcome::NotModified => 1,
        VisitOutcome::Origin => 2,
        VisitOutcome::Error => 3,
    };
    let identity = match identity {
        Identity::Verified => 0,
        Identity::Claimed => 1,
        Identity::Contradicted => 2,
    };
    outcome + 4 * identity
}

/// The pair behind a number.
pub(super) fn of_pair(pair: u8) -> Option<(VisitOutcome, Identity)> {
    let outcome = VisitOutcome::ALL.get(usize::from(pair % 4))?;
    let identity = Identity::ALL.get(usize::from(pair / 4))?;
    Some((*outcome, *identity))
}

/// A pair and a format as a number.
pub(super) fn kind(outcome: VisitOutcome, identity: Identity, format: Option<Format>) -> u8 {
    let format = match format {
        None => 0,
        Some(Format::Html) => 1,
        Some(Format::Markdown) => 2,
    };
    pair(outcome, identity) + 12 * format
}

/// The pair and the format behind a number.
pub(super) fn of_kind(kind: u8) -> Option<(u8, Option<Format>)> {
    let format = match kind / 12 {
        0 => None,
        1 => Some(Format::Html),
        2 => Some(Format::Markdown),
        _ => return None,
    };
    Some((kind % 12, format))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_stands_for_itself() {
        let mut seen = Vec::new();
        for outcome in VisitOutcome::ALL {
            for identity in Identity::ALL {
                assert_eq!(of_pair(pair(outcome, identity)), Some((outcome, identity)));
                for format in [None, Some(Format::Html), Some(Format::Markdown)] {
                    let number = kind(outcome, identity, format);
                    assert_eq!(of_kind(number), Some((pair(outcome, identity), format)));
                    seen.push(number);
                }
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..36).collect::<Vec<u8>>());
        assert_eq!((of_pair(12), of_kind(36)), (None, None));
    }
}
