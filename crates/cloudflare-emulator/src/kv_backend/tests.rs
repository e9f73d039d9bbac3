#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use super::*;

fn backend(percent: u64) -> Backend {
    let mut world = World::default();
    world.switches.kv_cache_percent = percent;
    world
        .namespaces
        .insert("n".to_owned(), Namespace::default());
    Backend {
        world: SharedWorld::new(world),
        namespace: "n".to_owned(),
        cache: Cache::default(),
    }
}

fn put(backend: &Backend, text: &'static str) {
    let write = KvWrite {
        value: Bytes::from_static(text.as_bytes()),
        ..KvWrite::default()
    };
    let mut world = backend.world.write();
    let namespace = world.namespaces.get_mut("n").unwrap();
    namespace.put("k", write, now_ms(), 0).unwrap();
}

fn seen(backend: &Backend, ttl: Option<u64>) -> Option<Bytes> {
    let Ok(entry) = backend.cached("k", ttl) else {
        panic!("the namespace is there");
    };
    entry.map(|entry| entry.value)
}

#[test]
fn a_location_remembers_misses_and_values() {
    let none = backend(0);
    assert_eq!(seen(&none, None), None);
    put(&none, "a");
    assert_eq!(seen(&none, None).unwrap(), "a");

    let location = backend(100);
    assert_eq!(seen(&location, Some(30)), None);
    put(&location, "a");
    assert_eq!(seen(&location, Some(30)), None, "the miss is remembered");
    // As if the time had gone by.
    location.cache.forget("k");
    assert_eq!(seen(&location, Some(30)).unwrap(), "a");
    put(&location, "b");
    assert_eq!(seen(&location, None).unwrap(), "a", "so is the value");
}

#[test]
fn the_cache_is_as_long_as_asked() {
    for (ttl, seconds) in [(Some(30), 30), (None, 60), (Some(300), 300)] {
        let location = backend(50);
        let before = now_ms();
        seen(&location, ttl);
        let kept = location.cache.until_ms("k").unwrap() - before;
        assert!(
            (seconds * 500..seconds * 500 + 1_000).contains(&kept),
            "{kept}"
        );
    }
    let Err(Failure(status, words)) = backend(100).get("k", Some(10)) else {
        panic!("too short");
    };
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(words.contains("cache_ttl"), "{words}");
}
