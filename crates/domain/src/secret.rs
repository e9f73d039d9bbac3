//! Text that never prints itself.

use std::fmt;
use zeroize::Zeroizing;

/// A secret: wiped from memory when dropped, and shown by `Debug` as a fixed word. It has no `Display` and no serde.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text. Every caller of this is a place to review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn debug_hides_the_text() {
        assert_eq!(format!("{:?}", super::Secret::new("canary")), "Secret(…)");
    }
}
