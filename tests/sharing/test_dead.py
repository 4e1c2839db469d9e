"""Invalid links: the same bytes for every reason."""

import random
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.random_secrets import is_secret
from dashboard.teams.core.create_account import create_account, prove
from dashboard.teams.models import AddressProof, ApiKey, Membership, Role, Team, User
from dashboard.teams.people.members import change_role, remove
from snapshots.management.retention import Subject, forget, in_words
from snapshots.models import Environment, ShareLink, Snapshot
from snapshots.sharing import links
from tests.conftest import PASSWORD
from tests.sharing.conftest import Make, visit
from tests.views.snapshots.reading import tree

Tell = Callable[..., None]
GUESSES = 10_000
SENTENCE = "This link does not work. It may have expired or been revoked. Ask the person who sent it for a new one."


@pytest.fixture
def dead(db: None) -> bytes:
    """What a link says that never was."""
    answer = visit("/s/abcdefghijkl.never")
    assert answer.status_code == 404
    assert tree(answer).one("main").text == SENTENCE
    return answer.content


def spoilt(link: str, other: str) -> list[str]:
    """A link, wrong in every way that it may get wrong on its way."""
    head, _dot, secret = link.partition(".")
    own = [f"{head}.{other.partition('.')[2]}", f"{other.partition('.')[0]}.{secret}"]
    cut = [head, f"{head}.", f"/s/.{secret}", f"/s/{secret}", "/s/", "/s/.", "/s//", link[:-1], f"{link}=", f"{link}."]
    odd = [f"{link}%00", f"/s/%00.{secret}", f"{link}%0a", f"{link}é", f"{link}%ff", f"{head}.%F0%9F%94%91", f"{link} "]
    long = [link + "x" * 10_000, f"/s/{'y' * 10_000}.{secret}", f"{head}.{secret * 250}"]
    case = [f"{head}.{secret.swapcase()}", f"/s/{head[3:].swapcase()}.{secret}", f"{head}.{secret[::-1]}"]
    near = [f"{head}.{chr(ord(secret[0]) ^ 1)}{secret[1:]}", f"{head}..{secret}", f"{head}/{secret}", f"/s/ {link[3:]}"]
    return own + cut + odd + long + case + near


def test_a_spoilt_link_says_what_one_says_that_never_was(make: Make, dead: bytes, figures: Tell) -> None:
    link, places = make(), count()
    wrong = spoilt(link, make())
    answers = [visit(path, address=f"10.0.0.{next(places)}") for path in wrong]
    figures("shared links", spoilt=len(wrong), let_in=sum(answer.status_code == 200 for answer in answers))
    assert [path for path, answer in zip(wrong, answers, strict=True) if answer.content != dead] == []
    assert {answer.status_code for answer in answers} == {404}
    head = visit(wrong[0], address="10.9.9.9", method="HEAD")
    assert (head.status_code, head.content) == (404, b"")
    assert visit(link).status_code == 200


@pytest.mark.both_databases
def test_ten_thousand_guesses_open_nothing(make: Make, figures: Tell) -> None:
    link, chance = make().removeprefix("/s/"), random.Random(7)
    head, _dot, secret = link.partition(".")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    changed = chance.sample(range(len(secret) - 1), 40)  # of the last letter two bits say nothing
    near = [secret[:at] + letter + secret[at + 1 :] for at in changed for letter in letters if letter != secret[at]]
    far = ["".join(chance.choices(letters, k=len(secret))) for _ in range(GUESSES - len(near))]
    digest = ShareLink.objects.get().digest
    let_in = sum(is_secret(digest, guess) for guess in near + far)
    let_in += sum(links.find(f"{head}.{guess}") is not None for guess in near[::10])
    figures("shared links", guesses=GUESSES, guesses_let_in=let_in)
    assert (len(near + far), let_in, is_secret(digest, secret)) == (GUESSES, 0, True)
    assert links.find(link) is not None


def test_time_does_not_tell_a_known_link_from_an_unknown_one(make: Make, figures: Tell) -> None:
    head = make().removeprefix("/s/").partition(".")[0]
    spent: dict[str, list[float]] = {head: [], "abcdefghijkl": [], "": []}
    for _ in range(200):
        for public_id, seconds in spent.items():
            start = time.perf_counter()
            links.find(f"{public_id}.{'A' * 43}")
            seconds.append(time.perf_counter() - start)
    medians = [statistics.median(seconds) for seconds in spent.values()]
    apart = round((max(medians) - min(medians)) * 1e6)
    figures("shared links", microseconds_apart=apart)
    assert apart < 2_000


@pytest.mark.parametrize("days", links.DAYS)
def test_it_ends_to_the_second(make: Make, dead: bytes, clock: time_machine.Traveller, days: int) -> None:
    link, made = make(days=days), timezone.now()
    for seconds, status in ((-1, 200), (0, 404), (1, 404)):
        clock.move_to(made + timedelta(days=days, seconds=seconds))
        assert visit(link).status_code == status
    assert visit(link).content == dead


def ways(team: Team, mia: Membership, snapshot: Snapshot) -> dict[str, Callable[[], object]]:
    """All that ends a link, each as the product does it."""
    admin, everything = User.objects.get(email="alice@example.com"), ShareLink.objects.all()
    return {
        "revoked": lambda: links.revoke(ShareLink.objects.get(), actor=admin),
        "all revoked": lambda: links.revoke_all(everything, team=team, actor=admin),
        "switched off": lambda: links.allow(team, False, actor=admin),
        "maker left": lambda: remove(mia, actor=mia.user),
        "maker removed": lambda: remove(mia, actor=admin),
        "maker lowered": lambda: change_role(mia, Role.VIEWER, actor=admin),
        "maker switched off": lambda: User.objects.filter(pk=mia.user_id).update(is_active=False),
        "account deleted": lambda: mia.user.delete(),
        "environment removed": lambda: Environment.objects.update(removed_at=timezone.now()),
        "snapshot forgotten": lambda: snapshot.delete(),
        "team deleted": lambda: team.delete(),
    }


WAYS = 11


@pytest.mark.parametrize("number", range(WAYS))
@pytest.mark.usefixtures("alice")
def test_each_end_is_the_next_request_and_looks_the_same(
    make: Make, dead: bytes, team: Team, mia: Membership, snapshot: Snapshot, number: int, figures: Tell
) -> None:
    link, all_ways = make(), ways(team, mia, snapshot)
    assert (visit(link).status_code, len(all_ways)) == (200, WAYS)
    list(all_ways.values())[number]()
    answer = visit(link)
    figures("shared links", ways_to_end=1, served_after_the_end=int(answer.status_code == 200))
    assert (answer.status_code, answer.content) == (404, dead), list(all_ways)[number]


def return_of(mia: Membership, way: str, admin: User) -> None:
    """Take somebody's rights, and give them back."""
    if way == "membership":
        remove(mia, actor=admin)
        Membership.objects.create(team=mia.team, user=mia.user, role=Role.ADMIN)
    elif way == "role":
        change_role(mia, Role.VIEWER, actor=admin)
        change_role(mia, Role.ADMIN, actor=admin)
    elif way == "account":
        for is_active in (False, True):
            mia.user.is_active = is_active
            mia.user.save()
    else:
        links.allow(mia.team, False, actor=admin)
        links.allow(mia.team, True, actor=admin)


@pytest.mark.parametrize("way", ["membership", "role", "account", "switch"])
def test_nothing_that_comes_back_brings_a_link_back(make: Make, mia: Membership, alice: User, way: str) -> None:
    link = make()
    return_of(mia, way, alice)
    assert visit(link).status_code == 404
    now = Membership.objects.get(user=mia.user, team=mia.team)
    assert visit(make(maker=now)).status_code == 200


def test_proof_of_the_makers_address_ends_the_links_from_before(make: Make, mia: Membership) -> None:
    User.objects.filter(pk=mia.user.pk).update(address_proof=AddressProof.NONE)
    before = make()
    assert prove(User.objects.get(pk=mia.user.pk), AddressProof.MAILBOX, actor=mia.user)
    assert not prove(User.objects.get(pk=mia.user.pk), AddressProof.MAILBOX, actor=mia.user)
    assert [visit(link).status_code for link in (before, make())] == [404, 200]


def test_raising_the_maker_or_taking_the_key_away_ends_nothing(make: Make, mia: Membership, alice: User) -> None:
    link = make()
    change_role(mia, Role.ADMIN, actor=alice)
    ApiKey.objects.all().delete()
    assert visit(link).status_code == 200


def test_other_teams_links_live_on(make: Make, rival: Team, alice: User, team: Team, snapshot: Snapshot) -> None:
    user = create_account("other@example.com", PASSWORD)
    there = Membership.objects.create(team=rival, user=user, role=Role.MEMBER)
    link = make(maker=there)
    links.allow(team, False, actor=alice)
    links.revoke_all(ShareLink.objects.alive(), team=team, actor=alice)
    assert visit(link).status_code == 200


@pytest.mark.both_databases
def test_ended_links_are_forgotten_and_living_ones_are_not(make: Make, clock: time_machine.Traveller) -> None:
    revoked, _short, long = make(days=90), make(days=1), make(days=90)
    links.revoke(ShareLink.objects.get(public_id=revoked[3:15]), actor=User.objects.get())
    clock.shift(timedelta(days=30))
    assert sum(piece.rows for piece in forget(timezone.now()) if piece.subject is Subject.SHARED_LINKS) == 0
    clock.shift(timedelta(days=1, seconds=1))
    pieces = [piece for piece in forget(timezone.now()) if piece.subject is Subject.SHARED_LINKS]
    assert in_words(pieces) == ["- shared links that ended more than 30 days ago: 2"]
    assert visit(long).status_code == 200
    assert ShareLink.objects.count() == 1


def test_dead_links_stay_the_same_bytes_for_who_is_signed_in(make: Make, dead: bytes, alice_client: Client) -> None:
    assert visit("/s/x", client=alice_client).content == dead
