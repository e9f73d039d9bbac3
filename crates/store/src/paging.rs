//! Lists in pages, by key: a page starts after the last row of the one before, so that rows that come or go meanwhile
//! shift nothing.

use crate::error::{Result, StoreError};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

/// The most rows of one page.
pub const PAGE_MAX: u32 = 1000;

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The cursor that came with the page before; `None` for the first page.
    pub after: Option<String>,
    /// At most so many rows: 1 to [`PAGE_MAX`], anything else is brought into that range.
    pub limit: u32,
}

impl Page {
    /// The first page.
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    pub(crate) fn rows(&self) -> u64 {
        u64::from(self.limit.clamp(1, PAGE_MAX))
    }

    /// What the cursor says, if there is one.
    pub(crate) fn start<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let Some(cursor) = &self.after else {
            return Ok(None);
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(cursor)
            .map_err(|_| StoreError::InvalidCursor)?;
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| StoreError::InvalidCursor)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::first(50)
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// Cuts `rows`, of which one more than the page holds was asked for, and makes the cursor of the last one kept.
    pub(crate) fn cut<K: Serialize>(mut rows: Vec<T>, page: &Page, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(page.rows()).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more {
            rows.last()
                .and_then(|row| serde_json::to_vec(&key(row)).ok())
                .map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
        } else {
            None
        };
        Self { items: rows, next }
    }

    /// The same page with other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Listed<U> {
        Listed {
            items: self.items.into_iter().map(change).collect(),
            next: self.next,
        }
    }

    pub(crate) fn try_map<U>(self, change: impl FnMut(T) -> Result<U>) -> Result<Listed<U>> {
        Ok(Listed {
            items: self.items.into_iter().map(change).collect::<Result<_>>()?,
            next: self.next,
        })
    }
}
