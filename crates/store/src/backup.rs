//! A copy of the whole database in one file. SQLite alone: PostgreSQL has its own tools (`pg_dump`).

use crate::{DatabaseKind, Result, Store, StoreError, database::make_private_file};
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};
use std::path::Path;

impl Store {
    /// Writes a copy of the database, as of one moment, into a new file with mode 0600; others go on reading and writing.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`] when the file cannot be made or the database is not SQLite.
    pub async fn back_up_to(&self, file: &str) -> Result<()> {
        if self.kind() != DatabaseKind::Sqlite {
            return Err(StoreError::InvalidUrl(
                "only a SQLite database is backed up here; use pg_dump for PostgreSQL".to_owned(),
            ));
        }
        // SQLite writes into an empty file, and keeps its mode.
        make_private_file(Path::new(file))?;
        self.writer()
            .execute_raw(Statement::from_sql_and_values(
                DatabaseBackend::Sqlite,
                "VACUUM INTO ?",
                [file.into()],
            ))
            .await?;
        Ok(())
    }
}
