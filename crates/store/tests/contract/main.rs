//! What the store promises, as stories that run on SQLite and on PostgreSQL alike.
//!
//! Each story gets a database of its own. PostgreSQL's is made inside the server that
//! `EDGE_DELIVERY_TEST_POSTGRES_URL` names (an administrator's address) and dropped afterwards.

mod access_keys;
mod agent_registries;
mod alerts;
mod audit;
mod bulk;
mod connection_zones;
mod connections;
mod deployments;
mod kept;
mod ledger;
mod listing;
mod live_pages;
mod many;
mod path_policy;
mod people;
mod previews;
mod samples;
mod schedules;
mod schema;
mod sites;
mod sqlite_files;
mod syncing;
mod traffic;
mod variants;
mod verification;
mod watching;
mod webhooks;
mod world;

/// Makes a test per database out of each story.
macro_rules! stories {
    ($($module:ident { $($story:ident),* $(,)? })*) => {
        mod sqlite {$(
            mod $module {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    crate::world::on_sqlite(crate::$module::$story).await;
                }
            )*}
        )*}
        mod postgres {$(
            mod $module {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    crate::world::on_postgres(crate::$module::$story).await;
                }
            )*}
        )*}
    };
}

stories! {
    schema { migrates_once_and_side_by_side, refuses_bad_addresses }
    people {
        users_are_found_by_email,
        only_one_first_user,
        sessions_end,
        failed_sign_ins_are_counted,
        meta_is_written_once,
    }
    access_keys { a_key_opens_until_it_is_revoked }
    agent_registries { a_registry_is_staged_activated_and_taken_back }
    alerts { rules_are_set, looks_are_leased_and_written_whole, alerts_are_listed_seen_and_forgotten }
    audit { the_log_is_read_newest_first, old_lines_go }
    connections { a_connection_lives, lists_come_in_pages, corrupt_rows_are_named, everything_is_resealed_or_nothing }
    connection_zones {
        thousands_of_zones_in_pages,
        zones_are_searched_by_name,
        a_new_reading_takes_the_place_of_the_old,
        accounts_are_chosen,
        zones_in_documents_become_rows,
    }
    sites { sites_are_observed_in_turn, a_baseline_is_kept_until_forgotten, a_site_lives, are_found_by_name_and_host, names_and_hostnames_are_unique, a_deleted_site_leaves_only_history }
    deployments {
        one_is_queued_at_a_time,
        many_enqueue_at_once,
        two_stores_lease_at_once,
        a_dead_process_loses_its_lease,
        progress_is_told_in_order,
        cancelling,
        lists_are_newest_first,
    }
    traffic { a_batch_counts_once, keys_change_without_a_gap, folding_changes_no_count }
    kept {
        a_deletion_takes_everything_that_came_before_it,
        a_deletion_and_arrivals_side_by_side,
        old_counts_go_by_whole_blocks,
        a_key_takes_the_place_of_another,
        unknown_visits_are_read_again,
        reading_again_killed_anywhere_counts_once,
    }
    variants {
        revisions_are_kept_and_published,
        if_match_is_held,
        writers_with_one_if_match_race,
        contents_are_shared_and_removed,
        lists_by_prefix_and_page,
        large_contents_come_back,
        the_published_state_of_a_moment_comes_back,
    }
    schedules {
        a_schedule_is_carried_out_once,
        a_schedule_is_changed_and_cancelled,
        what_cannot_be_done_is_told,
        two_processes_carry_out_one_schedule,
        a_history_tells_everything_in_order,
        lists_are_narrowed_to_a_state,
    }
    ledger { what_is_published_is_pending_until_acknowledged, what_is_taken_back_is_deleted, failures_are_tried_last }
    listing { a_lost_ledger_is_filled_by_the_list, long_paths_are_found, where_a_sync_is, writes_of_a_day_are_counted }
    syncing { publishing_asks_for_a_sync, sync_and_deployment_exclude_each_other, what_comes_in_between_stays_wanted }
    watching {
        a_token_is_stored_once,
        checks_are_leased_and_recorded,
        what_a_check_found_of_a_replaced_token_is_dropped,
        news_are_told_once,
        a_connection_leaves_after_its_last_site,
    }
    path_policy { variants_follow_the_policy, merging_keeps_every_revision }
    previews { links_live_until_they_end }
    verification { lists_are_fetched_by_one_at_a_time, versions_follow_each_other, keys_come_back }
    webhooks { a_webhook_lives, messages_are_sent_one_at_a_time, old_messages_are_forgotten }
    many { thousands_in_one_go }
    bulk { what_is_below_a_path_goes_in_steps }
    live_pages { a_run_is_leased_and_goes_on_after_a_death, pages_are_followed_marked_and_withheld }
}
