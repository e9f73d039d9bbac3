//! The receipt of a deployment: what is in the account because of the site, with ids, and how each is removed by hand. It
//! is kept with the deployment's proof, so that it can be read when nothing else is left.

use crate::{app::App, problem::Outcome};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus},
    desired::{namespace_title, script_name},
    observed::Observed,
    plan::Resource,
};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use store::{Deployment, Site};

/// One thing in the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    /// `route`, `script` or `kv_namespace`.
    #[schema(value_type = String)]
    pub(crate) resource: Resource,
    /// Its pattern, name or title.
    pub(crate) name: String,
    /// Cloudflare's id; of a Worker its name.
    pub(crate) id: String,
    /// The call that removes it, below Cloudflare's API address.
    pub(crate) remove_with: String,
}

/// What is there of a site, in the order in which it is to be removed: the route first, so that no request meets a Worker
/// that is gone.
pub(crate) fn of_account(site: &Site, observed: &Observed) -> Vec<Item> {
    let script = script_name(site.id);
    let mut items: Vec<Item> = observed
        .routes
        .iter()
        .filter(|route| route.script.as_ref() == Some(&script))
        .map(|route| Item {
            resource: Resource::Route,
            name: route.pattern.clone(),
            id: route.id.to_string(),
            remove_with: format!("DELETE /zones/{}/workers/routes/{}", site.zone, route.id),
        })
        .collect();
    if observed.script.is_some() {
        items.push(Item {
            resource: Resource::Script,
            name: script.clone(),
            id: script.clone(),
            remove_with: format!(
                "DELETE /accounts/{}/workers/scripts/{script}?force=true",
                site.account
            ),
        });
    }
    if let Some(namespace) = &observed.recorded.namespace {
        items.push(Item {
            resource: Resource::KvNamespace,
            name: namespace_title(site.id),
            id: namespace.to_string(),
            remove_with: format!(
                "DELETE /accounts/{}/storage/kv/namespaces/{namespace}",
                site.account
            ),
        });
    }
    items
}

/// The receipt that a deployment was given; empty when it went no further, or removed everything. Of one that was taken
/// back it is what was left after that.
pub(crate) async fn of_deployment(app: &App, deployment: &Deployment) -> Outcome<Vec<Item>> {
    let is_undone =
        deployment.status == DeploymentStatus::Undone && deployment.kind != DeploymentKind::Remove;
    if !is_undone {
        return Ok(kept(deployment));
    }
    let undoing = app
        .store
        .undoing_of(deployment.workspace, deployment.id)
        .await?;
    Ok(undoing.as_ref().map(kept).unwrap_or_default())
}

fn kept(deployment: &Deployment) -> Vec<Item> {
    deployment
        .proof
        .as_ref()
        .and_then(|proof| serde_json::from_value(proof.get("receipt")?.clone()).ok())
        .unwrap_or_default()
}

/// The receipt to keep apart: it says how to remove everything without Edge Delivery.
pub(crate) fn as_text(deployment: &Deployment, items: &[Item]) -> String {
    let mut text = format!(
        "Edge Delivery, site {} ({})\nDeployment {}\n\n",
        deployment.site_name, deployment.site, deployment.id
    );
    if items.is_empty() {
        text.push_str("Nothing of it is in the account.\n");
        return text;
    }
    text.push_str("In the account because of this site:\n");
    for item in items {
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "- {} {}, id {}",
            item.resource.title(),
            item.name,
            item.id
        );
    }
    text.push_str(
        "\nTo remove it by hand, in this order, with a token that has the five permissions in $CLOUDFLARE_API_TOKEN:\n",
    );
    for item in items {
        let (method, path) = item
            .remove_with
            .split_once(' ')
            .unwrap_or(("DELETE", &item.remove_with));
        let _ = writeln!(
            text,
            "curl -X {method} -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" \\\n  'https://api.cloudflare.com/client/v4{path}'"
        );
    }
    text
}
