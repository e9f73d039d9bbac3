//! The door: opening a database, its transactions, and the few places where SQLite and PostgreSQL differ.

use crate::{
    error::{Result, StoreError},
    migrations::Migrator,
};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection,
    DatabaseTransaction, IsolationLevel, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait, sqlx::sqlite::SqliteConnectOptions,
};
use sea_orm_migration::MigratorTrait;
use std::{num::NonZero, path::Path, str::FromStr, sync::Arc, time::Duration};
use tokio::sync::{Mutex, Semaphore};

/// Which database is behind a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A file beside the program.
    Sqlite,
    /// A server, for several replicas.
    Postgres,
}

/// Where the database is.
#[derive(Clone)]
pub struct StoreOptions {
    /// `sqlite://path/to/file.db` (made if missing; memory is refused, since two connections would see two databases)
    /// or `postgres://user:password@host/name`.
    pub url: String,
    /// The most connections: readers beside the one writer of SQLite, all connections of PostgreSQL.
    pub max_connections: u32,
}

impl std::fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions")
            .field("url", &without_password(&self.url))
            .field("max_connections", &self.max_connections)
            .finish()
    }
}

/// The database. Cheap to clone.
///
/// On SQLite, writes go through one connection, so that they queue here instead of failing with *database is locked*;
/// reads go through a pool beside it. On PostgreSQL both are the same pool.
#[derive(Clone)]
pub struct Store {
    kind: DatabaseKind,
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    /// Whoever appends visits has the turn: it changes how the writing connection commits.
    pub(crate) appending: Arc<Mutex<()>>,
    /// Whoever reads many counts takes one: what is read of a year takes some megabytes.
    pub(crate) counting: Arc<Semaphore>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database; makes a SQLite file if there is none (with mode 0600 on Unix). Migrates nothing.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`] for an address that cannot be used, [`StoreError::Database`] when it does not answer.
    pub async fn connect(options: &StoreOptions) -> Result<Self> {
        match scheme(&options.url) {
            "sqlite" => open_sqlite(options).await,
            "postgres" | "postgresql" => open_postgres(options).await,
            _ => Err(StoreError::InvalidUrl(
                "the database address must start with sqlite:// or postgres://".to_owned(),
            )),
        }
    }

    /// Brings the schema up to date, in one transaction; programs that start at once do it one after the other.
    ///
    /// # Errors
    /// When a migration fails (nothing of it is kept), or when the database was migrated by a newer version.
    pub async fn migrate(&self) -> Result<()> {
        let tx = self.begin().await?;
        if self.kind == DatabaseKind::Postgres {
            // Any number will do, as long as it stays the same.
            tx.execute_unprepared("SELECT pg_advisory_xact_lock(7263849502)")
                .await?;
        }
        Migrator::up(&tx, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// How many migrations wait.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_migrations(&self) -> Result<usize> {
        Ok(Migrator::get_pending_migrations_read_only(&self.reader)
            .await?
            .len())
    }

    /// Which database this is.
    pub fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<()> {
        self.reader
            .query_one_raw(Statement::from_string(
                self.reader.get_database_backend(),
                "SELECT 1",
            ))
            .await?;
        Ok(())
    }

    /// Closes every connection, also of the clones.
    ///
    /// # Errors
    /// When the database fails while closing.
    pub async fn close(self) -> Result<()> {
        self.reader.close_by_ref().await?;
        self.writer.close_by_ref().await?;
        Ok(())
    }

    /// For a query that changes nothing.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// For one statement that changes something. Never while a transaction of the same task is open: on SQLite there is
    /// one writing connection.
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// A transaction that may write. On SQLite it takes the write lock at once, so that what it reads cannot change
    /// under it; on PostgreSQL what must not change has to be locked (`lock_exclusive`, which SQLite passes over).
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction> {
        Ok(self
            .writer
            .begin_with_options(TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            })
            .await?)
    }

    /// A transaction that only reads, all of it as of one moment. On SQLite every transaction that reads is one.
    pub(crate) async fn snapshot(&self) -> Result<DatabaseTransaction> {
        Ok(match self.kind {
            DatabaseKind::Sqlite => self.reader.begin().await?,
            DatabaseKind::Postgres => {
                let isolation = Some(IsolationLevel::RepeatableRead);
                let access = Some(AccessMode::ReadOnly);
                self.reader.begin_with_config(isolation, access).await?
            }
        })
    }

    /// Makes sure that what was just deleted is in no file any more, as far as the database lets us.
    pub(crate) async fn forget_deleted_bytes(&self) -> Result<()> {
        match self.kind {
            DatabaseKind::Sqlite => truncate_wal(&self.writer).await,
            // PostgreSQL's vacuum takes dead rows in its own time; its files are its administrator's.
            DatabaseKind::Postgres => Ok(()),
        }
    }
}

/// The most bind parameters of one statement.
pub(crate) fn bind_parameters_max(db: &impl ConnectionTrait) -> usize {
    match db.get_database_backend() {
        // 65 535, a 16-bit count in the protocol.
        DatabaseBackend::Postgres => 60_000,
        // 32 766 (SQLITE_MAX_VARIABLE_NUMBER).
        _ => 32_000,
    }
}

fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}

fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut url) if url.password().is_some() => {
            let _ = url.set_password(Some("…"));
            url.to_string()
        }
        Ok(url) => url.to_string(),
        Err(_) => "(unreadable)".to_owned(),
    }
}

async fn open_sqlite(options: &StoreOptions) -> Result<Store> {
    let rest = options
        .url
        .trim_start_matches("sqlite:")
        .trim_start_matches("//");
    let parsed = SqliteConnectOptions::from_str(&options.url).map_err(|error| {
        StoreError::InvalidUrl(format!("the SQLite address is unusable: {error}"))
    })?;
    if rest.is_empty() || rest.starts_with([':', '?']) || rest.contains("mode=memory") {
        return Err(StoreError::InvalidUrl(
            "the SQLite address must name a file, as in sqlite://edge-delivery.db".to_owned(),
        ));
    }
    make_private_file(parsed.get_filename())?;
    let writer = Database::connect(sqlite_options(options, 1, false)).await?;
    let reader = Database::connect(sqlite_options(
        options,
        options.max_connections.max(1),
        true,
    ))
    .await?;
    Ok(Store {
        kind: DatabaseKind::Sqlite,
        writer,
        reader,
        appending: Arc::default(),
        counting: counting(),
    })
}

/// Makes the file with mode 0600 before SQLite would make it with the user's default; SQLite gives its `-wal` and
/// `-shm` the same mode.
pub(crate) fn make_private_file(path: &Path) -> Result<()> {
    let mut open = std::fs::OpenOptions::new();
    open.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        open.mode(0o600);
    }
    match open.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::InvalidUrl(format!(
            "cannot make the database file {}: {error}",
            path.display()
        ))),
    }
}

/// Rows of a query that SQLite has found and nobody has taken yet.
const ROWS_WAITING: usize = 4;

/// What each reading connection remembers of the file, in kibibytes below nought as SQLite wants to be told: half of its
/// default. There are several, and the kernel remembers the same.
const READER_CACHE: &str = "-1000";

fn sqlite_options(options: &StoreOptions, connections: u32, only_reads: bool) -> ConnectOptions {
    let mut connect = ConnectOptions::new(&options.url);
    connect
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        // No upkeep of the pool: sqlx's spins for ever when its count of idle connections runs below nought, which a
        // connection that is returned while another is taken can bring about (seen once, with sqlx 0.9.0). A file's
        // connections need none.
        .idle_timeout(None)
        .max_lifetime(None)
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .create_if_missing(true)
                .busy_timeout(Duration::from_secs(10))
                .foreign_keys(true)
                // Rows that wait for whoever asked. Some are a megabyte, and fifty of them, sqlx's default, are too many.
                .row_buffer_size(ROWS_WAITING)
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", "NORMAL")
                .pragma("secure_delete", "ON")
                .pragma("query_only", if only_reads { "ON" } else { "OFF" })
                .pragma(
                    "cache_size",
                    if only_reads { READER_CACHE } else { "-2000" },
                )
        })
        // The one writer waits its turn behind long transactions.
        .acquire_timeout(Duration::from_secs(30));
    connect
}

async fn open_postgres(options: &StoreOptions) -> Result<Store> {
    let mut connect = ConnectOptions::new(&options.url);
    connect
        .max_connections(options.max_connections.max(2))
        .sqlx_logging(false)
        // As with SQLite. A connection that died is noticed when it is taken: it is asked first.
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(10));
    let pool = Database::connect(connect).await?;
    Ok(Store {
        kind: DatabaseKind::Postgres,
        writer: pool.clone(),
        reader: pool,
        appending: Arc::default(),
        counting: counting(),
    })
}

/// As many may count visits at a time as there are processors: more would only take more memory.
fn counting() -> Arc<Semaphore> {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    Arc::new(Semaphore::new(processors))
}

/// Moves the write-ahead log into the database and empties its file.
async fn truncate_wal(writer: &DatabaseConnection) -> Result<()> {
    // A reader in the middle of its query makes it busy; that one is over soon.
    for _ in 0..5 {
        let row = writer
            .query_one_raw(Statement::from_string(
                DatabaseBackend::Sqlite,
                "PRAGMA wal_checkpoint(TRUNCATE)",
            ))
            .await?;
        let busy = row.map_or(Ok(0), |row| row.try_get_by_index::<i32>(0))?;
        if busy == 0 {
            return Ok(());
        }
    }
    tracing::warn!("the write-ahead log could not be emptied now; a later checkpoint will");
    Ok(())
}
