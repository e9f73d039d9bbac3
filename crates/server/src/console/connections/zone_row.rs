//! One zone in a list: its state, what is in the way of a site on it, and where that is mended.

use super::Named;
use crate::{
    console::{
        desk::encoded,
        parts::{Mark, State},
    },
    services::{
        token_url,
        zones::{Obstacle, ZoneChoice},
    },
};
use domain::{connection::Granted, ids::ConnectionId};
use store::Site;

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
    /// Whether something can be deployed to it.
    pub(crate) state: State,
    /// Why not, or what is not known yet.
    pub(crate) reason: Option<String>,
    /// Where that is mended.
    pub(crate) mend: Option<Mend>,
    /// Whether a site could be made on it.
    pub(crate) is_deployable: bool,
    /// The site that is there already.
    pub(crate) site: Option<Named>,
}

/// A way to mend what is in the way of a site.
#[derive(Debug, Clone)]
pub(crate) struct Mend {
    /// Its words.
    pub(crate) label: &'static str,
    /// Its address.
    pub(crate) href: String,
    /// Whether it leaves the console.
    pub(crate) is_away: bool,
}

impl ZoneRow {
    /// The row of a zone, among the sites that may stand on it.
    pub(super) fn of(choice: &ZoneChoice, connection: ConnectionId, sites: &[Site]) -> Self {
        let mut status = choice.zone.status.clone();
        if choice.zone.paused {
            status.push_str(", paused");
        }
        let reason = choice.reason().or_else(|| {
            (choice.routes == Granted::Unknown)
                .then(|| format!("Workers Routes: {}.", choice.routes_detail))
        });
        Self {
            id: choice.zone.id.to_string(),
            name: choice.zone.name.clone(),
            account: choice.account_name.clone(),
            status,
            plan: choice
                .zone
                .plan
                .clone()
                .unwrap_or_else(|| "unknown".to_owned()),
            state: state(choice),
            reason,
            mend: mend(choice, connection),
            is_deployable: choice.is_deployable(),
            site: sites
                .iter()
                .find(|site| site.zone == choice.zone.id)
                .map(|site| Named {
                    id: site.id.to_string(),
                    name: site.name.clone(),
                }),
        }
    }
}

fn state(choice: &ZoneChoice) -> State {
    match &choice.obstacle {
        None if choice.routes == Granted::Unknown => State::new("idle", Mark::Dotted, "Not asked"),
        None => State::new("ok", Mark::Tick, "Yes"),
        Some(Obstacle::AccountNotChosen) => State::new("idle", Mark::Ring, "Not used"),
        Some(Obstacle::NotActive(status)) if status == "pending" || status == "initializing" => {
            State::new("idle", Mark::Clock, "Not yet")
        }
        Some(Obstacle::NotActive(_) | Obstacle::Paused) => State::new("idle", Mark::Bar, "No"),
        Some(Obstacle::AccountLacks(_) | Obstacle::RoutesRefused) => {
            State::new("bad", Mark::Cross, "No")
        }
    }
}

fn mend(choice: &ZoneChoice, connection: ConnectionId) -> Option<Mend> {
    Some(match choice.obstacle.as_ref()? {
        Obstacle::AccountNotChosen => Mend {
            label: "Choose the account",
            href: format!("/connections/{connection}#accounts"),
            is_away: false,
        },
        Obstacle::NotActive(_) | Obstacle::Paused => Mend {
            label: "Open in Cloudflare",
            href: format!(
                "https://dash.cloudflare.com/{}/{}",
                choice.zone.account_id,
                encoded(&choice.zone.name)
            ),
            is_away: true,
        },
        Obstacle::AccountLacks(_) | Obstacle::RoutesRefused => Mend {
            label: "Edit the token",
            href: token_url::TOKENS_PAGE.to_owned(),
            is_away: true,
        },
    })
}
