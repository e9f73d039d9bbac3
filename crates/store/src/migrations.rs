//! Migrations, oldest first. A shipped one is never edited: grow, move, then shrink.

mod m20261124_000001_first;
mod m20261124_000002_audit;
mod m20261124_000003_connection_zones;
mod m20261124_000004_watching;
mod m20261124_000005_site_baselines;
mod m20261124_000006_publications;
mod m20261124_000007_drift_watch;
mod m20261124_000020_traffic;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_first::Migration),
            Box::new(m20261124_000002_audit::Migration),
            Box::new(m20261124_000003_connection_zones::Migration),
            Box::new(m20261124_000004_watching::Migration),
            Box::new(m20261124_000005_site_baselines::Migration),
            Box::new(m20261124_000006_publications::Migration),
            Box::new(m20261124_000007_drift_watch::Migration),
            Box::new(m20261124_000020_traffic::Migration),
        ]
    }
}
