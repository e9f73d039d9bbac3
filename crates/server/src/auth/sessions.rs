//! Sessions of the console, kept in the database.
//!
//! A session ends after [`IDLE_HOURS`] without a request, and [`ABSOLUTE_DAYS`] after the sign-in whatever happens. Its id
//! is random (128 bits), renewed at each sign-in, and stored as a hash: whoever reads the database cannot use it.
//! The cookie is `HttpOnly`, `SameSite=Lax`, and `Secure` when the public URL is https.

use crate::app::App;
use async_trait::async_trait;
use domain::{ids::UserId, time::Millis};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::Store;
use tower_sessions::{
    Expiry, Session, SessionManagerLayer, SessionStore,
    cookie::{
        SameSite,
        time::{Duration, OffsetDateTime},
    },
    session::{Id, Record},
    session_store::{Error, Result},
};

/// A session without requests ends after so many hours.
pub(crate) const IDLE_HOURS: i64 = 12;
/// A session ends so many days after its sign-in.
pub(crate) const ABSOLUTE_DAYS: i64 = 7;
/// Use is written down at most so often, in seconds: not each request must write.
const SEEN_EVERY_SECONDS: i64 = 5 * 60;
/// The name of the cookie.
pub(crate) const COOKIE: &str = "edge_delivery_session";
const HOLDER: &str = "holder";

/// Who holds a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// The person.
    pub(super) user: UserId,
    /// When they signed in.
    since: Millis,
    /// When they were last seen, to five minutes.
    seen: Millis,
}

impl Holder {
    /// Whether the session is still good at `now`, for a person whose sessions are good from `valid_from`.
    fn is_good(&self, now: Millis, valid_from: Millis) -> bool {
        now < self.since.plus_seconds(ABSOLUTE_DAYS * 86_400)
            && now
                < self
                    .seen
                    .plus_seconds(IDLE_HOURS * 3_600 + SEEN_EVERY_SECONDS)
            && self.since >= valid_from
    }
}

/// Begins a session for the person, under a new id.
pub(super) async fn begin(
    app: &App,
    session: &Session,
    user: UserId,
) -> std::result::Result<(), tower_sessions::session::Error> {
    let now = app.clock.now();
    session.clear().await;
    session.cycle_id().await?;
    session
        .insert(
            HOLDER,
            Holder {
                user,
                since: now,
                seen: now,
            },
        )
        .await
}

/// The person who holds the session, when it is good. One that is not is ended.
pub(super) async fn holder(
    app: &App,
    session: &Session,
) -> std::result::Result<Option<store::User>, crate::problem::Problem> {
    let broken = |error: tower_sessions::session::Error| crate::problem::Problem::internal(&error);
    // Bytes that this version cannot read are no session.
    let Ok(Some(holder)) = session.get::<Holder>(HOLDER).await else {
        return Ok(None);
    };
    let now = app.clock.now();
    let user = app
        .store
        .user(holder.user)
        .await?
        .filter(|user| holder.is_good(now, user.sessions_valid_from));
    match user {
        Some(user) => {
            if now >= holder.seen.plus_seconds(SEEN_EVERY_SECONDS) {
                let seen = Holder {
                    seen: now,
                    ..holder
                };
                session.insert(HOLDER, seen).await.map_err(broken)?;
            }
            Ok(Some(user))
        }
        None => {
            session.flush().await.map_err(broken)?;
            Ok(None)
        }
    }
}

/// The layer that reads and writes sessions.
pub(crate) fn layer(app: &App) -> SessionManagerLayer<Sessions> {
    SessionManagerLayer::new(Sessions {
        store: app.store.clone(),
    })
    .with_name(COOKIE)
    .with_http_only(true)
    .with_same_site(SameSite::Lax)
    .with_secure(app.config.is_https())
    .with_path("/")
    .with_expiry(Expiry::OnInactivity(Duration::hours(IDLE_HOURS)))
}

/// Sessions in our own table.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    store: Store,
}

/// What is stored: everything but the id.
#[derive(Serialize, Deserialize)]
struct Stored {
    data: std::collections::HashMap<String, serde_json::Value>,
    expires: i64,
}

struct Row {
    id: String,
    user: Option<UserId>,
    data: Vec<u8>,
    expires: Millis,
}

fn hashed(id: &Id) -> String {
    hex::encode(Sha256::digest(id.0.to_le_bytes()))
}

fn backend(error: &dyn std::error::Error) -> Error {
    tracing::error!(%error, "the session could not be read or stored");
    Error::Backend("the database failed".into())
}

impl Row {
    fn of(record: &Record) -> Result<Self> {
        let expires = record.expiry_date.unix_timestamp();
        let user = record
            .data
            .get(HOLDER)
            .and_then(|value| serde_json::from_value::<Holder>(value.clone()).ok())
            .map(|holder| holder.user);
        let data = serde_json::to_vec(&Stored {
            data: record.data.clone(),
            expires,
        })
        .map_err(|error| Error::Encode(error.to_string()))?;
        Ok(Self {
            id: hashed(&record.id),
            user,
            data,
            expires: Millis(expires.saturating_mul(1000)),
        })
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        loop {
            let row = Row::of(record)?;
            let is_new = self
                .store
                .create_session(&row.id, row.user, &row.data, row.expires)
                .await
                .map_err(|error| backend(&error))?;
            if is_new {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let row = Row::of(record)?;
        self.store
            .save_session(&row.id, row.user, &row.data, row.expires)
            .await
            .map_err(|error| backend(&error))
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let now = crate::clock::Clock.now();
        let Some(bytes) = self
            .store
            .load_session(&hashed(id), now)
            .await
            .map_err(|error| backend(&error))?
        else {
            return Ok(None);
        };
        let stored: Stored =
            serde_json::from_slice(&bytes).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp(stored.expires)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record {
            id: *id,
            data: stored.data,
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.store
            .delete_session(&hashed(id))
            .await
            .map_err(|error| backend(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    fn at(seconds: i64) -> Millis {
        Millis(1_800_000_000_000).plus_seconds(seconds)
    }

    #[test]
    fn sessions_end() {
        let holder = |since: i64, seen: i64| Holder {
            user: UserId::from_uuid(uuid::Uuid::nil()),
            since: at(since),
            seen: at(seen),
        };
        for (holder, now, valid_from, good) in [
            (holder(0, 0), 0, 0, true),
            (holder(0, 0), 11 * HOUR, 0, true),
            (holder(0, 0), 13 * HOUR, 0, false),
            (holder(0, 167 * HOUR), 167 * HOUR, 0, true),
            (holder(0, 168 * HOUR), 168 * HOUR, 0, false),
            (holder(0, 0), 10, 5, false),
        ] {
            assert_eq!(
                holder.is_good(at(now), at(valid_from)),
                good,
                "{holder:?} {now}"
            );
        }
    }
}
