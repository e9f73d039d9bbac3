//! `edge-delivery deploy`.

use super::{confirm, follow, hint};
use crate::{
    app::App,
    audit::Actor,
    config::ConfigArgs,
    problem::Outcome,
    services::{
        deployments::{
            edits,
            many::{Asked, Looked, look_for_edits, start_many},
        },
        sites,
    },
};
use domain::ids::SiteId;
use std::process::ExitCode;
use store::Page;

/// Deploy sites: bring their accounts to what is desired. Works beside a running `serve`, and without one.
///
/// What somebody changed in an account is named before it is put back. On a terminal it is asked whether it may be; without
/// one, such a site is left alone unless `--overwrite-edits` is given. One that fails stops no other.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXIT_CODES)]
pub(crate) struct DeployArgs {
    /// The sites' names or ids
    #[arg(required_unless_present = "all")]
    sites: Vec<String>,
    /// Every site there is
    #[arg(long, conflicts_with = "sites")]
    all: bool,
    /// Put back what was changed outside Edge Delivery, without asking; it is named all the same
    #[arg(long)]
    overwrite_edits: bool,
    /// Print the finished deployment as JSON; of several sites a list
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  all went well
  1  one or more failed, or could not be begun
  2  wrong usage
  3  nothing failed, but a site was changed outside Edge Delivery and so left alone: look at `edge-delivery plan SITE`,
     then give --overwrite-edits";

/// Runs the command.
pub(crate) async fn run(args: DeployArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
    let chosen = match chosen(&app, &args.sites, args.all).await {
        Ok(chosen) => chosen,
        Err(problem) => return super::refuse(&problem, args.json),
    };
    if chosen.is_empty() {
        super::print_line("There is no site to deploy.")?;
        return Ok(ExitCode::SUCCESS);
    }
    let looked = look_for_edits(&app, app.workspace, &chosen).await;
    let has_edits = tell_edits(&looked);
    let may = args.overwrite_edits || (has_edits && is_wanted().await?);
    let actor = Actor::command_line(app.workspace);
    let asked = start_many(&app, &actor, looked, "command line", |_| may).await;
    let (mut started, mut refused) = (Vec::new(), Vec::new());
    for Asked { name, outcome, .. } in asked {
        match outcome {
            Ok(deployment) => started.push(deployment),
            Err(problem) => refused.push((name, problem)),
        }
    }
    match (started.as_slice(), refused.as_slice()) {
        ([one], []) if !args.all => follow::to_the_end(&app, one, args.json).await,
        ([], [(name, problem)]) if !args.all => {
            if args.json {
                super::print_json(problem)?;
            } else {
                hint(&follow::refusal_line(name, problem));
            }
            Ok(follow::code_of_refusals(&refused))
        }
        (several, _) => follow::all_to_the_end(&app, several, &refused, args.json).await,
    }
}

async fn chosen(app: &App, names: &[String], all: bool) -> Outcome<Vec<SiteId>> {
    if all {
        return every_site(app).await;
    }
    let mut chosen: Vec<SiteId> = Vec::new();
    for name in names {
        let id = sites::find(app, app.workspace, name).await?.id;
        if !chosen.contains(&id) {
            chosen.push(id);
        }
    }
    Ok(chosen)
}

/// Names what would be put back; whether there is something.
fn tell_edits(looked: &[Looked]) -> bool {
    let mut has_edits = false;
    for site in looked.iter().filter(|site| site.has_edits()) {
        has_edits = true;
        hint(&format!(
            "{} was changed outside Edge Delivery. Deploying puts this back; the change itself is kept nowhere:",
            site.name
        ));
        for edit in site.edits.iter().flatten() {
            hint(&format!("  {}", edits::in_words(edit)));
        }
    }
    has_edits
}

/// Whether somebody sits there and says yes.
async fn is_wanted() -> anyhow::Result<bool> {
    if !confirm::can_ask() {
        return Ok(false);
    }
    confirm::is_yes("Deploy, and put that back?".to_owned()).await
}

async fn every_site(app: &App) -> Outcome<Vec<SiteId>> {
    let (mut ids, mut page) = (Vec::new(), Page::first(store::PAGE_MAX));
    loop {
        let listed = sites::list(app, app.workspace, &page).await?;
        ids.extend(listed.items.iter().map(|site| site.id));
        match listed.next {
            Some(next) => page.after = Some(next),
            None => return Ok(ids),
        }
    }
}
