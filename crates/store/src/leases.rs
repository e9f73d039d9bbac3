//! Work that one process does at a time: whoever takes a row holds it until a certain time, then anybody may.

use crate::{Result, Store};
use domain::time::Millis;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// Nobody holds the row now.
pub(crate) fn is_free(lease_until: impl ColumnTrait, now: Millis) -> Condition {
    Condition::any()
        .add(lease_until.is_null())
        .add(lease_until.lte(now.0))
}

/// Of the rows that are `due` the one that waits longest, locked in a transaction in which the caller writes the lease
/// down. Of several that try at once, one gets it.
pub(crate) async fn longest_waiting<E: EntityTrait>(
    store: &Store,
    due: Condition,
    (waits_since, id): (E::Column, E::Column),
    id_of: impl Fn(&E::Model) -> &str + Send,
) -> Result<Option<(DatabaseTransaction, E::Model)>> {
    // Without locks first, and from the readers: most of the time there is nothing.
    let candidate = E::find()
        .filter(due.clone())
        .order_by_asc(waits_since)
        .order_by_asc(id)
        .one(store.reader())
        .await?;
    let Some(candidate) = candidate else {
        return Ok(None);
    };
    let tx = store.begin().await?;
    let row = E::find()
        .filter(id.eq(id_of(&candidate)))
        .filter(due)
        .lock_exclusive()
        .one(&tx)
        .await?;
    Ok(row.map(|row| (tx, row)))
}
