use super::*;
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Deserialize)]
struct Cases {
    hashes: Vec<(String, u32)>,
    pointers: Vec<PointerCase>,
}

#[derive(Deserialize)]
struct PointerCase {
    name: String,
    html: Vec<String>,
    markdown: Vec<String>,
    #[serde(default)]
    filter: Option<Vec<String>>,
    revision: i64,
    pointer: String,
    #[serde(default)]
    filter_bytes: Option<String>,
}

/// Everything that the pointer of a test lists, as the Worker would find it.
fn holds(index: &Index, hash: u32) -> bool {
    index.added.binary_search(&hash).is_ok()
        || (index
            .filter
            .as_ref()
            .is_some_and(|filter| filter.hashes().any(|of| of == hash))
            && index.gone.binary_search(&hash).is_err())
}

fn set(count: usize, from: usize) -> PathSet {
    let paths: Vec<String> = (from..from + count).map(|n| format!("/page-{n}")).collect();
    PathSet::of(paths.iter().map(|path| (Format::Html, path.as_str())))
}

#[test]
fn shared_cases() {
    let cases: Cases =
        serde_json::from_str(include_str!("../../../../../worker/test/index.cases.json"))
            .expect("the shared cases are JSON");
    for (text, hash) in cases.hashes {
        assert_eq!(xxh32(text.as_bytes(), 0), hash, "{text}");
    }
    for case in cases.pointers {
        let html = case.html.iter().map(|path| (Format::Html, path.as_str()));
        let markdown = case
            .markdown
            .iter()
            .map(|path| (Format::Markdown, path.as_str()));
        let set = PathSet::of(html.chain(markdown));
        let mut index = Index::of(&set, None);
        if let Some(paths) = &case.filter {
            let base = PathSet::of(paths.iter().map(|path| (Format::Html, path.as_str())));
            let filter = Filter::of(&base);
            (index.added, index.gone) = difference(&filter, &set.hashes).expect("few");
            assert_eq!(Some(hex::encode(filter.bytes())), case.filter_bytes);
            index.filter = Some(filter);
        }
        assert_eq!(
            hex::encode(index.pointer(case.revision)),
            case.pointer,
            "{}",
            case.name
        );
    }
}

#[test]
fn a_small_site_needs_no_filter() {
    let index = Index::of(&set(LISTED_MAX, 0), None);
    assert_eq!(index.filter, None);
    assert_eq!(index.pointer(1).len(), POINTER_HEAD + 4 * LISTED_MAX);
}

#[test]
fn a_large_site_lists_what_changed() {
    let first = Index::of(&set(20_000, 0), None);
    assert!(first.is_filter_new && first.added.is_empty());
    assert_eq!(first.pointer(1).len(), POINTER_HEAD);
    let filter = first.filter.clone();
    // Ten pages more, ten fewer: the filter stays.
    let second = Index::of(&set(20_000, 10), filter.clone());
    assert!(!second.is_filter_new);
    assert_eq!(second.filter, filter);
    assert_eq!((second.added.len(), second.gone.len()), (10, 10));
    assert!(!holds(&second, path_hash(Format::Html, "/page-3")));
    assert!(holds(&second, path_hash(Format::Html, "/page-20009")));
    // Too many changes: another filter.
    let third = Index::of(&set(20_000, 10_000), filter);
    assert!(third.is_filter_new && third.added.is_empty() && third.gone.is_empty());
}

#[test]
fn kept_filters_are_looked_at() {
    let filter = Filter::of(&set(10, 0));
    assert_eq!(Filter::read(filter.0.clone()), Some(filter.clone()));
    for spoilt in [Vec::new(), b"EDIF".to_vec(), filter.0[..20].to_vec()] {
        assert_eq!(Filter::read(spoilt), None);
    }
    let mut other = filter.0.clone();
    other[4] = 9;
    assert_eq!(Filter::read(other), None);
    assert!(filter.key().starts_with(FILTER_PREFIX) && filter.key().len() == 18);
}

#[test]
fn too_many_paths_make_an_open_index() {
    let set = PathSet {
        hashes: (0..=u32::try_from(FILTER_MAX).expect("small")).collect(),
        html: 1,
        markdown: 0,
    };
    let index = Index::of(&set, None);
    assert!(index.is_open && index.filter.is_none());
    assert_eq!(word(&index.pointer(1), 12), Some(OPEN));
}

/// One in 4,295 is expected of a million; the promise is one in a thousand.
#[test]
fn few_paths_are_taken_for_others() {
    let listed = set(200_000, 0);
    let index: BTreeSet<u32> = listed.hashes.iter().copied().collect();
    let wrong = (0..200_000)
        .filter(|n| index.contains(&path_hash(Format::Html, &format!("/other/{n}.html"))))
        .count();
    assert!(wrong < 40, "{wrong} of 200,000, where 9 are expected");
}

proptest! {
    // Sets that need a filter are large.
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever came before, an index lists exactly its set.
    #[test]
    fn an_index_says_what_the_set_says(
        before in proptest::collection::btree_set(0u32..30_000, 8_000..12_000),
        now in proptest::collection::btree_set(0u32..30_000, 8_000..12_000),
        asked in proptest::collection::vec(0u32..30_000, 20),
    ) {
        let set = |hashes: &BTreeSet<u32>| PathSet { hashes: hashes.iter().copied().collect(), html: 0, markdown: 0 };
        let filter = Index::of(&set(&before), None).filter;
        let index = Index::of(&set(&now), filter);
        prop_assert!(index.added.len() + index.gone.len() <= LISTED_MAX);
        for hash in asked {
            prop_assert_eq!(holds(&index, hash), now.contains(&hash));
        }
    }
}
