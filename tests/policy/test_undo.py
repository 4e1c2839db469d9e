"""After an act the page offers to undo it: what was there before comes back, unless it changed since."""

from collections.abc import Callable

import pytest
import time_machine
from django.test import Client

from dashboard.teams.models import Membership, Role, Team, User
from snapshots.models import Environment, LastAct, Policy, SavedView, Volume
from tests.conftest import Answer
from tests.policy.steps import (
    EXCLUSIONS,
    HOME,
    RESUME,
    TARGETS,
    audited,
    exclude,
    headings,
    pk,
    undo,
    verdicts,
)
from tests.views.snapshots.reading import tree

pytestmark = pytest.mark.django_db
TARGET = f"{HOME}volumes/target/"
PLACE = {"environment": "compute-on/prod"}
Act = Callable[[Client], Answer]


def decided(team: Team) -> list[object]:
    """Everything that a member may decide, and the verdicts that follow."""
    said = ("excluded_until", "exclusion_reason", "excluded_by", "target_hours")
    return [
        list(Volume.objects.order_by("pk").values_list(*said, "excluded_at")),
        list(Environment.objects.order_by("pk").values_list(*said)),
        list(Policy.objects.values_list("target_hours")),
        list(SavedView.objects.values_list("name", "page", "query", "made_by", "is_start")),
        verdicts(team),
    ]


def post(client: Client, address: str, **values: object) -> Answer:
    return client.post(address, values, follow=True)


def resume(client: Client) -> Answer:
    return post(client, f"{RESUME}?volume={pk(3)}&volume={pk(4)}&volume={pk(5)}", number=3)


def set_target(client: Client) -> Answer:
    return post(client, f"{TARGET}?volume={pk(2)}&volume={pk(3)}", number=2, hours=1)


def delete_view(client: Client) -> Answer:
    return post(client, f"{HOME}views/delete/", view=SavedView.objects.get().pk)


ACTS: dict[str, Act] = {
    "exclude": lambda client: exclude(client, f"volume={pk(1)}&volume={pk(2)}", 2),
    "resume": resume,
    "volumes' target": set_target,
    "volume's target": lambda client: post(client, TARGETS, hours=1, volume=pk(2)),
    "environment's target": lambda client: post(client, TARGETS, hours=1, **PLACE),
    "team's target": lambda client: post(client, TARGETS, hours=1),
    "excluded environment": lambda client: post(client, EXCLUSIONS, reason="x", ends="never", **PLACE),
    "deleted view": delete_view,
}


# What is written back: an exclusion, a target, a view. The other acts write the same rows.
IN_BOTH = ("exclude", "team's target", "deleted view")


@pytest.fixture
def before(alice_client: Client, team: Team, mixture: Environment, clock: time_machine.Traveller) -> list[object]:
    """Decisions of another member, of which no two volumes have the same."""
    exclude(alice_client, f"volume={pk(3)}", 1, follow=False)
    clock.shift(1)
    exclude(alice_client, f"volume={pk(4)}&volume={pk(5)}", 2, follow=False, reason="another", ends="never")
    alice_client.post(TARGETS, {"hours": 48, "volume": pk(2)})
    alice_client.post(f"{HOME}views/save/", {"name": "Failed ones", "page": "volumes", "query": "q=disk"})
    alice_client.get(f"{HOME}settings/people/")  # a page that says all of this, so that the next one does not
    clock.shift(1)
    return decided(team)


@pytest.mark.few(3)
@pytest.mark.parametrize(
    "act", [pytest.param(act, marks=pytest.mark.both_databases(proof=act not in IN_BOTH)) for act in ACTS]
)
def test_what_was_there_before_comes_back(dora_client: Client, team: Team, before: list[object], act: str) -> None:
    page = ACTS[act](dora_client)
    assert decided(team) != before
    events, generation = len(audited()), Environment.objects.get().generation
    answer = undo(dora_client, page)
    assert answer.status_code == 200
    assert decided(team) == before
    assert tree(answer).one("ul", css="messages").all(css="success")
    if act != "deleted view":
        assert len(audited()) > events
        assert Environment.objects.get().generation > generation


def test_the_first_question_is_asked_again(dora_client: Client, team: Team, mixture: Environment) -> None:
    before = decided(team)
    undo(dora_client, post(dora_client, TARGETS, hours=24))
    assert decided(team) == before
    assert not Policy.objects.exists()


# What another member does then with a row of the act.
OTHERS: dict[str, Act] = {
    "exclude": lambda client: client.post(f"{RESUME}?volume={pk(2)}", {"number": 1}),
    "resume": lambda client: exclude(client, f"volume={pk(3)}", 1, follow=False, reason="mine"),
    "volumes' target": lambda client: client.post(TARGETS, {"hours": 2, "volume": pk(2)}),
    "volume's target": lambda client: client.post(TARGETS, {"hours": 2, "volume": pk(2)}),
    "environment's target": lambda client: client.post(TARGETS, {"hours": 3, **PLACE}),
    "team's target": lambda client: client.post(TARGETS, {"hours": 4}),
    "excluded environment": lambda client: client.post(EXCLUSIONS, {"reason": "mine", "ends": "never", **PLACE}),
    "deleted view": lambda client: client.post(
        f"{HOME}views/save/", {"name": "Failed ones", "page": "volumes", "query": "q=other"}
    ),
}


@pytest.mark.few(1)
@pytest.mark.few(3)
@pytest.mark.parametrize("act", ACTS)
def test_it_is_refused_if_it_changed_since(
    alice_client: Client, dora_client: Client, team: Team, before: list[object], act: str
) -> None:
    page, by_act = ACTS[act](dora_client), decided(team)
    assert OTHERS[act](alice_client).status_code == 302
    left = decided(team)
    assert left != by_act
    answer = undo(dora_client, page)
    assert tree(answer).one("ul", css="messages").all(css="warning")
    assert decided(team) == left


def test_the_last_act_alone_is_undone_and_once(
    dora_client: Client, team: Team, before: list[object], clock: time_machine.Traveller
) -> None:
    first = ACTS["exclude"](dora_client)
    clock.shift(1)
    set_target(dora_client)
    left = decided(team)
    assert tree(undo(dora_client, first)).one("ul", css="messages").all(css="warning")
    assert decided(team) == left
    second = set_target(dora_client)
    undo(dora_client, second)
    assert tree(undo(dora_client, second)).one("ul", css="messages").all(css="warning")
    assert LastAct.objects.filter(user__email="dora@example.com").count() == 0


def test_nobody_undoes_what_another_did(
    alice_client: Client,
    bob_client: Client,
    charlie_client: Client,
    dora_client: Client,
    team: Team,
    mixture: Environment,
) -> None:
    ACTS["exclude"](dora_client)
    left = decided(team)
    act = {"act": LastAct.objects.get().at.isoformat()}
    assert bob_client.post(f"{HOME}undo/", act).status_code == 403
    assert charlie_client.post(f"{HOME}undo/", act).status_code == 404
    for client, home in ((alice_client, HOME), (charlie_client, "/t/rival/")):
        assert client.post(f"{home}undo/", act).status_code == 302
    dora_client.post(f"{HOME}undo/", {"act": "x"})
    assert decided(team) == left


def test_a_former_admin_does_not_bring_a_start_page_back(
    alice: User, alice_client: Client, dora: User, team: Team, before: list[object]
) -> None:
    SavedView.objects.update(is_start=True)
    page = delete_view(alice_client)
    Membership.objects.filter(user=dora).update(role=Role.ADMIN)
    Membership.objects.filter(user=alice).update(role=Role.MEMBER)
    undo(alice_client, page)
    assert SavedView.objects.get().is_start is False


def test_a_target_is_set_for_the_chosen_volumes(
    dora_client: Client, bob_client: Client, charlie_client: Client, team: Team, mixture: Environment
) -> None:
    assert headings(dora_client.get(f"{TARGET}?which=match&schedule=DAILY")) == ["2 volumes"]
    for hours, stored in (("24", 24), ("0", 0), ("", None), ("x", None), ("-1", None)):
        dora_client.post(f"{TARGET}?volume={pk(1)}&volume={pk(2)}", {"number": 2, "hours": hours})
        found = Volume.objects.filter(name__in=["disk-1", "disk-2"]).values_list("target_hours", flat=True)
        assert set(found) == {stored}
    assert Volume.objects.filter(target_hours__isnull=False).count() == 0
    for client, status in ((bob_client, 403), (charlie_client, 404)):
        assert client.post(f"{TARGET}?volume={pk(1)}", {"number": 1, "hours": 1}).status_code == status
