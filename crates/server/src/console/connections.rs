//! Connections: their list, the page that makes one, and one with its facts.

use super::{
    desk::Desk,
    parts::{Mark, ProblemPanel, Stamp, State, When},
    shell::{Shell, look_of},
};
use crate::services::{token_url, warnings::Warning};
use askama::Template;
use serde::{Deserialize, Serialize};

mod attempt;
mod change;
mod checklist;
mod guide;
mod leave;
mod matrix;
mod show;
mod zone_row;
mod zones;

pub(super) use change::{check, create, new, rename, replace, replace_page};
pub(crate) use checklist::ChecklistPart;
pub(super) use guide::guide;
pub(super) use leave::{call_back, disconnect, forget_former, remove_sites};
pub(crate) use matrix::AccountTable;
pub(super) use show::{index, show};
pub(crate) use zones::{Place, ZoneForm, ZoneList, list as zone_list};
pub(super) use zones::{choose_accounts, read_zones};
#[cfg(test)]
pub(crate) use {
    checklist::Line,
    guide::GuidePage,
    matrix::{AccountRow, PermissionCell},
    zone_row::{Mend, ZoneRow},
};

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
    /// When the token ends: in how long, while it has not, and when.
    pub(crate) expires: Option<(Option<String>, Stamp)>,
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
    pub(crate) accounts: AccountNames,
    /// `2 sites`, `No site`.
    pub(crate) sites_words: String,
    /// The sites that use it.
    pub(crate) sites: Vec<Named>,
    /// The zones.
    pub(crate) zones: ZoneList,
    /// The permissions in each account.
    pub(crate) permissions: AccountTable,
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

/// The names of a connection's accounts, of which there may be hundreds.
#[derive(Debug, Clone)]
pub(crate) struct AccountNames {
    names: Vec<String>,
    used: usize,
}

impl AccountNames {
    /// As many are named; the rest is counted.
    const NAMED: usize = 3;

    /// Of these accounts, so many are used.
    pub(crate) fn new(names: Vec<String>, used: usize) -> Self {
        Self { names, used }
    }

    /// `3`, or `1 of 3` when not all are used.
    pub(crate) fn len(&self) -> String {
        if self.used == self.names.len() {
            self.used.to_string()
        } else {
            format!("{} of {}", self.used, self.names.len())
        }
    }

    /// The first names, and how many more there are.
    pub(crate) fn join(&self, between: &str) -> String {
        let mut text = self.names[..Ord::min(self.names.len(), Self::NAMED)].join(between);
        if self.names.len() > Self::NAMED {
            text.push_str(&format!(" and {} more", self.names.len() - Self::NAMED));
        }
        text
    }
}
