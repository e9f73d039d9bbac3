//! What `<meta>`, `<link>` and `<base>` say of the page.

use super::{Findings, LintCode, Subject};
use crate::{markup::Attribute, path::PagePath};
use std::ops::Range;
use url::Url;

pub(super) fn value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes
        .iter()
        .find(|attribute| attribute.name == name)
        .map(|attribute| attribute.value.trim())
}

/// `<meta>`: charset, robots, refresh.
pub(super) fn meta(attributes: &[Attribute], at: &Range<usize>, found: &mut Findings) {
    let content = value(attributes, "content")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let equiv = value(attributes, "http-equiv")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let declared = value(attributes, "charset")
        .map(str::to_ascii_lowercase)
        .or_else(|| {
            let (_, charset) = content
                .split_once("charset=")
                .filter(|_| equiv == "content-type")?;
            Some(charset.trim_matches(['"', '\'', ' ']).to_owned())
        });
    if declared.is_some_and(|charset| !matches!(charset.as_str(), "utf-8" | "utf8")) {
        found.at(
            LintCode::Charset,
            at.clone(),
            "says that it is not in UTF-8",
        );
    }
    if equiv == "refresh" {
        found.at(
            LintCode::Refresh,
            at.clone(),
            "sends its readers to another address",
        );
    }
    let name = value(attributes, "name")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_for_robots = name == "robots" || name.ends_with("bot");
    let asks = content
        .split(',')
        .map(str::trim)
        .any(|word| matches!(word, "noindex" | "none" | "noai"));
    if is_for_robots && asks {
        found.at(LintCode::Noindex, at.clone(), "asks not to be indexed");
    }
}

/// `<base>`: every relative link is meant from there.
pub(super) fn base(
    subject: &Subject<'_>,
    attributes: &[Attribute],
    at: &Range<usize>,
    found: &mut Findings,
) {
    let Some(href) = value(attributes, "href") else {
        return;
    };
    match Url::parse(href) {
        Ok(url) if !is_own(subject, &url) => found.at(
            LintCode::BaseElsewhere,
            at.clone(),
            "has a base address on another host",
        ),
        _ => found.at(LintCode::Base, at.clone(), "has a base address"),
    }
}

/// The canonical address of a `<link>`, if it is one. Whether it names the page itself.
pub(super) fn canonical(
    subject: &Subject<'_>,
    attributes: &[Attribute],
    at: &Range<usize>,
    found: &mut Findings,
) -> bool {
    let is_canonical = value(attributes, "rel").is_some_and(|rel| {
        rel.split_ascii_whitespace()
            .any(|word| word.eq_ignore_ascii_case("canonical"))
    });
    let href = value(attributes, "href").filter(|_| is_canonical);
    let Some(href) = href else { return false };
    // Without a scheme it is the page's own: `//elsewhere.example/` names another host all the same.
    let address = match href.trim().strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None => href.to_owned(),
    };
    match Url::parse(&address) {
        Err(_) => found.at(
            LintCode::CanonicalRelative,
            at.clone(),
            "has a canonical address that is not absolute",
        ),
        Ok(url) => {
            let is_page = PagePath::parse(url.path()).is_ok_and(|path| path == *subject.path);
            if !(is_page && is_own(subject, &url)) {
                found.at(
                    LintCode::CanonicalElsewhere,
                    at.clone(),
                    "names another page as its canonical address",
                );
            }
        }
    }
    true
}

fn is_own(subject: &Subject<'_>, url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    matches!(url.scheme(), "http" | "https")
        && subject.hostnames.iter().any(|own| own.as_str() == host)
}
