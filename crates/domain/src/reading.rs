//! What an agent reads of a variant: its text without markup, and about how many tokens that is.

use crate::{
    markup::{BLOCKS, Open, TextKind, Token, tokens},
    variant::Format,
};

/// Elements whose content nobody reads as text.
const UNREAD: [&str; 6] = ["script", "style", "template", "svg", "noscript", "iframe"];

/// The text of a content. HTML becomes lines: one per block, headings with `#`, items with `-`, cells with `|` between them,
/// links as `[text](address)`, pictures by their alternative text. Markdown is what it is.
pub fn text_of(format: Format, content: &str) -> String {
    match format {
        Format::Markdown => content.to_owned(),
        Format::Html => html_text(content),
    }
}

/// About how many tokens a text is for a language model: a quarter for each ASCII character, half for each other letter of
/// the alphabets up to U+07FF (accented Latin, Greek, Cyrillic, Hebrew, Arabic), one for each character beyond. Models differ;
/// it is a rule of thumb, after the four characters a token that vendors give for English.
pub fn token_estimate(text: &str) -> u64 {
    let quarters: u64 = text
        .chars()
        .map(|character| match u32::from(character) {
            0..0x80 => 1,
            0x80..0x800 => 2,
            _ => 4,
        })
        .sum();
    quarters.div_ceil(4)
}

#[derive(Default)]
struct Writer {
    out: String,
    wants_space: bool,
}

impl Writer {
    fn line(&mut self) {
        self.wants_space = false;
        let bare = self.out.trim_end_matches(' ').len();
        self.out.truncate(bare);
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    fn put(&mut self, text: &str) {
        if self.wants_space && !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
        self.wants_space = false;
        self.out.push_str(text);
    }

    fn words(&mut self, text: &str) {
        for (index, word) in text.split_whitespace().enumerate() {
            if index > 0 || text.starts_with(char::is_whitespace) {
                self.wants_space = true;
            }
            self.put(word);
        }
        if text.ends_with(char::is_whitespace) {
            self.wants_space = true;
        }
    }
}

fn html_text(source: &str) -> String {
    let mut writer = Writer::default();
    let mut open: Open<Option<String>> = Open::default();
    for token in tokens(source).items {
        match token {
            Token::Start {
                name,
                attributes,
                is_void,
                ..
            } => {
                let value = |wanted: &str| {
                    attributes
                        .iter()
                        .find(|attribute| attribute.name == wanted)
                        .map(|attribute| attribute.value.trim().to_owned())
                        .filter(|value| !value.is_empty())
                };
                let link = value("href").filter(|href| name == "a" && !href.starts_with('#'));
                begin(&mut writer, &name, value("alt"), link.is_some());
                if !is_void {
                    open.push(&name, link);
                }
            }
            Token::End { name } => {
                let link = open
                    .iter()
                    .rfind(|(open, _)| *open == name)
                    .and_then(|(_, link)| link.clone());
                if let Some(link) = link {
                    writer.wants_space = false;
                    writer.put(&format!("]({link})"));
                }
                open.pop(&name);
                if BLOCKS.contains(&name.as_str()) {
                    writer.line();
                }
            }
            Token::Text { at, kind } => {
                if kind == TextKind::Raw || open.has(&UNREAD) {
                    continue;
                }
                let text = htmlize::unescape(&source[at]);
                if open.has(&["pre", "textarea"]) {
                    writer.put(&text);
                } else {
                    writer.words(&text);
                }
            }
            Token::Comment { .. } => {}
        }
    }
    writer.line();
    writer.out
}

fn begin(writer: &mut Writer, name: &str, alt: Option<String>, is_link: bool) {
    if BLOCKS.contains(&name) || name == "br" {
        writer.line();
    }
    match name {
        "h1" => writer.put("# "),
        "h2" => writer.put("## "),
        "h3" => writer.put("### "),
        "h4" | "h5" | "h6" => writer.put("#### "),
        "li" => writer.put("- "),
        "td" | "th" if !writer.out.is_empty() && !writer.out.ends_with('\n') => writer.put(" | "),
        "img" => {
            if let Some(alt) = alt {
                writer.wants_space = true;
                writer.put(&format!("[image: {alt}]"));
            }
        }
        _ if is_link => writer.put("["),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_as_text() {
        for (html, text) in [
            ("", ""),
            ("just text", "just text\n"),
            (
                "<title>Shop</title><h1>Desk &amp; lamp</h1>\n<p>It  is\n<b>189</b>\u{a0}€.</p>",
                "Shop\n# Desk & lamp\nIt is 189 €.\n",
            ),
            (
                "<ul><li>One<li>Two <a href=\"/b?x=1&amp;y\">more</a></ul>",
                "- One\n- Two [more](/b?x=1&y)\n",
            ),
            (
                "<table><tr><th>Size<td>Price<tr><td>S<td>9</table>after",
                "Size | Price\nS | 9\nafter\n",
            ),
            (
                "a<script>var x = '<p>no</p>'</script><style>p{}</style><!-- no --> b<br>c <img alt='A lamp' src=x>",
                "a b\nc [image: A lamp]\n",
            ),
            ("<pre>a\n  b</pre>c", "a\n  b\nc\n"),
            ("<p>a<p>b<div>c</div>d", "a\nb\nc\nd\n"),
        ] {
            assert_eq!(text_of(Format::Html, html), text, "{html}");
        }
        assert_eq!(text_of(Format::Markdown, "# A\n"), "# A\n");
    }

    #[test]
    fn tokens_are_estimated() {
        assert_eq!(token_estimate(""), 0);
        assert_eq!(token_estimate("word"), 1);
        assert_eq!(token_estimate("words"), 2);
        assert_eq!(token_estimate("Größe"), 2);
        assert_eq!(token_estimate("日本語"), 3);
    }
}
