use domain::identity::{
    ListError,
    published::{BODY_MAX, PREFIXES_MAX, is_shrunk, keys, ranges},
};
use ipnet::IpNet;

fn read(body: &str) -> Result<String, ListError> {
    let prefixes = ranges(body.as_bytes())?;
    let words: Vec<String> = prefixes.iter().map(IpNet::to_string).collect();
    Ok(words.join(" "))
}

#[test]
fn the_forms_in_use() {
    for (body, expected) in [
        // Google, OpenAI, Anthropic, Perplexity.
        (
            r#"{"creationTime": "2026-08-18T23:56:36Z", "prefixes": [{"ipv4Prefix": "216.73.216.0/22"}, {"ipv6Prefix": "2001:4860:4801:10::/64"}]}"#,
            "216.73.216.0/22 2001:4860:4801:10::/64",
        ),
        (
            r#"{"prefixes": [{"ipv4Prefix": "192.0.2.0/24", "ipv6Prefix": "2001:db8::/48"}]}"#,
            "192.0.2.0/24 2001:db8::/48",
        ),
        (
            r#"{"prefixes": ["192.0.2.0/28", "192.0.2.77"]}"#,
            "192.0.2.0/28 192.0.2.77/32",
        ),
        (r#"{"ips": [{"ip_address": "192.0.2.7"}]}"#, "192.0.2.7/32"),
        (
            r#"["192.0.2.7", "2001:db8::1"]"#,
            "192.0.2.7/32 2001:db8::1/128",
        ),
        (
            r#"{"prefixes": [{"ip_prefix": "192.0.2.0/24"}], "ipv6_prefixes": [{"ipv6_prefix": "2001:db8::/48"}]}"#,
            "192.0.2.0/24 2001:db8::/48",
        ),
        (
            "\u{feff}# ours\n192.0.2.0/24 ; main\n\n 2001:db8::/48,192.0.2.9\r\n",
            "192.0.2.0/24 192.0.2.9/32 2001:db8::/48",
        ),
        // Host bits, repetitions, IPv4 inside IPv6.
        (
            "192.0.2.9/24\n192.0.2.0/24\n::ffff:198.51.100.0/120",
            "192.0.2.0/24 198.51.100.0/24",
        ),
    ] {
        assert_eq!(read(body).as_deref(), Ok(expected), "{body}");
    }
}

#[test]
fn what_cannot_be_right_is_refused() {
    let words = |body: &str| read(body).expect_err(body).to_string();
    for (body, expected) in [
        ("", "it is empty"),
        ("# nothing\n", "it is empty"),
        (r#"{"prefixes": []}"#, "it is empty"),
        ("<!doctype html><p>Just a moment…", "a web page"),
        (r#"{"error": "no"}"#, "none of the known fields"),
        (r#"{"prefixes": {"a": 1}}"#, "none of the known fields"),
        (r#"{"prefixes": ["#, "not valid JSON"),
        (r#"{"prefixes": [{"region": "eu"}]}"#, "entry 1"),
        (
            r#"{"prefixes": ["192.0.2.0/24", "192.0.2.0/33"]}"#,
            r#"entry 2 ("192.0.2.0/33")"#,
        ),
        ("192.0.2.0/24\nexample.com", r#"entry 2 ("example.com")"#),
        ("0.0.0.0/0", "too wide"),
        ("192.0.2.0/24\n::/0", "too wide"),
        ("8.0.0.0/7", "too wide"),
        ("2001::/19", "too wide"),
        ("::ffff:0.0.0.0/96", "too wide"),
        ("10.0.0.0/24", "not public"),
        ("127.0.0.1", "not public"),
        ("100.64.0.0/12", "not public"),
        ("169.254.169.254", "not public"),
        ("240.0.0.0/8", "not public"),
        ("::1", "not public"),
        ("fe80::/64", "not public"),
        ("2002:c000:200::/48", "not public"),
    ] {
        assert!(words(body).contains(expected), "{body}: {}", words(body));
    }
    assert_eq!(ranges(&vec![b' '; BODY_MAX + 1]), Err(ListError::TooLarge));
    assert_eq!(ranges(&[0xff, 0xfe]), Err(ListError::NotText));
    let many: Vec<String> = (0..=PREFIXES_MAX)
        .map(|number| format!("1.{}.{}.1", number / 256, number % 256))
        .collect();
    assert_eq!(
        read(&many.join("\n")),
        Err(ListError::TooMany(PREFIXES_MAX))
    );
    assert!(read(&many[1..].join("\n")).is_ok());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(words(&deep).contains("not valid JSON"));
}

#[test]
fn a_list_that_shrinks_is_told_from_one_that_was_put_together() {
    let nets = |text: &str| ranges(text.replace(' ', "\n").as_bytes()).expect("a list");
    let former = nets("192.0.2.0/26 192.0.2.64/26 192.0.2.128/26 192.0.2.192/26");
    assert!(!is_shrunk(&former, &nets("192.0.2.0/24")));
    assert!(!is_shrunk(&former, &nets("192.0.2.0/25")));
    assert!(is_shrunk(&former, &nets("192.0.2.0/26")));
    assert!(is_shrunk(&former, &nets("198.51.100.0/24 203.0.113.0/24")));
    assert!(!is_shrunk(&former[..3], &nets("198.51.100.0/24")));
    assert!(!is_shrunk(&[], &former));
}

#[test]
fn key_directories() {
    let found = |body: &str| keys(body.as_bytes());
    let good = r#"{"keys": [{"kid": "any", "kty": "OKP", "crv": "Ed25519", "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs", "use": "sig", "nbf": 1712793600, "exp": 1715385600}], "purpose": "ai"}"#;
    let keys_found = found(good).expect("a directory");
    assert_eq!(keys_found.len(), 1);
    assert_eq!(
        keys_found[0].id,
        "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U"
    );
    assert_eq!(keys_found[0].not_after, Some(1_715_385_600));
    for bad in [
        "",
        "{}",
        "[]",
        r#"{"keys": {}}"#,
        "<html>",
        r#"{"keys": []}"#,
        r#"{"keys": [{"kty": "RSA", "e": "AQAB", "n": "AA"}]}"#,
        r#"{"keys": [{"kty": "OKP", "crv": "X25519", "x": "AA"}]}"#,
        r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}"#,
        r#"{"keys": [1, null, "x"]}"#,
    ] {
        assert!(found(bad).is_err(), "{bad}");
    }
    let encryption = good.replace("\"sig\"", "\"enc\"");
    assert_eq!(found(&encryption), Err(ListError::NoKey));
    let many = format!(r#"{{"keys": [{}]}}"#, vec!["{}"; 101].join(","));
    assert_eq!(found(&many), Err(ListError::TooMany(100)));
}
