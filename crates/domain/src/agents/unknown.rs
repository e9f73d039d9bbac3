//! Who calls itself a bot and is in no list. Such a visitor gets the page that people get, and is counted as *unknown*.
//!
//! A person must never be taken for one, so the rule leaves out rather than takes in. It looks at the names in a user
//! agent, cut as in [`Registry::classify`](super::Registry::classify):
//!
//! * a name that ends in one of [`WORDS`] and is more than that word, or is that word with a version (`Crawler/2.0`); or
//! * a contact, `+http…`, where no browser is named.
//!
//! Where a browser or an app's own library is named ([`PEOPLES`]), a name counts only beside a contact or the word
//! `compatible` (which Internet Explorer says too): telephones and apps are called `…bot` too. Programs that anybody uses are named with their authors' page
//! by default ([`PROGRAMS`]); a telephone's maker is called CUBOT. `worker/src/unknown.js` is the same function for the edge.

use super::{USER_AGENT_MAX, registry::pieces};

/// What bots end their names in.
const WORDS: [&str; 6] = ["bot", "crawler", "spider", "fetcher", "scraper", "archiver"];

/// Whole words that say nothing without a version.
const BARE: [&str; 7] = [
    "bot", "robot", "crawler", "spider", "fetcher", "scraper", "archiver",
];

/// What only browsers, and the apps that people use, name.
const PEOPLES: [&str; 14] = [
    "applewebkit",
    "gecko/",
    "firefox/",
    "chrome/",
    "safari/",
    "trident/",
    "msie ",
    "presto/",
    "cfnetwork",
    "darwin/",
    "dalvik/",
    "electron/",
    "android",
    "iphone",
];

/// Programs that name their authors' page when nobody tells them another.
const PROGRAMS: [&str; 6] = [
    "node-fetch",
    "scrapy",
    "colly",
    "rome",
    "simplepie",
    "magpierss",
];

/// The maker of telephones.
const NO_BOT: &str = "cubot";

/// Whether this user agent, which is nobody's in the registry, calls itself a bot.
pub fn names_itself_a_bot(user_agent: &str) -> bool {
    let bytes = user_agent.as_bytes();
    let lower = bytes[..bytes.len().min(USER_AGENT_MAX)].to_ascii_lowercase();
    let text = String::from_utf8_lossy(&lower);
    let has_contact = text.contains("+http");
    let is_peoples = PEOPLES.iter().any(|word| text.contains(word));
    let is_compatible = text.contains("compatible;") && !text.contains("msie ");
    let counts = !is_peoples || has_contact || is_compatible;
    let mut is_program = false;
    for (at, (name, has_version)) in pieces(&lower).enumerate() {
        if counts && is_bots_name(name, has_version) {
            return true;
        }
        if at == 0 {
            is_program = PROGRAMS.iter().any(|program| program.as_bytes() == name);
        }
    }
    has_contact && !is_peoples && !is_program
}

fn is_bots_name(name: &[u8], has_version: bool) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    name.iter().all(is_plain)
        && name != NO_BOT.as_bytes()
        && WORDS.iter().any(|word| name.ends_with(word.as_bytes()))
        && (has_version || !BARE.iter().any(|word| name == word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::{Registry, Visitor, samples};
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Case {
        ua: String,
        unknown: bool,
    }

    #[test]
    fn shared_cases() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../../../worker/test/unknown.cases.json"))
                .expect("the shared cases are JSON");
        assert!(cases.len() >= 60);
        for case in cases {
            assert_eq!(
                Registry::built_in().classify(&case.ua),
                Visitor::Other,
                "{} is in the registry",
                case.ua
            );
            assert_eq!(names_itself_a_bot(&case.ua), case.unknown, "{}", case.ua);
        }
    }

    #[test]
    fn people_and_programs_never_do() {
        let people: Vec<&str> = samples::people().collect();
        assert!(people.len() >= 240);
        for ua in people {
            assert!(!names_itself_a_bot(ua), "{ua}");
        }
    }

    #[test]
    fn odd_input_is_no_bot() {
        for ua in ["", " ", "/", "((((", "é/1.0", "-", "+", "+httpx é"] {
            assert_eq!(names_itself_a_bot(ua), ua.starts_with("+http"), "{ua}");
        }
        let late = format!("{} FooBot/1.0", "x".repeat(USER_AGENT_MAX));
        assert!(!names_itself_a_bot(&late));
    }
}
