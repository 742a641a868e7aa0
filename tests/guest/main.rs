//! The agent on real kernels: Debian's, in a QEMU guest, with a driver that reports memory errors,
//! pages taken out of use, machine checks, and live patches.
//!
//! `tests/run` prepares what is needed (`tests/guest/prepare`) and starts these tests; elsewhere
//! the feature `guest` is off and they are not built. Each scenario has a guest of its own, acts
//! through the kernel's own interfaces, and compares what scrubjay says with what was done.

#![expect(
    clippy::disallowed_methods,
    reason = "starts guests and makes files for them; the host is left alone"
)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failure of the harness is a failed test")]
#![expect(clippy::print_stderr, reason = "a boot that was lost is told")]
#![expect(clippy::indexing_slicing, reason = "a missing key of the JSON compares as null")]

mod booted;
mod captures;
mod confined;
mod events;
mod firmware;
mod guest;
mod history;
mod imports;
mod live_patches;
mod machine;
mod machine_checks;
mod memory;
mod pages;
mod peer;
mod seen;

/// Makes a test of each scenario, for each kernel.
macro_rules! scenarios {
    ($($file:ident: $($scenario:ident)+;)+) => {
        scenarios!(@kernel linux_6_1 "6.1" $($($file::$scenario)+)+);
        scenarios!(@kernel linux_6_12 "6.12" $($($file::$scenario)+)+);
    };
    (@kernel $name:ident $series:literal $($file:ident::$scenario:ident)+) => {
        mod $name {
            $(
                #[test]
                fn $scenario() {
                    let kernel = crate::machine::Kernel { series: $series };
                    crate::guest::unless_it_dies(|| crate::$file::$scenario(kernel));
                }
            )+
        }
    };
}

scenarios! {
    memory:
        errors_on_several_dimms_and_on_none_are_each_counted_in_their_place
        ranks_of_controllers_that_share_a_name_are_each_counted_once
        a_reloaded_driver_begins_at_zero_and_the_sums_go_on
        a_write_to_reset_counters_restarts_one_controller_and_loses_nothing_sampled
        a_third_controller_appears_beside_two_and_one_goes
        a_label_written_by_the_admin_renames_a_dimm_and_keeps_its_sum
        a_driver_is_missed_while_it_is_not_there_and_tells_its_scrub_rate_when_it_is
        errors_are_told_one_by_one_and_what_a_full_buffer_drops_is_counted;
    events:
        a_storm_is_told_to_the_last_report_or_says_how_many_it_lost
        reports_outlive_an_agent_and_none_is_told_twice;
    history:
        a_suspended_agent_catches_up_and_admits_the_gap
        a_step_of_the_clock_is_recorded_and_measures_nothing
        a_sum_equals_the_truth_after_three_reboots_two_reloads_a_reset_and_five_kills;
    imports:
        what_rasdaemon_recorded_is_taken_in_with_equal_sums;
    pages:
        pages_taken_out_of_use_are_seen_and_so_is_their_return
        a_page_in_use_by_the_kernel_is_not_said_to_be_out_of_use
        switches_that_forbid_offlining_or_panic_instead_are_told
        a_page_with_too_many_errors_goes_where_the_settings_say_so_and_the_kernel_agrees;
    live_patches:
        a_patch_is_seen_from_its_loading_to_its_removal_and_the_taint_stays
        stacked_patches_are_listed_and_a_cumulative_one_replaces_them
        a_stalled_transition_names_the_thread_and_clears_when_that_is_released
        a_stalled_patch_can_be_taken_back
        a_forced_transition_ends_although_the_thread_still_sleeps;
    machine_checks:
        corrected_and_deferred_errors_of_an_amd_are_recorded
        an_uncorrected_error_that_nobody_consumed_takes_its_page
        machine_checks_made_up_or_raised_from_outside_are_recorded;
    confined:
        an_agent_that_is_kept_to_its_files_sees_all_the_same_and_leaves_the_rest_alone;
    firmware:
        errors_belong_to_the_stick_in_the_slot_and_not_to_its_successor
        a_crash_leaves_its_log_in_firmware_and_its_lost_page_with_us
        what_firmware_reports_first_reaches_the_kernel_but_no_counter;
}
