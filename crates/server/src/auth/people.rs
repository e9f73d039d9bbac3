//! Administrators: making them, and what they may do with their own account.

use super::{SignedIn, attempts, passwords, peer::Peer, sessions};
use crate::{
    app::App,
    audit::{self, Actor, Event, Kind},
    config::FirstAdministrator,
    problem::{Code, Outcome, Problem},
};
use domain::{ids::UserId, secret::Secret};
use store::User;

/// Whether nobody can sign in yet.
pub(crate) async fn is_first_run(app: &App) -> Outcome<bool> {
    Ok(app.store.count_users().await? == 0)
}

async fn new_user(app: &App, email: &str, password: &Secret) -> Outcome<User> {
    let email = passwords::normal_email(email).map_err(|why| Problem::field("email", why))?;
    passwords::acceptable(password.expose()).map_err(|why| Problem::field("password", why))?;
    let password_hash = passwords::hash(password.clone())
        .await
        .map_err(|error| Problem::internal(error.as_ref()))?;
    let now = app.clock.now();
    Ok(User {
        id: UserId::from_uuid(uuid::Uuid::now_v7()),
        workspace: app.workspace,
        email,
        password_hash,
        created_at: now,
        sessions_valid_from: now,
    })
}

/// Makes the first administrator; `None` when somebody was first.
pub(crate) async fn create_first(
    app: &App,
    email: &str,
    password: &Secret,
) -> Outcome<Option<User>> {
    let user = new_user(app, email, password).await?;
    Ok(app.store.create_first_user(&user).await?.then_some(user))
}

/// Makes another administrator.
pub(crate) async fn create(app: &App, email: &str, password: &Secret) -> Outcome<User> {
    let user = new_user(app, email, password).await?;
    match app.store.create_user(&user).await {
        Ok(()) => Ok(user),
        Err(store::StoreError::Conflict { .. }) => Err(Problem::field(
            "email",
            "belongs to an administrator who exists already",
        )),
        Err(error) => Err(error.into()),
    }
}

/// Gives an administrator a new password and ends their sessions: for whoever may use the server itself.
pub(crate) async fn reset_password(app: &App, email: &str, password: &Secret) -> Outcome<User> {
    passwords::acceptable(password.expose()).map_err(|why| Problem::field("password", why))?;
    let known = match passwords::normal_email(email) {
        Ok(email) => app.store.user_by_email(&email).await?,
        Err(_) => None,
    };
    let Some(user) = known else {
        return Err(Problem::not_found("administrator", email));
    };
    let hash = passwords::hash(password.clone())
        .await
        .map_err(|error| Problem::internal(error.as_ref()))?;
    app.store.set_password_hash(user.id, &hash).await?;
    sign_out_everywhere(app, user.id).await?;
    Ok(user)
}

/// Makes the administrator that the environment names, unless there is one.
pub(crate) async fn create_from_environment(app: &App, admin: &FirstAdministrator) -> Outcome<()> {
    if !is_first_run(app).await? {
        tracing::debug!("an administrator exists; EDGE_DELIVERY_ADMIN_EMAIL is left aside");
        return Ok(());
    }
    if let Some(user) = create_first(app, &admin.email, &admin.password).await? {
        let event = Event::person(Kind::AdministratorMade, &user).with("from", "environment");
        audit::record(app, &Actor::background(app.workspace), event).await;
        tracing::info!(user.email = admin.email, "made the first administrator");
    }
    Ok(())
}

/// The person with this e-mail address and password. It takes as long whether the address is known or not.
pub(crate) async fn with_password(
    app: &App,
    email: &str,
    password: Secret,
) -> Outcome<Option<User>> {
    let user = app.store.user_by_email(email).await?;
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let right = passwords::verify(password, hash)
        .await
        .map_err(|error| Problem::internal(error.as_ref()))?;
    Ok(user.filter(|_| right))
}

/// Sets a new password. Every session of the person ends but this one, which goes on under a new id.
pub(crate) async fn change_password(
    app: &App,
    signed_in: &SignedIn,
    peer: &Peer,
    current: Secret,
    new: &Secret,
) -> Outcome<()> {
    let user = &signed_in.user;
    passwords::acceptable(new.expose()).map_err(|why| Problem::field("new", why))?;
    let attempt = attempts::begin(app, &user.email, &peer.counting_key()).await?;
    let right = passwords::verify(current, Some(user.password_hash.clone()))
        .await
        .map_err(|error| Problem::internal(error.as_ref()))?;
    if !right {
        return Err(Problem::field("current", "is not your password"));
    }
    attempts::succeeded(app, attempt).await?;
    let hash = passwords::hash(new.clone())
        .await
        .map_err(|error| Problem::internal(error.as_ref()))?;
    if !app.store.set_password_hash(user.id, &hash).await? {
        return Err(
            Problem::new(Code::Unauthenticated, "This account is not there any more.")
                .cause("Another administrator removed it.")
                .remedy("Ask them."),
        );
    }
    sign_out_everywhere(app, user.id).await?;
    sessions::begin(app, &signed_in.session, user.id)
        .await
        .map_err(|error| Problem::internal(&error))
}

/// Ends every session of the person.
pub(crate) async fn sign_out_everywhere(app: &App, user: UserId) -> Outcome<()> {
    // First the mark, then the rows: a session stored in between is older than the mark.
    app.store
        .set_sessions_valid_from(user, app.clock.now())
        .await?;
    let ended = app.store.delete_sessions_of(user).await?;
    tracing::info!(user.id = %user, sessions = ended, "signed out everywhere");
    Ok(())
}
