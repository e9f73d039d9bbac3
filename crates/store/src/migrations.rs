//! Migrations, oldest first. A shipped one is never edited: grow, move, then shrink.

mod m20261124_000001_first;
mod m20261124_000004_watching;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_first::Migration),
            Box::new(m20261124_000004_watching::Migration),
        ]
    }
}
