//! Zones (§3.2).

use crate::{AccountId, Api, Error, ZoneId, envelope::null_as_default, request::Request};
use serde::Deserialize;

/// A zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Zone {
    /// Its id.
    pub id: ZoneId,
    /// Its name, a host name.
    pub name: String,
    /// `initializing`, `pending`, `active`, `moved`, …
    pub status: String,
    /// Paused zones are DNS only.
    #[serde(default, deserialize_with = "null_as_default")]
    pub paused: bool,
    /// Who holds it.
    pub account: ZoneAccount,
    /// What is paid for it.
    #[serde(default)]
    pub plan: Option<ZonePlan>,
    /// Old-style names of rights, such as `#worker:edit`. Whether they follow the token or its owner is not confirmed:
    /// a hint at most.
    #[serde(default, deserialize_with = "null_as_default")]
    pub permissions: Vec<String>,
}

/// The account that holds a zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ZoneAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
}

/// A zone's plan.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ZonePlan {
    /// `free`, `pro`, `business`, `enterprise` (reported).
    #[serde(default)]
    pub legacy_id: Option<String>,
}

/// Which zones are wanted; empty: all that the token reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZoneFilter {
    /// Only of this account.
    pub account: Option<AccountId>,
    /// Only of exactly this name.
    pub name: Option<String>,
}

impl Api {
    /// All zones of the filter. Pages of 50, the most allowed, several at the same time.
    ///
    /// # Errors
    ///
    /// When the call failed.
    pub async fn list_zones(&self, filter: &ZoneFilter) -> Result<Vec<Zone>, Error> {
        let mut request = Request::get("/zones", &[]);
        if let Some(account) = &filter.account {
            request = request.query("account.id", account.as_str());
        }
        if let Some(name) = &filter.name {
            request = request.query("name", name.as_str());
        }
        self.call_long_list(request, 50).await
    }

    /// One zone.
    ///
    /// # Errors
    ///
    /// When the call failed; a zone out of the token's reach is 403 or 404.
    pub async fn get_zone(&self, zone: &ZoneId) -> Result<Zone, Error> {
        self.call(Request::get("/zones/{zone}", &[zone.as_str()]))
            .await
    }
}
