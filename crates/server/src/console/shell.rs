//! What stands around every page of somebody who is signed in.

use super::parts::State;
use askama::filters::Safe;

/// The rail and what it says.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// Who is signed in.
    pub(crate) email: String,
    /// The sites that the rail lists.
    pub(crate) sites: Vec<RailSite>,
    /// Where we are: a section's word or a site's id.
    pub(crate) at: String,
    /// What was just done, said once.
    pub(crate) told: Option<&'static str>,
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
        "zones-read" => "The zones were read at Cloudflare just now.",
        "accounts" => "Saved which accounts are used.",
        "renamed" => "Renamed.",
        "replaced" => "The token is replaced. Sites keep working as they were.",
        "replaced-cleaned" => {
            "The token is replaced, without what was pasted around it. Sites keep working as they were."
        }
        "disconnected" => "Disconnected. The sealed token is deleted.",
        "saved" => "Saved.",
        "published" => "Published. It is on its way to the edge.",
        "published-path" => {
            "Published. What stood after ? or # was left out: a page has one variant, whatever the query."
        }
        "draft-path" => {
            "Saved as a draft. What stood after ? or # was left out: a page has one variant, whatever the query."
        }
        "draft" => "Saved as a draft. Agents do not see it.",
        "unpublished" => "Unpublished. Agents get the page that people get.",
        "deleted" => "The variant and its revisions are deleted.",
        "removed" => "Removed. Nothing of it is left in the account.",
        "revoked" => "The access key is revoked.",
        "password" => "The password is changed.",
        "cancelled" => "It stops at the next safe point.",
        _ => return None,
    })
}
