use super::super::register::{Component, example};
use super::*;

const SCHEDULED: Rules = Rules::SCHEDULED;

fn at(days: i64) -> Timestamp {
    example(days).created + 1.hour()
}

/// The file names' days of what stays.
fn kept(entries: &[Entry], rules: Rules, now: Timestamp) -> Vec<i64> {
    let kept = plan(entries, rules, now).into_iter().filter(|(_, verdict)| matches!(verdict, Verdict::Keep(_)));
    kept.map(|(entry, _)| entry.run.trim_start_matches("run-").parse().unwrap()).collect()
}

fn why(entries: &[Entry], rules: Rules, now: Timestamp, at: usize) -> String {
    match plan(entries, rules, now).swap_remove(at).1 {
        Verdict::Keep(why) => format!("keep: {why}"),
        Verdict::Drop(why) => format!("drop: {why}"),
    }
}

fn only(days: i64, parts: &[&str]) -> Entry {
    let component = |name: &&str| Component { name: (*name).into(), status: "saved".into(), bytes: 1 };
    Entry { components: parts.iter().map(component).collect(), ..example(days) }
}

#[test]
fn one_year_of_nights_leaves_7_days_4_weeks_and_12_months() {
    // 2026-01-01 to 2026-12-31.
    let year: Vec<_> = (0..365).map(example).collect();
    let stays = kept(&year, SCHEDULED, at(364));
    // Days: the last week. Weeks: also the Sundays 2026-12-27, 12-20 and 12-13. Months: the last day of each.
    let months = [30, 58, 89, 119, 150, 180, 211, 242, 272, 303, 333];
    let expected: Vec<_> = months.into_iter().chain([346, 353]).chain(358..365).collect();
    assert_eq!(stays, expected);
}

#[test]
fn the_newest_of_a_day_stands_for_it() {
    let early = Entry { created: at(0), run: "run-100".into(), ..example(0) };
    let entries = [example(0), early, example(1)];
    assert_eq!(kept(&entries, Rules { daily: 5, ..Rules::default() }, at(1)), [100, 1]);
}

#[test]
fn days_without_an_archive_do_not_count() {
    // Three nights, then half a year off: the nights before stay.
    let entries = [example(0), example(1), example(2), example(180)];
    assert_eq!(kept(&entries, Rules { daily: 4, ..Rules::default() }, at(180)), [0, 1, 2, 180]);
}

#[test]
fn a_decade_later_nothing_goes_by_age_alone() {
    let entries: Vec<_> = (0..7).map(example).collect();
    assert_eq!(kept(&entries, SCHEDULED, at(3650)), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn no_rules_drop_nothing() {
    let entries: Vec<_> = (0..50).map(example).collect();
    assert_eq!(kept(&entries, Rules::default(), at(50)).len(), 50);
    assert!(why(&entries, Rules::default(), at(50), 3).contains("no rule"));
}

#[test]
fn the_last_good_one_survives_every_rule() {
    let entries = [example(0), Entry { verified: None, ..example(1) }, Entry { complete: false, ..example(2) }];
    for daily in 0..3 {
        let rules = Rules { daily, weekly: 0, monthly: 0 };
        assert!(kept(&entries, rules, at(3)).contains(&0), "{daily}");
    }
    // Even when a slot is full of others: one that is alone in its kind.
    assert!(why(&entries, SCHEDULED, at(3), 0).contains("the last good one"));
}

#[test]
fn unproven_ones_do_not_count() {
    // Two good nights, then a week of broken ones: the good ones are still the newest two days.
    let mut entries = vec![example(0), example(1)];
    entries.extend((2..9).map(|day| Entry { complete: false, ..example(day) }));
    let stays = kept(&entries, Rules { daily: 2, ..Rules::default() }, at(9));
    assert!(stays.contains(&0) && stays.contains(&1));
    // And the broken ones stay until something better is there.
    assert_eq!(stays.len(), 9);
    entries.push(example(10));
    assert_eq!(kept(&entries, Rules { daily: 2, ..Rules::default() }, at(10)), [1, 10]);
}

#[test]
fn without_any_good_one_nothing_goes() {
    let entries: Vec<_> = (0..20).map(|day| Entry { verified: None, ..example(day) }).collect();
    assert_eq!(kept(&entries, Rules { daily: 1, ..Rules::default() }, at(20)).len(), 20);
}

#[test]
fn pinned_ones_stay_and_take_nobodys_place() {
    let entries = [example(0), Entry { pinned: true, ..example(1) }, example(2)];
    assert_eq!(kept(&entries, Rules { daily: 2, ..Rules::default() }, at(2)), [0, 1, 2]);
    assert!(why(&entries, SCHEDULED, at(2), 1).contains("pinned"));
}

#[test]
fn an_archive_without_postgres_displaces_none_with_it() {
    let entries = [example(0), only(1, &["chromadb", "redis"]), only(2, &["chromadb", "redis"])];
    let rules = Rules { daily: 1, ..Rules::default() };
    assert_eq!(kept(&entries, rules, at(2)), [0, 2]);
}

#[test]
fn for_each_component_its_last_good_copy_stays() {
    let with_models = only(0, &["postgres", "chromadb", "redis", "documents", "models"]);
    let mut entries = vec![with_models];
    entries.extend((1..40).map(example));
    let rules = Rules { daily: 3, ..Rules::default() };
    assert_eq!(kept(&entries, rules, at(40)), [0, 37, 38, 39]);
    assert!(why(&entries, rules, at(40), 0).contains("with models"));
    // A newer copy of the models takes its place; models alone make no other kind of archive.
    entries.push(only(40, &["postgres", "chromadb", "redis", "documents", "models"]));
    assert_eq!(kept(&entries, rules, at(40)), [38, 39, 40]);
}

#[test]
fn a_partial_one_goes_only_when_all_of_it_is_elsewhere() {
    let partial = Entry { complete: false, ..only(1, &["postgres", "models"]) };
    let entries = [example(0), partial, example(2)];
    let rules = Rules { daily: 1, ..Rules::default() };
    assert_eq!(kept(&entries, rules, at(2)), [1, 2]);
    assert!(why(&entries, rules, at(2), 1).contains("no newer good one"));
}

#[test]
fn a_clock_that_jumped_ahead_costs_nothing() {
    // One night was dated 2036; then the clock was right again.
    let mut entries: Vec<_> = (0..5).map(example).collect();
    entries.push(example(3650));
    entries.extend((5..8).map(example));
    let stays = kept(&entries, Rules { daily: 3, ..Rules::default() }, at(8));
    assert_eq!(stays, [3650, 5, 6, 7]);
    assert!(why(&entries, SCHEDULED, at(8), 5).contains("future"));
}

#[test]
fn a_clock_that_fell_back_costs_the_newest_nothing() {
    // A board without a clock battery wakes up in 2016: the night's archive is the oldest by its name.
    let entries = [example(0), example(1), example(2), example(-3650)];
    let stays = kept(&entries, Rules { daily: 1, ..Rules::default() }, at(-3650));
    assert!(stays.contains(&-3650), "the last run's own archive");
    assert!(stays.contains(&2), "the newest by name");
    // With that clock all others are of the future, and stay as well.
    assert_eq!(stays.len(), 4);
    // The clock is right again: what it made meanwhile is still the last run's.
    assert_eq!(kept(&entries, Rules { daily: 1, ..Rules::default() }, at(2)), [2, -3650]);
}

#[test]
fn weeks_are_the_calendars_across_the_new_year() {
    // 2026-12-28 to 2027-01-03 is one week (Monday to Sunday), in two years and two months.
    let entries: Vec<_> = (361..368).map(example).collect();
    assert_eq!(kept(&entries, Rules { weekly: 5, ..Rules::default() }, at(368)), [367]);
    assert_eq!(kept(&entries, Rules { monthly: 5, ..Rules::default() }, at(368)), [364, 367]);
}

#[test]
fn days_are_utc_whatever_the_summer_time() {
    // 2026-03-29 is the day on which Europe loses an hour: two archives around local midnight, one UTC day.
    let on = |text: &str, run: i64| Entry { created: text.parse().unwrap(), run: format!("run-{run}"), ..example(run) };
    let entries = [on("2026-03-28T23:30:00Z", 1), on("2026-03-29T00:30:00Z", 2), on("2026-03-29T23:59:59Z", 3)];
    let rules = Rules { daily: 9, ..Rules::default() };
    assert_eq!(kept(&entries, rules, "2026-03-30T00:00:00Z".parse().unwrap()), [1, 3]);
}

#[test]
fn february_of_a_leap_year_is_a_month() {
    // 2028-02-29 is day 789.
    let entries = [example(788), example(789), example(790)];
    assert_eq!(kept(&entries, Rules { monthly: 12, ..Rules::default() }, at(790)), [789, 790]);
}

#[test]
fn the_same_plan_twice_is_the_same_and_its_rest_is_stable() {
    let year: Vec<_> = (0..200).map(example).collect();
    let rest: Vec<_> = plan(&year, SCHEDULED, at(200))
        .into_iter()
        .filter_map(|(entry, verdict)| matches!(verdict, Verdict::Keep(_)).then_some(entry))
        .collect();
    assert_eq!(kept(&rest, SCHEDULED, at(200)).len(), rest.len(), "what a prune left, the next one leaves too");
}

#[test]
fn night_by_night_the_shelf_never_loses_its_last_good_one() {
    // Prune after each run, every third one fails: the number stays bounded and a good one is always there.
    let mut shelf: Vec<Entry> = Vec::new();
    for day in 0..400 {
        shelf.push(Entry { complete: day % 3 != 0, ..example(day) });
        let good = shelf.iter().filter(|entry| entry.is_proven()).map(|entry| entry.run.clone()).next_back();
        let plan = plan(&shelf, SCHEDULED, at(day));
        shelf = plan.into_iter().filter(|(_, v)| matches!(v, Verdict::Keep(_))).map(|(entry, _)| entry).collect();
        assert!(good.is_none_or(|run| shelf.iter().any(|entry| entry.run == run)), "day {day}");
        assert!(shelf.len() <= 7 + 4 + 12 + 2, "day {day}: {}", shelf.len());
    }
    assert!(shelf.len() >= 18, "{}", shelf.len());
}
