//! `edge-delivery variants pull`.

use super::{FolderArgs, progress};
use crate::{
    app::App,
    commands::{print_json, print_line},
    services::variant_files::file_of,
};
use anyhow::Context;
use serde_json::json;
use std::{fs, process::ExitCode};
use store::{Page, Site};

/// Writes every published variant into the folder.
pub(super) async fn pull(app: &App, site: &Site, args: &FolderArgs) -> anyhow::Result<ExitCode> {
    let counts = app.store.count_variants(app.workspace, site.id).await?;
    let bar = progress::of_items(counts.published);
    let mut written = 0_u64;
    let mut page = Page::first(store::PAGE_MAX);
    loop {
        let listed = app
            .store
            .list_variants(app.workspace, site.id, &page, None)
            .await?;
        for variant in &listed.items {
            let Some(revision) = &variant.published else {
                continue;
            };
            let content = app
                .store
                .content(
                    app.workspace,
                    site.id,
                    variant.format,
                    &variant.path,
                    revision,
                )
                .await?
                .with_context(|| {
                    format!("the content of {} is missing in the database", variant.path)
                })?;
            let target = args.folder.join(file_of(variant.format, &variant.path));
            let parent = target.parent().unwrap_or(&args.folder);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&target, content))
                .with_context(|| format!("{} cannot be written", target.display()))?;
            written += 1;
            bar.inc(1);
        }
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    bar.finish_and_clear();
    if args.json {
        print_json(&json!({ "written": written }))?;
    } else {
        let what = if written == 1 { "variant" } else { "variants" };
        print_line(&format!(
            "{written} {what} written to {}",
            args.folder.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
