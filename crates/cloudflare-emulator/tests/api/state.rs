//! The state file: both formats, and what is said of a bad one.

use std::io::Write;

use cloudflare_emulator::{StateError, StateFile};

use crate::support::{ACME, BLOG, example};

fn load(extension: &str, text: &str) -> Result<StateFile, StateError> {
    let suffix = format!(".{extension}");
    let mut file = tempfile::Builder::new().suffix(&suffix).tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    StateFile::load(file.path())
}

fn refused(extension: &str, text: &str) -> String {
    load(extension, text).unwrap_err().to_string()
}

#[test]
fn the_example_is_taken() {
    let world = example().into_world().unwrap();
    assert_eq!(world.accounts.len(), 2);
    assert!(world.accounts.iter().all(|a| a.email_verified && a.workers));
    assert_eq!(world.zones.len(), 3);
    assert!(world.zone(BLOG).unwrap().proxies("any.blog.example"));
    assert!(!world.zone(BLOG).unwrap().proxies("notblog.example"));
    let script = world.script(ACME, "someone-elses").unwrap();
    assert_eq!(script.live().unwrap().source, "dash");
    assert_eq!(world.namespaces.values().next().unwrap().values.len(), 1);
    let not_yet = world.tokens.iter().find(|t| t.name == "not yet").unwrap();
    assert!(not_yet.not_before.is_some());
}

#[test]
fn json_does_as_well() {
    let text = format!(
        r#"{{"accounts": [{{"id": "{ACME}", "name": "Acme"}}],
            "zones": [{{"id": "{BLOG}", "account": "{ACME}", "name": "blog.example"}}],
            "tokens": [{{"value": "t", "expires_on": "2030-01-01T00:00:00Z"}}]}}"#
    );
    let world = load("json", &text).unwrap().into_world().unwrap();
    assert_eq!(world.zones[0].status, "active");
    assert_eq!(world.tokens[0].policies.len(), 1);
}

#[test]
fn errors_say_where_and_what() {
    let text = refused("toml", "verify_tells = true\n\n[[acounts]]\nid = 1\n");
    assert!(text.contains("line 3"), "{text}");
    assert!(text.contains("acounts"), "{text}");
    let text = refused("json", "{\"accounts\": [\n  {\"id\": 7}\n]}");
    assert!(text.contains("line 2"), "{text}");
    assert!(refused("yaml", "").contains(".toml or .json"));
    let missing = StateFile::load("no/such.toml".as_ref()).unwrap_err();
    assert!(missing.to_string().contains("no/such.toml"));
}

#[test]
fn entries_that_make_no_sense() {
    let account = format!("[[accounts]]\nid = \"{ACME}\"\nname = \"Acme\"\n");
    let zone = |more: &str| {
        format!("{account}[[zones]]\nid = \"{BLOG}\"\nname = \"blog.example\"\n{more}\n")
    };
    let owned = format!("account = \"{ACME}\"");
    for (text, at, mend) in [
        (
            "[[accounts]]\nid = \"7\"\nname = \"x\"".to_owned(),
            "accounts[0].id",
            "32 hexadecimal",
        ),
        (format!("{account}{account}"), "accounts[1].id", "twice"),
        (
            zone(&format!("account = \"{BLOG}\"")),
            "zones[0].account",
            "[[accounts]]",
        ),
        (
            zone(&format!("{owned}\nstatus = \"activ\"")),
            "zones[0].status",
            "initializing, pending, active",
        ),
        (
            zone(&format!("{owned}\nplan = \"gold\"")),
            "zones[0].plan",
            "free, pro",
        ),
        (
            zone(&format!("{owned}\norigin = \"https://x/\"")),
            "zones[0].origin",
            "http://host:port",
        ),
        (
            zone(&format!("{owned}\nproxied = [\"a.example\"]")),
            "zones[0].proxied",
            "this zone",
        ),
        (
            "[[tokens]]\nvalue = \"a b\"".to_owned(),
            "tokens[0].value",
            "Bearer",
        ),
        (
            "[[tokens]]\nvalue = \"a\"\nexpires_on = \"soon\"".to_owned(),
            "tokens[0].expires_on",
            "2030-",
        ),
        (
            "[[tokens]]\nvalue = \"a\"\nallowed_ips = [\"x\"]".to_owned(),
            "tokens[0].allowed_ips",
            "203.0.113",
        ),
        (
            "[[tokens]]\nvalue = \"a\"\npermissions = { workers_script = \"edit\" }".to_owned(),
            "workers_script",
            "workers_scripts",
        ),
        (
            "[[tokens]]\nvalue = \"a\"\npermissions = { zone = \"write\" }".to_owned(),
            "permissions.zone",
            "read, edit",
        ),
        (
            format!(
                "{}[[routes]]\nzone = \"{BLOG}\"\npattern = \"x/*\"",
                zone(&owned)
            ),
            "routes[0].pattern",
            "another pattern",
        ),
    ] {
        let error = refused("toml", &text);
        assert!(error.contains(at), "{error}");
        assert!(error.contains(mend), "{error}");
        assert!(error.contains(".toml, "), "{error}");
    }
}
