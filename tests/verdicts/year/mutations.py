"""One broken rule each: what a judge that has it wrong would say, to see that the replay notices."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

from snapshots.cloudca import decode
from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Environment, Volume
from snapshots.rules import clock_skew, judge, runs, schedules, taken_time, thresholds, verdict
from snapshots.rules.runs import Run
from snapshots.rules.taken_time import Sighting, TakenFrom, TakenRange
from snapshots.rules.verdict import ALWAYS, Thresholds, Verdict
from snapshots.sync import bulk_sql, diff, proof, questions, refresh
from snapshots.sync.leases import Claim
from snapshots.verdicts import evaluate, inputs, sql

EARLY, BUSY, MIDDLE, END = (0.0, 6.0), (4.0, 10.4), (13.4, 18.5), (19.5, 27.0)
Swap = tuple[object, str, object]
Range = tuple[datetime | None, datetime]


@dataclass(frozen=True)
class Mutation:
    """`focus`: the days of the chapter in which it must be noticed, or the name of a separate chapter."""

    rule: str
    what: str
    swaps: tuple[Swap, ...]
    focus: tuple[float, float] | str = EARLY

    def apply(self, stack: ExitStack) -> None:
        for owner, name, new in self.swaps:
            stack.enter_context(patch.object(owner, name, new))


def _usable_while_made(run: Run) -> bool:
    return run.listed and run.state in ("BackedUp", "BackingUp", "Copying")


def _only_the_first_type(interval_type: str, rhythm: str) -> tuple[str, ...]:
    return tuple(name for name in schedules.SCHEDULES if interval_type == name)


def _any_type_counts(interval_type: str, rhythm: str) -> tuple[str, ...]:
    return ("DAILY",) if schedules.schedules_of(interval_type) or interval_type == "MANUAL" else ()


def _thirty_days(began: datetime) -> datetime:
    return began + timedelta(days=30)


def _grace_of_a_period(schedule: str) -> timedelta:
    return schedules.period(schedule)


def _no_grace(schedule: str) -> timedelta:
    return timedelta()


def _nothing_runs(schedule: str, tries: object, young: datetime, old: datetime, longest: timedelta) -> Thresholds:
    return Thresholds(late=old, unknown=young)


stuck_limit = thresholds._stuck_limit
awaited = thresholds._awaited
said = sql._verdict
target_thresholds = thresholds.target_thresholds
without_usable = thresholds.without_usable
after_tries = thresholds.after_tries
usable = vars(Run)["is_usable"].fget


def _never_stuck(every: timedelta, longest: timedelta) -> timedelta:
    return timedelta(days=400)


def _stuck_whatever_the_longest(every: timedelta, longest: timedelta) -> timedelta:
    return stuck_limit(every, timedelta())


def _stuck_from_first_sight(running: Iterable[Run], *facts: Any) -> Thresholds:
    return awaited(
        [run._replace(began_after=run.first_seen_at, began_before=run.first_seen_at) for run in running], *facts
    )


def _late_once_stuck(running: Iterable[Run], young: datetime, old: datetime, limit: timedelta) -> Thresholds:
    found = awaited(running, young, old, limit)
    return replace(found, late=max(old, found.stuck)) if found.stuck else found


def _whenever_it_began(running: Iterable[Run], young: datetime, old: datetime, limit: timedelta) -> Thresholds:
    runs = list(running)
    ends = [run.began_before for run in runs]
    return awaited(runs, max([young, *ends]), max([old, *ends]), limit)


def _tried_again(schedule: str, tries: Sequence[Run], *facts: Any) -> Thresholds:
    found = after_tries(schedule, tries, *facts)
    return found if tries and tries[-1].has_failed else replace(found, failing=None)


def _usable_in_any_state(run: Run) -> bool:
    return usable(run) or run.is_in_unknown_state


def _left_over_counts(runs: Iterable[Run], usable: object) -> tuple[list[Run], list[Run]]:
    tries = [run for run in runs if run.is_being_made]
    return tries, tries


def _never_new(after: object, before: object, target: object) -> Thresholds:
    return Thresholds(none=ALWAYS)


def _ever_new(after: object, before: object, target: object) -> Thresholds:
    return Thresholds(new=ALWAYS)


def _created_as_told(scene: object, volume: Volume, rows: object) -> tuple[datetime | None, datetime | None]:
    return volume.created_at, volume.created_at


def _gone_at_once(ages: sql.DataAges) -> sql.Sql:
    text, params = said(ages)
    return sql.Sql(f"CASE WHEN {{v}}.missing_since IS NOT NULL THEN {Verdict.DELETED:d} ELSE {text} END", params)


def _nothing_remembered(volume: object, runs: object) -> Iterable[Run]:
    return ()


def _ended_for_good(runs: object, ended_at: datetime | None) -> bool:
    return ended_at is not None


def _never_ended(runs: object, ended_at: datetime | None) -> bool:
    return False


def _never_fewer(rows: object, at: datetime, **more: object) -> bool:
    return False


def _fewer_by_rotation(rows: Iterable[inputs.Row], at: datetime, **more: object) -> bool:
    return sum(not row.listed for row in rows) >= inputs.FEWER_LEAST


def _youngest_end(ranges: Iterable[Range], *facts: Any) -> Thresholds:
    return target_thresholds([(before, before) for _, before in ranges], *facts)


def _oldest_end(ranges: Iterable[Range], *facts: Any) -> Thresholds:
    return target_thresholds([(after or ALWAYS, after or ALWAYS) for after, _ in ranges], *facts)


def _target_without_runs(ranges: Iterable[Range], target: timedelta | None, *facts: Any) -> Thresholds:
    return target_thresholds(ranges, target)


def _best_case(better: Thresholds, worse: Thresholds) -> Thresholds:
    return better


def _worst_case(better: Thresholds, worse: Thresholds) -> Thresholds:
    return worse


def _own_name(name: str, volume: str) -> bool:
    return True


def _only_errors_fail(run: Run) -> bool:
    return run.state == runs.FAILED


def _failing_for_ever(*facts: Any) -> Thresholds:
    found = after_tries(*facts)
    return Thresholds(failing=found.failing, unknown=found.unknown) if found.failing else found


known_range = taken_time.taken_range
due_after = schedules.due_after
clocks_read = clock_skew.read
keep_proof = proof.keep_proof


def _older_does_not_count(name: str, created: datetime | None, seen: Sighting, *, is_own: bool) -> TakenRange:
    found = known_range(name, created, seen, is_own=is_own)
    is_older = found.source is TakenFrom.CONFLICT and seen.last_without is not None
    return TakenRange(seen.last_without, found.before, TakenFrom.SYNCS) if is_older else found


def _without_date(name: str, created: datetime | None, seen: Sighting, *, is_own: bool) -> TakenRange:
    return known_range(name, None, seen, is_own=is_own)


def _date_alone(name: str, created: datetime | None, seen: Sighting, *, is_own: bool) -> TakenRange:
    return known_range(name if created is None else "", created, seen, is_own=is_own)


def _names_of_a_wrong_clock(name: str, created: datetime | None, seen: Sighting, *, is_own: bool) -> TakenRange:
    return known_range(name, created, replace(seen, is_provider_right=True), is_own=is_own)


def _dated_by_a_wrong_clock(name: str, created: datetime | None, seen: Sighting, *, is_own: bool) -> TakenRange:
    sure = replace(seen, is_provider_right=True, is_clock_trusted=True)
    return known_range(name, created, sure, is_own=is_own)


def _every_list_dates(held: Claim, *listed: object, is_capped: bool) -> None:
    pass


def _never_cut_off(
    held: Claim,
    listing: Listing[SnapshotRecord] | None,
    added: Iterable[SnapshotRecord],
    now: datetime,
    *,
    is_capped: bool,
) -> None:
    held.environment.listed_rows = 0
    keep_proof(held, listing, added, now, is_capped=False)


def _nobody_asks(*facts: object) -> int:
    return 0


def _any_key_buries(trust: object, row: object) -> bool:
    return True


def _last_twin(record: object, numbers: Iterator[int] = count()) -> int:  # noqa: B008 one count for all
    return next(numbers)


def _at_once(before: clock_skew.Clocks, ours: datetime, told: int | None) -> clock_skew.Clocks:
    return clock_skew.Clocks(ours, told or 0, told or 0)


def _never_ours(before: clock_skew.Clocks, at: datetime, ours: datetime, told: int) -> clock_skew.Clocks:
    return clock_skew.Clocks(ours, before.ahead, told, ours)


def _one_sided(before: clock_skew.Clocks, ours: datetime, told: int | None) -> clock_skew.Clocks:
    return replace(clocks_read(before, ours, told), doubt=0)


def _forgiven(before: clock_skew.Clocks, since: datetime, ours: datetime, told: int) -> clock_skew.Clocks:
    return replace(clocks_again(before, since, ours, told), doubt=0)


clocks_again = clock_skew._again


def _all_lost(lost: Iterable[object], gained: object) -> int:
    return len(list(lost))


def _no_type_decides(volume: object, answers: object) -> int:
    return 0


def _next_midnight(schedule: str, began: datetime) -> datetime:
    midnight = began.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1) if schedule == "DAILY" else due_after(schedule, began)


def _no_volume_asked(environment: Environment) -> list[str]:
    return []


FAR = timedelta(days=400)


def _range(what: str, broken: Callable[..., TakenRange], focus: str) -> Mutation:
    return Mutation("11 ranges", what, ((bulk_sql, "taken_range", broken),), focus)


MUTATIONS: Mapping[str, Mutation] = {
    each.what: each
    for each in (
        Mutation("1 usable", "one being moved is not usable", ((runs, "MOVING", frozenset()),), EARLY),
        Mutation("1 usable", "one being made is usable", ((Run, "is_usable", property(_usable_while_made)),), EARLY),
        Mutation("2 due", "a joined type counts for none", ((inputs, "schedules_of", _only_the_first_type),), BUSY),
        Mutation("2 due", "any type counts for daily", ((inputs, "schedules_of", _any_type_counts),), EARLY),
        Mutation("2 due", "a month is 30 days", ((schedules, "_month_after", _thirty_days),), BUSY),
        Mutation("2 due", "grace of a whole period", ((schedules, "grace", _grace_of_a_period),), EARLY),
        Mutation("2 due", "no grace", ((schedules, "grace", _no_grace),), EARLY),
        Mutation("2 under way", "a run under way does not count", ((judge, "after_tries", _nothing_runs),), EARLY),
        Mutation(
            "2 under way", "a run counts whenever it began", ((thresholds, "_awaited", _whenever_it_began),), EARLY
        ),
        Mutation("3 stuck", "never stuck", ((thresholds, "_stuck_limit", _never_stuck),), EARLY),
        Mutation("3 stuck", "what hangs is late", ((thresholds, "_awaited", _late_once_stuck),), EARLY),
        Mutation(
            "3 stuck",
            "the longest run is not asked",
            ((thresholds, "_stuck_limit", _stuck_whatever_the_longest),),
            EARLY,
        ),
        Mutation("3 stuck", "from our first sight alone", ((thresholds, "_awaited", _stuck_from_first_sight),), EARLY),
        Mutation("3 stuck", "a left-over one counts", ((judge, "_tries", _left_over_counts),), EARLY),
        Mutation(
            "4 data's time",
            "fresh forever",
            ((sql, "_provider_now", lambda ages: sql.Sql("{data_at}")),),
            EARLY,
        ),
        Mutation("4 data's time", "old data is good for weeks", ((verdict, "DATA_LASTS", FAR),), MIDDLE),
        Mutation("4 data's time", "a problem never grows old", ((sql, "LEAST_PATIENCE", FAR),), EARLY),
        Mutation(
            "5 failing", "what vanished has not failed", ((Run, "has_failed", property(_only_errors_fail)),), BUSY
        ),
        Mutation("5 failing", "to try again is no failure", ((judge, "after_tries", _tried_again),), EARLY),
        Mutation("5 failing", "failing after its deadline", ((judge, "after_tries", _failing_for_ever),), EARLY),
        Mutation("6 none, new", "never new", ((judge, "without_usable", _never_new),), EARLY),
        Mutation("6 none, new", "new forever", ((judge, "without_usable", _ever_new),), EARLY),
        Mutation(
            "6 none, new", "unlisted yet is not new", ((evaluate.Scene, "created_between", _created_as_told),), END
        ),
        Mutation("7 gone", "gone after one list", ((sql, "_verdict", _gone_at_once),), BUSY),
        Mutation(
            "8 ended",
            "a schedule without rows is forgotten",
            ((evaluate, "_remembered", _nothing_remembered),),
            "long after",
        ),
        Mutation("8 ended", "ended though it ran again", ((judge, "_has_ended", _ended_for_good),), END),
        Mutation("8 ended", "late though stopped", ((judge, "_has_ended", _never_ended),), END),
        Mutation("9 fewer", "never flagged", ((evaluate, "has_fewer", _never_fewer),), BUSY),
        Mutation("9 fewer", "rotation is a loss", ((evaluate, "has_fewer", _fewer_by_rotation),), EARLY),
        Mutation(
            "10 ranges", "young enough by its youngest end", ((judge, "target_thresholds", _youngest_end),), EARLY
        ),
        Mutation("10 ranges", "too old by its oldest end", ((judge, "target_thresholds", _oldest_end),), EARLY),
        Mutation("10 target", "it waits for no run", ((judge, "target_thresholds", _target_without_runs),), EARLY),
        Mutation("10 target", "it is six hours softer", ((thresholds, "TARGET_GRACE", timedelta(hours=6)),), EARLY),
        Mutation("10 target", "no time for a run to appear", ((thresholds, "TARGET_GRACE", timedelta()),), EARLY),
        Mutation(
            "10 states", "not known is not usable", ((Run, "is_in_unknown_state", property(lambda run: False)),), EARLY
        ),
        Mutation("10 states", "not known is usable", ((Run, "is_usable", property(_usable_in_any_state)),), EARLY),
        Mutation("10 ranges", "any number in a name is a time", ((bulk_sql, "is_default", _own_name),), EARLY),
        Mutation("lists", "left out once, and still there", ((judge, "_where_both_agree", _best_case),), EARLY),
        Mutation("lists", "left out once, and gone", ((judge, "_where_both_agree", _worst_case),), EARLY),
        _range("an older witness does not count", _older_does_not_count, "witnesses"),
        _range("the date field does not count", _without_date, "witnesses"),
        _range("beside a date the name does not count", _date_alone, "witnesses"),
        _range("names of a wrong clock count", _names_of_a_wrong_clock, "names of a wrong clock"),
        _range("a wrong clock dates", _dated_by_a_wrong_clock, "provider jumps"),
        Mutation("proof", "another key's list dates", ((proof, "_is_same_key", lambda held: True),), "keys"),
        Mutation("proof", "every list dates", ((proof, "keep_proof", _every_list_dates),), "keys"),
        Mutation(
            "proof", "a list that may be cut off dates", ((proof, "keep_proof", _never_cut_off),), "behind the end"
        ),
        Mutation("proof", "what a key never showed is gone", ((diff.Trust, "may_bury", _any_key_buries),), "keys"),
        Mutation("questions", "the last usable one is not asked for", ((questions, "settle", _nobody_asks),), "capped"),
        Mutation("questions", "an answer counts forever", ((diff, "FOUND_LASTS", FAR),), "capped"),
        Mutation("rows", "of twins the last one wins", ((decode, "_precedence", _last_twin),), "rows"),
        Mutation("rows", "a type not known is none", ((judge, "_deciding_types", _no_type_decides),), "rows"),
        Mutation("rows", "a day ends at midnight", ((schedules, "due_after", _next_midnight),), "summer ends"),
        Mutation("rows", "turnover is a loss", ((diff, "_on_balance", _all_lost),), "turnover"),
        Mutation("clocks", "a jump is followed at once", ((refresh, "read", _at_once),), "provider jumps"),
        Mutation("clocks", "our own jump is not put right", ((clock_skew, "_jumped", _never_ours),), "our jumps"),
        Mutation("clocks", "uncertain, ours is right", ((refresh, "read", _one_sided),), "jumps in silence"),
        Mutation("clocks", "time ends the doubt", ((clock_skew, "_again", _forgiven),), "jumps in silence"),
        Mutation("volumes", "nobody asks for it by id", ((refresh, "absent_volumes", _no_volume_asked),), "volumes"),
        Mutation(
            "volumes", "new as its date says", ((evaluate.Scene, "created_between", _created_as_told),), "volumes"
        ),
    )
}


def applied(name: str) -> ExitStack:
    """Break one rule until the stack is closed."""
    stack = ExitStack()
    if name:
        MUTATIONS[name].apply(stack)
    return stack
