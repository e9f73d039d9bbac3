//! Text with marks in it.

use askama::filters::HtmlSafe;
use std::fmt;

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
    fn backticks_are_code() {
        let text = |text: &str| Coded(text).to_string();
        assert_eq!(text("`path` is <b>"), "<code>path</code> is &#60;b&#62;");
        assert_eq!(text("one ` alone"), "one ` alone");
        assert_eq!(text("plain"), "plain");
    }
}
