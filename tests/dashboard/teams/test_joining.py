"""Invitations: a link that is shown once, good for one address, once, for seven days; every refusal reads the same."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.teams.access.guard import RECENT_SECONDS
from dashboard.teams.checks import DUMMY_MAIL
from dashboard.teams.core.create_account import create_account
from dashboard.teams.models import AuditEvent, Invitation, Membership, Role, Team, User
from dashboard.teams.people.invitations import CONSOLE_MAIL, MOST_OPEN, InvitationEnded, accept, find
from tests.conftest import PASSWORD, Answer
from tests.views.snapshots.reading import tree

PEOPLE = "/t/acme/settings/people/"
DORA = "dora@example.com"
TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value=")[^"]+')
ClientFor = Callable[[User], Client]


def ask_in(client: Client, email: str = DORA, role: str = "member") -> Answer:
    return client.post(PEOPLE, {"email": email, "role": role})


def link_from(response: Answer) -> str:
    address = tree(response).one("input", id="link").attributes["value"]
    assert address.startswith("http://localhost:8000/invitation/")
    return address.removeprefix("http://localhost:8000")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def link(alice_client: Client) -> str:
    return link_from(ask_in(alice_client))


def roles(email: str) -> list[str]:
    return list(Membership.objects.filter(user__email=email).values_list("role", flat=True))


def kinds() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("kind", flat=True))


def test_link_is_shown_once_and_kept_as_a_hash_alone(alice_client: Client, link: str) -> None:
    token = link.split("/")[2]
    assert len(token) >= 43
    assert "http://localhost:8000/invitation/" in mail.outbox[0].body
    assert link not in mail.outbox[0].body
    assert mail.outbox[0].to == [DORA]
    assert token not in alice_client.get(PEOPLE).content.decode()
    assert token not in str(list(Invitation.objects.values())) + str(list(AuditEvent.objects.values()))
    assert [person.one("bdi").text for person in tree(alice_client.get(PEOPLE)).all(css="person")][1:] == [DORA]


def test_newcomer_chooses_a_password_and_is_in(link: str, anon_client: Client) -> None:
    assert DORA in anon_client.get(link).content.decode()
    joined = anon_client.post(link, {"password": PASSWORD}, follow=True)
    assert joined.redirect_chain[-1][0] == "/t/acme/"
    assert "You joined the team Acme Platform." in joined.content.decode()
    dora = User.objects.get(email=DORA)
    assert dora.check_password(PASSWORD)
    assert EmailAddress.objects.get(user=dora).verified
    assert (roles(DORA), kinds()) == (["member"], ["invited", "joined", "sign_in"])


def test_newcomer_is_not_asked_for_the_password_just_chosen(
    alice_client: Client, anon_client: Client, clock: time_machine.Traveller
) -> None:
    anon_client.post(link_from(ask_in(alice_client, role="admin")), {"password": PASSWORD})
    assert link_from(ask_in(anon_client, "erin@example.com"))
    clock.shift(RECENT_SECONDS)
    asked = ask_in(anon_client, "frank@example.com")
    assert asked["Location"].startswith("/accounts/reauthenticate/")


@pytest.mark.few(2)
@pytest.mark.parametrize("weak", ["", "short-1", "password123", "8463547263548", DORA])
def test_newcomer_with_a_weak_password_makes_no_account(link: str, anon_client: Client, weak: str) -> None:
    refused = anon_client.post(link, {"password": weak})
    assert tree(refused).one(css="form-error").text
    assert not User.objects.filter(email=DORA).exists()
    assert anon_client.post(link, {"password": PASSWORD}).status_code == 302


def test_account_signs_in_and_joins_with_a_click(link: str, anon_client: Client) -> None:
    create_account(DORA, PASSWORD)
    for answer in (anon_client.get(link), anon_client.post(link, {"password": "another-fine-password"})):
        assert answer["Location"] == f"/accounts/login/?next={link}"
    signed_in = anon_client.post("/accounts/login/", {"login": DORA, "password": PASSWORD, "next": link})
    assert signed_in["Location"] == link
    assert anon_client.get(link).status_code == 200
    assert roles(DORA) == []
    assert anon_client.post(link)["Location"] == "/t/acme/"
    assert roles(DORA) == ["member"]


def ended(client: Client, link: str) -> bytes:
    """The page of a link, for any method; without the token and the requested URL."""
    pages = {
        TOKEN.sub(rb"\1", answer.content) for answer in (client.get(link), client.post(link, {"password": PASSWORD}))
    }
    (page,) = {page.replace(link.encode(), b"") for page in pages}
    return page


def test_every_refusal_is_one_page(alice_client: Client, charlie: User, client_for: ClientFor) -> None:
    links = {why: link_from(ask_in(alice_client, f"{why}@example.com")) for why in ("used", "revoked", "other", "old")}
    Client().post(links["used"], {"password": PASSWORD})
    revoked = Invitation.objects.get(email="revoked@example.com")
    alice_client.post(f"{PEOPLE}invitations/{revoked.pk}/revoke/")
    Invitation.objects.filter(email="old@example.com").update(expires_at=timezone.now())
    visitor = client_for(charlie)
    pages = {ended(visitor, link) for link in [*links.values(), "/invitation/never-made/"]}
    assert len(pages) == 1
    assert b"Acme" not in pages.pop()
    assert Membership.objects.filter(user=charlie).count() == 1


def test_anonymous_refusals_are_one_page_too(alice_client: Client, anon_client: Client, link: str) -> None:
    alice_client.post(f"{PEOPLE}invitations/{Invitation.objects.get().pk}/revoke/")
    assert ended(anon_client, link) == ended(anon_client, "/invitation/never-made/")
    assert not User.objects.filter(email=DORA).exists()


@pytest.mark.both_databases
def test_link_works_once(link: str, client_for: ClientFor) -> None:
    dora = create_account(DORA, PASSWORD)
    assert client_for(dora).post(link).status_code == 302
    Membership.objects.filter(user=dora).delete()
    assert 'data-problem="invitation"' in client_for(dora).post(link).content.decode()
    assert roles(DORA) == []


@pytest.mark.parametrize(("age", "status"), [(timedelta(days=6, hours=23), 302), (timedelta(days=7, seconds=2), 200)])
def test_link_is_good_for_seven_days(link: str, anon_client: Client, age: timedelta, status: int) -> None:
    with time_machine.travel(timezone.now() + age):
        assert anon_client.post(link, {"password": PASSWORD}).status_code == status


@pytest.mark.both_databases
def test_second_invitation_ends_the_first(alice_client: Client, anon_client: Client, link: str) -> None:
    second = link_from(ask_in(alice_client, " Dora@Example.com ", "viewer"))
    assert 'data-problem="invitation"' in anon_client.get(link).content.decode()
    anon_client.post(second, {"password": PASSWORD})
    assert roles(DORA) == ["viewer"]


@pytest.mark.parametrize(
    ("email", "role", "said"),
    [
        ("bob@example.com", "admin", "bob@example.com is already in the team."),
        ("BOB@example.com", "admin", "bob@example.com is already in the team."),
        ("nobody", "viewer", "Enter a valid email address."),
        ("", "viewer", "This field is required."),
        (f"{'x' * 250}@example.com", "viewer", "Ensure this value has at most 254 characters"),
        (DORA, "owner", "Select a valid choice."),
    ],
)
def test_invitation_that_makes_no_sense_is_not_made(
    alice_client: Client, bob: User, email: str, role: str, said: str
) -> None:
    answer = ask_in(alice_client, email, role)
    assert said in tree(answer).one(css="form-error").text
    assert Invitation.objects.count() == 0
    assert roles(bob.email) == ["viewer"]


def test_role_held_already_is_not_changed_by_an_invitation(link: str, team: Team, client_for: ClientFor) -> None:
    dora = create_account(DORA, PASSWORD)
    Membership.objects.create(team=team, user=dora, role=Role.ADMIN)
    assert client_for(dora).post(link).status_code == 302
    assert roles(DORA) == ["admin"]
    assert "joined" not in kinds()


def test_open_invitations_are_bounded(alice_client: Client, alice: User, team: Team) -> None:
    later = timezone.now() + timedelta(days=1)
    Invitation.objects.bulk_create(
        Invitation(team=team, email=f"{n}@example.com", token_hash=str(n), made_by=alice, expires_at=later)
        for n in range(MOST_OPEN)
    )
    assert (
        f"The team already has {MOST_OPEN} open invitations." in tree(ask_in(alice_client)).one(css="form-error").text
    )
    assert mail.outbox == []


def test_foreign_invitation_is_not_revoked(charlie_client: Client, link: str) -> None:
    invitation = Invitation.objects.get()
    for slug in ("acme", "rival"):
        address = f"/t/{slug}/settings/people/invitations/{invitation.pk}/revoke/"
        assert charlie_client.post(address).status_code == 404
    assert Invitation.objects.pending().count() == 1


@pytest.mark.parametrize("backend", [DUMMY_MAIL, CONSOLE_MAIL])
def test_without_mail_the_link_is_there_to_copy(alice_client: Client, settings: Settings, backend: str) -> None:
    settings.EMAIL_BACKEND = backend
    page = ask_in(alice_client)
    assert 'data-mailed="no"' in page.content.decode()
    assert link_from(page)


def test_mail_that_fails_takes_nothing_away(alice_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, messages: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    page = ask_in(alice_client)
    assert 'data-mailed="no"' in page.content.decode()
    assert Client().post(link_from(page), {"password": PASSWORD}).status_code == 302


def test_inactive_account_cannot_join(link: str, anon_client: Client) -> None:
    create_account(DORA, PASSWORD)
    User.objects.filter(email=DORA).update(is_active=False)
    anon_client.post("/accounts/login/", {"login": DORA, "password": PASSWORD, "next": link})
    assert anon_client.post(link)["Location"].startswith("/accounts/login/")
    assert roles(DORA) == []


@pytest.mark.parametrize("way", ["lowered", "removed", "inactive", "deleted"])
def test_link_of_an_admin_who_is_none_any_more_has_ended(
    anon_client: Client, link: str, alice: User, bob: User, way: str
) -> None:
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)
    match way:
        case "lowered":
            Membership.objects.filter(user=alice).update(role=Role.MEMBER)
        case "removed":
            Membership.objects.filter(user=alice).delete()
        case "inactive":
            User.objects.filter(pk=alice.pk).update(is_active=False)
        case "deleted":
            alice.delete()
    assert 'data-problem="invitation"' in anon_client.post(link, {"password": PASSWORD}).content.decode()
    assert roles(DORA) == []


@pytest.mark.both_databases
def test_of_two_who_take_a_link_at_the_same_moment_one_joins(link: str) -> None:
    dora = create_account(DORA, PASSWORD)
    first, second = find(link.split("/")[2]), find(link.split("/")[2])
    accept(first, dora)
    Membership.objects.filter(user=dora).delete()
    with pytest.raises(InvitationEnded):
        accept(second, dora)
    assert roles(DORA) == []


@pytest.mark.both_databases
def test_address_that_has_an_account_in_another_spelling_gets_no_second_one(link: str, anon_client: Client) -> None:
    User.objects.create(email="Dora@Example.com")
    assert anon_client.post(link, {"password": PASSWORD})["Location"] == link
    assert User.objects.filter(email__iexact=DORA).count() == 1
    assert Invitation.objects.pending().count() == 1


def test_looking_at_a_link_leaves_no_session_and_no_token_in_the_log(
    anon_client: Client, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = Session.objects.count()
    for address in (link, "/invitation/never-made/"):
        anon_client.get(address)
        anon_client.post(address, {"password": "short"})
    assert Session.objects.count() == before
    assert "/invitation/" not in caplog.text
