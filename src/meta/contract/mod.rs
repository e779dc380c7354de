//! The contract of a metadata store, as checks that any implementation can run.
//!
//! [`metadata_contract!`](crate::metadata_contract) turns every check into a test of its own for one implementation. A check begins
//! with empty stores, asks for as many as it needs, and fails by an assertion or an error. A difference between
//! implementations is a matter of the [`Stores`] that are handed in, never another check.

mod dump;
mod life;
mod said;
mod stories;
mod twin;
mod uploaded;
mod world;

pub mod accounts;
pub mod batches;
pub mod blobs;
pub mod carrying;
pub mod collections;
pub mod cursors;
pub mod faults;
pub mod filters;
pub mod lists;
pub mod log;
pub mod needs;
pub mod orgs;
pub mod owners;
pub mod private;
pub mod publishing;
pub mod purges;
pub mod references;
pub mod removal;
pub mod sequence;
pub mod social;
pub mod standing;
pub mod states;
pub mod texts;
pub mod trends;
pub mod visibility;

use async_trait::async_trait;

use super::{Meta, MetaError};

pub use dump::dump;
pub use world::{Artifact, World};

/// Why a check could not go on.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How a check ends, unless an assertion fails.
pub type Check = Result<(), Failure>;

/// Where a check gets its stores from.
#[async_trait]
pub trait Stores: Send + Sync {
    /// A new store without events. It lives as long as this value does.
    async fn empty(&self) -> Result<Meta, MetaError>;
}

/// Makes one test of each check. Takes an expression that gives [`Stores`]; it is evaluated once a test.
#[macro_export]
macro_rules! metadata_contract {
    ($stores:expr) => {
        $crate::metadata_contract! { @tests $stores;
            publishing: one_of_many_publishers_wins, the_same_bytes_change_nothing, a_version_is_written_once,
                build_metadata_is_no_other_number, a_kind_never_changes, unknown_blobs_are_refused,
                latest_is_the_highest_stable_version, a_push_of_latest_moves_nothing,
                plain_repositories_move_their_tags, a_package_shows_its_shown_version, fields_may_be_huge,
                a_version_is_found_by_its_id, many_releases_stay_in_order, private_areas_make_private_packages;
            texts: any_text_of_a_version_comes_back, an_empty_text_is_a_text, any_text_of_a_manifest_comes_back,
                any_text_can_be_asked_for;
            batches: each_stands_alone, all_stand_or_none, later_changes_see_earlier_ones, an_empty_batch_is_nothing;
            sequence: concurrent_changes_are_numbered_without_gaps, a_clock_that_goes_back_is_held,
                times_are_kept_to_the_microsecond, an_identity_lasts, events_come_in_pages, heads_are_told,
                a_replay_gives_the_same_catalogue, a_replay_in_pieces_gives_the_same_catalogue,
                a_replay_compares_what_is_there, a_replay_does_without_purged_content,
                changes_go_on_after_a_replay;
            log: a_log_head_takes_the_place_of_the_one_that_was_seen, a_log_head_may_be_swapped_twice,
                of_many_log_heads_one_wins, any_log_head_comes_back;
            removal: a_deleted_tag_burns_its_number, a_deleted_manifest_takes_its_tags_along, a_restore_undoes_a_delete,
                a_package_without_versions_is_not_found, yanks_come_and_go, blobs_of_versions_stay,
                what_is_not_there_cannot_be_removed, restored_blobs_can_be_read;
            visibility: an_unlisted_package_is_in_no_list, who_sees_it_changes_nothing_else, a_replay_keeps_who_sees_it,
                events_say_whether_they_are_hidden;
            private: a_name_is_private_before_its_first_byte, what_an_organisation_begins_as_private_stays_so,
                who_sees_a_name_is_known, what_is_private_is_listed, a_change_of_area_takes_everything_along,
                a_change_of_area_needs_all_of_it_there, only_what_was_uploaded_there_is_taken_away,
                an_upload_moves_no_link,
                what_is_said_of_private_versions_is_kept_there, a_replay_keeps_where_everything_lies;
            owners: who_begins_a_package_owns_it, owners_are_labels, owners_change_once,
                of_two_who_saw_the_same_owners_one_changes_them, a_replay_keeps_the_owners;
            collections: a_collection_comes_and_goes, collections_are_listed_by_name,
                what_somebody_else_changed_is_not_lost, documents_of_collections_are_kept, a_replay_keeps_the_collections;
            orgs: an_organisation_says_what_it_is, organisations_are_listed_by_name, members_are_listed_by_name,
                new_packages_are_seen_as_their_organisation_says, a_replay_keeps_the_organisations;
            purges: only_what_is_deleted_is_purged, a_purged_version_never_comes_back, a_purge_takes_its_tags_along,
                a_purge_leaves_what_others_use, what_nothing_needs_is_taken_at_once, a_replay_of_a_purge_needs_no_content;
            standing: deprecations_come_and_go, reasons_of_deprecations_are_kept, a_pin_holds_latest,
                what_is_not_there_cannot_be_pinned, a_history_is_told_backwards, a_replay_keeps_what_was_said;
            states: deleted_versions_are_listed_apart, deleted_packages_are_listed_apart,
                packages_are_listed_by_how_the_shown_version_stands;
            references: tags_come_in_byte_order, repositories_come_in_byte_order, an_emptied_repository_is_known,
                referrers_come_in_order, manifests_come_with_their_blobs;
            blobs: a_read_needs_a_link, mounts_find_what_is_linked, unreferenced_blobs_are_condemned,
                references_keep_blobs, a_condemned_blob_lives_again, what_is_being_deleted_cannot_be_counted_on,
                what_is_about_to_be_written_is_collected,
                uploads_become_references_by_a_push;
            carrying: carried_rows_come_in_byte_order, carried_rows_are_put_as_they_are,
                what_is_carried_lives_on, equal_stores_have_equal_tallies, a_tally_finds_what_differs;
            lists: filters_combine, groups_of_labels_combine, spans_of_time_are_half_open,
                pages_have_no_gaps_and_no_doubles, a_page_may_be_long, pages_go_through_ties, labels_are_counted_as_written,
                labels_come_in_pages;
            needs: what_is_needed_is_a_label, versions_come_with_what_they_need;
            cursors: cursors_outlive_changes, cursors_outlive_new_ranks, cursors_by_age_outlive_changes,
                foreign_cursors_are_refused;
            accounts: users_come_and_go, roles_are_given_and_taken, tokens_tell_whose_they_are,
                tokens_are_listed_by_owner_and_name, tokens_expire_and_their_use_is_noted,
                accounts_stand_concurrent_changes;
            social: downloads_add_up, a_batch_counts_once, counted_pages_have_everything, lists_go_by_downloads_and_stars,
                pages_stand_while_ranks_change, stars_come_and_go, stars_go_with_their_user,
                counts_outlive_versions, trends_fade, totals_are_of_public_packages, manifests_are_known_as_versions;
            trends: stars_that_are_gone_count_nothing, hidden_packages_leave_their_places_to_others;
            filters: conditions_combine_pairwise, versions_come_together;
        }
    };
    (@tests $stores:expr; $($module:ident: $($check:ident),+;)+) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() -> $crate::meta::contract::Check {
                let stores = $stores;
                $crate::meta::contract::$module::$check(&stores).await
            }
        )+)+
    };
}
