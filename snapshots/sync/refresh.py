"""The sync: claim, fetch, compare, one transaction. `snapshots.sync.single` asks about single objects.

Threads fetch and never use the database; the caller's thread claims and writes, one environment after another.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.backends.prepared import Prepared
from dashboard.secrets import KeyUnreadable, Secret
from snapshots.alerts import outbox, problems
from snapshots.alerts.fewer import announce_fewer
from snapshots.cloudca.errors import CloudError, NotFound
from snapshots.cloudca.http import Deadline
from snapshots.cloudca.records import Listing, SnapshotRecord, VolumeRecord
from snapshots.containment import Internal, contain
from snapshots.models import Environment
from snapshots.rules.clock_skew import clock_ahead, read
from snapshots.setup.provider import provider
from snapshots.sync import first_list, leases, proof
from snapshots.sync.failures import Fault, guarded, name_of, record, record_unclaimed, removed
from snapshots.sync.leases import Caller, Claim, Denied, Late, Why
from snapshots.sync.store_snapshots import Written, store_listing
from snapshots.sync.store_volumes import absent_volumes, note_fault, store_volumes, volumes_are_due
from snapshots.verdicts import day_notes, rule_times

T = TypeVar("T")
WITH_KEY = Prepared(lambda pk: Environment.objects.select_related("team__api_key").filter(pk=pk))

COMMAND_BUDGET = 30.0
WEB_BUDGET = 8.0
# How many environments the command and a web request fetch at once, and of these those of one team, and those with
# lists so long that only a few of them fit into memory.
AT_ONCE, AT_ONCE_IN_REQUEST = 32, 8
AT_ONCE_OF_TEAM, AT_ONCE_OF_LONG = 4, 4
LONG_ROWS = 10_000
# How much of the time budget is reserved for writing when volumes are requested one by one.
KEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one environment's refresh ended: written, denied or failed; exactly one of the three is set."""

    environment: Environment
    written: Written | None = None
    denied: Denied | None = None
    fault: Fault | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class Fetched:
    """A reply, or its fault. `volumes` is None if the volumes were not requested.

    `retrieved`: for volumes that were requested one by one, whether the provider still has them. `clock_ahead`: by how
    many seconds the provider's clock is ahead, None without a Date.
    """

    listing: Listing[SnapshotRecord] | None = None
    error: CloudError | Internal | None = None
    volumes: Listing[VolumeRecord] | None = None
    volumes_error: CloudError | Internal | None = None
    retrieved: dict[str, VolumeRecord | None] = field(default_factory=dict)
    received_at: datetime | None = None
    clock_ahead: int | None = None
    seconds: float = 0.0


class UnderWay(NamedTuple):
    """A started refresh: its claim, its client, and its deadline."""

    held: Claim
    key: Secret
    deadline: Deadline
    future: Future[Fetched]


def refresh(
    environments: Sequence[Environment], *, caller: Caller, is_over: Callable[[], bool] = lambda: False
) -> Iterator[Outcome]:
    """Refresh environments, some at a time, and yield each one's outcome as soon as it is written.

    A slow provider delays nobody but itself: as one environment ends the next one starts, the teams by turns. The
    command has 30 s for each environment; a web request 8 s for all of them together. `is_over`: start no more.
    """
    shared = None if caller.is_command else Deadline.after(WEB_BUDGET)
    most = AT_ONCE if caller.is_command else AT_ONCE_IN_REQUEST
    waiting, running = _by_turns(environments), dict[Future[Fetched], UnderWay]()
    with ThreadPoolExecutor(most, thread_name_prefix="refresh") as threads:
        while waiting or running:
            while not is_over() and (environment := _take_next(waiting, running.values(), most)) is not None:
                if shared is not None and shared.expired:
                    yield Outcome(environment, denied=Denied(Why.HELD))
                    continue
                begun = _begin(environment, caller, shared, threads)
                if isinstance(begun, Outcome):
                    yield begun
                else:
                    running[begun.future] = begun
            if is_over():
                waiting.clear()
            ended = wait(running, return_when=FIRST_COMPLETED).done
            for future in [each for each in running if each in ended]:
                yield _store(running.pop(future), future.result())


def _by_turns(environments: Iterable[Environment]) -> list[Environment]:
    """One of each team, then a second one of each: a large team does not make the others wait."""
    turns: dict[int, int] = defaultdict(int)
    places: list[tuple[int, int, Environment]] = []
    for environment in environments:
        places.append((turns[environment.team_id], len(places), environment))
        turns[environment.team_id] += 1
    return [environment for *_place, environment in sorted(places, key=lambda place: place[:2])]


def _take_next(waiting: list[Environment], running: Collection[UnderWay], most: int) -> Environment | None:
    """Take the first environment that may start now; None: all must wait."""
    if len(running) >= most:
        return None
    busy = Counter(begun.held.environment.team_id for begun in running)
    is_full = sum(_is_long(begun.held.environment) for begun in running) >= AT_ONCE_OF_LONG
    for place, environment in enumerate(waiting):
        if busy[environment.team_id] < AT_ONCE_OF_TEAM and not (is_full and _is_long(environment)):
            return waiting.pop(place)
    return None


def _is_long(environment: Environment) -> bool:
    return environment.most_rows > LONG_ROWS


def _begin(
    environment: Environment, caller: Caller, shared: Deadline | None, threads: ThreadPoolExecutor
) -> Outcome | UnderWay:
    """Claim an environment and start a thread that requests its list, or return why not."""
    claimed = take(environment, caller)
    if isinstance(claimed, Denied):
        return Outcome(environment, denied=claimed)
    if isinstance(claimed, Fault):
        return Outcome(environment, fault=claimed)
    held, key = claimed
    deadline = shared or Deadline.after(COMMAND_BUDGET)

    def submit() -> UnderWay:
        with_volumes = caller.is_command and volumes_are_due(held)
        absent = absent_volumes(held.environment) if with_volumes else []
        future = threads.submit(_fetch, held, key, deadline, with_volumes, absent)
        return UnderWay(held, key, deadline, future)

    begun = guarded(held, submit)
    return Outcome(environment, fault=begun) if isinstance(begun, Fault) else begun


def take(environment: Environment, caller: Caller, *, targeted: bool = False) -> tuple[Claim, Secret] | Denied | Fault:
    """Take the lease and decrypt the team's key, or return why not."""

    def claim() -> Claim | Denied | Fault:
        try:
            fresh = WITH_KEY.first(pk=environment.pk)
            return leases.claim(fresh, caller=caller, targeted=targeted) if fresh else removed()
        except Environment.DoesNotExist:
            return removed()

    held = contain(claim, name_of(environment))
    if isinstance(held, Internal):
        return record_unclaimed(environment, held)
    if not isinstance(held, Claim):
        return held
    key = guarded(held, lambda: _open(held))
    return key if isinstance(key, Fault) else (held, key)


def _open(held: Claim) -> Secret | Fault:
    """Decrypt the team's key, the only place in the sync that does. Before that, clear up after a first list."""
    if held.environment.half_written_since:
        first_list.discard(held)
    try:
        return held.key.open()
    except KeyUnreadable:
        sentence = _("The stored API key cannot be read. It must be entered again.")
        return record(held, Internal(sentence, kind="key_unreadable"))


def _fetch(held: Claim, key: Secret, deadline: Deadline, with_volumes: bool, absent: Sequence[str]) -> Fetched:
    """Call the provider. Runs in a thread: it does not use the database, and returns every fault."""
    began = time.monotonic()
    fetched = Fetched()

    def ask() -> CloudError | None:
        try:
            _ask_for_lists(held, key, deadline, absent if with_volumes else None, fetched)
        except CloudError as error:
            return error
        return None

    fault = contain(ask, name_of(held.environment))
    if fetched.listing is None:
        fetched.error = fault
    elif fetched.volumes is None:
        fetched.volumes_error = fault
    fetched.seconds = time.monotonic() - began
    return fetched


def _ask_for_lists(
    held: Claim, key: Secret, deadline: Deadline, absent: Sequence[str] | None, fetched: Fetched
) -> None:
    """Fill in the provider's replies, as far as they come. `absent`: None if volumes are not requested."""
    where = (held.environment.service_code, held.environment.name)
    with provider(key, deadline=deadline, retries=held.retries) as client:
        listing = client.list_snapshots(*where, known=proof.known_body(held.environment))
        fetched.received_at = timezone.now()
        fetched.clock_ahead = clock_ahead(client.last_date, fetched.received_at)
        fetched.listing = listing
        if absent is not None:
            fetched.volumes = client.list_volumes(*where)
            listed = {record.id for record in fetched.volumes.rows}
            unlisted = [each for each in absent if each not in listed]
            _retrieve(partial(client.get_volume, *where), unlisted, deadline, fetched.retrieved)


def _retrieve(get: Callable[[str], T], ids: Sequence[str], deadline: Deadline, found: dict[str, T | None]) -> None:
    """Request objects one by one while there is time; the next sync requests the rest.

    Raises CloudError; results before it are kept. A result is None if the provider has no such object.
    """
    for each in ids:
        if deadline.remaining() < KEPT_SECONDS:
            return
        try:
            found[each] = get(each)
        except NotFound:
            found[each] = None


def _ask_for_single(begun: UnderWay, ids: Sequence[str]) -> Mapping[str, SnapshotRecord | None]:
    """Request single snapshots. A fault ends the requests, not the sync: unanswered ones stay uncertain."""
    found: dict[str, SnapshotRecord | None] = {}
    environment = begun.held.environment
    where = (environment.service_code, environment.name)
    with suppress(CloudError), provider(begun.key, deadline=begun.deadline) as client:
        _retrieve(partial(client.get_snapshot, *where), ids, begun.deadline, found)
    return found


def _store(begun: UnderWay, fetched: Fetched) -> Outcome:
    held = begun.held
    written = guarded(held, lambda: _write(begun, fetched))
    if isinstance(written, Fault):
        return Outcome(held.environment, fault=written, seconds=fetched.seconds)
    return Outcome(held.environment, written=written, seconds=fetched.seconds)


def _write(begun: UnderWay, fetched: Fetched) -> Written | Fault:
    """Write the fetched data, or the fault. Raises `Late`."""
    held = begun.held
    if fetched.listing is None or fetched.received_at is None:
        if fetched.error is None:
            raise ValueError("a fetch without a list must say why")
        return record(held, fetched.error)
    clocks = read(held.environment.clocks, fetched.received_at, fetched.clock_ahead)
    held, listed_before = replace(held, at=clocks.ours(held.at)), held.environment.listed_at
    received_at = clocks.ours(fetched.received_at)
    if held.environment.answered_at is None:
        first_list.begin(held, received_at)
    # Volumes first: writing the snapshots releases the lease.
    _store_volumes(held, fetched, received_at)
    written = store_listing(
        held,
        fetched.listing,
        received_at=received_at,
        clocks=clocks,
        fetched_in=fetched.seconds,
        ask=partial(_ask_for_single, begun),
    )
    if written.environment is not None:
        stand = day_notes.note(written.environment) if clocks.is_trusted else None
        is_well = stand is not None and stand.bad == 0
        settle = partial(
            problems.settle,
            written.environment,
            listed_before=listed_before,
            is_well=is_well,
            announce=outbox.announce,
        )
        contain(settle, name_of(held.environment))
        contain(partial(announce_fewer, written.environment), name_of(held.environment))
        note = partial(rule_times.note, written.environment, is_listed=True, listed_before=listed_before)
        contain(note, name_of(held.environment))
    return written


def _store_volumes(held: Claim, fetched: Fetched, received_at: datetime) -> None:
    """Write the list of volumes; its faults never affect the snapshots. Raises `Late`."""
    volumes, error = fetched.volumes, fetched.volumes_error
    if error is None and volumes is not None:
        is_there = {volume_id: record is not None for volume_id, record in fetched.retrieved.items()}
        store = partial(store_volumes, held, volumes, received_at=received_at, retrieved=is_there)
        error = contain(store, name_of(held.environment), expected=(Late,))
    if error is not None:
        note_fault(held, error.kind)
