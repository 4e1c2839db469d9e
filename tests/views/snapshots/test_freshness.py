"""Every page says how old its data is, and what is wrong with it, to whom it may concern."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Membership, Role, Team, User
from snapshots.models import Environment
from tests.views.snapshots.conftest import HTMX, LIST, NOW, OTHER_PATH, PATH, Fill, detail, fail, record, refuse
from tests.views.snapshots.reading import Response, banners, by_id, cells, freshness, numbers, tree

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def both(fill: Fill) -> tuple[Environment, Environment]:
    return fill([record(1)]), fill([record(2)], path=OTHER_PATH)


def test_one_current_environment(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    fill([record(1)])
    assert freshness(alice_client.get(LIST)) == ("ok", "✓ prod · compute-on checked just now")
    clock.shift(12 * SECOND)
    assert freshness(alice_client.get(LIST)) == ("ok", "✓ prod · compute-on checked 12 s ago")
    assert banners(alice_client.get(LIST)) == []


@pytest.mark.usefixtures("both")
def test_all_current(alice_client: Client, clock: time_machine.Traveller) -> None:
    clock.shift(MINUTE)
    assert freshness(alice_client.get(LIST)) == ("ok", "✓ All 2 environments checked 1 min ago")


@pytest.mark.usefixtures("both")
def test_some_old(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    clock.shift(21 * MINUTE)
    fill([record(1)])
    page = alice_client.get(LIST)
    assert freshness(page) == ("warn", "! 1 of 2 environments up to date; prod · compute-qc from 12:00 UTC")
    assert dict(zip(cells(page, "name"), cells(page, "state"), strict=True)).popitem()[1] == "✓ Completed as of 12:00"
    assert banners(page) == []


@pytest.mark.usefixtures("both")
def test_the_age_is_of_the_environments_shown(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    clock.shift(21 * MINUTE)
    fill([record(1)])
    assert freshness(alice_client.get(f"{LIST}?environment={PATH}"))[0] == "ok"
    assert freshness(alice_client.get(f"{LIST}?environment={OTHER_PATH}")) == (
        "warn",
        "! 0 of 1 environments up to date; prod · compute-qc from 12:00 UTC",
    )


def test_many_old_are_named_in_part(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    for number in range(5):
        fill([record(number)], path=f"compute-on/e{number}")
    clock.shift(timedelta(hours=11))
    tone, text = freshness(alice_client.get(LIST))
    assert (tone, text.count("from 12:00 UTC")) == ("warn", 3)
    assert text.startswith("! 0 of 5 environments up to date; e0 · compute-on")
    assert text.endswith(", 2 more")


def test_never_fetched(alice_client: Client, environment: Environment, fill: Fill) -> None:
    assert freshness(alice_client.get(LIST)) == ("busy", "◐ First fetch in progress")
    fill([record(1)], path=OTHER_PATH)
    assert freshness(alice_client.get(LIST)) == (
        "warn",
        "! 1 of 2 environments up to date; prod · compute-on has no complete list yet",
    )


def test_never_answered(alice_client: Client, environment: Environment) -> None:
    fail(environment)
    page = alice_client.get(LIST)
    assert freshness(page) == ("bad", "✕ Nothing could be fetched yet")
    (banner,) = banners(page)
    assert "There is no complete list of it yet, so no data can be shown." in banner


def test_no_environment(alice_client: Client, key: ApiKey) -> None:
    assert freshness(alice_client.get(LIST)) == ("warn", "! No environment yet")


def test_a_fault_is_told_with_its_next_try(
    alice_client: Client, both: tuple[Environment, Environment], clock: time_machine.Traveller
) -> None:
    clock.shift(5 * MINUTE)
    fail(both[1])
    clock.shift(16 * MINUTE)
    fail(both[1])
    page = alice_client.get(LIST)
    assert banners(page) == [
        "!prod · compute-qc has not answered since 12:05 UTC (error 503). Showing data from 12:00 UTC, 21 min ago. "
        "Nothing has been removed. Next try 12:23 UTC. Try now"
    ]
    assert numbers(page) == [1, 2]


def several(fill: Fill, count: int) -> list[Environment]:
    return [fill([record(number + 1)], path=f"compute-on/env-{number}") for number in range(count)]


def folded(page: Response) -> list[list[str]]:
    """The environments under each banner, which are closed at first."""
    found = by_id(page, "banners").all("details")
    assert not any("open" in each.attributes for each in found)
    return [[item.one("bdi").text for item in each.all("li")] for each in found]


@pytest.mark.parametrize("count", [2, 5])
def test_an_outage_of_many_environments_is_one_sentence(alice_client: Client, fill: Fill, count: int) -> None:
    for environment in several(fill, count):
        fail(environment)
    page = alice_client.get(LIST)
    (told,) = banners(page)
    assert told.startswith(f"!{count} environments have not answered, the first since 12:00 UTC (error 503). Showing")
    assert told.count("Try now") == 1
    assert folded(page) == [[f"env-{number} · compute-on" for number in range(count)]]


# What is wrong with the first two of three environments, and in which other way with the third.
CAUSES: dict[str, dict[str, object]] = {
    "suddenly list": {"suspect_since": NOW},
    "gave an incomplete list": {"partial_at": NOW + SECOND},
    "truncate": {"list_notes": "capped"},
    "list some snapshots twice": {"list_notes": "duplicates"},
}


@pytest.mark.parametrize("words", CAUSES)
def test_one_banner_tells_of_one_cause(alice_client: Client, fill: Fill, words: str) -> None:
    one, two, three = several(fill, 3)
    Environment.objects.filter(pk__in=[one.pk, two.pk]).update(**CAUSES[words])
    fail(three)
    page = alice_client.get(LIST)
    (outage, odd) = banners(page)
    assert outage.startswith("!env-2 · compute-on has not answered")
    assert odd.startswith(f"!2 environments {words}")
    assert folded(page) == [["env-0 · compute-on", "env-1 · compute-on"]]


def test_a_key_that_some_refuse_is_told_once(bob_client: Client, alice: User, fill: Fill) -> None:
    one, two, three = several(fill, 3)
    for environment in (one, two):
        refuse(environment)
    fail(three, "internal")
    page = bob_client.get(LIST)
    (refused, internal) = banners(page)
    assert refused.startswith(
        "✕The provider rejects this team’s key for 2 environments. Nothing has been removed. Ask alice@"
    )
    assert internal.startswith("!env-2 · compute-on could not be refreshed since")
    assert folded(page) == [["env-0 · compute-on", "env-1 · compute-on"]]


def test_try_now_is_the_refresh_of_this_very_view(
    alice_client: Client, both: tuple[Environment, Environment], clock: time_machine.Traveller
) -> None:
    fail(both[0])
    form = tree(alice_client.get(f"{LIST}?state=Error")).one("div", id="banners").one("form")
    assert form.attributes["method"] == "post"
    assert form.attributes["action"] == f"{LIST}refresh/?state=Error"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("timeout", "no answer in time"),
        ("unreachable", "cannot be reached"),
        ("tls", "its certificate cannot be trusted"),
        ("too_large", "the answer is too large"),
        ("unreadable", "the answer was not understood"),
        ("redirect", "it redirects elsewhere"),
        ("mismatched", "What went wrong"),
    ],
)
def test_a_fault_without_a_status_is_told_in_words(
    alice_client: Client, environment: Environment, kind: str, reason: str
) -> None:
    fail(environment, kind, sentence="What went wrong.", status=None)
    (banner,) = banners(alice_client.get(LIST))
    assert f"has not answered since 12:00 UTC ({reason})." in banner


def test_a_waiting_time_that_is_over_is_not_told(
    alice_client: Client, environment: Environment, clock: time_machine.Traveller
) -> None:
    fail(environment)
    clock.shift(2 * MINUTE)
    assert "Next try" not in banners(alice_client.get(LIST))[0]


def test_recovery_clears_the_banner(alice_client: Client, fill: Fill) -> None:
    fail(fill([record(1)]))
    assert len(banners(alice_client.get(LIST))) == 1
    fill([record(1)])
    assert banners(alice_client.get(LIST)) == []


@pytest.mark.parametrize(
    ("role", "advice"),
    [
        (Role.ADMIN, "A new key is tested as soon as you enter it. Replace the key"),
        (Role.MEMBER, "Ask alice@example.com (admin) for another key."),
        (Role.VIEWER, "Ask alice@example.com (admin) for another key."),
    ],
)
def test_refused_for_some(
    alice_client: Client, bob_client: Client, both: tuple[Environment, Environment], role: Role, advice: str
) -> None:
    refuse(both[0])
    Membership.objects.filter(user__email="bob@example.com").update(role=role)
    page = bob_client.get(LIST)
    assert banners(page) == [
        "✕The provider rejects this team’s key for prod · compute-on. Showing data from 12:00 UTC, "
        f"just now. Nothing has been removed. {advice}"
    ]
    assert numbers(page) == [1, 2]


def test_refused_for_all_is_said_once(alice_client: Client, both: tuple[Environment, Environment]) -> None:
    for environment in both:
        refuse(environment)
    assert banners(alice_client.get(LIST)) == [
        "✕The provider rejects this team’s key for all 2 environments. Nothing has been removed. "
        "A new key is tested as soon as you enter it. Replace the key"
    ]
    assert banners(alice_client.get(f"{LIST}?environment={PATH}"))[0].startswith(
        "✕The provider rejects this team’s key for prod · compute-on."
    )


def test_a_new_key_is_not_called_refused(
    alice_client: Client, both: tuple[Environment, Environment], team: Team
) -> None:
    refuse(both[0])
    ApiKey.replace(team, Secret("another-key"))
    (banner,) = banners(alice_client.get(LIST))
    assert "The provider rejects" not in banner


def test_a_key_that_cannot_be_read_is_not_called_refused(
    bob_client: Client, alice: User, both: tuple[Environment, Environment]
) -> None:
    refuse(both[0])
    fail(both[1], "key_unreadable", sentence="The stored API key cannot be read.", status=None)
    assert banners(bob_client.get(LIST)) == [
        "✕The stored API key cannot be read. Nothing has been removed. Ask alice@example.com (admin) for another key."
    ]


def test_a_list_that_lost_too_much(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    fill([record(number) for number in range(24)])
    clock.shift(MINUTE)
    fill([record(number) for number in range(6)])
    page = alice_client.get(LIST)
    assert banners(page) == [
        "!prod · compute-on suddenly lists 6 of the 24 snapshots it had (since 12:01 UTC). Nothing has been removed: "
        "two later lists must agree, ten minutes apart. Until then the missing ones are marked."
    ]
    assert len(numbers(page)) == 24
    assert freshness(page)[0] == "warn"


def test_an_empty_list_after_a_full_one(alice_client: Client, fill: Fill) -> None:
    fill([record(1), record(2)])
    fill([])
    page = alice_client.get(LIST)
    assert "suddenly lists 0 of the 2 snapshots it had" in banners(page)[0]
    assert cells(page, "state") == ["? Completed not in the list of 12:00"] * 2


@pytest.mark.parametrize(
    ("record_count", "reason"), [(99, "its own count differs from what it sent"), (0, "its own count differs")]
)
def test_an_incomplete_list(
    alice_client: Client, fill: Fill, clock: time_machine.Traveller, record_count: int, reason: str
) -> None:
    fill([record(1)])
    clock.shift(MINUTE)
    fill([record(1)], record_count=record_count)
    page = alice_client.get(LIST)
    assert banners(page)[0].startswith(f"!prod · compute-on gave an incomplete list at 12:01 UTC ({reason}")
    assert freshness(page) == ("warn", "! 0 of 1 environments up to date; prod · compute-on from 12:00 UTC")


def test_a_row_left_out_is_labelled_and_not_shown_as_usable(alice_client: Client, fill: Fill) -> None:
    fill([record(1), record(2, state="Error"), record(3)])
    fill([record(3)])
    page = alice_client.get(LIST)
    assert numbers(page) == [1, 2, 3]
    assert cells(page, "state") == [
        "? Completed not in the list of 12:00",
        "✕ Error not in the list of 12:00",
        "✓ Completed",
    ]
    badge = tree(page).all("tr", css="row")[0].one(css="badge")
    assert badge.attributes["class"] == "badge unknown"


def test_a_row_that_comes_back_loses_its_label(alice_client: Client, fill: Fill) -> None:
    for numbers_listed in ((1, 3), (3,), (1, 3)):
        fill([record(number) for number in numbers_listed])
    assert cells(alice_client.get(LIST), "state") == ["✓ Completed", "✓ Completed"]


def test_a_gone_row_is_found_only_among_the_gone(alice_client: Client, fill: Fill) -> None:
    for numbers_listed in ((1, 3), (3,), (3,)):
        fill([record(number) for number in numbers_listed])
    assert numbers(alice_client.get(LIST)) == [3]
    gone = alice_client.get(f"{LIST}?listed=no")
    assert (numbers(gone), cells(gone, "state")) == ([1], ["– Not listed not listed since 12:00"])


@pytest.mark.parametrize("address", [LIST, detail(1)])
def test_the_fragment_or_page_of_old_data_says_so(
    alice_client: Client, fill: Fill, clock: time_machine.Traveller, address: str
) -> None:
    fill([record(1)])
    clock.shift(timedelta(hours=2))
    for headers in ({}, HTMX):
        line = tree(alice_client.get(address, headers=headers)).one(id="freshness")
        assert line.text.startswith("! 0 of 1 environments up to date; prod · compute-on from 12:00 UTC")


@pytest.mark.parametrize(("seconds", "off"), [(601, "10 min ahead of"), (-7300, "2 h behind")])
def test_a_clock_that_is_off_is_told_once(alice_client: Client, fill: Fill, seconds: int, off: str) -> None:
    fill([record(1)])
    fill([record(2)], path=OTHER_PATH)
    assert banners(alice_client.get(LIST)) == []
    Environment.objects.update(clock_ahead=seconds)
    (told,) = banners(alice_client.get(LIST))
    assert told.endswith(
        f"The provider's clock is {off} this machine's. Due times and ages of volumes follow the provider's clock."
    )


def test_a_clock_that_is_not_believed_is_told_too(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    Environment.objects.update(clock_unfollowed=-7300)
    (told,) = banners(alice_client.get(LIST))
    assert "2 h behind this machine's. This difference is ignored" in told
    assert "follow this machine's" in told
    Environment.objects.update(clock_correction=3600)
    (told,) = banners(alice_client.get(LIST))
    assert "Both clocks have jumped" in told
    Environment.objects.update(clock_correction=-7300)
    (told,) = banners(alice_client.get(LIST))
    assert "This machine's clock has jumped" in told
