//! Sample values. Ids are counted, so that a failure shows which is which.

use domain::{
    connection::{
        ConnectionStatus, Granted, Permission, PermissionCheck, ReachableAccount, ReachableZone,
        TokenKind,
    },
    deployment::{DeploymentKind, DeploymentStatus, SiteStatus},
    ids::{AccountId, ConnectionId, DeploymentId, SiteId, UserId, WorkspaceId, ZoneId},
    observed::Recorded,
    plan::{Action, Plan, Resource, Step},
    time::Millis,
    variant::Format,
};
use store::{
    Connection, ConnectionZone, Deployment, IfMatch, NewDelivery, NewRevision, Site, SiteSettings,
    User, Webhook, WebhookEvent,
};
use uuid::Uuid;

/// The time of the first thing that happens.
pub(crate) const NOW: Millis = Millis(1_750_000_000_000);

/// `seconds` later.
pub(crate) fn after(seconds: i64) -> Millis {
    NOW.plus_seconds(seconds)
}

pub(crate) fn site_id(number: u128) -> SiteId {
    SiteId::from_uuid(Uuid::from_u128(0x5170_0000 + number))
}

pub(crate) fn connection_id(number: u128) -> ConnectionId {
    ConnectionId::from_uuid(Uuid::from_u128(0xc000_0000 + number))
}

pub(crate) fn deployment_id(number: u128) -> DeploymentId {
    DeploymentId::from_uuid(Uuid::from_u128(0xde00_0000 + number))
}

pub(crate) fn account() -> AccountId {
    "a0000000000000000000000000000001".parse().expect("an id")
}

pub(crate) fn zone() -> ZoneId {
    "b0000000000000000000000000000001".parse().expect("an id")
}

pub(crate) fn user(workspace: WorkspaceId, number: u128, email: &str) -> User {
    User {
        id: UserId::from_uuid(Uuid::from_u128(number)),
        workspace,
        email: email.to_owned(),
        password_hash: "$argon2id$sample".to_owned(),
        created_at: NOW,
        sessions_valid_from: NOW,
    }
}

pub(crate) fn connection(workspace: WorkspaceId, number: u128) -> Connection {
    Connection {
        id: connection_id(number),
        workspace,
        name: format!("Connection {number}"),
        token_id: format!("{number:032}"),
        token_kind: TokenKind::User,
        token_hint: "demo".to_owned(),
        sealed_token: format!("sealed bytes of connection {number} \u{0}\u{1}").into_bytes(),
        status: ConnectionStatus::Ready,
        expires_at: Some(after(86_400)),
        accounts: vec![ReachableAccount {
            id: account(),
            name: "Acme".to_owned(),
        }],
        chosen_accounts: None,
        permissions: vec![PermissionCheck {
            permission: Permission::WorkersScripts,
            account_id: Some(account()),
            zone_id: None,
            place: "Sample account".to_owned(),
            granted: Granted::Yes,
            detail: "the call was answered".to_owned(),
        }],
        created_at: NOW,
        checked_at: NOW,
        zones_read_at: None,
        token_stored_at: NOW,
        next_check_at: after(21_600),
        leaving_since: None,
        former_token: None,
    }
}

pub(crate) fn message(number: u128, event: WebhookEvent, at: Millis) -> NewDelivery {
    NewDelivery {
        id: Uuid::from_u128(0x3e55_0000 + number),
        event,
        body: format!("{{\"number\":{number}}}"),
        at,
    }
}

pub(crate) fn webhook(workspace: WorkspaceId) -> Webhook {
    Webhook {
        workspace,
        url: "https://hooks.example/one".to_owned(),
        sealed_secret: b"sealed webhook secret".to_vec(),
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A zone of a number, in an account of a number.
pub(crate) fn numbered_zone(number: u32, account: u32, name: &str) -> ConnectionZone {
    ConnectionZone {
        zone: ReachableZone {
            id: format!("b{number:031}").parse().expect("an id"),
            name: name.to_owned(),
            account_id: numbered_account(account),
            status: "active".to_owned(),
            paused: false,
            plan: Some("free".to_owned()),
        },
        routes: None,
    }
}

pub(crate) fn numbered_account(number: u32) -> AccountId {
    format!("a{number:031}").parse().expect("an id")
}

pub(crate) fn site(workspace: WorkspaceId, number: u128, hostnames: &[&str]) -> Site {
    Site {
        id: site_id(number),
        workspace,
        connection: connection_id(1),
        account: account(),
        zone: zone(),
        zone_name: "shop.example".to_owned(),
        name: format!("Site {number}"),
        hostnames: hostnames
            .iter()
            .map(|name| name.parse().expect("a host name"))
            .collect(),
        settings: SiteSettings::default(),
        sealed_key: b"sealed site key".to_vec(),
        status: SiteStatus::New,
        recorded: Recorded::default(),
        observed_at: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn deployment(workspace: WorkspaceId, number: u128, site: SiteId) -> Deployment {
    Deployment {
        id: deployment_id(number),
        workspace,
        site,
        site_name: "Site".to_owned(),
        kind: DeploymentKind::Apply,
        status: DeploymentStatus::Queued,
        plan: None,
        steps: Vec::new(),
        problem: None,
        proof: None,
        requested_by: "owner@shop.example".to_owned(),
        created_at: NOW,
        started_at: None,
        finished_at: None,
        api_calls: 0,
        cancel_requested: false,
        of: None,
        restored: None,
    }
}

pub(crate) fn plan(names: &[&str]) -> Plan {
    Plan {
        steps: names
            .iter()
            .map(|name| Step {
                action: Action::Create,
                resource: Resource::Route,
                name: (*name).to_owned(),
                id: None,
                before: None,
                after: Some("as wanted".to_owned()),
                reason: "it is not there".to_owned(),
                reversible: true,
                route: None,
            })
            .collect(),
        ..Plan::default()
    }
}

pub(crate) fn revision<'a>(site: SiteId, path: &'a str, content: &'a [u8]) -> NewRevision<'a> {
    NewRevision {
        site,
        format: Format::Html,
        path,
        content,
        author: "owner@shop.example",
        note: None,
        at: NOW,
        publish: true,
        if_match: IfMatch::Any,
    }
}
