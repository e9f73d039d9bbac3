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
    let mut missing: Vec<(String, String)> = Vec::new();
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
            bar.inc(1);
            match fs::create_dir_all(parent).and_then(|()| fs::write(&target, content)) {
                Ok(()) => written += 1,
                // A name that this file system does not take is no reason to leave out the others.
                Err(error) if is_about_the_name(&error) => {
                    missing.push((variant.path.clone(), error.to_string()));
                }
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("{} cannot be written", target.display()));
                }
            }
        }
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    bar.finish_and_clear();
    let is_whole = missing.is_empty();
    if args.json {
        let missing: serde_json::Value = missing
            .iter()
            .map(|(path, why)| json!({"path": path, "why": why}))
            .collect();
        print_json(&json!({ "written": written, "missing": missing }))?;
    } else {
        let what = if written == 1 { "variant" } else { "variants" };
        print_line(&format!(
            "{written} {what} written to {}",
            args.folder.display()
        ))?;
        for (path, why) in &missing {
            let shown: String = path.chars().take(100).collect();
            print_line(&format!("not written: {shown}: {why}"))?;
        }
    }
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn is_about_the_name(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::InvalidFilename
            | std::io::ErrorKind::NotADirectory
            | std::io::ErrorKind::AlreadyExists
            | std::io::ErrorKind::IsADirectory
    )
}
