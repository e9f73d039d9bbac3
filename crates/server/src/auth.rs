//! Who may use the console and the API.

pub(crate) mod passwords;
