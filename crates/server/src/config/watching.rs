//! Settings around the watch over connections: where help is, and where webhooks may go.

use url::Url;

/// Where people get help: a page by https, or an e-mail address.
pub(super) fn support_url(given: Option<&str>, errors: &mut Vec<String>) -> Option<Url> {
    let text = given.filter(|text| !text.is_empty())?;
    let is_good = |url: &Url| match url.scheme() {
        "https" => url.host().is_some() && url.username().is_empty() && url.password().is_none(),
        "mailto" => url.path().contains('@'),
        _ => false,
    };
    let url = Url::parse(text).ok().filter(is_good);
    if url.is_none() {
        errors.push(
            "EDGE_DELIVERY_SUPPORT_URL must be an https address without user name or password, or mailto:somebody@example.com".to_owned(),
        );
    }
    url
}

/// A switch: `1` or `true`, `0` or `false`.
pub(super) fn switch(name: &str, given: Option<&str>, errors: &mut Vec<String>) -> bool {
    match given.unwrap_or_default() {
        "1" | "true" => true,
        "" | "0" | "false" => false,
        _ => {
            errors.push(format!("{name} is a switch: 1 or 0"));
            false
        }
    }
}
