"""The alerts page: what is open, in groups and worst first; what ended; its filters, and who sees what."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import ApiKey, Membership, User
from snapshots.alerts.problems import settle
from snapshots.alerts.tick import Ticker
from snapshots.lists.problem_list import MOST_ENDED
from snapshots.models import Channel, Delivery, Environment, Problem, Volume
from tests.alerts.conftest import Records
from tests.alerts.page import ALERTS, copies_of, kinds, page_of, problem, row_of, section, unseen
from tests.views.snapshots.conftest import OTHER_PATH, PATH, Fill, refuse
from tests.views.snapshots.reading import Element, tree
from tests.views.volumes.home.steps import FAILED, HOSTILE, disk, stories, volume_id

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
NOW_FRESH = ("late", "none", "stuck", "failing", "mixed")


def hrefs(part: Element) -> list[str]:
    return [link.attributes["href"] for link in part.all("a")]


def name_url(row: Element) -> str:
    return row.one("a", css="alert-name").attributes["href"]


def test_one_row_is_a_group_and_the_worst_is_first(begun: Environment, bob_client: Client) -> None:
    page = page_of(bob_client)
    assert kinds(page) == ["none", "late", "stuck", "failing"]
    # "late" and "mixed" are late.
    assert row_of(page, "late").attributes["data-number"] == "2"
    assert name_url(row_of(page, "late")) == f"/t/acme/volumes/?environment={PATH.replace('/', '%2F')}&status=late"
    stuck = problem("stuck")
    assert name_url(row_of(page, "stuck")) == f"/t/acme/volumes/{PATH}/{volume_id('stuck')}/#problem-{stuck.pk}"


def test_an_environments_own_problem_stands_for_its_volumes(
    begun: Environment, fill: Fill, bob_client: Client, alice_client: Client
) -> None:
    refuse(begun)
    Ticker().tick()
    settle(fill(disk("none-too", 50, 26, state=FAILED), path=OTHER_PATH))
    page = page_of(bob_client)
    assert kinds(page) == ["none", "refused"]
    assert unseen(page) == "2"
    assert "/t/acme/settings/key/" not in hrefs(row_of(page, "refused"))
    assert "/t/acme/settings/key/" in hrefs(row_of(page_of(alice_client), "refused"))


def test_a_large_group_lists_six_while_it_is_unseen(begun: Environment, bob_client: Client) -> None:
    copies_of("late", 8)
    row = row_of(page_of(bob_client), "late")
    assert row.attributes["data-number"] == "10"
    assert len([link for link in hrefs(row.one("ul", css="boxed")) if "#problem-" in link]) == 6
    press_all(bob_client)
    row = row_of(page_of(bob_client), "late")
    assert row.all("ul", css="boxed") == []
    assert len(hrefs(row.one("ul", css="inline-names"))) == 3


def press_all(client: Client) -> None:
    form = page_of(client).one(id="strip").one("form")
    mark = form.one("input", name="mark").attributes["value"]
    client.post(form.attributes["action"], {"mark": mark})


def test_what_ended_today_and_all_that_ended(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, bob: User, bob_client: Client
) -> None:
    end_all(fill, records, clock)
    page = page_of(bob_client)
    assert kinds(page) == []
    # "late" and "mixed" ended together.
    assert sorted(kinds(page, "ended")) == ["failing", "late", "none", "stuck"]
    clock.shift(timedelta(days=1))
    bob_client.force_login(bob)
    assert kinds(page_of(bob_client), "ended") == []
    ended = page_of(bob_client, "?show=ended")
    assert section(ended, "open") is None
    assert sorted(kinds(ended, "ended")) == ["failing", "late", "none", "stuck"]
    assert len(ended.all("nav", css="pager")) == 1


def end_all(fill: Fill, records: Records, clock: time_machine.Traveller) -> None:
    clock.shift(600)
    fill([*records, *(one for name in NOW_FRESH for one in disk(name, 0)), *disk("mixed", 0, kind="HOURLY")])
    Volume.objects.update(answers=[], none_from=None, late_from=None, stuck_from=None, failing_from=None)
    settle(Environment.objects.get(), listed_before=timezone.now() - timedelta(seconds=600))
    assert not Problem.objects.current().exists()


def test_all_that_ended_come_in_pages(begun: Environment, bob_client: Client) -> None:
    now, pattern = timezone.now(), problem("late")
    values = {f.attname: getattr(pattern, f.attname) for f in Problem._meta.fields if f.name != "id"}
    Problem.objects.bulk_create(
        Problem(**values | {"ended_at": now - n * HOUR, "end": "recovered"}) for n in range(MOST_ENDED + 10)
    )
    page = page_of(bob_client, "?show=ended&page_size=25&page=2")
    assert len(kinds(page, "ended")) == 25
    assert f"{ALERTS}?show=ended&page_size=25&page=3" in hrefs(page.one("nav", css="pager"))
    assert len(kinds(page_of(bob_client, "?show=ended&page=99"), "ended")) == (MOST_ENDED + 10) % 50


FILTERS: list[tuple[str, list[str]]] = [
    ("?kind=late", ["late"]),
    ("?kind=late&kind=none", ["none", "late"]),
    (f"?environment={OTHER_PATH}", ["none", "late", "stuck", "failing"]),
    ("?q=stu", ["stuck"]),
    ("?q=STUCK", ["stuck"]),
    ("?q=ops-14", ["failing"]),
    ("?q=file%20server", ["failing"]),
    ("?q=no-such", []),
    ("?to=2000-01-01", []),
    ("?from=2100-01-01", ["none", "late", "stuck", "failing"]),
]


@pytest.mark.both_databases
def test_each_filter(begun: Environment, fill: Fill, bob_client: Client) -> None:
    settle(fill(stories(), path=OTHER_PATH))
    Problem.objects.filter(environment=begun).exclude(kind=Problem.Kind.NONE).delete()
    Problem.objects.filter(environment=begun).delete()
    Problem.objects.filter(kind=Problem.Kind.FAILING).update(note="The new file server", ticket="OPS-1482")
    for query, expected in FILTERS:
        page = page_of(bob_client, query)
        assert (query, kinds(page)) == (query, expected)
        assert len(page.all("a", css="chip")) >= 1
    assert kinds(page_of(bob_client, f"?environment={PATH}")) == []


@pytest.mark.parametrize("query", ["?kind=odd", "?show=odd", "?from=odd", "?since=odd", "?odd=1", "?page=0"])
def test_a_wrong_filter_is_said_and_left_out(begun: Environment, bob_client: Client, query: str) -> None:
    page = page_of(bob_client, query)
    assert kinds(page) == ["none", "late", "stuck", "failing"]
    assert len(page.one(id="results").all("div", css="flush")) == 1


def test_the_menus_count_what_would_remain(begun: Environment, bob_client: Client) -> None:
    choices = page_of(bob_client, "?kind=none").one(id="choices-kind").all("label")
    found = {one.one("input").attributes["value"]: one.one("span", css="choice-count").text for one in choices}
    assert found == {"none": "1", "refused": "0", "silent": "0", "late": "2", "stuck": "1", "failing": "1"}


def test_none_open_and_no_data_are_said(begun: Environment, bob_client: Client, clock: time_machine.Traveller) -> None:
    Problem.objects.update(ended_at=timezone.now(), end="recovered")
    Environment.everything.raise_generation()
    page = page_of(bob_client)
    assert len(page.all("p", css="none-open")) == 1
    assert page.all(css="review") == page.all("p", css="unsure") == []
    clock.shift(HOUR)
    assert len(page_of(bob_client).all("p", css="unsure")) == 1


def told(client: Client) -> list[tuple[str, str]]:
    """The receivers in the line of channels: state and words."""
    line = page_of(client).one("div", css="told-line")
    assert "/t/acme/settings/alerts/" in hrefs(line)
    return [(one.attributes["data-state"], one.text) for one in line.all("li", css="told")]


def test_it_says_where_alerts_go(begun: Environment, alice: User, bob: User, bob_client: Client) -> None:
    team, now = begun.team, timezone.now()
    members = Membership.objects.filter(team=team).order_by("pk")
    for member in members:
        Channel.objects.create(team=team, type="mail", membership=member, wants_alerts=False)
    assert told(bob_client) == []
    Channel.objects.update(wants_alerts=True, last_success_at=now - HOUR)
    hook = Channel.objects.create(team=team, type="webhook", name="pager")
    ((mail, words), new) = told(bob_client)
    assert (mail, words.count("2"), f"{now - HOUR:%H:%M}" in words, new[0]) == ("ok", 1, True, "new")
    Channel.objects.filter(membership=members[0]).update(failing_since=now)
    Channel.objects.filter(pk=hook.pk).update(failing_since=now)
    Delivery.objects.create(channel=hook, key="1", event="test", tries=1, made_at=now, due_at=now + HOUR)
    found = told(bob_client)
    assert [state for state, _words in found] == ["ok", "failing", "failing"]
    assert f"{now + HOUR:%H:%M}" in found[2][1]
    assert "alice@" not in page_of(bob_client).one("main").text
    Channel.objects.filter(pk=hook.pk).update(paused_at=now)
    assert told(bob_client)[2][0] == "paused"


def test_a_fragment_is_less_of_the_same_page(begun: Environment, bob_client: Client) -> None:
    part = tree(bob_client.get(f"{ALERTS}?kind=late", headers={"HX-Request": "true"}))
    assert [row.attributes["data-kind"] for row in part.all("li", css="alert")] == ["late"]
    assert part.all("html") == []
    assert {one.attributes["id"] for one in part if "data-hx-swap-oob" in one.attributes} >= {
        "strip",
        "count",
        "banners",
    }


def test_a_refresh_brings_the_rows(begun: Environment, bob_client: Client) -> None:
    part = tree(bob_client.post(f"{ALERTS}refresh/", headers={"HX-Request": "true"}))
    assert len(part.all("li", css="alert")) == 4


def test_names_are_text(week: object, fill: Fill, bob_client: Client) -> None:
    settle(fill(disk(HOSTILE, 96, 72)))
    Problem.objects.update(
        acknowledged_by=HOSTILE,
        acknowledged_at=timezone.now(),
        acknowledged_until=timezone.now() + HOUR,
        note=HOSTILE,
        ticket=HOSTILE,
    )
    page = page_of(bob_client)
    (row,) = page.all("li", css="alert")
    assert row.all("script") == []
    assert row.one("q").text == HOSTILE
    assert HOSTILE in row.one("a", css="alert-name").text
    assert row.all("a", css="ticket") == []


def test_another_team_has_none_of_it(
    in_rival: object, begun: Environment, bob_client: Client, charlie_client: Client, charlie: User
) -> None:
    settle(Environment.objects.get(team__slug="rival"))
    before = kinds(page_of(bob_client))
    assert len(before) == 4
    assert charlie_client.get(ALERTS).status_code == 404
    assert row_of(page_of(bob_client), "late").attributes["data-number"] == "2"
    for method in ("refresh", "tick", "end"):
        assert charlie_client.post(f"{ALERTS}{method}/").status_code == 404


@pytest.mark.parametrize("lacking", ["key", "environment"])
def test_without_a_key_or_an_environment_it_says_so(
    team: object, bob_client: Client, key: object, lacking: str
) -> None:
    if lacking == "key":
        ApiKey.objects.all().delete()
    page = page_of(bob_client)
    assert len(page.all("div", css="empty")) == 1
    assert page.all(id="filters") == []
