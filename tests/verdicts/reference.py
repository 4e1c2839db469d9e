"""What a volume's current verdict must be, in plain Python, to hold the product's SQL against."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from snapshots.models import Environment, Volume

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WORST_FIRST = ("none", "late", "stuck", "failing", "unknown", "new", "running")
PROBLEMS = WORST_FIRST[:4]


class Expected(NamedTuple):
    verdict: str
    by_data: str
    reason: str | None
    since: datetime | None


def expected(volume: Volume, environment: Environment, now: datetime) -> Expected:
    """The status of a volume in an environment whose newest list was asked for `now` minus its age."""
    provider_now = now
    if environment.data_at is not None:
        assert environment.listed_at is not None
        age = now - environment.listed_at
        provider_now = environment.data_at + max(age, timedelta()) + timedelta(seconds=environment.clock_doubt)
    verdict, by_data, reason = _verdict(volume, environment, now, provider_now)
    return Expected(verdict, by_data, reason, _since(volume, verdict, provider_now))


def _verdict(
    volume: Volume, environment: Environment, now: datetime, provider_now: datetime
) -> tuple[str, str, str | None]:
    by_data = "unknown" if environment.data_at is None else _worst(volume, environment.data_at)
    if volume.deleted_at:
        return "deleted", by_data, None
    if any(until and until > now for until in (volume.excluded_until, environment.excluded_until)):
        return "excluded", by_data, None
    if environment.data_at is None:
        return "unknown", by_data, "never_listed"
    assert environment.listed_at is not None
    age = now - environment.listed_at
    is_believable = timedelta(minutes=-2) <= age <= timedelta(hours=24)
    has_held = by_data in PROBLEMS and age <= timedelta(seconds=volume.patience)
    is_still_good = by_data in ("new", "running", "fresh") and _worst(volume, provider_now) not in (
        *PROBLEMS,
        "unknown",
    )
    if is_believable and (has_held or is_still_good):
        return by_data, by_data, None
    if by_data != "unknown" or not is_believable:
        return "unknown", by_data, "old_data"
    for doubt in ("hidden", "unknown_state", "unknown_type"):
        if doubt in volume.doubts and (doubt != "unknown_type" or volume.newest_before):
            return "unknown", by_data, doubt
    return "unknown", by_data, "in_doubt"


def _worst(volume: Volume, moment: datetime) -> str:
    for name in WORST_FIRST:
        since = getattr(volume, f"{name}_from")
        if since is not None and since <= moment:
            return name
    return "fresh"


def _since(volume: Volume, verdict: str, provider_now: datetime) -> datetime | None:
    since = getattr(volume, f"{verdict}_from", None)
    return since if since is not None and EPOCH < since <= provider_now else None
