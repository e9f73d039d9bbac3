//! Reads a query: one `SELECT` on one table, or `SHOW TABLES`.

use super::words::{Word, words};

/// How deep expressions may be nested.
const DEEPEST: usize = 32;

/// A statement.
#[derive(Debug, PartialEq)]
pub(super) enum Statement {
    /// `SHOW TABLES`
    ShowTables,
    /// `SELECT …`
    Select(Select),
}

/// A `SELECT`.
#[derive(Debug, PartialEq)]
pub(super) struct Select {
    /// What is told, and under which name.
    pub(super) columns: Vec<(Expression, String)>,
    /// The table.
    pub(super) from: String,
    /// Which rows count.
    pub(super) filter: Option<Expression>,
    /// What makes a group.
    pub(super) group: Vec<Expression>,
    /// By what the result is ordered, and whether downwards.
    pub(super) order: Vec<(Expression, bool)>,
    /// The most rows.
    pub(super) limit: Option<usize>,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    /// A column, or an alias.
    Name(String),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A function, its name in lower case.
    Call(String, Vec<Self>),
    /// Two sides.
    Sides(Operator, Box<Self>, Box<Self>),
}

/// What joins two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    Plus,
    Minus,
    Times,
    By,
    Rest,
}

/// Reads a statement, or says what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Statement, String> {
    let mut reader = Reader {
        words: words(text)?,
        at: 0,
        depth: 0,
    };
    let statement = if reader.takes("SHOW") {
        reader.expects("TABLES")?;
        Statement::ShowTables
    } else {
        reader.expects("SELECT")?;
        Statement::Select(reader.select()?)
    };
    if reader.takes("FORMAT") && reader.name()? != "JSON" {
        return Err("only FORMAT JSON is known here".to_owned());
    }
    match reader.words.get(reader.at) {
        None => Ok(statement),
        Some(word) => Err(format!("{word:?} was not expected")),
    }
}

struct Reader {
    words: Vec<Word>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn takes(&mut self, keyword: &str) -> bool {
        let is_it = matches!(self.words.get(self.at), Some(Word::Name(name)) if name.eq_ignore_ascii_case(keyword));
        self.at += usize::from(is_it);
        is_it
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.words.get(self.at), Some(Word::Sign(found)) if *found == sign);
        self.at += usize::from(is_it);
        is_it
    }

    fn expects(&mut self, keyword: &str) -> Result<(), String> {
        if self.takes(keyword) {
            return Ok(());
        }
        Err(format!("{keyword} was expected"))
    }

    fn name(&mut self) -> Result<String, String> {
        match self.words.get(self.at) {
            Some(Word::Name(name)) => {
                self.at += 1;
                Ok(name.clone())
            }
            _ => Err("a name was expected".to_owned()),
        }
    }

    fn select(&mut self) -> Result<Select, String> {
        let mut columns = Vec::new();
        loop {
            let expression = self.expression()?;
            let name = match &expression {
                _ if self.takes("AS") => self.name()?,
                Expression::Name(name) => name.clone(),
                _ => format!("column{}", columns.len() + 1),
            };
            columns.push((expression, name));
            if !self.takes_sign(",") {
                break;
            }
        }
        self.expects("FROM")?;
        let from = self.name()?;
        let filter = if self.takes("WHERE") {
            Some(self.expression()?)
        } else {
            None
        };
        let mut group = Vec::new();
        if self.takes("GROUP") {
            self.expects("BY")?;
            group.push(self.expression()?);
            while self.takes_sign(",") {
                group.push(self.expression()?);
            }
        }
        let mut order = Vec::new();
        if self.takes("ORDER") {
            self.expects("BY")?;
            loop {
                let expression = self.expression()?;
                let is_down = self.takes("DESC");
                if !is_down {
                    self.takes("ASC");
                }
                order.push((expression, is_down));
                if !self.takes_sign(",") {
                    break;
                }
            }
        }
        Ok(Select {
            columns,
            from,
            filter,
            group,
            order,
            limit: self.limit()?,
        })
    }

    fn limit(&mut self) -> Result<Option<usize>, String> {
        if !self.takes("LIMIT") {
            return Ok(None);
        }
        match self.words.get(self.at) {
            Some(Word::Number(number)) => {
                self.at += 1;
                format!("{number}")
                    .parse()
                    .map(Some)
                    .map_err(|_| "LIMIT takes a whole number".to_owned())
            }
            _ => Err("LIMIT takes a number".to_owned()),
        }
    }

    fn expression(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the query is nested too deeply".to_owned());
        }
        let read = self.sides(0);
        self.depth -= 1;
        read
    }

    /// Sides joined by operators of this level, the loosest first.
    fn sides(&mut self, level: usize) -> Result<Expression, String> {
        const LEVELS: [&[(&str, Operator)]; 5] = [
            &[("OR", Operator::Or)],
            &[("AND", Operator::And)],
            &[
                ("=", Operator::Equal),
                ("!=", Operator::NotEqual),
                ("<>", Operator::NotEqual),
                ("<=", Operator::LessOrEqual),
                (">=", Operator::MoreOrEqual),
                ("<", Operator::Less),
                (">", Operator::More),
            ],
            &[("+", Operator::Plus), ("-", Operator::Minus)],
            &[
                ("*", Operator::Times),
                ("/", Operator::By),
                ("%", Operator::Rest),
            ],
        ];
        let Some(operators) = LEVELS.get(level) else {
            return self.single();
        };
        let mut left = self.sides(level + 1)?;
        while let Some((_, operator)) = operators
            .iter()
            .find(|(word, _)| self.takes(word) || self.takes_sign(word))
        {
            let right = self.sides(level + 1)?;
            left = Expression::Sides(*operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Expression, String> {
        if self.takes_sign("(") {
            let inner = self.expression()?;
            return self.closed(inner);
        }
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        match word {
            Some(Word::Number(number)) => Ok(Expression::Number(number)),
            Some(Word::Text(text)) => Ok(Expression::Text(text)),
            Some(Word::Name(name)) if self.takes_sign("(") => {
                let mut inputs = Vec::new();
                if !self.takes_sign(")") {
                    inputs.push(self.expression()?);
                    while self.takes_sign(",") {
                        inputs.push(self.expression()?);
                    }
                    return self.closed(Expression::Call(name.to_ascii_lowercase(), inputs));
                }
                Ok(Expression::Call(name.to_ascii_lowercase(), inputs))
            }
            Some(Word::Name(name)) => Ok(Expression::Name(name)),
            Some(other) => Err(format!("{other:?} was not expected")),
            None => Err("the query ends too early".to_owned()),
        }
    }

    fn closed(&mut self, inner: Expression) -> Result<Expression, String> {
        if self.takes_sign(")") {
            return Ok(inner);
        }
        Err("a bracket is not closed".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_query_is_refused_in_words() {
        for bad in [
            "",
            "SELECT",
            "SELECT a",
            "SELECT a FROM",
            "SELECT a FROM t WHERE",
            "SELECT a FROM t GROUP a",
            "SELECT a FROM t LIMIT x",
            "SELECT a FROM t LIMIT 1.5",
            "SELECT (a FROM t",
            "SELECT a FROM t FORMAT CSV",
            "SELECT a FROM t; DROP TABLE t",
            "DELETE FROM t",
            &format!("SELECT {}a FROM t", "(".repeat(100_000)),
        ] {
            assert!(parse(bad).is_err(), "{}", bad.get(..40).unwrap_or(bad));
        }
        assert_eq!(parse("show tables format JSON"), Ok(Statement::ShowTables));
    }

    #[test]
    fn operators_bind_as_usual() {
        let Ok(Statement::Select(select)) =
            parse("SELECT a FROM t WHERE a = 1 + 2 * 3 AND b < 2 OR c = 'x'")
        else {
            panic!("a query");
        };
        let Some(Expression::Sides(Operator::Or, left, _)) = select.filter else {
            panic!("OR binds least");
        };
        assert!(matches!(*left, Expression::Sides(Operator::And, ..)));
    }
}
