"""How often one visitor may ask, and that others are not held for it."""

import logging
from collections.abc import Callable

import pytest
import time_machine
from django.core.cache import caches
from django.test import Client

from dashboard.limits import allow
from snapshots.views.sharing import public_page
from tests.sharing.conftest import Make, visit
from tests.views.snapshots.reading import tree

Tell = Callable[..., None]
MINE, OTHER = "192.0.2.1", "192.0.2.2"


@pytest.mark.both_databases
def test_thirty_wrong_tries_a_minute_then_nothing_not_even_the_right_one(make: Make, figures: Tell) -> None:
    link = make()
    tried = [visit("/s/abcdefghijkl.wrong", address=MINE) for _ in range(60)]
    statuses = [answer.status_code for answer in tried]
    figures("shared links", wrong_tries_answered_a_minute=statuses.count(404))
    assert statuses == [404] * 30 + [429] * 30
    held = visit(link, address=MINE)
    assert (held.status_code, held.content) == (429, tried[-1].content)
    assert held["Retry-After"] in ("59", "60")
    assert tree(held).one("h1").text == "Too many attempts"
    assert visit(link, address=OTHER).status_code == 200


@pytest.mark.both_databases
@pytest.mark.defaults
def test_a_place_is_free_again_a_minute_after_it_was_taken(make: Make, clock: time_machine.Traveller) -> None:
    link = make()
    for seconds in (20, 25):
        for _ in range(15):
            visit("/s/wrong", address=MINE)
        clock.shift(seconds)
    assert visit(link, address=MINE)["Retry-After"] == "15"
    clock.shift(15)
    assert visit(link, address=MINE).status_code == 200
    assert [visit("/s/wrong", address=MINE).status_code for _ in range(16)] == [404] * 15 + [429]


@pytest.mark.both_databases
@pytest.mark.defaults
def test_six_hundred_views_a_minute_are_enough(make: Make, clock: time_machine.Traveller) -> None:
    link = make()
    clock.shift(20)
    for _ in range(599):
        assert allow(f"share-right:{MINE}", 600, 60, at_once=public_page.WRITTEN_TOGETHER)
    clock.shift(20)
    answers = [visit(link, address=MINE) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1]["Retry-After"] == "40"
    assert visit(link, address=OTHER).status_code == 200
    clock.shift(40)
    assert visit(link, address=MINE).status_code == 200


def test_what_a_visitor_claims_to_be_does_not_count(make: Make) -> None:
    for number in range(30):
        Client().get("/s/wrong", headers={"X-Forwarded-For": f"10.0.0.{number}"}, REMOTE_ADDR=MINE)
    assert visit(make(), address=MINE).status_code == 429


def test_one_subscriber_has_one_limit_in_all_spellings(make: Make) -> None:
    for number in range(30):
        visit("/s/wrong", address=("::ffff:192.0.2.1", MINE)[number % 2])
        visit("/s/wrong", address=f"2001:db8:1:2::{number}")
    link = make()
    assert visit(link, address=MINE).status_code == visit(link, address="2001:db8:1:2:ffff::1").status_code == 429
    assert (
        visit(link, address="2001:db8:1:3::1").status_code == visit(link, address="::ffff:192.0.2.2").status_code == 200
    )


@pytest.mark.both_databases
@pytest.mark.defaults
def test_a_flood_of_the_cache_refills_nothing(make: Make) -> None:
    for _ in range(30):
        visit("/s/wrong", address=MINE)
    caches["fragments"].clear()
    caches["default"].delete_many([f"share-wrong:{MINE}:{number}" for number in range(30)])
    assert visit(make(), address=MINE).status_code == 429


@pytest.mark.both_databases
def test_guesses_from_everywhere_are_told_once(db: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "snapshots.views.sharing.public_page"):
        for _ in range(public_page.ALARM + 50):
            public_page._watch()
    assert [record.args for record in caplog.records] == [(300,)]
