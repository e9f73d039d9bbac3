//! What a line tells besides who, what and when, in words for people.

use serde_json::Value;
use store::AuditEvent;

/// The detail of a line; empty when there is none. What a newer version wrote is left out.
pub(crate) fn in_words(event: &AuditEvent) -> String {
    let Some(detail) = event.detail.as_object() else {
        return String::new();
    };
    let words: Vec<String> = detail
        .iter()
        .filter_map(|(name, value)| one(name, value))
        .collect();
    words.join(", ")
}

fn one(name: &str, value: &Value) -> Option<String> {
    let text = value.as_str().unwrap_or_default();
    Some(match name {
        "tokenHint" => format!("token …{text}"),
        "formerTokenHint" => format!("before: …{text}"),
        "formerName" => format!("before: {text}"),
        "hint" => format!("…{text}"),
        "publishAt" => format!("to be published {text}"),
        "expireAt" => format!("to be taken off {text}"),
        "revision" => text.chars().take(8).collect(),
        "confirmed" => format!("findings confirmed: {text}"),
        "askedBy" => format!("asked for by {text}"),
        "from" => format!("from the {text}"),
        "account" => format!("{text} account"),
        "oldKey" => format!("before: key {text}"),
        "newKey" => format!("key {text}"),
        "kind" if text == "apply" => return None,
        "kind" if text == "remove" => "a removal".to_owned(),
        "status" | "kind" => text.replace('_', " "),
        "alert" | "code" | "format" | "path" | "file" | "why" | "sitemap" => text.to_owned(),
        "serveAnyway" if value == true => "served whatever the page is".to_owned(),
        "serveAnyway" => "withheld when the page is not shown".to_owned(),
        "pages" => format!("{value} pages"),
        "force" if value == true => "sites left running".to_owned(),
        "encrypted" if value == true => "encrypted".to_owned(),
        "newSecret" if value == true => "new secret".to_owned(),
        "sites" if value == 1 => "1 site to be removed".to_owned(),
        "sites" => format!("{value} sites to be removed"),
        "variants" => format!("{value} variants"),
        "version" => format!("version {text}"),
        "agents" => format!("{value} agents"),
        "notServed" if !text.is_empty() => format!("not served: {text}"),
        "servedAllTheSame" if !text.is_empty() => format!("served all the same: {text}"),
        "host" => format!("on {text}"),
        "previews" if value == 1 => "1 link revoked".to_owned(),
        "previews" => format!("{value} links revoked"),
        "resealed" => format!("{value} records"),
        "unreadable" if value != 0 => format!("{value} left unreadable"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::one;
    use serde_json::json;

    #[test]
    fn details_in_words() {
        assert_eq!(
            one("tokenHint", &json!("wxyz")).as_deref(),
            Some("token …wxyz")
        );
        assert_eq!(one("force", &json!(false)), None);
        assert_eq!(one("variants", &json!(3)).as_deref(), Some("3 variants"));
        assert_eq!(one("later", &json!("x")), None);
    }
}
