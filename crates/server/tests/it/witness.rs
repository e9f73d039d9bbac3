//! Looking for secrets: in bytes, in whatever spelling, and in what the system tells of our processes.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// The spellings of a secret: as it is, as hex digits, as base64 however it falls.
pub(crate) struct Search(Vec<Vec<u8>>);

impl Search {
    pub(crate) fn for_secret(secret: &[u8]) -> Self {
        let mut needles = vec![
            secret.to_vec(),
            hex::encode(secret).into_bytes(),
            hex::encode_upper(secret).into_bytes(),
        ];
        for before in 0..3 {
            // Other bytes before it shift the characters; those that depend on its neighbours are left out.
            let shifted = [&vec![0; before][..], secret].concat();
            let text = STANDARD_NO_PAD.encode(&shifted);
            let first = (before * 8).div_ceil(6);
            let last = shifted.len() * 8 / 6;
            let text = &text[first..last];
            needles.push(text.as_bytes().to_vec());
            needles.push(text.replace('+', "-").replace('/', "_").into_bytes());
        }
        Self(needles)
    }

    /// The names of the pieces that hold it.
    pub(crate) fn found_in(&self, pieces: &[(String, Vec<u8>)]) -> Vec<String> {
        pieces
            .iter()
            .filter(|(_, bytes)| self.is_in(bytes))
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|needle| {
            let first = needle[0];
            bytes
                .windows(needle.len())
                .any(|window| window[0] == first && window == needle)
        })
    }
}

/// What the system tells of a process.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Separated by zero bytes.
    pub(crate) arguments: String,
    /// Likewise.
    pub(crate) environment: String,
}

/// Looks at every process that descends from this one, again and again.
pub(crate) struct Processes {
    stop: Arc<AtomicBool>,
    watching: JoinHandle<Vec<Process>>,
}

impl Processes {
    pub(crate) fn watch() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stop);
        let watching = std::thread::spawn(move || {
            let mut seen = BTreeMap::new();
            while !is_over.load(Ordering::Relaxed) {
                for process in descendants() {
                    // By arguments, too: a process is the test's own program for a moment before it becomes another.
                    seen.insert((process.pid, process.arguments.clone()), process);
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            seen.into_values().collect()
        });
        Self { stop, watching }
    }

    /// Every process that was seen.
    pub(crate) fn seen(self) -> Vec<Process> {
        self.stop.store(true, Ordering::Relaxed);
        self.watching.join().expect("it looked")
    }
}

/// The parent of a process: the fourth field, and the second after the name in parentheses.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

fn descendants() -> Vec<Process> {
    let parents: BTreeMap<u32, u32> = std::fs::read_dir("/proc")
        .expect("the system tells of its processes")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    let ours = |pid: u32| {
        let mut at = pid;
        while let Some(parent) = parents.get(&at) {
            if *parent == std::process::id() {
                return true;
            }
            at = *parent;
        }
        false
    };
    let text = |pid: u32, file: &str| {
        let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    parents
        .keys()
        .filter(|pid| ours(**pid))
        .map(|pid| Process {
            pid: *pid,
            arguments: text(*pid, "cmdline"),
            environment: text(*pid, "environ"),
        })
        .collect()
}

#[test]
fn secrets_are_found_in_every_spelling() {
    let secret = b"local-demo-secret-0000";
    let search = Search::for_secret(secret);
    let mut pieces = vec![
        ("clear", secret.to_vec()),
        ("hex", hex::encode(secret).into_bytes()),
    ];
    for before in ["", "a", "ab", "abc"] {
        let text = STANDARD_NO_PAD.encode([before.as_bytes(), secret, b"more"].concat());
        pieces.push(("base64", text.into_bytes()));
    }
    let pieces: Vec<_> = pieces
        .into_iter()
        .map(|(name, bytes)| {
            (
                name.to_owned(),
                [b"before ", &bytes[..], b" after"].concat(),
            )
        })
        .collect();
    assert_eq!(search.found_in(&pieces).len(), pieces.len());
    let other = [("other".to_owned(), b"local-demo-secret-000".to_vec())];
    assert_eq!(search.found_in(&other), Vec::<String>::new());
}
