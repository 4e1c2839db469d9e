"""Runs of a volume in plain values, and what the judge says of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from snapshots.rules.judge import Judgement, Volume, judge
from snapshots.rules.runs import Run
from snapshots.rules.schedules import schedules_of
from snapshots.rules.verdict import Verdict

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FRESH, RUNNING, NEW, UNKNOWN = Verdict.FRESH, Verdict.RUNNING, Verdict.NEW, Verdict.UNKNOWN
FAILING, STUCK, LATE, NONE = Verdict.FAILING, Verdict.STUCK, Verdict.LATE, Verdict.NONE


def run(ago: timedelta, state: str = "BackedUp", kind: str = "DAILY", **more: Any) -> Run:
    """A run that began so long ago, by its name; complete ones were seen complete."""
    began = NOW - ago
    seen: dict[str, Any] = {"usable_at": began if state == "BackedUp" else None, "first_seen_at": began}
    return Run(schedules_of(kind), state, began, began, **{**seen, **more})


def undated(ago: timedelta, width: timedelta | None, state: str = "BackedUp", kind: str = "DAILY") -> Run:
    """One whose name tells nothing: it began between two lists, or (None) before the first."""
    before = NOW - ago
    return run(ago, state, kind)._replace(began_before=before, began_after=before - width if width else None)


def judged(*runs: Run, **facts: Any) -> Judgement:
    return judge(Volume(runs, **facts))


def at(*runs: Run, after: timedelta = timedelta(), **facts: Any) -> Verdict:
    return judged(*runs, **facts).thresholds.at(NOW + after)


def made(ago: timedelta) -> dict[str, Any]:
    return {"created_after": NOW - ago, "created_before": NOW - ago}
