"""Acknowledged problems: quiet for the team until a time, with a note and a ticket. Members and admins may."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import AuditEvent, EventKind, Membership, Role, User
from snapshots.models import Environment, Problem
from tests.alerts.page import ALERTS, copies_of, fields, kinds, page_of, press, problem, row_of, section, tick, unseen
from tests.views.snapshots.conftest import PATH
from tests.views.snapshots.reading import Element, Response, tree
from tests.views.volumes.home.steps import HOSTILE

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
FORM = f"{ALERTS}acknowledge/"
LATE = f"{PATH} late"


@pytest.fixture
def member(bob: User, team: object) -> User:
    Membership.objects.filter(user=bob).update(role=Role.MEMBER)
    return bob


def form_of(client: Client, kind: str) -> Element:
    link = next(one for one in row_of(page_of(client), kind).all("a") if FORM in one.attributes["href"])
    return tree(client.get(link.attributes["href"])).one("form", id="acknowledge")


def acknowledge(client: Client, kind: str, **values: str) -> Response:
    form = form_of(client, kind)
    answer: Response = client.post(form.attributes["action"], fields(form) | values)
    return answer


def end(client: Client, kind: str) -> Response:
    (form,) = [one for one in row_of(page_of(client), kind).all("form") if "/end/" in one.attributes["action"]]
    answer: Response = press(client, form)
    return answer


def test_it_covers_what_is_in_the_group_now(begun: Environment, member: User, bob_client: Client) -> None:
    answer = acknowledge(bob_client, "late", note="Moves house", ticket="OPS-1482")
    assert answer.status_code == 302
    until = timezone.now() + 4 * HOUR
    late = Problem.objects.filter(kind=Problem.Kind.LATE)
    assert {(one.acknowledged_until, one.note, one.ticket) for one in late} == {(until, "Moves house", "OPS-1482")}
    page = page_of(bob_client)
    assert (kinds(page), kinds(page, "quiet"), unseen(page)) == (["none", "stuck", "failing"], ["late"], "3")
    copies_of("late", 1)
    Problem.objects.filter(pk=Problem.objects.latest("pk").pk).update(acknowledged_until=None)
    assert "late" in kinds(page_of(bob_client))


def test_how_long(begun: Environment, member: User, bob_client: Client, clock: time_machine.Traveller) -> None:
    now = timezone.now()
    clock.shift(0.5)
    for ends, expected in [("4h", now + 4 * HOUR), ("7d", now + 7 * 24 * HOUR)]:
        acknowledge(bob_client, "late", ends=ends)
        # The next whole minute, for pages are cached so long.
        assert problem("late").acknowledged_until == expected + timedelta(minutes=1)
        end(bob_client, "late")
    acknowledge(bob_client, "late", ends="tomorrow")
    assert f"{problem('late').acknowledged_until:%H:%M}" == "08:00"
    end(bob_client, "late")
    day = (now + timedelta(days=9)).date()
    acknowledge(bob_client, "late", ends="date", day=day.isoformat())
    assert f"{problem('late').acknowledged_until:%Y-%m-%d %H:%M}" == f"{day} 00:00"


WRONG = [
    {"ends": "date"},
    {"ends": "date", "day": "2020-01-01"},
    {"ends": "date", "day": "2099-01-01"},
    {"ends": "date", "day": "odd"},
    {"ends": "odd"},
    {"ticket": "javascript:alert(1)"},
    {"ticket": "http://tickets.example/1"},
    {"ticket": "https://"},
    {"ticket": "https://tickets.example/" + "x" * 200},
    {"note": "x" * 501},
    {"mark": "another"},
]


def test_an_error_is_beside_its_field_and_nothing_typed_is_lost(
    begun: Environment, member: User, bob_client: Client
) -> None:
    for wrong in WRONG:
        answer = acknowledge(bob_client, "late", **{"note": "Moves house", "ticket": "OPS-1"} | wrong)
        form = tree(answer).one("form", id="acknowledge")
        sent = {"note": "Moves house", "ticket": "OPS-1"} | wrong
        assert (answer.status_code, fields(form)["note"]) == (200, sent["note"])
        assert fields(form)["ticket"] == sent["ticket"]
        errors = [*form.all("div", css="form-error"), *form.all("div", css="bad")]
        assert len(errors) == 1, wrong
    assert not Problem.objects.filter(acknowledged_until__isnull=False).exists()


def test_only_an_https_address_is_a_link(begun: Environment, member: User, bob_client: Client) -> None:
    acknowledge(bob_client, "late", ticket="https://tickets.example/OPS-1?a=1&b=2")
    acknowledge(bob_client, "stuck", ticket="OPS-1")
    page = page_of(bob_client)
    assert row_of(page, "late").one("a", css="ticket").attributes["href"] == "https://tickets.example/OPS-1?a=1&b=2"
    assert row_of(page, "stuck").all("a", css="ticket") == []
    assert row_of(page, "stuck").one("bdi", css="ticket").text == "OPS-1"


def test_a_note_is_text(begun: Environment, member: User, bob_client: Client) -> None:
    acknowledge(bob_client, "late", note=HOSTILE)
    note = row_of(page_of(bob_client), "late").one("q").text
    assert note == HOSTILE.replace("\u202e", " ")


def test_it_ends_with_its_time(
    begun: Environment, member: User, bob_client: Client, clock: time_machine.Traveller
) -> None:
    acknowledge(bob_client, "late")
    clock.shift(4 * HOUR - timedelta(seconds=1))
    assert kinds(page_of(bob_client), "quiet") == ["late"]
    clock.shift(1)
    assert kinds(page_of(bob_client), "quiet") == []
    assert unseen(page_of(bob_client)) == "4"


def test_it_ends_with_the_problem(begun: Environment, member: User, bob_client: Client) -> None:
    acknowledge(bob_client, "late")
    Problem.objects.filter(kind=Problem.Kind.LATE).update(ended_at=timezone.now(), end="recovered")
    Environment.everything.raise_generation()
    page = page_of(bob_client)
    assert (kinds(page, "quiet"), kinds(page, "ended")) == ([], ["late"])


@pytest.mark.both_databases
@pytest.mark.parametrize(("before", "is_quiet"), [("late", False), ("none", True)])
def test_without_a_usable_snapshot_it_holds_only_if_that_was_known(
    begun: Environment, member: User, bob_client: Client, before: str, is_quiet: bool
) -> None:
    acknowledge(bob_client, before)
    late = problem(before)
    Problem.objects.filter(pk=late.pk).update(kind=Problem.Kind.NONE)
    Environment.everything.raise_generation()
    assert problem(before).is_quiet(timezone.now()) is is_quiet
    now = timezone.now()
    assert Problem.objects.acknowledged(now).filter(pk=late.pk).exists() is is_quiet
    assert Problem.objects.not_acknowledged(now).filter(pk=late.pk).exists() is not is_quiet
    assert ("none" in kinds(page_of(bob_client), "quiet")) is is_quiet


def test_it_is_changed_and_ended(begun: Environment, member: User, bob_client: Client) -> None:
    acknowledge(bob_client, "late", note="First", ticket="1")
    form = form_of(bob_client, "late")
    assert (fields(form)["note"], fields(form)["ends"]) == ("First", "same")
    acknowledge(bob_client, "late", note="Second", ends="7d")
    assert (problem("late").note, problem("mixed").note) == ("Second", "Second")
    end(bob_client, "late")
    assert kinds(page_of(bob_client), "quiet") == []
    # It stays in the problem's history.
    assert problem("late").note == "Second"
    events = AuditEvent.objects.filter(kind__startswith="acknowledge").order_by("pk").values_list("kind", flat=True)
    assert list(events) == [EventKind.ACKNOWLEDGED, EventKind.ACKNOWLEDGED, EventKind.ACKNOWLEDGEMENT_ENDED]


def test_each_act_is_undone(begun: Environment, member: User, bob_client: Client) -> None:
    def undo() -> list[str]:
        message = page_of(bob_client).one("ul", css="messages")
        press(bob_client, message.one("form"))
        return kinds(page_of(bob_client), "quiet")

    acknowledge(bob_client, "late", note="First")
    assert undo() == []
    assert problem("late").note == ""
    acknowledge(bob_client, "late", note="Second")
    end(bob_client, "late")
    assert undo() == ["late"]
    assert problem("mixed").note == "Second"


def test_nothing_that_changed_since_is_undone(begun: Environment, member: User, bob_client: Client) -> None:
    acknowledge(bob_client, "late", note="First")
    Problem.objects.filter(pk=problem("late").pk).update(note="of another member")
    press(bob_client, page_of(bob_client).one("ul", css="messages").one("form"))
    assert kinds(page_of(bob_client), "quiet") != []


def test_a_viewer_reads_it_and_may_not(begun: Environment, bob_client: Client, alice_client: Client) -> None:
    acknowledge(alice_client, "late", note="Moves house")
    page = page_of(bob_client)
    assert row_of(page, "late").one("q").text == "Moves house"
    assert [one for one in page.all("a") if FORM in one.attributes["href"]] == []
    assert bob_client.get(f"{FORM}?group={LATE}").status_code == 403
    for name in ("acknowledge", "end"):
        assert bob_client.post(f"{ALERTS}{name}/?group={LATE}", {"group": LATE}).status_code == 403


def test_what_has_ended_says_so(begun: Environment, member: User, bob_client: Client) -> None:
    assert tree(bob_client.get(f"{FORM}?group=nonsense")).all("form", id="acknowledge") == []
    assert bob_client.post(f"{ALERTS}end/", {"group": LATE}).status_code == 302
    assert len(page_of(bob_client).all("ul", css="messages")) == 1


def test_another_teams_is_not_there(
    in_rival: object, begun: Environment, member: User, bob_client: Client, charlie_client: Client
) -> None:
    form = form_of(bob_client, "late")
    assert charlie_client.post(form.attributes["action"], fields(form)).status_code == 404
    rival = form.attributes["action"].replace("/t/acme/", "/t/rival/")
    assert tree(charlie_client.post(rival, fields(form))).all("form", id="acknowledge") == []
    assert not Problem.objects.filter(acknowledged_until__isnull=False).exists()


def test_ticks_stay_when_it_ends(begun: Environment, member: User, bob_client: Client) -> None:
    tick(bob_client, "late")
    acknowledge(bob_client, "late")
    assert section(page_of(bob_client), "quiet") is not None
    end(bob_client, "late")
    assert unseen(page_of(bob_client)) == "3"
