//! What stands around every page of somebody who is signed in.

use super::parts::{Mark, State};
use crate::services::warnings::{self, Warning, WarningCode};
use askama::filters::Safe;
use domain::time::Millis;
use store::ConnectionGlance;

/// As many warnings stand on every page; the rest are on the page of connections.
const BANNERS: usize = 3;

/// The rail and what it says.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// Who is signed in.
    pub(crate) email: String,
    /// The sites that the rail lists.
    pub(crate) sites: Vec<RailSite>,
    /// `All 40 sites`, when the rail does not list them all.
    pub(crate) all_sites: Option<String>,
    /// Where we are: a section's word or a site's id.
    pub(crate) at: String,
    /// What was just done, said once.
    pub(crate) told: Option<&'static str>,
    /// The connections that need somebody.
    pub(crate) banners: Vec<Banner>,
    /// How many more there are.
    pub(crate) more_banners: usize,
    /// Where people get help.
    pub(crate) support: Option<String>,
}

/// A connection that needs somebody, on every page.
#[derive(Debug, Clone)]
pub(crate) struct Banner {
    /// The connection's id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// What is so.
    pub(crate) title: String,
    /// How bad it is, as a class.
    pub(crate) tone: &'static str,
    /// Its mark.
    pub(crate) mark: Mark,
    /// Whether another token is the way out; else the connection's page says more.
    pub(crate) wants_token: bool,
}

/// The tone and mark of a warning.
pub(crate) fn look_of(code: WarningCode) -> (&'static str, Mark) {
    match code {
        WarningCode::ExpiresSoon => ("warn", Mark::Clock),
        WarningCode::Expired => ("bad", Mark::Clock),
        WarningCode::Incomplete => ("warn", Mark::Half),
        WarningCode::Disabled => ("bad", Mark::Bar),
        WarningCode::Unreadable => ("bad", Mark::Key),
        WarningCode::TokenOld => ("idle", Mark::Turning),
    }
}

impl Banner {
    fn of(id: String, name: String, warning: Warning) -> Self {
        let (tone, mark) = look_of(warning.code);
        Self {
            id,
            name,
            title: warning.title,
            tone,
            mark,
            wants_token: warning.code != WarningCode::Incomplete,
        }
    }

    /// The first few, and how many more there are.
    pub(crate) fn all(connections: &[ConnectionGlance], now: Millis) -> (Vec<Self>, usize) {
        let urgent = warnings::urgent(connections, now);
        let more = urgent.len().saturating_sub(BANNERS);
        let banners = urgent
            .into_iter()
            .take(BANNERS)
            .map(|(id, name, warning)| Self::of(id.to_string(), name, warning))
            .collect();
        (banners, more)
    }
}

/// A site in the rail.
#[derive(Debug, Clone)]
pub(crate) struct RailSite {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its state.
    pub(crate) state: State,
}

impl Shell {
    /// Without the banner of one connection: its own page says it at length.
    #[must_use]
    pub(crate) fn without_banner_of(mut self, connection: &str) -> Self {
        self.banners.retain(|banner| banner.id != connection);
        self
    }

    /// The attribute that marks the entry of the present place.
    pub(crate) fn here(&self, place: &str) -> Safe<&'static str> {
        Safe(if self.at == place {
            r#" aria-current="page""#
        } else {
            ""
        })
    }
}

/// The sentence for the word that a redirect carries in `?done=`; unknown words say nothing.
pub(crate) fn told(word: &str) -> Option<&'static str> {
    Some(match word {
        "connected" => "Connected. The token is sealed and stored.",
        "connected-cleaned" => {
            "Connected. What was pasted around the token was left out; the token is sealed and stored."
        }
        "checked" => "Checked just now.",
        "test_visit" => "A test visit as GPTBot was sent. It shows up here some seconds later.",
        "zones-read" => "The zones were read at Cloudflare just now.",
        "accounts" => "Saved which accounts are used.",
        "renamed" => "Renamed.",
        "replaced" => "The token is replaced. Sites keep working as they were.",
        "replaced-cleaned" => {
            "The token is replaced, without what was pasted around it. Sites keep working as they were."
        }
        "rolled" => "The token’s new text is stored. The old text no longer works at Cloudflare.",
        "rolled-cleaned" => {
            "The token’s new text is stored, without what was pasted around it. The old text no longer works at Cloudflare."
        }
        "same_token" => "It is the token that was stored already; its rights were read anew.",
        "same_token-cleaned" => {
            "It is the token that was stored already, apart from what was pasted around it; its rights were read anew."
        }
        "leaving" => "The sites are being removed. The connection goes after the last of them.",
        "stays" => "The connection stays. Removals that were begun go on.",
        "former_gone" => "Noted.",
        "webhook_set" => "The webhook is set.",
        "lists" => "The lists are being fetched.",
        "webhook_gone" => "The webhook is deleted.",
        "attached" => "The site has another connection. The plan shows how it is.",
        "saved" => "Saved.",
        "published" => "Published. It is on its way to the edge.",
        "published-path" => {
            "Published. What stood after ? or # and makes no other page of this site was left out."
        }
        "draft-path" => {
            "Saved as a draft. What stood after ? or # and makes no other page of this site was left out."
        }
        "draft" => "Saved as a draft. Agents do not see it.",
        "previewed" => "The preview link is made. It works for an hour.",
        "preview-revoked" => {
            "The preview link is revoked. Where it was open a moment ago it may be seen a minute longer."
        }
        "preview-key" => {
            "Every preview link is revoked. Deploy the site to give its Worker the new key."
        }
        "rolled-back" => "Rolled back. It is on its way to the edge.",
        "scheduled" => "The times are set. Nobody needs to be here when they come.",
        "schedule-gone" => "Nothing is set for a time any more.",
        "unpublished" => "Unpublished. Agents get the page that people get.",
        "cleared" => "The variants and their revisions are deleted.",
        "making_stops" => "It stops after the page that it is at. Drafts that were made stay.",
        "change_accepted" => {
            "Noted. The page as it is now is what the next looks are compared with."
        }
        "page_check" => "The page is looked at within a few seconds.",
        "deleted" => "The variant and its revisions are deleted.",
        "removed" => "Removed. Nothing of it is left in the account.",
        "revoked" => "The access key is revoked.",
        "password" => "The password is changed.",
        "agents_staged" => {
            "Checked, and staged. Look at what it would change, then put it in force."
        }
        "agents_active" => {
            "It is in force. Each site’s plan shows what that changes at Cloudflare."
        }
        "agents_discarded" => "Discarded. The registry in force stays.",
        "agents_reverted" => {
            "The earlier registry is in force again. Each site’s plan shows what that changes."
        }
        "cancelled" => "It stops at the next safe point.",
        _ => return None,
    })
}
