"""What the lists of an environment have shown of each snapshot, and what follows for someone who sees nothing else.

A list that is complete says what is there. What it leaves out may be cut off, hidden from the key, or gone: one list is
no proof, and where it is the last usable one of its volume nothing but its own address is.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.verdicts.year.provider import MAKING, Disk, Run

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# A time that a name or a date tells is exact if it lies no further outside of what the lists allow.
BEFORE, AFTER, APART = 15 * MINUTE, 5 * MINUTE, 15 * MINUTE
# No provider cuts its lists off at fewer rows.
LEAST = 10


@dataclass(frozen=True)
class Seen:
    """One answer to the question for all snapshots. `replies`: of single ones, whether the provider has them."""

    at: datetime
    shown: Set[str]
    key: str = ""
    is_complete: bool = True
    is_believed: bool = True
    contradicts_itself: bool = False
    is_trusted: bool = True
    names_are_right: bool = True
    replies: Mapping[str, bool] = field(default_factory=dict)
    # The volumes that the key sees.
    volumes: Set[str] = frozenset()
    # How the provider's clock usually differs from the true time.
    usual: timedelta = timedelta()


@dataclass
class Lists:
    """The lists so far."""

    newest: Seen | None = None
    # The newest one of which a later list's new row was surely not there yet.
    proof: Seen | None = None
    most: int = 0
    cut_at: int = 0
    key_since: datetime | None = None

    def take(self, disks: Iterable[Disk], seen: Seen) -> None:
        before = self.newest
        is_other_key = before is not None and before.key != seen.key
        if is_other_key:
            self.key_since = seen.at
        if seen.is_complete:
            hidden = any(is_there and id not in seen.shown for id, is_there in seen.replies.items())
            self.cut_at = len(seen.shown) if hidden or self.cut_at == len(seen.shown) else 0
        most, proof = max(self.most, len(seen.shown), LEAST), self.proof
        is_proved = proof is not None and len(proof.shown) < most and proof.key == seen.key
        last = proof.at if proof and is_proved and not (self.cut_at or is_other_key) else None
        for disk in disks:
            disk.lists_without += disk.deleted_at is not None
            covered = any(run.id in seen.shown and run.state == "BackedUp" for run in disk.runs)
            for run in disk.runs:
                if run.id in seen.shown:
                    _show(run, seen, last)
                elif run.is_listed:
                    self._leave_out(disk, run, seen, covered=covered)
                if run.is_open and seen.is_trusted:
                    run.before, run.is_open = seen.at, False
            disk.settle()
        self._keep(seen)

    def _keep(self, seen: Seen) -> None:
        if not seen.is_complete:
            return
        if seen.is_believed:
            self.most = max(self.most, len(seen.shown))
            self.newest = seen
            if seen.is_trusted and not seen.contradicts_itself:
                self.proof = seen

    def _leave_out(self, disk: Disk, run: Run, seen: Seen, *, covered: bool) -> None:
        reply = seen.replies.get(run.id)
        if reply:
            run.in_doubt, run.found_at, run.shown = False, seen.at, run.state
        elif run.found_at is not None:
            if reply is False:
                run.is_listed, run.found_at = False, None
            elif seen.at - run.found_at > HOUR:
                run.in_doubt, run.found_at = True, None
        elif not seen.is_complete or seen.contradicts_itself:
            return
        elif not run.in_doubt:
            run.in_doubt = True
        elif reply is False or self._is_gone(disk, run, seen, covered=covered):
            run.is_listed = run.in_doubt = False

    def _is_gone(self, disk: Disk, run: Run, seen: Seen, *, covered: bool) -> bool:
        """Whether two lists without it are enough."""
        is_visible = disk.id in seen.volumes or any(each.id in seen.shown for each in disk.runs)
        never_listed = self.key_since is not None and (run.last_shown or run.began) < self.key_since
        if (never_listed and not is_visible) or not seen.is_believed:
            return False
        is_last = run.is_usable and not covered
        return not (self.cut_at or is_last)


def _show(run: Run, seen: Seen, last: datetime | None) -> None:
    if run.first_shown is None:
        run.first_shown = seen.at
        _date(run, seen, last)
    run.is_listed, run.in_doubt, run.found_at, run.shown = True, False, None, run.state
    run.last_shown = seen.at
    run.was_complete = run.was_complete or run.state in ("BackedUp", "Destroying")
    if run.state in MAKING and not run.was_complete:
        run.last_making = seen.at


def _date(run: Run, seen: Seen, last: datetime | None) -> None:
    """What name, date and lists say together of when it was taken: exact, or between two moments."""
    run.after, run.before, run.is_dated, run.is_open = last, seen.at, False, not seen.is_trusted
    named = run.named - seen.usual if run.named else None
    told = [each for each in (run.dated, named if run.is_own_name or run.dated is None else None) if each]
    told = [each for each in told if each <= seen.at + AFTER]
    if older := [each for each in told if last is not None and each < last - BEFORE]:
        run.after, run.is_open = min(older), False
        return
    sure = [each for each in told if seen.names_are_right and (each == run.dated or run.is_own_name)]
    run.after = min([*sure, *([last] if last else [])], default=None)
    agree = bool(sure) and max(sure) - min(sure) <= APART and (run.dated is None or run.dated in sure)
    run.is_dated = agree and not run.is_open
