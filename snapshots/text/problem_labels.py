"""Problems in words: the badge of a kind, what a step and an end mean, and how long it was."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from snapshots.models import Problem
from snapshots.rules.verdict import Verdict
from snapshots.text import times, verdict_labels
from snapshots.text.labels import Badge
from snapshots.text.verdict_labels import schedule_name, target_text

Kind, End = Problem.Kind, Problem.End
HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)
# Mark and tone, as of `Badge`; those of the verdict where it is one.
MARKS = {kind: verdict_labels.MARKS[Verdict[kind.name]] for kind in Kind if kind.name in Verdict.__members__} | {
    Kind.REFUSED: ("✕", "bad"),
    Kind.SILENT: ("?", "unknown"),
}
ENDS: Mapping[str, str | Promise] = {
    End.RECOVERED: gettext_lazy("A usable snapshot completed in time."),
    End.EXCLUDED: gettext_lazy("It was excluded."),
    End.DELETED: gettext_lazy("The volume was deleted."),
    End.REMOVED: gettext_lazy("Its environment was removed."),
}
STEPS: Mapping[Problem.Kind, str | Promise] = {
    Kind.NONE: gettext_lazy("No usable snapshot was left."),
    Kind.LATE: gettext_lazy("The newest usable snapshot was too old."),
    Kind.STUCK: gettext_lazy("A run did not end."),
    Kind.FAILING: gettext_lazy("A run failed."),
    Kind.REFUSED: gettext_lazy("The provider rejected the team’s key."),
    Kind.SILENT: gettext_lazy("There was no complete list for an hour."),
}


def badge(kind: int) -> Badge:
    mark, tone = MARKS[Kind(kind)]
    return Badge(mark, str(Kind(kind).label), tone, Kind(kind).code)


def step(kind: Problem.Kind, facts: Mapping[str, object], now: datetime) -> str:
    """What a kind meant. `facts`: what was known of the volume then (`snapshots.alerts.facts`), or nothing."""
    due, schedule = facts.get("due"), facts.get("schedule")
    named = {"schedule": schedule_name(str(schedule)) if schedule else ""}
    if kind is Kind.LATE and schedule and due:
        return _("%(schedule)s run missing: it was due %(time)s.") % (named | {"time": _stamp(due, now)})
    if kind is Kind.STUCK and facts.get("running_since"):
        return _("A snapshot has been in progress since %(time)s.") % {"time": _stamp(facts["running_since"], now)}
    if kind is Kind.FAILING and schedule:
        return _("%(schedule)s run failed.") % named
    hours = facts.get("target_hours")
    if kind is Kind.LATE and isinstance(hours, int):
        text = _("The newest usable snapshot was older than the target of %(target)s.")
        return text % {"target": target_text(timedelta(hours=hours))}
    if kind is Kind.NONE and facts and not facts.get("last_usable_at"):
        return _("It never had a usable snapshot.")
    return str(STEPS[kind])


def length(span: timedelta) -> str:
    """A span in its two largest units: "2 d 2 h", "3 h 21 min", "45 min"; from two years on in years alone."""
    if span < HOUR:
        return times.age(span)
    if span >= 2 * YEAR:
        return ngettext("%(n)d year", "%(n)d years", span // YEAR) % {"n": span // YEAR}
    large, unit = (HOUR, timedelta(minutes=1)) if span < DAY else (DAY, HOUR)
    rest = span % large // unit * unit
    return f"{times.age(span)} {times.age(rest)}" if rest else times.age(span)


def began(problem: Problem, now: datetime) -> str:
    """When it began, as a moment or as a range: "28 Nov 05:15", "between 28 Nov 05:10 and 28 Nov 05:31"."""
    last = times.stamp(problem.began_at, now)
    if problem.began_after is None:
        return _("by %(time)s") % {"time": last}
    first = times.stamp(problem.began_after, now)
    return last if first == last else _("between %(first)s and %(last)s") % {"first": first, "last": last}


def _stamp(text: object, now: datetime) -> str:
    return times.stamp(datetime.fromisoformat(str(text)), now)
