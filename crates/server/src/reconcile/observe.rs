//! Reads what the account holds for one site. Reads only: it can run beside anything.

use super::cloudflare_ids::{account_id, script_id, zone_id};
use cloudflare::{Api, Error};
use domain::{
    desired::script_name,
    edge::KV_BINDING,
    observed::{Observed, ObservedNamespace, ObservedRoute, ObservedScript, ObservedZone},
};
use store::Site;

/// Reads the zone, the namespaces, the script and the routes at the same time. Answers with the number of calls, too
/// (a list of several pages counts as one).
pub(crate) async fn observe(api: &Api, site: &Site) -> Result<(Observed, u32), Error> {
    let (account, zone) = (account_id(&site.account), zone_id(&site.zone));
    let name = script_name(site.id);
    let (zone, namespaces, scripts, routes) = tokio::try_join!(
        api.get_zone(&zone),
        api.list_namespaces(&account),
        api.list_scripts(&account),
        api.list_routes(&zone),
    )?;
    let mut calls = 4;
    let script = match scripts.into_iter().find(|script| script.id == name) {
        None => None,
        Some(script) => {
            calls += 1;
            let settings = api.get_script_settings(&account, &script_id(site.id)).await;
            let namespace = match settings {
                Ok(settings) => settings.kv_namespace(KV_BINDING),
                // Deleted since the list was read: the next look shows it.
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error),
            };
            Some(ObservedScript {
                name,
                tags: script.tags.unwrap_or_default(),
                namespace: namespace.and_then(|id| id.as_str().parse().ok()),
                etag: script.etag,
            })
        }
    };
    let title = domain::desired::namespace_title(site.id);
    let recorded = site
        .recorded
        .namespace
        .as_ref()
        .map(domain::ids::NamespaceId::as_str);
    let observed = Observed {
        zone: ObservedZone {
            status: zone.status,
            paused: zone.paused,
        },
        namespaces: namespaces
            .into_iter()
            .filter(|found| found.title == title || Some(found.id.as_str()) == recorded)
            .filter_map(|found| {
                Some(ObservedNamespace {
                    id: found.id.as_str().parse().ok()?,
                    title: found.title,
                })
            })
            .collect(),
        script,
        routes: routes
            .into_iter()
            .filter_map(|route| {
                Some(ObservedRoute {
                    id: route.id.as_str().parse().ok()?,
                    pattern: route.pattern,
                    script: route.script,
                    request_limit_fail_open: route.request_limit_fail_open,
                })
            })
            .collect(),
        recorded: site.recorded.clone(),
    };
    Ok((observed, calls))
}
