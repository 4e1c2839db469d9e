"""Rounds of the sync: one, or repeated at a fixed interval."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.run.stop_signal import Stop
from snapshots.management import report
from snapshots.models import Environment
from snapshots.setup import pending_keys
from snapshots.sync.leases import Caller
from snapshots.sync.refresh import Outcome, refresh

Tell = Callable[[str], object]


class News:
    """Prints every line of the first round, and later only news: changes, and problems that begin or end."""

    def __init__(self, *, all_of_it: bool) -> None:
        self._all = all_of_it
        self._last: dict[int, str] = {}

    def is_news(self, outcome: Outcome) -> bool:
        if self._all:
            return True
        if report.is_harmless_denial(outcome):
            return False
        before = self._last.get(outcome.environment.pk)
        if before and report.is_waiting(outcome):
            return False  # the fault was printed already, with its next try
        remark = report.remark(outcome)
        self._last[outcome.environment.pk] = remark
        return before != remark or bool(outcome.written and outcome.written.total)


def environments_of(slug: str | None) -> list[Environment]:
    """Return a team's environments, or those of all teams."""
    found = Environment.objects.select_related("team").order_by("team__slug", "service_code", "name")
    return list(found.filter(team__slug=slug) if slug else found)


def round_once(slug: str | None, caller: Caller, tell: Tell, *, news: News, stop: Stop | None = None) -> bool:
    """Refresh the environments once and print each result; return whether all succeeded.

    A busy or unreachable database fails only the environments that it affects.
    """
    close_old_connections()
    try:
        pending_keys.forget_expired(timezone.now())
        environments = environments_of(slug)
    except (OperationalError, InterfaceError) as problem:
        tell(_database_trouble(str(problem).strip() or type(problem).__name__))
        return False
    outcomes = refresh(environments, caller=caller, is_over=lambda: stop is not None and stop.is_set)
    ended: list[Outcome] = []
    for outcome in _in_order(outcomes, environments) if stop is None else outcomes:
        _tell_outcome(outcome, environments, tell, news)
        ended.append(outcome)
    troubles = {outcome.fault.database for outcome in ended if outcome.fault and outcome.fault.database}
    for said in sorted(troubles):
        tell(_database_trouble(said))
    return not any(map(report.is_failure, ended))


def _in_order(outcomes: Iterable[Outcome], environments: Sequence[Environment]) -> Iterator[Outcome]:
    """Yield each outcome once all of the environments before it have one."""
    come: dict[int, Outcome] = {}
    waiting = deque(environment.pk for environment in environments)
    for outcome in outcomes:
        come[outcome.environment.pk] = outcome
        while waiting and waiting[0] in come:
            yield come.pop(waiting.popleft())
    yield from come.values()


def beats(seconds: float, stop: Stop, clock: Callable[[], float] = time.monotonic) -> Iterator[float]:
    """Yield the time of each round: now, and then at a fixed interval until it is time to stop.

    The interval does not drift. If a round takes too long, the missed ones are skipped, not run back to back.
    """
    due = clock()
    while not stop.wait(due - clock()):
        yield due
        due = next_beat(due, seconds, clock())


def next_beat(last: float, seconds: float, now: float) -> float:
    return last + seconds * (max(0.0, now - last) // seconds + 1)


def _tell_outcome(outcome: Outcome, environments: Sequence[Environment], tell: Tell, news: News) -> None:
    if (outcome.fault and outcome.fault.database) or not news.is_news(outcome):
        return  # reported once, after the round
    widest_team = max(len(each.team.slug) for each in environments)
    widest_path = max(len(each.path) for each in environments)
    where = f"{outcome.environment.team.slug:<{widest_team}}  {outcome.environment.path:<{widest_path}}"
    tell(f"{where}  {report.what_happened(outcome)}")


def _database_trouble(said: str) -> str:
    return _("The database could not be used (%(why)s).") % {"why": said}
