"""A prepared query answers as Django's own does, each time with the values and rows of that moment."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, models
from django.db.models import Count, F
from django.utils import timezone

from dashboard.backends.prepared import Prepared
from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Membership, Role, Team, User
from snapshots.models import Environment
from tests.waiting import together

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
MEMBER = Prepared(
    lambda user, slug: Membership.objects.select_related("team__api_key").filter(user=user, team__slug=slug)
)
OLD = Prepared(
    lambda before: Team.objects.filter(created_at__lt=before).annotate(people=Count("members")).order_by("pk")
)


def fields(row: models.Model, path: Sequence[str] = ("team", "api_key")) -> dict[str, Any]:
    """The columns and annotations of a row, and of the related rows that came with it."""
    found = {name: value for name, value in vars(row).items() if name != "_state"}
    related = row._state.fields_cache.get(path[0]) if path else None
    return found | {"related": related and fields(related, path[1:])}


def test_rows_are_as_djangos(alice: User, bob: User, team: Team) -> None:
    ApiKey.replace(team, Secret("key-of-the-team"))
    Membership.objects.filter(user=bob).update(choices={"volumes": {"columns": ["strip"]}}, seen_until=timezone.now())
    for user in (alice, bob):
        expected = Membership.objects.select_related("team__api_key").get(user=user)
        found = MEMBER.all(user=user.pk, slug="acme")
        assert [fields(each) for each in found] == [fields(expected)]
        assert found[0].team.api_key == team.api_key
        assert (found[0] == expected, found[0]._state.adding, found[0]._state.db) == (True, False, "default")


def test_a_related_row_that_is_not_there_is_none(alice: User, team: Team) -> None:
    member = MEMBER.first(user=alice.pk, slug="acme")
    assert member is not None
    assert not hasattr(member.team, "api_key")


def test_annotations_and_times(alice: User, bob: User, team: Team, rival: Team) -> None:
    Team.objects.filter(pk=rival.pk).update(created_at=F("created_at") - timedelta(days=3))
    rival.refresh_from_db()
    for before in (timezone.now() + timedelta(hours=1), rival.created_at + timedelta(days=1), rival.created_at):
        expected = Team.objects.filter(created_at__lt=before).annotate(people=Count("members")).order_by("pk")
        assert [fields(each) for each in OLD.all(before=before)] == [fields(each) for each in expected]
    assert [each.people for each in OLD.all(before=timezone.now() + timedelta(hours=1))] == [2, 0]  # type: ignore[attr-defined]


def test_each_answer_is_of_its_moment(alice: User, bob: User, team: Team) -> None:
    assert MEMBER.first(user=alice.pk, slug="rival") is None
    first = MEMBER.all(user=alice.pk, slug="acme")
    first[0].role = Role.VIEWER
    assert MEMBER.all(user=alice.pk, slug="acme")[0].role == Role.ADMIN
    Membership.objects.filter(user=alice).update(role=Role.MEMBER)
    assert MEMBER.all(user=alice.pk, slug="acme")[0].role == Role.MEMBER
    Membership.objects.filter(user=alice).delete()
    assert MEMBER.all(user=alice.pk, slug="acme") == []
    assert MEMBER.all(user=bob.pk, slug="acme")[0].user_id == bob.pk


def test_values_are_never_text_of_the_query(alice: User, team: Team) -> None:
    for slug in ("acme' OR 1=1 --", "%s", "%", '"', "acme\\"):
        assert MEMBER.all(user=alice.pk, slug=slug) == []


def test_the_text_is_written_once(
    alice: User, team: Team, django_assert_num_queries: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def make(slug: str) -> models.QuerySet[Team]:
        written.append("")
        return Team.objects.filter(slug=slug)

    query = Prepared(make)
    with django_assert_num_queries(3):
        assert [query.first(slug="acme") for _again in range(3)] == [team] * 3
    assert len(written) == 1


@pytest.mark.django_db(transaction=True)
def test_each_thread_has_its_own_connection(team: Team) -> None:
    """A text that one connection wrote is used in no other one: its converters hold the connection."""

    def ask() -> list[str]:
        try:
            return [each.place for each in OF_TEAM.all(team=team.pk)]
        finally:
            connection.close()

    Environment.objects.create(team=team, service_code="compute-on", name="prod")
    for _again in range(3):
        assert together([ask] * 4, what="the rows") == [["prod · compute-on"]] * 4


OF_TEAM = Prepared(lambda team: Environment.objects.of_team(team))
