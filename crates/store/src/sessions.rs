//! Sessions of the console, as opaque bytes: what is in them is the server's business.
//!
//! Not scoped by workspace: a session is looked up by its secret id alone.

use crate::{Result, Store, entities::session};
use domain::{ids::UserId, time::Millis};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::OnConflict};

impl Store {
    /// Stores the session, replacing what was there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_session(
        &self,
        id: &str,
        user: Option<UserId>,
        data: &[u8],
        expires_at: Millis,
    ) -> Result<()> {
        session::Entity::insert(to_row(id, user, data, expires_at))
            .on_conflict(
                OnConflict::column(session::Column::Id)
                    .update_columns([
                        session::Column::UserId,
                        session::Column::Data,
                        session::Column::ExpiresAt,
                    ])
                    .to_owned(),
            )
            .exec_without_returning(self.writer())
            .await?;
        Ok(())
    }

    /// Stores the session unless the id is taken; says whether it did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_session(
        &self,
        id: &str,
        user: Option<UserId>,
        data: &[u8],
        expires_at: Millis,
    ) -> Result<bool> {
        let rows = session::Entity::insert(to_row(id, user, data, expires_at))
            .on_conflict(
                OnConflict::column(session::Column::Id)
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(self.writer())
            .await?;
        Ok(rows == 1)
    }

    /// The session, if it is there and not over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load_session(&self, id: &str, now: Millis) -> Result<Option<Vec<u8>>> {
        Ok(session::Entity::find_by_id(id)
            .filter(session::Column::ExpiresAt.gt(now.0))
            .one(self.reader())
            .await?
            .map(|row| row.data))
    }

    /// Ends the session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_session(&self, id: &str) -> Result<()> {
        session::Entity::delete_by_id(id)
            .exec(self.writer())
            .await?;
        Ok(())
    }

    /// Ends every session of the user; answers with how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_sessions_of(&self, user: UserId) -> Result<u64> {
        let done = session::Entity::delete_many()
            .filter(session::Column::UserId.eq(user.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected)
    }

    /// Removes the sessions that are over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_expired_sessions(&self, now: Millis) -> Result<u64> {
        let done = session::Entity::delete_many()
            .filter(session::Column::ExpiresAt.lte(now.0))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected)
    }
}

fn to_row(id: &str, user: Option<UserId>, data: &[u8], expires_at: Millis) -> session::ActiveModel {
    session::ActiveModel {
        id: Set(id.to_owned()),
        user_id: Set(user.map(|user| user.to_string())),
        data: Set(data.to_vec()),
        expires_at: Set(expires_at.0),
    }
}
