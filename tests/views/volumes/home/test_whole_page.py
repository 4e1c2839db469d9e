"""A page from the cache is the same as one made now, after any change, and is shown to nobody else."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Membership, Role, Team, User
from snapshots.alerts.acknowledge import Acknowledgement, acknowledge, end
from snapshots.alerts.problems import settle
from snapshots.lists.problem_filters import ProblemFilters
from snapshots.lists.problem_list import Group, find_current
from snapshots.models import Environment, Problem, SavedView, ShareLink, Snapshot
from snapshots.policy.exclusions import Exclusion, exclude, exclude_environment
from snapshots.policy.targets import set_of_environment, set_of_team, set_of_volume
from snapshots.setup.environments import remove
from snapshots.sharing import links
from snapshots.templatetags import rows
from snapshots.views.common import whole_page
from tests.alerts.page import ALERTS, tick
from tests.proof import SHORT_AND_FULL
from tests.views.snapshots.conftest import LIST, OTHER_PATH, PATH, Fill, fail
from tests.views.snapshots.reading import tree
from tests.views.volumes.home.steps import HOME, PLAIN, disk, stories, volume, volume_id

pytestmark = pytest.mark.django_db
TOKEN = re.compile(r'(name="(?:csrfmiddlewaretoken|form_id)" value=)"[\w-]{22,64}"')
VOLUMES = [f"{PLAIN}{PATH}/{volume_id(name)}/" for name in ("late", "fresh")]
ADDRESSES = (
    *(HOME, PLAIN, f"{PLAIN}?status=late&sort=name", "/t/acme/snapshots/?state=BackedUp", "/t/acme/changes/"),
    *(ALERTS, f"{ALERTS}?kind=late"),
    *VOLUMES,
)
# Where a change is seen: in the short form of the first test, which asks there alone, all must differ after it.
HERE: Sequence[str] = ("home",)
LISTS = (*HERE, "list", "changes")
EVERY = (*LISTS, "volume", "snapshot")
# Where the number of unseen problems is: everywhere.
COUNTED = (*EVERY, "alerts")
VISITS, ITS_VOLUME, SHARED = LISTS[::2], EVERY[:-1], EVERY[-1:]
Place = tuple[str, str]
Pages = Mapping[Place, str]
Steps = Sequence[tuple[str, Callable[[], Any], Sequence[str], Sequence[str]]]


def addresses() -> dict[str, str]:
    """Every kind of page, and others of the same kinds."""
    found = Snapshot.objects.filter(volume="fresh", missing_since=None).order_by("pk")[0]
    names = ("home", "plain", "filtered", "list", "changes", "alerts", "late alerts", "volume", "another volume")
    return dict(zip(names, ADDRESSES, strict=True)) | {"snapshot": f"{LIST}{PATH}/{found.snapshot_id}/"}


def places(people: Sequence[str], where: Sequence[str], full: bool) -> list[Place]:
    """A page where the first of the people sees a change, and everybody's first page; or everything that there is."""
    found = addresses()
    asked = {"alice": HERE, "bob": HERE} | dict.fromkeys(people[:1], where)
    return [(who, found[name]) for who, names in asked.items() for name in (found if full else names)]


def pages(clients: Mapping[str, Client], asked: Sequence[Place]) -> Pages:
    return {(who, url): TOKEN.sub(r"\1", clients[who].get(url).content.decode()) for who, url in asked}


@pytest.fixture
def clients(alice_client: Client, bob_client: Client, told: Environment) -> dict[str, Client]:
    return {"alice": alice_client, "bob": bob_client}


@pytest.fixture
def steps(
    team: Team, alice: User, bob: User, told: Environment, fill: Fill, clock: time_machine.Traveller, clients: Any
) -> Steps:
    """What changes a page, the people whose pages it must change, and on which of them the first one sees it."""
    lists, hers, his, both = [stories()], ("alice",), ("bob",), ("alice", "bob")
    month = Exclusion(timezone.now() + timedelta(hours=2), "moves house")

    fill(lists[-1])

    def relist(records: list[Any], *, after: float = 0) -> None:
        clock.shift(after)
        lists.append(records)
        fill(records)

    def member(user: User, **values: object) -> int:
        return Membership.objects.filter(user=user).update(**values)

    def chooses(**values: object) -> object:
        return clients["alice"].post(f"{PLAIN}look/", {"column": ["strip"], "page_size": "25", "back": PLAIN} | values)

    def acknowledges() -> object:
        said = Acknowledgement(timezone.now() + timedelta(minutes=1), "known", "OPS-1")
        return acknowledge(team, all_late(), said, person=alice)

    def worsen() -> None:
        Problem.objects.filter(volume=volume("stuck")).update(kind=Problem.Kind.NONE)
        Environment.everything.raise_generation()

    def all_late() -> Group:
        found = find_current(team, ProblemFilters(), Membership.objects.get(user=alice), timezone.now())
        return next(group for group in (*found.open, *found.quiet) if group.kind is Problem.Kind.LATE)

    def share() -> object:
        snapshot, maker = (
            Snapshot.objects.get(snapshot_id=addresses()["snapshot"].split("/")[-2]),
            Membership.objects.get(user=alice),
        )
        return links.make(snapshot, maker=maker, days=7, form_id="once")

    return [
        ("a minute", lambda: clock.shift(60), both, EVERY),
        ("a row", lambda: relist([*lists[-1], *disk("another", 2)]), both, EVERY),
        ("names", lambda: relist([*lists[-1][:-1], *disk("another", 2, volume="renamed", name="x")]), both, LISTS),
        ("problems", lambda: settle(Environment.objects.get(pk=told.pk)), both, COUNTED),
        ("a tick", lambda: tick(clients["alice"], "late"), hers, COUNTED),
        ("the tick of another", lambda: tick(clients["bob"], "late"), his, COUNTED),
        ("a tick taken back", lambda: tick(clients["bob"], "late"), his, COUNTED),
        ("an acknowledgement", acknowledges, both[::-1], COUNTED),
        ("its end", lambda: end(team, all_late(), person=alice), both[::-1], COUNTED),
        ("another one", acknowledges, both, ("alerts",)),
        ("its time is over", lambda: clock.shift(60), both, EVERY),
        ("a problem that got worse", worsen, both, COUNTED),
        ("and better again", lambda: settle(Environment.objects.get(pk=told.pk)), both, COUNTED),
        ("verdict by the clock", lambda: clock.shift(timedelta(hours=3)), both, EVERY),
        ("fault", lambda: fail(Environment.objects.get(pk=told.pk)), both, EVERY),
        ("target of the team", lambda: set_of_team(team, 24, person=alice), both, ITS_VOLUME),
        ("target of the environment", lambda: set_of_environment(told, 1, person=alice), both, ITS_VOLUME),
        ("target of a volume", lambda: set_of_volume(volume("fresh"), 48, person=alice), both, LISTS),
        ("exclusion", lambda: exclude(team, [volume("late").pk], month, person=alice), both, ITS_VOLUME),
        ("exclusion of the environment", lambda: exclude_environment(told, month, person=alice), both, ITS_VOLUME),
        ("end of the exclusions", lambda: clock.move_to(month.until + timedelta(seconds=1)), both, EVERY),
        ("an environment", lambda: fill([*stories(), *disk("elsewhere", 1)], path=OTHER_PATH), both, LISTS),
        ("saved view", lambda: SavedView.objects.create(team=team, name="A", page="volumes", query="q"), both, HERE),
        ("its name", lambda: SavedView.objects.update(name="Theirs"), both, HERE),
        ("its end", lambda: SavedView.objects.all().delete(), both, HERE),
        ("shared link", share, hers, SHARED),
        ("its use", lambda: ShareLink.objects.update(uses=3, last_used_at=timezone.now()), hers, SHARED),
        ("its revocation", lambda: ShareLink.objects.update(revoked_at=timezone.now()), hers, SHARED),
        ("no shared links", lambda: Team.objects.filter(pk=team.pk).update(allows_shared_links=False), hers, SHARED),
        ("lower role", lambda: member(alice, role=Role.VIEWER), hers, EVERY),
        ("higher role", lambda: member(bob, role=Role.ADMIN), his, EVERY),
        ("columns", chooses, hers, HERE),
        ("last visit", lambda: member(bob, seen_until=timezone.now() - timedelta(days=9)), his, VISITS),
        ("marked as seen", lambda: clients["bob"].post(f"{PLAIN}seen/", {"back": PLAIN}), his, VISITS),
        ("name of the person", lambda: User.objects.filter(pk=bob.pk).update(name="Bob the Builder"), his, EVERY),
        ("name of the team", lambda: Team.objects.filter(pk=team.pk).update(name="Other name"), both, EVERY),
        ("another team", lambda: Membership.objects.create(team=Team.objects.create(slug="b"), user=bob), his, EVERY),
        ("hours", lambda: clock.shift(timedelta(hours=5)), both, EVERY),
        ("environment removed", lambda: remove(Environment.objects.order_by("pk")[1], person=alice), both, LISTS),
        ("key replaced", lambda: ApiKey.replace(team, Secret("another-key-of-the-team")), (), ()),
        ("rows deleted", lambda: relist(lists[-1][5:]), both, EVERY),
        ("and believed", lambda: relist(lists[-1], after=61), both, EVERY),
        ("no key", lambda: ApiKey.objects.all().delete(), both, EVERY),
    ]


@SHORT_AND_FULL
def test_a_change_is_seen_at_the_next_request(clients: dict[str, Client], steps: Steps, full: bool) -> None:
    fresh: Pages = {}
    for turn, (what, change, people, where) in enumerate(steps):
        asked = places(people, where if full or not where else [where[turn % len(where)]], full)
        before = {**fresh, **pages(clients, [place for place in asked if place not in fresh])}
        change()
        now = pages(clients, asked)
        caches["fragments"].clear()
        rows._rendered.cache_clear()
        fresh = pages(clients, asked)
        assert [place for place in asked if now[place] != fresh[place]] == [], what
        differ = {place for place in asked if now[place] != before[place]}
        assert {*people} <= {who for who, _url in differ}, what
        assert full or {place for place in asked if place[0] in people} == differ, what


def test_the_page_comes_from_the_cache(
    clients: dict[str, Client], told: Environment, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = [(who, url) for who in clients for url in addresses().values()]
    pages(clients, every)
    clock.shift(1.5)
    templates: list[str] = []

    def noted(name: str, *rest: Any) -> str:
        templates.append(name)
        return render_to_string(name, *rest)

    monkeypatch.setattr(whole_page, "render_to_string", noted)
    assert pages(clients, every)
    assert set(templates) == {*whole_page.LIVE.values(), "snapshots/ui/_refresh.html", "snapshots/ui/_check.html"}


def test_a_forms_token_is_the_sessions_own(alice: User, told: Environment) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    tokens = []
    for _again in range(3):
        form = tree(client.get(PLAIN)).one("details", css="look").one("form")
        tokens.append(form.one("input", name="csrfmiddlewaretoken").attributes["value"])
    assert len(set(tokens)) == 3
    fields = {"column": "strip", "page_size": "25", "back": PLAIN, "csrfmiddlewaretoken": tokens[-1]}
    assert client.post(f"{PLAIN}look/", fields).status_code == 302
    client.cookies.clear()
    client.force_login(alice)  # a new browser has a new secret
    assert client.post(f"{PLAIN}look/", fields).status_code == 403
    form = tree(client.get(PLAIN)).one("details", css="look").one("form")
    fields["csrfmiddlewaretoken"] = form.one("input", name="csrfmiddlewaretoken").attributes["value"]
    assert client.post(f"{PLAIN}look/", fields).status_code == 302


def test_a_form_that_is_sent_once_has_its_own_id(alice_client: Client, told: Environment) -> None:
    page = addresses()["snapshot"]
    ids = {tree(alice_client.get(page)).one("input", name="form_id").attributes["value"] for _again in range(3)}
    assert len(ids) == 3
    assert all(len(each or "") == 22 for each in ids)


def test_a_message_is_shown_once(alice_client: Client, told: Environment) -> None:
    alice_client.get(PLAIN)
    alice_client.post(f"{PLAIN}refresh/")
    shown = [len(tree(alice_client.get(PLAIN)).all("ul", css="messages")) for _again in range(2)]
    assert shown == [1, 0]


def test_a_mark_in_a_name_is_text(alice_client: Client, week: object, fill: Fill) -> None:
    fill(disk("$" + "{token} token {{ live.refresh }}", 2))
    for _again in range(2):
        assert "{token} token {{ live.refresh }}" in tree(alice_client.get(PLAIN)).one(id="results").text


def test_the_cache_has_a_bound_in_bytes() -> None:
    cache: Any = caches["fragments"]
    for number in range(200):
        cache.set(str(number), b"x" * 2**18)
    held = sum(map(len, cache._cache.values()))
    assert 2**24 - 2**19 < held <= 2**24
    assert (cache.get("199"), cache.get("0")) == (b"x" * 2**18, None)
    cache.get("190")
    for number in range(200, 260):
        cache.set(str(number), b"x" * 2**18)
    assert (cache.get("190"), cache.get("191")) == (b"x" * 2**18, None), "the least recently used go first"
    cache.set("too-large", b"x" * 2**25)
    assert cache.get("too-large") is None
    assert cache._cache.keys() == cache._expire_info.keys()


def test_who_has_left_sees_nothing(alice_client: Client, told: Environment) -> None:
    assert [alice_client.get(url).status_code for url in ADDRESSES] == [200] * len(ADDRESSES)
    Membership.objects.filter(user__email="alice@example.com").delete()
    assert [alice_client.get(url).status_code for url in ADDRESSES] == [404] * len(ADDRESSES)
