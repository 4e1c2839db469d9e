"""What the home page and a volume's page offer of it, and to whom."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from dashboard.teams.models import Team, User
from snapshots.models import Environment, Policy, Volume
from tests.conftest import Answer
from tests.policy.conftest import shot, volume_id
from tests.policy.steps import HOME, TARGETS, exclude, pk, said
from tests.views.snapshots.conftest import Fill
from tests.views.snapshots.reading import Element, tree

pytestmark = pytest.mark.django_db
LABELS = {"24": "24 hours", "168": "7 days", "720": "30 days", "0": "No age limit"}
TILES = ("No usable snapshot", "Late[^:]*", "Unknown", "Fresh")


def question(page: Answer) -> Element:
    return tree(page).one("section", css="question")


def effect(page: Answer, hours: str) -> list[int]:
    """The numbers of an answer, in the order of the tiles."""
    text = question(page).one("span", id=f"effect-{hours}").text
    found = [re.search(rf"{label}: (\d+)", text) for label in TILES]
    return [int(match[1]) if match else 0 for match in found]


def tiles(page: Answer) -> list[int]:
    return [int(tile.one("strong").text) for tile in tree(page).all("a", css="tile")]


@pytest.mark.few(2)
@pytest.mark.parametrize("hours", LABELS)
def test_the_answer_says_before_what_the_tiles_say_after(dora_client: Client, mixture: Environment, hours: str) -> None:
    asked = dora_client.get(HOME)
    assert {each.attributes["value"]: each.text for each in question(asked).all("button")} == LABELS
    before = effect(asked, hours)
    page = dora_client.post(TARGETS, {"hours": hours, "back": HOME}, follow=True)
    assert page.redirect_chain[0][0] == HOME
    assert tree(page).all("section", css="question") == []
    assert tiles(page) == before
    assert sum(before) == 10


def test_an_effect_follows_the_clock_and_the_data(
    dora_client: Client, mixture: Environment, fill: Fill, clock: time_machine.Traveller
) -> None:
    before = effect(dora_client.get(HOME), "168")
    clock.shift(timedelta(hours=7))
    assert effect(dora_client.get(HOME), "168") != before
    fill([shot(3, 1, days=0.01)])
    assert sum(effect(dora_client.get(HOME), "168")) == 10


def test_a_viewer_reads_who_can_answer(bob_client: Client, dora: User, alice: User, mixture: Environment) -> None:
    shown = question(bob_client.get(HOME))
    assert shown.all("button") == []
    assert "A member of the team can choose: alice@example.com, dora@example.com." in shown.text
    assert "Fresh" in shown.text


def test_an_answered_question_is_not_asked_again(bob_client: Client, team: Team, mixture: Environment) -> None:
    Policy.objects.create(team=team)
    assert tree(bob_client.get(HOME)).all("section", css="question") == []


def test_members_choose_among_the_rows_and_viewers_do_not(
    dora_client: Client, bob_client: Client, mixture: Environment
) -> None:
    page = tree(dora_client.get(f"{HOME}?schedule=DAILY&q=disk"))
    assert {box.attributes["value"] for box in page.all("input", name="volume", form="acts")} == {
        str(pk(1)),
        str(pk(9)),
    }
    bar = page.one("form", id="acts")
    assert bar.attributes["method"] == "get"
    assert bar.one("input", name="back").attributes["value"] == f"{HOME}?schedule=DAILY&q=disk"
    matching = dora_client.get(bar.one("a").attributes["href"])
    shown = page.one("span", css="matching").attributes
    assert (shown["data-matching"], shown["data-filters"]) == ("2", "schedule=DAILY&q=disk")
    assert [each.text for each in tree(matching).one("ul", css="chosen").all("li")] == [
        "disk-1 · prod · compute-on",
        "disk-9 · prod · compute-on",
    ]
    assert tree(matching).one("main").all("a")[-1].attributes["href"] == f"{HOME}?schedule=DAILY&q=disk"
    viewer = tree(bob_client.get(HOME))
    assert viewer.all("form", id="acts") + viewer.all("input", name="volume") == []


def test_what_is_excluded_is_counted_beside_the_tiles(dora_client: Client, mixture: Environment) -> None:
    dora_client.post(TARGETS, {"hours": "24"})
    exclude(dora_client, f"volume={pk(1)}&volume={pk(2)}", 2, follow=False)
    page = dora_client.get(HOME)
    assert sum(tiles(page)) == 8
    assert "2 excluded" in tree(page).one("main").text
    assert "disk-1" in dora_client.get(f"{HOME}?status=excluded").content.decode()


def volume_page(client: Client, number: int) -> Element:
    return tree(client.get(f"{HOME}volumes/compute-on/prod/{volume_id(number)}/")).one("main")


def test_a_volume_shows_its_target_and_lets_members_change_it(
    dora_client: Client, bob_client: Client, mixture: Environment
) -> None:
    dora_client.post(TARGETS, {"hours": "168"})
    assert "7 days (team default)" in volume_page(bob_client, 1).text
    assert volume_page(bob_client, 1).all("form", css="target-form") == []
    form = volume_page(dora_client, 1).one("form", css="target-form")
    hidden = {field.attributes["name"]: field.attributes["value"] for field in form.all("input", type="hidden")}
    page = dora_client.post(form.attributes["action"], hidden | {"hours": "24"}, follow=True)
    assert page.redirect_chain[0][0] == hidden["back"] == f"{HOME}volumes/compute-on/prod/{volume_id(1)}/"
    assert said(page)[-1] == "Target of disk-1: 24 hours."
    assert Volume.objects.get(name="disk-1").target_hours == 24


def test_a_volume_says_that_it_is_excluded_and_returned(
    dora_client: Client, dora: User, mixture: Environment, clock: time_machine.Traveller
) -> None:
    page = exclude(dora_client, f"volume={pk(1)}&back={HOME}volumes/compute-on/prod/{volume_id(1)}/", 1)
    assert "Excluded until 3 Dec: lab machines (dora@example.com)" in tree(page).one(css="exclusion").text
    clock.shift(timedelta(days=9))
    dora_client.force_login(dora)
    assert "exclusion ended 3 Dec" in volume_page(dora_client, 1).one(css="exclusion").text


def test_a_stopped_schedule_is_ended_and_taken_back_from_its_page(dora_client: Client, fill: Fill) -> None:
    fill([shot(1, 1, days=5)])
    for label in ("Stopped intentionally", "It was not stopped intentionally", "Stopped intentionally"):
        (form,) = [each for each in volume_page(dora_client, 1).all("form") if each.text == label]
        hidden = {field.attributes["name"]: field.attributes["value"] for field in form.all("input", type="hidden")}
        assert dora_client.post(form.attributes["action"], hidden).status_code == 302
    assert list(Volume.objects.get().ended) == ["DAILY"]


def test_hostile_names_stay_text(dora_client: Client, fill: Fill) -> None:
    fill([shot(1, 1, days=5)])
    Volume.objects.update(name="<script>x</script>{{ 7|add:7 }}")
    for path in (f"{HOME}volumes/exclude/?volume={Volume.objects.get().pk}", TARGETS, HOME):
        dora_client.post(TARGETS, {"hours": "24", "volume": Volume.objects.get().pk})
        page = dora_client.get(path).content.decode()
        assert "<script>x" not in page
        assert "{{ 7|add:7 }}" in page
