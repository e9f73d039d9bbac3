//! What there is besides the usual account: others, some of them in a state, and one for each fault.

use super::cases::Case;
use crate::local_cloudflare::{ACCOUNT, BLOG, SHOP};

/// Another account with one active zone.
pub(super) const OTHER: Place = Place(
    "a0000000000000000000000000000002",
    "b0000000000000000000000000000012",
);
/// Its e-mail address is not verified.
pub(super) const UNVERIFIED: Place = Place(
    "a0000000000000000000000000000003",
    "b0000000000000000000000000000013",
);
/// Workers are not available to it.
pub(super) const WITHOUT_WORKERS: Place = Place(
    "a0000000000000000000000000000004",
    "b0000000000000000000000000000014",
);
/// Its only zone is pending.
pub(super) const PENDING: Place = Place(
    "a0000000000000000000000000000005",
    "b0000000000000000000000000000015",
);

/// Accounts to break calls of, each with a zone.
pub(super) const BROKEN: [Place; 9] = [
    Place(
        "a0000000000000000000000000000021",
        "b0000000000000000000000000000021",
    ),
    Place(
        "a0000000000000000000000000000022",
        "b0000000000000000000000000000022",
    ),
    Place(
        "a0000000000000000000000000000023",
        "b0000000000000000000000000000023",
    ),
    Place(
        "a0000000000000000000000000000024",
        "b0000000000000000000000000000024",
    ),
    Place(
        "a0000000000000000000000000000025",
        "b0000000000000000000000000000025",
    ),
    Place(
        "a0000000000000000000000000000026",
        "b0000000000000000000000000000026",
    ),
    Place(
        "a0000000000000000000000000000027",
        "b0000000000000000000000000000027",
    ),
    Place(
        "a0000000000000000000000000000028",
        "b0000000000000000000000000000028",
    ),
    Place(
        "a0000000000000000000000000000029",
        "b0000000000000000000000000000029",
    ),
];

/// An account and its zone.
#[derive(Clone, Copy)]
pub(super) struct Place(pub(super) &'static str, pub(super) &'static str);

impl Place {
    fn tables(self, name: &str, of_account: &str, of_zone: &str) -> String {
        let Self(account, zone) = self;
        format!(
            "[[accounts]]\nid = \"{account}\"\nname = \"{name}\"\n{of_account}\n\
             [[zones]]\nid = \"{zone}\"\naccount = \"{account}\"\nname = \"z{}.localhost\"\n{of_zone}\n",
            &zone[30..]
        )
    }

    /// A token's keys that limit it to this place.
    pub(super) fn limits(self) -> String {
        let Self(account, zone) = self;
        format!("accounts = [\"{account}\"]\nzones = [\"{zone}\"]\n")
    }
}

/// The keys of a token that is limited to the usual account and its two zones.
pub(super) fn usual() -> String {
    format!("accounts = [\"{ACCOUNT}\"]\nzones = [\"{SHOP}\", \"{BLOG}\"]\n")
}

/// The five permissions with others in the place of some; an empty level takes one away.
pub(super) fn permissions(changes: &[(&str, &str)]) -> String {
    let all = [
        ("workers_scripts", "edit"),
        ("workers_kv_storage", "edit"),
        ("account_settings", "read"),
        ("workers_routes", "edit"),
        ("zone", "read"),
    ];
    let kept: Vec<String> = all
        .iter()
        .filter_map(|(name, level)| {
            let changed = changes.iter().find(|(changed, _)| changed == name);
            let level = changed.map_or(*level, |(_, level)| *level);
            (!level.is_empty()).then(|| format!("{name} = \"{level}\""))
        })
        .collect();
    format!("permissions = {{ {} }}\n", kept.join(", "))
}

/// The tables of a state file: the places, and the cases' tokens.
pub(super) fn tables<'a>(cases: impl IntoIterator<Item = &'a Case>) -> String {
    let mut text = OTHER.tables("Other account", "", "");
    text += &UNVERIFIED.tables("Unverified account", "email_verified = false", "");
    text += &WITHOUT_WORKERS.tables("Account without Workers", "workers = false", "");
    text += &PENDING.tables("Pending account", "", "status = \"pending\"");
    for (index, place) in BROKEN.into_iter().enumerate() {
        text += &place.tables(&format!("Broken account {index}"), "", "");
    }
    for case in cases {
        if let Some(entry) = &case.entry {
            text += &format!("[[tokens]]\nvalue = \"{}\"\n{entry}\n", case.value);
        }
    }
    text
}
