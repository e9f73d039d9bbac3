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
        .append_pair("permissionGroupKeys", &permission_keys(false))
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
        .append_pair("permissionGroupKeys", &permission_keys(false))
        .append_pair("name", TOKEN_NAME);
    url
}

/// The form of this kind with the optional permission beside the five.
pub(crate) fn form_with_analytics(kind: TokenKind) -> Url {
    let form = match kind {
        TokenKind::User => user_form(),
        TokenKind::Account => account_form(),
    };
    let mut url = form.clone();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(form.query_pairs().map(|(name, value)| {
            if name == "permissionGroupKeys" {
                (name, permission_keys(true).into())
            } else {
                (name, value)
            }
        }));
    url
}

fn permission_keys(with_optional: bool) -> String {
    Permission::ALL
        .into_iter()
        .chain(with_optional.then_some(Permission::AccountAnalytics))
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
        for kind in [super::TokenKind::User, super::TokenKind::Account] {
            let url = super::form_with_analytics(kind);
            let more: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
            let keys = &more["permissionGroupKeys"];
            assert!(
                keys.ends_with(r#",{"key":"account_analytics","type":"read"}]"#),
                "{keys}"
            );
            assert_eq!(more["name"], pairs["name"]);
        }
        assert_eq!(pairs["accountId"], "*");
        assert_eq!(pairs["zoneId"], "all");
    }
}
