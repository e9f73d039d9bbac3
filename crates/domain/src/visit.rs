//! Visits: one request of an agent each, as the Worker reports them and as they are kept.

use crate::{
    agents::document::is_token,
    identity::{Identity, SignatureParts},
    time::Millis,
    variant::{Format, Revision},
};
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr},
};

/// The most visits of one batch.
pub const BATCH_MAX: usize = 1_000;

/// The most bytes of a path in a visit; the Worker looks at no longer ones.
pub const PATH_BYTES_MAX: usize = 2_048;

/// The most bytes of a user agent in a visit.
pub const USER_AGENT_BYTES_MAX: usize = 512;

/// How far in the past a visit may lie, in milliseconds: a Worker gives a batch up after a minute, so what is older is
/// no report of now.
pub const AGE_MAX_MS: i64 = 24 * 60 * 60 * 1000;

/// How far ahead of our clock a visit may lie, in milliseconds; it counts as of now then.
pub const SKEW_MAX_MS: i64 = 60 * 60 * 1000;

/// The word for a visitor that is in no list, and calls itself a bot or asked for Markdown by name.
pub const UNKNOWN_AGENT: &str = "unknown";

/// Where a site's visits are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitStore {
    /// In our database: the Worker sends them to the console.
    #[default]
    Console,
    /// In Cloudflare's Workers Analytics Engine: the Worker writes them there, and the console asks there.
    AnalyticsEngine,
}

impl VisitStore {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::AnalyticsEngine => "analytics_engine",
        }
    }

    /// Whether it is our database.
    pub const fn is_console(&self) -> bool {
        matches!(self, Self::Console)
    }
}

/// What a visitor got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitOutcome {
    /// The variant.
    Variant,
    /// The page that people get.
    Origin,
    /// 304: the visitor has the variant already.
    NotModified,
    /// The page that people get, since KV was slow or failed.
    Error,
}

impl VisitOutcome {
    /// Every outcome, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Variant, Self::NotModified, Self::Origin, Self::Error];

    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Variant => "variant",
            Self::Origin => "origin",
            Self::NotModified => "not_modified",
            Self::Error => "error",
        }
    }

    /// Whether the visitor has the variant now.
    pub const fn is_served(self) -> bool {
        matches!(self, Self::Variant | Self::NotModified)
    }
}

/// A visit as it is kept. The address it came from is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// When.
    pub at: Millis,
    /// The agent's token, or [`UNKNOWN_AGENT`].
    pub agent: String,
    /// The page's path in its normal form.
    pub path: String,
    /// What it got.
    pub outcome: VisitOutcome,
    /// The answer's status; 0 when the origin answered without us and we did not see it.
    pub status: u16,
    /// The revision that it got or has.
    pub revision: Option<Revision>,
    /// The format that it got or has.
    pub format: Option<Format>,
    /// Two letters, as Cloudflare says.
    pub country: Option<String>,
    /// The number of the network that it came from, as Cloudflare says.
    pub asn: Option<u32>,
    /// Milliseconds spent in the Worker.
    pub spent_ms: u16,
    /// Whether it is who it says it is.
    pub identity: Identity,
    /// Its user agent, where the agent is not known by it.
    pub user_agent: Option<String>,
    /// A shortened address, where the site keeps one.
    pub network: Option<String>,
}

impl Visit {
    /// Whether the visitor is in no list.
    pub fn is_unknown(&self) -> bool {
        self.agent.eq_ignore_ascii_case(UNKNOWN_AGENT)
    }
}

/// A visit as the Worker sends it.
#[derive(Debug, Clone, Deserialize)]
pub struct SentVisit<'a> {
    /// Milliseconds since 1970, by the edge's clock.
    pub t: i64,
    /// The agent's token.
    #[serde(borrow)]
    pub agent: Cow<'a, str>,
    /// The path.
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    /// The outcome.
    pub outcome: VisitOutcome,
    /// The status.
    pub status: u16,
    /// The revision.
    #[serde(default)]
    pub revision: Option<Revision>,
    /// The format.
    #[serde(default)]
    pub format: Option<Format>,
    /// The user agent.
    #[serde(default, borrow)]
    pub ua: Option<Cow<'a, str>>,
    /// Two letters.
    #[serde(default, borrow)]
    pub country: Option<Cow<'a, str>>,
    /// The network's number.
    #[serde(default)]
    pub asn: Option<u32>,
    /// The client's address; forgotten once the identity is known.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// Milliseconds spent in the Worker.
    #[serde(default)]
    pub ms: Option<u16>,
    /// What a signature of the request is checked by, where it carried one.
    #[serde(default)]
    pub signature: Option<SignatureParts>,
}

/// An address shortened so far that it is no single person's: the first 24 bits of IPv4, 48 of IPv6, as a prefix.
pub fn network_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let bits = u128::from(v6) >> 80 << 80;
            format!("{}/48", Ipv6Addr::from(bits))
        }
    }
}

/// Why a batch was refused. None of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBatch {
    /// Not JSON, or not of this shape.
    #[error("the body is not a JSON array of visits: {0}")]
    Unreadable(String),
    /// Nothing in it.
    #[error("the batch holds no visit")]
    Empty,
    /// More than [`BATCH_MAX`].
    #[error("the batch holds {0} visits; {BATCH_MAX} is the most")]
    TooMany(usize),
    /// One of its visits cannot be used.
    #[error("visit {index}: `{field}` {why}")]
    Visit {
        /// Which one, from 0.
        index: usize,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads a batch and checks each of its visits, at `now` by our clock.
///
/// # Errors
/// Names the first visit and field that cannot be used.
pub fn parse_batch(body: &[u8], now: Millis) -> Result<Vec<SentVisit<'_>>, InvalidBatch> {
    let mut visits: Vec<SentVisit<'_>> = serde_json::from_slice(body)
        .map_err(|error| InvalidBatch::Unreadable(error.to_string()))?;
    if visits.is_empty() {
        return Err(InvalidBatch::Empty);
    }
    if visits.len() > BATCH_MAX {
        return Err(InvalidBatch::TooMany(visits.len()));
    }
    for (index, visit) in visits.iter_mut().enumerate() {
        check(visit, now).map_err(|(field, why)| InvalidBatch::Visit {
            index,
            field,
            why: why.to_owned(),
        })?;
        // The clocks of the edge and of this machine need not agree to the second.
        visit.t = visit.t.min(now.0);
    }
    Ok(visits)
}

fn check(visit: &SentVisit<'_>, now: Millis) -> Result<(), (&'static str, &'static str)> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if visit.t < 0 {
        return Err(("t", "lies before 1970"));
    }
    if visit.t > now.0 + SKEW_MAX_MS {
        return Err(("t", "lies more than an hour ahead"));
    }
    if visit.t < now.0 - AGE_MAX_MS {
        return Err(("t", "lies more than a day back"));
    }
    if visit.agent.len() > 64 || !is_token(&visit.agent) {
        return Err(("agent", "is not an agent's token"));
    }
    if visit.path.len() > PATH_BYTES_MAX {
        return Err(("path", "is longer than 2,048 bytes"));
    }
    if !visit.path.starts_with('/') || !plain(&visit.path) || visit.path.contains(['?', '#']) {
        return Err(("path", "is not a path in its normal form"));
    }
    if visit.status > 599 {
        return Err(("status", "is no HTTP status"));
    }
    if visit
        .ua
        .as_ref()
        .is_some_and(|ua| ua.len() > USER_AGENT_BYTES_MAX)
    {
        return Err(("ua", "is longer than 512 bytes"));
    }
    let is_country =
        |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if visit
        .country
        .as_ref()
        .is_some_and(|country| !is_country(country))
    {
        return Err(("country", "is not two letters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    fn refusal(body: &str) -> String {
        parse_batch(body.as_bytes(), NOW)
            .expect_err(body)
            .to_string()
    }

    fn one(change: impl Fn(&mut serde_json::Value)) -> String {
        let mut visit = serde_json::json!({
            "t": NOW.0, "agent": "GPTBot", "path": "/a", "outcome": "variant", "status": 200
        });
        change(&mut visit);
        serde_json::Value::Array(vec![visit]).to_string()
    }

    #[test]
    fn a_batch_of_the_worker_is_read() {
        let body = one(|visit| {
            visit["revision"] = "ab".repeat(32).into();
            visit["format"] = "markdown".into();
            visit["ip"] = "::ffff:192.0.2.1".into();
            visit["country"] = "DE".into();
            visit["t"] = (NOW.0 + 2_000).into();
            visit["somethingNew"] = 1.into();
        });
        let visits = parse_batch(body.as_bytes(), NOW).expect("good");
        assert_eq!(visits[0].t, NOW.0, "a clock ahead counts as now");
        assert_eq!(visits[0].format, Some(Format::Markdown));
    }

    #[test]
    fn addresses_are_shortened() {
        for (address, network) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("2001:db8::1", "2001:db8::/48"),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(network_of(address), network);
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert!(refusal("[").contains("not a JSON array"));
        assert!(refusal("{}").contains("not a JSON array"));
        assert_eq!(refusal("[]"), "the batch holds no visit");
        let many = format!(
            "[{}]",
            vec![one(|_| ()).trim_matches(['[', ']']); 1_001].join(",")
        );
        assert!(refusal(&many).contains("1001 visits"));
        let deep = format!("[{{\"x\":{}{}}}]", "[".repeat(200), "]".repeat(200));
        assert!(
            refusal(&deep).contains("missing field `t`"),
            "{}",
            refusal(&deep)
        );
        let cases: &[(&str, serde_json::Value, &str)] = &[
            ("t", (-1).into(), "before 1970"),
            ("t", (NOW.0 + SKEW_MAX_MS + 1).into(), "ahead"),
            ("t", (NOW.0 - AGE_MAX_MS - 1).into(), "back"),
            ("agent", "".into(), "token"),
            ("agent", "GPT Bot".into(), "token"),
            ("agent", "x".repeat(65).into(), "token"),
            ("agent", "=1+1".into(), "token"),
            ("agent", "Bot<script>".into(), "token"),
            ("path", "a".into(), "normal form"),
            ("path", "/é".into(), "normal form"),
            ("path", "/a?b".into(), "normal form"),
            ("path", "/a#b".into(), "normal form"),
            ("path", format!("/{}", "x".repeat(10_000)).into(), "2,048"),
            ("status", 600.into(), "HTTP status"),
            ("ua", "x".repeat(513).into(), "512"),
            ("country", "DEU".into(), "two letters"),
        ];
        for (field, value, words) in cases {
            let said = refusal(&one(|visit| visit[*field] = value.clone()));
            assert!(said.starts_with(&format!("visit 0: `{field}`")), "{said}");
            assert!(said.contains(words), "{said}");
        }
        for (field, value) in [
            ("outcome", serde_json::json!("stolen")),
            ("revision", "zz".into()),
            ("ip", "not one".into()),
            ("asn", (-5).into()),
            ("status", "200".into()),
        ] {
            let said = refusal(&one(|visit| visit[field] = value.clone()));
            assert!(said.contains("not a JSON array of visits"), "{said}");
        }
        let invalid_utf8 = [b"[{\"agent\":\"".as_slice(), &[0xff], b"\"}]"].concat();
        assert!(parse_batch(&invalid_utf8, NOW).is_err());
    }
}
