//! HTML as a list of tokens with their places in the source. The parsing is lol_html's; nothing here builds a tree, so what
//! depends on which element is inside which uses a stack ([`Open`]) that knows the end tags that may be left out.

use lol_html::{
    EndTagHandler, HtmlRewriter, Settings, doc_comments, doc_text, element,
    html_content::{EndTag, TextType},
};
use std::{cell::RefCell, ops::Range, rc::Rc};

/// An attribute with its decoded value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// In lower case.
    pub(crate) name: String,
    /// Without its quotes, character references decoded.
    pub(crate) value: String,
    /// Where the value stands; for one without a value, the name.
    pub(crate) at: Range<usize>,
}

/// A part of an HTML source, with its bytes' place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A start tag.
    Start {
        /// In lower case.
        name: String,
        /// In their order.
        attributes: Vec<Attribute>,
        /// The tag.
        at: Range<usize>,
        /// Whether nothing can be in it.
        is_void: bool,
    },
    /// The end tag of an element that was open.
    End {
        /// In lower case.
        name: String,
    },
    /// Text between tags, as it stands in the source.
    Text {
        /// The text.
        at: Range<usize>,
        /// What kind of text.
        kind: TextKind,
    },
    /// A comment with its delimiters.
    Comment {
        /// The comment.
        at: Range<usize>,
    },
}

/// How text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextKind {
    /// With character references.
    Plain,
    /// As it is: scripts, style sheets.
    Raw,
}

/// The tokens of a source, and how many of its bytes they reach.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tokens {
    /// In the source's order.
    pub(crate) items: Vec<Token>,
    /// The end of the last one.
    pub(crate) end: usize,
}

/// Reads a source. Like a browser, this finds a reading for everything.
pub(crate) fn tokens(source: &str) -> Tokens {
    let found = Rc::new(RefCell::new(Tokens::default()));
    let push = |token: Token, end: usize| {
        let mut found = found.borrow_mut();
        found.end = found.end.max(end);
        match (found.items.last_mut(), &token) {
            (
                Some(Token::Text { at, kind }),
                Token::Text {
                    at: next,
                    kind: same,
                },
            ) if kind == same && at.end == next.start => {
                at.end = next.end;
            }
            _ => found.items.push(token),
        }
    };
    let settings = Settings::new()
        .append_element_content_handler(element!("*", |element| {
            let at = element.source_location().bytes();
            let attributes = element
                .attributes()
                .iter()
                .map(|attribute| Attribute {
                    name: attribute.name().to_ascii_lowercase(),
                    value: htmlize::unescape_attribute(attribute.value()).into_owned(),
                    at: attribute
                        .value_source_location()
                        .or_else(|| attribute.name_source_location())
                        .map_or(at.clone(), |place| place.bytes()),
                })
                .collect();
            let name = element.tag_name();
            let is_void = !element.can_have_content();
            let end = at.end;
            push(
                Token::Start {
                    name,
                    attributes,
                    at,
                    is_void,
                },
                end,
            );
            if let Some(handlers) = element.end_tag_handlers() {
                let found = Rc::clone(&found);
                let handler: EndTagHandler<'static> = Box::new(move |tag: &mut EndTag<'_>| {
                    let mut found = found.borrow_mut();
                    found.end = found.end.max(tag.source_location().bytes().end);
                    found.items.push(Token::End { name: tag.name() });
                    Ok(())
                });
                handlers.push(handler);
            }
            Ok(())
        }))
        .append_document_content_handler(doc_text!(|text| {
            let at = text.source_location().bytes();
            if !at.is_empty() {
                let kind = match text.text_type() {
                    TextType::Data | TextType::RCData => TextKind::Plain,
                    _ => TextKind::Raw,
                };
                let end = at.end;
                push(Token::Text { at, kind }, end);
            }
            Ok(())
        }))
        .append_document_content_handler(doc_comments!(|comment| {
            let at = comment.source_location().bytes();
            let end = at.end;
            push(Token::Comment { at }, end);
            Ok(())
        }));
    let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
    // Not in its strict mode, and with handlers that cannot fail: what is not read is seen by `end`.
    let _ = rewriter
        .write(source.as_bytes())
        .and_then(|()| rewriter.end());
    found.take()
}

/// The elements that are open, with something kept for each.
#[derive(Debug)]
pub(crate) struct Open<T> {
    stack: Vec<(String, T)>,
}

impl<T> Default for Open<T> {
    fn default() -> Self {
        Self { stack: Vec::new() }
    }
}

/// An element of this name ends an open one of that name, up to the last of these.
const LEFT_OUT_ENDS: [(&[&str], &[&str], &[&str]); 5] = [
    (&["li"], &["li"], &["ul", "ol", "menu"]),
    (&["dt", "dd"], &["dt", "dd"], &["dl"]),
    (&["td", "th"], &["td", "th"], &["tr", "table"]),
    (
        &["tr"],
        &["tr", "td", "th"],
        &["table", "thead", "tbody", "tfoot"],
    ),
    (
        &["option", "optgroup"],
        &["option"],
        &["select", "datalist"],
    ),
];

/// Elements that end an open paragraph, and stand on lines of their own (HTML, *optional tags* of `p`).
pub(crate) const BLOCKS: [&str; 36] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "details",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tr",
    "ul",
    "title",
];

impl<T> Open<T> {
    /// Opens an element; what it ends by itself is closed first.
    pub(crate) fn push(&mut self, name: &str, value: T) {
        if BLOCKS.contains(&name) && self.stack.last().is_some_and(|(top, _)| top == "p") {
            self.stack.pop();
        }
        for (starts, ends, within) in LEFT_OUT_ENDS {
            if !starts.contains(&name) {
                continue;
            }
            let floor = self
                .stack
                .iter()
                .rposition(|(open, _)| within.contains(&open.as_str()))
                .map_or(0, |at| at + 1);
            if let Some(at) = self.stack[floor..]
                .iter()
                .position(|(open, _)| ends.contains(&open.as_str()))
            {
                self.stack.truncate(floor + at);
            }
        }
        self.stack.push((name.to_owned(), value));
    }

    /// Closes the last open element of a name, with all in it.
    pub(crate) fn pop(&mut self, name: &str) {
        if let Some(at) = self.stack.iter().rposition(|(open, _)| open == name) {
            self.stack.truncate(at);
        }
    }

    /// What is open, outermost first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &T)> {
        self.stack
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// What is kept of the open elements, outermost first.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.stack.iter_mut().map(|(_, value)| value)
    }

    /// Whether an element of one of these names is open.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.stack
            .iter()
            .any(|(open, _)| names.contains(&open.as_str()))
    }
}

/// The places of start tags that a CSS selector matches; none for a selector that is not understood.
pub(crate) fn matches(source: &str, selectors: &[String]) -> Vec<usize> {
    let found = RefCell::new(Vec::new());
    let mut settings = Settings::new();
    for selector in selectors {
        if selector.parse::<lol_html::Selector>().is_err() {
            continue;
        }
        settings = settings.append_element_content_handler(element!(selector, |element| {
            found
                .borrow_mut()
                .push(element.source_location().bytes().start);
            Ok(())
        }));
    }
    let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
    let _ = rewriter
        .write(source.as_bytes())
        .and_then(|()| rewriter.end());
    found.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> Vec<String> {
        tokens(source)
            .items
            .iter()
            .map(|token| match token {
                Token::Start { name, .. } => format!("<{name}>"),
                Token::End { name } => format!("</{name}>"),
                Token::Text { at, kind } => format!("{kind:?} {}", &source[at.clone()]),
                Token::Comment { at } => source[at.clone()].to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_source_in_tokens() {
        assert_eq!(
            shown("<!doctype html><P class=a>x &amp; <br>y</p><!-- c --><script>a<b</script>"),
            [
                "<p>",
                "Plain x &amp; ",
                "<br>",
                "Plain y",
                "</p>",
                "<!-- c -->",
                "<script>",
                "Raw a<b",
                "</script>"
            ]
        );
        assert_eq!(shown("<!-- open"), ["<!-- open"]);
        assert_eq!(shown("a <div class=\"x"), ["Plain a "]);
    }
}
