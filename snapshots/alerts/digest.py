"""The summary that a member wants each day or week: queued once, with figures of the moment it is sent."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count

from dashboard.teams.people.invitations import sends_mail
from snapshots.lists import problem_list
from snapshots.lists.problem_filters import ProblemFilters
from snapshots.lists.problem_list import Current, Group
from snapshots.models import Channel, Delivery, Environment, Problem
from snapshots.rules.verdict import Verdict
from snapshots.verdicts import daily
from snapshots.verdicts.daily import Day
from snapshots.verdicts.sql import DataAges, Reason, volumes_of_team, with_status
from snapshots.verdicts.watched_time import SILENCE

# The most problems that ended which are read; there may be more groups of them than are listed.
MOST_READ = 500
NOT_CHECKED = (Verdict.EXCLUDED, Verdict.DELETED)
OF_PLACE = (Reason.NEVER_LISTED, Reason.OLD_DATA)
COUNTED = ("environment", "verdict", "verdict_reason")


class Span(NamedTuple):
    """What a summary is about: whole days of a week, or the 24 hours before it."""

    start: datetime
    end: datetime

    @property
    def days(self) -> list[date]:
        return [(self.start + timedelta(days=number)).date() for number in range((self.end - self.start).days)]


class Gap(NamedTuple):
    """How long an environment gave no complete list within a span."""

    environment: Environment
    length: timedelta


@dataclass(frozen=True, slots=True)
class Figures:
    """A team's problems and volumes. `ended_number`: how many groups ended, of which some may not be in `ended`.

    `unknown`: how many volumes of an environment are unknown because of its lists; `doubtful`: for other reasons.
    `share`: how much of the span was checked, None if no environment ever gave a complete list.
    """

    span: Span
    places: dict[int, Environment]
    current: Current
    ended: Sequence[Group]
    ended_number: int
    verdicts: Counter[Verdict]
    unknown: Counter[int]
    doubtful: int
    share: float | None
    gaps: Sequence[Gap]
    days: Sequence[Day] = field(default=())


def queue_digests(now: datetime) -> None:
    """Queue what is due, once for each moment however many processes do so. Of several missed ones only the newest."""
    if not sends_mail():
        return
    for channel in Channel.objects.active().exclude(digest=""):
        at = due_at(channel, now)
        if channel.digested_at is not None and at <= channel.digested_at:
            continue
        with transaction.atomic():
            same = Channel.objects.filter(pk=channel.pk, digest=channel.digest, digested_at=channel.digested_at)
            if same.update(digested_at=at):
                span = span_of(channel.digest, at)
                values = {
                    "event": Delivery.Event.DIGEST,
                    "content": {"start": span.start.isoformat(), "end": span.end.isoformat()},
                    "made_at": now,
                    "due_at": now,
                }
                key = f"{channel.digest}-{at:%Y%m%d%H}"
                Delivery.objects.get_or_create(channel=channel, key=key, defaults=values)


def due_at(channel: Channel, now: datetime) -> datetime:
    """Return the newest moment at which the channel's summary was due: at its hour, if weekly on a Monday."""
    today = now.astimezone(UTC).replace(hour=channel.digest_hour, minute=0, second=0, microsecond=0)
    is_weekly = channel.digest == Channel.Digest.WEEKLY
    at = today - timedelta(days=today.weekday()) if is_weekly else today
    return at if at <= now else at - timedelta(days=7 if is_weekly else 1)


def span_of(kind: str, at: datetime) -> Span:
    if kind == Channel.Digest.WEEKLY:
        end = at.replace(hour=0)
        return Span(end - timedelta(days=7), end)
    return Span(at - timedelta(days=1), at)


def figures_of(delivery: Delivery, now: datetime) -> Figures:
    channel, content = delivery.channel, delivery.content
    team, member = channel.team, channel.membership
    assert member is not None
    span = Span(datetime.fromisoformat(content["start"]), datetime.fromisoformat(content["end"]))
    environments = Environment.objects.listed_of(team)
    places = {each.pk: each for each in environments}
    found = problem_list.find_current(team, ProblemFilters(), member, now)
    current = Current(*([one for one in groups if one.environment_id in places] for groups in found))
    ended = Problem.objects.of_team(team).ended().filter(ended_at__gte=span.start, ended_at__lt=span.end)
    ordered = ended.order_by("-ended_at", "environment", "-kind", "end", "pk")
    groups = [one for one in problem_list.in_groups(ordered[:MOST_READ]) if one.environment_id in places]
    verdicts, unknown, doubtful = _volumes(environments, now)
    share, gaps = _checked([each for each in environments if not _is_excluded(each, now)], span)
    days = [day for day in daily.history(environments, now.date()) if day.day in span.days]
    number = ended.order_by().values("environment", "kind", "end", "ended_at").distinct().count()
    return Figures(
        span, places, current, groups, number, verdicts, unknown, doubtful, share, gaps, days if len(days) > 1 else ()
    )


def _volumes(environments: Sequence[Environment], now: datetime) -> tuple[Counter[Verdict], Counter[int], int]:
    """Count the checked volumes by verdict, and the unknown ones by what is to blame."""
    volumes = with_status(volumes_of_team(environments), DataAges.of(environments, now)).order_by()
    verdicts, unknown, doubtful = Counter[Verdict](), Counter[int](), 0
    for place, number, reason, count in volumes.values_list(*COUNTED).annotate(Count("pk")):
        verdict = Verdict(number)
        if verdict in NOT_CHECKED:
            continue
        verdicts[verdict] += count
        if verdict is Verdict.UNKNOWN:
            if reason is not None and Reason(reason) in OF_PLACE:
                unknown[place] += count
            else:
                doubtful += count
    return verdicts, unknown, doubtful


def _checked(environments: Sequence[Environment], span: Span) -> tuple[float | None, list[Gap]]:
    """Return the share of the span that was checked, of all environments together, and the gaps, the longest first."""
    whole = missing = timedelta()
    gaps = []
    for environment in environments:
        began = environment.first_listed_at
        if began is None or began >= span.end:
            continue
        gap = _gap(environment, max(began, span.start), span.end)
        whole += span.end - max(began, span.start)
        missing += gap
        if gap:
            gaps.append(Gap(environment, gap))
    share = 1 - missing / whole if whole else None
    return share, sorted(gaps, key=lambda gap: gap.length, reverse=True)


def _gap(environment: Environment, start: datetime, end: datetime) -> timedelta:
    """How much of a time lies between complete lists that are more than `SILENCE` apart."""
    silences = [(datetime.fromisoformat(first), datetime.fromisoformat(last)) for first, last in environment.silences]
    last = environment.watched_at or start
    if end - last > SILENCE:
        silences.append((last, end))
    return sum((max(timedelta(), min(until, end) - max(since, start)) for since, until in silences), timedelta())


def _is_excluded(environment: Environment, now: datetime) -> bool:
    return environment.excluded_until is not None and environment.excluded_until > now
