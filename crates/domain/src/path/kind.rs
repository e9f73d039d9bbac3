//! Which paths can be a page's at all, by their looks.

/// What the last segment ends with when it is a file that is no page: pictures, sound, film, fonts, styles, scripts, data,
/// feeds, documents, archives, programs. Sorted. From common usage; a list of all there are does not exist.
const NO_PAGE: [&str; 95] = [
    "7z",
    "ai",
    "apk",
    "atom",
    "avi",
    "avif",
    "bak",
    "bin",
    "bmp",
    "bz2",
    "cer",
    "conf",
    "crt",
    "css",
    "csv",
    "dmg",
    "doc",
    "docx",
    "eot",
    "eps",
    "epub",
    "exe",
    "flac",
    "gif",
    "gz",
    "heic",
    "ico",
    "ics",
    "ini",
    "iso",
    "jar",
    "jpeg",
    "jpg",
    "js",
    "json",
    "jsonl",
    "jsonld",
    "key",
    "kml",
    "log",
    "m3u8",
    "m4a",
    "m4v",
    "map",
    "mjs",
    "mov",
    "mp3",
    "mp4",
    "mpeg",
    "msi",
    "ndjson",
    "ods",
    "odt",
    "ogg",
    "ogv",
    "opus",
    "otf",
    "pdf",
    "pem",
    "png",
    "ppt",
    "pptx",
    "psd",
    "rar",
    "rdf",
    "rss",
    "rtf",
    "sql",
    "svg",
    "swf",
    "tar",
    "tgz",
    "tif",
    "tiff",
    "toml",
    "ttf",
    "txt",
    "wasm",
    "wav",
    "webm",
    "webmanifest",
    "webp",
    "wma",
    "wmv",
    "woff",
    "woff2",
    "xls",
    "xlsx",
    "xml",
    "xsl",
    "xz",
    "yaml",
    "yml",
    "zip",
    "zst",
];

/// Whether a path may be a page's, so that it is worth offering to make a variant of it. It is told by looks alone: what the
/// origin answers there is not known.
///
/// No page is a file by its ending (`/robots.txt`, `/sitemap.xml`, `/logo.svg`), whatever lies below a name that begins with a
/// dot (`/.well-known/…`, `/.env`), and what Cloudflare itself answers (`/cdn-cgi/…`, official). An ending that is not known may
/// be a page's: `/docs/v1.2`, `/about.html`, `/index.php`. A variant may be published at any path all the same.
pub fn may_be_page(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    if segments.clone().next() == Some("cdn-cgi") {
        return false;
    }
    if segments.clone().any(|segment| segment.starts_with('.')) {
        return false;
    }
    let ending = segments
        .next_back()
        .and_then(|name| name.rsplit_once('.'))
        .map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_none_or(|ending| NO_PAGE.binary_search(&ending.as_str()).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_what_is_none() {
        assert!(NO_PAGE.is_sorted(), "it is searched by halves");
        for path in [
            "",
            "/",
            "/pricing",
            "/pricing/",
            "/about.html",
            "/About.HTM",
            "/index.php?file=a.pdf",
            "/docs/v1.2",
            "/releases/2026.11",
            "/a.b/c",
            "/logo.png/about",
            "/feed",
            "/cdn-cgi-explained",
            "/robots",
            "/json",
            "/a.",
            "/notes.md",
            "/%2Ewell",
        ] {
            assert!(may_be_page(path), "{path:?} may be a page");
        }
        for path in [
            "/robots.txt",
            "/sitemap.xml",
            "/sitemap.xml.gz",
            "/en/llms.txt",
            "/favicon.ico",
            "/a/Photo.JPG",
            "/style.css?v=3",
            "/app.min.js",
            "/feed.rss",
            "/blog/atom.xml",
            "/data.json",
            "/price-list.pdf",
            "/price-list.pdf/",
            "/.well-known/security.txt",
            "/.well-known/openid-configuration",
            "/.well-known/",
            "/.env",
            "/a/.git/config",
            "/cdn-cgi/trace",
            "/cdn-cgi/",
        ] {
            assert!(!may_be_page(path), "{path:?} is no page");
        }
    }
}
