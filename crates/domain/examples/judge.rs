//! How many visits are judged a second, on one core: `cargo run --release -p domain --example judge`.

use domain::{
    agents::Registry,
    identity::{
        Content, Lists, SignatureFinding, SignatureParts, Version, check, judge, published,
        sources, start,
    },
    time::Millis,
};
use std::{
    hint::black_box,
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Instant,
};

const URL: &str = "https://openai.com/chatgpt-user.json";

fn main() {
    let mut versions = start::versions();
    let at = versions[0].confirmed_at;
    // One as long as may be, in three versions.
    for day in 0..3 {
        let prefixes: Vec<String> = (0..20_000_u32)
            .map(|n| format!("{}.{}.{}.0/25", 20 + day, n / 256, n % 256))
            .collect();
        versions.push(Version {
            url: URL.to_owned(),
            valid_from: Millis(at.0 + day * 3_600_000),
            valid_until: None,
            confirmed_at: at,
            content: Content::Ranges(
                published::ranges(prefixes.join("\n").as_bytes()).expect("a list"),
            ),
        });
    }
    let built = Instant::now();
    let lists = Lists::new(&sources::sources(Registry::built_in().agents()), versions);
    let built = built.elapsed();
    let addresses: Vec<IpAddr> = (0..4_096_u32)
        .map(|n| match n % 4 {
            0 => IpAddr::V6(Ipv6Addr::from_bits(u128::from(n) << 96 | 0x2600 << 112)),
            _ => IpAddr::V4(Ipv4Addr::from_bits(n.wrapping_mul(2_654_435_761))),
        })
        .collect();
    let registry = Registry::built_in();
    let rounds = 2_000_000;
    let started = Instant::now();
    for round in 0..rounds {
        let agent = &registry.agents()[round % registry.agents().len()];
        let address = Some(addresses[round % addresses.len()]);
        black_box(judge(agent, address, SignatureFinding::None, &lists, at));
    }
    let each = started.elapsed().as_secs_f64() / rounds as f64;
    let mut out = std::io::stdout();
    let _ = writeln!(out, "lists built in {built:?}");
    let _ = writeln!(
        out,
        "{:.0} ns a judgement, {:.0} a second",
        each * 1e9,
        1.0 / each
    );
    signatures(at, &mut out);
}

/// A signature that is well-formed and wrong: the whole way, with the cryptography.
fn signatures(at: Millis, out: &mut impl Write) {
    let key = br#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"}]}"#;
    let keys = Version {
        url: sources::keys_url("chatgpt.com"),
        valid_from: at,
        valid_until: None,
        confirmed_at: at,
        content: Content::Keys(published::keys(key).expect("a directory")),
    };
    let lists = Lists::new(&sources::sources(Registry::built_in().agents()), [keys]);
    let parts = SignatureParts {
        signature_agent: r#""https://chatgpt.com""#.to_owned(),
        signature_input: r#"sig1=("@authority" "signature-agent");created=1735689600;keyid="poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U";alg="ed25519";expires=1735693200;tag="web-bot-auth""#.to_owned(),
        signature: "sig1=:uz2SAv+VIemw+Oo890bhYh6Xf5qZdLUgv6/PbiQfCFXcX/vt1A8Pf7OcgL2yUDUYXFtffNpkEr5W6dldqFrkDg==:".to_owned(),
        method: "GET".to_owned(),
        host: "shop.example".to_owned(),
        path: "/".to_owned(),
    };
    let rounds = 10_000;
    let started = Instant::now();
    for _ in 0..rounds {
        black_box(check(Some(&parts), "OpenAI", &lists, at));
    }
    let each = started.elapsed().as_secs_f64() / f64::from(rounds);
    let _ = writeln!(
        out,
        "{:.1} µs a signature, {:.0} a second ({:?})",
        each * 1e6,
        1.0 / each,
        check(Some(&parts), "OpenAI", &lists, at)
    );
}
