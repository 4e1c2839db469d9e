"""Generated answers through the real sync: none ends a round, and another team's rows stay right.

`make fuzz` tries 10,000 of them, `make test` about 60. `FUZZ_ROUNDS` chooses another number of rounds.
"""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team, User
from snapshots import containment
from snapshots.cloudca import client
from snapshots.management.rounds import News, round_once
from snapshots.models import Environment, Snapshot
from snapshots.sync.leases import Caller
from tests.fuzz.answers import replies
from tests.fuzz.provider import Provider, right_answer, right_rows, serving
from tests.views.snapshots.conftest import LIST

FEW_ROUNDS = 10
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", FEW_ROUNDS))
# With the other team's environment as many as the sync refreshes at once.
ODD = ["odd-1", "odd-2", "odd-3"]
PAGES_EVERY = 10
BEGIN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
# Longer than any back-off of the volumes endpoint, so that it is asked each time too.
STEP = timedelta(hours=7)
TRIED = settings(
    max_examples=ROUNDS,
    derandomize=ROUNDS == FEW_ROUNDS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def provider(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setattr(client, "BACKOFF_SECONDS", 0.0)
    with serving() as provider:
        settings.CLOUDCA_API_URL = provider.url
        yield provider


def is_right(environment: Environment, number: int) -> bool:
    """Whether an environment was refreshed in this round and has exactly the right rows."""
    environment.refresh_from_db()
    rows = Snapshot.objects.filter(environment=environment).listed().values_list("snapshot_id", "name", "state")
    expected = {(each["id"], each["name"], each["state"]) for each in right_rows(number)}
    return (environment.fault_kind, set(rows)) == ("", expected)


@pytest.mark.proof
def test_no_answer_ends_a_round(
    team: Team,
    rival: Team,
    provider: Provider,
    alice: User,
    client_for: Callable[[User], Client],
    caplog: pytest.LogCaptureFixture,
    figures: Callable[..., None],
) -> None:
    ApiKey.replace(team, Secret("key-of-acme"))
    odd = [Environment.objects.create(team=team, service_code="compute-on", name=name) for name in ODD]
    ApiKey.replace(rival, Secret("key-of-rival"))
    right = Environment.objects.create(team=rival, service_code="compute-on", name="right")
    counted = Counter[str]()

    @TRIED
    @given(st.tuples(*[replies()] * len(ODD)), st.tuples(*[replies()] * len(ODD)))
    def tried(snapshots: Sequence[bytes], volumes: Sequence[bytes]) -> None:
        counted["rounds"] += 1
        number = counted["rounds"]
        generated = {f"/{name}/": both for name, *both in zip(ODD, snapshots, volumes, strict=True)}

        def answer(path: str) -> bytes:
            if "/right/" in path:
                return right_answer(number, path)
            counted["answers"] += 1
            of_snapshots, of_volumes = next(both for name, both in generated.items() if name in path)
            return of_snapshots if path.endswith("/snapshots") else of_volumes

        provider.answer = answer
        clock.move_to(BEGIN + number * STEP)
        round_once(None, Caller.FORCE, lambda line: None, news=News(all_of_it=True))
        assert is_right(right, number)
        counted["second_team_right"] += 1
        exceptions = [record.exc_text for record in caplog.records if record.name == containment.__name__]
        assert exceptions == []
        for environment in odd:
            environment.refresh_from_db()
            assert (environment.lease_until, environment.fault_kind == "internal") == (None, False)
            counted["as_faults" if environment.fault_kind else "as_lists"] += 1
        if number % PAGES_EVERY == 0:
            reader = client_for(alice)
            assert [reader.get(page).status_code for page in ("/t/acme/", LIST)] == [200, 200]

    caplog.set_level(logging.ERROR)
    with time_machine.travel(BEGIN, tick=False) as clock:
        tried()
    figures("fuzz", **counted, exceptions=0)
