//! Findings in Markdown: in its text, in the HTML that it may hold, in its links.

use super::{
    Findings, LintCode, Subject, characters, head, hidden,
    html::is_script_address,
    instructions,
    place::{Mapped, Source},
};
use crate::markup::{Token, tokens};
use pulldown_cmark::{Event, Options, Parser, Tag};

pub(super) fn check(subject: &Subject<'_>, source: &Source<'_>, found: &mut Findings) {
    let mut whole = Mapped::default();
    whole.push_decoded(source.text, 0);
    characters::check(&whole, found);
    instructions::check(&whole, "", found);
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let mut is_readable = false;
    for (event, at) in Parser::new_ext(source.text, options).into_offset_iter() {
        match event {
            Event::Text(text) | Event::Code(text) => is_readable |= !text.trim().is_empty(),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. })
                if is_script_address(&dest_url) && !subject.allow_scripts =>
            {
                found.at(LintCode::Script, at, "holds an address that is a script");
            }
            Event::Html(_) | Event::InlineHtml(_) => {
                html(subject, source, at.start, at.end, found);
            }
            _ => {}
        }
    }
    if !is_readable {
        found.whole(LintCode::NoText, "has no text to read");
    }
}

/// A piece of HTML: scripts and frames. Its comments were read with the rest.
fn html(
    subject: &Subject<'_>,
    source: &Source<'_>,
    start: usize,
    end: usize,
    found: &mut Findings,
) {
    for token in tokens(&source.text[start..end]).items {
        let Token::Start {
            name,
            attributes,
            at,
            ..
        } = token
        else {
            continue;
        };
        let at = start + at.start..start + at.end;
        let is_script = name == "script"
            || attributes.iter().any(|attribute| {
                (attribute.name.starts_with("on") && attribute.name.len() > 2)
                    || attribute.name == "srcdoc"
                    || is_script_address(&attribute.value)
            });
        if is_script && !subject.allow_scripts {
            found.at(LintCode::Script, at.clone(), "holds a script");
        }
        if hidden::by_itself(&name, &attributes) {
            found.at(
                LintCode::HiddenText,
                at.clone(),
                "holds an element that a browser does not show",
            );
        }
        if name == "base" {
            head::base(subject, &attributes, &at, found);
        }
        if matches!(name.as_str(), "iframe" | "object" | "embed") {
            found.at(
                LintCode::Frame,
                at,
                "embeds another page, which agents do not fetch",
            );
        }
    }
}
