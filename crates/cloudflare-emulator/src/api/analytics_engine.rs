//! Analytics Engine's SQL API: the part of its SQL that is used here (Cloudflare's docs, *Analytics Engine, SQL API* and *SQL
//! reference*, official). It answers without an envelope. Status and words of a refused query are a guess, and so is that
//! 64-bit whole numbers are written as text, as ClickHouse does by default: the docs show every value in quotes.

mod run;
mod sql;
mod words;

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Refusal, Reply},
    call::{Call, Endpoint},
};
use crate::account::Level;
use sql::Statement;

const READ: (&str, Level) = ("account_analytics", Level::Read);

pub(super) fn route(method: &str, path: &[&str]) -> Option<Endpoint> {
    match (method, path) {
        ("POST", ["accounts", account, "analytics_engine", "sql"]) => {
            let account = (*account).to_owned();
            Some(Endpoint::account(
                "/accounts/{account_id}/analytics_engine/sql",
                &account.clone(),
                READ,
                move |call| query(call, &account),
            ))
        }
        _ => None,
    }
}

fn query(call: &Call, account: &str) -> Reply {
    let refused = |words: String| Refusal::plain(422, format!("Input Error: {words}"));
    let text = std::str::from_utf8(&call.body)
        .map_err(|_| refused("the query is not UTF-8".to_owned()))?;
    let world = call.world.read();
    let table = match sql::parse(text).map_err(refused)? {
        Statement::ShowTables => {
            let names = world
                .datasets
                .keys()
                .filter(|(owner, _)| owner == account)
                .map(|(_, name)| vec![json!(name)]);
            Table {
                columns: vec![("dataset".to_owned(), "String")],
                rows: names.collect(),
            }
        }
        Statement::Select(select) => {
            let key = (account.to_owned(), select.from.clone());
            let Some(dataset) = world.datasets.get(&key) else {
                return Err(refused(format!("unable to find table {:?}", select.from)));
            };
            run::run(&select, &dataset.points).map_err(refused)?
        }
    };
    Ok(Answer::bare(http::StatusCode::OK, table.shown()))
}

/// What a query gives.
struct Table {
    /// Name and type.
    columns: Vec<(String, &'static str)>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// `FORMAT JSON`.
    fn shown(self) -> Value {
        let meta: Vec<Value> = self
            .columns
            .iter()
            .map(|(name, kind)| json!({"name": name, "type": kind}))
            .collect();
        let data: Vec<Value> = self
            .rows
            .into_iter()
            .map(|row| {
                let named: Map<String, Value> = self
                    .columns
                    .iter()
                    .map(|(name, _)| name.clone())
                    .zip(row)
                    .collect();
                Value::Object(named)
            })
            .collect();
        json!({"meta": meta, "data": data, "rows": data.len()})
    }
}
