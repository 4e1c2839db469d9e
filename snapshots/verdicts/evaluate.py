"""Writing the verdicts' moments: from the mirror's rows to each volume's thresholds, in the sync's transaction.

Rows that the provider lists no more count for a while: a try that vanished, what was lost within the day, the days of
the strip. How long depends on how often the volume's schedules run, as an hourly one leaves hundreds of rows behind.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import BigIntegerField
from django.db.models.lookups import Exact

from dashboard.backends.plain_rows import plain_rows
from snapshots.cloudca.dates import read_date
from snapshots.models import Environment, Policy, Snapshot, Volume
from snapshots.models.snapshot import Unindexed
from snapshots.rules.judge import Answer, Judgement, judge
from snapshots.rules.judge import Volume as VolumeFacts
from snapshots.rules.rhythms import RHYTHM
from snapshots.rules.runs import Run
from snapshots.rules.schedules import type_of
from snapshots.verdicts.inputs import (
    GONE_COUNT,
    GONE_COUNT_HOURLY,
    PendingRows,
    Row,
    days_of,
    gaps_of,
    has_fewer,
    last_usable_at,
    lost_since,
    widen_newest,
)
from snapshots.verdicts.suggested import note_rhythm

BATCH = 400
LETTERS = {"HOURLY": "H", "DAILY": "D", "WEEKLY": "W", "MONTHLY": "M", RHYTHM: "R"}
WRITTEN = (
    *("none_from", "late_from", "stuck_from", "failing_from", "unknown_from", "new_from", "running_from"),
    "doubt_from",
    *("patience", "answers", "schedules", "newest_usable", "newest_after", "newest_before", "usable_count"),
    *("longest", "days", "gaps", "doubts", "fewer_at", "last_usable_at", "judged_at", "created_at", "ended"),
    *("manual", "suggested_until"),
)
FIELDS = [field for field in Volume._meta.concrete_fields if field.name in WRITTEN]
# One plain statement for each: the ORM's bulk update makes a CASE of every column and row, under the write lock.
UPDATE = (
    f"UPDATE {Volume._meta.db_table} SET "  # noqa: S608 our own identifiers
    + ", ".join(f"{field.column} = %s" for field in FIELDS)
    + " WHERE id = %s"
)
Values = tuple[str | int | datetime | None, ...]


def judge_volumes(environment: Environment, volume_ids: Collection[str] | None = None, *, at: datetime) -> None:
    """Judge an environment's volumes again, all of them or those named. Call inside a transaction.

    `at`: the moment of the data, by the provider's clock.
    """
    for values in judgements(environment, volume_ids, at=at):
        write_judgements(values)


def judgements(
    environment: Environment, volume_ids: Collection[str] | None = None, *, at: datetime
) -> Iterator[list[Values]]:
    """Judge volumes and yield what is to be written of them, some hundred at a time. Writes nothing."""
    for volumes in judged_again(environment, volume_ids, at=at):
        yield [values_of(volume) for volume in volumes]


def judged_again(
    environment: Environment,
    volume_ids: Collection[str] | None = None,
    *,
    at: datetime,
    pending: PendingRows | None = None,
) -> Iterator[list[Volume]]:
    """Judge volumes and yield their rows, some hundred at a time, not stored.

    `pending`: what is about to be written of their snapshots, and counts as if it were.
    """
    known = Volume.objects.filter(environment=environment)
    ids = sorted(volume_ids) if volume_ids is not None else list(known.values_list("volume_id", flat=True))
    if not ids:
        return
    scene = Scene.of(environment, at)
    for start in range(0, len(ids), BATCH):
        volumes = list(known.filter(volume_id__in=ids[start : start + BATCH]))
        rows = _rows(environment, volumes, at, pending)
        turned: dict[int, str] = {}
        for volume in volumes:
            was_hourly = "H" in volume.schedules
            _judge(volume, rows[volume.volume_id], scene)
            if ("H" in volume.schedules) is not was_hourly:
                turned[volume.pk] = volume.schedules
        # Which rows count that are listed no more depends on it: once more, from the volumes as they are stored.
        again = known.in_bulk(list(turned))
        for pk, volume in again.items():
            volume.schedules = turned[pk]
        rows = _rows(environment, list(again.values()), at, pending)
        for volume in again.values():
            _judge(volume, rows[volume.volume_id], scene)
        volumes = [again.get(volume.pk, volume) for volume in volumes]
        yield volumes


def values_of(volume: Volume) -> Values:
    """What `write_judgements` stores of a volume that was judged."""
    ops = connection.ops
    return (*(_for_database(getattr(volume, field.attname), ops) for field in FIELDS), volume.pk)


def write_judgements(values: Sequence[Values]) -> None:
    """Store what `judgements` yielded. Call inside a transaction."""
    if values:
        with connection.cursor() as cursor:
            cursor.executemany(UPDATE, values)


def _for_database(value: object, ops: BaseDatabaseOperations) -> str | int | datetime | None:
    """What the ORM makes of a value, without asking each column again for each row."""
    if isinstance(value, datetime):
        adapted: str | datetime | None = ops.adapt_datetimefield_value(value)
        return adapted
    if isinstance(value, list | dict):
        as_json: str = ops.adapt_json_value(value, None)
        return as_json
    return value if isinstance(value, str | int) else None


class Targets(NamedTuple):
    """What an environment's volumes inherit, in hours; None where nobody asks for an age."""

    inherited: int | None

    @classmethod
    def of(cls, environment: Environment) -> "Targets":
        if environment.target_hours is not None:
            return cls(environment.target_hours or None)
        policy = Policy.objects.filter(team_id=environment.team_id).first()
        return cls(policy.target_hours or None if policy else None)

    def for_volume(self, volume: Volume) -> timedelta | None:
        hours = self.inherited if volume.target_hours is None else volume.target_hours
        return timedelta(hours=hours) if hours else None


class Scene(NamedTuple):
    """What holds for all of an environment's volumes. `at` and `ahead` follow the provider's clock."""

    targets: Targets
    at: datetime
    ahead: timedelta
    volumes_listed_at: datetime | None
    looked_since: datetime | None
    # The complete list before this one.
    before: datetime | None
    # The first list that was requested with the current key; None if there was no other key.
    key_since: datetime | None

    @classmethod
    def of(cls, environment: Environment, at: datetime) -> "Scene":
        ahead = timedelta(seconds=environment.clock_ahead)
        targets, data_at = Targets.of(environment), environment.data_at
        before = data_at if data_at is not None and data_at < at else None
        listed_at, looked_since = environment.volumes_listed_at, environment.first_listed_at
        return cls(targets, at, ahead, listed_at, looked_since, before, environment.key_since)

    def is_hidden(self, rows: Iterable[Row]) -> bool:
        """Whether no list that was requested with the current key had one of a volume's rows."""
        missing = [row.missing_since for row in rows if row.listed]
        since = self.key_since
        return since is not None and bool(missing) and all(at is not None and at <= since for at in missing)

    def created_between(self, volume: Volume, rows: Sequence[Row]) -> tuple[datetime | None, datetime | None]:
        """When a volume was made, as far as it is known.

        One that the endpoint did not list before its first snapshot was seen was made in between: the endpoint is
        asked less often.
        """
        if volume.created_at is not None:
            # A date from outside is never later than our own first sight.
            first = volume.first_seen_at + self.ahead if volume.first_seen_at else volume.created_at
            return min(volume.created_at, first), min(volume.created_at, first)
        if volume.from_endpoint or self.volumes_listed_at is None or not rows:
            return None, None
        first_seen = min(row.first_seen_at for row in rows)
        if first_seen <= self.volumes_listed_at:
            return None, None
        return self.volumes_listed_at + self.ahead, first_seen + self.ahead


def created_time(text: str) -> datetime | None:
    """When a volume was made by the provider's `creationDate`; None if it is no date."""
    return read_date(text)


def _rows(
    environment: Environment, volumes: Sequence[Volume], at: datetime, pending: PendingRows | None
) -> Mapping[str, list[Row]]:
    """Each volume's listed rows, and of those listed no more the ones that still count. The newest of us come first."""
    found = _stored_rows(environment, volumes, at)
    if pending is not None:
        found = {pk: row for pk, row in found.items() if pk not in pending.touched}
        for volume in volumes:
            rows_to_come = pending.of_volume(volume.volume_id)
            found |= {row.pk: row for row in rows_to_come if row.counts(at, is_hourly="H" in volume.schedules)}
    rows: dict[str, list[Row]] = defaultdict(list)
    for pk in sorted(found, reverse=True):
        rows[found[pk].volume_id].append(found[pk])
    return rows


def _stored_rows(environment: Environment, volumes: Sequence[Volume], at: datetime) -> dict[int, Row]:
    hourly = [volume.volume_id for volume in volumes if "H" in volume.schedules]
    others = [volume.volume_id for volume in volumes if "H" not in volume.schedules]
    # By the index of volumes: SQLite would read all rows of the environment for some hundred volumes.
    is_own = Exact(Unindexed("environment_id", output_field=BigIntegerField()), environment.pk)
    of_team = Snapshot.objects.filter(is_own, team=environment.team_id)
    gone = of_team.no_longer_listed()
    # Without the team: the index of what went missing is to be used.
    lost = Snapshot.objects.filter(environment=environment, missing_since__gte=lost_since(at))
    found: dict[int, Row] = {}
    ids = [*hourly, *others]
    chosen = [of_team.listed().filter(volume_id__in=ids), lost.filter(volume_id__in=ids)]
    for some, count_for in ((hourly, GONE_COUNT_HOURLY), (others, GONE_COUNT)):
        if some:
            chosen.append(gone.filter(volume_id__in=some, taken_key__gte=at - count_for))
    for chosen_rows in chosen:
        for values in plain_rows(chosen_rows, *Row._fields):
            found[values[0]] = Row._make(values)
    return found


def _judge(volume: Volume, rows: Sequence[Row], scene: Scene) -> None:
    volume.longest = max([volume.longest, *(row.ran_for for row in rows if row.ran_for)])
    volume.created_at = created_time(volume.created)
    runs = [row.run(scene.ahead, volume.rhythm_name) for row in rows]
    created_after, created_before = scene.created_between(volume, rows)
    is_hidden = scene.is_hidden(rows)
    judgement = judge(
        VolumeFacts(
            runs=[*runs, *_remembered(volume, runs)],
            created_after=created_after,
            created_before=created_before,
            target=scene.targets.for_volume(volume),
            longest=timedelta(seconds=volume.longest),
            ended={name: datetime.fromisoformat(since) + scene.ahead for name, since in volume.ended.items()},
            is_hidden=is_hidden,
            rhythm=volume.rhythm_name,
        )
    )
    volume.last_usable_at = last_usable_at(volume, runs, usable=judgement.usable, at=scene.at, before=scene.before)
    volume.gaps = gaps_of(volume, rows, scene.at)
    _fill(volume, judgement)
    widen_newest(volume, runs)
    if is_hidden:
        volume.doubts["hidden"] = 1
    # A run that came after all ends what was said, also when it is gone again and forgotten.
    volume.ended = {name: since for name, since in volume.ended.items() if LETTERS[name] not in volume.schedules}
    newest = judgement.newest_usable
    volume.newest_usable_id = next((row.pk for row, run in zip(rows, runs, strict=True) if run is newest), None)
    volume.days = days_of(volume, rows, scene.at)
    note_rhythm(volume, rows, scene.at)
    if has_fewer(rows, scene.at - scene.ahead, looked_since=scene.looked_since):
        volume.fewer_at = scene.at
    volume.judged_at = scene.at


def _remembered(volume: Volume, runs: Sequence[Run]) -> Iterator[Run]:
    """A schedule that ran once and of which no such row counts any more is not forgotten: its end is a question."""
    seen = {schedule for run in runs for schedule in run.schedules}
    completed = {schedule for run in runs if run.was_completed for schedule in run.schedules}
    for answer in volume.answers:
        name = answer["schedule"]
        if name not in seen or (answer["completed"] and name not in completed):
            began = datetime.fromisoformat(answer["last_began"])
            yield Run((name,), "", began, began, began, usable_at=began, listed=False)


def _fill(volume: Volume, judgement: Judgement) -> None:
    since = judgement.thresholds
    volume.none_from, volume.late_from, volume.stuck_from = since.none, since.late, since.stuck
    volume.failing_from, volume.unknown_from = since.failing, since.unknown
    volume.new_from, volume.running_from = since.new, since.running
    volume.doubt_from = since.first_doubt
    volume.patience = int(judgement.patience.total_seconds())
    firsts = {str(old["schedule"]): str(old["first_began"]) for old in volume.answers}
    volume.answers = [_stored(answer, firsts.get(answer.schedule)) for answer in judgement.answers]
    volume.schedules = "".join(LETTERS[type_of(answer.schedule)] for answer in judgement.answers)
    volume.usable_count = judgement.usable
    unknown = {"unknown_state": judgement.unknown_states, "unknown_type": judgement.unknown_types}
    volume.doubts = {name: number for name, number in unknown.items() if number}
    newest = judgement.newest_usable
    volume.newest_after = newest.began_after if newest else None
    volume.newest_before = newest.began_before if newest else None


def _stored(answer: Answer, first_known: str | None) -> dict[str, object]:
    """An answer as its volume's row keeps it: times as text, and the first run though its row is forgotten."""
    since = answer.thresholds
    first = answer.first_began.isoformat()
    return {
        "schedule": answer.schedule,
        "first_began": min(first, first_known or first),
        "last_began": _text(answer.last_began),
        "newest_after": _text(answer.newest.began_after) if answer.newest else None,
        "newest_before": _text(answer.newest.began_before) if answer.newest else None,
        "due": _text(answer.due),
        "deadline": _text(answer.deadline),
        "tries": answer.tries,
        "failed": answer.failed,
        "completed": answer.completed,
        "running_since": _text(answer.running.began_before) if answer.running else None,
        **{verdict.name.lower(): _text(moment) for verdict, moment in since.worst_first()},
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
