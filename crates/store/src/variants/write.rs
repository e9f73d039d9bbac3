//! The statements of a save, in few for many revisions.

use super::{Deed, HistoryKind, NewRevision};
use crate::{
    Result,
    contents::Packed,
    database::bind_parameters_max,
    entities::{variant, variant_revision},
    kv_ledger, publications, sync,
};
use domain::{
    ids::{SiteId, WorkspaceId},
    time::Millis,
    variant::Format,
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, EntityTrait, sea_query::OnConflict};
use std::collections::HashMap;

/// Writes revisions, variants and ledger of one site, whose contents are stored and whose row is locked.
pub(super) async fn write(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    new: &[(&NewRevision<'_>, &Packed)],
) -> Result<()> {
    put_revisions(tx, workspace, site, new).await?;
    // One statement may not touch a row twice, so of one path only the last stays; published or not, since what was
    // published in between would be overtaken anyway, but not by one that is not to be published.
    put_variants(
        tx,
        workspace,
        site,
        &last_per_path(new.iter().copied()),
        false,
    )
    .await?;
    let published = last_per_path(new.iter().copied().filter(|(new, _)| new.publish));
    if published.is_empty() {
        return Ok(());
    }
    put_variants(tx, workspace, site, &published, true).await?;
    let recorded: Vec<_> = published
        .iter()
        .map(|(new, packed)| {
            let deed = Deed::by(new.author, new.at).of_kind(HistoryKind::Published);
            (new.format, new.path, &packed.revision, deed)
        })
        .collect();
    publications::record(tx, workspace, site, &recorded).await?;
    let wanted: Vec<_> = published
        .iter()
        .map(|(new, packed)| (new.format, new.path, &packed.revision))
        .collect();
    kv_ledger::want(tx, workspace, site, &wanted).await?;
    let at = published.iter().map(|(new, _)| new.at).max();
    sync::want(tx, site, at.unwrap_or(Millis(0))).await
}

fn last_per_path<'a>(
    new: impl Iterator<Item = (&'a NewRevision<'a>, &'a Packed)>,
) -> Vec<(&'a NewRevision<'a>, &'a Packed)> {
    let mut last: HashMap<(Format, &str), (&NewRevision<'_>, &Packed)> = HashMap::new();
    for pair in new {
        last.insert((pair.0.format, pair.0.path), pair);
    }
    last.into_values().collect()
}

async fn put_revisions(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    new: &[(&NewRevision<'_>, &Packed)],
) -> Result<()> {
    for chunk in new.chunks(bind_parameters_max(tx) / 9) {
        let rows = chunk
            .iter()
            .map(|(new, packed)| variant_revision::ActiveModel {
                site_id: Set(site.to_string()),
                format: Set(new.format.as_str().to_owned()),
                path: Set(new.path.to_owned()),
                revision: Set(packed.revision.to_string()),
                workspace_id: Set(workspace.to_string()),
                bytes: Set(i64::try_from(packed.bytes).unwrap_or(i64::MAX)),
                author: Set(new.author.to_owned()),
                note: Set(new.note.map(str::to_owned)),
                created_at: Set(new.at.0),
            });
        let known = OnConflict::columns([
            variant_revision::Column::SiteId,
            variant_revision::Column::Format,
            variant_revision::Column::Path,
            variant_revision::Column::Revision,
        ])
        .do_nothing()
        .to_owned();
        variant_revision::Entity::insert_many(rows)
            .on_conflict(known)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// Writes the variants: with `publish` their published revision, else the latest one.
async fn put_variants(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    site: SiteId,
    new: &[(&NewRevision<'_>, &Packed)],
    publish: bool,
) -> Result<()> {
    use variant::Column;
    let changed: &[Column] = if publish {
        &[Column::PublishedRevision, Column::PublishedAt]
    } else {
        &[Column::LatestRevision, Column::UpdatedAt]
    };
    for chunk in new.chunks(bind_parameters_max(tx) / 9) {
        let rows = chunk.iter().map(|(new, packed)| variant::ActiveModel {
            site_id: Set(site.to_string()),
            format: Set(new.format.as_str().to_owned()),
            path: Set(new.path.to_owned()),
            workspace_id: Set(workspace.to_string()),
            published_revision: Set(publish.then(|| packed.revision.to_string())),
            latest_revision: Set(packed.revision.to_string()),
            created_at: Set(new.at.0),
            updated_at: Set(new.at.0),
            published_at: Set(publish.then_some(new.at.0)),
            ..Default::default()
        });
        let known = OnConflict::columns([Column::SiteId, Column::Format, Column::Path])
            .update_columns(changed.iter().copied())
            .to_owned();
        variant::Entity::insert_many(rows)
            .on_conflict(known)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}
