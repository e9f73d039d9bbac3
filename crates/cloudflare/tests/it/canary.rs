//! The token is found nowhere: not in what is printed, not in errors, not in the log at its most talkative.

use crate::support::{TOKEN, account, answering, api, client, json, namespace};
use cloudflare::{ApiToken, Binding, ScriptForm, ScriptUpload};
use std::{
    fmt::Debug,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};
use wiremock::ResponseTemplate;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn seen(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

#[tokio::test]
async fn the_token_is_found_nowhere() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // Of this test's thread, on which everything runs.
    let guard = tracing::subscriber::set_default(subscriber);

    let (account, namespace) = (account(), namespace());
    let script = "edge-delivery".parse().unwrap();
    let secret = "fake-site-key-that-nobody-may-see";
    let upload = ScriptUpload {
        form: ScriptForm::ServiceWorker {
            part: "worker.js".to_owned(),
            code: "// nothing".to_owned(),
        },
        compatibility_date: "2026-04-01".to_owned(),
        bindings: vec![Binding::SecretText {
            name: "SITE_KEY".to_owned(),
            text: secret.to_owned(),
        }],
        keep_bindings: Vec::new(),
        tags: Vec::new(),
    };
    let mut shown = vec![seen(&upload)];
    let filter = cloudflare::ZoneFilter::default();

    // Servers that say back what they were sent, in every place that is kept.
    let echo = format!(
        r#"{{"success":false,"errors":[{{"code":6003,"message":"bad header: Bearer {TOKEN}",
            "error_chain":[{{"code":6111,"message":"{TOKEN}"}}]}},"{TOKEN}"]}}"#
    );
    let misfit = format!(r#"{{"success":true,"result":"{TOKEN}"}}"#);
    for template in [
        json(400, &echo),
        json(500, &echo),
        json(200, &misfit),
        ResponseTemplate::new(502).set_body_raw(TOKEN, "text/html"),
        json(403, &echo).insert_header("cf-ray", TOKEN),
    ] {
        let server = answering(template).await;
        let api = api(&server);
        shown.push(seen(&api));
        let (verified, zones, uploaded, settings, made, probed, value) = tokio::join!(
            api.verify_user_token(),
            api.list_zones(&filter),
            api.upload_script(&account, &script, &upload),
            api.get_script_settings(&account, &script),
            api.create_namespace(&account, "t"),
            api.probe_workers_scripts_write(&account),
            api.get_value(&account, &namespace, "k"),
        );
        shown.extend([seen(&probed), seen(&value.err())]);
        for error in [
            verified.unwrap_err(),
            zones.unwrap_err(),
            uploaded.unwrap_err(),
            settings.unwrap_err(),
            made.unwrap_err(),
        ] {
            shown.push(format!("{error} {}", seen(&error)));
        }
    }
    // Nobody there, and a token that fits no header.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = client(&base, Duration::from_secs(1));
    for token in [TOKEN.to_owned(), format!("{TOKEN}\n")] {
        let api = client.with_token(ApiToken::new(token));
        let error = api.list_accounts().await.unwrap_err();
        shown.push(format!("{error} {} {}", seen(&error), seen(&api)));
    }

    drop(guard);
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("called Cloudflare"), "the log was not caught");
    for text in shown.iter().chain([&log]) {
        assert!(!text.contains(TOKEN), "the token is in: {text}");
        assert!(!text.contains(secret), "the site's key is in: {text}");
    }
}
