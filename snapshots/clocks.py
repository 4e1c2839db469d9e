"""How far the provider's clock, which names and deadlines follow, is from ours: by the `Date` of its answers."""

from datetime import datetime, timedelta

# Clocks that are no further apart agree: the header counts whole seconds, and answers take their time.
AGREE = timedelta(minutes=2)
# One further back is not followed: were only the header wrong, all would look younger than it is by as much.
MOST_BEHIND = timedelta(minutes=15)
MOST_TOLD = timedelta(days=3650)


def clock_ahead(told: datetime | None, received_at: datetime) -> int:
    """How many seconds the provider's clock is ahead of ours; 0 where they agree, and where it told no time."""
    if told is None or abs(told - received_at) <= AGREE:
        return 0
    return int(max(-MOST_TOLD, min(told - received_at, MOST_TOLD)).total_seconds())


def followed(ahead: int) -> int:
    """How much of it, in seconds, due times and ages follow.

    A time further back than clocks go wrong is not believed: by the later of two times nothing looks younger.
    """
    return 0 if ahead < -MOST_BEHIND.total_seconds() else ahead
