//! What the demo's Cloudflare knows at the start: an account, three zones, and tokens for every kind of answer.

use super::data::DataDirectory;
use crate::clock::{Clock, rfc3339};
use anyhow::Context;
use cloudflare_emulator::StateFile;
use domain::time::Millis;
use std::net::SocketAddr;

/// The zone of the sample shop.
pub(super) const SHOP: &str = "shop.localhost";
/// The zone of the sample journal.
pub(super) const BLOG: &str = "blog.localhost";
/// A zone whose name servers were never changed, so that nothing can be deployed to it.
pub(super) const PENDING: &str = "pending.localhost";

/// How long the good token is good for: 90 days.
const GOOD_FOR_MS: i64 = 90 * 24 * 60 * 60 * 1000;

const STATE: &str = include_str!("state.toml");

/// A credential to try out: an obvious fake that nothing but the local Cloudflare knows.
pub(super) struct DemoToken {
    /// A short name, as in `--json`.
    pub(super) key: &'static str,
    /// What it is.
    pub(super) what: &'static str,
    /// The text to paste.
    pub(super) value: &'static str,
}

/// The good token first.
pub(super) const TOKENS: [DemoToken; 6] = [
    DemoToken {
        key: "good",
        what: "good",
        value: "demo-good-token-000000000000000000000000",
    },
    DemoToken {
        key: "missing",
        what: "one permission missing",
        value: "demo-without-routes-00000000000000000000",
    },
    DemoToken {
        key: "readOnly",
        what: "read only",
        value: "demo-read-only-0000000000000000000000000",
    },
    DemoToken {
        key: "expired",
        what: "expired",
        value: "demo-expired-000000000000000000000000000",
    },
    DemoToken {
        key: "disabled",
        what: "disabled",
        value: "demo-disabled-00000000000000000000000000",
    },
    DemoToken {
        key: "globalApiKey",
        what: "a Global API Key",
        value: "0000000000000000000000000000000000000",
    },
];

/// The text of a token.
pub(super) fn token(key: &str) -> &'static str {
    TOKENS
        .iter()
        .find(|token| token.key == key)
        .map_or("", |token| token.value)
}

/// The state, with the sample site behind its zones. The file is left in the data folder for people to read.
pub(super) fn load(data: &DataDirectory, origin: SocketAddr) -> anyhow::Result<StateFile> {
    let in_ninety_days = Millis(Clock.now().0 + GOOD_FOR_MS);
    let path = data.path().join("local-cloudflare.toml");
    std::fs::write(
        &path,
        STATE
            .replace("http://127.0.0.1:9000", &format!("http://{origin}"))
            .replace("2099-12-31T23:59:59Z", &rfc3339(in_ninety_days)),
    )
    .with_context(|| format!("{} cannot be written", path.display()))?;
    StateFile::load(&path).context("the demo's state was not taken")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_knows_every_token_but_the_key() {
        let data = DataDirectory::open(None).unwrap();
        load(&data, SocketAddr::from(([127, 0, 0, 1], 9))).unwrap();
        let text = std::fs::read_to_string(data.path().join("local-cloudflare.toml")).unwrap();
        assert!(text.contains("http://127.0.0.1:9\""));
        for token in &TOKENS {
            let known = text.contains(&format!("{:?}", token.value));
            assert_eq!(known, token.key != "globalApiKey", "{}", token.key);
            let length = if known { 40 } else { 37 };
            assert_eq!(token.value.len(), length, "{}", token.key);
        }
        for zone in [SHOP, BLOG, PENDING] {
            assert!(text.contains(zone));
        }
    }
}
