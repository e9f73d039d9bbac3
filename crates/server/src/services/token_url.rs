//! Addresses of Cloudflare's own pages about tokens (Cloudflare API notes §2.5, official).

use domain::connection::{Permission, TokenKind};
use serde_json::{Value, json};
use url::Url;

/// Where a person sees and edits their tokens.
pub(crate) const TOKENS_PAGE: &str = "https://dash.cloudflare.com/profile/api-tokens";

/// Where an account's administrators see and edit its tokens; Cloudflare asks for the account.
pub(crate) const ACCOUNT_TOKENS_PAGE: &str = "https://dash.cloudflare.com/?to=/:account/api-tokens";

/// Where a token of this kind is edited and deleted.
pub(crate) fn tokens_page(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::User => TOKENS_PAGE,
        TokenKind::Account => ACCOUNT_TOKENS_PAGE,
    }
}

/// The name that the form is filled in with.
const TOKEN_NAME: &str = "Edge Delivery System";

/// The form for a person's token, filled in with the five permissions, all accounts and all zones.
pub(crate) fn user_form() -> Url {
    let mut url = Url::parse(TOKENS_PAGE).expect("a constant address");
    url.query_pairs_mut()
        .append_pair("permissionGroupKeys", &permission_keys())
        .append_pair("accountId", "*")
        .append_pair("zoneId", "all")
        .append_pair("name", TOKEN_NAME);
    url
}

/// The form for an account-owned token; Cloudflare asks for the account. Its creator must be an administrator.
pub(crate) fn account_form() -> Url {
    let mut url = Url::parse("https://dash.cloudflare.com/").expect("a constant address");
    url.query_pairs_mut()
        .append_pair("to", "/:account/api-tokens")
        .append_pair("permissionGroupKeys", &permission_keys())
        .append_pair("name", TOKEN_NAME);
    url
}

fn permission_keys() -> String {
    Permission::ALL
        .into_iter()
        .map(|permission| json!({"key": permission.template_key(), "type": permission.level()}))
        .collect::<Value>()
        .to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_form_is_filled_in() {
        let url = super::user_form();
        let pairs: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(
            pairs["permissionGroupKeys"],
            r#"[{"key":"workers_scripts","type":"edit"},{"key":"workers_kv_storage","type":"edit"},{"key":"account_settings","type":"read"},{"key":"workers_routes","type":"edit"},{"key":"zone","type":"read"}]"#
        );
        assert_eq!(pairs["accountId"], "*");
        assert_eq!(pairs["zoneId"], "all");
    }
}
