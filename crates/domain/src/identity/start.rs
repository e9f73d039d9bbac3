//! The lists that the program begins with, until it has read the operators' own: as they were on a day, from a public copy that
//! names its source. An operator that no such copy could be found for is left out.

use super::{Content, Version, published};
use crate::time::Millis;
use serde::Deserialize;

/// A list of the start set.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shipped {
    /// The operator's address.
    url: String,
    /// When the copy was made, in milliseconds since 1970.
    copied_at: Millis,
    prefixes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct StartSet {
    lists: Vec<Shipped>,
}

/// The start set.
///
/// # Panics
/// Never: a test reads the file that was compiled in.
pub fn versions() -> Vec<Version> {
    let set: StartSet = serde_json::from_str(include_str!("start_set.json"))
        .expect("the file that was compiled in is read by a test");
    set.lists
        .into_iter()
        .map(|list| Version {
            url: list.url,
            valid_from: list.copied_at,
            valid_until: None,
            confirmed_at: list.copied_at,
            content: Content::Ranges(
                published::ranges(list.prefixes.join("\n").as_bytes())
                    .expect("the file that was compiled in is read by a test"),
            ),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{agents::Registry, identity::sources::sources};

    #[test]
    fn the_start_set_belongs_to_lists_that_are_fetched() {
        let versions = versions();
        assert!(versions.len() >= 5);
        let sources = sources(Registry::built_in().agents());
        for version in &versions {
            assert!(
                sources.iter().any(|source| source.url == version.url),
                "{}",
                version.url
            );
            // Not before the copies were made, and in the past.
            assert!(version.confirmed_at >= Millis(1_767_225_600_000));
        }
    }
}
