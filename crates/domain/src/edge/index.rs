//! The index of a site's paths, by which its Worker knows without asking KV that a path has no variant.
//!
//! A set of 32-bit hashes of format and path (XXH32), sorted, so that the Worker reads it as it is and looks up by binary
//! search: nothing is parsed. Of a path without a variant one in 2³² ÷ (paths) is taken for one that has some (0.023 %
//! for a million), which costs a KV read and nothing else.
//!
//! Two kinds of keys: the *pointer* ([`INDEX_KEY`]) is read often and says which *manifest* of the site this is; it lists
//! up to [`LISTED_MAX`] hashes itself. What is more stands in a *filter*, a key that never changes and is named after its
//! content; the pointer then lists what was added to it and what is gone from it. So publishing a page of a site with a
//! million writes one small value, and an isolate reads four megabytes again only when a filter is replaced.
//!
//! `worker/src/index.js` reads both; numbers are little-endian. Pointer: `EDIX`, version, XXH32 of all that follows,
//! flags (1: any path may have a variant), 0, paths with HTML, paths with Markdown, hashes added, hashes gone, hashes of
//! the filter, its id (8 bytes), the manifest's revision (f64), 0 (8 bytes); then the hashes. Filter: `EDIF`, version,
//! count, 0; then the hashes.

use crate::variant::Format;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh32::xxh32;

/// The KV key of the pointer.
pub const INDEX_KEY: &str = "index";

/// What the keys of filters begin with; 16 hex digits follow.
pub const FILTER_PREFIX: &str = "i/";

/// The most hashes that a pointer lists itself: 32 KB.
pub const LISTED_MAX: usize = 8_192;

/// The most hashes of a filter: 16 MB of the 128 MB that a Worker has (Cloudflare API notes §4.7, official). A site with
/// more gets an index that says of each path that it may have a variant.
pub const FILTER_MAX: usize = 4_000_000;

/// The form of index that is written (`INDEX_VERSION` in `worker/src/limits.js`).
const VERSION: u32 = 2;
const POINTER_MAGIC: &[u8; 4] = b"EDIX";
const FILTER_MAGIC: &[u8; 4] = b"EDIF";
const POINTER_HEAD: usize = 64;
const FILTER_HEAD: usize = 16;
/// Where the checksum's bytes begin.
const CHECKED_FROM: usize = 12;
const OPEN: u32 = 1;

/// The hash under which a variant is listed.
pub fn path_hash(format: Format, path: &str) -> u32 {
    let mut text = String::with_capacity(10 + path.len());
    text.push_str(format.as_str());
    text.push_str(path);
    xxh32(text.as_bytes(), 0)
}

/// The paths that have a variant, as hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PathSet {
    hashes: Vec<u32>,
    html: u32,
    markdown: u32,
}

impl PathSet {
    /// The set of these variants, each given once.
    pub fn of<'a>(paths: impl IntoIterator<Item = (Format, &'a str)>) -> Self {
        let mut set = Self::default();
        for (format, path) in paths {
            set.add(format, path);
        }
        set.sorted()
    }

    /// Adds a variant; [`PathSet::sorted`] must follow.
    pub fn add(&mut self, format: Format, path: &str) {
        self.hashes.push(path_hash(format, path));
        match format {
            Format::Html => self.html += 1,
            Format::Markdown => self.markdown += 1,
        }
    }

    /// The set in order, without repetitions.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self
    }

    /// How many variants there are.
    pub const fn variants(&self) -> u64 {
        self.html as u64 + self.markdown as u64
    }

    /// SHA-256 in hex: two sets are the same when this is.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(VERSION.to_le_bytes());
        hasher.update(self.html.to_le_bytes());
        hasher.update(self.markdown.to_le_bytes());
        for hash in &self.hashes {
            hasher.update(hash.to_le_bytes());
        }
        hex::encode(hasher.finalize())
    }
}

/// A filter, as it stands in KV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Vec<u8>);

impl Filter {
    fn of(set: &PathSet) -> Self {
        let mut bytes = Vec::with_capacity(FILTER_HEAD + 4 * set.hashes.len());
        bytes.extend_from_slice(FILTER_MAGIC);
        push(&mut bytes, &[VERSION, count(set.hashes.len()), 0]);
        push(&mut bytes, &set.hashes);
        Self(bytes)
    }

    /// What was kept of a filter that was written; `None` when it is not one.
    pub fn read(bytes: Vec<u8>) -> Option<Self> {
        let is_whole = bytes.get(..4)? == FILTER_MAGIC
            && word(&bytes, 4)? == VERSION
            && bytes.len() == FILTER_HEAD + 4 * usize::try_from(word(&bytes, 8)?).ok()?;
        is_whole.then_some(Self(bytes))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its key in KV, which its content decides.
    pub fn key(&self) -> String {
        format!("{FILTER_PREFIX}{}", hex::encode(self.id()))
    }

    fn id(&self) -> [u8; 8] {
        let digest = Sha256::digest(&self.0);
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        id
    }

    fn len(&self) -> usize {
        (self.0.len() - FILTER_HEAD) / 4
    }

    fn hashes(&self) -> impl Iterator<Item = u32> {
        self.0[FILTER_HEAD..]
            .chunks_exact(4)
            .map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }
}

/// An index that is to be written: the filter first when it is new, then the pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The filter that the pointer builds on; `None`: the pointer lists all.
    pub filter: Option<Filter>,
    /// Whether the filter is another one than that which was given.
    pub is_filter_new: bool,
    html: u32,
    markdown: u32,
    is_open: bool,
    added: Vec<u32>,
    gone: Vec<u32>,
}

impl Index {
    /// The index of this set, on the filter that the edge has if that still pays.
    pub fn of(set: &PathSet, known: Option<Filter>) -> Self {
        let mut index = Self {
            filter: None,
            is_filter_new: false,
            html: set.html,
            markdown: set.markdown,
            is_open: false,
            added: Vec::new(),
            gone: Vec::new(),
        };
        if set.hashes.len() <= LISTED_MAX {
            index.added.clone_from(&set.hashes);
        } else if set.hashes.len() > FILTER_MAX {
            index.is_open = true;
        } else if let Some(known) = known
            && let Some((added, gone)) = difference(&known, &set.hashes)
        {
            (index.added, index.gone) = (added, gone);
            index.filter = Some(known);
        } else {
            index.filter = Some(Filter::of(set));
            index.is_filter_new = true;
        }
        index
    }

    /// The pointer's bytes, for this revision of the manifest: milliseconds since 1970, always growing.
    pub fn pointer(&self, revision: i64) -> Vec<u8> {
        let filter_count = self.filter.as_ref().map_or(0, Filter::len);
        let mut bytes = Vec::with_capacity(POINTER_HEAD + 4 * (self.added.len() + self.gone.len()));
        bytes.extend_from_slice(POINTER_MAGIC);
        let flags = if self.is_open { OPEN } else { 0 };
        push(
            &mut bytes,
            &[VERSION, 0, flags, 0, self.html, self.markdown],
        );
        push(
            &mut bytes,
            &[
                count(self.added.len()),
                count(self.gone.len()),
                count(filter_count),
            ],
        );
        bytes.extend_from_slice(&self.filter.as_ref().map_or([0; 8], Filter::id));
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds fit into 53 bits for 285,000 years"
        )]
        bytes.extend_from_slice(&(revision as f64).to_le_bytes());
        bytes.resize(POINTER_HEAD, 0);
        push(&mut bytes, &self.added);
        push(&mut bytes, &self.gone);
        let check = xxh32(&bytes[CHECKED_FROM..], 0);
        bytes[8..CHECKED_FROM].copy_from_slice(&check.to_le_bytes());
        bytes
    }
}

/// What a sorted set has beside the filter, and what of the filter it has not; `None` when that is too much to be listed.
fn difference(filter: &Filter, wanted: &[u32]) -> Option<(Vec<u32>, Vec<u32>)> {
    let (mut added, mut gone) = (Vec::new(), Vec::new());
    let mut wanted = wanted.iter().copied().peekable();
    for hash in filter.hashes() {
        while let Some(new) = wanted.next_if(|next| *next < hash) {
            added.push(new);
        }
        if wanted.next_if_eq(&hash).is_none() {
            gone.push(hash);
        }
        if added.len() + gone.len() > LISTED_MAX {
            return None;
        }
    }
    added.extend(wanted);
    (added.len() + gone.len() <= LISTED_MAX).then_some((added, gone))
}

fn push(bytes: &mut Vec<u8>, words: &[u32]) {
    for word in words {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Lists here have at most [`FILTER_MAX`] entries.
fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
