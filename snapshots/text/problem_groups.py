"""A row of the alerts page in words: what is wrong with all volumes of a group, and what is known of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from snapshots.models import Environment, Problem
from snapshots.text import times
from snapshots.text.labels import grouped
from snapshots.text.verdict_labels import schedule_name, target_text

Kind = Problem.Kind
Facts = Mapping[str, object]


def name(kind: Problem.Kind, number: int, volume: str, place: str) -> str:
    """What a group is called: its volume, or how many there are. `volume`: "" for the environment itself."""
    if kind in (Kind.SILENT, Kind.REFUSED):
        return place
    if number == 1:
        return _("%(volume)s in %(place)s") % {"volume": volume, "place": place}
    said = ngettext("%(number)s volume in %(place)s", "%(number)s volumes in %(place)s", number)
    return said % {"number": grouped(number), "place": place}


def reason(kind: Problem.Kind, facts: Sequence[Facts], place: Environment, now: datetime) -> str:
    """What is wrong, after the name and a colon. `facts`: of each volume (`snapshots.alerts.facts`)."""
    if kind is Kind.REFUSED:
        return _("the provider rejects the team’s key")
    if kind is Kind.SILENT:
        if place.listed_at is None:
            return _("no complete list yet")
        return _("no complete list since %(time)s") % {"time": times.clock(place.listed_at, now)}
    if kind is Kind.NONE:
        return _without_usable(facts)
    if kind is Kind.LATE:
        return _late(facts, now)
    if kind is Kind.STUCK:
        return _stuck(facts, now)
    return _failing(facts)


def _without_usable(facts: Sequence[Facts]) -> str:
    never = sum(not each.get("last_usable_at") for each in facts)
    lost = len(facts) - never
    if len(facts) == 1:
        return _("it never had one") if never else _("its last one is gone")
    if not (never and lost):
        return _("they never had one") if never else _("all lost theirs")
    return _("%(never)s never had one, %(lost)s lost theirs") % {"never": grouped(never), "lost": grouped(lost)}


def _late(facts: Sequence[Facts], now: datetime) -> str:
    if all(each.get("due") for each in facts):
        began = _moments(facts, "last_began")
        if len(began) == len(facts):
            return _("no run since %(time)s") % {"time": times.clock(max(began), now)}
        due = min(_moments(facts, "due"))
        return _("no run, the first was due %(time)s") % {"time": times.clock(due, now)}
    targets = {each.get("target_hours") for each in facts}
    hours = next(iter(targets))
    if len(targets) == 1 and isinstance(hours, int):
        text = ngettext(
            "newest usable snapshot older than %(target)s",
            "newest usable snapshots older than %(target)s",
            len(facts),
        )
        return text % {"target": target_text(timedelta(hours=hours))}
    return ngettext("newest usable snapshot too old", "newest usable snapshots too old", len(facts))


def _stuck(facts: Sequence[Facts], now: datetime) -> str:
    since = _moments(facts, "running_since")
    if not since:
        return ngettext("a run does not end", "their runs do not end", len(facts))
    return ngettext("in progress since %(time)s", "in progress, the oldest since %(time)s", len(facts)) % {
        "time": times.clock(min(since), now)
    }


def _failing(facts: Sequence[Facts]) -> str:
    failed = facts[0].get("failed")
    if len(facts) == 1 and isinstance(failed, int):
        return ngettext("the last run failed", "the last %(n)d runs failed", failed) % {"n": failed}
    return ngettext("the last run failed", "their last runs failed", len(facts))


def detail(facts: Sequence[Facts], now: datetime) -> str:
    """What is known beside that: the schedule of all, their newest usable snapshots, their target."""
    return " ".join(_sentences(facts, now))


def _sentences(facts: Sequence[Facts], now: datetime) -> Iterable[str]:
    schedules = {each.get("schedule") for each in facts}
    schedule = next(iter(schedules))
    if len(facts) > 1 and len(schedules) == 1 and schedule:
        words = {"number": grouped(len(facts)), "schedule": schedule_name(str(schedule))}
        yield _("Schedule of all %(number)s: %(schedule)s.") % words
    newest = _moments(facts, "newest_before")
    if newest and len(facts) == 1:
        yield _("Newest usable snapshot: %(time)s.") % {"time": times.clock(newest[0], now)}
    elif newest:
        first, last = (times.clock(each, now) for each in (min(newest), max(newest)))
        text = _("Newest usable snapshots: %(first)s.") if first == last else _("Newest usable: %(first)s to %(last)s.")
        yield text % {"first": first, "last": last}
    elif last_usable := _moments(facts, "last_usable_at"):
        yield _("One was listed until %(time)s.") % {"time": times.clock(max(last_usable), now)}
    hours = {each.get("target_hours") for each in facts}
    target = next(iter(hours))
    if len(hours) == 1 and isinstance(target, int):
        yield _("Target: %(target)s.") % {"target": target_text(timedelta(hours=target))}


def of_environment(replaced: int) -> str:
    """The detail of an environment's own problem. `replaced`: its volumes with an open problem."""
    if not replaced:
        return _("Its volumes can’t be checked until it answers.")
    return ngettext(
        "Its volumes can’t be checked until it answers. This row stands for %(number)s of them with a problem.",
        "Its volumes can’t be checked until it answers. This row stands for %(number)s of them with a problem.",
        replaced,
    ) % {"number": grouped(replaced)}


def _moments(facts: Iterable[Facts], what: str) -> list[datetime]:
    return [datetime.fromisoformat(str(each[what])) for each in facts if each.get(what)]
