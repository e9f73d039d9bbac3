//! Pages of lists: `page`, `per_page`, `result_info`.

use serde_json::{Value, json};

use super::{
    answer::{Answer, Refusal},
    call::Call,
};

/// How many items of a list a page may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageSize {
    pub(crate) least: usize,
    pub(crate) usual: usize,
    pub(crate) most: usize,
}

/// Accounts, zones, memberships.
pub(crate) const DIRECTORY: PageSize = PageSize {
    least: 5,
    usual: 20,
    most: 50,
};

/// KV namespaces. The schema says at most 100; wrangler 4.86 asks for 1,000 and takes a shorter page for the last.
pub(crate) const NAMESPACES: PageSize = PageSize {
    least: 5,
    usual: 20,
    most: 1000,
};

/// One page of `items`, as the call asks for; sizes outside the bounds are moved to the nearest bound. Only what is on the
/// page is written out: lists may be long.
pub(crate) fn page<T>(
    call: &Call,
    items: Vec<T>,
    size: PageSize,
    shown: impl FnMut(T) -> Value,
) -> Result<Answer, Refusal> {
    let number = |key: &str, usual: usize| match call.query(key) {
        None => Ok(usual),
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| Refusal::new(400, 1003, format!("Invalid {key}: {text:?} is no number"))),
    };
    let page = number("page", 1)?.max(1);
    let per_page = number("per_page", size.usual)?.clamp(size.least, size.most);
    let total = items.len();
    let items: Vec<Value> = items
        .into_iter()
        .skip((page - 1).saturating_mul(per_page))
        .take(per_page)
        .map(shown)
        .collect();
    let info = json!({
        "page": page,
        "per_page": per_page,
        "count": items.len(),
        "total_count": total,
        "total_pages": total.div_ceil(per_page),
    });
    Ok(Answer::list(items, info))
}
