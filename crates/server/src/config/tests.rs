use super::*;

const KEY: &str = "0000000000000000000000000000000000000000000000000000000000000001";

fn check(change: impl FnOnce(&mut ServeConfigArgs, &mut Environment)) -> Result<Config, String> {
    let (mut args, mut environment) = (ServeConfigArgs::default(), Environment::default());
    change(&mut args, &mut environment);
    args.checked(environment)
        .map_err(|errors| errors.to_string())
}

#[test]
fn nothing_set_is_enough() {
    let config = check(|_, _| {}).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(
        config.database_url.expose(),
        "sqlite://data/edge-delivery.db"
    );
    assert!(
        matches!(&config.key, KeySource::File(path) if path.ends_with("data/edge-delivery.key"))
    );
    assert_eq!(config.cloudflare_base_url.as_str(), CLOUDFLARE_API);
    assert!(!config.is_https());
}

#[test]
fn files_follow_the_state_directory_and_the_database() {
    let config = check(|_, env| env.state_directory = Some("/var/lib/ed:/x".into())).unwrap();
    assert_eq!(
        config.database_url.expose(),
        "sqlite:///var/lib/ed/edge-delivery.db"
    );
    let config =
        check(|args, _| args.common.database_url = Some("sqlite:///srv/a.db?mode=rwc".into()));
    assert!(
        matches!(&config.unwrap().key, KeySource::File(path) if path.to_str() == Some("/srv/edge-delivery.key"))
    );
}

#[test]
fn every_fault_is_told_at_once() {
    let text = check(|args, env| {
        args.listen = Some("8080".into());
        args.public_url = Some("ftp://example.com".into());
        args.common.database_url = Some("mysql://u:hunter2@h/db".into());
        args.common.cloudflare_api_base_url = Some("http://api.example.com/client/v4".into());
        args.common.log = Some("a=b=c".into());
        args.common.log_format = Some("xml".into());
        args.audit_days = Some("0".into());
        args.admin_email = Some("a@example.com".into());
        args.trusted_proxies = Some("10.0.0.0/8, proxy".into());
        env.key = Some(Secret::new("too short"));
    })
    .unwrap_err();
    for name in [
        "EDGE_DELIVERY_LISTEN",
        "EDGE_DELIVERY_PUBLIC_URL",
        "EDGE_DELIVERY_DATABASE_URL",
        "CLOUDFLARE_API_BASE_URL",
        "EDGE_DELIVERY_LOG ",
        "EDGE_DELIVERY_LOG_FORMAT",
        "EDGE_DELIVERY_AUDIT_DAYS",
        "EDGE_DELIVERY_ADMIN_PASSWORD",
        "EDGE_DELIVERY_TRUSTED_PROXIES",
        "EDGE_DELIVERY_KEY ",
    ] {
        assert!(text.contains(name), "{name} is missing in {text}");
    }
    assert!(!text.contains("hunter2") && !text.contains("too short"));
}

#[test]
fn two_keys_are_one_too_many() {
    let text = check(|args, env| {
        args.common.key_file = Some("k".into());
        env.key = Some(Secret::new(KEY));
    })
    .unwrap_err();
    assert!(text.contains("both set"), "{text}");
}

#[test]
fn http_to_cloudflare_only_on_loopback() {
    for (url, good) in [
        ("http://127.0.0.1:8788/client/v4/", true),
        ("http://[::1]:8788/client/v4", true),
        ("http://localhost:8788/client/v4", true),
        ("https://api.example.com/client/v4", true),
        ("http://10.0.0.1/client/v4", false),
        ("http://localhost.example.com/client/v4", false),
        ("https://user:password@api.example.com/", false),
        ("nonsense", false),
    ] {
        let config = check(|args, _| args.common.cloudflare_api_base_url = Some(url.into()));
        assert_eq!(config.is_ok(), good, "{url}");
        if let Ok(config) = config {
            assert!(!config.cloudflare_base_url.as_str().ends_with('/'), "{url}");
        }
    }
}

#[test]
fn debug_shows_no_secret() {
    let config = check(|args, env| {
        args.common.database_url = Some("postgres://u:hunter2@127.0.0.1/db".into());
        args.admin_email = Some("A@Example.com".into());
        env.admin_password = Some(Secret::new("correct horse battery"));
        env.key = Some(Secret::new(KEY));
    })
    .unwrap();
    let text = format!("{config:?}");
    assert!(!text.contains("hunter2") && !text.contains("horse") && !text.contains(KEY));
    assert_eq!(
        config.admin.map(|admin| admin.email).as_deref(),
        Some("a@example.com")
    );
}

#[test]
fn watching_is_checked() {
    let config = check(|_, _| {}).unwrap();
    assert_eq!(config.check_every, Some(CHECK_EVERY));
    assert!(config.support_url.is_none() && !config.webhook_allow_private);
    for (text, seconds) in [("30m", Some(1_800)), ("1h 30m", Some(5_400)), ("off", None)] {
        let config = check(|args, _| args.check_every = Some(text.into())).unwrap();
        assert_eq!(config.check_every.map(|it| it.as_secs()), seconds, "{text}");
    }
    for text in ["0s", "-1h", "721h", "soon", "6"] {
        let refused = check(|args, _| args.check_every = Some(text.into()));
        assert!(
            refused.unwrap_err().contains("EDGE_DELIVERY_CHECK_EVERY"),
            "{text}"
        );
    }
    for text in ["https://help.example.com/x", "mailto:help@example.com"] {
        let config = check(|args, _| args.support_url = Some(text.into())).unwrap();
        assert_eq!(config.support_url.unwrap().as_str(), text);
    }
    for text in [
        "http://help.example.com",
        "https://a:b@help.example.com",
        "mailto:nobody",
        "javascript:alert(1)",
        "help",
    ] {
        let refused = check(|args, _| args.support_url = Some(text.into()));
        assert!(
            refused.unwrap_err().contains("EDGE_DELIVERY_SUPPORT_URL"),
            "{text}"
        );
    }
    let refused = check(|args, _| args.webhook_allow_private = Some("yes".into()));
    assert!(refused.unwrap_err().contains("switch"));
}

#[test]
fn verification_lists_come_from_their_operators_or_a_safe_mirror() {
    let config = check(|_, _| {}).unwrap();
    assert_eq!(config.verification_every, Some(VERIFICATION_EVERY));
    assert_eq!(config.verification_mirror, None);
    let config = check(|args, _| {
        args.verification_every = Some("off".into());
        args.verification_mirror = Some("http://127.0.0.1:9000/lists".into());
    });
    let config = config.unwrap();
    assert_eq!(config.verification_every, None);
    assert!(config.verification_mirror.is_some());
    for bad in [
        "http://mirror.example/lists",
        "mirror.example",
        "https://user:word@mirror.example/",
        "https://mirror.example/?a=b",
    ] {
        let text = check(|args, _| args.verification_mirror = Some(bad.into())).unwrap_err();
        assert!(
            text.contains("EDGE_DELIVERY_VERIFICATION_MIRROR"),
            "{bad}: {text}"
        );
    }
    let text = check(|args, _| args.verification_every = Some("daily".into())).unwrap_err();
    assert!(text.contains("EDGE_DELIVERY_VERIFICATION_EVERY"), "{text}");
}

#[test]
fn traffic_is_looked_at_every_few_minutes_unless_told() {
    let every = |text: Option<&str>| {
        let text = text.map(str::to_owned);
        check(|args, _| args.alerts_every = text).map(|config| config.alerts_every)
    };
    assert_eq!(every(None), Ok(Some(ALERTS_EVERY)));
    assert_eq!(every(Some("off")), Ok(None));
    let text = every(Some("often")).unwrap_err();
    assert!(text.contains("EDGE_DELIVERY_ALERTS_EVERY"), "{text}");
}
