"""The rhythm of a volume's manual snapshots that its team may confirm: noted where the volume is judged anyway.

A script may delete its snapshots before there are enough of them. So the volume's row keeps the times of the newest.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from snapshots.models import Volume
from snapshots.rules.find_rhythm import EPOCH, MOST_TIMES, Found, find
from snapshots.rules.rhythms import DAILY, MANUAL, MINUTE, WEEKDAYS, rhythm_of
from snapshots.verdicts.inputs import Row

# A time that is known less exactly tells nothing of a rhythm.
EXACT = timedelta(hours=1)


def note_rhythm(volume: Volume, rows: Iterable[Row], at: datetime) -> None:
    """Note a volume's manual runs and the rhythm that they suggest. Call when its schedules are known."""
    new = {(row.taken_before - EPOCH) // MINUTE for row in rows if _tells(row)}
    volume.suggested_until = None
    if not new and not volume.manual:
        return
    times = sorted({*new, *volume.manual["times"]} if volume.manual else new)[-MOST_TIMES:]
    volume.manual = {"times": times}
    found = find((EPOCH + time * MINUTE for time in times), at)
    if found is not None and not _is_known(volume, found):
        volume.manual |= {"schedule": str(found.rhythm), "hits": found.hits, "of": found.of}
        volume.suggested_until = found.until


def _tells(row: Row) -> bool:
    """Whether it is a manual one that was completed, taken at a known time."""
    if row.interval_type != MANUAL or row.usable_at is None or row.taken_after is None:
        return False
    return row.taken_before - row.taken_after <= EXACT


def _is_known(volume: Volume, found: Found) -> bool:
    """Whether a schedule of the provider runs as often, or a member confirmed the rhythm."""
    of_provider = DAILY if found.rhythm.kind == WEEKDAYS else found.rhythm.kind
    confirmed = rhythm_of(volume.rhythm_name)
    return of_provider[0] in volume.schedules or (confirmed is not None and confirmed.is_like(found.rhythm))
