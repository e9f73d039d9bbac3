//! The pages that a sitemap names: a list, an index of lists, plain or gzipped (sitemaps.org, protocol 0.9).

use super::{fetch::get, robots::Robots};
use crate::app::App;
use domain::{names::Hostname, path::PagePath};
use flate2::read::MultiGzDecoder;
use quick_xml::{Reader, events::Event};
use std::{
    collections::{HashSet, VecDeque},
    io::Read,
};
use store::Site;
use url::Url;

/// The most pages of one run; a list may name so many (sitemaps.org).
pub(crate) const PAGES_MAX: usize = 50_000;

/// The most files that are read: an index and what it names.
const FILES_MAX: usize = 50;

/// The most bytes of a file when it is unpacked (sitemaps.org).
const UNPACKED_MAX: u64 = 50 * 1024 * 1024;

/// Where a sitemap is when nobody says.
pub(crate) const USUAL_PLACE: &str = "/sitemap.xml";

/// What a sitemap names.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Paths of the site's own pages, once each, in order.
    pub(crate) paths: Vec<PagePath>,
    /// Addresses on other hosts, or with a path that can have no variant.
    pub(crate) foreign: u64,
}

/// Reads the sitemap at `path` (or, where that is the usual place and empty-handed, those that robots.txt names) and
/// everything that it points to on the site's own hosts.
pub(crate) async fn read(
    app: &App,
    site: &Site,
    path: &str,
    robots: &Robots,
) -> Result<Named, String> {
    let host = site.hostnames.first().ok_or("the site has no host name")?;
    let mut waiting = VecDeque::from([path.to_owned()]);
    if path == USUAL_PLACE {
        let named = robots
            .sitemaps()
            .iter()
            .filter_map(|url| own_path(site, url));
        let named: Vec<String> = named.collect();
        if !named.is_empty() {
            waiting = named.into();
        }
    }
    let (mut seen, mut known) = (HashSet::new(), HashSet::new());
    let mut found = Named::default();
    while let Some(file) = waiting.pop_front() {
        if !seen.insert(file.clone()) {
            continue;
        }
        if seen.len() > FILES_MAX {
            return Err(format!(
                "the sitemap's index names more than {FILES_MAX} files; name one of them"
            ));
        }
        let list = fetch(app, host, &file).await?;
        for url in list.sitemaps {
            match own_path(site, &url) {
                Some(path) => waiting.push_back(path),
                None => found.foreign += 1,
            }
        }
        for url in list.pages {
            match own_path(site, &url).and_then(|path| site.settings.paths.page(&path).ok()) {
                None => found.foreign += 1,
                Some(path) if known.insert(path.clone()) => {
                    found.paths.push(path);
                    if found.paths.len() > PAGES_MAX {
                        return Err(format!(
                            "the sitemap names more than {PAGES_MAX} pages; name one of its parts"
                        ));
                    }
                }
                Some(_) => {}
            }
        }
    }
    Ok(found)
}

/// The path and query of an address on one of the site's hosts.
fn own_path(site: &Site, url: &str) -> Option<String> {
    let url = Url::parse(url.trim()).ok()?;
    let host = url.host_str()?;
    site.hostnames
        .iter()
        .any(|own| own.as_str() == host)
        .then(|| match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
}

async fn fetch(app: &App, host: &Hostname, file: &str) -> Result<List, String> {
    let answer = get(app, host, file, "application/xml,text/xml,*/*;q=0.5").await?;
    if !answer.status.is_success() {
        return Err(format!(
            "there is no sitemap at {file}: the origin answers {}",
            answer.status.as_u16()
        ));
    }
    if answer.is_cut {
        return Err(format!(
            "the sitemap at {file} is larger than 2 MiB; divide it, or gzip it"
        ));
    }
    let body = answer.body;
    let file = file.to_owned();
    tokio::task::spawn_blocking(move || {
        parse(&body).map_err(|why| format!("the sitemap at {file} {why}"))
    })
    .await
    .map_err(|error| error.to_string())?
}

/// What one file names.
#[derive(Debug, Default, PartialEq, Eq)]
struct List {
    sitemaps: Vec<String>,
    pages: Vec<String>,
}

fn parse(body: &[u8]) -> Result<List, String> {
    // What gzip begins with (RFC 1952, 2.3.1), whatever the file is called.
    if !body.starts_with(b"\x1f\x8b") {
        return parse_xml(body);
    }
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(body)
        .take(UNPACKED_MAX + 1)
        .read_to_end(&mut unpacked)
        .map_err(|error| format!("cannot be unpacked: {error}"))?;
    if unpacked.len() as u64 > UNPACKED_MAX {
        return Err(format!("unpacks to more than {} MiB", UNPACKED_MAX >> 20));
    }
    parse_xml(&unpacked)
}

/// Reads `<loc>` of `<url>` and of `<sitemap>`. Nothing is expanded but the five entities of XML itself: a document type is
/// never read, so there is nothing to explode.
fn parse_xml(xml: &[u8]) -> Result<List, String> {
    let mut reader = Reader::from_reader(xml);
    let mut list = List::default();
    let (mut is_index, mut in_loc, mut text) = (None, false, String::new());
    let bad = |at: u64| format!("is no well-formed XML at byte {at}");
    loop {
        match reader
            .read_event()
            .map_err(|_| bad(reader.error_position()))?
        {
            Event::Eof => break,
            Event::Start(tag) => match tag.local_name().as_ref() {
                b"urlset" => is_index = is_index.or(Some(false)),
                b"sitemapindex" => is_index = is_index.or(Some(true)),
                b"loc" => {
                    in_loc = true;
                    text.clear();
                }
                _ => {}
            },
            Event::Text(part) if in_loc => {
                text.push_str(&part.decode().map_err(|_| bad(reader.buffer_position()))?);
            }
            Event::CData(part) if in_loc => {
                text.push_str(&String::from_utf8_lossy(&part));
            }
            Event::GeneralRef(name) if in_loc => {
                let name = name.decode().map_err(|_| bad(reader.buffer_position()))?;
                text.push(match name.as_ref() {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => return Err(format!("uses the entity {name:?}, which is not expanded")),
                });
            }
            Event::End(tag) if tag.local_name().as_ref() == b"loc" => {
                in_loc = false;
                let pages = list.pages.len() + list.sitemaps.len();
                if pages > PAGES_MAX {
                    return Err(format!("names more than {PAGES_MAX} addresses"));
                }
                let target = if is_index == Some(true) {
                    &mut list.sitemaps
                } else {
                    &mut list.pages
                };
                target.push(std::mem::take(&mut text));
            }
            _ => {}
        }
    }
    match is_index {
        Some(_) => Ok(list),
        None => Err("is no sitemap: it has neither <urlset> nor <sitemapindex>".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn lists_and_indexes() {
        let list = "<?xml version=\"1.0\"?><urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\
            <url><loc> https://a.example/?a=1&amp;b=2 </loc><lastmod>2026-01-01</lastmod></url>\
            <url><loc><![CDATA[https://a.example/b]]></loc></url></urlset>";
        let found = parse(list.as_bytes()).expect("a sitemap");
        assert_eq!(
            found.pages,
            [" https://a.example/?a=1&b=2 ", "https://a.example/b"]
        );
        let index = "<s:sitemapindex xmlns:s=\"x\"><s:sitemap><s:loc>https://a.example/1.xml</s:loc></s:sitemap></s:sitemapindex>";
        let found = parse(index.as_bytes()).expect("an index");
        assert_eq!((found.sitemaps.len(), found.pages.len()), (1, 0));
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(list.as_bytes()).expect("memory");
        assert_eq!(
            parse(&packed.finish().expect("memory"))
                .expect("a sitemap")
                .pages
                .len(),
            2
        );
    }

    #[test]
    fn what_is_no_sitemap_is_told() {
        let billion = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><urlset><url><loc>&b;</loc></url></urlset>";
        for (xml, words) in [
            ("<html><body>Not found</body></html>", "neither"),
            ("", "neither"),
            ("<urlset><url><loc>x</url>", "well-formed"),
            (billion, "not expanded"),
        ] {
            let why = parse(xml.as_bytes()).expect_err(xml);
            assert!(why.contains(words), "{xml}: {why}");
        }
    }

    #[test]
    fn gzip_bombs_end_at_the_limit() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..=(UNPACKED_MAX >> 20) {
            packed.write_all(&zeros).expect("memory");
        }
        let why = parse(&packed.finish().expect("memory")).expect_err("too large");
        assert!(why.contains("unpacks to more"), "{why}");
    }
}
