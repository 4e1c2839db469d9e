"""Not judging volumes: which, why, until when, and the ways back."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.teams.models import Team, User
from snapshots.models import Environment, Volume
from snapshots.models.volume import RETURN_IS_SAID
from snapshots.policy import exclusions
from snapshots.rules.verdict import Verdict
from snapshots.verdicts.sql import FOR_EVER
from tests.policy.conftest import shot
from tests.policy.steps import (
    EXCLUDE,
    EXCLUSIONS,
    HOME,
    RESUME,
    audited,
    errors,
    exclude,
    headings,
    pk,
    said,
    undo,
    verdicts,
)
from tests.views.snapshots.conftest import Fill
from tests.views.snapshots.reading import tree

pytestmark = pytest.mark.django_db
LATE = f"{EXCLUDE}?which=match&schedule=DAILY"


def excluded(team: Team) -> list[str]:
    return sorted(name for name, verdict in verdicts(team).items() if verdict is Verdict.EXCLUDED)


def test_ticked_volumes_are_named_before_anything_is_done(dora_client: Client, mixture: Environment) -> None:
    page = dora_client.get(f"{EXCLUDE}?volume={pk(1)}&volume={pk(2)}&volume=0&volume=x")
    assert headings(page) == ["2 volumes"]
    assert [each.text for each in tree(page).one("ul", css="chosen").all("li")] == [
        "disk-1 · prod · compute-on",
        "disk-2 · prod · compute-on",
    ]
    assert Volume.objects.filter(excluded_until__isnull=False).count() == 0


def test_they_are_excluded_and_still_counted(dora_client: Client, team: Team, mixture: Environment) -> None:
    page = exclude(dora_client, f"volume={pk(1)}&volume={pk(2)}", 2)
    assert page.redirect_chain[0][0] == HOME
    assert said(page) == ["Excluded 2 volumes until 3 Dec."]
    assert excluded(team) == ["disk-1", "disk-2"]
    assert len(verdicts(team)) == 10
    assert audited() == [("not_judged", "2 volumes", "2026-12-03: lab machines")]


def test_undo_resumes_what_the_act_touched_and_nothing_else(
    dora_client: Client, team: Team, mixture: Environment, clock: time_machine.Traveller
) -> None:
    exclude(dora_client, f"volume={pk(1)}", 1)
    clock.shift(1)
    page = exclude(dora_client, f"volume={pk(1)}&volume={pk(2)}", 2, reason="another")
    assert said(page)[0].startswith("Excluded 1 volume until 3 Dec. 1 was already excluded")
    undo(dora_client, page)
    assert excluded(team) == ["disk-1"]
    assert Volume.objects.get(name="disk-1").exclusion_reason == "lab machines"


def test_no_cached_page_outlives_it(dora_client: Client, mixture: Environment) -> None:
    generations = [mixture.generation]
    for act in (f"{EXCLUDE}?volume={pk(1)}", f"{RESUME}?volume={pk(1)}"):
        dora_client.post(act, {"number": "1", "reason": "x", "ends": "never"})
        generations.append(Environment.objects.get().generation)
    assert generations == sorted(set(generations))


def test_all_that_match_are_excluded_with_their_number(dora_client: Client, team: Team, mixture: Environment) -> None:
    page = dora_client.get(LATE)
    assert headings(page) == ["2 volumes"]
    exclude(dora_client, "which=match&schedule=DAILY", 2, follow=False)
    assert excluded(team) == ["disk-1", "disk-9"]


def test_more_than_the_number_that_was_seen_are_not_touched(
    dora_client: Client, team: Team, fill: Fill, mixture: Environment
) -> None:
    fill([shot(20, 1, days=0.1)], record_count=2)
    page = exclude(dora_client, "which=match&schedule=DAILY", 2)
    assert said(page) == ["Nothing was changed yet: the number of volumes has changed. Check it and confirm again."]
    assert headings(page) == ["3 volumes"]
    assert excluded(team) == []


def test_a_filter_that_no_longer_fits_chooses_nothing(dora_client: Client, team: Team, mixture: Environment) -> None:
    query = "which=match&environment=compute-on/removed&schedule=DAILY"
    page = dora_client.get(f"{EXCLUDE}?{query}")
    assert "No volumes are selected." in tree(page).one(css="banner").text
    exclude(dora_client, query, 2)
    exclude(dora_client, query, 0)
    assert excluded(team) == []


def test_an_exclusion_ends_by_itself_and_says_so(
    dora_client: Client, dora: User, team: Team, mixture: Environment, clock: time_machine.Traveller
) -> None:
    exclude(dora_client, f"volume={pk(1)}", 1, follow=False)
    clock.shift(timedelta(days=8, hours=11, minutes=59))
    assert excluded(team) == ["disk-1"]
    clock.shift(timedelta(minutes=1))
    assert excluded(team) == []
    dora_client.force_login(dora)
    page = tree(dora_client.get(EXCLUSIONS)).one("main")
    assert "disk-1 exclusion ended 3 Dec" in page.text
    clock.shift(RETURN_IS_SAID)
    dora_client.force_login(dora)
    assert "returned" not in tree(dora_client.get(EXCLUSIONS)).one("main").text


def test_without_end_stays(
    dora_client: Client, team: Team, mixture: Environment, clock: time_machine.Traveller
) -> None:
    page = exclude(dora_client, f"volume={pk(1)}", 1, ends="never", until="")
    assert said(page) == ["Excluded 1 volume without end."]
    clock.shift(timedelta(days=3650))
    assert excluded(team) == ["disk-1"]


@pytest.mark.few(3)
@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"until": ""}, "Choose a day"),
        ({"until": "2026-11-24"}, "not in the future"),
        ({"until": "9999-12-31"}, "not in the future"),
        ({"until": "x"}, "Enter a valid date"),
        ({"reason": " "}, "required"),
        ({"reason": "x" * 201}, "at most 200"),
        ({"ends": "y"}, "valid choice"),
    ],
)
def test_a_form_that_says_too_little_changes_nothing(
    dora_client: Client, team: Team, mixture: Environment, values: dict[str, Any], error: str
) -> None:
    page = exclude(dora_client, f"volume={pk(1)}", 1, **values)
    assert len(errors(page)) == 1
    assert error in errors(page)[0]
    assert excluded(team) == []


def test_a_whole_environment_and_back(dora_client: Client, team: Team, mixture: Environment) -> None:
    form = {"environment": "compute-on/prod", "reason": "moved", "ends": "never"}
    dora_client.post(EXCLUSIONS, form)
    assert len(excluded(team)) == 10
    assert "moved" in tree(dora_client.get(EXCLUSIONS)).one("main").text
    dora_client.post(EXCLUSIONS, {"environment": "compute-on/prod", "end": "1"})
    assert excluded(team) == []
    assert audited() == [("not_judged", "prod · compute-on", "moved"), ("judged_again", "prod · compute-on", "")]


@pytest.mark.parametrize("form", [{}, {"environment": "compute-on/nope"}, {"environment": "compute-on/prod"}])
def test_an_environment_is_not_excluded_by_half_a_form(
    dora_client: Client, team: Team, mixture: Environment, form: dict[str, str]
) -> None:
    assert dora_client.post(EXCLUSIONS, form).status_code == 200
    assert excluded(team) == []


def test_what_is_excluded_is_listed_by_act(dora_client: Client, bob_client: Client, mixture: Environment) -> None:
    exclude(dora_client, f"volume={pk(1)}&volume={pk(2)}", 2, follow=False, reason="<b>lab</b>")
    for client, may_act in ((dora_client, True), (bob_client, False)):
        main = tree(client.get(EXCLUSIONS)).one("main")
        (line,) = main.all("ul", css="places")[0].all("li")
        assert line.text.startswith("2 volumes until 3 Dec · dora@example.com<b>lab</b>")
        assert bool(line.all("a")) is may_act


def test_a_viewer_may_not_and_a_stranger_finds_nothing(
    bob_client: Client, charlie_client: Client, team: Team, mixture: Environment
) -> None:
    for address in (EXCLUDE, RESUME):
        for client, status in ((bob_client, 403), (charlie_client, 404)):
            assert client.get(f"{address}?volume={pk(1)}").status_code == status
            assert client.post(f"{address}?volume={pk(1)}", {"number": "1"}).status_code == status
    assert bob_client.post(EXCLUSIONS, {"environment": "compute-on/prod", "end": "1"}).status_code == 403
    assert excluded(team) == []


def test_foreign_volumes_are_not_chosen(charlie_client: Client, team: Team, mixture: Environment) -> None:
    page = exclude(charlie_client, f"volume={pk(1)}", 1)
    assert page.status_code == 404
    own = charlie_client.post(
        f"/t/rival/volumes/exclude/?volume={pk(1)}", {"number": "1", "reason": "x", "ends": "never"}, follow=True
    )
    assert headings(own) == ["0 volumes"]
    assert excluded(team) == []


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example/", "/t/other/", "/t/acme/\\evil", ""])
def test_no_act_leads_to_another_site(dora_client: Client, mixture: Environment, back: str) -> None:
    form = {"number": "1", "reason": "x", "ends": "never", "back": back}
    answer = dora_client.post(f"{EXCLUDE}?volume={pk(1)}", form)
    assert answer["Location"] in (HOME, "/t/acme/%5Cevil")


def test_an_act_leads_back_to_where_it_came_from(dora_client: Client, mixture: Environment) -> None:
    page = exclude(dora_client, f"volume={pk(1)}&back=/t/acme/%3Fq%3Ddisk", 1)
    assert page.redirect_chain[0][0] == "/t/acme/?q=disk"


def test_many_volumes_are_few_statements(
    dora: User, team: Team, mixture: Environment, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    Volume.objects.bulk_create(
        Volume(team=team, environment=mixture, volume_id=f"many-{number}", name="x") for number in range(2000)
    )
    pks = list(Volume.objects.values_list("pk", flat=True))
    with django_assert_max_num_queries(25):
        done = exclusions.exclude(team, pks, exclusions.Exclusion(FOR_EVER, "x"), person=dora)
    assert done.number == 2010
    assert sorted(exclusions.of_act(team, done.at)) == sorted(pks)


@pytest.mark.parametrize(
    ("former", "now"),
    [("volumes/exempt/", EXCLUDE), ("volumes/judge-again/", RESUME), ("settings/not-judged/", EXCLUSIONS)],
)
def test_former_addresses_lead_to_their_page(dora_client: Client, mixture: Environment, former: str, now: str) -> None:
    answer = dora_client.get(f"{HOME}{former}?volume={pk(1)}&which=match", follow=True)
    assert answer.redirect_chain == [(f"{now}?volume={pk(1)}&which=match", 301)]
    assert answer.status_code == 200
