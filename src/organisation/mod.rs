//! The organisation: the directory in which an operator keeps, as code, what one installation serves.
//! It reads files, depends on `domain` only, and asks neither the database nor AWS.
//!
//! A new table of `organisation.toml` is a field of [`Organisation`], read from its [`Table`] in a
//! file of its own. A new file is a name in [`files`]. All faults are collected before any is
//! reported.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::issuer::IssuerSettings;
use crate::domain::target::TargetName;

mod faults;
mod files;
mod oidc;
pub mod reload;
mod table;
mod targets;
#[cfg(test)]
mod tests;

pub use faults::{Fault, Faults};
pub use targets::{AssumedRole, TargetEntry};

use files::{Files, ORGANISATION};
use table::Table;

/// What the directory says, without faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// SHA-256 of all its files, in hexadecimal.
    pub hash: String,
    /// The targets by name; at least one.
    pub targets: BTreeMap<TargetName, TargetEntry>,
    /// The identity providers by name.
    pub oidc: BTreeMap<String, IssuerSettings>,
}

impl Organisation {
    /// Reads and validates a directory, or returns all its faults.
    pub fn read(directory: &Path) -> Result<Self, Faults> {
        Self::of(&Files::read(directory)?)
    }

    fn of(files: &Files) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let tables = files
            .text(ORGANISATION, &mut faults)
            .and_then(|text| Table::parse(ORGANISATION, text, &mut faults));
        let Some(mut tables) = tables else {
            return Err(faults);
        };
        let targets = targets::read(&mut tables, &mut faults);
        let oidc = oidc::read(&mut tables, &mut faults);
        tables.finish(&mut faults);
        faults.or(Self {
            hash: files.hash(),
            targets,
            oidc,
        })
    }
}
