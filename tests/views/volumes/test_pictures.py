"""The pictures above the volumes: what is drawn, and the same in words and numbers."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.teams.models import Team
from snapshots.lists.params import Links
from snapshots.lists.volume_filters import BANDS, VolumeFilters
from snapshots.models import Environment, Policy, VerdictDay, Volume
from snapshots.verdicts import daily
from snapshots.verdicts.daily import Day
from snapshots.views.volumes import charts as views
from tests.loops import in_turn
from tests.views.snapshots.conftest import NOW, OTHER_PATH, Fill, clock, fill, key, taken
from tests.views.snapshots.reading import Element, Response, tree

__all__ = ["clock", "fill", "key"]
TODAY = NOW.date()
HOME = "/t/acme/volumes/"


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def days(*given: Day) -> list[Day]:
    """Ninety days, of which these are known."""
    known = {day.day: day for day in given}
    return [known.get(ago(number), Day(ago(number))) for number in reversed(range(90))]


def words(*given: Day) -> list[str]:
    return list(views.sentences(days(*given), NOW))


# --- what is drawn


def test_the_longest_bar_fills_the_room_and_a_short_one_is_seen() -> None:
    bars = views.bars(dict(zip(BANDS, (1000, 500, 1, 0, 3), strict=True)), Links(HOME, VolumeFilters()))
    assert [bar.width for bar in bars] == [100, 50, 2, 0, 2]
    assert [bar.number for bar in bars] == ["1,000", "500", "1", "0", "3"]
    assert [bar.url for bar in bars] == [f"{HOME}?age={band}" for band in BANDS]


def test_no_volume_draws_no_bar() -> None:
    assert {bar.width for bar in views.bars(dict.fromkeys(BANDS, 0), Links(HOME, VolumeFilters()))} == {0}


def drawn(*given: Day, top: int = 10) -> dict[str, str]:
    return {share.name: share.d for share in views.shares(given, top)}


def test_problems_stand_on_the_ground_and_the_fresh_take_no_room() -> None:
    assert drawn(Day(TODAY, none=1, problem=2, unknown=3, good=1000)) == {
        "none": "M0 90h8V100h-8z",
        "problem": "M0 70h8V90h-8z",
        "unknown": "M0 40h8V70h-8z",
    }


def test_the_axis_ends_at_a_round_number_that_all_fit_under() -> None:
    ends = {0: 1, 1: 1, 2: 2, 4: 5, 7: 10, 10: 10, 23: 30, 31: 50, 99: 100, 101: 200, 9999: 10000}
    assert {most: views.axis_end(most) for most in ends} == ends


def test_one_in_thousands_is_seen() -> None:
    assert drawn(Day(TODAY, none=1), top=3000)["none"] == "M0 98h8V100h-8z"


@in_turn("day", [Day(TODAY, none=7), Day(TODAY, 1, 997, 1), Day(TODAY, 1, 1, 998), Day(TODAY, good=9)])
def test_no_column_leaves_its_room(day: Day) -> None:
    for d in drawn(day, top=1000).values():
        heights = [int(part) for part in d.replace("M0 ", "").replace("h8V", " ").replace("h-8z", "").split()]
        assert all(0 <= height <= 100 for height in heights)


def test_days_without_data_are_a_gap_once_there_was_some() -> None:
    assert "no-list" not in drawn(Day(ago(1)), Day(TODAY, none=1))
    assert drawn(Day(ago(1), none=1), Day(TODAY))["no-list"] == "M8 0h8m-8 0V100M16 0V100"


# --- the same in words


def test_the_newest_day_and_the_worst() -> None:
    worst = Day(ago(12), none=20, problem=41, unknown=3, good=219)
    assert words(worst, Day(TODAY, none=3, problem=11, good=271)) == [
        "Worst point on 24 Nov: 14 of 285 with a problem (5%).",
        "Worst day, 12 Nov: 61 of 283 with a problem (22%), 3 unknown.",
        "No complete data on 11 days.",
    ]


def test_a_good_time_has_no_worst_day() -> None:
    assert words(Day(ago(1), good=5), Day(TODAY, good=5)) == ["Worst point on 24 Nov: 0 of 5 with a problem (0%)."]


def test_few_of_many_are_not_none() -> None:
    assert "(under 1%)" in words(Day(TODAY, none=1, good=999))[0]


@in_turn(
    ("day", "text"),
    [(Day(TODAY, good=3), "(0%)"), (Day(TODAY, 999, good=1), "(99%)"), (Day(TODAY, 2), "(100%)")],
)
def test_none_and_all_are_said_of_none_and_all_alone(day: Day, text: str) -> None:
    assert text in words(day)[0]


def test_nothing_is_known_yet() -> None:
    assert words() == ["No data yet. Each day with a complete list adds a column."]


# --- on the page


def put(environment: Environment, days_ago: int, none: int, problem: int, unknown: int, good: int) -> None:
    VerdictDay.objects.update_or_create(
        environment=environment,
        day=ago(days_ago),
        defaults={"none": none, "problem": problem, "unknown": unknown, "good": good},
    )


@pytest.mark.django_db
def test_days_are_summed_over_environments_and_kept_to_the_team(fill: Fill, rival: Team) -> None:
    first, second = fill([]), fill([], path=OTHER_PATH)
    foreign = Environment.objects.create(team=rival, service_code="compute-on", name="theirs")
    for place in (first, second, foreign):
        put(place, 1, 1, 2, 3, 4)
    put(first, 89, 0, 0, 0, 1)
    put(first, 90, 9, 9, 9, 9)
    found = daily.history([first, second], TODAY)
    assert (found[-2].none, found[-2].problem, found[-2].unknown, found[-2].good) == (2, 4, 6, 8)
    assert (len(found), found[0].day, found[0].good) == (90, ago(89), 1)


def picture(page: Response, title: str) -> Element:
    return next(each for each in tree(page).all("section") if each.attributes.get("aria-labelledby") == title)


def filled(fill: Fill) -> Environment:
    """Volumes whose newest usable snapshots are 1, 3 and 10 days old, and one that has none."""
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(4)]
    ages = [timedelta(hours=1), timedelta(days=3), timedelta(days=10)]
    rows = [taken(number, NOW - age, volume_id=ids[number]) for number, age in enumerate(ages)]
    return fill([*rows, taken(9, NOW - timedelta(days=1), volume_id=ids[3], state="Error")])


@pytest.mark.django_db
def test_each_bar_says_its_number_and_leads_to_just_these(bob_client: Client, fill: Fill) -> None:
    where = filled(fill)
    Policy.objects.create(team=where.team, target_hours=0)
    bars = picture(bob_client.get(HOME), "ages-title").one("ul").all("li")
    assert [bar.text for bar in bars] == [
        "under 24 hours 1",
        "1 to 7 days 1",
        "7 to 30 days 1",
        "older, or unknown 0",
        "none 1",
    ]
    for bar in bars:
        rows = tree(bob_client.get(bar.one("a").attributes["href"])).all("tr", css="vrow")
        assert str(len(rows)) == bar.one(css="bar-number").text


@pytest.mark.django_db
def test_before_the_team_was_asked_the_tiles_are_the_ages(bob_client: Client, fill: Fill) -> None:
    filled(fill)
    page = bob_client.get(HOME)
    assert not [each for each in tree(page).all("h2") if each.attributes.get("id") == "ages-title"]
    assert picture(page, "share-title")


@pytest.mark.django_db
def test_the_numbers_stand_in_a_table_too(bob_client: Client, fill: Fill) -> None:
    where = filled(fill)
    put(where, 0, 1, 2, 3, 4)
    put(where, 2, 0, 1, 0, 9)
    rows = picture(bob_client.get(HOME), "share-title").one("tbody").all("tr")
    assert [[cell.text for cell in row] for row in rows] == [
        ["24 Nov", "1", "2", "3", "4"],
        ["22 Nov", "0", "1", "0", "9"],
    ]


@pytest.mark.django_db
def test_a_second_look_within_the_minute_draws_nothing_and_a_change_is_seen(bob_client: Client, fill: Fill) -> None:
    Policy.objects.create(team=filled(fill).team, target_hours=24)
    first = picture(bob_client.get(HOME), "ages-title").text
    with CaptureQueriesContext(connection) as asked:
        assert picture(bob_client.get(HOME), "ages-title").text == first
    assert not [query for query in asked if "verdictday" in query["sql"]]
    Volume.objects.all().delete()
    Environment.objects.update(generation=F("generation") + 1)
    assert picture(bob_client.get(HOME), "ages-title").text != first
