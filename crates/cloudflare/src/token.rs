//! The API token.

use std::fmt;
use zeroize::Zeroizing;

/// A Cloudflare API token. It is wiped from memory when dropped, and neither `Debug` nor anything else prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken(Zeroizing<String>);

impl ApiToken {
    /// Takes the text as it goes behind `Bearer`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The last four characters, for people to tell tokens apart; fewer of a text that is no longer than eight.
    pub fn hint(&self) -> String {
        let count = self.0.chars().count();
        self.0
            .chars()
            .skip(count - Ord::min(4, count / 2))
            .collect()
    }

    /// The text. Every caller of this is a place to review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::ApiToken;

    #[test]
    fn it_is_never_printed_whole() {
        let token = ApiToken::new("fake-token-canary");
        assert_eq!(format!("{token:?}"), "ApiToken(…)");
        assert_eq!(token.hint(), "nary");
        assert_eq!(ApiToken::new("ab").hint(), "b");
    }
}
