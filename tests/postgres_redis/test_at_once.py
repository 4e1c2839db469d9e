"""Two writers at the same moment, on separate connections: the second waits, and sees what the first has done."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from django.db import connection, transaction
from django.test import Client
from pytest_django import Settings

from dashboard.secrets import Secret
from dashboard.teams.models import AccessToken, Membership, PendingKey, Role, Team, User
from snapshots.setup import pending_keys
from snapshots.setup.key_trial import Trial
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.conftest import sign_in_client

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
DEADLINE_SECONDS = 30
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@contextmanager
def concurrently(act: Callable[[], object]) -> Iterator[list[object]]:
    """Start an act in a thread, wait until it waits for our lock, and give what it returns after our commit."""
    results: list[object] = []

    def in_thread() -> None:
        try:
            results.append(act())
        finally:
            connection.close()

    thread = Thread(target=in_thread, daemon=True)
    with transaction.atomic():
        yield results
        thread.start()
        _until_waiting(lambda: not thread.is_alive())
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive(), "the other did not come to an end after our commit"


def _until_waiting(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    with connection.cursor() as cursor:
        while not is_done():
            # Within a transaction PostgreSQL shows the activity as it was at the first query.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            if cursor.execute(WAITING).fetchone()[0]:
                return
            assert time.monotonic() < deadline, "the other neither waited for the lock nor came to an end"
            time.sleep(0.01)


def test_a_token_made_while_its_maker_is_demoted_is_refused(team: Team, alice: User) -> None:
    client: Client = sign_in_client(alice)
    form = {"name": "mine", "days": "30", "form_id": "f" * 43}
    with concurrently(lambda: client.post("/t/acme/settings/tokens/", form).status_code) as statuses:
        Membership.objects.filter(user=alice).update(role=Role.VIEWER)
    assert (statuses, AccessToken.objects.count()) == ([403], 0)


def test_of_two_keys_tried_at_once_the_second_stays(team: Team, alice: User, settings: Settings) -> None:
    def propose(whose: str) -> Trial:
        return pending_keys.propose(team=team, person=alice, secret=Secret("a-key-of-acme"), whose=whose)

    world = World(seed=1, environments=["compute-on/dev"], volumes=1, snapshots=1)
    with Simulator(world, keys={"a-key-of-acme": None}) as simulator:
        settings.CLOUDCA_API_URL = simulator.url
        with concurrently(lambda: propose("second")):
            propose("first")
    assert [*PendingKey.objects.values_list("whose", flat=True)] == ["second"]
