//! Small named blobs.
use crate::{Result, Store};
impl Store {
    pub async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>> {
        todo!()
    }
    pub async fn set_meta_if_absent(&self, key: &str, value: &[u8]) -> Result<bool> {
        todo!()
    }
}
