//! What was pasted: cleaned, and recognised without asking anybody.
//!
//! Shapes of credentials: Cloudflare API notes §2.1 (official). The checksum of new tokens is not published and never
//! guessed.

use crate::problem::{Code, Outcome, Problem};
use cloudflare::ApiToken;

/// The most bytes that may be pasted.
const PASTE_MAX: usize = 4096;

/// The longest text that can still be a token; the longest known form has under 60 characters.
const TOKEN_MAX: usize = 512;

/// The length of tokens of the older kind: they have no prefix, and may begin with any letters. Our access keys are longer.
const UNPREFIXED_TOKEN: usize = 40;

/// A token that may be sent to Cloudflare.
#[derive(Debug)]
pub(crate) struct PastedToken {
    /// The token itself.
    pub(crate) token: ApiToken,
    /// What was cleaned away, in words; empty when nothing was.
    pub(crate) cleaned: Vec<&'static str>,
    /// Whether the prefix says that an account owns it (`cfat_`).
    pub(crate) is_account_owned: bool,
}

/// Cleans and recognises what was pasted. The text is never quoted back.
pub(crate) fn recognise(pasted: &str) -> Outcome<PastedToken> {
    if pasted.len() > PASTE_MAX {
        return Err(Problem::field(
            "token",
            "is longer than 4 KB, which no API token is",
        ));
    }
    let (text, cleaned) = clean(pasted);
    if text.is_empty() {
        return Err(invalid(
            "Nothing was pasted.",
            "The field was empty, or held only spaces or quotes.",
        ));
    }
    if holds_several(pasted) {
        return Err(invalid(
            "What was pasted holds more than one token, a line each. Paste one.",
            "Several lines were copied, for example of a list or of a file with secrets.",
        ));
    }
    if let Some((what, instead)) = foreign_credential(&text) {
        return Err(not_a_token(what, instead));
    }
    if text.len() < 20 || text.len() > TOKEN_MAX {
        return Err(invalid(
            &format!(
                "What was pasted has {} characters; a Cloudflare API token has 40 or more.",
                text.chars().count()
            ),
            "It was copied only in part, or something else was copied.",
        ));
    }
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    {
        return Err(invalid(
            "What was pasted holds characters that no Cloudflare API token has.",
            "More than the token was copied, for example a whole command or sentence.",
        ));
    }
    Ok(PastedToken {
        is_account_owned: text.starts_with("cfat_"),
        token: ApiToken::new(text),
        cleaned,
    })
}

/// Whether two lines or more could each be a whole token. A token that a terminal broke has one such piece at most.
fn holds_several(pasted: &str) -> bool {
    let is_whole = |line: &&str| {
        line.len() >= UNPREFIXED_TOKEN
            && line
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    pasted.split_whitespace().filter(is_whole).count() > 1
}

/// What `recognise` cleans away from this, in words: for whoever answers to somebody who pasted it.
pub(crate) fn cleaned_away(pasted: &str) -> Vec<&'static str> {
    clean(pasted).1
}

fn clean(pasted: &str) -> (String, Vec<&'static str>) {
    let mut cleaned = Vec::new();
    let visible: String = pasted.chars().filter(|c| !is_invisible(*c)).collect();
    if visible.len() != pasted.len() {
        cleaned.push("invisible characters");
    }
    // The line break that every pipe ends with is nothing to speak of.
    let line = visible.strip_suffix('\n').map_or(visible.as_str(), |line| {
        line.strip_suffix('\r').unwrap_or(line)
    });
    if line.trim().len() != line.len() {
        cleaned.push("spaces or line breaks around it");
    }
    let bare = unwrap_words(line, &mut cleaned);
    let joined: String = bare.split_whitespace().collect();
    // Line breaks inside come from terminals that wrap; spaces between words mean that something else was copied.
    if joined.len() != bare.len() && !bare.contains(' ') {
        cleaned.push("line breaks inside it");
        return (joined, cleaned);
    }
    (bare.to_owned(), cleaned)
}

/// Takes quotes, `Authorization:` and `Bearer` off the front, in whatever order and however often they come.
fn unwrap_words<'a>(line: &'a str, cleaned: &mut Vec<&'static str>) -> &'a str {
    let mut say = |what| {
        if !cleaned.contains(&what) {
            cleaned.push(what);
        }
    };
    let mut text = line.trim();
    loop {
        let bare = text.trim_matches(is_quote).trim();
        if bare.len() != text.len() {
            say("quotes");
            text = bare;
        } else if let Some(rest) = strip_word(text, "authorization:") {
            say("the word Authorization");
            text = rest.trim_start();
        } else if let Some(rest) = strip_word(text, "bearer")
            // A token may begin with these letters.
            && (rest.is_empty() || rest.starts_with(char::is_whitespace))
        {
            say("the word Bearer");
            text = rest.trim_start();
        } else {
            return text;
        }
    }
}

/// Characters that come along with copied text and show nowhere: controls, joiners, marks of direction, byte order
/// marks, selectors and tags (Unicode's *Cf* and *Cc*, but for line breaks and tabs).
fn is_invisible(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{e0000}'..='\u{e007f}')
}

fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '“' | '”' | '„' | '‘' | '’' | '‚' | '«' | '»' | '‹' | '›'
    )
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

/// What else it is, and what to make instead.
fn foreign_credential(text: &str) -> Option<(&'static str, &'static str)> {
    const MAKE_A_TOKEN: &str = "Make an API token with the five permissions: the button on the Connect Cloudflare page, or the address that `edge-delivery token url` prints, opens Cloudflare's form, filled in.";
    let is_old_global_key = (37..=45).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.starts_with("cfk_") || is_old_global_key {
        Some((
            "a Global API Key: it opens the whole account and cannot be limited",
            MAKE_A_TOKEN,
        ))
    } else if text.starts_with("v1.0-") {
        Some((
            "an Origin CA key, which only signs certificates",
            MAKE_A_TOKEN,
        ))
    } else if text.starts_with("cfoat_") {
        Some((
            "an OAuth access token, as `wrangler login` gets it: it ends within hours",
            MAKE_A_TOKEN,
        ))
    } else if text.starts_with("ed_") && text.len() != UNPREFIXED_TOKEN {
        Some((
            "an access key of Edge Delivery itself, not a credential of Cloudflare's",
            "Use the access key in the header `Authorization: Bearer ed_…` of calls to Edge Delivery, and paste a Cloudflare API token here.",
        ))
    } else {
        None
    }
}

fn not_a_token(what: &str, instead: &str) -> Problem {
    Problem::new(Code::ApiKeyNotSupported, format!("What was pasted is {what}. It was not sent anywhere and not stored."))
        .cause("Cloudflare has several kinds of credentials. Edge Delivery takes API tokens alone: their rights can be limited, they can end by themselves, and one can be withdrawn without the others.")
        .remedy(instead)
}

fn invalid(detail: &str, cause: &str) -> Problem {
    Problem::new(Code::InvalidToken, detail)
        .cause(cause)
        .remedy("Copy the token again from where you stored it. Cloudflare shows it only once: if it is lost, make a new one.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "fake-token-for-tests-0000000000000000000";

    #[test]
    fn what_surrounds_a_token_is_cleaned_away() {
        let split = format!("{}\n{}", &TOKEN[..20], &TOKEN[20..]);
        for (pasted, cleaned) in [
            (TOKEN.to_owned(), ""),
            (format!("{TOKEN}\n"), ""),
            (format!("{TOKEN}\r\n"), ""),
            (format!("  {TOKEN}\n"), "spaces or line breaks around it"),
            (
                format!("\u{a0}{TOKEN}\t"),
                "spaces or line breaks around it",
            ),
            (format!("{TOKEN}\n\n"), "spaces or line breaks around it"),
            (format!("\"{TOKEN}\""), "quotes"),
            (format!("“{TOKEN}”"), "quotes"),
            (format!("`{TOKEN}`"), "quotes"),
            (format!("Bearer {TOKEN}"), "the word Bearer"),
            (format!("bearer\t{TOKEN}"), "the word Bearer"),
            (format!("Bearer Bearer {TOKEN}"), "the word Bearer"),
            (format!("Bearer \"{TOKEN}\""), "quotes, the word Bearer"),
            (
                format!("\"Authorization: Bearer {TOKEN}\""),
                "quotes, the word Authorization, the word Bearer",
            ),
            (format!("\u{feff}{TOKEN}\u{200b}"), "invisible characters"),
            (
                format!("{}\u{200d}{}", &TOKEN[..9], &TOKEN[9..]),
                "invisible characters",
            ),
            (format!("\u{2066}{TOKEN}\u{2069}\0"), "invisible characters"),
            (split, "line breaks inside it"),
        ] {
            let found =
                recognise(&pasted).unwrap_or_else(|problem| panic!("{pasted:?}: {problem}"));
            assert_eq!(found.token.expose(), TOKEN, "{pasted:?}");
            assert_eq!(found.cleaned.join(", "), cleaned, "{pasted:?}");
            assert_eq!(cleaned_away(&pasted), found.cleaned);
        }
    }

    #[test]
    fn two_tokens_are_not_joined() {
        for pasted in [
            format!("{TOKEN}\n{TOKEN}"),
            format!("{TOKEN}\r\n\r\n{}\n", TOKEN.replace("fake", "also")),
            format!("{TOKEN} {TOKEN}"),
        ] {
            let problem = recognise(&pasted).expect_err("two tokens");
            assert_eq!(problem.code, Code::InvalidToken);
            assert!(problem.detail.contains("more than one token"), "{problem}");
        }
    }

    #[test]
    fn a_token_may_begin_with_any_letters() {
        for token in [
            "bearer-fake-0000000000000000000000000000",
            "ed_fake-fake-fake-fake-fake-fake-fake-fa",
            "cfut_fake-fake-fake-fake-fake-fake-fake-fake-fake",
            "cfat_fake-fake-fake-fake-fake-fake-fake-fake-fake",
        ] {
            let found = recognise(token).unwrap_or_else(|problem| panic!("{token}: {problem}"));
            assert_eq!(found.token.expose(), token);
            assert!(found.cleaned.is_empty());
            assert_eq!(found.is_account_owned, token.starts_with("cfat_"));
        }
    }

    #[test]
    fn what_is_no_token_is_named() {
        for (pasted, code) in [
            ("", Code::InvalidToken),
            (" \n\"\" ", Code::InvalidToken),
            ("\u{200b}", Code::InvalidToken),
            ("Bearer ", Code::InvalidToken),
            ("Authorization: Bearer", Code::InvalidToken),
            (
                "fake.token.for.tests.000000000000000000000",
                Code::InvalidToken,
            ),
            (
                "fäke-token-for-tests-000000000000000000000",
                Code::InvalidToken,
            ),
            ("short", Code::InvalidToken),
            (
                "this is a whole sentence that somebody copied",
                Code::InvalidToken,
            ),
            (
                "0123456789abcdef0123456789abcdef01234",
                Code::ApiKeyNotSupported,
            ),
            (
                "cfk_fake-fake-fake-fake-fake-fake-fake-fake-fake",
                Code::ApiKeyNotSupported,
            ),
            (
                "0123456789abcdef0123456789abcdef0123456789abc",
                Code::ApiKeyNotSupported,
            ),
            (
                " \"0123456789abcdef0123456789abcdef01234\"\n",
                Code::ApiKeyNotSupported,
            ),
            ("v1.0-0000-fake", Code::ApiKeyNotSupported),
            (
                "Bearer cfoat_fake-fake-fake-fake-fake-fake-fake",
                Code::ApiKeyNotSupported,
            ),
            (
                "ed_fakefakefakefakefakefakefakefakefakefakefak",
                Code::ApiKeyNotSupported,
            ),
        ] {
            assert_eq!(
                recognise(pasted).expect_err(pasted).code,
                code,
                "{pasted:?}"
            );
        }
        assert_eq!(
            recognise(&"x".repeat(5000)).expect_err("too long").code,
            Code::ValidationFailed
        );
    }
}
