"""Volumes by server: each with all its disks, how far these are apart, the worst first."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from snapshots.models import Environment, Policy, Volume
from tests.views.snapshots.conftest import OTHER_PATH, Fill
from tests.views.snapshots.reading import Response, links, tree
from tests.views.volumes.home.steps import FAILED, change, disk, home, names, rows

pytestmark = pytest.mark.django_db
GROUP = "?group=instance"


def servers(page: Response) -> dict[str, list[str]]:
    """Each block's heading, and the volumes under it."""
    found = {}
    for block in tree(page).all("section", css="server"):
        disks = [row.one(css="v-name").one("a").text for row in block.all("tr", css="vrow")]
        found[block.one("h2").text] = disks
    return found


def test_each_server_has_its_disks(alice_client: Client, told: Environment) -> None:
    assert servers(home(alice_client, GROUP)) == {
        "web-01 ? prod · compute-on · 1 disk": ["late"],
        "ci-01 ? prod · compute-on · 1 disk": ["mixed"],
        "db-02 ? prod · compute-on · 2 disks, newest usable 3 h apart": ["stuck", "failing"],
        "web-02 ? prod · compute-on · 2 disks, newest usable 21 h apart": ["running", "fresh"],
        "No instance known prod · compute-on · 2 disks": ["none", "undated"],
    }


@pytest.mark.both_databases
def test_the_worst_server_comes_first_and_unknown_ones_last(alice_client: Client, told: Environment) -> None:
    assert list(servers(home(alice_client, GROUP)).values()) == [
        ["mixed"],
        ["late"],
        ["stuck", "failing"],
        ["running", "fresh"],
        ["none", "undated"],
    ]


def test_a_disk_without_a_usable_one_is_told(alice_client: Client, week: Policy, fill: Fill) -> None:
    fill([*disk("root", 1), *disk("data", 5), *disk("swap", 2, state=FAILED)])
    Volume.objects.update(instance_name="web-01")
    (heading,) = servers(home(alice_client, GROUP))
    assert heading == "web-01 prod · compute-on · 3 disks, newest usable 4 h apart; 1 without a usable snapshot"


def test_how_far_apart_is_by_the_farthest_that_it_may_be(alice_client: Client, week: Policy, fill: Fill) -> None:
    fill([*disk("root", 1), *disk("data", 1)])
    change("data", newest_after=timezone.now() - timedelta(hours=3))
    assert list(servers(home(alice_client, GROUP))) == ["web-01 ? prod · compute-on · 2 disks, newest usable 2 h apart"]
    change("data", newest_after=None)
    assert list(servers(home(alice_client, GROUP))) == [
        "web-01 ? prod · compute-on · 2 disks, how far apart is not known"
    ]


def test_equal_names_in_two_environments_are_two_servers(alice_client: Client, week: Policy, fill: Fill) -> None:
    fill(disk("root", 1))
    fill(disk("data", 1), path=OTHER_PATH)
    assert list(servers(home(alice_client, GROUP))) == [
        "web-01 ? prod · compute-on · 1 disk",
        "web-01 ? prod · compute-qc · 1 disk",
    ]


def test_a_server_cut_by_a_page_keeps_its_facts(alice_client: Client, week: Policy, fill: Fill) -> None:
    fill([snapshot for number in range(30) for snapshot in disk(f"disk-{number:02}", 1)])
    first, second = (home(alice_client, f"{GROUP}&page_size=25&page={page}") for page in (1, 2))
    assert {heading for page in (first, second) for heading in servers(page)} == {
        "web-01 ? prod · compute-on · 30 disks, newest usable 0 s apart"
    }
    assert sorted(names(first) + names(second)) == [f"disk-{number:02}" for number in range(30)]
    assert links(first)["Next →"].endswith("?group=instance&page_size=25&page=2")


@pytest.mark.both_databases
def test_filters_hold_within_servers(alice_client: Client, told: Environment) -> None:
    page = home(alice_client, f"{GROUP}&status=late")
    assert len(rows(page)) == 2
    assert len(servers(page)) == 2
