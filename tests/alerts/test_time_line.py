"""A volume's problems on its page: the open one with its steps and a picture, then those that ended."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from snapshots.alerts.problems import settle
from snapshots.models import Environment, Problem
from tests.alerts.conftest import Records
from tests.views.snapshots.conftest import PATH, Fill
from tests.views.snapshots.reading import Element, tree
from tests.views.volumes.home.steps import HOSTILE, disk, volume, volume_id

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def section(client: Client, name: str) -> Element | None:
    page = tree(client.get(f"/t/acme/volumes/{PATH}/{volume_id(name)}/"))
    return next(iter(page.all("section", id="problems")), None)


def found(client: Client, name: str) -> Element:
    shown = section(client, name)
    assert shown is not None
    return shown


def test_the_open_one_has_its_address_and_its_steps(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, bob_client: Client
) -> None:
    clock.shift(8 * HOUR)
    fill(records)
    settle(Environment.objects.get())
    stored = Problem.objects.get(volume=volume("failing"))
    shown = found(bob_client, "failing").one(id=f"problem-{stored.pk}")
    assert shown.attributes["data-kind"] == "late"
    times = [item.one("time").attributes["datetime"] for item in shown.one("ol").all("li")]
    assert times == [at.partition(".")[0] for _kind, at in stored.steps] == sorted(times)
    assert len(times) == 2


def test_the_picture_says_its_kinds_and_has_a_run_for_each_snapshot(begun: Environment, bob_client: Client) -> None:
    picture = found(bob_client, "late").one("svg", css="lanes")
    assert picture.attributes["role"] == "img"
    assert "Late" in picture.attributes["aria-label"]
    widths = [int(bar.attributes["width"]) for bar in picture.all("rect", css="lane-status")]
    assert min(widths) > 0
    # Taken four and three days ago, before it began.
    assert [each.attributes["class"] for each in picture.all("path", css="lane-run")] == ["lane-run taken"] * 2
    failing = found(bob_client, "failing").one("svg", css="lanes")
    assert [each.attributes["class"] for each in failing.all("path", css="lane-run")] == ["lane-run failed"]


def test_one_that_ended_is_below_and_the_page_follows(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, bob_client: Client
) -> None:
    assert len(found(bob_client, "late").all(css="problem")) == 1
    clock.shift(600)
    fill([*records, *disk("late", 0)])
    settle(Environment.objects.get(), listed_before=timezone.now() - timedelta(seconds=600))
    stored = Problem.objects.get(volume=volume("late"))
    shown = found(bob_client, "late")
    assert shown.all(css="problem") == []
    assert [each.attributes["id"] for each in shown.all("details")] == [f"problem-{stored.pk}"]


def test_without_problems_there_is_no_section(begun: Environment, bob_client: Client) -> None:
    assert section(bob_client, "fresh") is None


def test_a_note_and_a_ticket_are_text(begun: Environment, bob_client: Client) -> None:
    now = timezone.now()
    Problem.objects.update(
        acknowledged_by=HOSTILE, acknowledged_at=now, acknowledged_until=now + HOUR, note=HOSTILE, ticket=HOSTILE
    )
    shown = found(bob_client, "late")
    assert shown.all("script") == []
    assert shown.one("q").text == HOSTILE


@pytest.mark.parametrize("days", [0, 1, 40, 500])
def test_any_length_has_a_picture(begun: Environment, bob_client: Client, days: int) -> None:
    at = timezone.now() - timedelta(days=days)
    Problem.objects.filter(volume=volume("late")).update(
        began_at=at, began_after=None, steps=[["failing", at.isoformat()], ["late", at.isoformat()]]
    )
    ticks = found(bob_client, "late").one("svg", css="lanes").all("path", css="lane-tick")
    assert len(ticks) <= 12
