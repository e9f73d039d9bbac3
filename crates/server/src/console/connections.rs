//! Connections: their list, the page that makes one, and one with its facts.

use super::{
    desk::Desk,
    parts::{Mark, ProblemPanel, Stamp, State, When},
    shell::Shell,
};
use crate::services::token_url;
use askama::Template;

mod attempt;
mod change;
mod checklist;
mod guide;
mod matrix;
mod show;

pub(super) use change::{check, create, disconnect, new, rename, replace, replace_page};
pub(crate) use checklist::ChecklistPart;
pub(super) use guide::guide;
pub(crate) use show::zone_rows;
pub(super) use show::{index, show};
#[cfg(test)]
pub(crate) use {checklist::Line, guide::GuidePage};

/// The list of connections.
#[derive(Debug, Template)]
#[template(path = "pages/connections.html")]
pub(crate) struct ConnectionsPage {
    /// The rail.
    pub(crate) shell: Shell,
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
    /// What its check found.
    pub(crate) list: Option<ChecklistPart>,
    /// Cloudflare's form for a person's token, filled in.
    pub(crate) user_form: String,
    /// Cloudflare's form for an account's token, filled in.
    pub(crate) account_form: String,
}

impl ConnectPage {
    /// The page before anything is pasted.
    pub(crate) fn new(desk: &Desk, replaces: Option<Named>, name: String) -> Self {
        Self {
            shell: desk.shell("connections"),
            replaces,
            name,
            problem: None,
            list: None,
            user_form: token_url::user_form().to_string(),
            account_form: token_url::account_form().to_string(),
        }
    }

    /// The same after a refusal.
    #[must_use]
    pub(crate) fn refused(mut self, panel: ProblemPanel, list: ChecklistPart) -> Self {
        self.problem = Some(panel);
        self.list = Some(list);
        self
    }

    /// Where the form is sent.
    fn target(&self) -> String {
        match &self.replaces {
            Some(target) => format!("/connections/{}/token", target.id),
            None => "/connections".to_owned(),
        }
    }

    /// Whether the token itself is wrong.
    fn is_token_wrong(&self) -> bool {
        let problem = self.problem.as_ref().map(|panel| &panel.problem);
        problem.is_some_and(|problem| attempt::next_deed(problem) == "paste")
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
    /// What a state other than ready means: a title and a sentence.
    pub(crate) trouble: Option<(&'static str, &'static str)>,
    /// When it was checked.
    pub(crate) checked: When,
    /// The token's last characters.
    pub(crate) hint: String,
    /// `User token` or `Account token`.
    pub(crate) kind: &'static str,
    /// When it was stored.
    pub(crate) made: Stamp,
    /// When the token ends.
    pub(crate) expires: Option<(When, Stamp)>,
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
    /// Why it could not be disconnected.
    pub(crate) problem: Option<ProblemPanel>,
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
