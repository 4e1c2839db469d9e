"""Ticks: what a member has looked at. They are this member's own, and fall when a problem gets worse."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import Membership, User
from snapshots.models import Environment, Problem, ProblemTick
from tests.alerts.page import ALERTS, copies_of, is_ticked, page_of, press, problem, row_of, tick, unseen
from tests.views.snapshots.reading import Element, tree

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{ALERTS}"}


def strip(page: Element) -> Element:
    return page.one(id="strip").one("div", css="review")


@pytest.mark.both_databases
def test_one_is_ticked_off_and_taken_back(begun: Environment, bob_client: Client) -> None:
    assert (unseen(page_of(bob_client)), is_ticked(row_of(page_of(bob_client), "late"))) == ("4", False)
    assert tick(bob_client, "late").headers["Location"] == ALERTS
    page = page_of(bob_client)
    assert (unseen(page), is_ticked(row_of(page, "late"))) == ("3", True)
    assert len(strip(page).all("i", css="on")) == 1
    tick(bob_client, "late")
    page = page_of(bob_client)
    assert (unseen(page), is_ticked(row_of(page, "late"))) == ("4", False)


def test_it_is_for_this_member_alone(begun: Environment, bob_client: Client, alice_client: Client) -> None:
    tick(bob_client, "late")
    assert unseen(page_of(alice_client)) == "4"
    assert not is_ticked(row_of(page_of(alice_client), "late"))


def test_all_are_ticked_off_at_once(begun: Environment, bob_client: Client, clock: time_machine.Traveller) -> None:
    assert press(bob_client, strip(page_of(bob_client)).one("form")).status_code == 302
    page = page_of(bob_client)
    assert unseen(page) == ""
    assert strip(page).all("form") == []
    assert "done" in strip(page).attributes["class"]
    assert f"{timezone.now():%H:%M}" in strip(page).one("strong").text


@pytest.mark.parametrize("days", [40, 0])
def test_it_says_since_when_only_if_all_began_after_the_last_visit(
    begun: Environment, bob: User, bob_client: Client, days: int
) -> None:
    page_of(bob_client)
    Problem.objects.filter(pk=problem("late").pk).update(began_at=timezone.now() - timedelta(days=30))
    Membership.objects.filter(user=bob).update(seen_until=timezone.now() - timedelta(days=days))
    Problem.objects.filter(kind=Problem.Kind.NONE).update(began_at=timezone.now() - timedelta(days=1))
    text = strip(page_of(bob_client)).one("p", css="review-text")
    assert "4" in text.one("strong").text
    assert len(text.all("span")) == bool(days)


def test_a_new_volume_in_a_group_makes_it_unseen(begun: Environment, bob_client: Client) -> None:
    tick(bob_client, "late")
    copies_of("late", 1)
    row = row_of(page_of(bob_client), "late")
    assert not is_ticked(row)
    assert "1" in row.one("span", css="unseen").text
    tick(bob_client, "late")
    assert is_ticked(row_of(page_of(bob_client), "late"))
    assert ProblemTick.objects.count() == 3


@pytest.mark.both_databases
def test_what_got_worse_is_unseen(begun: Environment, bob_client: Client) -> None:
    tick(bob_client, "failing")
    Problem.objects.filter(pk=problem("failing").pk).update(kind=Problem.Kind.STUCK)
    Environment.everything.raise_generation()
    assert unseen(page_of(bob_client)) == "3"
    assert not is_ticked(row_of(page_of(bob_client), "stuck"))
    Problem.objects.filter(pk=problem("stuck").pk).update(kind=Problem.Kind.FAILING)
    tick(bob_client, "stuck")
    assert is_ticked(row_of(page_of(bob_client), "stuck"))


@pytest.mark.parametrize("kind", ["late", ""])
def test_nothing_is_ticked_that_was_not_shown(begun: Environment, bob_client: Client, kind: str) -> None:
    page = page_of(bob_client)
    form = row_of(page, kind).one("div", css="alert-tick").one("form") if kind else strip(page).one("form")
    pattern = problem("late")
    pattern.pk, pattern.volume = None, problem("failing").volume
    Problem.objects.filter(pk=problem("failing").pk).update(ended_at=timezone.now())
    pattern.save()
    assert press(bob_client, form).status_code == 302
    assert not ProblemTick.objects.exists()
    assert len(tree(bob_client.get(ALERTS)).all("ul", css="messages")) == 1


def test_the_page_from_the_cache_has_the_ticks_of_now(begun: Environment, bob_client: Client) -> None:
    tick(bob_client, "late")
    assert (unseen(page_of(bob_client)), is_ticked(row_of(page_of(bob_client), "late"))) == ("3", True)
    tick(bob_client, "late")
    tick(bob_client, "stuck")
    assert (unseen(page_of(bob_client)), is_ticked(row_of(page_of(bob_client), "late"))) == ("3", False)


def test_a_filter_ticks_what_it_shows(begun: Environment, bob_client: Client) -> None:
    page = page_of(bob_client, "?q=mixed")
    press(bob_client, row_of(page, "late").one("div", css="alert-tick").one("form"))
    assert [one.problem.pk for one in ProblemTick.objects.all()] == [problem("mixed").pk]
    assert "1" in row_of(page_of(bob_client), "late").one("span", css="unseen").text


def test_with_a_script_only_what_changed_is_answered(begun: Environment, bob_client: Client) -> None:
    form = row_of(page_of(bob_client), "late").one("div", css="alert-tick").one("form")
    part = tree(press(bob_client, form, **HTMX))
    assert part.all("li", css="alert") == []
    assert part.one("button", css="tick").attributes["aria-pressed"] == "true"
    swapped = {one.attributes["id"] for one in part if "data-hx-swap-oob" in one.attributes}
    assert {"strip", "pages", "menu-count"} < swapped
    assert unseen(part) == "3"


def test_with_a_script_what_changed_since_is_shown_anew(begun: Environment, bob_client: Client) -> None:
    answer = bob_client.post(f"{ALERTS}tick/", {"group": "nonsense", "mark": "x"}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == ALERTS


def test_of_an_ended_problem_nothing_is_left(begun: Environment, bob_client: Client) -> None:
    tick(bob_client, "late")
    Problem.objects.filter(kind=Problem.Kind.LATE).update(ended_at=timezone.now(), end="recovered")
    Environment.everything.raise_generation()
    page = page_of(bob_client)
    assert (unseen(page), strip(page).all("i", css="on")) == ("3", [])
    Problem.objects.all().delete()
    assert not ProblemTick.objects.exists()
