//! Elements that a browser does not show: by an attribute, by their style, or by a rule of the page's own style sheets.

use crate::markup::{Attribute, Token, matches};
use std::collections::HashSet;

/// Where the start tags of elements are that rules of `<style>` hide.
pub(super) fn by_rules(source: &str, tokens: &[Token]) -> HashSet<usize> {
    let mut selectors = Vec::new();
    let mut is_style = false;
    for token in tokens {
        match token {
            Token::Start { name, .. } => is_style = name == "style",
            Token::End { .. } => is_style = false,
            Token::Text { at, .. } if is_style => {
                selectors.extend(hiding_selectors(&source[at.clone()]));
            }
            _ => {}
        }
    }
    if selectors.is_empty() {
        return HashSet::new();
    }
    matches(source, &selectors).into_iter().collect()
}

/// The selectors of rules that hide, outside of conditions such as `@media print`.
fn hiding_selectors(sheet: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut preludes: Vec<&str> = Vec::new();
    let mut begin = 0;
    for (at, character) in sheet.char_indices() {
        match character {
            '{' => {
                preludes.push(sheet[begin..at].trim());
                begin = at + 1;
            }
            '}' => {
                let prelude = preludes.pop().unwrap_or_default();
                let is_conditional = preludes.iter().any(|outer| outer.starts_with('@'));
                if !is_conditional && !prelude.starts_with('@') && hides(&sheet[begin..at]) {
                    found.extend(prelude.split(',').map(|one| one.trim().to_owned()));
                }
                begin = at + 1;
            }
            ';' if preludes.is_empty() => begin = at + 1,
            _ => {}
        }
    }
    found
}

/// Whether an element is hidden by what it says itself.
pub(super) fn by_itself(name: &str, attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| match attribute.name.as_str() {
            "hidden" => name != "input",
            "style" => hides(&attribute.value),
            _ => false,
        })
}

/// Declarations without comments, and with their escapes (`di\73play`) read as a browser reads them.
fn plain_css(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['/', '\\']) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else if let Some(escape) = rest.strip_prefix('\\') {
            let digits = escape
                .bytes()
                .take(6)
                .take_while(u8::is_ascii_hexdigit)
                .count();
            let code = u32::from_str_radix(&escape[..digits], 16).ok();
            plain.extend(code.and_then(char::from_u32));
            rest = &escape[digits..];
            if digits > 0 {
                rest = rest.strip_prefix(char::is_whitespace).unwrap_or(rest);
            }
        } else {
            plain.push('/');
            rest = &rest[1..];
        }
    }
    plain.push_str(rest);
    plain
}

/// Whether declarations hide an element or put its text out of sight.
fn hides(declarations: &str) -> bool {
    let mut colour = None;
    let mut ground = None;
    let plain = plain_css(declarations);
    let mut size = 0;
    for declaration in plain.split(';') {
        let Some((property, value)) = declaration.split_once(':') else {
            continue;
        };
        let value = value.trim().to_ascii_lowercase();
        let value = value.trim_end_matches("!important").trim();
        let is_zero = || {
            let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
            number.parse() == Ok(0.0_f64)
        };
        let is_far = || {
            let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
            number.parse::<f64>().is_ok_and(|far| far <= -900.0)
        };
        let is_hidden = match property.trim().to_ascii_lowercase().as_str() {
            "display" => value == "none",
            "visibility" => value == "hidden" || value == "collapse",
            "opacity" | "font-size" | "max-height" | "max-width" | "zoom" | "scale" => is_zero(),
            "transform" => value.replace(' ', "").starts_with("scale(0"),
            // A box without any size.
            "width" | "height" => {
                size += usize::from(is_zero());
                size == 2
            }
            "text-indent" | "left" | "top" | "margin-left" | "margin-top" => is_far(),
            "clip" => value.replace(' ', "").starts_with("rect(0"),
            "clip-path" => value.replace(' ', "") == "inset(100%)",
            "content-visibility" => value == "hidden",
            "color" => {
                colour = Some(value.to_owned());
                value == "transparent"
            }
            "background" | "background-color" => {
                ground = Some(value.to_owned());
                false
            }
            _ => false,
        };
        if is_hidden {
            return true;
        }
    }
    colour.is_some() && colour == ground
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_that_hide() {
        for (style, expected) in [
            ("display:none", true),
            ("DISPLAY : none !important", true),
            ("display:block", false),
            ("visibility: hidden", true),
            ("opacity:0", true),
            ("opacity:0.5", false),
            ("font-size:0px", true),
            ("font-size:1px", false),
            ("position:absolute;left:-9999px", true),
            ("text-indent: -1px", false),
            ("color:#fff;background:#fff", true),
            ("color:#fff;background:#000", false),
            ("color:transparent", true),
            ("clip: rect(0 0 0 0)", true),
            ("", false),
            ("display", false),
        ] {
            assert_eq!(hides(style), expected, "{style}");
        }
    }

    #[test]
    fn rules_that_hide() {
        for (sheet, expected) in [
            (".a{display:none}", vec![".a"]),
            (".a , #b{color:red;opacity:0} p{}", vec![".a", "#b"]),
            (
                "@media print{.a{display:none}} .b{display:none}",
                vec![".b"],
            ),
            ("@import url(x); .a{display:none", vec![]),
            (
                "@font-face{font-family:x} .c{visibility:hidden}",
                vec![".c"],
            ),
            ("}}{{", vec![]),
        ] {
            assert_eq!(hiding_selectors(sheet), expected, "{sheet}");
        }
    }
}
