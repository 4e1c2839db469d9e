"""Rhythms: suggested from manual snapshots, confirmed and ended by members, judged as separate schedules."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import Team, User
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Volume
from snapshots.policy import rhythms
from snapshots.rules.verdict import Verdict
from snapshots.verdicts.rule_times import note
from tests.conftest import Answer
from tests.policy.conftest import CUSTOM, shot, volume_id
from tests.policy.steps import HOME, audited, pk, undo, verdicts
from tests.views.reports.reading import rows
from tests.views.snapshots.conftest import Fill
from tests.views.snapshots.reading import tree

pytestmark = pytest.mark.django_db
RHYTHMS = f"{HOME}rhythms/"
VOLUME = f"{HOME}volumes/compute-on/prod/{volume_id(1)}/"
AGO = 590 / 1440
DAILY, WEEKLY = "RHYTHM-DAILY-130", "RHYTHM-WEEKLY-1570"


def script(volume: int, *, every: float = 1, number: int = 6, first: int = 0, **fields: str) -> list[SnapshotRecord]:
    """What a script took at 02:10, ten hours ago but ten minutes and before that."""
    days = [AGO + every * place for place in range(number)]
    manual = {"interval_type": "MANUAL"} | fields
    return [shot(volume, first + place, days=ago, **manual) for place, ago in enumerate(days)]


@pytest.fixture
def scripts(fill: Fill) -> Environment:
    """Two volumes of a daily script and one of a weekly one; one with too few, one by hand, one of the provider."""
    by_hand = [shot(5, place, days=ago, interval_type="MANUAL") for place, ago in enumerate([0.3, 1.9, 2.2, 4, 7, 9.4])]
    of_provider = script(6, interval_type="DAILY")
    return fill(
        [
            *script(1),
            *script(2, number=9),
            *script(3, every=7),
            *script(4, number=4),
            *by_hand,
            *of_provider,
            *script(6, first=50),
        ]
    )


def suggested(client: Client) -> dict[str, str]:
    """What the page suggests, by volume, with the evidence."""
    page = tree(client.get(RHYTHMS))
    rows = page.all("li", css="rhythm-row")
    return {row.one("strong").text: row.attributes["data-rhythm"].split(" ")[1] for row in rows}


def confirm(client: Client, *values: str, **more: str) -> Answer:
    return client.post(RHYTHMS, {"rhythm": values} | more, follow=True)


def box(number: int, schedule: str = DAILY) -> str:
    return f"{pk(number)} {schedule}"


def strip(client: Client) -> str | None:
    found = tree(client.get(HOME)).all("section", css="rhythm-strip")
    return found[0].one("strong").text if found else None


def rhythm(number: int) -> str:
    return Volume.objects.get(name=f"disk-{number}").rhythm_name


@pytest.mark.both_databases
def test_steady_ones_are_suggested_and_no_verdict_is_made_of_it(
    dora_client: Client, team: Team, scripts: Environment
) -> None:
    assert {*verdicts(team).values()} == {Verdict.FRESH}
    assert suggested(dora_client) == {"disk-1": DAILY, "disk-2": DAILY, "disk-3": WEEKLY}
    assert strip(dora_client) == "2 volumes look daily about 02:10."
    # No run came in time.
    late = timezone.now() + timedelta(hours=20, minutes=11)
    assert [volume.name for volume in rhythms.suggested([scripts], late)] == ["disk-3"]


@pytest.mark.both_databases
@pytest.mark.parametrize("which", [{"rhythm": [1, 3]}, {"which": "all", "shown": [1, 2, 3]}])
def test_chosen_ones_or_all_are_confirmed_and_judged(
    dora_client: Client, team: Team, scripts: Environment, which: dict[str, list[int]]
) -> None:
    form = {
        name: [box(n, WEEKLY if n == 3 else DAILY) for n in v] if name != "which" else v for name, v in which.items()
    }
    page = dora_client.post(RHYTHMS, form, follow=True)
    chosen = which.get("shown") or which["rhythm"]
    assert [rhythm(n) for n in (1, 2, 3)] == [(WEEKLY if n == 3 else DAILY) if n in chosen else "" for n in (1, 2, 3)]
    assert audited() == [("rhythm_confirmed", f"{len(chosen)} volumes", "")]
    assert len(suggested(dora_client)) == 3 - len(chosen)
    undo(dora_client, page)
    assert {rhythm(n) for n in (1, 2, 3)} == {""}
    assert suggested(dora_client) == {"disk-1": DAILY, "disk-2": DAILY, "disk-3": WEEKLY}


def test_a_missed_run_is_late_and_one_by_hand_does_not_hide_it(
    dora_client: Client, team: Team, scripts: Environment, fill: Fill, clock: time_machine.Traveller
) -> None:
    confirm(dora_client, box(1), box(2))
    assert verdicts(team)["disk-1"] is Verdict.FRESH
    clock.shift(timedelta(hours=20, minutes=15))
    # Of disk-1 somebody took one ten hours before; of disk-2 the script ran. The grace is six hours.
    hand = shot(1, 80, days=17 / 24, interval_type="MANUAL")
    ran = shot(2, 80, days=6 / 24, interval_type="MANUAL")
    later = [shot(n, place, days=(10 + 20) / 24 + place, interval_type="MANUAL") for n in (1, 2) for place in range(6)]
    fill([*later, hand, ran])
    assert {name: verdicts(team)[name] for name in ("disk-1", "disk-2")} == {
        "disk-1": Verdict.LATE,
        "disk-2": Verdict.FRESH,
    }
    assert Volume.objects.get(name="disk-1").schedules == "R"


def test_the_report_of_the_month_counts_its_runs(
    dora_client: Client,
    dora: User,
    client_for: Callable[[User], Client],
    scripts: Environment,
    fill: Fill,
    clock: time_machine.Traveller,
) -> None:
    """The script of disk-1 stops after six runs, the one of disk-2 runs on after nine."""
    confirm(dora_client, box(1), box(2))
    note(Environment.objects.get(), is_listed=True)
    for hour in range(1, 22):
        clock.shift(timedelta(hours=1))
        before = Environment.objects.get().listed_at
        old = [
            shot(n, place, days=AGO + hour / 24 + place, interval_type="MANUAL") for n in (1, 2) for place in range(6)
        ]
        ran = [shot(2, 80, days=(hour - 14.3) / 24, interval_type="MANUAL")] if hour > 14 else []
        fill([*old, *ran])
        note(Environment.objects.get(), is_listed=True, listed_before=before)
    # The first session expired during these hours.
    dora_client = client_for(dora)
    found = rows(dora_client.get("/t/acme/reports/2026-11/"))
    assert [run.text for run in found["disk-1"].all(css="r-run")] == ["7", "6", "0", "1"]
    assert [run.text for run in found["disk-2"].all(css="r-run")] == ["10", "10", "0", "0"]
    assert "Rhythm" in found["disk-1"].one(css="r-rule").text
    row = json.loads(dora_client.get("/t/acme/reports/export.json?from=2026-11-01&to=2026-11-30").getvalue())["data"]
    assert {each["name"]: each["schedules"] for each in row}["disk-1"] == ["RHYTHM"]


def test_the_page_of_a_volume_says_who_confirmed_it_and_ends_it(
    dora_client: Client, bob_client: Client, team: Team, scripts: Environment
) -> None:
    dora_client.post(RHYTHMS, {"rhythm": box(1), "back": VOLUME})
    shown = tree(bob_client.get(VOLUME)).one("section", **{"aria-labelledby": f"schedule-{DAILY}"})
    assert [fact.text for fact in shown.all("dd")][:2] == ["Daily about 02:10 UTC", "24 Nov by dora@example.com"]
    assert not shown.all("form")
    (form,) = tree(dora_client.get(VOLUME)).one("section", **{"aria-labelledby": f"schedule-{DAILY}"}).all("form")
    page = dora_client.post(form.attributes["action"], {"volume": str(pk(1)), "back": VOLUME}, follow=True)
    assert (rhythm(1), Volume.objects.get(name="disk-1").schedules) == ("", "")
    undo(dora_client, page)
    assert (rhythm(1), Volume.objects.get(name="disk-1").schedules) == (DAILY, "R")
    assert [kind for kind, _target, _detail in audited()] == ["rhythm_confirmed", "rhythm_ended", "rhythm_confirmed"]


def test_only_what_was_shown_is_confirmed(dora_client: Client, charlie_client: Client, scripts: Environment) -> None:
    for values in (["x"], ["1"], [box(1, WEEKLY)], [box(5)], ["999999 " + DAILY], ["\0 \0"], [f"{'9' * 30} {DAILY}"]):
        confirm(dora_client, *values)
    assert dora_client.post(f"{RHYTHMS}end/", {"volume": str(pk(1))}, follow=True).status_code == 200
    assert charlie_client.post(RHYTHMS, {"rhythm": box(1)}).status_code == 404
    assert charlie_client.get(RHYTHMS).status_code == 404
    assert ({rhythm(n) for n in range(1, 7)}, audited()) == ({""}, [])


def test_those_of_another_team_are_out_of_reach(charlie_client: Client, rival: Team, scripts: Environment) -> None:
    url = f"/t/{rival.slug}/rhythms/"
    for path, form in ((url, {"rhythm": box(1)}), (f"{url}end/", {"volume": str(pk(1))})):
        assert charlie_client.post(path, form, follow=True).status_code == 200
    assert rhythm(1) == ""


def test_viewers_see_neither_strip_nor_page(bob_client: Client, scripts: Environment) -> None:
    assert strip(bob_client) is None
    assert not tree(bob_client.get(VOLUME)).all("form", css="suggestion")
    assert bob_client.get(RHYTHMS).status_code == bob_client.post(RHYTHMS, {"rhythm": box(1)}).status_code == 403


def test_not_now_hides_it_from_this_member_until_others_are_suggested(
    dora_client: Client, alice_client: Client, scripts: Environment, fill: Fill
) -> None:
    hide = tree(dora_client.get(HOME)).one("section", css="rhythm-strip").one("form")
    hidden = {field.attributes["name"]: field.attributes["value"] for field in hide.all("input", type="hidden")}
    dora_client.post(hide.attributes["action"], hidden)
    assert (strip(dora_client), strip(alice_client)) == (None, "2 volumes look daily about 02:10.")
    fill([*script(1), *script(2, number=9), *script(3, every=7), *script(7)])
    assert strip(dora_client) == "3 volumes look daily about 02:10."


def test_excluded_and_deleted_ones_are_not_suggested(dora_client: Client, scripts: Environment) -> None:
    Volume.objects.filter(name="disk-1").update(excluded_until=timezone.now() + timedelta(days=1))
    Volume.objects.filter(name="disk-2").update(deleted_at=timezone.now())
    assert suggested(dora_client) == {"disk-3": WEEKLY}


def test_what_a_script_deletes_soon_is_found_too(fill: Fill, clock: time_machine.Traveller) -> None:
    """A weekly script that keeps one: no list ever has two, and rows of the first are no longer read."""
    for week in range(6):
        if week:
            clock.shift(timedelta(days=7))
        fill([shot(1, week, days=AGO, interval_type="MANUAL")])
    assert [volume.manual["schedule"] for volume in Volume.objects.all()] == [WEEKLY]


def test_times_that_are_not_exact_tell_nothing(fill: Fill, clock: time_machine.Traveller) -> None:
    """Named by hand, each was taken at some time of a day."""
    rows: list[SnapshotRecord] = []
    for number in range(8):
        rows.append(shot(1, number, days=0, **CUSTOM))
        fill([*rows])
        clock.shift(timedelta(days=1))
    assert Volume.objects.get().manual == {}


def test_the_api_and_exports_name_it(dora_client: Client, scripts: Environment) -> None:
    confirm(dora_client, box(1))
    rows = json.loads(b"".join(dora_client.get(f"{HOME}volumes/export.json?schedule=RHYTHM")))
    assert [(row["name"], row["schedules"]) for row in rows["data"]] == [("disk-1", ["RHYTHM"])]
