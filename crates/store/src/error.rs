//! What can go wrong here. Something that is not there is not an error: it is `None` or `false`.

use sea_orm::{DbErr, SqlErr};

/// The result of everything in this crate.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something that must be unique is taken.
    #[error("the {what} {value:?} is already in use")]
    Conflict {
        /// What it is: `name`, `hostname`, `email`, …
        what: &'static str,
        /// The value that is taken.
        value: String,
    },
    /// Another connection holds the same token.
    #[error("the connection {connection} holds the same token")]
    TokenTaken {
        /// That connection.
        connection: domain::ids::ConnectionId,
    },
    /// What the caller wanted to change is no longer as the caller last saw it (`If-Match` failed).
    #[error("it was changed in the meantime")]
    Stale,
    /// The owner of what was to be written is not there (any more).
    #[error("there is no such {what}")]
    Missing {
        /// What is missing: `site`, `deployment`, …
        what: &'static str,
    },
    /// A cursor that this store did not give out.
    #[error("the cursor is not one that was given out")]
    InvalidCursor,
    /// A database address that cannot be used; the text is meant for people and holds no password.
    #[error("{0}")]
    InvalidUrl(String),
    /// A stored value that this version cannot read.
    #[error("cannot read {table}.{column} of row {row}: {detail}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's id, or what there is of it.
        row: String,
        /// What is wrong with the value (never the value).
        detail: String,
    },
    /// The database itself failed.
    #[error("the database failed")]
    Database(#[from] DbErr),
}

impl StoreError {
    /// Turns a broken unique rule into a conflict about `what`; any other failure stays what it is.
    pub(crate) fn conflict(error: DbErr, what: &'static str, value: &str) -> Self {
        if is_unique_violation(&error) {
            Self::Conflict {
                what,
                value: value.to_owned(),
            }
        } else {
            Self::Database(error)
        }
    }
}

/// Whether a unique rule was broken.
pub(crate) fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
