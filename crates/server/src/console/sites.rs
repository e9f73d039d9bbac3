//! Sites: their list, the choice of a domain, one site with its tabs, and its removal.

use super::{
    connections::{Named, ZoneList},
    parts::{Mark, ProblemPanel, Stamp, State, When, count},
    shell::Shell,
};
use askama::{Template, filters::Safe};
use domain::{deployment::SiteStatus, time::Millis};
use store::{Site, VariantCounts};

mod change;
mod make;
mod policy;
mod show;
mod sync;

#[cfg(test)]
pub(super) use change::SLASHES;
pub(super) use change::{attach, remove, remove_page, rotate_preview_key, save_settings, settings};
pub(super) use make::{create, new};
pub(crate) use policy::PolicyPart;
pub(super) use policy::save_agents;
pub(crate) use show::head;
pub(super) use show::{index, show};
pub(super) use sync::{edge, live, paid, spread};

/// The list of sites.
#[derive(Debug, Template)]
#[template(path = "pages/sites.html")]
pub(crate) struct SitesPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The sites.
    pub(crate) rows: Vec<SiteRow>,
    /// Whether there is a connection to deploy through.
    pub(crate) has_connection: bool,
    /// What names or host names must hold, as typed.
    pub(crate) find: String,
    /// How many sites there are.
    pub(crate) all: u64,
    /// Whether this is not the first page.
    pub(crate) has_before: bool,
    /// The next page's cursor.
    pub(crate) next: Option<String>,
}

/// A site in a list.
#[derive(Debug, Clone)]
pub(crate) struct SiteRow {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its state.
    pub(crate) state: State,
    /// Its host names.
    pub(crate) hostnames: String,
    /// How many variants it has.
    pub(crate) variants: String,
    /// How many of them are published.
    pub(crate) published: String,
    /// When the account was last read.
    pub(crate) observed: Option<When>,
}

impl SiteRow {
    /// A stored site as a row.
    pub(crate) fn of(site: &Site, counts: VariantCounts, now: Millis) -> Self {
        Self {
            id: site.id.to_string(),
            name: site.name.clone(),
            state: site.status.into(),
            hostnames: hostnames(site).join(", "),
            variants: count(counts.total),
            published: count(counts.published),
            observed: site.observed_at.map(|at| When { at, now }),
        }
    }
}

/// The host names as text.
pub(crate) fn hostnames(site: &Site) -> Vec<String> {
    site.hostnames.iter().map(ToString::to_string).collect()
}

/// Whether the Worker may be in front of the site by now.
pub(crate) fn is_deployed(site: &Site) -> bool {
    !matches!(site.status, SiteStatus::New | SiteStatus::Removed)
}

/// How far the content is, on the site's page while there is something to say.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/sync_live.html")]
pub(crate) struct SyncPart {
    /// The site's id.
    pub(crate) site: String,
    /// What is going on.
    pub(crate) state: State,
    /// How far, or why not.
    pub(crate) words: String,
    /// Done, of all.
    pub(crate) progress: Option<(u64, u64)>,
    /// Whether the owner is to say how it goes on.
    pub(crate) asks: bool,
    /// When it goes on by itself.
    pub(crate) until: Option<When>,
}

/// What the edge says itself.
#[derive(Debug, Template)]
#[template(path = "pages/site_edge.html")]
pub(crate) struct EdgePage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The head.
    pub(crate) site: SiteHead,
    /// Whether all is live.
    pub(crate) state: State,
    /// When the manifest was written last.
    pub(crate) written: Option<When>,
    /// How much is on its way.
    pub(crate) pending: String,
    /// Whether anything is.
    pub(crate) has_pending: bool,
    /// The hosts.
    pub(crate) rows: Vec<HostRow>,
}

/// A host's answer.
#[derive(Debug, Clone)]
pub(crate) struct HostRow {
    /// The host name.
    pub(crate) host: String,
    /// Whether it is up to date.
    pub(crate) state: State,
    /// When the manifest that it uses was written.
    pub(crate) manifest: Option<When>,
    /// What else it says.
    pub(crate) words: String,
}

/// The choice of a domain.
#[derive(Debug, Template)]
#[template(path = "pages/site_new.html")]
pub(crate) struct NewSitePage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The connections to choose from.
    pub(crate) connections: Vec<Named>,
    /// The chosen one's id.
    pub(crate) connection: String,
    /// Its zones; none without a connection.
    pub(crate) zones: Option<ZoneList>,
    /// The name, as typed.
    pub(crate) name: String,
    /// The host names, as typed.
    pub(crate) hostnames: String,
    /// What is wrong with them.
    pub(crate) hostnames_wrong: Option<String>,
    /// Why it did not work.
    pub(crate) problem: Option<ProblemPanel>,
}

/// What the head and the tabs of a site's pages show.
#[derive(Debug, Clone)]
pub(crate) struct SiteHead {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its name as the shell wants it.
    pub(crate) cli_name: String,
    /// Its state.
    pub(crate) state: State,
    /// The status line's further words.
    pub(crate) line: Vec<String>,
    /// When the account was last read.
    pub(crate) observed: Option<When>,
    /// How many variants it has.
    pub(crate) variants: String,
    /// Whether it was ever deployed.
    pub(crate) can_visit: bool,
    /// The deployment that runs now.
    pub(crate) running: Option<String>,
    /// The open tab.
    pub(crate) open: &'static str,
    /// The deployment that took the last one back since people did not get what they got before.
    pub(crate) taken_back: Option<String>,
    /// What somebody changed in the account.
    pub(crate) drift: Option<DriftPanel>,
    /// What its owner changed here and the next deployment brings.
    pub(crate) not_deployed: Vec<String>,
    /// Whether it stands on the Worker of an earlier deployment.
    pub(crate) is_rolled_back: bool,
}

/// What differs in a site's account, on the pages of the site.
#[derive(Debug, Clone)]
pub(crate) struct DriftPanel {
    /// When it was seen.
    pub(crate) seen: When,
    /// What, and what was found.
    pub(crate) changes: Vec<(String, String)>,
    /// What stands in the way of a repair.
    pub(crate) conflicts: Vec<String>,
}

impl SiteHead {
    /// The attribute that marks the open tab.
    pub(crate) fn tab(&self, word: &str) -> Safe<&'static str> {
        Safe(if self.open == word {
            r#" aria-current="page""#
        } else {
            ""
        })
    }
}

/// A site's variants.
#[derive(Debug, Template)]
#[template(path = "pages/site.html")]
pub(crate) struct SitePage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The head.
    pub(crate) site: SiteHead,
    /// How far the content is.
    pub(crate) sync: Option<SyncPart>,
    /// What the paths must begin with.
    pub(crate) find: String,
    /// Which states are shown: empty for all.
    pub(crate) show: String,
    /// Whether this is not the first page.
    pub(crate) has_before: bool,
    /// The states to choose from: word and label.
    pub(crate) shows: &'static [(&'static str, &'static str)],
    /// The variants.
    pub(crate) rows: Vec<VariantRow>,
    /// The next page's cursor.
    pub(crate) next: Option<String>,
}

/// The filters of the list of variants.
pub(crate) const SHOWS: &[(&str, &str)] = &[
    ("", "All"),
    ("published", "Published"),
    ("changed", "Changed since"),
    ("draft", "Draft"),
    ("scheduled", "Scheduled"),
    ("page_changed", "Page changed"),
    ("withheld", "Withheld"),
];

/// A variant in the list.
#[derive(Debug, Clone)]
pub(crate) struct VariantRow {
    /// The page's path.
    pub(crate) path: String,
    /// The format.
    pub(crate) format: &'static str,
    /// Published, draft, or published with a newer draft.
    pub(crate) state: State,
    /// The published revision, else the latest; short.
    pub(crate) revision: String,
    /// Whether the edge has it.
    pub(crate) edge: State,
    /// What is to happen at a set time.
    pub(crate) to_come: Vec<(&'static str, Stamp)>,
    /// When it was changed.
    pub(crate) changed: When,
}

/// A site's settings.
#[derive(Debug, Template)]
#[template(path = "pages/site_settings.html")]
pub(crate) struct SiteSettingsPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The head.
    pub(crate) site: SiteHead,
    /// The name, as typed.
    pub(crate) name: String,
    /// The host names, as typed.
    pub(crate) hostnames: String,
    /// The route patterns in the place of whole host names, as typed.
    pub(crate) patterns: String,
    /// The deadline in milliseconds, as typed.
    pub(crate) deadline: String,
    /// Whether a deployment is taken back when its proof fails.
    pub(crate) undoes: bool,
    /// The account's Workers plan: `unknown`, `free` or `paid`.
    pub(crate) workers_plan: String,
    /// Whether content over a free account's quota is spread over days.
    pub(crate) spreads: bool,
    /// Which agents get variants.
    pub(crate) agents: PolicyPart,
    /// What a slash at the end of a path means, as chosen.
    pub(crate) slash: String,
    /// The choices for it: word, title, explanation.
    pub(crate) slashes: [(&'static str, &'static str, &'static str); 3],
    /// The query parameters that make another page, as typed.
    pub(crate) parameters: String,
    /// Whether merging is offered, since the settings as typed would merge variants.
    pub(crate) offers_merge: bool,
    /// How many preview links are open.
    pub(crate) previews: String,
    /// Whether variants may hold scripts.
    pub(crate) allows_scripts: bool,
    /// What becomes of a variant whose page changed: `mark`, `pause` or `remake`.
    pub(crate) on_change: String,
    /// Whether variants are withheld while the origin does not show their page.
    pub(crate) withholds: bool,
    /// Whether published HTML brings Markdown along.
    pub(crate) markdown: bool,
    /// Where visits are kept, as its word.
    pub(crate) visits: String,
    /// Whether the connection's token was found to be allowed to read them in Analytics Engine.
    pub(crate) reads_visits: bool,
    /// The zone's name.
    pub(crate) zone: String,
    /// The connection it is deployed through; none: it was disconnected.
    pub(crate) connection: Option<Named>,
    /// The other connections.
    pub(crate) connections: Vec<Named>,
    /// Why the connection was not changed.
    pub(crate) connection_problem: Option<ProblemPanel>,
    /// What is in the account because of it: the kind and the name.
    pub(crate) made_of: Vec<(&'static str, String)>,
    /// Why it was not saved.
    pub(crate) problem: Option<ProblemPanel>,
}

/// The question before a removal.
#[derive(Debug, Template)]
#[template(path = "pages/remove.html")]
pub(crate) struct RemovePage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The site's id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its name as the shell wants it.
    pub(crate) cli_name: String,
    /// Its host names.
    pub(crate) hostnames: String,
    /// `12 variants`.
    pub(crate) variants_words: String,
    /// Why it was not begun.
    pub(crate) problem: Option<ProblemPanel>,
}
