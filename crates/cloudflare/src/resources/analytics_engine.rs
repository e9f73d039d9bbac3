//! Workers Analytics Engine: reading data points by its SQL API (Cloudflare's docs, *Analytics Engine*, official: the address,
//! the body, `FORMAT JSON`, `_sample_interval`, `startsWith`, `hex`, `intDiv`, `toUInt32`, `toDateTime`). How it refuses a query is
//! not documented, and neither is whether whole numbers come as numbers or as text: both are read.
//!
//! Queries are values, and their text is made here alone: of names that are checked, numbers, and what [`quoted`] and
//! [`hex_of`] let pass. Nothing that somebody typed reaches the text in any other way.

use crate::{AccountId, Api, Error, request::Request};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fmt::{self, Write};

const SQL: &str = "/accounts/{account}/analytics_engine/sql";

/// The most columns of a kind (official).
const COLUMNS: u8 = 20;

/// The name of a dataset: letters, digits and underscores, no digit at the start. Which names Cloudflare takes is not
/// documented; these stand unquoted as a table's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetName(String);

/// Not a dataset's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a dataset's name has 1 to 64 letters, digits and underscores, and begins with no digit")]
pub struct InvalidDatasetName;

impl std::str::FromStr for DatasetName {
    type Err = InvalidDatasetName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_good = (1..=64).contains(&text.len())
            && !text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if is_good {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDatasetName)
        }
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// By what data points are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The blob of this number, from 1.
    Blob(u8),
    /// The time, in steps of so many seconds since 1970.
    Seconds(u32),
}

/// What is asked of a dataset: for each group how many data points there were, as Cloudflare estimates it, and how many it
/// still has. The groups with most come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataQuery<'a> {
    /// The dataset.
    pub dataset: &'a DatasetName,
    /// The index that the data points were written with.
    pub index: &'a str,
    /// Seconds since 1970: from this time on.
    pub from: u32,
    /// Until before this time.
    pub to: u32,
    /// By what they are grouped; by nothing: all in one.
    pub group: &'a [GroupBy],
    /// The double of this number is summed up, from 1.
    pub sum: Option<u8>,
    /// Only those whose blob of this number begins so.
    pub begins: Option<(u8, &'a str)>,
    /// The most groups.
    pub limit: u32,
}

/// A group of data points.
#[derive(Debug, Clone, PartialEq)]
pub struct DataGroup {
    /// What they have in common, in the order of [`DataQuery::group`]; a time as the number of its step.
    pub keys: Vec<String>,
    /// How many were written, as Cloudflare estimates it: the sum of `_sample_interval`.
    pub written: u64,
    /// How many it has.
    pub kept: u64,
    /// The sum of [`DataQuery::sum`], estimated likewise.
    pub sum: f64,
}

impl DataQuery<'_> {
    /// The text, or why there is none.
    fn sql(&self) -> Result<String, String> {
        let mut told = String::new();
        let mut groups = Vec::new();
        for (number, by) in self.group.iter().enumerate() {
            let expression = match by {
                GroupBy::Blob(blob) => column("blob", *blob)?,
                GroupBy::Seconds(step) if *step > 0 => {
                    format!("intDiv(toUInt32(timestamp), {step})")
                }
                GroupBy::Seconds(_) => return Err("a step of no seconds".to_owned()),
            };
            let _ = write!(told, "{expression} AS k{number}, ");
            groups.push(format!("k{number}"));
        }
        let sum = match self.sum {
            Some(double) => format!("SUM(_sample_interval * {})", column("double", double)?),
            None => "COUNT()".to_owned(),
        };
        let mut text = format!(
            "SELECT {told}SUM(_sample_interval) AS written, COUNT() AS kept, {sum} AS total FROM {} WHERE index1 = {} AND \
             timestamp >= toDateTime({}) AND timestamp < toDateTime({})",
            self.dataset,
            quoted(self.index)?,
            self.from,
            self.to,
        );
        if let Some((blob, start)) = self.begins {
            let _ = write!(
                text,
                " AND startsWith(hex({}), '{}')",
                column("blob", blob)?,
                hex_of(start)
            );
        }
        if !groups.is_empty() {
            let _ = write!(text, " GROUP BY {}", groups.join(", "));
        }
        let _ = write!(
            text,
            " ORDER BY written DESC LIMIT {} FORMAT JSON",
            self.limit
        );
        Ok(text)
    }
}

fn column(kind: &str, number: u8) -> Result<String, String> {
    if (1..=COLUMNS).contains(&number) {
        Ok(format!("{kind}{number}"))
    } else {
        Err(format!("there is no {kind}{number}"))
    }
}

/// A text between quotes. How a quote within would be escaped is not documented, so only what needs no escaping passes.
fn quoted(text: &str) -> Result<String, String> {
    let is_plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if is_plain && text.len() <= 96 {
        Ok(format!("'{text}'"))
    } else {
        Err("an index of other characters than letters, digits, '-', '_' and '.'".to_owned())
    }
}

/// Its bytes in hex, upper case as SQL's `hex` writes them: digits and letters whatever the text holds.
fn hex_of(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

/// An answer with `FORMAT JSON`.
#[derive(Debug, Deserialize)]
struct Table {
    data: Vec<Map<String, Value>>,
}

impl Api {
    /// The groups of data points that a query finds. A dataset exists from its first data point on: before that this fails,
    /// and [`Api::list_datasets`] does not name it.
    ///
    /// # Errors
    ///
    /// When the call fails, or the query cannot be made.
    pub async fn query_data_points(
        &self,
        account: &AccountId,
        query: &DataQuery<'_>,
    ) -> Result<Vec<DataGroup>, Error> {
        let (text, refusal) = match query.sql() {
            Ok(text) => (text, None),
            Err(why) => (String::new(), Some(why)),
        };
        let rows = self.sql(account, text, refusal).await?;
        Ok(rows
            .iter()
            .map(|row| DataGroup {
                keys: (0..query.group.len())
                    .map(|number| words(row.get(&format!("k{number}"))))
                    .collect(),
                written: whole(row.get("written")),
                kept: whole(row.get("kept")),
                sum: number(row.get("total")),
            })
            .collect())
    }

    /// The datasets of an account that hold something. What the column is called is not documented: each row's first text
    /// counts.
    ///
    /// # Errors
    ///
    /// When the call fails.
    pub async fn list_datasets(&self, account: &AccountId) -> Result<Vec<String>, Error> {
        let rows = self
            .sql(account, "SHOW TABLES FORMAT JSON".to_owned(), None)
            .await?;
        Ok(rows
            .iter()
            .filter_map(|row| row.values().find_map(Value::as_str).map(str::to_owned))
            .collect())
    }

    async fn sql(
        &self,
        account: &AccountId,
        text: String,
        refusal: Option<String>,
    ) -> Result<Vec<Map<String, Value>>, Error> {
        let request = sql_request(account, text).refused_for(refusal);
        let body = self.call_raw(request.clone()).await?;
        let table: Table = serde_json::from_slice(&body)
            .map_err(|error| Error::misread(&request, &error.to_string()))?;
        Ok(table.data)
    }
}

/// A read, though its method is POST.
pub(super) fn sql_request(account: &AccountId, text: String) -> Request {
    Request::post(SQL, &[account.as_str()])
        .text(text)
        .repeatable()
        .answered_raw()
        .refused_in_words()
}

/// A number, which may be written as text.
fn number(value: Option<&Value>) -> f64 {
    let found = match value {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    found.filter(|number| number.is_finite()).unwrap_or(0.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded right before"
)]
fn whole(value: Option<&Value>) -> u64 {
    number(value).round().clamp(0.0, 9_007_199_254_740_992.0) as u64
}

fn words(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn query<'a>(dataset: &'a DatasetName, index: &'a str, begins: &'a str) -> DataQuery<'a> {
        DataQuery {
            dataset,
            index,
            from: 3_600,
            to: 7_200,
            group: &[GroupBy::Seconds(3_600), GroupBy::Blob(1)],
            sum: Some(2),
            begins: Some((2, begins)),
            limit: 10,
        }
    }

    fn dataset() -> DatasetName {
        "visits".parse().expect("a name")
    }

    #[test]
    fn a_query_is_written() {
        assert_eq!(
            query(&dataset(), "0197a000-0000-7000-8000-000000000001", "/a").sql(),
            Ok("SELECT intDiv(toUInt32(timestamp), 3600) AS k0, blob1 AS k1, SUM(_sample_interval) AS written, COUNT() AS kept, \
                SUM(_sample_interval * double2) AS total FROM visits WHERE index1 = '0197a000-0000-7000-8000-000000000001' AND \
                timestamp >= toDateTime(3600) AND timestamp < toDateTime(7200) AND startsWith(hex(blob2), '2F61') \
                GROUP BY k0, k1 ORDER BY written DESC LIMIT 10 FORMAT JSON"
                .to_owned())
        );
        let dataset = dataset();
        let all = DataQuery {
            group: &[],
            sum: None,
            begins: None,
            ..query(&dataset, "a", "")
        };
        let text = all.sql().expect("a text");
        assert!(
            !text.contains("GROUP BY") && text.contains("COUNT() AS total"),
            "{text}"
        );
    }

    #[test]
    fn what_would_be_more_than_a_name_is_refused() {
        for bad in ["", "1a", "a b", "a;b", "a-b", "é", &"a".repeat(65)] {
            assert!(bad.parse::<DatasetName>().is_err(), "{bad}");
        }
        for bad in ["'", "a'b", "\\", "a b", "a\0", "é", &"a".repeat(97)] {
            assert!(query(&dataset(), bad, "").sql().is_err(), "{bad}");
        }
        for group in [GroupBy::Blob(0), GroupBy::Blob(21), GroupBy::Seconds(0)] {
            let dataset = dataset();
            let bad = DataQuery {
                group: &[group],
                ..query(&dataset, "a", "")
            };
            assert!(bad.sql().is_err(), "{group:?}");
        }
    }

    #[test]
    fn numbers_are_read_in_every_form() {
        for (value, wanted) in [
            (serde_json::json!(7), 7),
            (serde_json::json!("7"), 7),
            (serde_json::json!(7.4), 7),
            (serde_json::json!(-1), 0),
            (serde_json::json!("x"), 0),
            (serde_json::json!(null), 0),
            (serde_json::json!(1e300), 9_007_199_254_740_992),
        ] {
            assert_eq!(whole(Some(&value)), wanted, "{value}");
        }
        assert_eq!(whole(None), 0);
    }

    proptest! {
        #[test]
        fn nothing_that_was_typed_leaves_its_quotes(index in any::<String>(), begins in any::<String>()) {
            if let Ok(text) = query(&dataset(), &index, &begins).sql() {
                prop_assert_eq!(text.matches('\'').count(), 4);
                prop_assert!(text.is_ascii() && !text.contains('\\') && !text.contains(';'));
            }
        }
    }
}
