//! Checks a pasted token: what it is, what it reaches, and each of the five permissions.

use domain::connection::PermissionCheck;
use serde_json::{Value, json};

/// The checks in the shape of the API: `permissions[{name, scope, level, accountId?, zoneId?, granted, detail, fixUrl}]`.
pub(crate) fn permissions_json(checks: &[PermissionCheck]) -> Value {
    checks
        .iter()
        .map(|check| {
            json!({
                "name": check.permission.name(),
                "scope": check.permission.scope(),
                "level": check.permission.level(),
                "accountId": check.account_id,
                "zoneId": check.zone_id,
                "granted": check.granted,
                "detail": check.detail,
                "fixUrl": "https://dash.cloudflare.com/profile/api-tokens",
            })
        })
        .collect()
}
