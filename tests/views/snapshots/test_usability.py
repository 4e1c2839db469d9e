"""How to restore from a snapshot, and how to share it, stand only where that is possible."""

from collections.abc import Sequence

import pytest
from django.test import Client
from time_machine import Traveller

from dashboard.teams.models import User
from snapshots.models import ShareLink, Snapshot
from snapshots.sharing import links as sharing
from tests.views.snapshots.conftest import NOW, Fill, detail, record, taken
from tests.views.snapshots.reading import by_id, links, tree

pytestmark = pytest.mark.django_db
# What the lists have of the snapshot, an hour apart; None: it is not among them. And what may be done with it then.
STORIES: dict[str, tuple[Sequence[str | None], str]] = {
    "completed": (["BackedUp"], "usable"),
    "failed": (["Error"], "never"),
    "failed later": (["BackedUp", "Error"], "never"),
    "in progress": (["Creating"], "not-yet"),
    "backing up": (["BackingUp"], "not-yet"),
    "copied after it was complete": (["BackedUp", "Copying"], "not-yet"),
    "copied when first listed": (["Copying"], "unknown"),
    "in a state that is not known": (["Processing"], "unknown"),
    "without a state": ([""], "unknown"),
    "left out once": (["BackedUp", None], "unknown"),
    "left out while in progress": (["Creating", None], "unknown"),
    "being removed": (["BackedUp", "Destroying"], "never"),
    "removed": (["Destroyed"], "never"),
    "no longer listed": (["BackedUp", None, None], "never"),
}


@pytest.fixture(params=STORIES)
def usability(request: pytest.FixtureRequest, fill: Fill, clock: Traveller) -> str:
    states, expected = STORIES[request.param]
    for state in states:
        clock.shift(60)
        fill([record(2), *([taken(1, NOW, state=state)] if state is not None else [])])
    return expected


@pytest.mark.few(5)
def test_restore_and_share_where_possible(usability: str, alice_client: Client) -> None:
    page = alice_client.get(detail(1))
    (use,) = [each for each in tree(page).all("section") if each.attributes.get("aria-labelledby") == "use-title"]
    assert use.attributes["data-usability"] == usability
    assert len(use.all(id="restore")) == (usability == "usable")
    assert [each.attributes["href"] for each in use.all(id="restore-instead")] == (
        [] if usability == "usable" else [detail(2)]
    )
    assert ("Share outside…" in links(page)) == (usability != "never")
    assert len(tree(page).all("form", css="share-form")) == (usability != "never")
    assert len(tree(page).all("section", id="share")) == (usability != "never")
    form = {"days": "7", "form_id": "once"}
    assert alice_client.post(f"{detail(1)}share/", form).status_code == (302 if usability == "never" else 200)
    assert ShareLink.objects.exists() == (usability != "never")


@pytest.mark.few(4)
def test_an_earlier_link_tells_what_became_of_it(
    usability: str, alice: User, alice_client: Client, client: Client
) -> None:
    one = Snapshot.objects.get(snapshot_id=record(1).id)
    _link, address = sharing.make(one, maker=alice.memberships.get(), days=7, form_id="once")
    page = client.get(address.removeprefix("http://localhost:8000"))
    assert tree(page).one(id="answer").attributes["data-usability"] == usability
    restored = tree(page).one(id="meaning").text
    assert ("can be created" in restored, "can’t be restored" in restored) == (
        usability == "usable",
        usability in ("never", "not-yet"),
    )
    assert len(tree(alice_client.get(detail(1))).all("section", id="share")) == 1  # where it can be revoked


# The other usable ones of the volume beside the snapshot of 24 November: what is claimed of its place.
PLACES = {
    "newest": ([taken(2, NOW.replace(day=20))], "The newest of 2"),
    "one may be newer": ([taken(2, NOW, name="by-hand")], "One of 2"),
}


@pytest.mark.parametrize("which", PLACES)
def test_a_place_is_claimed_only_where_times_tell(
    which: str, fill: Fill, clock: Traveller, alice_client: Client
) -> None:
    others, says = PLACES[which]
    fill([taken(1, NOW.replace(hour=1)), *others])
    assert says in by_id(alice_client.get(detail(1)), "verdict").text


def test_what_it_was_when_first_seen_is_not_what_it_is_now(fill: Fill, clock: Traveller, alice_client: Client) -> None:
    for state in ("BackedUp", "Destroying"):
        clock.shift(60)
        fill([taken(1, NOW, state=state)])
    (life,) = [
        each for each in tree(alice_client.get(detail(1))).all("section") if "life-title" in str(each.attributes)
    ]
    assert "Completed" in life.text
    assert "Destroying" not in life.text
