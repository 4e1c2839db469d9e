"""What an exported row says: the provider's field names first, then what the dashboard has added to them.

No raw record and no number of our own database is in it.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils.translation import get_language, override

from snapshots.lists import change_list, leftovers
from snapshots.lists.leftovers import Remaining, Rules
from snapshots.lists.report import Line
from snapshots.lists.volume_list import COLUMNS
from snapshots.models import Change, Environment, Problem, Snapshot, Volume
from snapshots.rules.taken_time import TakenFrom
from snapshots.rules.verdict import Verdict
from snapshots.verdicts.evaluate import LETTERS
from snapshots.verdicts.sql import DataAges, with_status
from snapshots.verdicts.status import VolumeStatus, status_of, target_of

Value = str | int | float | bool | datetime | list[str] | None
Values = dict[str, Value]
HOUR = timedelta(hours=1)
Told = Callable[[VolumeStatus], str]
SCHEDULES = {letter: schedule for schedule, letter in LETTERS.items()}


class Row(NamedTuple):
    """A row by its fields' names, in their order, with its environment. `added`: those of `Source.added`."""

    environment_id: int
    values: Values
    added: Values = {}


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of rows. `optional` are the provider's fields that it leaves out itself where it has no value.

    `added` are columns of a later release: they come last in a file, after those of the environment, so that no other
    changes its place.

    `read` gives rows by primary key, and asks for nothing else: a condition of the team would walk all of its rows for
    each part. The environment tells whose they are. Rows deleted since are left out.
    """

    name: str
    columns: tuple[str, ...]
    optional: frozenset[str]
    read: Callable[[Sequence[int]], Mapping[int, Row]]
    added: tuple[str, ...] = ()


SNAPSHOT_FIELDS = {
    "id": "snapshot_id",
    "name": "name",
    "state": "state",
    "intervalType": "interval_type",
    "volumeId": "volume_id",
    "volume": "volume",
    "volumeType": "volume_type",
}
TIMES = ("takenAt", "takenAfter", "takenBefore", "takenFrom", "firstSeenAt", "missingSince")
_SNAPSHOT_COLUMNS = (
    *SNAPSHOT_FIELDS.values(),
    *("taken_after", "taken_before", "taken_source", "first_seen_at", "missing_since", "listed"),
)
VOLUME_FIELDS = {
    "id": "volume_id",
    "name": "name",
    "type": "kind",
    "creationDate": "created",
    "instanceId": "instance_id",
    "instanceName": "instance_name",
    "zoneName": "zone_name",
    "state": "state",
    "sizeInGb": "size_in_gb",
}
JUDGEMENT = (
    *("verdict", "newestUsableAfter", "newestUsableBefore", "usableCount", "snapshotCount"),
    *("schedules", "targetHours", "missingSince", "goneAt"),
)
IN_WORDS = ("label", "why", "since")
# What a page's row has, and a file's does not.
_OF_PAGES = {"days", "gaps", "fewer_at", "judged_at", "doubt_from", "from_endpoint", "newest_usable__name"}
_VOLUME_COLUMNS = {*VOLUME_FIELDS.values(), *COLUMNS, "missing_since"} - _OF_PAGES
CHANGE_FIELDS = {
    "id": "snapshot_id",
    "name": "name",
    "intervalType": "interval_type",
    "volumeId": "volume_id",
    "volume": "volume",
}
# `usableOfVolume`: how many usable ones its volume has in all.
LEFTOVER = ("reasons", "usableOfVolume", "onlyUsable")
CHANGE_ITSELF = ("kind", "at", "before", "after", "seconds", "count")

# Of its volume; without one it is the environment's own.
PROBLEM_FIELDS = {"id": "volume__volume_id", "name": "volume__name", "instanceName": "volume__instance_name"}
PROBLEM_ITSELF = {
    "beganAfter": "began_after",
    "beganAt": "began_at",
    "endedAt": "ended_at",
    "end": "end",
    "acknowledgedBy": "acknowledged_by",
    "acknowledgedAt": "acknowledged_at",
    "acknowledgedUntil": "acknowledged_until",
    "note": "note",
    "ticket": "ticket",
}


def _read_snapshots(pks: Sequence[int]) -> Mapping[int, Row]:
    rows = Snapshot.objects.filter(pk__in=pks).values_list("pk", "environment_id", *_SNAPSHOT_COLUMNS)
    return {pk: Row(place, _snapshot(values)) for pk, place, *values in rows}


def leftovers_of(rules: Rules) -> Source:
    """Snapshots with the reasons why they may not be needed."""

    def read(pks: Sequence[int]) -> Mapping[int, Row]:
        lines = leftovers.read_lines(rules, pks)
        remaining = leftovers.remaining(rules, {line.place for line in lines.values()})
        rows = _read_snapshots([*lines])
        return {
            pk: row._replace(values=row.values | _leftover(lines[pk], remaining[lines[pk].place]))
            for pk, row in rows.items()
        }

    return Source("leftovers", (*SNAPSHOTS.columns, *LEFTOVER), SNAPSHOTS.optional, read)


def _leftover(line: leftovers.Line, remaining: Remaining) -> Values:
    values: tuple[Value, ...] = ([*line.reasons], remaining.usable, line.is_last_of(remaining))
    return dict(zip(LEFTOVER, values, strict=True))


def _snapshot(values: Sequence[object]) -> Values:
    told: list[Value] = list(values[: len(SNAPSHOT_FIELDS)])  # type: ignore[arg-type]
    after, before, source, first_seen_at, missing_since, listed = values[len(SNAPSHOT_FIELDS) :]
    # Where only a range is known nothing stands for the moment: its end would make a snapshot look younger than it is.
    is_exact = after == before
    times = (before if is_exact else None, after, before, _origin(after, str(source)), first_seen_at, missing_since)
    seen: Values = dict(zip(TIMES, times, strict=True))  # type: ignore[arg-type]
    return dict(zip(SNAPSHOT_FIELDS, told, strict=True)) | seen | {"listed": bool(listed)}


def _origin(after: object, source: str) -> str:
    """Where the time is from: a `snapshots.rules.taken_time.TakenFrom`; or it was there at the first sync."""
    if after is None:
        return "first_look"
    return "watch" if source == TakenFrom.SYNCS else source


def volumes_of(
    environments: Sequence[Environment], ages: DataAges, team_hours: int | None, *, label: Told, why: Told
) -> Source:
    """Volumes of a team's environments, judged at a moment. `team_hours`: as its policy says, None without one.

    `label` and `why` put a status into words.
    """
    places = {environment.pk: environment for environment in environments}

    def read(pks: Sequence[int]) -> Mapping[int, Row]:
        # A language that is set is found faster than the default one, and each row asks for it a dozen times.
        with override(get_language()):
            return {volume.pk: row(volume, places[volume.environment_id]) for volume in _judged(pks, ages, places)}

    def row(volume: Volume, place: Environment) -> Row:
        status = status_of(volume, place, now=ages.now, target=target_of(volume, place, team_hours))
        words: tuple[Value, ...] = (label(status), why(status), status.since)
        return Row(place.pk, _volume(status), dict(zip(IN_WORDS, words, strict=True)))

    optional = frozenset((*VOLUME_FIELDS,)) - {"id", "name"}
    return Source("volumes", (*VOLUME_FIELDS, *JUDGEMENT), optional, read, IN_WORDS)


def _judged(pks: Sequence[int], ages: DataAges, places: Container[int]) -> Iterator[Volume]:
    rows = with_status(Volume.objects.filter(pk__in=pks), ages).select_related("newest_usable").only(*_VOLUME_COLUMNS)
    return (row for row in rows if row.environment_id in places)


def _volume(status: VolumeStatus) -> Values:
    volume, target = status.volume, status.target
    told: Values = {name: getattr(volume, column) for name, column in VOLUME_FIELDS.items()}
    told["creationDate"] = volume.created_at or volume.created
    judgement: tuple[Value, ...] = (
        _verdict(status),
        *(volume.newest_after, volume.newest_before, volume.usable_count, volume.snapshot_count),
        [SCHEDULES[letter] for letter in volume.schedules],
        int(target.total_seconds()) // 3600 if target else None,
        *(volume.missing_since, volume.deleted_at),
    )
    return told | dict(zip(JUDGEMENT, judgement, strict=True))


def _verdict(status: VolumeStatus) -> str:
    """As the page's filter names it; but where nothing is asked of a volume, "fresh" would be a promise of nobody."""
    is_open = status.verdict is Verdict.FRESH and status.asks_nothing
    return "nothing_due" if is_open else status.verdict.name.lower()


def _read_changes(pks: Sequence[int]) -> Mapping[int, Row]:
    rows = Change.objects.filter(pk__in=pks).values_list(*change_list.COLUMNS)
    lines = [change_list.Line(*values) for values in rows]
    return {line.pk: Row(line.environment_id, _change(line)) for line in lines}


def _change(line: change_list.Line) -> Values:
    about: Values = {name: getattr(line, column) or "" for name, column in CHANGE_FIELDS.items()}
    itself: tuple[Value, ...] = (line.kind, line.at, line.before, line.after, line.seconds, line.number)
    return about | dict(zip(CHANGE_ITSELF, itself, strict=True))


def _read_problems(pks: Sequence[int]) -> Mapping[int, Row]:
    columns = ("pk", "environment_id", "kind", *PROBLEM_FIELDS.values(), *PROBLEM_ITSELF.values())
    rows = Problem.objects.filter(pk__in=pks).values_list(*columns)
    return {pk: Row(place, _problem(kind, values)) for pk, place, kind, *values in rows}


def _problem(kind: int, values: Sequence[Value]) -> Values:
    of_volume = dict(zip(PROBLEM_FIELDS, values[: len(PROBLEM_FIELDS)], strict=True))
    itself = dict(zip(PROBLEM_ITSELF, values[len(PROBLEM_FIELDS) :], strict=True))
    return of_volume | {"kind": Problem.Kind(kind).code} | itself


SNAPSHOTS = Source(
    "snapshots",
    (*SNAPSHOT_FIELDS, *TIMES, "listed"),
    optional=frozenset(("volumeId", "volume", "volumeType")),
    read=_read_snapshots,
)
# `count` is set where a line stands for many.
CHANGES = Source("changes", (*CHANGE_FIELDS, *CHANGE_ITSELF), optional=frozenset(CHANGE_FIELDS), read=_read_changes)
PROBLEMS = Source(
    "alerts", (*PROBLEM_FIELDS, "kind", *PROBLEM_ITSELF), optional=frozenset(PROBLEM_FIELDS), read=_read_problems
)


REPORT_FIGURES = (
    *("hoursMet", "hoursNotMet", "hoursUnknown", "percentMet", "problems"),
    *("runsExpected", "runsMade", "runsFailed", "runsMissed"),
)
REPORT_COLUMNS = (
    *("id", "name", "instanceName", "targetHours", "schedules", "countedSince"),
    *REPORT_FIGURES,
    "longestGapHours",
)


def report_of(lines: Sequence[Line]) -> Source:
    """The volumes of a report that is worked out. Its figures are those of the page, with two digits."""
    by_key = {line.pk: line for line in lines}

    def read(keys: Sequence[int]) -> Mapping[int, Row]:
        return {key: Row(by_key[key].hours.environment, report_values(by_key[key])) for key in keys}

    return Source("report", REPORT_COLUMNS, frozenset(), read)


def report_values(line: Line) -> Values:
    """What a report says of one volume, by `REPORT_COLUMNS`."""
    rule, longest = line.hours.rule, line.runs.longest
    schedules = [SCHEDULES[letter] for letter in rule.schedules]
    own = (line.volume_id, line.name, line.instance, rule.target_hours or None, schedules, line.hours.since)
    figures = report_figures(line)
    values = (*own, *figures.values(), None if longest is None else _hours(longest))
    return dict(zip(REPORT_COLUMNS, values, strict=True))


def report_figures(line: Line) -> Values:
    """What a report says of one volume, or of all of them, by `REPORT_FIGURES`."""
    hours, runs = line.hours, line.runs
    told = (_hours(hours.met), _hours(hours.not_met), _hours(hours.unknown), line.shares.met / 10, line.problems)
    return dict(zip(REPORT_FIGURES, (*told, runs.expected, runs.made, runs.failed, runs.missed), strict=True))


def _hours(span: timedelta) -> float:
    return round(span / HOUR, 2)
