//! People who can sign in.

use crate::{
    Result, Store, StoreError,
    convert::Row,
    entities::{user, workspace},
};
use domain::{
    ids::{UserId, WorkspaceId},
    time::Millis,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::Expr,
};

/// Somebody who can sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The address to sign in with, in lower case; unique over all workspaces.
    pub email: String,
    /// The password as an argon2 string.
    pub password_hash: String,
    /// When the user was made.
    pub created_at: Millis,
    /// Sessions that began before this are over.
    pub sessions_valid_from: Millis,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// How many users there are, in all workspaces: none means that the first run is not over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_users(&self) -> Result<u64> {
        Ok(user::Entity::find().count(self.reader()).await?)
    }

    /// Stores a new user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] about `email` when the address is taken.
    pub async fn create_user(&self, user: &User) -> Result<()> {
        user::Entity::insert(to_row(user))
            .exec_without_returning(self.writer())
            .await
            .map_err(|error| StoreError::conflict(error, "email", &user.email))?;
        Ok(())
    }

    /// Stores the user if there is none yet, and says whether it did. Of several that try at once, one wins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_first_user(&self, user: &User) -> Result<bool> {
        let tx = self.begin().await?;
        // Who else tries waits here.
        let workspace = workspace::Entity::find_by_id(user.workspace.to_string())
            .lock_exclusive()
            .one(&tx)
            .await?;
        if workspace.is_none() {
            return Err(StoreError::Missing { what: "workspace" });
        }
        if user::Entity::find().count(&tx).await? > 0 {
            return Ok(false);
        }
        user::Entity::insert(to_row(user))
            .exec_without_returning(&tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The user with this address, which must be in lower case.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        user::Entity::find()
            .filter(user::Column::Email.eq(email))
            .one(self.reader())
            .await?
            .map(from_row)
            .transpose()
    }

    /// The user with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        user::Entity::find_by_id(id.to_string())
            .one(self.reader())
            .await?
            .map(from_row)
            .transpose()
    }

    /// Replaces the password; `false` when there is no such user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_password_hash(&self, id: UserId, password_hash: &str) -> Result<bool> {
        let done = user::Entity::update_many()
            .col_expr(user::Column::PasswordHash, Expr::value(password_hash))
            .filter(user::Column::Id.eq(id.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Ends every session that began before `from` (sign out everywhere); `false` when there is no such user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_sessions_valid_from(&self, id: UserId, from: Millis) -> Result<bool> {
        let done = user::Entity::update_many()
            .col_expr(user::Column::SessionsValidFrom, Expr::value(from.0))
            .filter(user::Column::Id.eq(id.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }
}

fn to_row(user: &User) -> user::ActiveModel {
    user::ActiveModel {
        id: Set(user.id.to_string()),
        workspace_id: Set(user.workspace.to_string()),
        email: Set(user.email.clone()),
        password_hash: Set(user.password_hash.clone()),
        created_at: Set(user.created_at.0),
        sessions_valid_from: Set(user.sessions_valid_from.0),
    }
}

fn from_row(model: user::Model) -> Result<User> {
    let row = Row::new("users", &model.id);
    Ok(User {
        id: row.parse("id", &model.id)?,
        workspace: row.parse("workspace_id", &model.workspace_id)?,
        email: model.email,
        password_hash: model.password_hash,
        created_at: Millis(model.created_at),
        sessions_valid_from: Millis(model.sessions_valid_from),
    })
}
