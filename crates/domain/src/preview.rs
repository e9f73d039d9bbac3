//! Signed previews: links with which somebody sees a draft on the live site for an hour. `worker/src/preview.js` is the
//! other side.

use crate::{
    ids::SiteId,
    names::Hostname,
    path::PagePath,
    variant::{Format, Revision},
};

/// How long a link is good for, in seconds.
pub const PREVIEW_SECONDS: i64 = 3_600;

/// The query parameter that carries a link.
pub const PREVIEW_PARAMETER: &str = "ed-preview";

/// Where drafts are in KV: this and the link's own part.
pub const PREVIEW_PREFIX: &str = "p/";

/// The name of the secret binding with the key that signs previews.
pub const PREVIEW_KEY_BINDING: &str = "PREVIEW_KEY";

/// What one link shows, and to which address it is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The site.
    pub site: SiteId,
    /// The host name.
    pub host: Hostname,
    /// The page.
    pub path: PagePath,
    /// The format.
    pub format: Format,
    /// The revision.
    pub revision: Revision,
    /// When the link ends, in seconds since 1970.
    pub expires_s: i64,
    /// The link's own part of the draft's key in KV: 43 characters of `[A-Za-z0-9_-]`, from 32 random bytes.
    pub draft: String,
}

impl Preview {
    /// The draft's key in KV.
    pub fn kv_key(&self) -> String {
        format!("{PREVIEW_PREFIX}{}", self.draft)
    }

    /// The text whose HMAC-SHA256 under the site's preview key (its UTF-8 bytes) signs the link.
    pub fn message(&self) -> String {
        [
            "preview",
            &self.site.to_string(),
            self.host.as_str(),
            self.path.as_str(),
            self.format.as_str(),
            self.revision.as_str(),
            &self.expires_s.to_string(),
            &self.draft,
        ]
        .join("\n")
    }

    /// The link's path and query; `signature` is the HMAC in hex.
    pub fn target(&self, signature: &str) -> String {
        let letter = match self.format {
            Format::Html => 'h',
            Format::Markdown => 'm',
        };
        let path = self.path.as_str();
        let mark = if path.contains('?') { '&' } else { '?' };
        format!(
            "{path}{mark}{PREVIEW_PARAMETER}=1.{letter}.{}.{}.{}.{signature}",
            self.revision, self.expires_s, self.draft
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_everything_that_is_signed() {
        let mut preview = Preview {
            site: "0197a000-0000-7000-8000-000000000001"
                .parse()
                .expect("an id"),
            host: "shop.example".parse().expect("a host"),
            path: PagePath::parse("/tea").expect("a path"),
            format: Format::Html,
            revision: Revision::of(b"tea"),
            expires_s: 1_800_000_000,
            draft: "d".repeat(43),
        };
        let (revision, draft) = (Revision::of(b"tea"), "d".repeat(43));
        assert_eq!(preview.kv_key(), format!("p/{draft}"));
        assert_eq!(
            preview.message(),
            format!(
                "preview\n0197a000-0000-7000-8000-000000000001\nshop.example\n/tea\nhtml\n{revision}\n1800000000\n{draft}"
            )
        );
        assert_eq!(
            preview.target("ab"),
            format!("/tea?ed-preview=1.h.{revision}.1800000000.{draft}.ab")
        );
        preview.path = PagePath::parse("/s?q=tea").expect("a path");
        preview.format = Format::Markdown;
        assert!(preview.target("ab").starts_with("/s?q=tea&ed-preview=1.m."));
    }
}
