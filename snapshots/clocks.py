"""How far the provider's clock, which names and deadlines follow, is from ours: by the `Date` of its answers."""

from datetime import datetime, timedelta

# Clocks that are no further apart agree: the header counts whole seconds, and answers take their time.
AGREE = timedelta(minutes=2)
# One further back is not followed: were only the header wrong, all would look younger than it is by as much.
MOST_BEHIND, MOST_AHEAD = timedelta(minutes=15), timedelta(days=3650)


def clock_ahead(told: datetime | None, received_at: datetime) -> int:
    """How many seconds the provider's clock is ahead of ours; 0 where they agree, and where it told no time.

    A time further back than clocks go wrong is not believed: by the later of two times nothing looks younger.
    """
    if told is None:
        return 0
    ahead = told - received_at
    if abs(ahead) <= AGREE or ahead < -MOST_BEHIND:
        return 0
    return int(min(ahead, MOST_AHEAD).total_seconds())
