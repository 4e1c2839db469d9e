"""Making a link: by whom, for how long, how many, shown once."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.serializers import serialize
from django.test import Client
from django.utils import timezone

from dashboard.random_secrets import SECRET_BYTES, new_secret
from dashboard.teams.models import AuditEvent, EventKind, Membership, Team
from snapshots.models import ShareLink, Snapshot
from snapshots.sharing import links
from tests.conftest import Answer
from tests.sharing.conftest import Make, visit
from tests.views.snapshots.conftest import Fill, detail, record
from tests.views.snapshots.reading import tree

Tell = Callable[..., None]
PAGE = detail(1)
FORM = f"{PAGE}share/"
SWITCH = "/t/acme/settings/security/shared-links/"


def post(client: Client, **values: str) -> Answer:
    return client.post(FORM, {"days": "7", "form_id": "form"} | values, follow=True)


def shown(answer: Answer) -> str:
    """The path of the address that is shown."""
    (field,) = tree(answer).all("input", id="link")
    assert field.attributes["value"].startswith("http://localhost:8000/s/")
    return field.attributes["value"].removeprefix("http://localhost:8000")


def said(answer: Answer) -> list[str]:
    return [line.text for shown in tree(answer).all("ul", css="messages") for line in shown.all("li")]


def test_a_member_makes_one_and_it_opens(mia_client: Client, snapshot: Snapshot, mia: Membership) -> None:
    answer = post(mia_client, days="30")
    assert visit(shown(answer)).status_code == 200
    link = ShareLink.objects.get()
    assert (link.snapshot, link.maker, link.made_by) == (snapshot, mia, "mia@example.com")
    assert link.expires_at - link.made_at == timedelta(days=30)
    assert not link.shows_environment
    (copied,) = [each.attributes["data-copy-text"] for each in tree(answer) if "data-copy-text" in each.attributes]
    assert copied == f"http://localhost:8000{shown(answer)}"
    assert answer["Cache-Control"] == "private, no-store"


def test_the_form_offers_seven_days_and_no_environment(mia_client: Client, snapshot: Snapshot) -> None:
    panel = tree(mia_client.get(PAGE)).one("section", id="share")
    options = {each.attributes["value"]: "selected" in each.attributes for each in panel.all("option")}
    assert options == {"1": False, "7": True, "30": False, "90": False}
    assert "checked" not in panel.one("input", name="environment").attributes
    assert panel.one("input", name="form_id").attributes["value"] not in mia_client.get(PAGE).content.decode()


def test_a_viewer_and_strangers_make_none(
    bob_client: Client, charlie_client: Client, anon_client: Client, snapshot: Snapshot
) -> None:
    assert tree(bob_client.get(PAGE)).all(id="share") == []
    assert b"Share outside" not in bob_client.get(PAGE).content
    answers = [client.post(FORM, {"days": "7", "form_id": "x"}) for client in (bob_client, charlie_client, anon_client)]
    assert [answer.status_code for answer in answers] == [403, 404, 302]
    assert ShareLink.objects.count() == 0


@pytest.mark.parametrize("values", [{"days": "0"}, {"days": "3650"}, {"days": "x"}, {"form_id": ""}])
def test_other_times_are_not_taken(mia_client: Client, snapshot: Snapshot, values: dict[str, str]) -> None:
    assert said(post(mia_client, **values)) == ["Choose when the link expires."]
    assert ShareLink.objects.count() == 0


@pytest.mark.both_databases
def test_a_form_sent_twice_makes_one_and_says_so(mia_client: Client, alice_client: Client, snapshot: Snapshot) -> None:
    first, second = post(mia_client), post(mia_client)
    assert tree(second).one("h1").text == "This link already exists"
    assert shown(first).partition(".")[2] not in second.content.decode()
    assert ShareLink.objects.count() == 1
    post(alice_client)  # the same form's name, of somebody else
    assert ShareLink.objects.count() == 2


def test_the_secret_is_shown_once_and_kept_nowhere(
    mia_client: Client, alice_client: Client, snapshot: Snapshot, figures: Tell, caplog: pytest.LogCaptureFixture
) -> None:
    secret = shown(post(mia_client)).partition(".")[2]
    visit(f"/s/x.{secret}")
    pages = [PAGE, "/t/acme/settings/shared-links/", "/t/acme/settings/audit/", f"{SWITCH}", "/t/acme/changes/"]
    seen = "".join(alice_client.get(page).content.decode() for page in pages) + mia_client.get(PAGE).content.decode()
    rows = serialize("json", [*ShareLink.objects.all(), *AuditEvent.objects.all()])
    kept = repr(dict(mia_client.session)) + mia_client.cookies.output() + repr(ShareLink.objects.get())
    hits = sum(secret in text for text in (seen, rows, kept))
    figures("shared links", secret_kept=hits)
    assert hits == 0
    assert len(secret) == 43


def test_secrets_are_random_and_never_the_same(figures: Tell) -> None:
    made = [new_secret() for _ in range(20_000)]
    bits = 8 * SECRET_BYTES
    characters = Counter("".join(secret[:42] for secret in made))
    expected = 20_000 * 42 / 64
    chi = sum((count - expected) ** 2 / expected for count in characters.values())
    figures("shared links", bits=bits, repeats=len(made) - len(set(made)))
    assert (bits, len(set(made)), len(characters)) == (256, 20_000, 64)
    assert chi < 150  # 63 degrees of freedom: passed by one in a hundred million


def test_a_snapshot_has_so_many(make: Make, snapshot: Snapshot) -> None:
    for _ in range(links.MOST_OF_SNAPSHOT):
        make()
    with pytest.raises(ValidationError, match=r"This snapshot has 20 shared links\. Revoke one first\."):
        make()
    assert make(Snapshot.objects.exclude(pk=snapshot.pk).get())


@pytest.mark.proof
def test_a_team_has_so_many(make: Make, fill: Fill, figures: Tell) -> None:
    fill([record(number) for number in range(1, 13)])
    rows = Snapshot.objects.order_by("pk")
    for number in range(links.MOST_OF_TEAM):
        make(rows[number % 11])
    with pytest.raises(ValidationError, match=r"The team has 200 shared links\. Revoke one first\."):
        make(rows[11])
    figures("shared links", alive_at_most=ShareLink.objects.alive().count())


def test_ended_ones_make_room(make: Make, alice_client: Client) -> None:
    for _ in range(links.MOST_OF_SNAPSHOT):
        make()
    assert said(post(alice_client)) == ["This snapshot has 20 shared links. Revoke one first."]
    ShareLink.objects.filter(pk=ShareLink.objects.earliest("pk").pk).update(expires_at=timezone.now())
    assert visit(shown(post(alice_client))).status_code == 200


def test_a_team_that_allows_none_offers_none(mia_client: Client, team: Team, snapshot: Snapshot) -> None:
    Team.objects.filter(pk=team.pk).update(allows_shared_links=False)
    panel = tree(mia_client.get(PAGE)).one("section", id="share")
    assert panel.all("form") == []
    assert said(post(mia_client)) == ["This team does not allow shared links."]
    assert ShareLink.objects.count() == 0


def test_the_audit_tells_who_made_it_and_when_it_was_requested_first(mia_client: Client, snapshot: Snapshot) -> None:
    link = shown(post(mia_client))
    for _ in range(3):
        visit(link, address="192.0.2.77")
    made, requested = AuditEvent.objects.filter(kind__startswith="share").order_by("pk")
    assert (made.kind, made.actor_email, made.target) == (EventKind.SHARE_MADE, "mia@example.com", snapshot.name)
    assert re.fullmatch(r"[\w-]{12}, until 2026-12-01 12:00 UTC", made.detail)
    assert (requested.kind, requested.actor, requested.ip) == (EventKind.SHARE_OPENED, None, "192.0.2.77")
