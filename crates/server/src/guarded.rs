//! Fetches from addresses that users name, guarded against reaching anything private.
