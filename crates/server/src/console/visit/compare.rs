//! What two visits say together.

use super::DiffLine;
use crate::{
    console::parts::{Mark, State, count},
    services::visit_as::Visit,
};
use similar::{ChangeTag, TextDiff};
use std::time::Duration;

/// As many lines of the difference are shown.
const LINES: usize = 400;
/// As much text is compared, in bytes.
const COMPARED: usize = 256 * 1024;
/// The comparison gives up being minimal after this time.
const WITHIN: Duration = Duration::from_millis(500);

/// The finding: a state, a title and a sentence.
pub(super) fn finding(one: &Visit, two: &Visit) -> (State, &'static str, String) {
    let (first, second) = (one.visitor.label, two.visitor.label);
    let ok = State::new("ok", Mark::Tick, "as it should be");
    match (one.is_variant(), two.is_variant()) {
        (true, false) | (false, true) => {
            let (agent, other) = if one.is_variant() { (one, two) } else { (two, one) };
            let sizes = format!(
                "{} bytes for {}, {} for {}.",
                count(agent.bytes as u64),
                agent.visitor.label,
                count(other.bytes as u64),
                other.visitor.label
            );
            if other.visitor.kind == "person" || other.visitor.kind == "search engine" {
                (ok, "The agent gets the variant, everybody else the page", sizes)
            } else {
                (ok, "One gets the variant, the other the page", sizes)
            }
        }
        (true, true) => (
            ok,
            "Both get the variant",
            format!("{first} and {second} are both given what is published."),
        ),
        (false, false) if one.status >= 400 || two.status >= 400 => errors(one, two),
        (false, false) if one.body == two.body => (
            State::new("idle", Mark::Ring, "the same"),
            "Both get the same page, byte for byte",
            "There is no published variant of this path for them, or it is not at the edge yet.".to_owned(),
        ),
        (false, false) => (
            State::new("idle", Mark::Ring, "two pages"),
            "Both get the site’s own page",
            "The two answers differ, but neither comes from us: the site itself answers each visitor in its own way.".to_owned(),
        ),
    }
}

/// At least one of the two gets an error from the site.
fn errors(one: &Visit, two: &Visit) -> (State, &'static str, String) {
    let both = one.status >= 400 && two.status >= 400;
    let title = if both {
        "Both get an error"
    } else {
        "One of them gets an error"
    };
    let same = if one.body == two.body && one.status == two.status {
        " The two answers are the same, byte for byte."
    } else {
        ""
    };
    let sentence = format!(
        "Status {} for {}, {} for {}. No variant is served here: the answer is the site’s own, or Cloudflare’s for it.{same}",
        one.status, one.visitor.label, two.status, two.visitor.label
    );
    (
        State::new("warn", Mark::Triangle, "an error"),
        title,
        sentence,
    )
}

/// The text of a page without its markup, one line to a block.
fn text_of(visit: &Visit) -> String {
    let is_html = visit
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"));
    let body = &visit.body[..visit.body.floor_char_boundary(COMPARED)];
    let text = if is_html {
        let spaced = body.replace('<', "\n<");
        let tags = ["script", "style", "template", "noscript", "svg"].into();
        let cleaned = ammonia::Builder::empty()
            .clean_content_tags(tags)
            .clean(&spaced)
            .to_string();
        cleaned
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&nbsp;", " ")
            .replace("&amp;", "&")
    } else {
        body.to_owned()
    };
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .fold(String::new(), |all, line| all + &line + "\n")
}

/// The lines that only one of the two has; nothing where the bodies are equal.
pub(super) fn difference(one: &Visit, two: &Visit) -> Vec<DiffLine> {
    if one.body == two.body {
        return Vec::new();
    }
    let (old, new) = (text_of(two), text_of(one));
    let diff = TextDiff::configure()
        .timeout(WITHIN)
        .diff_lines(old.as_str(), new.as_str());
    diff.iter_all_changes()
        .filter_map(|change| {
            let (class, sign) = match change.tag() {
                ChangeTag::Equal => return None,
                ChangeTag::Delete => ("minus", "−"),
                ChangeTag::Insert => ("plus", "+"),
            };
            Some(DiffLine {
                class,
                sign,
                text: change.value().trim_end().to_owned(),
            })
        })
        .take(LINES)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::visit_as::visitor;

    fn visit(id: &str, headers: &[(&str, &str)], body: &str) -> Visit {
        Visit {
            visitor: *visitor(id).expect("a visitor of that id"),
            status: 200,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.to_owned(),
            bytes: body.len(),
            is_cut: false,
            took_ms: 5,
        }
    }

    const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

    #[test]
    fn a_variant_beside_the_page() {
        let agent = visit(
            "gptbot",
            &[
                HTML,
                ("x-edge-delivery", "variant; revision=1; agent=GPTBot"),
            ],
            "<h1>Pricing</h1><p>EUR 19 &amp; up</p>",
        );
        let person = visit(
            "chrome",
            &[HTML],
            "<nav>Menu</nav><h1>Pricing</h1><script>let x = 1;</script>",
        );
        let (state, title, _) = finding(&agent, &person);
        assert_eq!(
            (state.tone, title),
            ("ok", "The agent gets the variant, everybody else the page")
        );
        let lines: Vec<(&str, String)> = difference(&agent, &person)
            .into_iter()
            .map(|line| (line.class, line.text))
            .collect();
        assert_eq!(
            lines,
            [
                ("minus", "Menu".to_owned()),
                ("plus", "EUR 19 & up".to_owned())
            ]
        );
    }

    #[test]
    fn an_error_is_told_first() {
        let with = |id: &str, status: u16| Visit {
            status,
            ..visit(id, &[HTML], "<p>nothing here")
        };
        let (state, title, sentence) = finding(&with("gptbot", 404), &with("chrome", 404));
        assert_eq!((state.tone, title), ("warn", "Both get an error"));
        assert!(
            sentence.starts_with("Status 404 for GPTBot, 404 for Chrome"),
            "{sentence}"
        );
        let (_, title, _) = finding(&with("gptbot", 403), &with("chrome", 200));
        assert_eq!(title, "One of them gets an error");
    }

    #[test]
    fn the_same_page_has_no_difference() {
        let (one, two) = (
            visit("gptbot", &[HTML], "<p>x"),
            visit("chrome", &[HTML], "<p>x"),
        );
        assert!(difference(&one, &two).is_empty());
        assert_eq!(finding(&one, &two).0.tone, "idle");
    }
}
