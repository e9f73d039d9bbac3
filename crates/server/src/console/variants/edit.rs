//! The editor's page.

use super::{
    ChecksPart, DifferencePart, LongText, RevisionRow, ScheduleRows, Theirs, VariantPage,
    checks::name_of, edge_state, preview::html_of, preview_links, state_of,
};
use crate::{
    console::{
        bulk::panel_of,
        connections::Named,
        desk::{Desk, id, page, with_previews},
        parts::{Mark, ProblemPanel, State, When, count},
    },
    problem::{Code, Outcome, Problem},
    services::{
        compare::{self, Side},
        sites,
        variants::{self, VariantName},
    },
};
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::{
    ids::SiteId,
    variant::{Format, Revision},
};
use serde::Deserialize;
use store::{RevisionInfo, Site};

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EditQuery {
    format: String,
    path: String,
    revision: String,
}

/// The text of a new variant, to begin with.
const FIRST_HTML: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n  <meta charset=\"utf-8\">\n  <title></title>\n</head>\n<body>\n  <h1></h1>\n  <p></p>\n</body>\n</html>\n";
const FIRST_MARKDOWN: &str = "# \n\n";

/// The longest text that the editor takes; browsers grow slow with longer ones, and a page holds it twice.
const EDITED_MAX: usize = 512 * 1024;
/// As much of a longer one is shown.
const SHOWN: usize = 16 * 1024;
/// What stands in the place of a preview that would be too long.
const NO_PREVIEW: &str = "<p>This is too long for a preview.</p>";

/// Whether nothing was typed into the text that a new variant begins with.
pub(super) fn is_untouched(content: &str) -> bool {
    [FIRST_HTML, FIRST_MARKDOWN]
        .iter()
        .any(|first| content.trim() == first.trim())
}

fn preview_of(format: Format, content: &str) -> String {
    if content.len() > EDITED_MAX {
        return NO_PREVIEW.to_owned();
    }
    html_of(format, content)
}

fn other(format: Format) -> Format {
    match format {
        Format::Html => Format::Markdown,
        Format::Markdown => Format::Html,
    }
}

pub(super) fn named(site: &Site) -> Named {
    Named {
        id: site.id.to_string(),
        name: site.name.clone(),
    }
}

/// The page of a variant that is not saved yet.
pub(super) async fn new_view(
    desk: &Desk,
    site: &Site,
    format: Format,
    path: String,
    content: String,
    problem: Option<Problem>,
) -> VariantPage {
    let problem = problem.map(ProblemPanel::new);
    let checks = if is_untouched(&content) || content.len() > EDITED_MAX {
        ChecksPart::none()
    } else {
        ChecksPart::of(site, &name_of(site, format, &path), &content).await
    };
    VariantPage {
        note: String::new(),
        checks,
        schedule: ScheduleRows::default(),
        theirs: None,
        shell: desk.shell(&site.id.to_string()),
        site: named(site),
        long: None,
        is_new: true,
        path,
        path_wrong: problem
            .as_ref()
            .and_then(|panel| panel.wrong("path"))
            .map(str::to_owned),
        format: format.as_str(),
        other_format: other(format).as_str(),
        other: None,
        state: State::new("idle", Mark::Pencil, "Draft"),
        edge: State::new("idle", Mark::Ring, "Not there"),
        is_published: false,
        base: String::new(),
        watch: None,
        preview: preview_of(format, &content),
        size: String::new(),
        content,
        previews: None,
        revisions: Vec::new(),
        problem,
    }
}

/// The page of a variant: with a revision's content, or with what was typed and refused.
pub(super) async fn view(
    desk: &Desk,
    site: &Site,
    name: &VariantName,
    open: Option<Revision>,
    typed: Option<(Option<String>, Problem)>,
) -> Outcome<VariantPage> {
    let (app, ws) = (desk.app(), desk.ws());
    let variant = variants::get(app, ws, name).await?;
    let open = open.unwrap_or_else(|| variant.latest.clone());
    let (typed, problem) = typed.map_or((None, None), |(typed, problem)| (typed, Some(problem)));
    let is_typed = typed.is_some();
    let mut content = match typed {
        Some(content) => content,
        None => text_of(desk, name, &open).await?,
    };
    let other_name = VariantName {
        site: site.id,
        format: other(name.format),
        path: name.path.clone(),
    };
    let has_other = app
        .store
        .variant(ws, site.id, other_name.format, other_name.path.as_str())
        .await?
        .is_some();
    let is_pending = app
        .store
        .pending_kv(ws, site.id, 1000)
        .await?
        .writes
        .iter()
        .any(|write| write.format == variant.format && write.path == variant.path);
    let previews = preview_links::part(desk, site, name, &open).await?;
    let now = desk.now();
    let listed = variants::revisions(app, ws, name).await?;
    let theirs = match &problem {
        Some(problem) if problem.code == Code::EditConflict => {
            let latest = listed.iter().find(|info| info.revision == variant.latest);
            theirs(desk, name, latest, &content).await?
        }
        _ => None,
    };
    let checks = if content.len() > EDITED_MAX {
        ChecksPart::none()
    } else {
        ChecksPart::of(site, name, &content).await
    };
    let revisions = listed
        .into_iter()
        .map(|info| RevisionRow {
            short: info.revision.short().to_owned(),
            state: if info.is_published {
                State::new("ok", Mark::Tick, "Published")
            } else {
                State::new("idle", Mark::Ring, "Not published")
            },
            bytes: count(info.bytes),
            author: info.author,
            note: info.note,
            saved: When {
                at: info.created_at,
                now,
            },
            is_published: info.is_published,
            is_open: info.revision == open,
            revision: info.revision.to_string(),
        })
        .collect();
    let size = format!("{} bytes", count(content.len() as u64));
    let long = (!is_typed && content.len() > EDITED_MAX).then(|| {
        content.truncate(content.floor_char_boundary(SHOWN));
        LongText::of(site, name, &open)
    });
    Ok(VariantPage {
        shell: desk.shell(&site.id.to_string()),
        site: named(site),
        long,
        is_new: false,
        path: variant.path.clone(),
        path_wrong: None,
        format: name.format.as_str(),
        other_format: other(name.format).as_str(),
        other: has_other.then_some(()),
        state: state_of(&variant),
        edge: edge_state(site, &variant, is_pending),
        is_published: variant.published.is_some(),
        base: variant.latest.to_string(),
        watch: panel_of(desk, name).await?,
        preview: preview_of(name.format, &content),
        size,
        content,
        previews: Some(previews),
        revisions,
        problem: problem.map(ProblemPanel::new),
        note: String::new(),
        checks,
        schedule: ScheduleRows::of(&variant, now),
        theirs,
    })
}

async fn text_of(desk: &Desk, name: &VariantName, revision: &Revision) -> Outcome<String> {
    let bytes = variants::content(desk.app(), desk.ws(), name, revision).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What somebody else saved meanwhile, beside what was typed.
async fn theirs(
    desk: &Desk,
    name: &VariantName,
    latest: Option<&RevisionInfo>,
    mine: &str,
) -> Outcome<Option<Theirs>> {
    let Some(latest) = latest else {
        return Ok(None);
    };
    let content = text_of(desk, name, &latest.revision).await?;
    let found = compare::texts(name.format, content.clone(), mine.to_owned(), Side::Source).await;
    let from = format!("Saved by {}", latest.author);
    Ok(Some(Theirs {
        short: latest.revision.short().to_owned(),
        author: latest.author.clone(),
        saved: When {
            at: latest.created_at,
            now: desk.now(),
        },
        difference: DifferencePart::of(found, from, "Yours".to_owned(), false),
        content,
    }))
}

/// The editor for a new variant.
pub(in crate::console) async fn new(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<EditQuery>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let format = query.format.parse().unwrap_or(Format::Html);
    let first = match format {
        Format::Html => FIRST_HTML,
        Format::Markdown => FIRST_MARKDOWN,
    };
    let view = new_view(&desk, &site, format, query.path, first.to_owned(), None).await;
    Ok(with_previews(page(&view)))
}

/// The editor for a variant that is there.
pub(in crate::console) async fn edit(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<EditQuery>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let name = VariantName::parse(&site, &query.format, &query.path)?;
    let open = match query.revision.as_str() {
        "" => None,
        revision => Some(
            revision
                .parse()
                .map_err(|_| Problem::not_found("revision", revision))?,
        ),
    };
    let view = view(&desk, &site, &name, open, None).await?;
    Ok(with_previews(page(&view)))
}
