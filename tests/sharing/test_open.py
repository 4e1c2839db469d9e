"""What a shared link shows, to whom, and what it leaves behind."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import Team, User
from snapshots.models import Environment, ShareLink, Snapshot
from snapshots.simulator.server import Simulator
from tests.conftest import PASSWORD, Answer, sign_in_client
from tests.sharing.conftest import Make, visit
from tests.views.snapshots.conftest import KEY, VOLUME, Fill, fail, record
from tests.views.snapshots.reading import Element, tree

Tell = Callable[..., None]


def main(answer: Answer) -> Element:
    return tree(answer).one("main")


def facts(answer: Answer) -> dict[str, str]:
    return {row.one("dt").text: row.one("dd").text for row in main(answer).one("dl").all("div")}


def test_it_shows_the_snapshot_and_nothing_else(make: Make) -> None:
    answer = visit(make())
    assert answer.status_code == 200
    assert main(answer).one("h1").text == record(1).name
    assert main(answer).one("strong").text == "Usable."
    assert main(answer).one(css="badge").text == "✓ Completed"
    taken = "23 Nov 2026 11:59:00 UTC from the name"
    assert facts(answer) == {
        "Taken": taken,
        "Type": "Daily",
        "Volume": "ROOT-35545",
        "Link works until": "1 Dec 12:00 UTC",
    }
    assert "24 Nov 12:00 UTC" in main(answer).text


def test_nothing_of_the_team_is_on_it(make: Make, team: Team, snapshot: Snapshot, figures: Tell) -> None:
    link = make()
    row = ShareLink.objects.get()
    page = visit(link).content.decode()
    hidden = [team.name, team.slug, "mia", "example.com", KEY, VOLUME, snapshot.snapshot_id, "compute-on", "prod"]
    hidden += [row.public_id, link.partition(".")[2], row.digest, record(2).name, "/t/", "accounts"]
    found = [word for word in hidden if word in page.replace("product", "")]
    figures("shared links", extra_fields=len(found))
    assert found == []


def test_the_environment_shows_where_it_was_ticked(make: Make) -> None:
    assert facts(visit(make(shows_environment=True)))["Environment"] == "prod · compute-on"


def test_it_leads_nowhere_and_its_title_names_nothing(make: Make) -> None:
    page = tree(visit(make()))
    assert page.one("title").text == "Shared snapshot"
    led = {link for each in page for name, link in each.attributes.items() if name in ("href", "src", "action")}
    assert led == {"/static/css/foundation/tokens.css", "/static/css/public/shared.css"}
    assert {each.attributes.get("property", "") for each in page.all("meta")} == {""}
    assert page.all("script") + page.all("a") + page.all("form") == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "Error"}, "Not usable: it failed."),
        ({"state": "Copying"}, "Not usable yet: in progress."),
        ({"state": "Weird"}, "Unknown: this dashboard does not know the provider's state."),
        ({"name": "  "}, "Snapshot without a name"),
        ({"volume": "", "volume_id": ""}, "—"),
    ],
)
def test_every_state_has_its_words(make: Make, fill: Fill, fields: dict[str, str], words: str) -> None:
    link = make()
    fill([record(1, **fields), record(2)])
    assert words in main(visit(link)).text


def test_a_gone_one_says_so_and_one_in_doubt_too(make: Make, fill: Fill, clock: time_machine.Traveller) -> None:
    link, rest = make(), [record(2)]
    clock.shift(60)
    fill(rest)
    assert "Unknown: missing from the provider's newest list." in main(visit(link)).text
    clock.shift(60)
    fill(rest)
    text = main(visit(link)).text
    assert "Not listed" in text
    assert "No longer listed by the provider, last seen 24 Nov 12:00 UTC." in text
    assert "Usable." not in text


def test_old_data_says_how_old(make: Make, clock: time_machine.Traveller) -> None:
    link = make()
    fail(Environment.objects.get())
    clock.shift(timedelta(days=1, hours=2))
    assert "Was usable at 24 Nov 12:00 UTC; our copy is 1 d old." in main(visit(link)).text


def note_writes(written: list[str]) -> Callable[..., object]:
    def wrapper(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if not sql.startswith("SELECT"):
            written.append(sql)
        return execute(sql, *rest)

    return wrapper


@pytest.mark.parametrize("views", [40, pytest.param(1_000, marks=pytest.mark.proof)])
def test_views_ask_nobody_and_leave_no_session(
    make: Make, sim: Simulator, clock: time_machine.Traveller, figures: Tell, views: int
) -> None:
    link, sessions = make(), Session.objects.count()
    clock.shift(timedelta(hours=3))  # the copy is old: a member's page would refresh it
    visit(link)
    client, place = Client(), count()
    written: list[str] = []
    with connection.execute_wrapper(note_writes(written)):
        for _ in range(views):
            assert visit(link, address=f"10.0.0.{next(place) % 200}", client=client).status_code == 200
    left = Session.objects.count() - sessions
    figures("shared links", views=views, provider_calls=sim.calls(""), session_rows=left, writes=len(written))
    assert (sim.calls(""), left, written, client.cookies.output()) == (0, 0, [], "")


@pytest.mark.parametrize("person", ["charlie", "alice"])
def test_who_is_signed_in_sees_the_same_and_stays_signed_in(
    make: Make, request: pytest.FixtureRequest, person: str
) -> None:
    user: User = request.getfixturevalue(person)
    link, client = make(), sign_in_client(user)
    before = dict(client.session)
    answer = visit(link, client=client)
    assert answer.content == visit(link).content
    assert (answer.cookies.output(), "Cookie" in answer.get("Vary", "")) == ("", False)
    assert dict(client.session) == before
    assert client.get("/teams/").status_code in (200, 302)
    assert "login" not in client.get("/teams/").get("Location", "")


def test_a_sign_in_that_waits_for_its_code_goes_on(make: Make, alice: User) -> None:
    link, client = make(), Client()
    client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    before = client.cookies.output()
    visit(link, client=client)
    assert client.cookies.output() == before


def test_the_link_opens_nothing_else(make: Make, figures: Tell, snapshot: Snapshot) -> None:
    link, other = make(), record(2).id
    more = ["/", "/check/", "/../", f"/{other}", "/raw", "/static/../", "/refresh/", ".csv", "%2f", "/api/v1/"]
    answers = [visit(f"{link}{end}", address=f"10.1.0.{number}") for number, end in enumerate(more)]
    asked = [visit(f"{link}?volume_id={VOLUME}"), visit(f"{link}?snapshot={other}&page=2&format=json")]
    figures("shared links", foreign_objects_reached=sum(answer.status_code == 200 for answer in answers))
    assert {answer.status_code for answer in answers} == {404}
    assert [answer.content for answer in asked] == [visit(link).content] * 2
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        assert visit(link, method=method, client=Client(enforce_csrf_checks=True)).status_code == 405


def test_what_is_shown_is_what_is_known_now(make: Make, fill: Fill) -> None:
    link, now = make(), timezone.now()
    fill([record(1, volume="renamed"), record(2)], received_at=now)
    assert facts(visit(link))["Volume"] == "renamed"
