"""Targets: the first question, what each answer means, who inherits what, and concurrent syncs."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import Team, User
from snapshots.models import Environment, LastAct, Policy, Volume
from snapshots.policy import target_preview, targets
from snapshots.policy.exclusions import BATCH
from snapshots.policy.undo import undo
from snapshots.rules.verdict import Verdict
from snapshots.verdicts import evaluate
from snapshots.verdicts.evaluate import Values
from tests.policy.conftest import shot
from tests.policy.steps import TARGETS, audited, counted, pk, said, verdicts
from tests.proof import by_turns
from tests.views.snapshots.conftest import OTHER_PATH, Fill
from tests.views.snapshots.reading import tree

Waiting = list[Callable[[], object]]
pytestmark = pytest.mark.django_db


def choose(client: Client, hours: int | str, **whose: str | int) -> None:
    assert client.post(TARGETS, {"hours": hours, **whose}).status_code == 302


@pytest.mark.parametrize(("hours", "later"), by_turns(target_preview.CHOICES, [0, 0.2, 3, 7]))
def test_an_effect_is_what_the_page_says_after_choosing(
    dora_client: Client, team: Team, mixture: Environment, clock: time_machine.Traveller, hours: int, later: float
) -> None:
    clock.shift(timedelta(hours=later))
    before = target_preview.effects([mixture], timezone.now())
    choose(dora_client, hours)
    assert before[hours] == counted(team)
    assert len({tuple(sorted(counts.items())) for counts in before.values()}) > 1 or later > 6


def test_effects_know_who_has_a_target_already(dora_client: Client, team: Team, mixture: Environment) -> None:
    choose(dora_client, 24, volume=pk(2))
    choose(dora_client, 0, volume=pk(4))
    before = target_preview.effects([mixture], timezone.now())
    choose(dora_client, 30 * 24)
    assert before[30 * 24] == counted(team)
    assert verdicts(team)["disk-2"] is Verdict.LATE
    assert verdicts(team)["disk-4"] is Verdict.FRESH


def test_what_is_excluded_has_no_part_in_an_effect(team: Team, mixture: Environment) -> None:
    Volume.objects.filter(name="disk-4").update(excluded_until=timezone.now() + timedelta(days=1))
    before = target_preview.effects([mixture], timezone.now())
    assert all(sum(counts.values()) == 9 for counts in before.values())


def test_too_much_doubt_is_not_judged_for_a_question(mixture: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_preview, "MOST_JUDGED", 1)
    with pytest.raises(target_preview.TooMany):
        target_preview.effects([mixture], timezone.now())


def test_targets_are_inherited_from_team_to_environment_to_volume(dora_client: Client, team: Team, fill: Fill) -> None:
    fill([shot(1, 1, days=3, interval_type="MANUAL"), shot(2, 1, days=3, interval_type="MANUAL")])
    fill([shot(3, 1, days=3, interval_type="MANUAL")], path=OTHER_PATH)
    late, fresh = Verdict.LATE, Verdict.FRESH
    choose(dora_client, 24)
    assert verdicts(team) == {"disk-1": late, "disk-2": late, "disk-3": late}
    choose(dora_client, 168, environment="compute-on/prod")
    assert verdicts(team) == {"disk-1": fresh, "disk-2": fresh, "disk-3": late}
    choose(dora_client, 48, volume=pk(1))
    choose(dora_client, 0, volume=pk(3))
    assert verdicts(team) == {"disk-1": late, "disk-2": fresh, "disk-3": fresh}
    choose(dora_client, "", volume=pk(1))
    choose(dora_client, "", environment="compute-on/prod")
    assert verdicts(team) == {"disk-1": late, "disk-2": late, "disk-3": fresh}


def test_an_environment_that_is_hidden_is_judged_too(dora_client: Client, team: Team, mixture: Environment) -> None:
    Environment.objects.filter(pk=mixture.pk).update(removed_at=timezone.now())
    choose(dora_client, 24)
    assert Volume.objects.get(name="disk-2").late_from is not None


def test_each_target_says_where_it_comes_from(dora_client: Client, mixture: Environment) -> None:
    choose(dora_client, 168)
    choose(dora_client, 48, volume=pk(2))
    shown = [each.text for each in tree(dora_client.get(TARGETS)).all(css="target")]
    assert [text.partition(" Target of")[0] for text in shown] == [
        "Acme Platform 7 days",
        "prod · compute-on 7 days (team default)",
        "disk-2 · prod · compute-on 2 days",
    ]


@pytest.mark.parametrize("hours", ["-1", "1.5", "x", "99999999", "1" * 5000, "٣"])
def test_a_target_that_is_none_changes_nothing(dora_client: Client, team: Team, hours: str) -> None:
    page = dora_client.post(TARGETS, {"hours": hours}, follow=True)
    assert said(page) == ["A target is a number of hours, at most ten years."]
    assert not Policy.objects.exists()


@pytest.mark.parametrize("whose", [{"volume": "0"}, {"volume": "x"}, {"environment": "compute-on/nope"}])
def test_nobody_else_gets_the_target_of_what_is_not_there(
    dora_client: Client, team: Team, whose: dict[str, str]
) -> None:
    page = dora_client.post(TARGETS, {"hours": "24", **whose}, follow=True)
    assert said(page)[0].startswith("Nothing was changed")
    assert not Policy.objects.exists()


def test_every_target_is_audited(dora_client: Client, mixture: Environment) -> None:
    choose(dora_client, 168)
    choose(dora_client, 24, environment="compute-on/prod")
    choose(dora_client, "", volume=pk(1))
    assert audited() == [
        ("target_changed", "Acme Platform", "7 days"),
        ("target_changed", "prod · compute-on", "24 hours"),
        ("target_changed", "disk-1 · prod · compute-on", "inherited"),
    ]


def test_a_viewer_reads_and_changes_nothing(bob_client: Client, charlie_client: Client, team: Team) -> None:
    page = bob_client.get(TARGETS)
    assert page.status_code == 200
    assert tree(page).one("main").all("button") == []
    assert bob_client.post(TARGETS, {"hours": "24"}).status_code == 403
    assert charlie_client.post(TARGETS, {"hours": "24"}).status_code == 404
    assert not Policy.objects.exists()


def test_a_foreign_volume_keeps_its_target(charlie_client: Client, mixture: Environment) -> None:
    charlie_client.post("/t/rival/settings/targets/", {"hours": "24", "volume": pk(1)})
    assert Volume.objects.get(name="disk-1").target_hours is None


def test_old_tables_are_not_shown_after_a_target_changed(dora_client: Client, mixture: Environment) -> None:
    for whose in ({}, {"environment": "compute-on/prod"}, {"volume": pk(1)}):
        before = Environment.objects.get(pk=mixture.pk).generation
        choose(dora_client, 24, **whose)
        assert Environment.objects.get(pk=mixture.pk).generation > before


@pytest.fixture
def concurrently(monkeypatch: pytest.MonkeyPatch) -> Iterator[Waiting]:
    """What is done once, after the first judgements were prepared."""
    waiting: Waiting = []
    real = evaluate.judgements

    def judgements(*args: Any, **kwargs: Any) -> list[list[Values]]:
        made = list(real(*args, **kwargs))
        if waiting:
            waiting.pop()()
        return made

    monkeypatch.setattr(targets, "judgements", judgements)
    yield waiting
    assert waiting == []


@pytest.mark.both_databases
def test_what_a_sync_writes_meanwhile_is_judged_by_the_new_target(
    dora: User, team: Team, fill: Fill, concurrently: Waiting
) -> None:
    old, new = shot(1, 1, days=9, interval_type="MANUAL"), shot(1, 2, days=0.01, interval_type="MANUAL")
    fill([old])
    concurrently.append(lambda: fill([new, old]))
    targets.set_of_team(team, 24, person=dora)
    assert verdicts(team) == {"disk-1": Verdict.FRESH}
    assert Volume.objects.get().usable_count == 2


@pytest.mark.both_databases
def test_two_members_at_once_both_get_their_way(dora: User, team: Team, fill: Fill, concurrently: Waiting) -> None:
    fill([shot(1, 1, days=3, interval_type="MANUAL")])
    concurrently.append(lambda: targets.set_of_volume(Volume.objects.get(), 96, person=dora))
    targets.set_of_team(team, 24, person=dora)
    assert verdicts(team) == {"disk-1": Verdict.FRESH}


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_team_is_judged_before_the_database_is_locked(
    dora: User, team: Team, mixture: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, real = [], evaluate.judgements

    def judgements(*args: Any, **kwargs: Any) -> object:
        locked.append(connection.in_atomic_block)
        return real(*args, **kwargs)

    monkeypatch.setattr(targets, "judgements", judgements)
    at = targets.set_of_team(team, 24, person=dora)
    assert locked == [False]
    assert verdicts(team)["disk-2"] is Verdict.LATE
    assert undo(team, at, person=dora)
    assert locked == [False, False]
    assert verdicts(team)["disk-2"] is Verdict.FRESH


@pytest.mark.proof
@pytest.mark.django_db(transaction=True)
def test_many_volumes_are_judged_in_short_transactions(
    dora: User, team: Team, mixture: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    pattern = Volume.objects.filter(environment=mixture).values()[0]
    copies = [pattern | {"id": None, "volume_id": str(UUID(int=number))} for number in range(BATCH)]
    Volume.objects.bulk_create([Volume(**copy) for copy in copies], batch_size=100)
    judged, ended, real = list[int](), list[int](), evaluate.judge_volumes

    def judge_volumes(environment: Environment, ids: list[str], **values: Any) -> None:
        judged.append(len(ids))
        transaction.on_commit(lambda: ended.append(sum(judged)))
        real(environment, ids, **values)

    monkeypatch.setattr(targets, "judge_volumes", judge_volumes)
    pks = list(Volume.objects.filter(environment=mixture).values_list("pk", flat=True))
    done = targets.set_of_volumes(team, pks, 24, person=dora)
    assert (done.number, ended) == (len(pks), [BATCH, len(pks)])
    ended.clear()
    judged.clear()
    assert undo(team, done.at, person=dora)
    assert ended == [BATCH, len(pks)]
    assert {volume.target_hours for volume in Volume.objects.filter(pk__in=pks)} == {None}
    assert not LastAct.objects.exists()
