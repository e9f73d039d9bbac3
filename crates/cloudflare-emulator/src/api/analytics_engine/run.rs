//! Runs a query over the data points of a dataset.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::{
    Table,
    sql::{Expression, Operator, Select},
};
use crate::account::DataPoint;

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Text(String),
    /// Written as text, as ClickHouse does with whole numbers of 64 bits.
    Whole(u64),
    Float(f64),
}

impl Cell {
    fn number(&self) -> Result<f64, String> {
        match self {
            Self::Float(number) => Ok(*number),
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            Self::Whole(number) => Ok(*number as f64),
            Self::Text(text) => Err(format!("{text:?} is no number")),
        }
    }

    fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err("a text was expected".to_owned()),
        }
    }

    fn is_true(&self) -> Result<bool, String> {
        Ok(self.number()? != 0.0)
    }

    fn order(&self, other: &Self) -> Result<Ordering, String> {
        if let (Self::Text(a), Self::Text(b)) = (self, other) {
            return Ok(a.cmp(b));
        }
        Ok(self.number()?.total_cmp(&other.number()?))
    }

    fn shown(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Whole(number) => json!(number.to_string()),
            Self::Float(number) => json!(number),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "String",
            Self::Whole(_) => "UInt64",
            Self::Float(_) => "Float64",
        }
    }
}

fn truth(is_so: bool) -> Cell {
    Cell::Float(f64::from(u8::from(is_so)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded right before"
)]
fn whole(number: f64) -> Cell {
    Cell::Whole(number.clamp(0.0, 9_007_199_254_740_992.0) as u64)
}

/// The result of a query.
pub(super) fn run(select: &Select, points: &VecDeque<DataPoint>) -> Result<Table, String> {
    let names = Names {
        select,
        knows_aliases: true,
    };
    let mut groups: BTreeMap<String, Vec<&DataPoint>> = BTreeMap::new();
    for point in points {
        let counts = match &select.filter {
            Some(filter) => names.of_point(filter, point)?.is_true()?,
            None => true,
        };
        if !counts {
            continue;
        }
        let key: Vec<Value> = select
            .group
            .iter()
            .map(|part| Ok(names.of_point(part, point)?.shown()))
            .collect::<Result<_, String>>()?;
        let key = Value::Array(key).to_string();
        groups.entry(key).or_default().push(point);
    }
    let mut rows: Vec<(Vec<Cell>, Vec<Cell>)> = Vec::new();
    for group in groups.values() {
        let row = select
            .columns
            .iter()
            .map(|(expression, _)| names.of_group(expression, group))
            .collect::<Result<_, String>>()?;
        let order = select
            .order
            .iter()
            .map(|(expression, _)| names.of_group(expression, group))
            .collect::<Result<_, String>>()?;
        rows.push((row, order));
    }
    let mut failure = None;
    rows.sort_by(|a, b| {
        for ((left, right), (_, is_down)) in a.1.iter().zip(&b.1).zip(&select.order) {
            let order = left.order(right).unwrap_or_else(|error| {
                failure = Some(error);
                Ordering::Equal
            });
            if order != Ordering::Equal {
                return if *is_down { order.reverse() } else { order };
            }
        }
        Ordering::Equal
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    rows.truncate(select.limit.unwrap_or(usize::MAX));
    let columns = select
        .columns
        .iter()
        .enumerate()
        .map(|(at, (_, name))| {
            let kind = rows
                .first()
                .and_then(|(row, _)| row.get(at))
                .map_or("String", Cell::kind);
            (name.clone(), kind)
        })
        .collect();
    let rows = rows
        .into_iter()
        .map(|(row, _)| row.iter().map(Cell::shown).collect())
        .collect();
    Ok(Table { columns, rows })
}

/// The names of a query: its aliases, then the table's columns.
struct Names<'a> {
    select: &'a Select,
    /// Within an alias the columns alone are known, so that none means itself.
    knows_aliases: bool,
}

impl Names<'_> {
    fn alias(&self, name: &str) -> Option<&Expression> {
        let mut columns = self.select.columns.iter();
        let (expression, _) = columns.find(|(_, alias)| self.knows_aliases && alias == name)?;
        Some(expression)
    }

    const fn within(&self) -> Self {
        Self {
            select: self.select,
            knows_aliases: false,
        }
    }

    /// The value for one data point.
    fn of_point(&self, expression: &Expression, point: &DataPoint) -> Result<Cell, String> {
        match expression {
            Expression::Number(number) => Ok(Cell::Float(*number)),
            Expression::Text(text) => Ok(Cell::Text(text.clone())),
            Expression::Name(name) => match self.alias(name) {
                Some(meant) => self.within().of_point(meant, point),
                None => column(name, point),
            },
            Expression::Sides(operator, left, right) => joined(
                *operator,
                &self.of_point(left, point)?,
                &self.of_point(right, point)?,
            ),
            Expression::Call(name, inputs) => {
                let inputs = inputs
                    .iter()
                    .map(|input| self.of_point(input, point))
                    .collect::<Result<Vec<_>, _>>()?;
                function(name, &inputs)
            }
        }
    }

    /// The value for a group; what is not summed up is the same for all of it.
    fn of_group(&self, expression: &Expression, group: &[&DataPoint]) -> Result<Cell, String> {
        match expression {
            Expression::Name(name) => match self.alias(name) {
                Some(meant) => self.within().of_group(meant, group),
                None => self.of_one(expression, group),
            },
            Expression::Call(name, inputs) if name == "count" && inputs.is_empty() => {
                Ok(Cell::Whole(group.len() as u64))
            }
            Expression::Call(name, inputs) if name == "sum" => {
                let [input] = inputs.as_slice() else {
                    return Err("SUM takes one expression".to_owned());
                };
                let mut sum = 0.0;
                let mut is_whole = true;
                for point in group {
                    let cell = self.of_point(input, point)?;
                    is_whole &= matches!(cell, Cell::Whole(_));
                    sum += cell.number()?;
                }
                Ok(if is_whole {
                    whole(sum)
                } else {
                    Cell::Float(sum)
                })
            }
            Expression::Sides(operator, left, right) if self.is_sum(expression) => joined(
                *operator,
                &self.of_group(left, group)?,
                &self.of_group(right, group)?,
            ),
            other => self.of_one(other, group),
        }
    }

    /// Whether something is summed up in it.
    fn is_sum(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Call(name, inputs) => {
                matches!(name.as_str(), "sum" | "count")
                    || inputs.iter().any(|input| self.is_sum(input))
            }
            Expression::Sides(_, left, right) => self.is_sum(left) || self.is_sum(right),
            Expression::Name(name) => self
                .alias(name)
                .is_some_and(|meant| self.within().is_sum(meant)),
            _ => false,
        }
    }

    fn of_one(&self, expression: &Expression, group: &[&DataPoint]) -> Result<Cell, String> {
        let named = |name: &str| self.select.columns.iter().find(|(_, alias)| alias == name);
        let is_grouped = self.select.group.iter().any(|part| {
            let meant = match part {
                Expression::Name(name) => named(name).map_or(part, |(meant, _)| meant),
                other => other,
            };
            meant == expression
        });
        match group.first() {
            Some(point) if is_grouped => self.of_point(expression, point),
            _ => Err(format!("{expression:?} is neither grouped nor summed up")),
        }
    }
}

fn column(name: &str, point: &DataPoint) -> Result<Cell, String> {
    let numbered = |prefix: &str| -> Option<usize> {
        let number: usize = name.strip_prefix(prefix)?.parse().ok()?;
        (1..=20).contains(&number).then(|| number - 1)
    };
    if let Some(at) = numbered("blob") {
        return Ok(Cell::Text(point.blobs.get(at).cloned().unwrap_or_default()));
    }
    if let Some(at) = numbered("double") {
        return Ok(Cell::Float(point.doubles.get(at).copied().unwrap_or(0.0)));
    }
    match name {
        "index1" => Ok(Cell::Text(point.index.clone())),
        "_sample_interval" => Ok(Cell::Whole(point.sample_interval)),
        "timestamp" => Ok(Cell::Whole(point.at_ms / 1000)),
        _ => Err(format!("unable to find the column {name:?}")),
    }
}

fn joined(operator: Operator, left: &Cell, right: &Cell) -> Result<Cell, String> {
    let numbers = || Ok::<_, String>((left.number()?, right.number()?));
    let order = || left.order(right);
    Ok(match operator {
        Operator::And => truth(left.is_true()? && right.is_true()?),
        Operator::Or => truth(left.is_true()? || right.is_true()?),
        Operator::Equal => truth(order()? == Ordering::Equal),
        Operator::NotEqual => truth(order()? != Ordering::Equal),
        Operator::Less => truth(order()? == Ordering::Less),
        Operator::LessOrEqual => truth(order()? != Ordering::Greater),
        Operator::More => truth(order()? == Ordering::Greater),
        Operator::MoreOrEqual => truth(order()? != Ordering::Less),
        Operator::Plus => numbers().map(|(a, b)| Cell::Float(a + b))?,
        Operator::Minus => numbers().map(|(a, b)| Cell::Float(a - b))?,
        Operator::Times => numbers().map(|(a, b)| Cell::Float(a * b))?,
        Operator::By => numbers().map(|(a, b)| Cell::Float(a / b))?,
        Operator::Rest => numbers().map(|(a, b)| Cell::Float(a % b))?,
    })
}

fn function(name: &str, inputs: &[Cell]) -> Result<Cell, String> {
    match (name, inputs) {
        ("intdiv", [a, b]) => {
            let by = b.number()?;
            if by == 0.0 {
                return Err("division by zero".to_owned());
            }
            Ok(whole((a.number()? / by).floor()))
        }
        ("touint32" | "tounixtimestamp" | "todatetime", [number]) => Ok(whole(number.number()?)),
        ("hex", [text]) => Ok(Cell::Text(hex::encode_upper(text.text()?))),
        ("startswith", [text, start]) => Ok(truth(text.text()?.starts_with(start.text()?))),
        _ => Err(format!(
            "the function {name} with {} inputs is not known here",
            inputs.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sql::{Statement, parse};
    use super::*;

    fn points() -> VecDeque<DataPoint> {
        let point = |at_ms, agent: &str, path: &str, interval| DataPoint {
            at_ms,
            index: "site".to_owned(),
            blobs: vec![agent.to_owned(), path.to_owned()],
            doubles: vec![200.0, 5.0],
            sample_interval: interval,
        };
        VecDeque::from([
            point(3_600_000, "GPTBot", "/a", 1),
            point(3_700_000, "GPTBot", "/b", 10),
            point(7_200_000, "ClaudeBot", "/a", 1),
        ])
    }

    fn ask(text: &str) -> Result<Value, String> {
        match parse(text)? {
            Statement::Select(select) => run(&select, &points()).map(Table::shown),
            Statement::ShowTables => Err("a table".to_owned()),
        }
    }

    #[test]
    fn groups_are_counted_with_their_sampling() {
        let found = ask(
            "SELECT intDiv(toUInt32(timestamp), 3600) AS hour, blob1 AS agent, SUM(_sample_interval) AS visits, \
             SUM(_sample_interval * double2) AS spent, COUNT() AS points FROM t WHERE index1 = 'site' \
             AND timestamp >= toDateTime(3600) AND timestamp < toDateTime(7201) \
             GROUP BY hour, agent ORDER BY visits DESC LIMIT 10 FORMAT JSON",
        )
        .expect("a result");
        assert_eq!(found["rows"], 2);
        assert_eq!(
            found["data"][0],
            json!({"hour": "1", "agent": "GPTBot", "visits": "11", "spent": 55.0, "points": "2"})
        );
        assert_eq!(
            found["meta"][2],
            json!({"name": "visits", "type": "UInt64"})
        );
        assert_eq!(found["data"][1]["agent"], "ClaudeBot");
    }

    #[test]
    fn the_beginning_of_a_text_is_found_by_its_bytes() {
        let found = ask(
            "SELECT blob2 AS path, COUNT() AS points FROM t WHERE startsWith(hex(blob2), '2F61') GROUP BY path",
        )
        .expect("a result");
        assert_eq!(found["data"], json!([{"path": "/a", "points": "2"}]));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            "SELECT blob21 AS a, COUNT() AS n FROM t GROUP BY a",
            "SELECT blob1 FROM t GROUP BY blob2",
            "SELECT SUM(blob1) AS n FROM t GROUP BY blob1",
            "SELECT intDiv(1, 0) AS n FROM t GROUP BY n",
            "SELECT sleep(5) AS n FROM t GROUP BY n",
            "SELECT COUNT() AS n FROM t WHERE blob1",
        ] {
            assert!(ask(bad).is_err(), "{bad}");
        }
        let none = ask("SELECT blob1 AS a, COUNT() AS n FROM t WHERE blob1 = 'x' GROUP BY a");
        assert_eq!(none.expect("a result")["data"], json!([]));
    }

    #[test]
    fn an_alias_of_itself_ends() {
        assert!(ask("SELECT a + 1 AS a FROM t GROUP BY a").is_err());
    }
}
