"""Problems begin, change and end: what is stored of them is compared with the verdicts that hold now.

`settle` may run at any time and any number of times: it writes only what differs. Each sync calls it when its list is
stored, and each round of the worker for environments that changed without a list. So what a crash, an outage or a
restored backup left out is made up for, and nothing is written twice.

A verdict "unknown" neither begins nor ends a problem.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import NamedTuple, Protocol

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from dashboard.backends.prepared import Prepared
from snapshots.alerts.facts import Facts, facts_of
from snapshots.models import Environment, Problem, Volume
from snapshots.rules.verdict import ALWAYS, Verdict
from snapshots.verdicts.evaluate import Targets
from snapshots.verdicts.sql import COLUMNS, DataAges, volumes_of_team, with_verdicts
from snapshots.verdicts.status import thresholds_of

Kind, End = Problem.Kind, Problem.End
KINDS = {
    Verdict.NONE: Kind.NONE,
    Verdict.LATE: Kind.LATE,
    Verdict.STUCK: Kind.STUCK,
    Verdict.FAILING: Kind.FAILING,
}
ENDS = {Verdict.EXCLUDED: End.EXCLUDED, Verdict.DELETED: End.DELETED}
# An environment without a complete list for so long has a problem itself.
SILENCE = timedelta(hours=1)
# Earlier moments are `ALWAYS`, with or without a grace.
FIRST_DATE = ALWAYS + timedelta(days=366)
READ = (
    *("environment", "volume_id", "usable_count", "newest_after", "newest_before", "last_usable_at", "schedules"),
    *("answers", "target_hours", "first_seen_at", "excluded_until", "excluded_at", "deleted_at"),
    *COLUMNS.values(),
)
WRITTEN = ("kind", "steps", "facts", "ended_at", "end")
Steps = Sequence[tuple[Problem.Kind, datetime]]
# One plain statement for each: the ORM's bulk update makes a CASE of every row, under the write lock.
CONFIRM = f"UPDATE {Problem._meta.db_table} SET confirmed_at = %s WHERE id = %s"  # noqa: S608 our own identifiers
OPEN = Prepared(lambda environment: Problem.objects.current().filter(environment=environment))


class Found(NamedTuple):
    """A problem as it stands now: the kinds that it went through, each since when, ever worse.

    It began after `began_after` (None: not known), and not later than its first step. `facts`: what is kept of the
    volume, worked out where something is written.
    """

    began_after: datetime | None
    steps: Steps
    facts: Callable[[], Facts]

    @property
    def kind(self) -> Problem.Kind:
        return self.steps[-1][0]

    def not_before(self, moment: datetime | None) -> "Found":
        """The same, but nothing of it before this moment."""
        if moment is None or self.steps[0][1] >= moment:
            return self
        passed = [kind for kind, at in self.steps if at <= moment]
        later = [(kind, at) for kind, at in self.steps if at > moment]
        return self._replace(began_after=moment, steps=[(passed[-1], moment), *later])


@dataclass(frozen=True, slots=True)
class Settled:
    """What `settle` wrote: problems that began, were confirmed, changed their kind, and ended."""

    begun: Sequence[Problem] = ()
    confirmed: Sequence[Problem] = ()
    changed: Sequence[Problem] = ()
    ended: Sequence[Problem] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.begun or self.confirmed or self.changed or self.ended)


class Announce(Protocol):
    """Receives, inside the transaction, what was written."""

    def __call__(self, environment: Environment, settled: Settled, now: datetime) -> None: ...


def settle(
    environment: Environment,
    *,
    listed_before: datetime | None = None,
    is_well: bool = False,
    announce: Announce | None = None,
) -> Settled:
    """Write which problems of an environment began, changed and ended. Takes its lock only if some did.

    `listed_before`: of a sync that has just stored a complete list, when the one before it was requested. `is_well`:
    the caller found that no volume has a problem now.
    """
    if is_well and found_of_place(environment, timezone.now()) is None and not OPEN.all(environment=environment.pk):
        return Settled()
    settled = _Plan(environment, timezone.now(), listed_before).make()
    if settled.is_empty:
        return settled
    with transaction.atomic():
        row = Environment.everything.select_for_update(no_key=True).filter(pk=environment.pk).first()
        if row is None:
            return Settled()
        now = timezone.now()
        # All that write problems, rows or verdicts raise the generation.
        if row.rows_version != environment.rows_version or row.removed_at != environment.removed_at:
            settled = _Plan(row, now, listed_before).make()
        if settled.is_empty:
            return settled
        Problem.objects.bulk_create(settled.begun)
        Problem.objects.bulk_update([*settled.changed, *settled.ended], WRITTEN, batch_size=200)
        _write_confirmed(settled.confirmed, now)
        if settled.begun or settled.changed or settled.ended:
            Environment.everything.filter(pk=row.pk).raise_generation()
        if announce is not None:
            announce(row, settled, now)
    return settled


def _write_confirmed(problems: Sequence[Problem], now: datetime) -> None:
    """Write that problems are confirmed: thousands, with the second list of an environment."""
    if problems:
        at = connection.ops.adapt_datetimefield_value(now)
        with connection.cursor() as cursor:
            cursor.executemany(CONFIRM, [(at, each.pk) for each in problems])


class _Plan:
    """Compares an environment's open problems with its verdicts. Writes nothing."""

    def __init__(self, environment: Environment, now: datetime, listed_before: datetime | None) -> None:
        self.environment, self.now, self.listed_before = environment, now, listed_before
        self.ahead = timedelta(seconds=environment.clock_ahead)
        self.by_list = listed_before is not None and environment.listed_at is not None

    @property
    def seen_at(self) -> datetime:
        """When the newest list was requested, if this follows from it; else now."""
        listed_at = self.environment.listed_at
        return listed_at if self.by_list and listed_at else self.now

    @cached_property
    def targets(self) -> Targets:
        return Targets.of(self.environment)

    def make(self) -> Settled:
        self.open = {each.volume_id: each for each in OPEN.all(environment=self.environment.pk)}
        if self.environment.removed_at is not None:
            ended = [self._ended(each, End.REMOVED, self.environment.removed_at) for each in self.open.values()]
            return Settled(ended=ended)
        begun: dict[int, Found] = {}
        confirmed, changed, ended = list[Problem](), list[Problem](), list[Problem]()
        for problem, found, volume in self._each():
            if problem is None:
                if found is not None and volume is not None:
                    begun[volume.pk] = found
            elif found is not None:
                if self._steps(problem, found):
                    changed.append(problem)
                if self._confirms(problem):
                    confirmed.append(problem)
            elif volume is not None:
                ended.append(self._ended_of_volume(problem, volume))
        own = self._of_place()
        return Settled(
            [*own.begun, *self._begun(begun)],
            [*own.confirmed, *confirmed],
            [*own.changed, *changed],
            [*own.ended, *ended],
        )

    def _each(self) -> Iterator[tuple[Problem | None, Found | None, Volume | None]]:
        """Yield each volume with a problem, or with an open one stored, unless its status is unknown."""
        ages = DataAges.of([self.environment], self.now)
        is_open = Exists(Problem.objects.current().filter(volume=OuterRef("pk")))
        rows = with_verdicts(volumes_of_team([self.environment]), ages).order_by()
        for volume in rows.filter(Q(verdict__in=list(KINDS)) | Q(is_open)).only(*READ):
            verdict = Verdict(vars(volume)["verdict"])
            if verdict is not Verdict.UNKNOWN:
                found = self._found(volume, verdict) if verdict in KINDS else None
                yield self.open.get(volume.pk), found, volume

    def _found(self, volume: Volume, verdict: Verdict) -> Found:
        after, steps = self._steps_of(volume)
        found = Found(after, steps, partial(self._facts, volume, verdict))
        for over in (volume.excluded_until, self.environment.excluded_until):
            found = found.not_before(over if over and over <= self.now else None)
        return found

    def _steps_of(self, volume: Volume) -> tuple[datetime | None, Steps]:
        """Read from the stored moments when which kind began. The newest list may show one that nothing dates."""
        data_at, thresholds = self.environment.data_at or self.now, thresholds_of(volume)
        held = [(moment, KINDS[verdict]) for verdict, moment in thresholds.worst_first() if verdict in KINDS]
        in_force = [(moment, kind) for moment, kind in held if moment is not None and moment <= data_at]
        dated = sorted((moment - self.ahead, kind) for moment, kind in in_force if moment > FIRST_DATE)
        undated = [kind for moment, kind in in_force if moment <= FIRST_DATE]
        after = dated[0][0] if dated else None
        if undated:
            after, at = self._undated(volume, max(undated))
            dated = [(min(at, dated[0][0]) if dated else at, max(undated)), *dated]
        elif thresholds.unknown is not None and after is not None and thresholds.unknown - self.ahead < after:
            # A time is only known as a range, so the beginning is one too.
            after = thresholds.unknown - self.ahead if thresholds.unknown > FIRST_DATE else None
        steps = list[tuple[Problem.Kind, datetime]]()
        for at, kind in dated:
            if not steps or kind > steps[-1][0]:
                steps = [*(each for each in steps if each[1] < at), (kind, at)]
        return after, steps

    def _facts(self, volume: Volume, verdict: Verdict) -> Facts:
        at = self.environment.data_at or self.now
        return facts_of(volume, verdict, at=at, ahead=self.ahead, target=self.targets.for_volume(volume))

    def _undated(self, volume: Volume, kind: Problem.Kind) -> tuple[datetime | None, datetime]:
        """Return between which moments a problem began that no stored moment dates."""
        if kind is not Kind.NONE:
            return self.listed_before, self.seen_at
        if volume.last_usable_at is not None:
            return volume.last_usable_at - self.ahead, self.seen_at
        return None, min(volume.first_seen_at or self.seen_at, self.seen_at)

    def _begun(self, found: Mapping[int, Found]) -> list[Problem]:
        ended = Problem.objects.ended().filter(environment=self.environment, volume__in=list(found))
        last = {each.volume_id: each for each in ended.order_by("ended_at")} if found else {}
        return [self._new(one, volume_id=pk, last=last.get(pk)) for pk, one in found.items()]

    def _new(self, found: Found, *, volume_id: int | None, last: Problem | None) -> Problem:
        if last is not None:
            # It did not begin before the one before it had ended, nor while it was excluded, deleted or removed.
            found = found.not_before(last.ended_at if last.end == End.RECOVERED else self.now)
        at, facts = min(found.steps[0][1], self.now), found.facts()
        return Problem(
            team_id=self.environment.team_id,
            environment=self.environment,
            volume_id=volume_id,
            kind=found.kind,
            began_after=found.began_after and min(found.began_after, at),
            began_at=at,
            noticed_at=self.seen_at,
            steps=[[kind.code, since.isoformat()] for kind, since in found.steps],
            facts_at_begin=facts,
            facts=facts,
        )

    def _steps(self, problem: Problem, found: Found) -> bool:
        """Add the steps since the last stored one. Returns whether the kind is another one."""
        if problem.kind == found.kind:
            return False
        last = datetime.fromisoformat(problem.steps[-1][1])
        if found.kind > problem.kind:
            added = [(kind, max(since, last)) for kind, since in found.steps if kind > problem.kind]
        else:
            # It got better: no deadline tells when, but the list that showed it.
            added = [(found.kind, max(self.seen_at, last))]
        problem.kind, problem.facts = found.kind, found.facts()
        problem.steps = [*problem.steps, *([kind.code, since.isoformat()] for kind, since in added)]
        return True

    def _confirms(self, problem: Problem) -> bool:
        listed_at = self.environment.listed_at
        if problem.confirmed_at is not None or listed_at is None or listed_at <= problem.noticed_at:
            return False
        problem.confirmed_at = self.now
        return True

    def _ended_of_volume(self, problem: Problem, volume: Volume) -> Problem:
        verdict = Verdict(vars(volume)["verdict"])
        problem.facts = self._facts(volume, verdict)
        end, at = ENDS.get(verdict, End.RECOVERED), self.seen_at
        if end is End.DELETED:
            at = volume.deleted_at or self.now
        elif end is End.EXCLUDED:
            is_own = volume.excluded_until is not None and volume.excluded_until > self.now
            at = (volume.excluded_at if is_own else None) or self.now
        return self._ended(problem, end, at)

    def _ended(self, problem: Problem, end: Problem.End, at: datetime) -> Problem:
        problem.end, problem.ended_at = end, max(problem.began_at, min(at, self.now))
        return problem

    def _of_place(self) -> Settled:
        """The problem of the environment itself. No list confirms it: time, or a second refusal, does."""
        problem, found = self.open.get(None), found_of_place(self.environment, self.now)
        if found is None:
            is_excluded = _is_excluded(self.environment, self.now)
            at = self.now if is_excluded else self.environment.answered_at or self.now
            end = End.EXCLUDED if is_excluded else End.RECOVERED
            return Settled(ended=[self._ended(problem, end, at)] if problem else [])
        is_sure = _is_sure(found, self.environment)
        if problem is not None:
            changed = [problem] if self._steps(problem, found) else []
            confirmed = [problem] if is_sure and problem.confirmed_at is None else []
            for each in confirmed:
                each.confirmed_at = self.now
            return Settled(changed=changed, confirmed=confirmed)
        own = Problem.objects.ended().filter(environment=self.environment, volume__isnull=True)
        problem = self._new(found, volume_id=None, last=own.order_by("-ended_at").first())
        problem.confirmed_at = self.now if is_sure else None
        return Settled(begun=[problem])


def found_of_place(environment: Environment, now: datetime) -> Found | None:
    """Return the problem of an environment itself: refused, or without a complete list for an hour."""
    if _is_excluded(environment, now):
        return None

    def facts() -> Facts:
        return {"fault": environment.fault_kind}

    since = environment.fault_since
    if environment.is_refused and since is not None:
        return Found(since, [(Kind.REFUSED, since)], facts)
    age = environment.data_age(now)
    began = now - age + SILENCE if age is not None else since and since + SILENCE
    if began is None or began > now:
        return None
    return Found(began, [(Kind.SILENT, began)], facts)


def tells(problem: Problem | None, environment: Environment, now: datetime) -> bool:
    """Whether the stored open problem of an environment itself, or that there is none, is what holds now."""
    found = found_of_place(environment, now)
    if problem is None or found is None:
        return problem is None and found is None
    return problem.kind == found.kind and (problem.confirmed_at is not None or not _is_sure(found, environment))


def _is_sure(found: Found, environment: Environment) -> bool:
    """A silence is sure by its length, a refusal when it is repeated."""
    return found.kind is Kind.SILENT or environment.fault_count > 1


def _is_excluded(environment: Environment, now: datetime) -> bool:
    return environment.excluded_until is not None and environment.excluded_until > now
