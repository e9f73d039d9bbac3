use crate::{AT, agent, lists, ranges};
use domain::{
    identity::{
        Content, Doubt, Fault, Ground, Identity, Lists, SignatureFinding, SignatureParts, Version,
        check, judge, published,
    },
    time::Millis,
};
use web_bot_auth::{
    keyring::{Algorithm, Thumbprintable},
    message_signatures::GenerateSignature,
};

/// The key pair that RFC 9421 prints for tests (appendix B.1.4): public, and nobody's.
const PRIVATE: [u8; 32] = [
    0x9f, 0x83, 0x62, 0xf8, 0x7a, 0x48, 0x4a, 0x95, 0x4e, 0x6e, 0x74, 0x0c, 0x5b, 0x4c, 0x0e, 0x84,
    0x22, 0x91, 0x39, 0xa2, 0x0a, 0xa8, 0xab, 0x56, 0xff, 0x66, 0x58, 0x6f, 0x6a, 0x7d, 0x29, 0xc5,
];
const PUBLIC: &str = "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs";
const THUMBPRINT: &str = "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U";
const SECONDS: i64 = AT.0 / 1000;

/// How a request is signed, and what differs from a good one.
#[derive(Clone)]
struct Signed {
    agent_header: &'static str,
    covered: &'static str,
    created: i64,
    expires: i64,
    key_id: &'static str,
    tag: &'static str,
    private: [u8; 32],
    /// What was signed.
    host: &'static str,
    /// What arrived.
    seen_host: &'static str,
    seen_path: &'static str,
}

const GOOD: Signed = Signed {
    agent_header: r#""https://chatgpt.com""#,
    covered: r#""@authority" "signature-agent""#,
    created: -10,
    expires: 290,
    key_id: THUMBPRINT,
    tag: "web-bot-auth",
    private: PRIVATE,
    host: "shop.example",
    seen_host: "shop.example",
    seen_path: "/pricing",
};

impl Signed {
    /// The three headers, made by hand: what RFC 9421 says, not what the verifier under test would write.
    fn parts(&self) -> SignatureParts {
        let params = format!(
            r#"({});created={};expires={};keyid="{}";alg="ed25519";tag="{}""#,
            self.covered,
            SECONDS + self.created,
            SECONDS + self.expires,
            self.key_id,
            self.tag
        );
        let mut base = String::new();
        for name in self.covered.split(' ') {
            let value = match name {
                r#""@authority""# => self.host.to_owned(),
                r#""@method""# => "GET".to_owned(),
                r#""@path""# => "/pricing".to_owned(),
                r#""@scheme""# => "https".to_owned(),
                r#""@query""# => "?a=1".to_owned(),
                r#""signature-agent";key="g""# => r#""https://agent.bot.goog""#.to_owned(),
                _ => self.agent_header.to_owned(),
            };
            base.push_str(&format!("{name}: {value}\n"));
        }
        base.push_str(&format!("\"@signature-params\": {params}"));
        let signature = self
            .private
            .generate_signature(Algorithm::Ed25519, base.as_bytes())
            .expect("signed");
        let encoded = sfv::BareItem::ByteSequence(signature);
        let signature = sfv::SerializeValue::serialize_value(&sfv::Item::new(encoded));
        SignatureParts {
            signature_agent: self.agent_header.to_owned(),
            signature_input: format!("sig1={params}"),
            signature: format!("sig1={signature}"),
            method: "GET".to_owned(),
            host: self.seen_host.to_owned(),
            path: self.seen_path.to_owned(),
        }
    }
}

fn directory(url: &str, extra: &str, confirmed_days_ago: i64) -> Version {
    let body = format!(
        r#"{{"keys": [{{"kty": "OKP", "crv": "Ed25519", "x": "{PUBLIC}", "use": "sig"{extra}}}, {{"kty": "RSA", "e": "AQAB", "n": "AA"}}]}}"#
    );
    let confirmed_at = Millis(AT.0 - confirmed_days_ago * 86_400_000);
    Version {
        url: url.to_owned(),
        valid_from: confirmed_at,
        valid_until: None,
        confirmed_at,
        content: Content::Keys(published::keys(body.as_bytes()).expect("a directory")),
    }
}

const CHATGPT: &str = "https://chatgpt.com/.well-known/http-message-signatures-directory";
const GOOGLE: &str = "https://agent.bot.goog/.well-known/http-message-signatures-directory";

fn with_keys() -> Lists {
    lists(vec![directory(CHATGPT, "", 1), directory(GOOGLE, "", 1)])
}

const OTHER_KEY: [u8; 32] = [7; 32];

#[test]
fn signatures_by_case() {
    use SignatureFinding::{Invalid, Unknown, Valid};
    let lists = with_keys();
    let with = |change: &dyn Fn(&mut Signed)| {
        let mut signed = GOOD;
        change(&mut signed);
        signed
    };
    let cases: Vec<(&str, Signed, SignatureFinding)> = vec![
        ("good", GOOD, Valid),
        (
            "more covered",
            with(&|s| s.covered = r#""@method" "@authority" "@path" "@scheme" "signature-agent""#),
            Valid,
        ),
        (
            "host in capitals",
            with(&|s| s.seen_host = "SHOP.example"),
            Valid,
        ),
        (
            "at the very beginning",
            with(&|s| (s.created, s.expires) = (0, 60)),
            Valid,
        ),
        (
            "clocks differ a little",
            with(&|s| (s.created, s.expires) = (50, 100)),
            Valid,
        ),
        (
            "just over, within the skew",
            with(&|s| (s.created, s.expires) = (-300, -50)),
            Valid,
        ),
        (
            "a whole day",
            with(&|s| (s.created, s.expires) = (-10, 86_390)),
            Valid,
        ),
        (
            "expired",
            with(&|s| (s.created, s.expires) = (-400, -100)),
            Invalid(Fault::Expired),
        ),
        (
            "sent again next week",
            with(&|s| (s.created, s.expires) = (-604_800, -604_500)),
            Invalid(Fault::Expired),
        ),
        (
            "ends before it begins",
            with(&|s| (s.created, s.expires) = (-10, -20)),
            Invalid(Fault::Expired),
        ),
        (
            "not yet",
            with(&|s| (s.created, s.expires) = (100, 400)),
            Invalid(Fault::NotYet),
        ),
        (
            "longer than a day",
            with(&|s| (s.created, s.expires) = (-10, 86_400)),
            Unknown(Doubt::WindowTooLong),
        ),
        (
            "wrong key",
            with(&|s| s.private = OTHER_KEY),
            Invalid(Fault::Wrong),
        ),
        (
            "wrong host",
            with(&|s| s.seen_host = "blog.example"),
            Invalid(Fault::Wrong),
        ),
        (
            "subdomain",
            with(&|s| s.seen_host = "www.shop.example"),
            Invalid(Fault::Wrong),
        ),
        (
            "another page, when the path is covered",
            with(&|s| {
                (s.covered, s.seen_path) = (r#""@authority" "@path" "signature-agent""#, "/admin");
            }),
            Invalid(Fault::Wrong),
        ),
        (
            "unknown key",
            with(&|s| s.key_id = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            Unknown(Doubt::KeyUnknown),
        ),
        (
            "query covered",
            with(&|s| s.covered = r#""@authority" "@query" "signature-agent""#),
            Unknown(Doubt::NotCovered),
        ),
        (
            "agent not covered",
            with(&|s| s.covered = r#""@authority""#),
            Unknown(Doubt::Malformed),
        ),
        (
            "host not covered",
            with(&|s| s.covered = r#""@method" "signature-agent""#),
            Unknown(Doubt::Malformed),
        ),
        (
            "another tag",
            with(&|s| s.tag = "something-else"),
            Unknown(Doubt::Malformed),
        ),
        (
            "somebody else's host",
            with(&|s| s.agent_header = r#""https://evil.example""#),
            Unknown(Doubt::ForeignHost),
        ),
        (
            "another operator's host",
            with(&|s| s.agent_header = r#""https://agent.bot.goog""#),
            Unknown(Doubt::ForeignHost),
        ),
        (
            "a host that only begins like it",
            with(&|s| s.agent_header = r#""https://chatgpt.com.evil.example""#),
            Unknown(Doubt::ForeignHost),
        ),
        (
            "user name before the host",
            with(&|s| s.agent_header = r#""https://chatgpt.com@evil.example""#),
            Unknown(Doubt::ForeignHost),
        ),
        (
            "by http",
            with(&|s| s.agent_header = r#""http://chatgpt.com""#),
            Unknown(Doubt::ForeignHost),
        ),
        (
            "keys in the header itself",
            with(&|s| {
                s.agent_header = r#""data:application/http-message-signatures-directory,{}""#;
            }),
            Unknown(Doubt::ForeignHost),
        ),
        (
            "not quoted",
            with(&|s| s.agent_header = "https://chatgpt.com"),
            Unknown(Doubt::ForeignHost),
        ),
    ];
    for (name, signed, expected) in cases {
        assert_eq!(
            check(Some(&signed.parts()), "OpenAI", &lists, AT),
            expected,
            "{name}"
        );
    }
}

#[test]
fn the_dictionary_form_of_the_header() {
    let signed = Signed {
        agent_header: r#"g="https://agent.bot.goog""#,
        covered: r#""@authority" "signature-agent";key="g""#,
        ..GOOD
    };
    let lists = with_keys();
    let found = |parts: &SignatureParts| check(Some(parts), "Google", &lists, AT);
    assert_eq!(found(&signed.parts()), SignatureFinding::Valid);
    let mut parts = signed.parts();
    parts.signature_agent = r#"g="https://agent.bot.goog/x""#.to_owned();
    assert_eq!(found(&parts), SignatureFinding::Invalid(Fault::Wrong));
    parts.signature_agent = r#"h="https://agent.bot.goog""#.to_owned();
    assert!(matches!(found(&parts), SignatureFinding::Unknown(_)));
}

#[test]
fn keys_have_their_time() {
    let parts = GOOD.parts();
    let found = |extra: &str, days: i64| {
        check(
            Some(&parts),
            "OpenAI",
            &lists(vec![directory(CHATGPT, extra, days)]),
            AT,
        )
    };
    let over = format!(r#", "nbf": {}, "exp": {}"#, SECONDS - 9_000, SECONDS - 100);
    let later = format!(r#", "nbf": {}"#, AT.0 + 3_600_000);
    let now = format!(r#", "nbf": {}, "exp": {}"#, SECONDS - 9_000, SECONDS + 100);
    assert_eq!(
        found(&over, 1),
        SignatureFinding::Invalid(Fault::KeyExpired)
    );
    assert_eq!(
        found(&later, 1),
        SignatureFinding::Invalid(Fault::KeyExpired),
        "in milliseconds"
    );
    assert_eq!(found(&now, 1), SignatureFinding::Valid);
    assert_eq!(found("", 30), SignatureFinding::Valid);
    assert_eq!(found("", 31), SignatureFinding::Unknown(Doubt::NoKeys));
    assert_eq!(
        check(Some(&parts), "OpenAI", &Lists::default(), AT),
        SignatureFinding::Unknown(Doubt::NoKeys)
    );
    assert_eq!(
        check(None, "OpenAI", &with_keys(), AT),
        SignatureFinding::None
    );
}

#[test]
fn odd_headers_prove_nothing_and_break_nothing() {
    let lists = with_keys();
    let changes: [fn(&mut SignatureParts); 9] = [
        |parts| parts.signature.clear(),
        |parts| parts.signature_input.clear(),
        |parts| parts.signature = "sig2=:AAAA:".to_owned(),
        |parts| parts.signature = "sig1=1".to_owned(),
        |parts| parts.signature_input = "sig1=(((".to_owned(),
        |parts| parts.signature_input = "é".repeat(50),
        |parts| parts.signature_input = "a".repeat(3_000),
        |parts| parts.path = "/".repeat(3_000),
        |parts| parts.signature_agent = "\"\u{1}\"".to_owned(),
    ];
    for change in changes {
        let mut parts = GOOD.parts();
        change(&mut parts);
        let found = check(Some(&parts), "OpenAI", &lists, AT);
        assert!(
            matches!(found, SignatureFinding::Unknown(_)),
            "{parts:?}: {found:?}"
        );
    }
    let mut short = GOOD.parts();
    short.signature = "sig1=:AAAA:".to_owned();
    assert_eq!(
        check(Some(&short), "OpenAI", &lists, AT),
        SignatureFinding::Invalid(Fault::Wrong)
    );
    let key = Thumbprintable::OKP {
        crv: "Ed25519".to_owned(),
        x: PUBLIC.to_owned(),
    };
    assert_eq!(key.b64_thumbprint(), THUMBPRINT);
}

#[test]
fn what_signatures_make_of_a_visit() {
    let mut versions = vec![directory(CHATGPT, "", 1)];
    versions.push(ranges(
        "https://openai.com/chatgpt-user.json",
        -100,
        None,
        -1,
        "192.0.2.0/28",
    ));
    let lists = lists(versions);
    let invalid = SignatureFinding::Invalid(Fault::Expired);
    let unknown = SignatureFinding::Unknown(Doubt::KeyUnknown);
    for (token, address, signature, identity, ground) in [
        (
            "ChatGPT-User",
            Some("203.0.113.9"),
            SignatureFinding::Valid,
            Identity::Verified,
            Ground::Signature,
        ),
        (
            "ChatGPT-User",
            None,
            SignatureFinding::Valid,
            Identity::Verified,
            Ground::Signature,
        ),
        (
            "ChatGPT-User",
            Some("192.0.2.1"),
            invalid,
            Identity::Verified,
            Ground::Address,
        ),
        (
            "ChatGPT-User",
            Some("203.0.113.9"),
            invalid,
            Identity::Contradicted,
            Ground::BadSignature,
        ),
        (
            "ChatGPT-User",
            None,
            invalid,
            Identity::Contradicted,
            Ground::BadSignature,
        ),
        (
            "ChatGPT-User",
            Some("203.0.113.9"),
            unknown,
            Identity::Contradicted,
            Ground::NotListed,
        ),
        (
            "ChatGPT-User",
            None,
            unknown,
            Identity::Claimed,
            Ground::NoAddress,
        ),
        (
            "Google-Agent",
            Some("203.0.113.9"),
            invalid,
            Identity::Contradicted,
            Ground::BadSignature,
        ),
        (
            "Google-Agent",
            Some("203.0.113.9"),
            unknown,
            Identity::Claimed,
            Ground::NoListYet,
        ),
        (
            "Bytespider",
            Some("203.0.113.9"),
            unknown,
            Identity::Claimed,
            Ground::NothingPublished,
        ),
    ] {
        let address = address.map(|text| text.parse().expect("an address"));
        let found = judge(agent(token), address, signature, &lists, AT);
        assert_eq!(
            (found.identity, found.ground),
            (identity, ground),
            "{token} {address:?} {signature:?}"
        );
    }
}
