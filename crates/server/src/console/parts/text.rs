//! Numbers and words.

use askama::filters::HtmlSafe;
use std::fmt;

/// A whole number with thousands set apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with its noun: `1 step`, `1,204 steps`.
pub(crate) fn plural(number: u64, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{} {one}s", count(number))
    }
}

/// Text in which words between backticks are code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coded<'a>(pub(crate) &'a str);

impl fmt::Display for Coded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces: Vec<&str> = self.0.split('`').collect();
        // An odd number of pieces: every backtick has its partner.
        let paired = pieces.len() % 2 == 1;
        for (index, piece) in pieces.iter().enumerate() {
            let escaped =
                askama::filters::escape(piece, askama::filters::Html).map_err(|_| fmt::Error)?;
            match (index % 2 == 1, paired) {
                (true, true) => write!(f, "<code>{escaped}</code>")?,
                (true, false) => write!(f, "`{escaped}")?,
                (false, false) if index > 0 => write!(f, "`{escaped}")?,
                (false, _) => write!(f, "{escaped}")?,
            }
        }
        Ok(())
    }
}
impl HtmlSafe for Coded<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_248), "1,248");
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(plural(1, "step"), "1 step");
        assert_eq!(plural(2, "step"), "2 steps");
    }

    #[test]
    fn backticks_are_code() {
        let text = |text: &str| Coded(text).to_string();
        assert_eq!(text("`path` is <b>"), "<code>path</code> is &#60;b&#62;");
        assert_eq!(text("one ` alone"), "one ` alone");
        assert_eq!(text("plain"), "plain");
    }
}
