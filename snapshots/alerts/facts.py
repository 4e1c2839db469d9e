"""What is kept of a volume when a problem begins, changes and ends: its rows may be gone when somebody asks."""

from datetime import datetime, timedelta

from snapshots.models import Volume
from snapshots.rules.verdict import Verdict
from snapshots.verdicts.status import Part, read_parts

Facts = dict[str, object]


def facts_of(volume: Volume, verdict: Verdict, *, at: datetime, ahead: timedelta, target: timedelta | None) -> Facts:
    """Return a volume's facts, for JSON: times by our clock, as texts.

    `at`: the moment of the data, by the provider's clock. `ahead`: how far that clock is ahead. `target`: its own or an
    inherited one. The schedule, with its times and tries, is the one that the verdict comes from, if it comes from one.
    """
    facts: Facts = {
        "usable": volume.usable_count,
        "newest_after": _ours(volume.newest_after, ahead),
        "newest_before": _ours(volume.newest_before, ahead),
        "last_usable_at": _ours(volume.last_usable_at, ahead),
        "schedules": volume.schedules,
        "target_hours": int(target.total_seconds() // 3600) if target else None,
    }
    part = next((each for each in read_parts(volume.answers) if each.thresholds.at(at) is verdict), None)
    return facts | (_of_part(part, ahead) if part else {})


def _of_part(part: Part, ahead: timedelta) -> Facts:
    return {
        "schedule": part.schedule,
        "due": _ours(part.due, ahead),
        "deadline": _ours(part.deadline, ahead),
        "last_began": _ours(part.last_began, ahead),
        "running_since": _ours(part.running_since, ahead),
        "tries": part.tries,
        "failed": part.failed,
    }


def _ours(moment: datetime | None, ahead: timedelta) -> str | None:
    return (moment - ahead).isoformat() if moment else None
