//! Embeds the console's style sheet, scripts and fonts, which `cargo xtask build` bundles.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=assets");
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    if !Path::new(&root).join("assets/console.css").is_file() {
        println!("cargo::error=the console's assets are missing: run `cargo xtask build` once");
        std::process::exit(1);
    }
    memory_serve::load_directory("./assets");
}
