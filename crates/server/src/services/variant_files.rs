//! Variants as files of a folder that mirrors the site.
//!
//! `pricing.html` and `pricing.md` are the variants of `/pricing`, `pricing/index.html` is that of `/pricing/`, and
//! `index.html` that of the home page. File names are percent-encoded path segments, as [`file_of`] writes them; what need
//! not be encoded may be plain. Where query parameters matter to the site, they stand as in an address:
//! `search?q=tea.html` is the variant of `/search?q=tea`, as long as all of them matter; else the `?` is one of the path.

use domain::{path::PathPolicy, variant::Format};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// The one name with a dot at its beginning that is no hidden one (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

/// What a folder holds.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The files that stand for variants, by their place in the folder.
    pub(crate) files: Vec<PathBuf>,
    /// Files and folders whose name begins with a dot.
    pub(crate) hidden: u64,
    /// Links, which are not followed.
    pub(crate) links: u64,
    /// Files with another ending, and what is no file.
    pub(crate) others: u64,
}

impl Found {
    /// What was passed over and why; nothing when there was none.
    pub(crate) fn skipped(&self) -> Option<String> {
        let reasons = [
            (self.hidden, "hidden"),
            (self.links, "linked"),
            (self.others, "neither .html nor .md"),
        ];
        let told: Vec<String> = reasons
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, why)| format!("{count} {why}"))
            .collect();
        let count = self.hidden + self.links + self.others;
        (count > 0).then(|| format!("{count} skipped: {}", told.join(", ")))
    }
}

/// Every .html and .md file below a folder, in order.
///
/// # Errors
///
/// When a folder cannot be read.
pub(crate) fn find(root: &Path) -> std::io::Result<Found> {
    let mut found = Found::default();
    collect(root, Path::new(""), &mut found)?;
    found.files.sort();
    Ok(found)
}

fn collect(root: &Path, below: &Path, found: &mut Found) -> std::io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        let place = below.join(&name);
        if is_hidden(&name) {
            found.hidden += 1;
        } else if kind.is_symlink() {
            found.links += 1;
        } else if kind.is_dir() {
            collect(root, &place, found)?;
        } else if kind.is_file() && format_of(&place).is_some() {
            found.files.push(place);
        } else {
            found.others += 1;
        }
    }
    Ok(())
}

/// Whether a file or folder is passed over for the dot that its name begins with.
pub(crate) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") && name != WELL_KNOWN
}

/// The format that a file's ending says, in any case.
pub(crate) fn format_of(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "html" => Some(Format::Html),
        "md" => Some(Format::Markdown),
        _ => None,
    }
}

/// The percent-encoded path of the page that a file stands for, with its query; nothing when the name is not UTF-8.
pub(crate) fn path_of(file: &Path, policy: &PathPolicy) -> Option<String> {
    let mut segments: Vec<String> = file
        .parent()?
        .iter()
        .map(|part| part.to_str().map(encoded))
        .collect::<Option<_>>()?;
    let stem = file.file_stem()?.to_str()?;
    let matters = |query: &str| !query.is_empty() && policy.ignored_parameters(query).is_empty();
    let (name, query) = match stem.split_once('?') {
        Some((name, query)) if matters(query) => (name, format!("?{query}")),
        _ => (stem, String::new()),
    };
    segments.push(if name == "index" {
        String::new()
    } else {
        encoded(name)
    });
    Some(format!("/{}{query}", segments.join("/")))
}

/// What would end a path, or begin an escape that is none, is encoded; the rest is for the path's own normal form.
fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, character) in name.char_indices() {
        match character {
            '?' => out.push_str("%3F"),
            '#' => out.push_str("%23"),
            '%' if !is_escape(&name.as_bytes()[at..]) => out.push_str("%25"),
            other => out.push(other),
        }
    }
    out
}

fn is_escape(rest: &[u8]) -> bool {
    rest.get(1..3)
        .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// Where a variant lies in the folder. [`path_of`] gives the path again.
pub(crate) fn file_of(format: Format, path: &str) -> PathBuf {
    let extension = match format {
        Format::Html => "html",
        Format::Markdown => "md",
    };
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (path, String::new()),
    };
    let path = path.trim_start_matches('/');
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = match name {
        "" => "index".to_owned(),
        // The plain word is the folder's own page.
        "index" => "%69ndex".to_owned(),
        name => shown(name),
    };
    let mut file: PathBuf = folders.split('/').map(shown).collect();
    file.push(format!("{name}{query}.{extension}"));
    file
}

/// A segment that does not hide the file.
fn shown(segment: &str) -> String {
    match segment.strip_prefix('.') {
        Some(rest) if segment != WELL_KNOWN => format!("%2E{rest}"),
        _ => segment.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::path::TrailingSlash;

    #[test]
    fn files_mirror_paths() {
        for (file, path) in [
            ("index.html", "/"),
            ("pricing.md", "/pricing"),
            ("Pricing.HTML", "/Pricing"),
            ("pricing/index.html", "/pricing/"),
            ("a/b.html", "/a/b"),
            ("what?.html", "/what%3F"),
            ("a#b.html", "/a%23b"),
            ("a?b/c.md", "/a%3Fb/c"),
            ("100%.html", "/100%25"),
            ("100%zz.html", "/100%25zz"),
            ("a%20b.html", "/a%20b"),
        ] {
            assert_eq!(
                path_of(Path::new(file), &PathPolicy::default()).as_deref(),
                Some(path),
                "{file}"
            );
            assert!(format_of(Path::new(file)).is_some(), "{file}");
        }
    }

    #[test]
    fn what_is_pulled_can_be_pushed() {
        for path in [
            "/",
            "/pricing",
            "/pricing/",
            "/index",
            "/a/index",
            "/a/index/",
            "/.env",
            "/.git/x",
            "/.well-known/x",
            "/a%2Fb",
            "/a%3Fb",
            "/100%25",
            "/a.html",
        ] {
            let file = file_of(Format::Html, path);
            assert!(!file.iter().any(is_hidden), "{path}: {}", file.display());
            let policy = PathPolicy::default();
            let again = policy
                .page(&path_of(&file, &policy).expect("UTF-8"))
                .expect("a path");
            assert_eq!(again.as_str(), path, "{}", file.display());
        }
    }

    #[test]
    fn queries_that_matter_stand_in_file_names() {
        let names = ["q".to_owned(), "page".to_owned()];
        let policy = PathPolicy::new(TrailingSlash::Keep, names).expect("good names");
        for (file, path) in [
            ("search?q=tea.html", "/search?q=tea"),
            ("search?q=v1.2.html", "/search?q=v1.2"),
            ("index?page=2.html", "/?page=2"),
            ("blog/index?page=2.md", "/blog/?page=2"),
            ("a?b/search?page=2&q=tea.html", "/a%3Fb/search?page=2&q=tea"),
            ("what?.html", "/what%3F"),
            ("what?x=1.html", "/what%3Fx=1"),
            ("what?x=1&q=2.html", "/what%3Fx=1&q=2"),
        ] {
            let found = path_of(Path::new(file), &policy).expect("UTF-8");
            assert_eq!(found, path, "{file}");
            let page = policy.page(&found).expect("a path");
            let format = format_of(Path::new(file)).expect("a format");
            let again = path_of(&file_of(format, page.as_str()), &policy).expect("UTF-8");
            assert_eq!(policy.page(&again), Ok(page), "{file}");
        }
    }

    #[test]
    fn what_is_passed_over_is_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir_all(root.join(".git/objects")).unwrap();
        fs::create_dir_all(root.join(".well-known")).unwrap();
        for name in [
            "a.html",
            "b.MD",
            ".draft.html",
            ".git/x.html",
            "logo.png",
            ".well-known/x.md",
        ] {
            fs::write(root.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(root.join("a.html"), root.join("c.html")).unwrap();
        let found = find(root).expect("it can be read");
        let files: Vec<_> = found
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        assert_eq!(files, [".well-known/x.md", "a.html", "b.MD"]);
        assert_eq!(
            found.skipped().as_deref(),
            Some("4 skipped: 2 hidden, 1 linked, 1 neither .html nor .md")
        );
    }
}
