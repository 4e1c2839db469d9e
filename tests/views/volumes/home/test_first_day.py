"""A team that has not said what is young enough: its home is not all grey."""

import pytest
from django.test import Client

from dashboard.teams.models import Team
from snapshots.models import Policy
from tests.views.snapshots.conftest import Fill
from tests.views.snapshots.reading import tree
from tests.views.volumes.home.steps import disk, home, names, rows, stories, tile_links, tiles

pytestmark = pytest.mark.django_db


@pytest.fixture
def unasked(fill: Fill) -> None:
    fill([*stories(), *disk("month", 9 * 24), *disk("year", 99 * 24)])


@pytest.mark.usefixtures("unasked")
def test_the_tiles_are_ages_that_add_up(alice_client: Client) -> None:
    page = home(alice_client)
    assert tiles(page) == {"No usable snapshot": 1, "Older than 7 days": 3, "Within 7 days": 4, "Within 24 hours": 2}
    assert sum(tiles(page).values()) == len(rows(page)) == 10


@pytest.mark.usefixtures("unasked")
def test_each_tile_is_a_filter(alice_client: Client) -> None:
    for url, number in tile_links(home(alice_client)):
        assert len(rows(alice_client.get(url))) == number


@pytest.mark.usefixtures("unasked")
def test_the_oldest_come_first(alice_client: Client) -> None:
    page = home(alice_client)
    assert names(page)[:4] == ["none", "year", "month", "late"]
    (head,) = [head for head in tree(page).all("th") if "aria-sort" in head.attributes]
    assert (head.text, head.attributes["aria-sort"]) == ("Newest usable snapshot", "ascending")
    assert names(home(alice_client, "?sort=status"))[:2] == ["none", "year"]


@pytest.mark.usefixtures("unasked")
def test_the_question_is_asked_until_it_is_answered(alice_client: Client, team: Team) -> None:
    question = "How recent must each volume’s latest usable snapshot be?"
    assert question in tree(home(alice_client)).one("main").text
    Policy.objects.create(team=team, target_hours=24)
    page = home(alice_client)
    assert question not in tree(page).one("main").text
    assert "Unknown" in tiles(page)
