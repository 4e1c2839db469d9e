"""A file is written while it is read, as long as the reader is allowed; if it is cut, it does not look complete."""

import gc
import json
from array import array
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.backends.sessions import SessionStore
from dashboard.teams.models import AuditEvent, EventKind, Membership, Team, User
from snapshots.lists import export as exports
from snapshots.lists.export import ExportEnded, Place, Stream
from snapshots.lists.export_rows import SNAPSHOTS
from snapshots.lists.export_writers import Export
from snapshots.models import Environment, Snapshot
from snapshots.views import exports as views
from tests.conftest import Answer
from tests.lists.reading import KINDS, LIST, PAGES, body, drop, export, parts_of
from tests.proof import first
from tests.settings import ON_REDIS
from tests.views.snapshots.conftest import NOW, OTHER_PATH, Fill, record

pytestmark = pytest.mark.django_db
Tell = Callable[..., None]
AT_ONCE = 10
DEADLINE_SECONDS = 10


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", AT_ONCE)


def begin(client: Client, page: str = LIST, kind: str = "csv") -> tuple[Answer, Iterator[bytes]]:
    """Take the head and the first rows, and no more yet."""
    answer = client.get(f"{page}export.{kind}")
    parts = parts_of(answer)
    # An Excel file comes whole, after its last row.
    assert next(parts) or kind == "xlsx"
    assert next(parts) or kind == "xlsx"
    return answer, parts


def remove(bob: User) -> None:
    Membership.objects.filter(user=bob).delete()


def deactivate(bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)


def delete_team(bob: User) -> None:
    Team.objects.filter(memberships__user=bob).delete()


def sign_out(bob: User) -> None:
    for session in Session.objects.all():
        SessionStore(session.session_key).delete()


def change_password(bob: User) -> None:
    bob.set_password("seven-lamps-on-the-shore")
    bob.save()


def run_out(bob: User) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    caches["sessions"].clear()


def want_a_second_factor(bob: User) -> None:
    Team.objects.update(requires_second_factor=True)


def sign_somebody_else_in(bob: User) -> None:
    store = SessionStore(Session.objects.get().session_key)
    store[SESSION_KEY] = str(bob.pk + 1)
    store.save()


ENDS = [
    *(remove, deactivate, delete_team, sign_out, change_password, run_out),
    *(want_a_second_factor, sign_somebody_else_in),
]


@pytest.mark.few(3)
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("kind", first(1, KINDS))
@pytest.mark.parametrize("end", ENDS)
def test_whoever_is_removed_gets_no_more(
    bob: User, bob_client: Client, figures: Tell, end: Callable[[User], None], kind: str
) -> None:
    answer, parts = begin(bob_client, kind=kind)
    end(bob)
    with pytest.raises(ExportEnded):
        next(parts)
    drop(answer)
    figures("exports", parts_after_a_removal=len(list(parts)))
    assert list(parts) == []


@pytest.mark.usefixtures("world")
def test_not_even_the_end_of_a_file_comes_after_a_removal(bob: User, bob_client: Client) -> None:
    answer = bob_client.get(f"{LIST}export.json?state=Zebra")
    parts = parts_of(answer)
    got = b"".join([next(parts) for _ in range(1 + -(-int(answer["X-Export-Rows"]) // AT_ONCE))])
    remove(bob)
    with pytest.raises(ExportEnded):
        next(parts)
    drop(answer)
    with pytest.raises(json.JSONDecodeError):
        json.loads(got)


@pytest.mark.both_databases
@pytest.mark.usefixtures("world")
def test_an_environment_that_is_hidden_meanwhile_is_in_no_later_part(bob_client: Client) -> None:
    answer, parts = begin(bob_client, kind="json")
    alone = Environment.objects.get(service_code=OTHER_PATH.partition("/")[0])
    Environment.objects.filter(pk=alone.pk).update(removed_at="2026-11-24T12:00Z")
    rest = b"".join(parts)
    drop(answer)
    assert b"compute-on" in rest.partition(b"metadata")[0]
    assert b"compute-qc" not in rest.partition(b"metadata")[0]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("page", PAGES)
def test_a_team_makes_three_at_once(bob_client: Client, alice_client: Client, page: str) -> None:
    begun = [begin(bob_client, page)[0] for _ in range(3)]
    refused = alice_client.get(f"{page}export.json")
    assert (refused.status_code, refused["Retry-After"]) == (429, "10")
    assert "Too many exports are being made at once. Wait until one of them is done" in refused.content.decode()
    drop(begun[0])
    assert body(alice_client.get(f"{page}export.json"))
    for answer in begun:
        drop(answer)


@pytest.mark.proof
@pytest.mark.usefixtures("world")
def test_the_same_export_stands_in_the_audit_three_times_in_ten_minutes(
    alice_client: Client, bob_client: Client, clock: time_machine.Traveller
) -> None:
    exported = AuditEvent.objects.filter(kind=EventKind.EXPORTED)
    for _ in range(9):
        export(bob_client, LIST, "csv")
    assert exported.count() == 3
    export(bob_client, LIST, "json")
    export(bob_client, LIST, "csv", "?state=Error")
    export(alice_client, LIST, "csv")
    assert exported.count() == 6
    clock.shift(601)
    export(bob_client, LIST, "csv")
    assert exported.count() == 7


def test_a_member_makes_so_many_in_an_hour(
    bob_client: Client, alice_client: Client, fill: Fill, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_OF_PERSON", 5)
    fill([record(1)])
    answers = [bob_client.get(f"{LIST}export.csv?q={number}") for number in range(3)]
    for answer in answers:
        drop(answer)
    answers = [bob_client.get(f"{LIST}export.csv?q={number}") for number in range(3, 6)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2]["Retry-After"]) <= 3600
    for answer in answers[:2]:
        drop(answer)
    assert AuditEvent.objects.filter(kind=EventKind.EXPORTED).count() == 5
    assert body(alice_client.get(f"{LIST}export.csv"))
    clock.shift(3601)
    assert body(bob_client.get(f"{LIST}export.csv"))


@pytest.mark.usefixtures("world", "in_rival")
def test_other_teams_have_places_of_their_own_but_not_all(bob_client: Client, charlie_client: Client) -> None:
    begun = [begin(bob_client)[0] for _ in range(3)]
    others = [charlie_client.get("/t/rival/snapshots/export.csv") for _ in range(3)]
    assert [answer.status_code for answer in others] == [200, 200, 429]
    for answer in [*begun, *others[:2]]:
        drop(answer)


@pytest.mark.both_databases
def test_of_twenty_at_once_three_are_made(bob_client: Client, fill: Fill, figures: Tell) -> None:
    fill([record(number) for number in range(1, 30)])
    answers = [bob_client.get(f"{LIST}export.csv") for _ in range(20)]
    made = [answer for answer in answers if answer.status_code == 200]
    figures("exports", asked_at_once=20, made=len(made), refused_with_429=sum(a.status_code == 429 for a in answers))
    assert [len(body(answer).splitlines()) for answer in made] == [30, 30, 30]


@pytest.mark.both_databases
def test_a_closed_file_gives_its_place_back_at_once(team: Team) -> None:
    export = Export(team, SNAPSHOTS, array("q"), environments=[], asked=[], query="", words=[], at=NOW)
    stream = Stream(export, "csv", Place(team), lambda: True)
    assert next(stream).startswith(b"\xef\xbb\xbf")
    assert exports.SLOTS.taken()[team.pk] == 1
    stream.close()
    assert exports.SLOTS.taken()[team.pk] == 0


def test_an_answer_that_nobody_reads_gives_its_place_back(bob_client: Client, fill: Fill) -> None:
    fill([record(1)])
    for _ in range(4):
        assert bob_client.get(f"{LIST}export.csv").status_code == 200
        gc.collect()


class CollectingLimit(int):
    """Collects garbage whenever it is compared, as may happen at any allocation."""

    def __le__(self, other: int) -> bool:
        gc.collect()
        return super().__le__(other)


def test_the_collector_may_give_a_place_back_while_another_is_taken(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drop_and_take() -> None:
        place: Any = Place(team)
        place.itself = place  # only the collector ends it
        del place
        monkeypatch.setattr(exports.SLOTS, "most", CollectingLimit(exports.SLOTS.most))
        Place(team)

    worker = Thread(target=drop_and_take, daemon=True)
    worker.start()
    worker.join(DEADLINE_SECONDS)
    assert not worker.is_alive(), "the thread waits for itself"


@pytest.mark.parametrize("page", PAGES)
def test_head_tells_of_the_file_and_makes_none(bob_client: Client, fill: Fill, page: str) -> None:
    fill([record(1), record(2)])
    answer = bob_client.head(f"{page}export.csv")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer["X-Export-Rows"]) == len(export(bob_client, page, "csv").splitlines()) - 1


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("page", PAGES)
def test_queries_grow_with_the_parts_alone(bob_client: Client, page: str) -> None:
    answer = bob_client.get(f"{page}export.json?page_size=25")
    parts = -(-int(answer["X-Export-Rows"]) // AT_ONCE)
    with CaptureQueriesContext(connection) as asked:
        body(answer)
    # For each part: who may, of which environments, which rows; and the session, where it is not in Redis.
    who = 1 if ON_REDIS else 2
    assert len(asked) == (who + 2) * parts + who


@pytest.mark.both_databases
def test_a_row_that_is_forgotten_meanwhile_is_left_out(bob_client: Client, fill: Fill) -> None:
    fill([record(number) for number in range(1, 31)])
    answer, parts = begin(bob_client, kind="json")
    Snapshot.objects.filter(snapshot_id__gt=record(25).id).delete()
    assert b'"recordCount":25' in b"".join(parts)
    drop(answer)
