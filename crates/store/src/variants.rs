//! Variants and their revisions.
use crate::{Listed, Page, Result, Store};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::{Format, Revision},
};
/// A variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub site: SiteId,
    pub format: Format,
    pub path: String,
    pub published: Option<Revision>,
    pub latest: Revision,
    pub created_at: Millis,
    pub updated_at: Millis,
    pub published_at: Option<Millis>,
}
/// A revision without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionInfo {
    pub revision: Revision,
    pub bytes: u64,
    pub author: String,
    pub note: Option<String>,
    pub created_at: Millis,
    pub is_published: bool,
}
/// What the latest revision must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// Anything.
    Any,
    /// There is no variant yet.
    None,
    /// Exactly this one.
    Revision(Revision),
}
/// A revision to be saved.
#[derive(Debug, Clone)]
pub struct NewRevision<'a> {
    pub site: SiteId,
    pub format: Format,
    pub path: &'a str,
    pub content: &'a [u8],
    pub author: &'a str,
    pub note: Option<&'a str>,
    pub at: Millis,
    pub publish: bool,
    pub if_match: IfMatch,
}
/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VariantCounts {
    pub total: u64,
    pub published: u64,
}
impl Store {
    pub async fn save_revision(
        &self,
        workspace: WorkspaceId,
        new: &NewRevision<'_>,
    ) -> Result<Variant> {
        todo!()
    }
    /// All of one site; `if_match` is not looked at. Answers with how many were saved.
    pub async fn save_revisions(
        &self,
        workspace: WorkspaceId,
        new: &[NewRevision<'_>],
    ) -> Result<u64> {
        todo!()
    }
    pub async fn variant(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
    ) -> Result<Option<Variant>> {
        todo!()
    }
    pub async fn content(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
        revision: &Revision,
    ) -> Result<Option<Vec<u8>>> {
        todo!()
    }
    pub async fn list_variants(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        page: &Page,
        prefix: Option<&str>,
    ) -> Result<Listed<Variant>> {
        todo!()
    }
    pub async fn revisions(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
    ) -> Result<Vec<RevisionInfo>> {
        todo!()
    }
    pub async fn publish(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
        revision: &Revision,
        at: Millis,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn unpublish(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
        at: Millis,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn delete_variant(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
        format: Format,
        path: &str,
        at: Millis,
    ) -> Result<bool> {
        todo!()
    }
    pub async fn count_variants(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
    ) -> Result<VariantCounts> {
        todo!()
    }
    pub async fn published_paths(
        &self,
        workspace: WorkspaceId,
        site: SiteId,
    ) -> Result<Vec<(Format, String, Revision)>> {
        todo!()
    }
}
