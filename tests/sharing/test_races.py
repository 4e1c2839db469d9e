"""Revoking against opening, in two threads on either database: the later one is refused."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from secrets import token_hex, token_urlsafe
from threading import Barrier

import pytest
from django.db import connection, connections
from django.test import RequestFactory
from django.utils import timezone

from dashboard.random_secrets import digest_of
from dashboard.teams.models import Team, User
from snapshots.models import ShareLink, Snapshot
from snapshots.sharing import links as sharing
from snapshots.views.sharing.public_page import share
from tests.proof import first
from tests.views.snapshots.conftest import Fill, record
from tests.waiting import SECONDS, together

Tell = Callable[..., None]
pytestmark = pytest.mark.django_db(transaction=True)
SECRETS = [token_urlsafe(32) for _ in range(1_000)]


@pytest.fixture(params=first(1, [100, len(SECRETS)]))
def races(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def links(fill: Fill, alice: User, team: Team, races: int) -> list[ShareLink]:
    """A link for each race, opened before, so that only the race writes."""
    fill([record(1)])
    now, snapshot, maker = timezone.now(), Snapshot.objects.get(), team.memberships.get()
    same = {"team": team, "snapshot": snapshot, "maker": maker, "first_used_at": now, "last_used_at": now}
    rows = [
        ShareLink(public_id=token_hex(6), digest=digest_of(secret), form_id=token_hex(8), **same)
        for secret in SECRETS[:races]
    ]
    for row in rows:
        row.expires_at = now + timedelta(days=1)
    return ShareLink.objects.bulk_create(rows)


@pytest.fixture
def shared_database(links: list[ShareLink], tmp_path: Path) -> Iterator[None]:
    """Let the threads meet in a file, as processes do, where the tests' database is in memory."""
    if connection.vendor != "sqlite":
        yield
        return
    own, file = connection.settings_dict["NAME"], tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(file)) as copy:
        connection.connection.backup(copy)
    settings = connections.settings["default"]
    settings["NAME"] = str(file)
    yield
    settings["NAME"] = own


@dataclass
class Race:
    """Two threads that meet before each link and after it."""

    links: list[ShareLink]
    person: User
    start: Barrier = field(default_factory=lambda: Barrier(2))
    end: Barrier = field(default_factory=lambda: Barrier(2))
    revoked: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)

    def revoke(self) -> None:
        for link in self.links:
            self.start.wait(SECONDS)
            sharing.revoke(link, actor=self.person)
            self.revoked.append(time.perf_counter())
            self.end.wait(SECONDS)

    def open(self) -> None:
        """Open in the midst of it; where that was served once more, when it is surely revoked."""
        for number in range(len(self.links)):
            self.start.wait(SECONDS)
            asked = time.perf_counter()
            self.served.append(asked if self.opens(number) else 0.0)
            self.end.wait(SECONDS)
            if self.served[-1] and self.opens(number):
                self.served[-1] = time.perf_counter()

    def opens(self, number: int) -> bool:
        request = RequestFactory().get("/s/", REMOTE_ADDR=f"10.{number // 250}.{number % 250}.1")
        return share(request, f"{self.links[number].public_id}.{SECRETS[number]}").status_code == 200


def run(work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        connection.close()


@pytest.mark.both_databases
@pytest.mark.usefixtures("shared_database")
def test_races_serve_none_late(links: list[ShareLink], alice: User, figures: Tell, races: int) -> None:
    race = Race(links, alice)
    together([partial(run, race.revoke), partial(run, race.open)], 2 * SECONDS, what="the races")
    late = sum(asked > done for done, asked in zip(race.revoked, race.served, strict=True))
    served = sum(asked > 0 for asked in race.served)
    figures("shared links", races=len(race.revoked), served_in_the_race=served, served_late=late)
    assert (len(race.revoked), late) == (races, 0)
