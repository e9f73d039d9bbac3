//! The list of zones, as the page of a connection and the choice of a domain show it, and its forms.

use super::{Named, show, zone_row::ZoneRow};
use crate::{
    console::{
        desk::{Desk, done, encoded, id, page_after},
        form::Form,
        parts::{ProblemPanel, When, count, plural},
    },
    problem::{Outcome, Problem},
    services::{
        connections,
        zones::{self, Search, Want, ZoneChoice},
    },
};
use askama::Template;
use axum::{extract::Path, response::Response};
use domain::{connection::Granted, ids::ConnectionId};
use serde::Deserialize;
use store::Connection;

/// As many zones stand on a page; as many are asked for their routes at once.
const ROWS: u32 = 25;

/// Up to so many zones are seen at a glance.
const SMALL: u64 = 10;

/// With more accounts than this, the filter by account is reached from their table.
const ACCOUNTS_LISTED: usize = 40;

/// What of the zones the address wants to see.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ZoneForm {
    /// A part of the name.
    q: String,
    /// An account's id.
    account: String,
    /// `all`, `yes` (deployable), `no`; empty: the page's own choice.
    show: String,
    /// The cursor.
    after: String,
    /// Whether the routes of the shown zones are asked first.
    ask: String,
}

/// The list.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/zones.html")]
pub(crate) struct ZoneList {
    /// The connection's id.
    pub(crate) connection: String,
    /// The page that it stands on, with a query that has begun.
    pub(crate) base: String,
    /// Whether one is chosen here, instead of looked at.
    pub(crate) is_choice: bool,
    /// The zone that is marked.
    pub(crate) chosen: String,
    /// The zones of this page.
    pub(crate) rows: Vec<ZoneRow>,
    /// `17 zones, 16 deployable.`
    pub(crate) words: String,
    /// When they were read.
    pub(crate) read: Option<When>,
    /// Whether they are being read again.
    pub(crate) is_running: bool,
    /// Why they could not be read.
    pub(crate) problem: Option<ProblemPanel>,
    /// What is searched for.
    pub(crate) q: String,
    /// The account that the list is cut down to.
    pub(crate) account: String,
    /// Its name.
    pub(crate) account_name: Option<String>,
    /// The accounts to choose from, if they are few.
    pub(crate) accounts: Vec<Named>,
    /// All, deployable, not: their word in the address, label and count.
    pub(crate) parts: Vec<(&'static str, &'static str, String)>,
    /// Which of these is shown.
    pub(crate) show: &'static str,
    /// Whether there are so few that nobody needs to search.
    pub(crate) is_small: bool,
    /// Whether there is a page before this one.
    pub(crate) has_before: bool,
    /// The cursor of the next page.
    pub(crate) next: Option<String>,
    /// How this list is fetched once more, when more will be known of it in a moment.
    pub(crate) again: Option<String>,
}

impl ZoneList {
    /// The address of the list with other words.
    fn href(&self, show: &str, account: &str) -> String {
        format!(
            "{}q={}&account={}&show={show}",
            self.base,
            encoded(&self.q),
            encoded(account)
        )
    }

    /// Whether anything is searched for or left out.
    fn is_filtered(&self) -> bool {
        !self.q.is_empty() || !self.account.is_empty() || self.show != "all"
    }
}

/// Where a list stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// On the connection's page.
    Connection,
    /// Where a domain is chosen; perhaps one is marked already.
    Choice {
        /// That zone's id.
        marked: &'a str,
    },
}

/// The list for a page; the connection is brought up to date with what a reading found.
pub(crate) async fn list(
    desk: &Desk,
    connection: &mut Connection,
    form: &ZoneForm,
    place: Place<'_>,
) -> Outcome<ZoneList> {
    let app = &desk.app;
    let want = if form.after.is_empty() {
        Want::Recent
    } else {
        Want::Kept
    };
    let (reading, problem) = match zones::ensure(app, connection, want).await {
        Ok(mut reading) => {
            let problem = reading.problem.take();
            (reading, problem)
        }
        Err(problem) => (zones::Reading::default(), Some(problem)),
    };
    let account = form.account.parse().ok();
    let search = |deployable| Search {
        text: Some(form.q.clone()),
        account: account.clone(),
        deployable,
    };
    let total = zones::count(app, connection, search(None)).await?;
    let deployable = zones::count(app, connection, search(Some(true))).await?;
    let show = shown(&form.show, place, total, deployable);
    let wanted = search(match show {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    });
    let listed = zones::page(app, connection, wanted, &page_after(&form.after, ROWS)).await?;
    let mut choices = listed.items;
    if let Place::Choice { marked } = place {
        mark(desk, connection, &mut choices, marked).await?;
    }
    let is_asked = form.ask == "yes";
    if is_asked {
        zones::ask_routes(app, connection, &mut choices).await;
    }
    if place != Place::Connection {
        choices.sort_by_key(|choice| !choice.is_deployable());
    }
    let ids: Vec<_> = choices
        .iter()
        .map(|choice| choice.zone.id.clone())
        .collect();
    let sites = app.store.sites_on_zones(desk.ws(), &ids).await?;
    let is_open = choices
        .iter()
        .any(|choice| choice.is_deployable() && choice.routes == Granted::Unknown);
    let mut list = ZoneList {
        connection: connection.id.to_string(),
        base: match place {
            Place::Connection => format!("/connections/{}?", connection.id),
            Place::Choice { .. } => format!("/sites/new?connection={}&", connection.id),
        },
        is_choice: place != Place::Connection,
        chosen: match place {
            Place::Choice { marked } => marked.to_owned(),
            Place::Connection => String::new(),
        },
        rows: choices
            .iter()
            .map(|choice| ZoneRow::of(choice, connection.id, &sites))
            .collect(),
        words: format!(
            "{}, {} deployable.",
            plural(total, "zone"),
            count(deployable)
        ),
        read: reading.read_at.map(|at| When {
            at,
            now: desk.now(),
        }),
        is_running: reading.is_running,
        problem: problem.map(|problem| {
            let mut panel = ProblemPanel::new(problem);
            "zones".clone_into(&mut panel.key);
            if place == Place::Connection {
                panel
            } else {
                panel.with(
                    "See the connection",
                    format!("/connections/{}", connection.id),
                )
            }
        }),
        q: form.q.clone(),
        account_name: account.as_ref().map(|id| name_of(connection, id)),
        account: account
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        accounts: listed_accounts(connection),
        parts: vec![
            ("all", "All", count(total)),
            ("yes", "Deployable", count(deployable)),
            ("no", "Not", count(total.saturating_sub(deployable))),
        ],
        show,
        is_small: form.q.is_empty() && account.is_none() && show == "all" && total <= SMALL,
        has_before: !form.after.is_empty(),
        next: listed.next,
        again: None,
    };
    if list.is_running || is_open && !is_asked {
        list.again = Some(format!(
            "{}&after={}&ask=yes",
            list.href(show, &list.account),
            encoded(&form.after)
        ));
    }
    Ok(list)
}

/// Few zones are shown all; of many, where one is to be chosen, those that can be.
fn shown(word: &str, place: Place<'_>, total: u64, deployable: u64) -> &'static str {
    match word {
        "all" => "all",
        "yes" => "yes",
        "no" => "no",
        _ if place == Place::Connection || total <= u64::from(ROWS) || deployable == 0 => "all",
        _ => "yes",
    }
}

/// The zone that somebody came for stands first, on whatever page it would be.
async fn mark(
    desk: &Desk,
    connection: &Connection,
    choices: &mut Vec<ZoneChoice>,
    marked: &str,
) -> Outcome<()> {
    let Ok(id) = marked.parse() else {
        return Ok(());
    };
    if choices.iter().any(|choice| choice.zone.id == id) {
        return Ok(());
    }
    if let Some(choice) = zones::kept(&desk.app, connection, &id).await? {
        choices.insert(0, choice);
    }
    Ok(())
}

fn name_of(connection: &Connection, id: &domain::ids::AccountId) -> String {
    connection
        .accounts
        .iter()
        .find(|account| account.id == *id)
        .map_or_else(|| id.to_string(), |account| account.name.clone())
}

fn listed_accounts(connection: &Connection) -> Vec<Named> {
    if !(2..=ACCOUNTS_LISTED).contains(&connection.accounts.len()) {
        return Vec::new();
    }
    connection
        .accounts
        .iter()
        .map(|account| Named {
            id: account.id.to_string(),
            name: account.name.clone(),
        })
        .collect()
}

/// Which page a form came from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReadForm {
    from: String,
}

/// Reads the zones now.
pub(crate) async fn read_zones(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<ReadForm>,
) -> Result<Response, Problem> {
    let id: ConnectionId = id(&text, "connection")?;
    let mut connection = connections::get(desk.app(), desk.ws(), id).await?;
    match zones::ensure(&desk.app, &mut connection, Want::Now).await {
        Ok(_) if form.from == "choice" => {
            Ok(done(&format!("/sites/new?connection={id}"), "zones-read"))
        }
        Ok(_) => Ok(done(&format!("/connections/{id}"), "zones-read")),
        Err(problem) => Ok(show::with_zones_problem(&desk, id, problem).await),
    }
}

/// Which accounts were shown, and which of them are to be used; the others stay as they are.
pub(crate) async fn choose_accounts(
    desk: Desk,
    Path(text): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let id: ConnectionId = id(&text, "connection")?;
    let connection = connections::get(desk.app(), desk.ws(), id).await?;
    let named = |key: &str| -> Vec<&str> {
        pairs
            .iter()
            .filter(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
            .collect()
    };
    let (shown, used) = (named("shown"), named("use"));
    let judge = zones::Judge::of(&connection);
    let chosen: Vec<String> = connection
        .accounts
        .iter()
        .filter(|account| {
            let account_id = account.id.as_str();
            if shown.contains(&account_id) {
                used.contains(&account_id)
            } else {
                judge.uses(&account.id)
            }
        })
        .map(|account| account.id.to_string())
        .collect();
    match zones::choose_accounts(desk.app(), desk.ws(), id, &chosen).await {
        Ok(_) => Ok(done(&format!("/connections/{id}"), "accounts")),
        Err(problem) => Ok(show::with_accounts_problem(&desk, id, problem).await),
    }
}
