"""Asking the provider on trial: what a key may see, what an environment answers. Nothing of it reaches the mirror.

Threads ask and touch no database; four at a time, 8 s in all.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import Enum
from functools import partial

from django.utils import timezone
from django.utils.translation import gettext_noop

from dashboard.secrets import KeyUnreadable, Secret
from dashboard.teams.models import ApiKey, Team
from dashboard.teams.models.keys import key_of
from snapshots.cloudca.addresses import environment_path
from snapshots.cloudca.deadline import Deadline
from snapshots.cloudca.errors import CloudError, InvalidInput, RateLimited
from snapshots.cloudca.records import ConnectionRecord, EnvironmentRecord
from snapshots.containment import Internal, contain
from snapshots.models import Environment
from snapshots.setup.provider import provider

TRIAL_SECONDS = 8.0
AT_ONCE = 4
MOST_SEEN = 200
# Answers that tell of the key or the environment; any other fault tells only that the provider could not be asked.
JUDGEMENTS = ("refused", "invalid_key", "invalid_input", "not_found")
NO_KEY = "no_key"

Place = tuple[str, str]
"""A service code and an environment name."""


class Verdict(Enum):
    """What a trial says of a key: it works somewhere, nowhere, or nothing could be learnt."""

    WORKS = "works"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one environment answered: how many snapshots, or why none. Without a place: the list of environments."""

    place: str
    count: int | None = None
    kind: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    answers: list[Answer]
    sees: list[Place]

    @property
    def working(self) -> int:
        return sum(answer.count is not None for answer in self.answers)

    @property
    def verdict(self) -> Verdict:
        if self.working:
            return Verdict.WORKS
        judged = all(answer.kind in JUDGEMENTS for answer in self.answers)
        return Verdict.REFUSED if judged else Verdict.UNKNOWN

    @property
    def rows(self) -> list[dict[str, object]]:
        return [asdict(answer) for answer in self.answers]


def try_key(secret: Secret, environments: Sequence[Environment]) -> Trial:
    """Ask each environment for its list, and which environments there are.

    A team without environments has one answer, that of the list of environments.
    """
    deadline = Deadline.after(TRIAL_SECONDS)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="key") as threads:
        asked = threads.map(partial(_try_one, secret, deadline, timezone.now()), environments)
        looked = threads.submit(_look, secret, deadline)
        answers, seen = list(asked), looked.result()
    sees = seen if isinstance(seen, list) else []
    return Trial(answers or [_answer("", seen)], sees)


def try_environments(team: Team, environments: Sequence[Environment]) -> list[Answer]:
    """Ask environments, stored or not, for their lists with the key in use, as `try_key` does."""
    opened = _open(team)
    if isinstance(opened, Answer):
        return [replace(opened, place=environment.place) for environment in environments]
    _key, secret = opened
    deadline = Deadline.after(TRIAL_SECONDS)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="key") as threads:
        return list(threads.map(partial(_try_one, secret, deadline, timezone.now()), environments))


def look_again(team: Team) -> Answer:
    """Ask which environments the key in use may see, and remember them with the key."""
    opened = _open(team)
    if isinstance(opened, Answer):
        return opened
    key, secret = opened
    seen = _look(secret, Deadline.after(TRIAL_SECONDS))
    if isinstance(seen, list):
        ApiKey.objects.filter(pk=key.pk, generation=key.generation).update(sees=seen)
    return _answer("", seen)


def _open(team: Team) -> tuple[ApiKey, Secret] | Answer:
    """Decrypt the key in use, or say why not."""
    key = key_of(team)
    if key is None:
        return Answer("", kind=NO_KEY, sentence=gettext_noop("This team has no API key yet."))
    try:
        return key, key.open()
    except KeyUnreadable:
        return Answer("", kind="key_unreadable", sentence=gettext_noop("The stored API key cannot be read."))


def _try_one(secret: Secret, deadline: Deadline, now: datetime, environment: Environment) -> Answer:
    """Runs in a thread: no database in here, and every fault is returned, not raised."""
    counted = contain(lambda: _count(secret, deadline, now, environment), f"key trial, {environment.path}")
    return counted if isinstance(counted, Answer) else _answer(environment.place, counted)


def _count(secret: Secret, deadline: Deadline, now: datetime, environment: Environment) -> Answer | CloudError:
    if environment.retry_after_at and environment.retry_after_at > now:
        return RateLimited(retry_after=(environment.retry_after_at - now).total_seconds())
    try:
        with provider(secret, deadline=deadline) as client:
            listing = client.list_snapshots(environment.service_code, environment.name)
    except CloudError as error:
        return error
    return Answer(environment.place, listing.raw_count)


def _look(secret: Secret, deadline: Deadline) -> list[Place] | CloudError | Internal:
    """Ask which environments a key may see, by service code and name; a fault is returned, not raised."""
    return contain(lambda: _seen(secret, deadline), "key trial, list of environments")


def _seen(secret: Secret, deadline: Deadline) -> list[Place] | CloudError:
    try:
        with provider(secret, deadline=deadline) as client:
            environments = client.list_environments().rows
            is_whole = all(environment.service_code for environment in environments)
            connections = () if is_whole else client.list_connections().rows
    except CloudError as error:
        return error
    return _places(environments, connections)


def _places(environments: Sequence[EnvironmentRecord], connections: Sequence[ConnectionRecord]) -> list[Place]:
    codes = {connection.id: connection.service_code for connection in connections}
    found = {(each.service_code or codes.get(each.connection_id, ""), each.name) for each in environments}
    return sorted(place for place in found if is_place(*place))[:MOST_SEEN]


def is_place(service_code: str, name: str) -> bool:
    """Whether the provider's addresses can hold this service code and environment name."""
    try:
        environment_path(service_code, name)
    except InvalidInput:
        return False
    return True


def _answer(place: str, result: list[Place] | CloudError | Internal) -> Answer:
    if isinstance(result, CloudError | Internal):
        return Answer(place, kind=result.kind, sentence=result.sentence)
    return Answer(place, len(result))
