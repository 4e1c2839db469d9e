"""Names that try to break the page are shown as text, isolated from the words around them."""

import json

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client

from dashboard.teams.core.audit import record as record_event
from dashboard.teams.models import ApiKey, EventKind, LimitCount, Membership, Team, User
from snapshots.models import Environment, Snapshot
from snapshots.simulator.hostile import HOSTILE_NAMES
from snapshots.simulator.server import Simulator
from tests.views.snapshots.conftest import HTMX, LIST, PATH, VOLUME, Fill, detail, record
from tests.views.snapshots.reading import Element, Response, by_id, numbers, rows, tree

pytestmark = pytest.mark.django_db
OWN_SCRIPTS = "/static/"
PEOPLE, RESET = "/t/acme/settings/people/", "/accounts/password/reset/"
RIGHT_TO_LEFT = "\u202egnp.exe"


def assert_harmless(page: Response) -> None:
    """No element and no attribute that is not our own template's."""
    for element in tree(page):
        assert element.tag != "script" or element.attributes["src"].startswith(OWN_SCRIPTS)
        assert not [name for name in element.attributes if name.startswith("on") or name == "style"]
        assert not element.attributes.get("href", "").lower().startswith("javascript:")
        assert element.tag != "img" or element.attributes["src"].startswith(OWN_SCRIPTS)


@pytest.mark.usefixtures("environment")
def test_every_hostile_name_from_the_provider_on_to_every_page(alice_client: Client, sim: Simulator) -> None:
    for _ in HOSTILE_NAMES:
        sim.world.add_snapshot(PATH)
    sim.fault(hostile_names=True)
    alice_client.post(f"{LIST}refresh/", headers=HTMX)
    page = alice_client.get(f"{LIST}?page_size=100")
    shown = rows(page)
    assert len(shown) >= len(HOSTILE_NAMES)
    assert_harmless(page)
    links = {link.text: link.attributes["href"] for row in shown for link in row.one(css="col-name").all("a")}
    assert len(links) >= len(HOSTILE_NAMES) - 1
    for address in links.values():
        assert_harmless(alice_client.get(address))


def _bdi_texts(element: Element) -> list[str]:
    return [each.text for each in element.all("bdi")]


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", "{{7*7}}%(x)s{0}"]
)
def test_a_name_is_text_wherever_it_stands(alice_client: Client, fill: Fill, name: str) -> None:
    fill([record(1, name=name, volume=name, state=name, interval_type=name, volume_type=name, raw=json.dumps(name))])
    for address in (LIST, detail(1), f"{LIST}?volume_id={VOLUME}", f"{LIST}volumes/", f"{LIST}?volume_q=7"):
        page = alice_client.get(address)
        assert_harmless(page)
        assert b"<script>alert" not in page.content
        assert name in tree(page).text


def test_names_are_isolated(alice_client: Client, fill: Fill) -> None:
    fill([record(1, name=RIGHT_TO_LEFT, volume=RIGHT_TO_LEFT)])
    row = rows(alice_client.get(LIST))[0]
    assert _bdi_texts(row).count(RIGHT_TO_LEFT) == 2
    page = alice_client.get(detail(1))
    assert _bdi_texts(tree(page).one("h1")) == [RIGHT_TO_LEFT]
    assert RIGHT_TO_LEFT in _bdi_texts(tree(page).one("dl", css="facts"))
    chip = tree(alice_client.get(f"{LIST}?volume_id={VOLUME}")).one(css="chip")
    assert _bdi_texts(chip) == [f"Volume: {RIGHT_TO_LEFT} · prod · compute-on"]


def test_signs_that_turn_the_text_round_are_not_repeated_in_a_message(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    page = alice_client.get(LIST, {"state": "\u202egnp\u2066.exe\u200f"})
    assert "“�gnp�.exe�” is not a valid “state”; it was ignored." in tree(page).text


@pytest.mark.usefixtures("environment")
def test_a_name_of_ten_kilobytes_is_cut(alice_client: Client, sim: Simulator) -> None:
    sim.world.rename(PATH, str(sim.world.snapshots(PATH)[0]["id"]), "long " + "n" * 10_240)
    alice_client.post(f"{LIST}refresh/")
    page = alice_client.get(f"{LIST}?q=long")
    assert len(numbers(page)) == 1
    assert max(len(text) for text in _bdi_texts(rows(page)[0])) == 255
    assert Snapshot.objects.get(name__startswith="long ").raw.count("n" * 10_240) == 1


def test_a_name_of_blanks_or_none_is_still_a_link(alice_client: Client, fill: Fill) -> None:
    environment: Environment = fill([record(1, name=""), record(2, name="   ")])
    texts = {row.one(css="col-name").one("a").text for row in rows(alice_client.get(LIST))}
    assert texts == {record(1).id, record(2).id}
    for number in (1, 2):
        assert tree(alice_client.get(detail(number))).one("h1").text == record(number).id
    assert environment.facets["listed"] == 2


def test_hostile_team_and_address_are_escaped(alice_client: Client, fill: Fill) -> None:
    environment = fill([record(1)])
    environment.team.name = "<b onclick=x>FOREIGN"
    environment.team.save()
    page = alice_client.get(LIST, {"q": '"><b onclick=x>'})
    assert_harmless(page)
    assert by_id(page, "q").attributes["value"] == '"><b onclick=x>'


# As a person's own words can be stored: a form takes no NUL, and the database no half of a sign.
TYPED_NAMES = sorted({name.encode("utf-8", "replace").decode().replace("\0", "")[:100] for name in HOSTILE_NAMES})


@pytest.mark.proof
def test_a_mail_is_plain_text_for_one_person_whatever_the_team_is_called(
    alice_client: Client, alice: User, team: Team
) -> None:
    for number, name in enumerate(TYPED_NAMES):
        Team.objects.filter(pk=team.pk).update(name=name)
        User.objects.filter(pk=alice.pk).update(email=f"{name[:80]}@example.com", name=name)
        page = alice_client.post(PEOPLE, {"email": f"dora-{number}@example.com", "role": "member"})
        assert_harmless(page)
        sent = mail.outbox.pop()
        assert_for_one_person(sent, f"dora-{number}@example.com")
        assert name in sent.body
        # The link that the inviter sees is another one than the mailed one.
        assert by_id(page, "link").attributes["value"] not in sent.body
    assert mail.outbox == []


def assert_for_one_person(sent: EmailMessage, address: str) -> None:
    raw = sent.message()
    assert (sent.recipients(), raw["To"]) == ([address], address)
    assert len(str(sent.subject).splitlines()) == 1
    assert {"X-Injected", "Bcc", "Set-Cookie"}.isdisjoint(raw.keys())
    assert (raw.get_content_type(), getattr(sent, "alternatives", [])) == ("text/plain", [])


@pytest.mark.proof
def test_no_address_typed_into_a_form_brings_a_mail_to_anybody_else(alice_client: Client, anon_client: Client) -> None:
    """Each name before the sign, and behind the address."""
    forms = [(anon_client, RESET), (alice_client, PEOPLE)]
    tails = ["\nBcc: x@evil.example", ",x@evil.example", "\u3002evil", "." + "ü" * 70 + ".example"]
    typed = [(f"a@example.com{tail}", forms) for tail in tails]
    for name in TYPED_NAMES:
        typed += [(f"a@example.com{name}", forms), (f"{name}@example.com", forms)]
    for address, its_forms in typed:
        LimitCount.objects.all().delete()
        for client, url in its_forms:
            page = client.post(url, {"email": address, "role": "viewer"})
            assert page.status_code in (200, 302)
            if page.status_code != 302:
                assert_harmless(page)
    for sent in mail.outbox:
        assert_for_one_person(sent, sent.recipients()[0])
        assert not {"evil.example", "\n"} & set(sent.recipients()[0].partition("@"))


def test_whose_a_key_is_stands_as_text(alice_client: Client, key: ApiKey) -> None:
    for name in TYPED_NAMES:
        ApiKey.objects.filter(pk=key.pk).update(whose=name)
        page = alice_client.get("/t/acme/settings/key/")
        assert_harmless(page)
        assert name in tree(page).exact_text()


def test_the_audit_and_the_people_show_names_as_text(alice_client: Client, alice: User, team: Team) -> None:
    for number, name in enumerate(TYPED_NAMES):
        person = User.objects.create(email=f"{name}{number}@example.com", name=name)
        Membership.objects.create(team=team, user=person)
        record_event(EventKind.JOINED, team=team, actor=person, target=f"{name}!", detail=name)
    for url in (PEOPLE, "/t/acme/settings/audit/"):
        page = alice_client.get(url)
        assert_harmless(page)
        text = tree(page).exact_text()
        assert all(f"{name}{number}@example.com" in text for number, name in enumerate(TYPED_NAMES))
