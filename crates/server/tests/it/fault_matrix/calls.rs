//! Which calls of the API each action makes, learned from a record of them.

use super::lanes::Lane;
use serde_json::Value;
use std::{collections::HashMap, fmt, path::Path};

/// The actions of a site's life, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Act {
    Deploy,
    /// Another setting, and one more host name.
    Update,
    /// One host name less.
    Narrow,
    /// Back to the Worker of the first deployment.
    Rollback,
    Remove,
}

impl Act {
    pub(crate) const ALL: [Self; 5] = [
        Self::Deploy,
        Self::Update,
        Self::Narrow,
        Self::Rollback,
        Self::Remove,
    ];
}

/// One call of an action: the nth of its method and path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ApiCall {
    pub(crate) method: String,
    /// With `{account}` and `{zone}`; what else varies is a pattern.
    path: String,
    /// From 0.
    pub(crate) nth: u64,
}

impl fmt::Display for ApiCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} #{}", self.method, self.path, self.nth + 1)
    }
}

impl ApiCall {
    /// The path of a lane's call as a fault's pattern. `name` makes the pattern findable and matches nothing by itself.
    pub(crate) fn pattern(&self, lane: &Lane, name: &str) -> String {
        let path = self
            .path
            .replace("{account}", &lane.account)
            .replace("{zone}", &lane.zone);
        format!("^(?:{name}){{0}}{path}$")
    }
}

/// How many calls were recorded so far.
pub(crate) fn mark(record: &Path) -> usize {
    std::fs::read_to_string(record).map_or(0, |text| text.lines().count())
}

/// The calls of a lane after the mark, in their order.
pub(crate) fn since(record: &Path, mark: usize, lane: &Lane) -> Vec<ApiCall> {
    let text = std::fs::read_to_string(record).expect("a record");
    let mut counts: HashMap<(String, String), u64> = HashMap::new();
    text.lines()
        .skip(mark)
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter_map(|exchange| {
            let path = exchange["path"].as_str()?.strip_prefix("/client/v4")?;
            if !path.contains(&lane.account) && !path.contains(&lane.zone) {
                return None;
            }
            let method = exchange["method"].as_str()?.to_owned();
            let path = general(path, lane);
            let nth = counts.entry((method.clone(), path.clone())).or_default();
            let call = ApiCall {
                method,
                path,
                nth: *nth,
            };
            *nth += 1;
            Some(call)
        })
        .collect()
}

/// A path without ids of this life.
fn general(path: &str, lane: &Lane) -> String {
    path.split('/')
        .map(|part| {
            if part == lane.account {
                "{account}".to_owned()
            } else if part == lane.zone {
                "{zone}".to_owned()
            } else if part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                "[0-9a-f]{32}".to_owned()
            } else if part.starts_with("edge-delivery-") {
                "edge-delivery-[0-9a-f]+".to_owned()
            } else {
                part.to_owned()
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}
