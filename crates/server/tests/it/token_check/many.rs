//! How many calls a check makes, and how many rows it gives, however far the token reaches.

use super::world::permissions;
use crate::{
    local_cloudflare::{ACCOUNT, BLOG, LocalCloudflare, SHOP},
    program::Program,
};
use serde_json::Value;
use std::fmt::Write as _;

const ACCOUNTS: usize = 3;
const ZONES: usize = 30;

/// Accounts with thirty zones each; the first two by name get no traffic.
fn many(token: &str) -> String {
    let mut text = String::new();
    let mut ids = Vec::new();
    for account in 0..ACCOUNTS {
        let id = format!("a00000000000000000000000000001{account:02}");
        let _ = writeln!(
            text,
            "[[accounts]]\nid = \"{id}\"\nname = \"Many {account}\""
        );
        for zone in 0..ZONES {
            let status = if zone == 0 { "pending" } else { "active" };
            let _ = writeln!(
                text,
                "[[zones]]\nid = \"b000000000000000000000000001{account:02}{zone:02}\"\naccount = \"{id}\"\n\
                 name = \"z{zone:02}-{account}.localhost\"\nstatus = \"{status}\"\npaused = {}",
                zone == 1
            );
        }
        ids.push(format!("\"{id}\""));
    }
    // The zones of the usual account are left out.
    let zones: Vec<String> = (0..ACCOUNTS)
        .flat_map(|account| {
            (0..ZONES)
                .map(move |zone| format!("\"b000000000000000000000000001{account:02}{zone:02}\""))
        })
        .collect();
    let _ = writeln!(
        text,
        "[[tokens]]\nvalue = \"{token}\"\naccounts = [{}]\nzones = [{}]\n{}",
        ids.join(", "),
        zones.join(", "),
        permissions(&[])
    );
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_three_zones_takes_few_calls() {
    let third = "b0000000000000000000000000000003";
    let mut tables = format!(
        "[[zones]]\nid = \"{third}\"\naccount = \"{ACCOUNT}\"\nname = \"third.localhost\"\n"
    );
    let limits =
        format!("accounts = [\"{ACCOUNT}\"]\nzones = [\"{SHOP}\", \"{BLOG}\", \"{third}\"]\n");
    let tokens = [
        ("local-demo-three-0000000000000000000000a", "", &[][..]),
        (
            "local-demo-three-0000000000000000000000b",
            "kind = \"account\"\n",
            &[],
        ),
        (
            "local-demo-three-0000000000000000000000c",
            "",
            &[("workers_scripts", "")],
        ),
        (
            "local-demo-three-0000000000000000000000f",
            "",
            &[("workers_routes", "")],
        ),
    ];
    for (value, kind, changes) in tokens {
        let _ = writeln!(
            tables,
            "[[tokens]]\nvalue = \"{value}\"\n{kind}{limits}{}",
            permissions(changes)
        );
    }
    let cloud = LocalCloudflare::start_with("", &tables).await;
    let folder = tempfile::tempdir().expect("a folder of one's own");
    let program = Program::start(folder.path(), &cloud).await;
    for (value, _, changes) in tokens {
        let before = cloud.calls().await;
        let answer = super::answer(&program, value).await;
        let calls = cloud.calls().await - before;
        let wanted = if changes.is_empty() { 201 } else { 422 };
        assert_eq!(answer.status, wanted, "{value}: {:#}", answer.body);
        assert!((7..=12).contains(&calls), "{value}: {calls} calls");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_zones_the_best_of_each_account_are_asked() {
    let token = "local-demo-many-000000000000000000000000";
    let cloud = LocalCloudflare::start_with("", &many(token)).await;
    let folder = tempfile::tempdir().expect("a folder of one's own");
    let program = Program::start(folder.path(), &cloud).await;
    let before = cloud.calls().await;
    let answer = super::answer(&program, token).await;
    assert_eq!(answer.status, 201, "{:#}", answer.body);
    // Verify, one page of accounts, two of zones; three questions per account, 25 zones, and the optional permission.
    assert_eq!(cloud.calls().await - before, 1 + 1 + 2 + 3 * 3 + 25 + 3);
    let optional = answer.body["optionalPermissions"].as_array();
    assert_eq!(optional.map(Vec::len), Some(ACCOUNTS));
    let rows = answer.body["permissions"].as_array().expect("rows");
    assert_eq!(rows.len(), 3 * 3 + 2 * 25 + 2 * 3);
    for account in 0..ACCOUNTS {
        let id = format!("a00000000000000000000000000001{account:02}");
        let own = |name: &str| -> Vec<&Value> {
            rows.iter()
                .filter(|row| row["accountId"] == id.as_str() && row["name"] == name)
                .collect()
        };
        for name in ["Workers Scripts", "Workers KV Storage", "Account Settings"] {
            assert_eq!(own(name).len(), 1);
        }
        let (asked, rest): (Vec<&Value>, Vec<&Value>) = own("Workers Routes")
            .into_iter()
            .partition(|row| row["zoneId"].is_string());
        assert!((8..=9).contains(&asked.len()), "{}", asked.len());
        assert_eq!(
            asked[0]["place"],
            format!("z02-{account}.localhost").as_str()
        );
        assert!(asked.iter().all(|row| row["granted"] == "yes"));
        let [rest] = rest.as_slice() else {
            panic!("{rest:#?}")
        };
        assert_eq!(rest["granted"], "unknown");
        let detail = rest["detail"].as_str().expect("words");
        assert!(
            detail.contains(&format!("{} more zones", ZONES - asked.len())),
            "{detail}"
        );
        assert!(detail.contains("when it is chosen"), "{detail}");
    }
    // What was not asked is asked when it is chosen.
    let connection = answer.body["id"].as_str().expect("an id");
    let body = serde_json::json!({
        "connectionId": connection, "zoneId": "b0000000000000000000000000010029", "name": "Late",
    });
    let before = cloud.calls().await;
    let made = program.ok("POST", "/sites", Some(&body)).await;
    assert_eq!(made["status"], "new");
    assert!(cloud.calls().await > before);
}
