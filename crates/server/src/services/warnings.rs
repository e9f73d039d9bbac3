//! What is to be said of a connection: that its token ends soon or has ended, that it does not work, that it is old. The
//! same words on every page, in the API, on the command line and in messages to the webhook.

use domain::{connection::ConnectionStatus, ids::ConnectionId, time::Millis};
use serde::Serialize;
use store::{Connection, ConnectionGlance};

const DAY_MS: i64 = 86_400_000;

/// A token's end is told so many days before, and at the end.
pub(crate) const EXPIRY_DAYS: [i64; 3] = [14, 7, 1];

/// A token should be rolled after so many days.
pub(crate) const ROLL_AFTER_DAYS: i64 = 90;

/// What kind of warning it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WarningCode {
    /// The token ends within 14 days.
    ExpiresSoon,
    /// It has ended.
    Expired,
    /// It lost a permission.
    Incomplete,
    /// It is switched off, or deleted.
    Disabled,
    /// It cannot be opened.
    Unreadable,
    /// It has been in use for over 90 days.
    TokenOld,
}

/// A warning about one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Warning {
    /// What kind.
    pub(crate) code: WarningCode,
    /// What is so, in a few words.
    pub(crate) title: String,
    /// What it means.
    pub(crate) detail: &'static str,
    /// What to do.
    pub(crate) remedy: &'static str,
}

/// What stays as it is, whatever is wrong with a token.
const SITES_STAY: &str =
    "Sites keep serving what is published; changes do not reach Cloudflare without a good token.";

/// A connection as far as warnings need it.
pub(crate) fn glance_at(connection: &Connection) -> ConnectionGlance {
    ConnectionGlance {
        id: connection.id,
        workspace: connection.workspace,
        name: connection.name.clone(),
        token_hint: connection.token_hint.clone(),
        status: connection.status,
        expires_at: connection.expires_at,
        token_stored_at: connection.token_stored_at,
        checked_at: connection.checked_at,
    }
}

/// The status as of now: a token past its end is expired, also before the next check finds it so.
pub(crate) fn status_now(
    status: ConnectionStatus,
    expires_at: Option<Millis>,
    now: Millis,
) -> ConnectionStatus {
    match status {
        ConnectionStatus::Ready | ConnectionStatus::Incomplete
            if expires_at.is_some_and(|end| end <= now) =>
        {
            ConnectionStatus::Expired
        }
        stored => stored,
    }
}

/// The whole days that a token has left; 0 on its last day and afterwards.
pub(crate) fn days_left(expires_at: Option<Millis>, now: Millis) -> Option<i64> {
    Some(((expires_at?.0 - now.0) / DAY_MS).max(0))
}

/// How long a token still lasts, in words that follow *expires* or *left*.
pub(crate) fn time_left(expires_at: Millis, now: Millis) -> String {
    let minutes = (expires_at.0 - now.0).max(0) / 60_000;
    if minutes == 0 {
        return "less than a minute".to_owned();
    }
    let (count, unit) = match minutes {
        0..120 => (minutes, "minute"),
        120..2_880 => (minutes / 60, "hour"),
        _ => (minutes / 1_440, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `expires in 6 days`, or `has expired`: the same words on every page, in every plan and message.
pub(crate) fn expires_in_words(expires_at: Millis, now: Millis) -> String {
    if expires_at <= now {
        "has expired".to_owned()
    } else {
        format!("expires in {}", time_left(expires_at, now))
    }
}

/// Whether the token should be rolled by now.
pub(crate) fn is_old(token_stored_at: Millis, now: Millis) -> bool {
    now.0 - token_stored_at.0 > ROLL_AFTER_DAYS * DAY_MS
}

/// The nearest of [`EXPIRY_DAYS`] that has begun.
pub(crate) fn expiry_step(expires_at: Millis, now: Millis) -> Option<i64> {
    EXPIRY_DAYS
        .into_iter()
        .filter(|days| now.0 >= expires_at.0 - days * DAY_MS)
        .min()
}

/// Everything that is to be said of a connection, the most urgent first.
pub(crate) fn of(connection: &ConnectionGlance, now: Millis) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let warning = |code, title: String, detail, remedy| Warning {
        code,
        title,
        detail,
        remedy,
    };
    let status = status_now(connection.status, connection.expires_at, now);
    match status {
        ConnectionStatus::Ready => {}
        ConnectionStatus::Incomplete => warnings.push(warning(
            WarningCode::Incomplete,
            "The token lost a permission, or no longer reaches every account or zone".to_owned(),
            SITES_STAY,
            "The permissions below say what is missing. Edit the token in Cloudflare and check again: it keeps its text and need not be pasted.",
        )),
        ConnectionStatus::Expired => warnings.push(warning(
            WarningCode::Expired,
            "The token has expired".to_owned(),
            SITES_STAY,
            "Make a new token in Cloudflare with the five permissions, and replace this one. Its sites stay as they are.",
        )),
        ConnectionStatus::Disabled => warnings.push(warning(
            WarningCode::Disabled,
            "Cloudflare no longer takes the token: it is switched off, rolled or deleted".to_owned(),
            SITES_STAY,
            "Switch it on in Cloudflare and check again; or, if it was rolled or deleted, replace it with the new one.",
        )),
        ConnectionStatus::Unreadable => warnings.push(warning(
            WarningCode::Unreadable,
            "The sealed token cannot be opened: it was sealed under another key, or the record was damaged".to_owned(),
            SITES_STAY,
            "Start with the key that sealed it (EDGE_DELIVERY_KEY_FILE); or reconnect: paste the token again with Replace token.",
        )),
    }
    if status != ConnectionStatus::Expired
        && let Some(end) = connection.expires_at
        && expiry_step(end, now).is_some()
    {
        warnings.push(warning(
            WarningCode::ExpiresSoon,
            format!("The token {}", expires_in_words(end, now)),
            SITES_STAY,
            "Make a new token in Cloudflare, or give this one a later end there and check again. Replace it before it ends.",
        ));
    }
    if is_old(connection.token_stored_at, now) {
        warnings.push(warning(
            WarningCode::TokenOld,
            format!("The token has been in use for over {ROLL_AFTER_DAYS} days"),
            "A token that changes now and then is worth less to whoever finds it.",
            "Roll it in Cloudflare, which gives it a new text, and paste that with Replace token.",
        ));
    }
    warnings
}

/// The warnings that every page shows: those that stop work, now or soon.
pub(crate) fn urgent(
    connections: &[ConnectionGlance],
    now: Millis,
) -> Vec<(ConnectionId, String, Warning)> {
    connections
        .iter()
        .filter_map(|connection| {
            let first = of(connection, now).into_iter().next()?;
            (first.code != WarningCode::TokenOld)
                .then(|| (connection.id, connection.name.clone(), first))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::WorkspaceId;

    const NOW: Millis = Millis(1_795_500_000_000);

    fn glance(status: ConnectionStatus, ends_in: Option<i64>) -> ConnectionGlance {
        ConnectionGlance {
            id: ConnectionId::from_uuid(uuid::Uuid::from_u128(1)),
            workspace: WorkspaceId::from_uuid(uuid::Uuid::from_u128(2)),
            name: "Acme".to_owned(),
            token_hint: "x7Qa".to_owned(),
            status,
            expires_at: ends_in.map(|seconds| NOW.plus_seconds(seconds)),
            token_stored_at: NOW.plus_seconds(-86_400),
            checked_at: NOW,
        }
    }

    fn codes(connection: &ConnectionGlance) -> Vec<WarningCode> {
        of(connection, NOW).iter().map(|it| it.code).collect()
    }

    #[test]
    fn the_end_is_told_in_steps() {
        let day = 86_400;
        for (ends_in, step) in [
            (14 * day + 1, None),
            (14 * day, Some(14)),
            (7 * day + 1, Some(14)),
            (7 * day, Some(7)),
            (day + 1, Some(7)),
            (day, Some(1)),
            (1, Some(1)),
            (-1, Some(1)),
        ] {
            let end = NOW.plus_seconds(ends_in);
            assert_eq!(expiry_step(end, NOW), step, "{ends_in}");
            let is_told = ends_in > 0 && step.is_some();
            let told = codes(&glance(ConnectionStatus::Ready, Some(ends_in)));
            assert_eq!(told.contains(&WarningCode::ExpiresSoon), is_told);
            assert_eq!(told.contains(&WarningCode::Expired), ends_in < 0);
        }
        assert_eq!(days_left(Some(NOW.plus_seconds(2 * day - 1)), NOW), Some(1));
        assert_eq!(days_left(Some(NOW.plus_seconds(-9 * day)), NOW), Some(0));
        assert_eq!(time_left(NOW.plus_seconds(6 * day + 5), NOW), "6 days");
        assert_eq!(time_left(NOW.plus_seconds(day), NOW), "24 hours");
        assert_eq!(time_left(NOW.plus_seconds(90), NOW), "1 minute");
    }

    #[test]
    fn each_state_has_its_own_words() {
        let mut titles = std::collections::HashSet::new();
        for (status, code) in [
            (ConnectionStatus::Incomplete, WarningCode::Incomplete),
            (ConnectionStatus::Expired, WarningCode::Expired),
            (ConnectionStatus::Disabled, WarningCode::Disabled),
            (ConnectionStatus::Unreadable, WarningCode::Unreadable),
        ] {
            let warnings = of(&glance(status, None), NOW);
            assert_eq!(warnings.len(), 1);
            assert_eq!(warnings[0].code, code);
            assert!(titles.insert(warnings[0].title.clone()));
            assert!(titles.insert(warnings[0].remedy.to_owned()));
        }
        assert!(codes(&glance(ConnectionStatus::Ready, None)).is_empty());
    }

    #[test]
    fn an_old_token_is_no_banner() {
        let mut old = glance(ConnectionStatus::Ready, None);
        old.token_stored_at = NOW.plus_seconds(-91 * 86_400);
        assert_eq!(codes(&old), [WarningCode::TokenOld]);
        assert!(urgent(std::slice::from_ref(&old), NOW).is_empty());
        old.status = ConnectionStatus::Disabled;
        let shown = urgent(&[old], NOW);
        assert_eq!(shown[0].2.code, WarningCode::Disabled);
    }
}
