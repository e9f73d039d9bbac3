//! Reads what the account holds for one site. Reads only: it can run beside anything.

use super::cloudflare_ids::{account_id, namespace_id, script_id, zone_id};
use cloudflare::{Api, Error, Namespace, Route, Script, ScriptSettings, Zone};
use domain::{
    desired::{namespace_title, script_name, site_tag},
    edge::{CONFIG_BINDING, KV_BINDING, MARKER_KEY, data_point::VISITS_BINDING},
    observed::{
        Observed, ObservedBinding, ObservedNamespace, ObservedRoute, ObservedScript, ObservedZone,
        ScriptOptions, ZoneAccount,
    },
};
use serde_json::Value;
use std::collections::BTreeSet;
use store::Site;

/// Reads the zone, the namespaces, the script and the routes at the same time, then the script's settings. Answers with
/// the number of calls, too (a list of several pages counts as one).
pub(crate) async fn observe(api: &Api, site: &Site) -> Result<(Observed, u32), Error> {
    let (account, zone) = (account_id(&site.account), zone_id(&site.zone));
    let name = script_name(site.id);
    let (zone, namespaces, scripts, routes) = tokio::join!(
        api.get_zone(&zone),
        api.list_namespaces(&account),
        api.list_scripts(&account),
        api.list_routes(&zone),
    );
    // Of several failures always the same one is told: what is wrong with the zone explains the rest.
    let (zone, routes, scripts, namespaces) = (zone?, routes?, scripts?, namespaces?);
    let mut calls = 4;
    let routes: Vec<ObservedRoute> = routes.into_iter().filter_map(observed_route).collect();
    let workers = named_workers(site, &routes, &scripts);
    let script = match scripts.into_iter().find(|script| script.id == name) {
        None => None,
        Some(script) => {
            calls += 1;
            let settings = api.get_script_settings(&account, &script_id(site.id)).await;
            let settings = match settings {
                Ok(settings) => settings,
                // Deleted since the list was read: the next look shows it.
                Err(error) if error.is_not_found() => ScriptSettings::default(),
                Err(error) => return Err(error),
            };
            Some(observed_script(script, &settings))
        }
    };
    let mut observed = Observed {
        zone: observed_zone(zone),
        namespaces: observed_namespaces(site, namespaces),
        script,
        routes,
        workers: Some(workers),
        recorded: site.recorded.clone(),
    };
    calls += read_marker(api, site, &mut observed).await?;
    Ok((observed, calls))
}

fn observed_zone(zone: Zone) -> ObservedZone {
    ObservedZone {
        status: zone.status,
        paused: zone.paused,
        account: zone.account.id.as_str().parse().ok().map(|id| ZoneAccount {
            id,
            name: zone.account.name,
        }),
    }
}

fn observed_namespaces(site: &Site, namespaces: Vec<Namespace>) -> Vec<ObservedNamespace> {
    let title = namespace_title(site.id);
    let recorded = site
        .recorded
        .namespace
        .as_ref()
        .map(domain::ids::NamespaceId::as_str);
    namespaces
        .into_iter()
        .filter(|found| found.title == title || Some(found.id.as_str()) == recorded)
        .filter_map(|found| {
            Some(ObservedNamespace {
                id: found.id.as_str().parse().ok()?,
                title: found.title,
                is_marked: None,
            })
        })
        .collect()
}

fn observed_route(route: Route) -> Option<ObservedRoute> {
    Some(ObservedRoute {
        id: route.id.as_str().parse().ok()?,
        pattern: route.pattern,
        script: route.script,
        request_limit_fail_open: route.request_limit_fail_open,
    })
}

/// Which of the Workers that matter here exist: those of the zone's routes, and those that adopted routes ran.
fn named_workers(site: &Site, routes: &[ObservedRoute], scripts: &[Script]) -> Vec<String> {
    let named: BTreeSet<&String> = routes
        .iter()
        .filter_map(|route| route.script.as_ref())
        .chain(
            site.recorded
                .adopted
                .iter()
                .filter_map(|route| route.script.as_ref()),
        )
        .collect();
    scripts
        .iter()
        .filter(|script| named.contains(&script.id))
        .map(|script| script.id.clone())
        .collect()
}

fn observed_script(script: Script, settings: &ScriptSettings) -> ObservedScript {
    let namespace = settings.kv_namespace(KV_BINDING);
    let names = |tails: &Vec<cloudflare::TailConsumer>| {
        tails.iter().map(|tail| tail.service.clone()).collect()
    };
    ObservedScript {
        name: script.id,
        tags: script.tags.unwrap_or_default(),
        namespace: namespace.and_then(|id| id.as_str().parse().ok()),
        etag: script.etag,
        version: script.deployment_id,
        last_deployed_from: script.last_deployed_from,
        bindings: settings
            .bindings
            .as_ref()
            .map(|bindings| bindings.iter().filter_map(observed_binding).collect()),
        compatibility_date: settings.compatibility_date.clone(),
        compatibility_flags: settings.compatibility_flags.clone(),
        // What an answer leaves out is not set.
        options: Some(ScriptOptions {
            logpush: settings.logpush.unwrap_or_default(),
            observability: settings
                .observability
                .as_ref()
                .is_some_and(|logs| logs.enabled),
            tail_consumers: settings
                .tail_consumers
                .as_ref()
                .map(names)
                .unwrap_or_default(),
        }),
    }
}

/// Its kind and name, and the id or hash that tells its value from another. Values are not kept.
fn observed_binding(binding: &Value) -> Option<ObservedBinding> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let name = text(&binding["name"])?;
    let stamp = match name.as_str() {
        KV_BINDING => text(&binding["namespace_id"]),
        CONFIG_BINDING => text(&binding["json"]["hash"]),
        VISITS_BINDING => text(&binding["dataset"]),
        _ => None,
    };
    Some(ObservedBinding {
        kind: text(&binding["type"])?,
        name,
        stamp,
    })
}

/// A namespace of our title that nothing else says is ours: our records may be older than the account. One call, and
/// only then.
async fn read_marker(api: &Api, site: &Site, observed: &mut Observed) -> Result<u32, Error> {
    let recorded = &site.recorded;
    let bound = observed
        .script
        .as_ref()
        .filter(|script| script.tags.contains(&site_tag(site.id)))
        .and_then(|script| script.namespace.clone());
    let title = namespace_title(site.id);
    let unknown = observed.namespaces.iter_mut().find(|found| {
        found.title == title
            && recorded.namespace.as_ref() != Some(&found.id)
            && bound.as_ref() != Some(&found.id)
    });
    let Some(unknown) = unknown.filter(|_| !recorded.namespace_intended) else {
        return Ok(0);
    };
    let (account, namespace) = (account_id(&site.account), namespace_id(&unknown.id));
    unknown.is_marked = match api.get_value(&account, &namespace, MARKER_KEY).await {
        Ok(value) => Some(value.as_ref() == site.id.to_string().as_bytes()),
        Err(error) if error.is_not_found() => Some(false),
        Err(error) => return Err(error),
    };
    Ok(1)
}
