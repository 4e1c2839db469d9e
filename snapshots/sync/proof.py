"""What absence from a list proves: which mirrored rows may be missing, and when later ones were created.

Absence is weak evidence. The key may see less, the list may be truncated at an unknown length, or it may have changed
while it was built.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from dashboard.teams.models.keys import key_mark
from snapshots.cloudca.records import Listing, SnapshotRecord
from snapshots.models import Environment
from snapshots.sync import diff
from snapshots.sync.bulk_sql import is_own_name, taken_of
from snapshots.sync.events import is_news
from snapshots.sync.leases import Claim
from snapshots.sync.questions import LEAST_CAP
from snapshots.sync.store_volumes import visible_volumes

# The word for lists that are known to be truncated.
CAPPED = "capped"


def trust_in(held: Claim, listing: Listing[SnapshotRecord], now: datetime) -> diff.Trust:
    """Return what the list proves under its key: nothing about a volume of which the key sees no snapshot."""
    since = key_since(held, now)
    if since is None:
        return diff.Trust(listing.proves_absence)
    visible = {record.volume_id for record in listing.rows} | visible_volumes(held) | {""}
    return diff.Trust(listing.proves_absence, since, visible)


def key_since(held: Claim, now: datetime) -> datetime | None:
    """Return since when lists are requested with the current key; None if they always were."""
    environment = held.environment
    if environment.answered_at is None or _is_same_key(held):
        return environment.key_since
    return now


def _is_same_key(held: Claim) -> bool:
    """Return whether the newest complete list was requested with this key; if not stored, whether the last call was."""
    return (held.environment.listed_key or held.environment.key_mark) == key_mark(held.key)


def keep_proof(
    held: Claim,
    listing: Listing[SnapshotRecord] | None,
    added: Iterable[SnapshotRecord],
    now: datetime,
    *,
    is_capped: bool,
) -> None:
    """Clear `believed_at`, on the claim's copy of the row, if absence from that list proves nothing.

    That is so with another key, and if lists are truncated. A list as long as the longest ever may be truncated: its
    length may be the provider's limit. If an `added` row is older than that list, the list lacked rows that existed: it
    still shows that this row came late, but it dates no other.
    """
    environment = held.environment
    most = max(environment.most_rows, listing.length if listing else 0)
    may_be_capped = environment.listed_rows >= max(most, LEAST_CAP)
    if is_capped or may_be_capped or not _is_same_key(held):
        environment.believed_at = None
    environment.is_list_refuted = _is_refuted(environment, added, now)


def _is_refuted(environment: Environment, added: Iterable[SnapshotRecord], now: datetime) -> bool:
    if environment.believed_at is None:
        return False
    last = environment.believed_at + timedelta(seconds=environment.clock_ahead)
    # A time that a person typed into a name proves nothing about the list.
    told = [each for each in added if each.created or is_own_name(each.name, each.interval_type, each.volume)]
    return any(not is_news(taken_of(environment, record, now), last) for record in told)


def doubt_of(environment: Environment) -> diff.Doubt | None:
    if environment.suspect_since is None or environment.suspect_at is None:
        return None
    return diff.Doubt(
        environment.suspect_since, environment.suspect_checks, environment.suspect_at, environment.suspect_listed
    )


def known_body(environment: Environment) -> str:
    """Return the hash of the body whose rows need not be read again, "" for none.

    Duplicates may contradict each other, which a list that is not read does not tell.
    """
    return environment.body_hash if environment.list_notes in ("", CAPPED) else ""


def note_length(environment: Environment, listing: Listing[SnapshotRecord], *, capped: int, is_believed: bool) -> None:
    """Store the list's length and whether lists are truncated."""
    if not listing.complete:
        return
    environment.capped_rows = capped
    environment.list_notes = ",".join([*listing.doubts, *([CAPPED] if capped else [])])[:100]
    if is_believed:
        environment.listed_rows = listing.length
        environment.most_rows = max(environment.most_rows, environment.listed_rows)
