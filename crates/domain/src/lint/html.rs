//! Findings in HTML, token by token.

use super::{
    Findings, LintCode, Subject, characters, head, hidden, instructions,
    place::{Mapped, Source},
};
use crate::markup::{Attribute, BLOCKS, Open, TextKind, Token, tokens};
use std::{collections::HashSet, ops::Range};

/// Elements whose text takes everything up to their end tag.
const SWALLOWING: [&str; 6] = ["script", "style", "title", "textarea", "xmp", "iframe"];

/// Attributes that hold text for readers.
const TEXTS: [&str; 8] = [
    "alt",
    "title",
    "aria-label",
    "aria-description",
    "placeholder",
    "content",
    "value",
    "summary",
];

/// Attributes that hold an address.
const ADDRESSES: [&str; 6] = ["href", "src", "action", "formaction", "data", "xlink:href"];

/// Types of `<script>` that are data, and are not run.
const DATA_TYPES: [&str; 4] = [
    "application/ld+json",
    "application/json",
    "text/plain",
    "text/markdown",
];

pub(super) fn check(subject: &Subject<'_>, source: &Source<'_>, found: &mut Findings) {
    let read = tokens(source.text);
    let unseen = hidden::by_rules(source.text, &read.items);
    let mut reader = Reader {
        subject,
        source,
        unseen,
        open: Open::default(),
        flow: Mapped::default(),
        canonicals: 0,
        is_readable: false,
    };
    for token in &read.items {
        reader.take(token, found);
    }
    reader.end(read.end, found);
}

/// What is kept of an open element.
struct Kept {
    at: Range<usize>,
    is_hidden: bool,
    is_told: bool,
}

struct Reader<'a> {
    subject: &'a Subject<'a>,
    source: &'a Source<'a>,
    unseen: HashSet<usize>,
    open: Open<Kept>,
    /// The text as it is read, across inline elements.
    flow: Mapped,
    canonicals: usize,
    is_readable: bool,
}

impl Reader<'_> {
    fn take(&mut self, token: &Token, found: &mut Findings) {
        match token {
            Token::Start {
                name,
                attributes,
                at,
                is_void,
            } => {
                if BLOCKS.contains(&name.as_str()) || name == "br" {
                    self.flow.push_for("\n", at.start);
                }
                self.element(name, attributes, at, found);
                if !is_void {
                    let is_hidden =
                        self.unseen.contains(&at.start) || hidden::by_itself(name, attributes);
                    self.open.push(
                        name,
                        Kept {
                            at: at.clone(),
                            is_hidden,
                            is_told: false,
                        },
                    );
                }
            }
            Token::End { name } => {
                self.open.pop(name);
                if BLOCKS.contains(&name.as_str()) {
                    self.flow.push_for("\n", 0);
                }
            }
            Token::Text { at, kind } => self.text(at, *kind, found),
            Token::Comment { at } => self.comment(at, found),
        }
    }

    fn element(
        &mut self,
        name: &str,
        attributes: &[Attribute],
        at: &Range<usize>,
        found: &mut Findings,
    ) {
        match name {
            "meta" => head::meta(attributes, at, found),
            "base" => head::base(self.subject, attributes, at, found),
            "link" if head::canonical(self.subject, attributes, at, found) => {
                self.canonicals += 1;
                if self.canonicals == 2 {
                    found.at(
                        LintCode::CanonicalMany,
                        at.clone(),
                        "has several canonical addresses",
                    );
                }
            }
            "iframe" | "frame" | "object" | "embed" | "applet" => {
                found.at(
                    LintCode::Frame,
                    at.clone(),
                    "embeds another page, which agents do not fetch",
                );
                if head::value(attributes, "srcdoc").is_some() {
                    self.script(
                        at.clone(),
                        "embeds a page of its own, which may run scripts",
                        found,
                    );
                }
            }
            "script" if !is_data(attributes) => self.script(at.clone(), "holds a script", found),
            _ => {}
        }
        for attribute in attributes {
            if attribute.name.starts_with("on") && attribute.name.len() > 2 {
                self.script(attribute.at.clone(), "holds an event handler", found);
            }
            if ADDRESSES.contains(&attribute.name.as_str()) && is_script_address(&attribute.value) {
                self.script(
                    attribute.at.clone(),
                    "holds an address that is a script",
                    found,
                );
            }
            if name == "img" && attribute.name == "alt" && !attribute.value.trim().is_empty() {
                self.is_readable = true;
            }
            let is_text =
                TEXTS.contains(&attribute.name.as_str()) || attribute.name.starts_with("data-");
            if is_text && attribute.value.len() > 8 {
                let mut mapped = Mapped::default();
                mapped.push_decoded(&self.source.text[attribute.at.clone()], attribute.at.start);
                characters::check(&mapped, found);
                instructions::check(&mapped, " in an attribute", found);
            }
        }
    }

    fn script(&self, at: Range<usize>, detail: &str, found: &mut Findings) {
        if !self.subject.allow_scripts {
            found.at(LintCode::Script, at, detail);
        }
    }

    fn text(&mut self, at: &Range<usize>, kind: TextKind, found: &mut Findings) {
        let text = &self.source.text[at.clone()];
        if kind == TextKind::Raw {
            if !self.open.has(&["style"]) && !text.trim().is_empty() {
                let mut mapped = Mapped::default();
                mapped.push(text, at.start);
                instructions::check(&mapped, " in a script or embedded text", found);
            }
            return;
        }
        self.flow.push_decoded(text, at.start);
        if text.trim().is_empty() {
            return;
        }
        if !self.open.has(&["title", "template"]) {
            self.is_readable = true;
        }
        let hiding = self.open.iter_mut().find(|kept| kept.is_hidden);
        if let Some(kept) = hiding
            && !kept.is_told
        {
            kept.is_told = true;
            found.at(
                LintCode::HiddenText,
                kept.at.start..at.end,
                "holds text that a browser does not show",
            );
        }
    }

    fn comment(&self, at: &Range<usize>, found: &mut Findings) {
        let text = &self.source.text[at.clone()];
        if !text.ends_with('>') && text.starts_with("<!--") {
            found.at(LintCode::Unfinished, at.clone(), "ends inside a comment");
        }
        let mut mapped = Mapped::default();
        mapped.push(text, at.start);
        characters::check(&mapped, found);
        instructions::check(&mapped, " in a comment", found);
    }

    fn end(self, end: usize, found: &mut Findings) {
        for (name, kept) in self.open.iter() {
            if SWALLOWING.contains(&name) {
                found.at(
                    LintCode::Unfinished,
                    kept.at.clone(),
                    format!(
                        "has no `</{name}>`, so that everything after `<{name}>` is part of it"
                    ),
                );
            }
        }
        let source = self.source.text;
        if let Some(open) = unclosed_tag(source, end) {
            found.at(
                LintCode::Unfinished,
                open..source.len(),
                "ends inside a tag",
            );
        }
        let is_cut = found
            .items
            .iter()
            .any(|(code, ..)| *code == LintCode::Unfinished);
        if !self.is_readable && !is_cut {
            found.whole(LintCode::NoText, "has no text to read");
        }
        characters::check(&self.flow, found);
        instructions::check(&self.flow, "", found);
    }
}

/// Where a tag begins that the end of the source cuts off. It is read as text, or not at all.
fn unclosed_tag(source: &str, end: usize) -> Option<usize> {
    let open = source.rfind('<')?;
    let rest = &source[open + 1..];
    let is_tag = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
    let is_closed = rest.contains('>');
    (is_tag && !is_closed && (open >= end || !rest.starts_with("!--"))).then_some(open)
}

fn is_data(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let kind = attribute.value.trim().to_ascii_lowercase();
        attribute.name == "type" && DATA_TYPES.contains(&kind.as_str())
    })
}

/// `javascript:`, also with white space in it, as browsers read it; `data:` that is HTML.
pub(super) fn is_script_address(address: &str) -> bool {
    let plain: String = address
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .take(16)
        .collect::<String>()
        .to_ascii_lowercase();
    plain.starts_with("javascript:")
        || plain.starts_with("vbscript:")
        || plain.starts_with("data:text/html")
}
