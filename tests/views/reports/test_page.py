"""The month on one page: figures that add up, worst first, days, ranges, and months without figures."""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus

import pytest
import time_machine
from django.db.models import F
from django.test import Client

from dashboard.teams.models import User
from snapshots.alerts.problems import settle
from snapshots.lists.report import Shares
from snapshots.models import Environment, RuleTime
from snapshots.verdicts.rule_times import note
from tests.alerts.conftest import Records, clock, environment, fill, key, records, sim, told, week
from tests.views.reports.reading import cells, days, rows, shares
from tests.views.snapshots.conftest import Fill
from tests.views.snapshots.reading import tree
from tests.views.volumes.home.steps import disk

__all__ = ["clock", "environment", "fill", "key", "records", "sim", "told", "week"]
pytestmark = pytest.mark.django_db
PAGE = "/t/acme/reports/"
MONTH = f"{PAGE}2026-11/"
HOUR = timedelta(hours=1)
ClientFor = Callable[[User], Client]
# From noon of 24 November: a day with lists, one without, one with them again.
DAY = 24


@pytest.fixture
def past(told: Environment, records: Records, fill: Fill, clock: time_machine.Traveller) -> Environment:
    shown = records
    _store(None)
    for hour in range(1, 3 * DAY + 1):
        clock.shift(HOUR)
        if hour == 2 * DAY + 12:
            shown = [*shown, *disk("fresh", 0)]
        if not DAY < hour < 2 * DAY:
            before = Environment.objects.get().listed_at
            fill(shown)
            _store(before)
    return Environment.objects.get()


def _store(before: datetime | None) -> None:
    environment = Environment.objects.get()
    settle(environment, listed_before=before)
    note(environment, is_listed=True, listed_before=before)


def test_the_figures_of_a_month_in_progress(past: Environment, bob_client: Client) -> None:
    page = bob_client.get(MONTH)
    found = cells(page)
    # share met, hours not met, hours unknown, problems; runs expected, made, failed, missed
    assert found["late"][:4] == ["0.0%", "48.0", "24.0", "1"]
    # Three hours old at first and daily, so late after 27 hours, in the time without lists; usable again after 60.
    assert found["fresh"][:4] == ["50.0%", "12.0", "24.0", "1"]
    # Two runs before the first list, and one at midnight on the 27th. That of the 25th was due in time with lists,
    # but its deadline is in the time without them.
    assert found["fresh"][4:] == ["3", "3", "0", "0"]
    assert found["undated"][4:] == ["no schedule"]
    *volumes, total = found
    sums = [sum(float(found[name][place].replace(",", "")) for name in volumes) for place in (1, 2, 3)]
    assert [float(found[total][place].replace(",", "")) for place in (1, 2, 3)] == pytest.approx(sums, abs=0.11)
    assert sum(shares(page)) == 1000
    not_met = [float(found[name][1]) for name in volumes]
    assert not_met == sorted(not_met, reverse=True)
    assert "27 Nov 12:00" in tree(page).one(id="so-far").text
    # Five from the beginning, and from the evening on one whose run does not end.
    marks = days(page)
    assert [marks[day] for day in ("23", "24", "26", "28")] == ["–", "! 6", "? 8", ""]
    gap = tree(page).one("section", **{"aria-labelledby": "report-gaps"}).one("tbody").all("td")
    assert gap[0].text == "25 Nov 12:00 – 26 Nov 12:00"
    assert len(tree(page).one("section", **{"aria-labelledby": "report-problems"}).one("tbody").all("tr")) == 7


def test_a_range_counts_only_its_days(past: Environment, bob_client: Client) -> None:
    page = bob_client.get(f"{PAGE}?from=2026-11-25&to=2026-11-25")
    # Twelve hours with lists, twelve without.
    assert cells(page)["fresh"][:3] == ["50.0%", "0", "12.0"]
    assert cells(page)["late"][:3] == ["0.0%", "12.0", "12.0"]
    assert not tree(page).all(id="so-far")
    whole = bob_client.get(f"{PAGE}?from=1990-01-01&to=2999-01-01")
    assert cells(whole)["late"][1] == "48.0"
    assert bob_client.get(f"{PAGE}?from=nonsense").status_code == HTTPStatus.OK


def test_a_run_is_not_missed_if_its_deadline_passed_without_lists_after_the_range(
    told: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, bob: User, client_for: ClientFor
) -> None:
    """A run was due at 20:00 with lists; there is none between midnight and noon, in which its deadline passed."""
    shown = records
    for hour in range(49):
        if hour == 8:
            shown = [*shown, *disk("evening", 0)]
        if hour <= 36 or hour == 48:
            before = Environment.objects.get().listed_at
            fill(shown)
            _store(before)
        clock.shift(HOUR)
    bob_client = client_for(bob)
    for last in (25, 26):
        found = cells(bob_client.get(f"{PAGE}?from=2026-11-24&to=2026-11-{last}"))
        assert found["evening"][4:] == ["1", "1", "0", "0"]


def test_problems_of_a_volume_that_was_not_counted_for_a_moment_are_left_out(
    past: Environment, bob_client: Client
) -> None:
    times = RuleTime.objects.filter(volume__name="late")
    times.exclude(pk=times.earliest("began_at").pk).delete()
    times.update(ended_at=F("began_at"))
    page = bob_client.get(MONTH)
    found = cells(page)
    assert "late" not in found
    *volumes, total = found
    listed = tree(page).one("section", **{"aria-labelledby": "report-problems"}).one("tbody").all("tr")
    assert len(listed) == int(found[total][3]) == sum(int(found[name][3]) for name in volumes)


def test_the_files_have_the_figures_of_the_page(past: Environment, bob_client: Client) -> None:
    page = bob_client.get(MONTH)
    links = [link.attributes["href"] for link in tree(page).all("a") if "data-export" in link.attributes]
    answers = {link.partition("?")[0].rsplit(".")[-1]: bob_client.get(link) for link in links}
    for kind, answer in answers.items():
        assert f'filename="acme-report-2026-11-20261127T120000Z.{kind}"' in answer.headers["Content-Disposition"]
    found = json.loads(answers["json"].getvalue())
    assert found["metadata"]["filter"] == "from=2026-11-01&to=2026-11-30"
    by_name = {row["name"]: row for row in found["data"]}
    *volumes, _total = cells(page)
    assert list(by_name) == volumes
    fresh = by_name["fresh"]
    assert (fresh["hoursMet"], fresh["hoursNotMet"], fresh["hoursUnknown"], fresh["percentMet"]) == (36, 12, 24, 50.0)
    assert (fresh["runsExpected"], fresh["runsMissed"], fresh["targetHours"], fresh["schedules"]) == (
        3,
        0,
        168,
        ["DAILY"],
    )
    rows_of_csv = list(csv.DictReader(io.StringIO(answers["csv"].getvalue().decode("utf-8-sig"))))
    assert [(row["name"], row["hoursNotMet"]) for row in rows_of_csv] == [
        (name, str(row["hoursNotMet"])) for name, row in by_name.items()
    ]
    assert answers["xlsx"].getvalue()[:2] == b"PK"


def test_every_order_keeps_all_volumes(past: Environment, bob_client: Client) -> None:
    everything = sorted(rows(bob_client.get(MONTH)))
    for name in ("name", "met", "not_met", "unknown", "problems", "expected", "made", "failed", "missed", "longest"):
        for sort in (name, f"-{name}"):
            assert sorted(rows(bob_client.get(f"{MONTH}?sort={sort}"))) == everything
    by_name = list(rows(bob_client.get(f"{MONTH}?sort=name")))[:-1]
    assert by_name == sorted(by_name)


def test_months_without_figures(past: Environment, bob_client: Client, charlie_client: Client) -> None:
    assert bob_client.get(PAGE).headers["Location"] == MONTH
    october = bob_client.get(f"{PAGE}2026-10/")
    assert (october.status_code, rows(october)) == (HTTPStatus.OK, {})
    for month in ("2026-12", "2026-13", "0000-01", "1999-12"):
        assert bob_client.get(f"{PAGE}{month}/").status_code == HTTPStatus.NOT_FOUND
    assert charlie_client.get(MONTH).status_code == HTTPStatus.NOT_FOUND


def test_shares_add_up_and_hide_nothing() -> None:
    week = timedelta(days=7)
    assert Shares.of(week, timedelta(seconds=1), timedelta()) == (999, 1, 0)
    assert Shares.of(week, week, week) == (334, 333, 333)
    assert Shares.of(timedelta(), timedelta(), timedelta()) == (0, 0, 0)
    assert {sum(Shares.of(HOUR * one, HOUR * 7, HOUR * 3)) for one in range(200)} == {1000}


def test_what_failed_and_was_missed_opens_the_changes(past: Environment, bob_client: Client) -> None:
    row = rows(bob_client.get(MONTH))["none"]
    for link in row.all("a"):
        assert bob_client.get(link.attributes["href"]).status_code == HTTPStatus.OK
