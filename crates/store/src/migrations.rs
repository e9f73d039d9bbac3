//! Migrations, oldest first. A shipped one is never edited: grow, move, then shrink.

mod m20261124_000001_first;
mod m20261124_000002_audit;
mod m20261124_000003_connection_zones;
mod m20261124_000004_watching;
mod m20261124_000005_site_baselines;
mod m20261124_000006_publications;
mod m20261124_000007_drift_watch;
mod m20261124_000008_restored;
mod m20261124_000010_site_syncs;
mod m20261124_000012_agent_registries;
mod m20261124_000013_schedules;
mod m20261124_000015_makings;
mod m20261124_000016_page_watches;
mod m20261124_000017_previews;
mod m20261124_000020_traffic;
mod m20261124_000021_kept;
mod m20261124_000022_alerts;
mod m20261124_000022_verification_lists;
mod m20261124_000023_cube_columns;

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
            Box::new(m20261124_000008_restored::Migration),
            Box::new(m20261124_000010_site_syncs::Migration),
            Box::new(m20261124_000012_agent_registries::Migration),
            Box::new(m20261124_000013_schedules::Migration),
            Box::new(m20261124_000015_makings::Migration),
            Box::new(m20261124_000016_page_watches::Migration),
            Box::new(m20261124_000017_previews::Migration),
            Box::new(m20261124_000020_traffic::Migration),
            Box::new(m20261124_000021_kept::Migration),
            Box::new(m20261124_000022_verification_lists::Migration),
            Box::new(m20261124_000022_alerts::Migration),
            Box::new(m20261124_000023_cube_columns::Migration),
        ]
    }
}
