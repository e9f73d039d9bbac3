//! What was missed, in the order in which it is worth looking at.

use super::{PathCounts, Summary};
use domain::path::may_be_page;

/// The missed paths that may be pages, and after them files, each with whether it may be a page; most missed first.
pub(crate) fn missed_pages_first(summary: &Summary) -> impl Iterator<Item = (&PathCounts, bool)> {
    let wanted = |is_page: bool| {
        summary
            .missed
            .iter()
            .filter(move |found| may_be_page(&found.path) == is_page)
            .map(move |found| (found, is_page))
    };
    wanted(true).chain(wanted(false))
}
