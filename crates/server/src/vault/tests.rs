use super::*;
use proptest::prelude::*;

fn vault(seed: u8) -> Vault {
    Vault::with_key(VaultKey::parse(&hex::encode([seed; 32])).unwrap())
}

fn row(table: &'static str, column: &'static str, id: &str) -> SealedRow {
    SealedRow {
        table,
        column,
        id: id.to_owned(),
    }
}

fn token_row() -> SealedRow {
    row("connections", "sealed_token", "0190-1")
}

#[test]
fn keys_are_32_bytes_in_two_spellings() {
    let hex = hex::encode([7; 32]);
    let key = VaultKey::parse(&hex).unwrap();
    for same in [
        hex.to_uppercase(),
        format!("  {hex}\n"),
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=".into(),
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc".into(),
    ] {
        assert_eq!(VaultKey::parse(&same).unwrap().id(), key.id(), "{same}");
    }
    let long = format!("{hex}00");
    for bad in ["", "password", &hex[..62], &long, "BwcHBw==", "ä"] {
        let why = VaultKey::parse(bad).unwrap_err();
        assert!(bad.is_empty() || !why.contains(bad), "{why}");
    }
}

#[test]
fn sealing_twice_gives_different_bytes() {
    let secret = Secret::new("local-demo-good-0000000000000000000000000");
    let (a, b) = (
        vault(1).seal(&token_row(), &secret).unwrap(),
        vault(1).seal(&token_row(), &secret).unwrap(),
    );
    assert_ne!(a, b);
    assert_eq!(vault(1).open(&token_row(), &a).unwrap(), secret);
    assert_eq!(vault(1).open(&token_row(), &b).unwrap(), secret);
}

#[test]
fn another_key_is_named() {
    let sealed = vault(1).seal(&token_row(), &Secret::new("x")).unwrap();
    assert_eq!(
        vault(2).open(&token_row(), &sealed),
        Err(VaultError::OtherKey {
            sealed_under: vault(1).key_id(),
            present: vault(2).key_id()
        })
    );
}

#[test]
fn rewrapped_opens_under_the_new_key_alone() {
    let secret = Secret::new("canary");
    let sealed = vault(1).seal(&token_row(), &secret).unwrap();
    let rewrapped = vault(1).rewrap(&vault(2), &token_row(), &sealed).unwrap();
    assert_eq!(vault(2).open(&token_row(), &rewrapped).unwrap(), secret);
    assert!(vault(1).open(&token_row(), &rewrapped).is_err());
    assert!(vault(2).rewrap(&vault(1), &token_row(), &sealed).is_err());
}

#[test]
fn debug_shows_the_id_alone() {
    let text = format!(
        "{:?} {:?}",
        vault(1),
        VaultKey::parse(&hex::encode([1; 32]))
    );
    assert!(!text.contains("0101"), "{text}");
}

proptest! {
    #[test]
    fn any_flipped_bit_fails(text in ".{0,60}", place: prop::sample::Index, bit in 0u8..8) {
        let mut sealed = vault(1).seal(&token_row(), &Secret::new(text)).unwrap();
        let at = place.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(vault(1).open(&token_row(), &sealed).is_err());
    }

    #[test]
    fn another_row_fails(id in "[a-z]{1,8}", other in "[a-z]{1,8}") {
        let sealed = vault(1).seal(&row("ab", "c", &id), &Secret::new("x")).unwrap();
        prop_assert_eq!(vault(1).open(&row("ab", "c", &other), &sealed).is_ok(), id == other);
        // The same letters, cut elsewhere.
        for moved in [row("a", "bc", &id), row("abc", "", &id), row("ab", "", &format!("c{id}"))] {
            prop_assert_eq!(vault(1).open(&moved, &sealed), Err(VaultError::Tampered));
        }
    }

    #[test]
    fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(vault(1).open(&token_row(), &bytes).is_err());
    }
}
