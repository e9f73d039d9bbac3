//! How many KV writes and deletions of an account were ours on a day (UTC): what a free plan counts.

use crate::{
    Result, Store,
    entities::kv_usage::{ActiveModel, Column, Entity},
};
use domain::{
    ids::{AccountId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What an account had on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KvUsage {
    /// Pairs that we wrote, those of bulk calls one by one.
    pub writes: u64,
    /// Keys that we deleted.
    pub deletes: u64,
    /// Whether Cloudflare said that the account's quota of the day is spent.
    pub is_spent: bool,
    /// Whether it said so on one of the last 31 days: then the account is on the free plan.
    pub was_spent: bool,
}

impl Store {
    /// What the account had on the day of `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kv_usage(
        &self,
        workspace: WorkspaceId,
        account: &AccountId,
        now: Millis,
    ) -> Result<KvUsage> {
        let of_account = || {
            Entity::find()
                .filter(Column::WorkspaceId.eq(workspace.to_string()))
                .filter(Column::AccountId.eq(account.to_string()))
        };
        let today = of_account()
            .filter(Column::Day.eq(day(now)))
            .one(self.reader())
            .await?;
        let spent = of_account()
            .filter(Column::IsSpent.eq(true))
            .filter(Column::Day.gt(day(now) - 31))
            .count(self.reader())
            .await?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(today.map_or_else(
            || KvUsage {
                was_spent: spent > 0,
                ..KvUsage::default()
            },
            |row| KvUsage {
                writes: count(row.writes),
                deletes: count(row.deletes),
                is_spent: row.is_spent,
                was_spent: spent > 0,
            },
        ))
    }

    /// Adds to what the account had on the day of `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_kv_usage(
        &self,
        workspace: WorkspaceId,
        account: &AccountId,
        now: Millis,
        writes: u64,
        deletes: u64,
    ) -> Result<()> {
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut known = OnConflict::columns([Column::WorkspaceId, Column::AccountId, Column::Day]);
        known
            .value(
                Column::Writes,
                Expr::cust("kv_usage.writes + excluded.writes"),
            )
            .value(
                Column::Deletes,
                Expr::cust("kv_usage.deletes + excluded.deletes"),
            );
        Entity::insert(ActiveModel {
            workspace_id: Set(workspace.to_string()),
            account_id: Set(account.to_string()),
            day: Set(day(now)),
            writes: Set(count(writes)),
            deletes: Set(count(deletes)),
            is_spent: Set(false),
        })
        .on_conflict(known)
        .exec_without_returning(self.writer())
        .await?;
        Ok(())
    }

    /// Takes back `writes` that were counted on the day of `now` and were not made.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_back_kv_writes(
        &self,
        workspace: WorkspaceId,
        account: &AccountId,
        now: Millis,
        writes: u64,
    ) -> Result<()> {
        let writes = i64::try_from(writes).unwrap_or(i64::MAX);
        Entity::update_many()
            .col_expr(
                Column::Writes,
                Expr::col(Column::Writes).sub(Expr::value(writes)),
            )
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .filter(Column::AccountId.eq(account.to_string()))
            .filter(Column::Day.eq(day(now)))
            .filter(Column::Writes.gte(writes))
            .exec(self.writer())
            .await?;
        Ok(())
    }

    /// Writes down that Cloudflare said the account's quota is spent on the day of `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kv_quota_spent(
        &self,
        workspace: WorkspaceId,
        account: &AccountId,
        now: Millis,
    ) -> Result<()> {
        self.count_kv_usage(workspace, account, now, 0, 0).await?;
        Entity::update_many()
            .col_expr(Column::IsSpent, Expr::value(true))
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .filter(Column::AccountId.eq(account.to_string()))
            .filter(Column::Day.eq(day(now)))
            .exec(self.writer())
            .await?;
        Ok(())
    }
}

const fn day(at: Millis) -> i64 {
    at.0.div_euclid(DAY_MS)
}
