"""Test a key or an environment at the provider. Nothing is stored in the mirror.

Threads make the requests and never use the database; four at a time, 8 s in all.
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
from snapshots.cloudca.errors import CloudError, InvalidInput, RateLimited
from snapshots.cloudca.http import Deadline
from snapshots.cloudca.records import ConnectionRecord, EnvironmentRecord
from snapshots.containment import Internal, contain
from snapshots.models import Environment
from snapshots.setup.provider import provider

TRIAL_SECONDS = 8.0
AT_ONCE = 4
MOST_SEEN = 200
# Faults that say something about the key or the environment; any other means only that the request failed.
JUDGEMENTS = ("refused", "invalid_key", "invalid_input", "not_found")
NO_KEY = "no_key"

Place = tuple[str, str]
"""A service code and an environment name."""


class Verdict(Enum):
    """The result for a key: it works for some environment, for none, or it could not be tested."""

    WORKS = "works"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """One environment's answer: how many snapshots, or a fault. Without a place: for the list of environments."""

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
    """Request each environment's list, and the list of environments.

    A team without environments has one answer, for the list of environments.
    """
    deadline = Deadline.after(TRIAL_SECONDS)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="key") as threads:
        asked = threads.map(partial(_try_one, secret, deadline, timezone.now()), environments)
        looked = threads.submit(_look, secret, deadline)
        answers, seen = list(asked), looked.result()
    sees = seen if isinstance(seen, list) else []
    return Trial(answers or [_answer("", seen)], sees)


def try_environments(team: Team, environments: Sequence[Environment]) -> list[Answer]:
    """Request the lists of environments, stored or not, with the team's key, as `try_key` does."""
    opened = _open(team)
    if isinstance(opened, Answer):
        return [replace(opened, place=environment.place) for environment in environments]
    _key, secret = opened
    deadline = Deadline.after(TRIAL_SECONDS)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="key") as threads:
        return list(threads.map(partial(_try_one, secret, deadline, timezone.now()), environments))


def look_again(team: Team) -> Answer:
    """Request the environments that the team's key can see, and store them with the key."""
    opened = _open(team)
    if isinstance(opened, Answer):
        return opened
    key, secret = opened
    seen = _look(secret, Deadline.after(TRIAL_SECONDS))
    if isinstance(seen, list):
        ApiKey.objects.filter(pk=key.pk, generation=key.generation).update(sees=seen)
    return _answer("", seen)


def _open(team: Team) -> tuple[ApiKey, Secret] | Answer:
    """Decrypt the team's key, or return why not."""
    key = key_of(team)
    if key is None:
        return Answer("", kind=NO_KEY, sentence=gettext_noop("This team has no API key yet."))
    try:
        return key, key.open()
    except KeyUnreadable:
        return Answer("", kind="key_unreadable", sentence=gettext_noop("The stored API key cannot be read."))


def _try_one(secret: Secret, deadline: Deadline, now: datetime, environment: Environment) -> Answer:
    """Request one list. Runs in a thread: it does not use the database, and returns every fault."""
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
    """Request the environments that a key can see, by service code and name; return any fault."""
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
    """Return whether service code and environment name are valid in the provider's URLs."""
    try:
        environment_path(service_code, name)
    except InvalidInput:
        return False
    return True


def _answer(place: str, result: list[Place] | CloudError | Internal) -> Answer:
    if isinstance(result, CloudError | Internal):
        return Answer(place, kind=result.kind, sentence=result.sentence)
    return Answer(place, len(result))
