//! The lists that operators publish of their agents' addresses and keys: fetched under a lease, kept as they were over time.
//!
//! A list is named by its address. Of its versions one at most is open (`valid_until` is none): the present one. A fetch that fails
//! changes no version.

use crate::{
    Result, Store,
    convert::{Row, from_word, to_json, to_word},
    entities::{verification_list as list, verification_list_version as version},
};
use domain::{
    identity::{Content, ListKind, Version},
    time::Millis,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde::{Deserialize, Serialize};

mod read;

/// Where a version came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOrigin {
    /// It came with the program.
    Shipped,
    /// It was fetched from the operator.
    Fetched,
}

/// A version without what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionSummary {
    /// When it was first seen so.
    pub valid_from: Millis,
    /// When it was last seen so.
    pub confirmed_at: Millis,
    /// Where it came from.
    pub origin: ListOrigin,
    /// How many prefixes or keys it holds.
    pub entries: u64,
}

/// Which versions are the present ones, and when each was last confirmed: equal when nothing was stored in between.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionsStamp(Vec<(String, i64, i64)>);

/// A list, and how fetching it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationList {
    /// Its address.
    pub url: String,
    /// What it holds.
    pub kind: ListKind,
    /// When it is fetched next.
    pub next_fetch_at: Millis,
    /// How many fetches failed since the last that did not.
    pub failures: u32,
    /// When it was last fetched, with whatever outcome.
    pub last_attempt_at: Option<Millis>,
    /// Why the last fetch failed.
    pub last_error: Option<String>,
    /// The present version.
    pub current: Option<VersionSummary>,
}

/// A version to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListVersion {
    /// Where it came from.
    pub origin: ListOrigin,
    /// A hash of what it holds: versions of one hash are the same.
    pub hash: String,
    /// The version.
    pub version: Version,
}

/// A list that this process fetches now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchLease {
    /// Its address.
    pub url: String,
    /// What it holds.
    pub kind: ListKind,
    /// How many fetches failed in a row.
    pub failures: u32,
    /// The `ETag` of the last good answer.
    pub etag: Option<String>,
    /// What was fetched and not believed: its hash, and since when it is so.
    pub doubted: Option<(String, Millis)>,
    /// The present version.
    pub current: Option<ListVersion>,
}

/// How a fetch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchEnd {
    /// The list is as it was.
    Same {
        /// The `ETag` of the answer.
        etag: Option<String>,
    },
    /// It is another.
    New {
        /// The `ETag` of the answer.
        etag: Option<String>,
        /// The new version; it takes the present one's place.
        version: ListVersion,
    },
    /// It could not be used; what is there stays.
    Failed {
        /// Why.
        error: String,
        /// What was fetched and is not believed: its hash, and since when.
        doubted: Option<(String, Millis)>,
    },
}

impl Store {
    /// Makes the lists that are missing known; they are fetched at `first_fetch_at`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ensure_verification_lists(
        &self,
        lists: &[(String, ListKind)],
        first_fetch_at: Millis,
    ) -> Result<()> {
        if lists.is_empty() {
            return Ok(());
        }
        let rows = lists.iter().map(|(url, kind)| list::ActiveModel {
            url: Set(url.clone()),
            kind: Set(to_word(*kind)),
            next_fetch_at: Set(first_fetch_at.0),
            lease_owner: Set(None),
            lease_until: Set(None),
            failures: Set(0),
            last_attempt_at: Set(None),
            last_error: Set(None),
            etag: Set(None),
            doubted_hash: Set(None),
            doubted_since: Set(None),
        });
        list::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::column(list::Column::Url)
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(self.writer())
            .await?;
        Ok(())
    }

    /// Stores a version that came with the program, unless the present one was confirmed later, or is the same.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ship_list_version(&self, shipped: &ListVersion) -> Result<bool> {
        let tx = self.begin().await?;
        let Some(_) = lock(&tx, &shipped.version.url).await? else {
            return Ok(false);
        };
        let current = open_version(&tx, &shipped.version.url).await?;
        let is_news = current.is_none_or(|current| {
            current.confirmed_at < shipped.version.confirmed_at.0 && current.hash != shipped.hash
        });
        if is_news {
            take_place(&tx, shipped).await?;
        }
        tx.commit().await?;
        Ok(is_news)
    }

    /// Takes one of these lists that is to be fetched, for `owner` until `until`. Of several that try at once, one gets it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_list_fetch(
        &self,
        urls: &[String],
        owner: &str,
        now: Millis,
        until: Millis,
    ) -> Result<Option<FetchLease>> {
        let due = || {
            Condition::all()
                .add(list::Column::NextFetchAt.lte(now.0))
                .add(
                    Condition::any()
                        .add(list::Column::LeaseUntil.is_null())
                        .add(list::Column::LeaseUntil.lte(now.0)),
                )
        };
        // Without locks first, and from the readers: most of the time there is nothing.
        let candidate = list::Entity::find()
            .filter(due())
            .filter(list::Column::Url.is_in(urls))
            .order_by_asc(list::Column::NextFetchAt)
            .order_by_asc(list::Column::Url)
            .one(self.reader())
            .await?;
        let Some(candidate) = candidate else {
            return Ok(None);
        };
        let tx = self.begin().await?;
        let row = list::Entity::find_by_id(candidate.url)
            .filter(due())
            .lock_exclusive()
            .one(&tx)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let current = open_version(&tx, &row.url).await?;
        let mut leased = row.clone().into_active_model();
        leased.lease_owner = Set(Some(owner.to_owned()));
        leased.lease_until = Set(Some(until.0));
        leased.update(&tx).await?;
        tx.commit().await?;
        let at = Row::new("verification_lists", &row.url);
        Ok(Some(FetchLease {
            kind: at.word("kind", &row.kind, from_word)?,
            failures: at.count("failures", row.failures)?,
            doubted: row.doubted_hash.zip(row.doubted_since.map(Millis)),
            etag: row.etag,
            current: current.map(version_from).transpose()?,
            url: row.url,
        }))
    }

    /// Stores how a fetch ended, and when the next is; `false` when another process has taken it over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_list_fetch(
        &self,
        url: &str,
        owner: &str,
        at: Millis,
        next: Millis,
        end: &FetchEnd,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        let row = lock(&tx, url).await?;
        let Some(row) = row.filter(|row| row.lease_owner.as_deref() == Some(owner)) else {
            return Ok(false);
        };
        let failures = row.failures;
        let mut row = row.into_active_model();
        row.lease_owner = Set(None);
        row.lease_until = Set(None);
        row.next_fetch_at = Set(next.0);
        row.last_attempt_at = Set(Some(at.0));
        match end {
            FetchEnd::Same { etag } | FetchEnd::New { etag, .. } => {
                row.failures = Set(0);
                row.last_error = Set(None);
                row.etag = Set(etag.clone());
                row.doubted_hash = Set(None);
                row.doubted_since = Set(None);
            }
            FetchEnd::Failed { error, doubted } => {
                row.failures = Set(failures + 1);
                row.last_error = Set(Some(error.clone()));
                row.doubted_hash = Set(doubted.as_ref().map(|(hash, _)| hash.clone()));
                row.doubted_since = Set(doubted.as_ref().map(|(_, since)| since.0));
            }
        }
        row.update(&tx).await?;
        match end {
            FetchEnd::Same { .. } => confirm(&tx, url, at).await?,
            FetchEnd::New { version, .. } => take_place(&tx, version).await?,
            FetchEnd::Failed { .. } => {}
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Lets these lists be fetched as soon as somebody looks.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hurry_list_fetches(&self, urls: &[String], now: Millis) -> Result<()> {
        list::Entity::update_many()
            .col_expr(list::Column::NextFetchAt, Expr::value(now.0))
            .filter(list::Column::Url.is_in(urls))
            .filter(list::Column::NextFetchAt.gt(now.0))
            .exec(self.writer())
            .await?;
        Ok(())
    }

    /// Forgets versions that ended before `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_list_versions_before(&self, before: Millis) -> Result<()> {
        version::Entity::delete_many()
            .filter(version::Column::ValidUntil.lt(before.0))
            .exec(self.writer())
            .await?;
        Ok(())
    }
}

async fn lock(tx: &DatabaseTransaction, url: &str) -> Result<Option<list::Model>> {
    Ok(list::Entity::find_by_id(url)
        .lock_exclusive()
        .one(tx)
        .await?)
}

async fn open_version(tx: &DatabaseTransaction, url: &str) -> Result<Option<version::Model>> {
    Ok(version::Entity::find()
        .filter(version::Column::Url.eq(url))
        .filter(version::Column::ValidUntil.is_null())
        .order_by_desc(version::Column::ValidFrom)
        .one(tx)
        .await?)
}

async fn confirm(tx: &DatabaseTransaction, url: &str, at: Millis) -> Result<()> {
    version::Entity::update_many()
        .col_expr(version::Column::ConfirmedAt, Expr::value(at.0))
        .filter(version::Column::Url.eq(url))
        .filter(version::Column::ValidUntil.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Ends the present version where the new one begins. A new one of the same moment takes its row.
async fn take_place(tx: &DatabaseTransaction, new: &ListVersion) -> Result<()> {
    let url = new.version.url.as_str();
    let from = new.version.valid_from.0;
    version::Entity::delete_many()
        .filter(version::Column::Url.eq(url))
        .filter(version::Column::ValidFrom.gte(from))
        .exec(tx)
        .await?;
    version::Entity::update_many()
        .col_expr(version::Column::ValidUntil, Expr::value(Some(from)))
        .filter(version::Column::Url.eq(url))
        .filter(version::Column::ValidUntil.is_null())
        .exec(tx)
        .await?;
    version::Entity::insert(to_row(new))
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

fn to_row(new: &ListVersion) -> version::ActiveModel {
    let (kind, entries, content) = match &new.version.content {
        Content::Ranges(prefixes) => (ListKind::Ranges, prefixes.len(), to_json(prefixes)),
        Content::Keys(keys) => (ListKind::Keys, keys.len(), to_json(keys)),
    };
    version::ActiveModel {
        url: Set(new.version.url.clone()),
        valid_from: Set(new.version.valid_from.0),
        valid_until: Set(new.version.valid_until.map(|end| end.0)),
        confirmed_at: Set(new.version.confirmed_at.0),
        origin: Set(to_word(new.origin)),
        kind: Set(to_word(kind)),
        entries: Set(i64::try_from(entries).unwrap_or(i64::MAX)),
        hash: Set(new.hash.clone()),
        content: Set(content),
    }
}

fn version_from(model: version::Model) -> Result<ListVersion> {
    let row = Row::new("verification_list_versions", &model.url);
    let content = match row.word("kind", &model.kind, from_word)? {
        ListKind::Ranges => Content::Ranges(row.json("content", &model.content)?),
        ListKind::Keys => Content::Keys(row.json("content", &model.content)?),
    };
    Ok(ListVersion {
        origin: row.word("origin", &model.origin, from_word)?,
        hash: model.hash,
        version: Version {
            valid_from: Millis(model.valid_from),
            valid_until: model.valid_until.map(Millis),
            confirmed_at: Millis(model.confirmed_at),
            content,
            url: model.url,
        },
    })
}
