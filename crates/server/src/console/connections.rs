//! Connections: their list, the page that makes one, and one with its facts.

use super::{
    parts::{CheckRow, Mark, ProblemPanel, Stamp, State, When},
    shell::{Shell, look_of},
};
use crate::services::warnings::Warning;
use askama::Template;
use serde::{Deserialize, Serialize};

mod change;
mod leave;
mod matrix;
mod show;

pub(super) use change::{check, create, new, rename, replace, replace_page};
pub(super) use leave::{call_back, disconnect, forget_former, remove_sites};
pub(crate) use show::zone_rows;
pub(super) use show::{index, show};

/// The list of connections.
#[derive(Debug, Template)]
#[template(path = "pages/connections.html")]
pub(crate) struct ConnectionsPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The token of the connection that was just disconnected.
    pub(crate) gone: Option<Former>,
    /// Whether deleted rows stay in the database's own files for a while.
    pub(crate) is_postgres: bool,
    /// The connections.
    pub(crate) rows: Vec<ConnectionRow>,
}

/// A connection in the list.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionRow {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its state.
    pub(crate) state: State,
    /// The token's last characters.
    pub(crate) hint: String,
    /// The accounts' names.
    pub(crate) accounts: String,
    /// How many zones it reaches.
    pub(crate) zones: String,
    /// When the token ends.
    pub(crate) expires: Option<When>,
    /// When it was checked.
    pub(crate) checked: When,
    /// What is to be done about it, in a few words.
    pub(crate) warning: Option<String>,
    /// `2 sites`, `No site`.
    pub(crate) sites: String,
}

/// The page with the token field and the guide beside it.
#[derive(Debug, Template)]
#[template(path = "pages/connect.html")]
pub(crate) struct ConnectPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The connection whose token is replaced; none: a new connection.
    pub(crate) replaces: Option<Named>,
    /// What was typed as the name; a token is never echoed.
    pub(crate) name: String,
    /// Why the token was refused.
    pub(crate) problem: Option<ProblemPanel>,
    /// What the refused token may do.
    pub(crate) checks: Vec<CheckRow>,
    /// Cloudflare's form for a person's token, filled in.
    pub(crate) user_form: String,
    /// Cloudflare's form for an account's token, filled in.
    pub(crate) account_form: String,
}

impl ConnectPage {
    /// Whether the permission at `index` is the first of its scope.
    fn opens_group(&self, index: usize) -> bool {
        index == 0 || self.checks[index].scope != self.checks[index - 1].scope
    }
}

/// Something with an id and a name.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
}

/// One connection.
#[derive(Debug, Template)]
#[template(path = "pages/connection.html")]
pub(crate) struct ConnectionPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its state.
    pub(crate) state: State,
    /// What is to be done about it, the most urgent first.
    pub(crate) troubles: Vec<Trouble>,
    /// What could not be made sure of when the token was replaced.
    pub(crate) notes: Vec<String>,
    /// The token before this one.
    pub(crate) former: Option<Former>,
    /// Since when its sites are being removed, after which it goes.
    pub(crate) leaving: Option<When>,
    /// When it was checked.
    pub(crate) checked: When,
    /// The token's last characters.
    pub(crate) hint: String,
    /// `User token` or `Account token`.
    pub(crate) kind: &'static str,
    /// When the token was stored.
    pub(crate) stored: Stamp,
    /// When the token ends: `6 days`, and the time. None of `6 days` left: it is over.
    pub(crate) expires: Option<(Option<String>, Stamp)>,
    /// When it is checked again by itself.
    pub(crate) next_check: Option<When>,
    /// The accounts' names.
    pub(crate) accounts: Vec<String>,
    /// `2 sites`, `No site`.
    pub(crate) sites_words: String,
    /// The sites that use it.
    pub(crate) sites: Vec<Named>,
    /// `7 zones, 3 deployable`.
    pub(crate) zones_words: String,
    /// The zones.
    pub(crate) zones: Vec<ZoneRow>,
    /// Why the zones could not be read.
    pub(crate) zones_problem: Option<ProblemPanel>,
    /// The accounts of the permissions' columns.
    pub(crate) columns: Vec<String>,
    /// The five permissions.
    pub(crate) permissions: Vec<PermissionRow>,
    /// Cloudflare's list of tokens.
    pub(crate) tokens_page: String,
    /// Whether deleted rows stay in the database's own files for a while.
    pub(crate) is_postgres: bool,
    /// Why it could not be disconnected.
    pub(crate) problem: Option<ProblemPanel>,
}

/// Something that is to be done about a connection.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    /// How bad it is, as a class.
    pub(crate) tone: &'static str,
    /// Its mark.
    pub(crate) mark: Mark,
    /// What is so.
    pub(crate) title: String,
    /// What it means.
    pub(crate) detail: &'static str,
    /// What to do.
    pub(crate) remedy: &'static str,
}

impl Trouble {
    /// The warnings of a connection.
    pub(crate) fn of(warnings: Vec<Warning>) -> Vec<Self> {
        warnings
            .into_iter()
            .map(|warning| {
                let (tone, mark) = look_of(warning.code);
                Self {
                    tone,
                    mark,
                    title: warning.title,
                    detail: warning.detail,
                    remedy: warning.remedy,
                }
            })
            .collect()
    }
}

/// A token that is no longer stored here, and is still valid at Cloudflare.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Former {
    /// Its last characters.
    pub(crate) hint: String,
    /// The name of its connection.
    pub(crate) of: String,
    /// Where it is deleted.
    pub(crate) delete_url: String,
}

/// A zone that the token reaches.
#[derive(Debug, Clone)]
pub(crate) struct ZoneRow {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its account's name.
    pub(crate) account: String,
    /// `active`, `active, paused`, ….
    pub(crate) status: String,
    /// The plan.
    pub(crate) plan: String,
    /// Why nothing can be deployed to it.
    pub(crate) reason: Option<String>,
    /// The site that is there already.
    pub(crate) site: Option<Named>,
}

impl ZoneRow {
    /// Whether something can be deployed, as a state.
    pub(crate) fn state(&self) -> State {
        if self.reason.is_none() {
            State::new("ok", Mark::Tick, "Yes")
        } else {
            State::new("idle", Mark::Bar, "No")
        }
    }
}

/// One permission across accounts.
#[derive(Debug, Clone)]
pub(crate) struct PermissionRow {
    /// `Account` or `Zone`.
    pub(crate) scope: &'static str,
    /// Its name in Cloudflare's form.
    pub(crate) name: &'static str,
    /// `Edit` or `Read`.
    pub(crate) level: &'static str,
    /// The finding in each account.
    pub(crate) cells: Vec<PermissionCell>,
}

/// One permission in one account.
#[derive(Debug, Clone)]
pub(crate) struct PermissionCell {
    /// The finding.
    pub(crate) state: State,
    /// `yes`, `5 of 7 zones`.
    pub(crate) words: String,
    /// The evidence, when it is not a plain yes.
    pub(crate) detail: Option<String>,
}
