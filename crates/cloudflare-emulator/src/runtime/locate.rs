//! Finds the `workerd` program.

use std::env;
use std::path::{Path, PathBuf};

/// The environment variable that names the program.
pub const VARIABLE: &str = "EDGE_DELIVERY_WORKERD";

/// Why no program was found.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// It was named, and is not there.
    #[error("workerd is not at {path}, which {source_of_name} names; correct it or unset it")]
    NotThere {
        /// Where it should have been.
        path: PathBuf,
        /// What named it.
        source_of_name: &'static str,
    },
    /// It was found nowhere.
    #[error(
        "workerd was not found: not named by EDGE_DELIVERY_WORKERD, not on PATH, and in no node_modules of this \
         folder or those above it; run `cargo xtask build`, which installs it"
    )]
    Nowhere,
}

/// The program: `explicit`, else what `EDGE_DELIVERY_WORKERD` names, else from PATH, else from a `node_modules`
/// (or `worker/node_modules`) of the current folder or one above it.
///
/// # Errors
/// When a named program is not there, or none is found.
pub fn locate(explicit: Option<&Path>) -> Result<PathBuf, LocateError> {
    if let Some(path) = explicit {
        return named(path, "the caller");
    }
    if let Some(path) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return named(Path::new(&path), VARIABLE);
    }
    let on_path = env::var_os("PATH").unwrap_or_default();
    let from_path = env::split_paths(&on_path).find_map(|folder| program(&folder.join("workerd")));
    if let Some(found) = from_path {
        return Ok(found);
    }
    let here = env::current_dir().unwrap_or_default();
    here.ancestors()
        .flat_map(|folder| {
            [
                folder.join("node_modules"),
                folder.join("worker/node_modules"),
            ]
        })
        .find_map(|modules| in_node_modules(&modules))
        .ok_or(LocateError::Nowhere)
}

fn named(path: &Path, source_of_name: &'static str) -> Result<PathBuf, LocateError> {
    program(path).ok_or_else(|| LocateError::NotThere {
        path: path.to_owned(),
        source_of_name,
    })
}

fn in_node_modules(modules: &Path) -> Option<PathBuf> {
    let file = if cfg!(windows) {
        "workerd.exe"
    } else {
        "workerd"
    };
    program(&modules.join(platform_package()).join("bin").join(file))
        .or_else(|| program(&modules.join("workerd/bin/workerd")))
}

/// `path` when it is a program. npm's package holds a script that starts the real one as a child, which could not be
/// ended cleanly: the real one beside it is taken instead.
fn program(path: &Path) -> Option<PathBuf> {
    let real = path.canonicalize().ok().filter(|real| real.is_file())?;
    if !starts_like_a_script(&real) {
        return Some(real);
    }
    let modules = real.parent()?.parent()?.parent()?;
    let beside = modules.join(platform_package()).join("bin/workerd");
    beside
        .canonicalize()
        .ok()
        .filter(|real| real.is_file())
        .or(Some(real))
}

fn starts_like_a_script(path: &Path) -> bool {
    use std::io::Read as _;
    let mut start = [0_u8; 2];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && &start == b"#!"
}

fn platform_package() -> String {
    let system = match env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let machine = match env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "64",
    };
    format!("@cloudflare/workerd-{system}-{machine}")
}
