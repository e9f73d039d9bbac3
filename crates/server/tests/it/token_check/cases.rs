//! The table: tokens, what is pasted, and what must be said.

use super::world::{
    BROKEN, OTHER, PENDING, Place, UNVERIFIED, WITHOUT_WORKERS, permissions, usual,
};
use crate::local_cloudflare::{ACCOUNT, BLOG, SHOP};
use serde_json::{Value, json};

const ALL_CAUSES: &[&str] = &[
    "copied incorrectly",
    "expired",
    "deleted",
    "rolled",
    "switched off",
];

/// A token and what becomes of it.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// The token.
    pub(super) value: String,
    /// The rest of its entry in the state file; none: Cloudflare does not know it.
    pub(super) entry: Option<String>,
    /// What is pasted.
    pub(super) pasted: String,
    pub(super) status: u16,
    pub(super) code: &'static str,
    /// Words that the problem must have.
    pub(super) says: &'static [&'static str],
    /// The permissions that are not granted; all others are. None: not looked at.
    pub(super) missing: Option<&'static [&'static str]>,
    /// Rows that must be there: name, granted, words of the evidence.
    pub(super) rows: &'static [(&'static str, &'static str, &'static str)],
    /// The code in what Cloudflare said.
    pub(super) cloudflare: Option<i64>,
    /// What must be told as cleaned away.
    pub(super) cleaned: &'static [&'static str],
    /// What goes wrong at Cloudflare.
    pub(super) fault: Option<Value>,
}

/// A good token on the usual account, accepted.
fn case(name: &'static str) -> Case {
    let value = format!("local-demo-{name:0<29}");
    assert_eq!(value.len(), 40, "{name} is too long");
    Case {
        name,
        pasted: value.clone(),
        value,
        entry: Some(usual() + &permissions(&[])),
        status: 201,
        code: "",
        says: &[],
        missing: None,
        rows: &[],
        cloudflare: None,
        cleaned: &[],
        fault: None,
    }
}

impl Case {
    fn entry(self, entry: String) -> Self {
        Self {
            entry: Some(entry),
            ..self
        }
    }

    fn with(self, more: &str) -> Self {
        let entry = self.entry.clone().unwrap_or_default();
        self.entry(more.to_owned() + "\n" + &entry)
    }

    fn permissions(self, changes: &[(&str, &str)]) -> Self {
        self.entry(usual() + &permissions(changes))
    }

    fn on(self, place: Place) -> Self {
        self.entry(place.limits() + &permissions(&[]))
    }

    fn unknown(self) -> Self {
        Self {
            entry: None,
            ..self
        }
    }

    fn value(self, value: &str) -> Self {
        Self {
            value: value.to_owned(),
            pasted: value.to_owned(),
            ..self
        }
    }

    fn refused(self, code: &'static str, says: &'static [&'static str]) -> Self {
        let status = match code {
            "cloudflare_unavailable" => 502,
            "rate_limited" => 429,
            _ => 422,
        };
        Self {
            status,
            code,
            says,
            ..self
        }
    }

    fn missing(self, missing: &'static [&'static str]) -> Self {
        Self {
            missing: Some(missing),
            ..self
        }
    }

    fn rows(self, rows: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        Self { rows, ..self }
    }

    fn cloudflare(self, code: i64) -> Self {
        Self {
            cloudflare: Some(code),
            ..self
        }
    }

    fn cleaned(self, cleaned: &'static [&'static str]) -> Self {
        Self { cleaned, ..self }
    }

    /// The calls of a path in an account (its number in `BROKEN`) go wrong.
    fn fault(
        self,
        index: usize,
        path: &str,
        kind: &str,
        status: u16,
        code: i64,
        times: u64,
    ) -> Self {
        let Place(account, zone) = BROKEN[index];
        let path = path.replace("{account}", account).replace("{zone}", zone);
        let fault = json!({
            "match": { "path": path }, "kind": kind, "status": status, "code": code,
            "times": times, "delayMs": 100,
        });
        Self {
            fault: Some(fault),
            ..self.on(BROKEN[index])
        }
    }
}

/// Tokens that lack something, or are no tokens.
pub(super) fn refused() -> Vec<Case> {
    let mut all = lacking();
    all.extend(lifeless());
    all.extend(out_of_scope());
    all.extend(not_tokens());
    all.extend(in_trouble());
    all
}

const SCRIPTS: &str = "Workers Scripts";
const KV: &str = "Workers KV Storage";
const SETTINGS: &str = "Account Settings";
const ROUTES: &str = "Workers Routes";
const ZONE: &str = "Zone";
const ONLY_READ: &str = "Only Read is granted here";
const LACKS: &str = "insufficient_permissions";

fn lacking() -> Vec<Case> {
    vec![
        case("without-scripts")
            .permissions(&[("workers_scripts", "")])
            .refused(
                LACKS,
                &["lacks Workers Scripts: Edit (account Sample account)."],
            )
            .missing(&[SCRIPTS])
            .rows(&[(SCRIPTS, "no", "Not granted here.")])
            .cloudflare(10_000),
        case("without-kv")
            .permissions(&[("workers_kv_storage", "")])
            .refused(
                LACKS,
                &["lacks Workers KV Storage: Edit (account Sample account)."],
            )
            .missing(&[KV])
            .rows(&[(KV, "no", "Not granted here.")])
            .cloudflare(10_000),
        case("without-settings")
            .permissions(&[("account_settings", "")])
            .refused(
                LACKS,
                &["lacks Account Settings: Read (account Sample account)."],
            )
            .missing(&[SETTINGS])
            .cloudflare(9109),
        case("without-routes")
            .permissions(&[("workers_routes", "")])
            .refused(
                LACKS,
                &[
                    "lacks Workers Routes: Edit (zones ",
                    "shop.localhost",
                    "blog.localhost",
                ],
            )
            .missing(&[ROUTES])
            .cloudflare(10_000),
        case("without-zone")
            .permissions(&[("zone", "")])
            .refused(LACKS, &["lacks Zone: Read (account Sample account)."])
            .rows(&[
                (ZONE, "no", "GET /zones"),
                (ROUTES, "unknown", "No zone"),
                (SCRIPTS, "yes", ""),
                (KV, "yes", ""),
                (SETTINGS, "yes", ""),
            ])
            .cloudflare(9109),
        case("read-scripts")
            .permissions(&[("workers_scripts", "read")])
            .refused(
                LACKS,
                &["lacks Workers Scripts: Edit (account Sample account)."],
            )
            .missing(&[SCRIPTS])
            .rows(&[(SCRIPTS, "no", ONLY_READ)])
            .cloudflare(10_000),
        case("read-kv")
            .permissions(&[("workers_kv_storage", "read")])
            .refused(
                LACKS,
                &["lacks Workers KV Storage: Edit (account Sample account)."],
            )
            .missing(&[KV])
            .rows(&[(KV, "no", ONLY_READ)])
            .cloudflare(10_000),
        case("read-routes")
            .permissions(&[("workers_routes", "read")])
            .refused(LACKS, &["lacks Workers Routes: Edit (zones "])
            .missing(&[ROUTES])
            .rows(&[(ROUTES, "no", ONLY_READ)])
            .cloudflare(10_000),
        case("read-all-three")
            .permissions(&[
                ("workers_scripts", "read"),
                ("workers_kv_storage", "read"),
                ("workers_routes", "read"),
            ])
            .refused(
                LACKS,
                &[
                    "Workers Scripts: Edit",
                    "Workers KV Storage: Edit",
                    "Workers Routes: Edit",
                ],
            )
            .missing(&[SCRIPTS, KV, ROUTES]),
        case("without-two")
            .permissions(&[("workers_scripts", ""), ("workers_routes", "")])
            .refused(LACKS, &["Workers Scripts: Edit", "Workers Routes: Edit"])
            .missing(&[SCRIPTS, ROUTES]),
        case("without-anything")
            .entry(usual() + "permissions = {}\n")
            .refused("no_accounts", &["Account Settings: Read"])
            .cloudflare(9109),
        case("own-without-kv")
            .permissions(&[("workers_kv_storage", "")])
            .with("kind = \"account\"")
            .refused(
                LACKS,
                &["lacks Workers KV Storage: Edit (account Sample account)."],
            )
            .missing(&[KV]),
        case("own-without-settings")
            .permissions(&[("account_settings", "")])
            .with("kind = \"account\"")
            .refused(
                LACKS,
                &["lacks Account Settings: Read (account Sample account)."],
            )
            .missing(&[SETTINGS]),
        case("own-without-anything")
            .entry(usual() + "permissions = {}\n")
            .with("kind = \"account\"")
            .refused("no_accounts", &["Account Settings: Read"]),
    ]
}

fn lifeless() -> Vec<Case> {
    vec![
        case("unknown")
            .unknown()
            .refused("invalid_token", ALL_CAUSES)
            .cloudflare(1000),
        case("unknown-user")
            .unknown()
            .value("cfut_fake-fake-fake-fake-fake-fake-fake-fake-none")
            .refused("invalid_token", ALL_CAUSES)
            .cloudflare(1000),
        case("unknown-account")
            .unknown()
            .value("cfat_fake-fake-fake-fake-fake-fake-fake-fake-none")
            .refused("invalid_token", ALL_CAUSES)
            .cloudflare(9109),
        case("misshapen")
            .unknown()
            .value("local-demo-of-wrong-length-000")
            .refused("invalid_token", &["has not the form"])
            .cloudflare(6003),
        case("expired")
            .with("expires_on = \"2020-01-01T00:00:00Z\"")
            .refused("token_expired", &["2020-01-01T00:00:00Z"]),
        case("disabled")
            .with("status = \"disabled\"")
            .refused("token_disabled", &["switched off"]),
        case("not-yet")
            .with("not_before = \"2090-01-01T00:00:00Z\"")
            .refused("invalid_token", &["not valid yet", "2090-01-01T00:00:00Z"]),
        case("elsewhere")
            .with("allowed_ips = [\"203.0.113.0/24\"]")
            .refused(
                "token_ip_restricted",
                &["127.0.0.1", "Client IP Address Filter"],
            )
            .cloudflare(9109),
        case("own-elsewhere")
            .with("kind = \"account\"\nallowed_ips = [\"203.0.113.0/24\"]")
            .refused("token_ip_restricted", &["127.0.0.1"]),
        case("own-expired")
            .with("kind = \"account\"\nexpires_on = \"2020-01-01T00:00:00Z\"")
            .refused("invalid_token", ALL_CAUSES),
        case("own-disabled")
            .with("kind = \"account\"\nstatus = \"disabled\"")
            .refused("invalid_token", ALL_CAUSES),
    ]
}

fn out_of_scope() -> Vec<Case> {
    vec![
        case("zones-elsewhere")
            .entry(format!(
                "accounts = [\"{ACCOUNT}\"]\nzones = [\"{}\"]\n{}",
                OTHER.1,
                permissions(&[])
            ))
            .refused(
                LACKS,
                &[
                    "lacks Workers Scripts: Edit (account Other account)",
                    "The account Sample account grants its three permissions",
                ],
            ),
        case("no-zone")
            .entry(format!(
                "accounts = [\"{ACCOUNT}\"]\nzones = []\n{}",
                permissions(&[])
            ))
            .refused(LACKS, &["reaches no zone", "Zone Resources"])
            .rows(&[
                (ROUTES, "unknown", "No zone"),
                (ZONE, "unknown", "GET /zones lists nothing"),
            ]),
        case("no-account")
            .entry(format!(
                "accounts = []\nzones = [\"{SHOP}\"]\n{}",
                permissions(&[])
            ))
            .refused(
                LACKS,
                &[
                    "Workers Scripts: Edit (account Sample account)",
                    "Account Resources",
                ],
            )
            .missing(&[SCRIPTS, KV, SETTINGS]),
        case("nothing-included")
            .entry(format!("accounts = []\nzones = []\n{}", permissions(&[])))
            .refused("no_accounts", &["Account Resources"]),
        case("own-of-another-account")
            .entry(format!(
                "kind = \"account\"\naccounts = [\"{}\"]\nzones = [\"{SHOP}\"]\n{}",
                OTHER.0,
                permissions(&[])
            ))
            .refused(
                LACKS,
                &["reaches no zone", "The account Other account grants"],
            ),
        case("apart")
            .entry(format!(
                "{}{}[[tokens.policies]]\n{}{}",
                usual(),
                permissions(&[("workers_scripts", "")]),
                OTHER.limits(),
                permissions(&[("workers_routes", "")])
            ))
            .refused(
                LACKS,
                &[
                    "Workers Scripts: Edit (account Sample account)",
                    "Workers Routes: Edit (zone z12.localhost)",
                ],
            ),
        case("email-not-verified")
            .on(UNVERIFIED)
            .refused(
                "account_not_ready",
                &["e-mail address is not verified", "My Profile"],
            )
            .rows(&[(SCRIPTS, "unknown", "10034"), (KV, "yes", "")])
            .cloudflare(10_034),
        case("without-workers")
            .on(WITHOUT_WORKERS)
            .refused(
                "account_not_ready",
                &["Workers or KV is not available", "Workers & Pages"],
            )
            .rows(&[(SCRIPTS, "unknown", "10037"), (KV, "unknown", "10037")])
            .cloudflare(10_037),
    ]
}

fn not_tokens() -> Vec<Case> {
    let key = "api_key_not_supported";
    let other = |name, pasted: &str| case(name).unknown().value(pasted);
    vec![
        other("global-key", "0123456789abcdef0123456789abcdef01234")
            .refused(key, &["Global API Key", "Make an API token"]),
        other(
            "long-global-key",
            "0123456789abcdef0123456789abcdef0123456789abc",
        )
        .refused(key, &["Global API Key"]),
        other(
            "new-global-key",
            "cfk_fake-fake-fake-fake-fake-fake-fake-fake-fake",
        )
        .refused(key, &["Global API Key"]),
        other("origin-ca-key", "v1.0-fake-fake-fake-fake-fake-fake-fake")
            .refused(key, &["Origin CA key", "Make an API token"]),
        other("oauth", "cfoat_fake-fake-fake-fake-fake-fake-fake-fake")
            .refused(key, &["OAuth access token", "Make an API token"]),
        other(
            "access-key",
            "ed_fakefakefakefakefakefakefakefakefakefakefak",
        )
        .refused(
            key,
            &[
                "access key of Edge Delivery",
                "paste a Cloudflare API token",
            ],
        ),
        other("quoted-key", " \"0123456789abcdef0123456789abcdef01234\"\n")
            .refused(key, &["Global API Key"]),
        other("empty", "").refused("invalid_token", &["Nothing was pasted"]),
        other("blank", " \u{200b}\n\"\" ").refused("invalid_token", &["Nothing was pasted"]),
        other("bearer-alone", "Bearer ").refused("invalid_token", &["Nothing was pasted"]),
        other("short", "local-demo").refused("invalid_token", &["10 characters"]),
        other("sentence", "this is what somebody copied by mistake")
            .refused("invalid_token", &["no Cloudflare API token has"]),
        other("too-long", &"x".repeat(5_000)).refused("validation_failed", &["4 KB"]),
        other("very-long", &"x".repeat(600)).refused("invalid_token", &["600 characters"]),
    ]
}

/// Cloudflare is in trouble in the middle of a check: nothing is said about the token.
fn in_trouble() -> Vec<Case> {
    const KV_PATH: &str = "^/accounts/{account}/storage/kv/";
    const SCRIPTS_PATH: &str = "^/accounts/{account}/workers/scripts/Not";
    let unavailable = "cloudflare_unavailable";
    vec![
        case("kv-down")
            .fault(0, KV_PATH, "before", 500, 10_013, 99)
            .refused(unavailable, &["storage/kv", "HTTP 500"])
            .cloudflare(10_013),
        case("kv-is-html")
            .fault(1, KV_PATH, "html", 502, 0, 99)
            .refused(unavailable, &["HTML page"]),
        case("kv-is-throttled")
            .fault(2, KV_PATH, "rate_limited", 429, 971, 99)
            .refused("rate_limited", &["asks to wait"])
            .cloudflare(971),
        case("routes-hang")
            .fault(3, "^/zones/{zone}/workers/routes", "timeout", 500, 0, 99)
            .refused(unavailable, &["workers/routes"]),
        case("dies-meanwhile")
            .fault(4, SCRIPTS_PATH, "before", 401, 10_000, 99)
            .refused(
                "invalid_token",
                &["at first", "deleted, rolled or switched off meanwhile"],
            )
            .cloudflare(10_000),
        case("locked-out")
            .fault(5, SCRIPTS_PATH, "before", 403, 10_502, 99)
            .refused("rate_limited", &["locked out"])
            .cloudflare(10_502),
        case("scheme-refused")
            .fault(6, SCRIPTS_PATH, "before", 405, 10_405, 99)
            .refused(LACKS, &["Workers Scripts: Edit"])
            .missing(&[SCRIPTS])
            .cloudflare(10_405),
    ]
}

/// With `verify_tells = false`: Cloudflare does not say what is the matter.
pub(super) fn untold() -> Vec<Case> {
    let untold = |name, more| case(name).with(more).refused("invalid_token", ALL_CAUSES);
    vec![
        untold("expired", "expires_on = \"2020-01-01T00:00:00Z\"").cloudflare(1000),
        untold("disabled", "status = \"disabled\"").cloudflare(1000),
        untold("not-yet", "not_before = \"2090-01-01T00:00:00Z\"").cloudflare(1000),
        untold(
            "own-expired",
            "kind = \"account\"\nexpires_on = \"2020-01-01T00:00:00Z\"",
        ),
        untold("own-disabled", "kind = \"account\"\nstatus = \"disabled\""),
        case("elsewhere")
            .with("allowed_ips = [\"203.0.113.0/24\"]")
            .refused("token_ip_restricted", &["127.0.0.1"]),
    ]
}

/// Tokens that are good enough, and what may surround them.
pub(super) fn accepted() -> Vec<Case> {
    const AROUND: &str = "spaces or line breaks around it";
    let pasted = |name, form: &str, cleaned| {
        let case = case(name).cleaned(cleaned);
        Case {
            pasted: form.replace("{}", &case.value),
            ..case
        }
    };
    let mut wrapped = pasted("wrapped", "{}", &["line breaks inside it"]);
    wrapped.pasted.insert(20, '\n');
    vec![
        case("good").missing(&[]),
        case("good-user").value("cfut_fake-fake-fake-fake-fake-fake-fake-fake-good"),
        case("good-account").value("cfat_fake-fake-fake-fake-fake-fake-fake-fake-good").with("kind = \"account\""),
        case("own-without-prefix").with("kind = \"account\"").missing(&[]),
        case("ends-later").with("expires_on = \"2090-01-01T00:00:00Z\"\nnot_before = \"2020-01-01T00:00:00Z\""),
        case("from-here").with("allowed_ips = [\"127.0.0.0/8\"]"),
        case("more-than-needed").entry(
            usual() + "permissions = { workers_scripts = \"edit\", workers_kv_storage = \"edit\", account_settings = \"edit\", workers_routes = \"edit\", zone = \"edit\", dns = \"edit\" }",
        ),
        case("all-accounts-and-zones").entry(permissions(&[])),
        case("all-zones-of-some-accounts")
            .entry(format!("accounts = [\"{ACCOUNT}\"]\n{}", permissions(&[])))
            .rows(&[(SCRIPTS, "no", ""), (SCRIPTS, "yes", "")]),
        case("one-zone").entry(format!("zones = [\"{SHOP}\"]\naccounts = [\"{ACCOUNT}\"]\n{}", permissions(&[]))),
        case("one-zone-of-two-with-routes")
            .entry(format!(
                "accounts = [\"{ACCOUNT}\"]\nzones = [\"{SHOP}\"]\n{}[[tokens.policies]]\nzones = [\"{BLOG}\"]\npermissions = {{ zone = \"read\" }}\n",
                permissions(&[])
            ))
            .rows(&[(ROUTES, "no", ""), (ROUTES, "yes", "")]),
        case("good-in-the-second-account").entry(format!(
            "{}{}[[tokens.policies]]\n{}{}",
            usual(),
            permissions(&[("workers_scripts", "read"), ("workers_kv_storage", "")]),
            OTHER.limits(),
            permissions(&[])
        )),
        case("pending-zone").on(PENDING).missing(&[]),
        case("no-workers-dev-name")
            .fault(7, "^/accounts/{account}/workers/scripts/Not", "before", 400, 10_063, 9)
            .rows(&[(SCRIPTS, "yes", "no workers.dev name yet")]),
        case("spreads-slowly").fault(8, "^/accounts/{account}/workers/scripts/Not", "before", 403, 10_000, 1).missing(&[]),
        pasted("spaces", "  {}\t", &[AROUND]),
        pasted("newlines", "\n{}\r\n\n", &[AROUND]),
        pasted("one-newline", "{}\n", &[]),
        pasted("quotes", "\"{}\"", &["quotes"]),
        pasted("curly-quotes", "“{}”", &["quotes"]),
        pasted("bearer", "Bearer {}", &["the word Bearer"]),
        pasted("header", "Authorization: Bearer {}", &["the word Authorization", "the word Bearer"]),
        pasted("zero-width", "\u{feff}{}\u{200b}\u{2060}", &["invisible characters"]),
        pasted("everything", " 'bearer {}'\u{200d}", &["invisible characters", AROUND, "quotes", "the word Bearer"]),
        wrapped,
    ]
}
