//! Between columns and the domain's types.

use crate::error::{Result, StoreError};
use serde::{Serialize, de::DeserializeOwned};
use std::str::FromStr;

/// Where a value was read, for the message when it cannot be understood.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) table: &'static str,
    pub(crate) id: &'a str,
}

impl<'a> Row<'a> {
    pub(crate) const fn new(table: &'static str, id: &'a str) -> Self {
        Self { table, id }
    }

    pub(crate) fn corrupt(
        &self,
        column: &'static str,
        detail: impl std::fmt::Display,
    ) -> StoreError {
        StoreError::Corrupt {
            table: self.table,
            column,
            row: self.id.to_owned(),
            detail: detail.to_string(),
        }
    }

    /// An id, a host name, a revision.
    pub(crate) fn parse<T>(&self, column: &'static str, text: &str) -> Result<T>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        text.parse().map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn parse_option<T>(
        &self,
        column: &'static str,
        text: Option<&String>,
    ) -> Result<Option<T>>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        text.map(|text| self.parse(column, text)).transpose()
    }

    /// One of a fixed set of words.
    pub(crate) fn word<T>(
        &self,
        column: &'static str,
        word: &str,
        from_word: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        from_word(word).ok_or_else(|| self.corrupt(column, format!("unknown word {word:?}")))
    }

    /// A document.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str, text: &str) -> Result<T> {
        serde_json::from_str(text).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn json_option<T: DeserializeOwned>(
        &self,
        column: &'static str,
        text: Option<&String>,
    ) -> Result<Option<T>> {
        text.map(|text| self.json(column, text)).transpose()
    }

    /// A count.
    pub(crate) fn count<T: TryFrom<i64>>(&self, column: &'static str, number: i64) -> Result<T> {
        T::try_from(number).map_err(|_| self.corrupt(column, "out of range"))
    }
}

/// A document as text.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("our documents have text keys and no failing parts")
}

/// The word of a value whose JSON is a single word.
pub(crate) fn to_word<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => unreachable!("only called for enums of plain words"),
    }
}

/// The value of such a word.
pub(crate) fn from_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}
