//! Taking in a registry from outside: its size, its form, and the rules for tokens.
//!
//! A registry decides who is shown another page than people, so a document is refused whole as soon as anything in it
//! is wrong. Every token must be one that can be met as a whole word of a user agent and that is no browser's: besides
//! the list of common words, the candidate is tried on user agents of people, search engines and link previews.

use super::{
    AgentTable, Verification, Visitor,
    registry::{Document, Registry, SCHEMA},
    samples, words,
};
use std::collections::HashMap;
use url::Url;

/// The most bytes of a document.
pub const DOCUMENT_MAX: usize = 256 * 1024;

/// The most entries of one list.
pub const ENTRIES_MAX: usize = 1_000;

/// The most bytes of the table that every Worker carries.
pub const TABLE_MAX: usize = 32 * 1024;

/// As many faults are told.
const FAULTS_MAX: usize = 50;

const TEXT_MAX: usize = 100;
const URL_MAX: usize = 300;
const TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 3..=60;

/// Something in a document that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} {detail}")]
pub struct Fault {
    /// Where: `agents[3].token`, or `document`.
    pub place: String,
    /// What is wrong, as the rest of a sentence that begins with the place.
    pub detail: String,
}

impl Fault {
    fn new(place: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            detail: detail.into(),
        }
    }
}

/// Reads and checks a document.
///
/// # Errors
/// What is wrong with it: the form alone, if that is wrong, else up to 50 faults in the order of the document.
pub fn parse(bytes: &[u8]) -> Result<Registry, Vec<Fault>> {
    let document = read(bytes).map_err(|fault| vec![fault])?;
    let mut faults = check(&document);
    if faults.is_empty() {
        let registry = Registry::of(document);
        faults = try_on_others(&registry);
        let table = AgentTable::of(&registry).script().len();
        if table > TABLE_MAX {
            faults.push(Fault::new(
                "document",
                format!("makes a table of {table} bytes, which every Worker would carry; at most {TABLE_MAX} are taken"),
            ));
        }
        if faults.is_empty() {
            return Ok(registry);
        }
    }
    faults.truncate(FAULTS_MAX);
    Err(faults)
}

fn read(bytes: &[u8]) -> Result<Document, Fault> {
    if bytes.len() > DOCUMENT_MAX {
        return Err(Fault::new(
            "document",
            format!(
                "has {} bytes; at most {DOCUMENT_MAX} are taken",
                bytes.len()
            ),
        ));
    }
    // The number first: a document of a later form should not be told that its fields are unknown.
    let value: serde_json::Value = serde_json::from_slice(bytes)
        .map_err(|error| Fault::new("document", format!("is not JSON: {error}")))?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(schema) if schema == u64::from(SCHEMA) => {}
        Some(schema) => {
            return Err(Fault::new(
                "schema",
                format!("is {schema}; this version of the program reads {SCHEMA}"),
            ));
        }
        None => {
            return Err(Fault::new(
                "schema",
                format!("is missing; it must be {SCHEMA}"),
            ));
        }
    }
    serde_json::from_slice(bytes)
        .map_err(|error| Fault::new("document", format!("has another form: {error}")))
}

fn check(document: &Document) -> Vec<Fault> {
    let mut check = Check::default();
    check.text("version", &document.version, 40);
    for (list, length, least) in [
        ("agents", document.agents.len(), 1),
        ("excluded", document.excluded.len(), 1),
        ("robotsOnly", document.robots_only.len(), 0),
    ] {
        if !(least..=ENTRIES_MAX).contains(&length) {
            check.fault(
                list,
                format!("has {length} entries; it must have {least} to {ENTRIES_MAX}"),
            );
        }
    }
    for (at, bot) in document.excluded.iter().enumerate() {
        let place = format!("excluded[{at}]");
        check.token(&place, &bot.token);
        check.text(&format!("{place}.operator"), &bot.operator, TEXT_MAX);
    }
    for (at, word) in document.robots_only.iter().enumerate() {
        let place = format!("robotsOnly[{at}]");
        check.token(&place, &word.token);
        check.text(&format!("{place}.operator"), &word.operator, TEXT_MAX);
    }
    for (at, agent) in document.agents.iter().enumerate() {
        let place = format!("agents[{at}]");
        check.token(&place, &agent.token);
        check.text(&format!("{place}.operator"), &agent.operator, TEXT_MAX);
        if let Some(name) = &agent.name {
            check.text(&format!("{place}.name"), name, TEXT_MAX);
        }
        if let Some(docs) = &agent.docs {
            check.url(&format!("{place}.docs"), docs);
        } else if agent.evidence == super::Evidence::Operator {
            check.fault(
                &format!("{place}.docs"),
                "is missing; evidence \"operator\" means that the operator's own page names the token",
            );
        }
        match &agent.verification {
            Verification::PublishedIps { url } => {
                check.url(&format!("{place}.verification.url"), url);
            }
            Verification::ReverseDns { suffix } => {
                if !is_suffix(suffix) {
                    check.fault(
                        &format!("{place}.verification.suffix"),
                        "is no domain name with a leading dot, as in \".bot.example.com\"",
                    );
                }
            }
            Verification::WebBotAuth | Verification::None => {}
        }
        if let Some(month) = &agent.first_seen
            && !is_month(month)
        {
            check.fault(
                &format!("{place}.firstSeen"),
                "is no month of the form YYYY-MM",
            );
        }
    }
    check.families(document);
    check.faults
}

#[derive(Default)]
struct Check {
    faults: Vec<Fault>,
    seen: HashMap<String, String>,
}

impl Check {
    fn fault(&mut self, place: &str, detail: impl Into<String>) {
        self.faults.push(Fault::new(place, detail));
    }

    fn text(&mut self, place: &str, text: &str, most: usize) {
        let length = text.chars().count();
        if text.trim() != text || text.is_empty() || text.chars().any(char::is_control) {
            self.fault(
                place,
                "is empty, begins or ends with a blank, or holds a control character",
            );
        } else if length > most {
            self.fault(
                place,
                format!("has {length} characters; at most {most} are taken"),
            );
        }
    }

    fn url(&mut self, place: &str, text: &str) {
        let parsed = Url::parse(text).ok();
        let is_good = parsed.is_some_and(|url| {
            matches!(url.scheme(), "https" | "http")
                && url.host_str().is_some()
                && url.username().is_empty()
                && url.password().is_none()
        });
        if !is_good || text.len() > URL_MAX || !text.is_ascii() {
            self.fault(
                place,
                format!("is no web address of at most {URL_MAX} characters"),
            );
        }
    }

    fn token(&mut self, entry: &str, token: &str) {
        let place = format!("{entry}.token");
        let lower = token.to_ascii_lowercase();
        let shown: String = token.chars().take(60).collect();
        if !TOKEN_LENGTHS.contains(&token.len()) {
            self.fault(
                &place,
                format!(
                    "{shown:?} has {} characters; a token has 3 to 60",
                    token.len()
                ),
            );
        } else if !is_token(token) {
            self.fault(
                &place,
                format!("{shown:?} is no product token: letters, digits, \"-\", \"_\" and \".\", with a letter or digit at both ends and a letter somewhere"),
            );
        } else if words::is_common(&lower) {
            self.fault(
                &place,
                format!("{shown:?} is a common word, or stands in the user agents of browsers, apps or libraries: people would be taken for an agent"),
            );
        } else if let Some(first) = self.seen.get(&lower) {
            let detail = format!("{shown:?} stands in {first} already");
            self.fault(&place, detail);
        } else {
            self.seen.insert(lower, entry.to_owned());
        }
    }

    /// An agent of an excluded bot's family would never be met.
    fn families(&mut self, document: &Document) {
        let registry = Registry::of(document.clone());
        for (at, agent) in document.agents.iter().enumerate() {
            if let Some(bot) = registry.family(&agent.token.to_ascii_lowercase()) {
                let detail = format!(
                    "{:?} belongs to the family of {:?}, which is excluded",
                    agent.token, bot.token
                );
                self.fault(&format!("agents[{at}].token"), detail);
            }
        }
    }
}

/// Whether this is a product token: letters, digits, `-`, `_` and `.`, with a letter or digit at both ends and a letter somewhere.
pub(crate) fn is_token(token: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = token.as_bytes();
    bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && bytes.iter().any(u8::is_ascii_alphabetic)
        && is_end(bytes.first())
        && is_end(bytes.last())
}

fn is_month(text: &str) -> bool {
    let Some((year, month)) = text.split_once('-') else {
        return false;
    };
    let is_number =
        |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number(year, 4)
        && is_number(month, 2)
        && ("1990".."2100").contains(&year)
        && ("01"..="12").contains(&month)
}

fn is_suffix(text: &str) -> bool {
    text.strip_prefix('.').is_some_and(|name| {
        name.contains('.')
            && name.len() <= 200
            && name.split('.').all(|label| {
                !label.is_empty()
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    })
}

/// Nobody of whom we know that they are no agent may become one, and no person a bot.
fn try_on_others(registry: &Registry) -> Vec<Fault> {
    let people = samples::people().filter_map(|ua| {
        let place = place_of(registry, registry.classify(ua))?;
        Some((place, "a person or a program of theirs", ua))
    });
    let bots = samples::bots().filter_map(|ua| match registry.classify(ua) {
        Visitor::Excluded(_) => None,
        found => Some((
            place_of(registry, found)?,
            "a search engine or a link preview",
            ua,
        )),
    });
    people
        .chain(bots)
        .map(|(place, whose, ua)| Fault::new(place, format!("would match {whose}: {ua}")))
        .collect()
}

fn place_of(registry: &Registry, visitor: Visitor<'_>) -> Option<String> {
    let (list, at) = match visitor {
        Visitor::Other => return None,
        Visitor::Agent(agent) => (
            "agents",
            registry.agents().iter().position(|it| it == agent)?,
        ),
        Visitor::Excluded(bot) => (
            "excluded",
            registry.excluded().iter().position(|it| it == bot)?,
        ),
    };
    Some(format!("{list}[{at}].token"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn document() -> Value {
        json!({
            "schema": 1,
            "version": "test",
            "agents": [{"token": "NewBot", "operator": "Somebody", "purpose": "training", "evidence": "reported"}],
            "excluded": [{"token": "Googlebot", "operator": "Google", "kind": "search_engine"}],
            "robotsOnly": [{"token": "Google-Extended", "operator": "Google"}],
        })
    }

    fn faults(document: &Value) -> String {
        match parse(document.to_string().as_bytes()) {
            Ok(_) => String::new(),
            Err(faults) => {
                let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
                lines.join("\n")
            }
        }
    }

    #[test]
    fn a_small_document_is_taken() {
        assert_eq!(faults(&document()), "");
        let mut full = document();
        full["agents"][0] = json!({
            "token": "new.bot_2", "name": "New", "operator": "Somebody", "purpose": "user", "evidence": "operator",
            "docs": "https://bot.example/about", "firstSeen": "2026-11",
            "verification": {"method": "reverse_dns", "suffix": ".bot.example.com"},
        });
        assert_eq!(faults(&full), "");
    }

    #[test]
    fn tokens_keep_the_rules() {
        for (token, why) in [
            ("", "has 0 characters"),
            ("ab", "has 2 characters"),
            (&"x".repeat(61), "has 61 characters"),
            ("New Bot", "is no product token"),
            ("New/Bot", "is no product token"),
            ("Bot'; alert(1)//", "is no product token"),
            ("Bót", "is no product token"),
            ("-Bot", "is no product token"),
            ("Bot-", "is no product token"),
            ("123", "is no product token"),
            ("Chrome", "is a common word"),
            ("BOT", "is a common word"),
            ("CUBOT", "is a common word"),
            ("SLCC1", "is a common word"),
            ("FBAN", "is a common word"),
            ("Instagram", "is a common word"),
            ("Cursor", "is a common word"),
            ("okhttp", "is a common word"),
            ("googlebot", "stands in excluded[0] already"),
            ("google-extended", "stands in robotsOnly[0] already"),
            ("Googlebot-AI", "belongs to the family"),
            (
                "Twitterbot",
                "would match a search engine or a link preview",
            ),
            ("KINGKONG", "would match a person"),
            ("OculusBrowser", "is a common word"),
            ("QIHU", "would match a person"),
        ] {
            let mut bad = document();
            bad["agents"][0]["token"] = json!(token);
            let told = faults(&bad);
            assert!(told.contains(why), "{token}: {told}");
            assert!(told.starts_with("agents[0].token"), "{told}");
        }
    }

    #[test]
    fn other_faults_are_named_with_their_place() {
        type Spoil = fn(&mut Value);
        let cases: [(Spoil, &str); 14] = [
            (|d| d["schema"] = json!(2), "schema is 2"),
            (|d| d["schema"] = json!("1"), "schema is missing"),
            (|d| d["version"] = json!(""), "version is empty"),
            (|d| d["agents"] = json!([]), "agents has 0 entries"),
            (|d| d["excluded"] = json!([]), "excluded has 0 entries"),
            (
                |d| d["agents"][0]["purpose"] = json!("fun"),
                "unknown variant",
            ),
            (|d| d["agents"][0]["more"] = json!(1), "unknown field"),
            (|d| d["more"] = json!(1), "unknown field"),
            (
                |d| d["agents"][0]["evidence"] = json!("operator"),
                "agents[0].docs is missing",
            ),
            (
                |d| d["agents"][0]["docs"] = json!("javascript:alert(1)"),
                "agents[0].docs is no web address",
            ),
            (
                |d| d["agents"][0]["firstSeen"] = json!("2026-13"),
                "agents[0].firstSeen",
            ),
            (
                |d| d["agents"][0]["operator"] = json!(" x"),
                "agents[0].operator is empty",
            ),
            (
                |d| {
                    d["agents"][0]["verification"] =
                        json!({"method": "reverse_dns", "suffix": "bot.example"});
                },
                "agents[0].verification.suffix",
            ),
            (
                |d| d["excluded"][0]["token"] = json!("Safari"),
                "excluded[0].token \"Safari\" is a common word",
            ),
        ];
        for (spoil, why) in cases {
            let mut bad = document();
            spoil(&mut bad);
            let told = faults(&bad);
            assert!(told.contains(why), "{why}: {told}");
        }
        for (bytes, why) in [
            (&b"{"[..], "is not JSON"),
            (b"[]", "schema is missing"),
            (b"\xff", "is not JSON"),
            (&vec![b' '; DOCUMENT_MAX + 1], "has 262145 bytes"),
        ] {
            let told = parse(bytes).expect_err(why);
            assert!(told[0].detail.contains(why) || told[0].to_string().contains(why));
        }
    }

    #[test]
    fn a_table_too_large_is_refused() {
        let mut large = document();
        let agent = |n: usize| json!({"token": format!("Bot{n:0>57}"), "operator": "x", "purpose": "user", "evidence": "reported"});
        large["agents"] = (0..900).map(agent).collect();
        assert!(faults(&large).contains("makes a table of"));
        large["agents"] = (0..1_001).map(agent).collect();
        assert!(faults(&large).contains("agents has 1001 entries"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn a_token_that_is_taken_can_be_met(token in "[A-Za-z0-9._-]{1,20}") {
            let mut one = document();
            one["agents"][0]["token"] = json!(token);
            if let Ok(registry) = parse(one.to_string().as_bytes()) {
                let ua = format!("Mozilla/5.0 ({token}/1)");
                let is_met = matches!(registry.classify(&ua), Visitor::Agent(_));
                prop_assert!(is_met, "{}", ua);
            }
        }
    }
}
