//! Failed sign-ins.
use crate::{Result, Store};
use domain::time::Millis;
impl Store {
    pub async fn record_failed_sign_in(&self, key: &str, at: Millis) -> Result<()> {
        todo!()
    }
    pub async fn failed_sign_ins(&self, key: &str, since: Millis) -> Result<u64> {
        todo!()
    }
    pub async fn clear_failed_sign_ins(&self, key: &str) -> Result<()> {
        todo!()
    }
    pub async fn delete_failed_sign_ins_before(&self, at: Millis) -> Result<u64> {
        todo!()
    }
}
