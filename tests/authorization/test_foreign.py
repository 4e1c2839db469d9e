"""The ids of another team, in addresses, forms and filters of one's own: nothing is found, told or changed by them."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from tests.authorization.conftest import House
from tests.authorization.plan import NUMBERED_VIEWS, OTHER_VIEWS, PARTS, TEAM_VIEWS, level
from tests.authorization.rows import all_rows, changed, rows_of
from tests.conftest import PASSWORD
from tests.views.snapshots.conftest import VOLUME

Tell = Callable[..., None]
# Both ways: who is admin here and reaches for what is there.
WAYS = [("charlie", "rival", "acme"), pytest.param("alice", "acme", "rival", marks=pytest.mark.proof)]
# A snapshot that our copy of an own environment does not have is looked for at the provider: any id may be asked for.
MAY_BE_UNKNOWN = frozenset({"snapshots:detail", "snapshots:check"})


def tells_of(content: bytes, team: str) -> bool:
    return re.search(rb"FOREIGN[\w-]*" + team.encode(), content, re.IGNORECASE) is not None


def foreign_fields(house: House, theirs: str) -> dict[str, str]:
    """Every name under which an id might be read, with the other team's id."""
    ids = house.arguments[theirs]
    place = f"{ids['service_code']}/{ids['environment_name']}"
    session = UserSession.objects.filter(user__memberships__team=house.teams[theirs]).first()
    assert session is not None
    named = {"pending": str(house.pending[theirs]), "session": str(session.pk), "environment": place}
    return {**ids, **named, "id": ids["member"], "volume_id": VOLUME, "role": "admin", "snapshot": ids["snapshot_id"]}


@pytest.fixture(autouse=True)
def sessions(house: House) -> None:
    for user in house.users.values():
        Client().post("/accounts/login/", {"login": user.email, "password": PASSWORD})


@pytest.mark.parametrize(("person", "ours", "theirs"), WAYS)
def test_foreign_ids_in_own_addresses_are_not_found(
    house: House, figures: Tell, person: str, ours: str, theirs: str
) -> None:
    before, asked, found = all_rows(), 0, []
    for view in NUMBERED_VIEWS:
        foreign = house.address(view, theirs, team=ours)
        for method in ("GET", "POST"):
            status = house.do(person, method, foreign, foreign_fields(house, theirs)).status_code
            asked += 1
            none = 404 if level(view, method) else 302 if method == "GET" else 405
            found += [(view, method, status)] if status != none else []
    figures("matrix", requests=asked, foreign_ids_found=len(found))
    assert found == []
    assert changed(before, all_rows()) == []


@pytest.mark.parametrize(("person", "ours", "theirs"), WAYS)
def test_one_foreign_id_among_own_ones_tells_nothing(house: House, person: str, ours: str, theirs: str) -> None:
    before = rows_of(house.teams[theirs])
    for view in NUMBERED_VIEWS:
        for part in PARTS[view]:
            url = house.address(view, ours, **{part: house.arguments[theirs][part]})
            for method in ("GET", "POST"):
                answer = house.ask(person, method, url)
                assert not tells_of(answer.content, theirs), (view, part)
                led_back = level(view, method) is None and answer.status_code == 302
                assert (
                    answer.status_code in (404, 405) or led_back or not differs(house, part) or view in MAY_BE_UNKNOWN
                )
    assert changed(before, rows_of(house.teams[theirs])) == []


def differs(house: House, part: str) -> bool:
    return house.arguments["acme"][part] != house.arguments["rival"][part]


@pytest.mark.parametrize(("person", "ours", "theirs"), WAYS)
def test_foreign_ids_in_own_forms_and_filters_do_nothing(
    house: House, figures: Tell, person: str, ours: str, theirs: str
) -> None:
    before, asked = rows_of(house.teams[theirs]), 0
    fields = foreign_fields(house, theirs)
    for view in TEAM_VIEWS + OTHER_VIEWS:
        url = house.address(view, ours)
        with house.undone():
            for method, asked_for in (("GET", f"{url}?{urlencode(fields)}"), ("POST", url)):
                answer = house.do(person, method, asked_for, fields)
                assert answer.status_code < 500
                assert not tells_of(answer.content, theirs), (view, method)
                asked += 1
            assert changed(before, rows_of(house.teams[theirs])) == [], view
    figures("matrix", requests=asked)
