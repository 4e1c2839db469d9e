"""Each round of the worker: problems that begin or end without a list, as by a member's act or by time alone."""

from datetime import datetime, timedelta
from functools import partial

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from snapshots.alerts.problems import Announce, settle, tells
from snapshots.containment import Internal, contain
from snapshots.models import Environment, Problem, RuleTime, Volume
from snapshots.verdicts import rule_times

# How much longer than since the last tick an exclusion may have ended: our clock may have been set back.
OVERLAP = timedelta(minutes=5)


class Ticker:
    """Settles the environments that changed since the last tick, and at its first tick all of them.

    Acts of members and stored lists raise an environment's generation; it needs no query to find those. One whose
    problems could not be settled is tried again at the next tick.
    """

    def __init__(self, announce: Announce | None = None) -> None:
        self._announce = announce
        self._settled: dict[int, str] = {}
        self._last: datetime | None = None

    def tick(self) -> None:
        """Raises OperationalError or InterfaceError if the database cannot be used; the next tick makes up for it."""
        now = timezone.now()
        has_any = Exists(Problem.objects.current().filter(environment=OuterRef("pk")))
        is_counted = Exists(RuleTime.objects.filter(environment=OuterRef("pk"), ended_at__isnull=True))
        places = Environment.everything.filter(Q(removed_at__isnull=True) | has_any | is_counted)
        own = Problem.objects.current().filter(volume__isnull=True)
        open_of = {each.environment_id: each for each in own.only("environment", "kind", "confirmed_at")}
        by_time = self._ended_exclusions(now)
        for environment in places:
            is_same = self._settled.get(environment.pk) == environment.rows_version and environment.removed_at is None
            is_told = tells(open_of.get(environment.pk), environment, now)
            if is_same and is_told and environment.pk not in by_time:
                continue
            settled = contain(partial(self._settle, environment), environment.path)
            if not isinstance(settled, Internal):
                self._settled[environment.pk] = environment.rows_version
        self._last = now

    def _settle(self, environment: Environment) -> None:
        settle(environment, announce=self._announce)
        rule_times.note(environment)

    def _ended_exclusions(self, now: datetime) -> set[int]:
        """Return the environments where an exclusion ended since the last tick."""
        if self._last is None:
            return set()
        since = (self._last - OVERLAP, now)
        volumes = Volume.objects.filter(excluded_until__range=since).values_list("environment", flat=True)
        own = Environment.objects.filter(excluded_until__range=since).values_list("pk", flat=True)
        return {*volumes, *own}
