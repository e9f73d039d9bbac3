//! What a deployment brought back of what was published, in words.

use domain::variant::Format;
use store::Restored;

/// So many paths are named in a sentence.
const SHOWN: usize = 5;

/// `Published revisions: 3 brought back, 1 taken back.`, and what could not be.
pub(crate) fn restored_in_words(restored: &Restored) -> String {
    let mut text = format!(
        "Published revisions: {} brought back, {} taken back.",
        restored.published, restored.unpublished
    );
    for (count, paths, why) in [
        (
            restored.missing_count,
            &restored.missing,
            "Deleted since, so they could not be brought back and stay as they are",
        ),
        (
            restored.kept_count,
            &restored.kept,
            "Published or taken back by somebody since, so they stay as they are",
        ),
    ] {
        if count > 0 {
            text.push_str(&format!(" {why}: {}.", named(paths, count)));
        }
    }
    text
}

/// The first few of many.
fn named(paths: &[(Format, String)], count: u64) -> String {
    let mut words: Vec<String> = paths
        .iter()
        .take(SHOWN)
        .map(|(format, path)| format!("{path} ({format})"))
        .collect();
    let left = count.saturating_sub(words.len() as u64);
    if left > 0 {
        words.push(format!("{left} more"));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_brought_back_is_named() {
        let restored = Restored {
            published: 2,
            missing_count: 7,
            missing: (0..7).map(|at| (Format::Html, format!("/{at}"))).collect(),
            ..Restored::default()
        };
        assert_eq!(
            restored_in_words(&restored),
            "Published revisions: 2 brought back, 0 taken back. Deleted since, so they could not be brought back and stay as they are: /0 (html), /1 (html), /2 (html), /3 (html), /4 (html), 2 more."
        );
    }
}
