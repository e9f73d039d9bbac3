//! Reading zones: pages, searches, counts.

use super::{AccountZones, ConnectionZone, ZoneQuery, folded, from_row, of};
use crate::{
    Listed, Page, Result, Store,
    convert::{Row, to_word},
    entities::connection_zone::{self, Column},
};
use domain::{
    connection::Granted,
    ids::{ConnectionId, WorkspaceId, ZoneId},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
    sea_query::{Expr, ExprTrait, LikeExpr},
};
use std::collections::HashMap;

/// Takes the meaning from the two signs that `LIKE` knows.
const ESCAPE: char = '!';

#[derive(Debug, FromQueryResult)]
struct Counted {
    account_id: String,
    routes: Option<String>,
    zones: i64,
}

#[derive(Debug, FromQueryResult)]
struct Total {
    connection_id: String,
    zones: i64,
}

impl Store {
    /// The zones of a connection by name.
    ///
    /// # Errors
    /// [`crate::StoreError::InvalidCursor`], or when the database fails.
    pub async fn connection_zones(
        &self,
        workspace: WorkspaceId,
        connection: ConnectionId,
        wanted: &ZoneQuery,
        page: &Page,
    ) -> Result<Listed<ConnectionZone>> {
        let mut query = matching(of(workspace, connection), wanted)
            .order_by_asc(Column::FoldedName)
            .order_by_asc(Column::ZoneId)
            .limit(page.rows() + 1);
        if let Some((name, id)) = page.start::<(String, String)>()? {
            query = query.filter(
                Condition::any()
                    .add(Column::FoldedName.gt(name.as_str()))
                    .add(Column::FoldedName.eq(name).and(Column::ZoneId.gt(id))),
            );
        }
        let rows = query.all(self.reader()).await?;
        Listed::cut(rows, page, |row| {
            (row.folded_name.clone(), row.zone_id.clone())
        })
        .try_map(from_row)
    }

    /// How many zones of a connection match.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_connection_zones(
        &self,
        workspace: WorkspaceId,
        connection: ConnectionId,
        wanted: &ZoneQuery,
    ) -> Result<u64> {
        Ok(matching(of(workspace, connection), wanted)
            .count(self.reader())
            .await?)
    }

    /// One zone of a connection.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn connection_zone(
        &self,
        workspace: WorkspaceId,
        connection: ConnectionId,
        zone: &ZoneId,
    ) -> Result<Option<ConnectionZone>> {
        of(workspace, connection)
            .filter(Column::ZoneId.eq(zone.as_str()))
            .one(self.reader())
            .await?
            .map(from_row)
            .transpose()
    }

    /// The zones of a connection counted by account; an account without zones is not in the answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn connection_zones_by_account(
        &self,
        workspace: WorkspaceId,
        connection: ConnectionId,
    ) -> Result<Vec<AccountZones>> {
        let rows = of(workspace, connection)
            .select_only()
            .column(Column::AccountId)
            .column(Column::Routes)
            .column_as(Expr::col(Column::ZoneId).count(), "zones")
            .group_by(Column::AccountId)
            .group_by(Column::Routes)
            .order_by_asc(Column::AccountId)
            .into_model::<Counted>()
            .all(self.reader())
            .await?;
        let (yes, no) = (to_word(Granted::Yes), to_word(Granted::No));
        let mut accounts: Vec<AccountZones> = Vec::new();
        for counted in rows {
            let row = Row::new("connection_zones", &counted.account_id);
            let account = row.parse("account_id", &counted.account_id)?;
            let zones: u64 = row.count("zone_id", counted.zones)?;
            if accounts.last().is_none_or(|last| last.account != account) {
                accounts.push(AccountZones {
                    account,
                    zones: 0,
                    routes_granted: 0,
                    routes_refused: 0,
                });
            }
            if let Some(last) = accounts.last_mut() {
                last.zones += zones;
                match counted.routes {
                    Some(word) if word == yes => last.routes_granted += zones,
                    Some(word) if word == no => last.routes_refused += zones,
                    _ => {}
                }
            }
        }
        Ok(accounts)
    }

    /// How many zones each connection of the workspace reaches; one without zones is not in the answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_zones_of_connections(
        &self,
        workspace: WorkspaceId,
    ) -> Result<HashMap<ConnectionId, u64>> {
        connection_zone::Entity::find()
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .select_only()
            .column(Column::ConnectionId)
            .column_as(Expr::col(Column::ZoneId).count(), "zones")
            .group_by(Column::ConnectionId)
            .into_model::<Total>()
            .all(self.reader())
            .await?
            .into_iter()
            .map(|total| {
                let row = Row::new("connection_zones", &total.connection_id);
                Ok((
                    row.parse("connection_id", &total.connection_id)?,
                    row.count("zone_id", total.zones)?,
                ))
            })
            .collect()
    }
}

fn matching(
    mut query: Select<connection_zone::Entity>,
    wanted: &ZoneQuery,
) -> Select<connection_zone::Entity> {
    if let Some(text) = wanted.search.as_deref().filter(|text| !text.is_empty()) {
        query = query.filter(Expr::col(Column::FoldedName).like(containing(&folded(text))));
    }
    if let Some(account) = &wanted.account {
        query = query.filter(Column::AccountId.eq(account.as_str()));
    }
    match wanted.deployable {
        None => query,
        Some(true) => query.filter(deployable(wanted)),
        Some(false) => query.filter(deployable(wanted).not()),
    }
}

fn deployable(wanted: &ZoneQuery) -> Condition {
    let mut all = Condition::all()
        .add(Column::Status.eq("active"))
        .add(Column::Paused.eq(false))
        .add(
            Condition::any()
                .add(Column::Routes.is_null())
                .add(Column::Routes.ne(to_word(Granted::No))),
        );
    if !wanted.unusable_accounts.is_empty() {
        let unusable = wanted
            .unusable_accounts
            .iter()
            .map(domain::ids::AccountId::as_str);
        all = all.add(Column::AccountId.is_not_in(unusable));
    }
    all
}

fn containing(text: &str) -> LikeExpr {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for sign in text.chars() {
        if matches!(sign, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(sign);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape(ESCAPE)
}
