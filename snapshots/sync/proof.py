"""What a list proves: which of the mirror's rows its silence may bury, and which later ones it dates.

A list proves little by what it leaves out. It may be made for a key that sees less, cut off at a length that nobody
tells, or have moved while it was made.
"""

from datetime import datetime

from dashboard.teams.models.keys import key_mark
from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Environment
from snapshots.sync import diff
from snapshots.sync.leases import Claim
from snapshots.sync.questions import LEAST_CAP
from snapshots.sync.store_volumes import visible_volumes


def trust_in(held: Claim, listing: Listing[SnapshotRecord], now: datetime) -> diff.Trust:
    """What the list proves under its key: of a volume of which the key shows nothing it proves nothing."""
    since = key_since(held, now)
    if since is None:
        return diff.Trust(listing.proves_absence)
    visible = {record.volume_id for record in listing.rows} | visible_volumes(held) | {""}
    return diff.Trust(listing.proves_absence, since, visible)


def key_since(held: Claim, now: datetime) -> datetime | None:
    """Since when lists are made for the present key; None if they always were."""
    environment = held.environment
    if environment.listed_at is None or _is_same_key(held):
        return environment.key_since
    return now


def _is_same_key(held: Claim) -> bool:
    """Whether the newest complete list was made for this key; where that was not noted, the last call."""
    return (held.environment.listed_key or held.environment.key_mark) == key_mark(held.key)


def keep_proof(held: Claim, listing: Listing[SnapshotRecord] | None, *, is_capped: bool) -> None:
    """Let `believed_at` stand, on the claim's copy of the row, only where absence from that list proves something.

    It does not for another key, nor where lists are cut off. One that is as long as any ever was may be: its length is
    then the most that the provider gives.
    """
    environment = held.environment
    most = max(environment.most_rows, len(listing.rows) if listing else 0)
    may_be_capped = environment.listed_rows >= max(most, LEAST_CAP)
    if is_capped or may_be_capped or not _is_same_key(held):
        environment.believed_at = None


def doubt_of(environment: Environment) -> diff.Doubt | None:
    if environment.suspect_since is None or environment.suspect_at is None:
        return None
    return diff.Doubt(
        environment.suspect_since, environment.suspect_checks, environment.suspect_at, environment.suspect_listed
    )


def note_length(environment: Environment, listing: Listing[SnapshotRecord], *, capped: int, is_believed: bool) -> None:
    """Keep what the list's length tells: whether lists are cut off, and how long they have been."""
    if not listing.complete:
        return
    environment.capped_rows = capped
    environment.list_notes = ",".join([*listing.doubts, *(["capped"] if capped else [])])[:100]
    if is_believed:
        environment.listed_rows = len(listing.rows)
        environment.most_rows = max(environment.most_rows, environment.listed_rows)
