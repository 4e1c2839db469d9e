"""`prune` deletes expired rows, to the second, and never a row of something that exists."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from dashboard.teams.models import AuditEvent, EventFixed, EventKind, Invitation, PendingKey, Team, User
from snapshots.management import retention
from snapshots.models import Alert, Change, Channel, Delivery, Environment, Snapshot, Volume
from tests.management.steps import run
from tests.proof import first

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
NOTHING = ["Nothing to forget."]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def environment(team: Team) -> Environment:
    return Environment.objects.create(
        team=team, service_code="compute-on", name="prod", facets={"gone": 3, "listed": 2}
    )


def snapshot(environment: Environment, number: int, *, last: datetime | None = None, listed: bool = False) -> Snapshot:
    """A snapshot that left the list when it was `last` in it; without that one that a first list lacked."""
    since = None if listed else NOW - 500 * DAY
    values = {"taken_before": NOW, "taken_key": NOW, "first_seen_at": NOW, "changed_at": NOW, "missing_since": since}
    return Snapshot.objects.create(
        team=environment.team,
        environment=environment,
        snapshot_id=str(number),
        listed=listed,
        last_seen_at=last,
        **values,
    )


def change(of: Snapshot, at: datetime) -> Change:
    return Change.objects.create(team=of.team, environment=of.environment, snapshot=of, at=at, kind="appeared")


def left(model: type[Model]) -> list[object]:
    return list(model._base_manager.order_by("pk").values_list("pk", flat=True))


@pytest.mark.both_databases
def test_snapshots_gone_for_longer_than_the_history(environment: Environment) -> None:
    limit = NOW - 400 * DAY
    old = snapshot(environment, 1, last=limit - SECOND)
    unknown = snapshot(environment, 2)
    kept = [snapshot(environment, 3, last=limit), snapshot(environment, 4, listed=True)]
    kept.append(snapshot(environment, 5, last=limit - SECOND, listed=True))
    Snapshot.objects.filter(pk=kept[2].pk).update(missing_since=limit - SECOND)
    second = Environment.objects.create(
        team=environment.team, service_code="compute-qc", name="prod", facets={"gone": 1}
    )
    snapshot(second, 1, last=limit - SECOND)
    assert run("prune").lines == ["- snapshots last listed more than 400 days ago: 3"]
    assert left(Snapshot) == [each.pk for each in kept]
    assert {old.pk, unknown.pk}.isdisjoint(left(Snapshot))
    environment.refresh_from_db()
    second.refresh_from_db()
    assert (environment.facets, environment.generation) == ({"gone": 1, "listed": 2}, 1)
    assert (second.facets, second.generation) == ({"gone": 0}, 1)
    assert run("prune").lines == NOTHING


@pytest.mark.both_databases
def test_a_snapshot_stays_as_long_as_a_change_of_it(environment: Environment, settings: Settings) -> None:
    settings.CHANGES_DAYS = 600
    long_gone, told = (snapshot(environment, number, last=NOW - 450 * DAY) for number in (1, 2))
    change(told, NOW - 500 * DAY)
    assert run("prune").lines == ["- snapshots last listed more than 400 days ago: 1"]
    assert (left(Snapshot), long_gone.pk in left(Snapshot)) == ([told.pk], False)
    settings.CHANGES_DAYS = 90
    assert run("prune").lines[0] == "- changes older than 90 days: 1"
    assert (left(Snapshot), left(Change)) == ([], [])


@pytest.mark.both_databases
def test_changes_go_and_their_snapshots_stay(environment: Environment) -> None:
    one = snapshot(environment, 1, listed=True)
    change(one, NOW - 90 * DAY - SECOND)
    kept = change(one, NOW - 90 * DAY)
    assert run("prune").lines == ["- changes older than 90 days: 1"]
    assert (left(Change), left(Snapshot)) == ([kept.pk], [one.pk])


def session(name: str, expires: datetime) -> Session:
    return Session.objects.create(session_key=name * 32, session_data="", expire_date=expires)


def sign_in(user: User, name: str, seen: datetime) -> UserSession:
    return UserSession.objects.create(user=user, ip="127.0.0.1", session_key=name * 32, last_seen_at=seen)


@pytest.mark.both_databases
def test_sessions_that_expired_and_the_entries_of_ended_ones(alice: User) -> None:
    expired, alive = session("a", NOW - SECOND), session("b", NOW + SECOND)
    long_ago = NOW - DAY
    ended = [sign_in(alice, "a", long_ago), sign_in(alice, "c", long_ago)]
    kept = [sign_in(alice, "b", long_ago), sign_in(alice, "d", NOW - timedelta(minutes=59))]
    assert run("prune").lines == ["- sessions that have expired: 1", "- entries of sessions that have ended: 2"]
    assert left(Session) == [alive.pk]
    assert (left(UserSession), expired.pk in left(Session)) == ([each.pk for each in kept], False)
    assert not {each.pk for each in ended} & {*left(UserSession)}


def invitation(team: Team, number: int, **times: datetime) -> Invitation:
    values = {"expires_at": NOW + 7 * DAY} | times
    return Invitation.objects.create(team=team, email=f"{number}@example.com", token_hash=str(number), **values)


@pytest.mark.both_databases
@pytest.mark.parametrize("ended", ["used_at", "revoked_at", "expires_at"])
def test_invitations_that_ended_more_than_thirty_days_ago(team: Team, ended: str) -> None:
    invitation(team, 1, **{ended: NOW - 30 * DAY - SECOND})
    kept = [invitation(team, 2, **{ended: NOW - 30 * DAY}), invitation(team, 3)]
    assert run("prune").lines == ["- invitations that ended more than 30 days ago: 1"]
    assert left(Invitation) == [each.pk for each in kept]


def event(team: Team, days: int, seconds: int, clock: time_machine.Traveller) -> AuditEvent:
    clock.move_to(NOW - timedelta(days=days, seconds=seconds), tick=False)
    made = AuditEvent.objects.create(team=team, kind=EventKind.JOINED)
    clock.move_to(NOW, tick=False)
    return made


@pytest.mark.both_databases
def test_the_audit_opens_to_prune_alone(team: Team, clock: time_machine.Traveller) -> None:
    event(team, 400, 1, clock)
    kept = event(team, 400, 0, clock)
    for deletion in (AuditEvent.objects.all().delete, kept.delete, AuditEvent.objects.filter(pk=kept.pk).delete):
        with pytest.raises(EventFixed):
            deletion()
    assert run("prune").lines == ["- rows of the audit older than 400 days: 1"]
    assert left(AuditEvent) == [kept.pk]


@pytest.mark.both_databases
def test_keys_that_were_tried_and_never_saved(team: Team, alice: User, bob: User) -> None:
    old = NOW - timedelta(minutes=10)
    PendingKey.objects.create(team=team, made_by=alice, made_at=old, sealed="x")
    alive = PendingKey.objects.create(team=team, made_by=bob, made_at=old + SECOND, sealed="x")
    assert run("prune").lines == ["- API keys that were tried and never saved: 1"]
    assert left(PendingKey) == [alive.pk]


@pytest.fixture
def removed(environment: Environment) -> Environment:
    """An environment of 3 snapshots with a change each, past its seven days."""
    for number in range(3):
        change(snapshot(environment, number, listed=True), NOW)
    Volume.objects.create(team=environment.team, environment=environment, volume_id="v")
    Environment.objects.filter(pk=environment.pk).update(removed_at=NOW - 7 * DAY)
    return environment


@pytest.mark.both_databases
def test_a_removed_environment_goes_with_all_that_is_of_it(removed: Environment, team: Team) -> None:
    Environment.objects.create(team=team, service_code="compute-on", name="dev", removed_at=NOW - 7 * DAY + SECOND)
    assert run("prune").lines == ["- acme: environment compute-on/prod (snapshots: 3, with their history)"]
    assert [left(model) for model in (Snapshot, Change, Volume)] == [[], [], []]
    assert [each.name for each in Environment.everything.all()] == ["dev"]


@pytest.mark.both_databases
@pytest.mark.parametrize("pieces", first(3, range(1, 9)))
def test_one_cut_off_is_finished_by_the_next_and_never_comes_back_in_halves(
    removed: Environment, team: Team, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    monkeypatch.setattr(retention, "PIECE_ROWS", 1)
    run_off: Any = retention.forget(NOW)
    for _ in range(pieces):
        next(run_off)
    run_off.close()
    again, made = Environment.everything.get_or_create(team=team, service_code="compute-on", name="prod")
    assert (made, again.snapshots.count()) == (True, 0)
    assert "environment compute-on/prod (" in run("prune").lines[0]
    assert [left(model) for model in (Snapshot, Change, Volume)] == [[], [], []]
    assert [each.pk for each in Environment.everything.all()] == [again.pk]


@pytest.mark.both_databases
def test_one_added_again_at_the_last_moment_stays(removed: Environment) -> None:
    run_off = retention.forget(NOW)
    found = retention._removed(NOW)
    assert len(found) == 1
    Environment.everything.update(removed_at=None)
    assert not retention._put_out_of_reach(found[0], NOW)
    assert list(run_off) == []
    assert len(left(Snapshot)) == 3


@pytest.mark.both_databases
def test_a_dry_run_counts_and_leaves_all_where_it_is(removed: Environment, alice: User) -> None:
    session("a", NOW - SECOND)
    sign_in(alice, "a", NOW - DAY)
    before = [left(model) for model in (Environment, Snapshot, Change, Volume, Session)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        ran = run("prune", "--dry-run")
    assert ran.lines == [
        "- acme: environment compute-on/prod (snapshots: 3, with their history)",
        "- sessions that have expired: 1",
        "- entries of sessions that have ended: 1",
        "Nothing was forgotten: this was a count.",
    ]
    assert [left(model) for model in (Environment, Snapshot, Change, Volume, Session)] == before
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}


@pytest.mark.both_databases
def test_each_piece_is_small(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PIECE_ROWS", 2)
    for number in range(5):
        change(snapshot(environment, number, last=NOW - 450 * DAY), NOW - 100 * DAY)
    pieces = [(piece.subject.value, piece.rows) for piece in retention.forget(NOW)]
    assert pieces == [("changes", 2), ("changes", 2), ("changes", 1)] + [("snapshots", n) for n in (2, 2, 1)]


@pytest.mark.both_databases
def test_a_row_that_comes_to_life_between_look_and_deletion_stays(environment: Environment) -> None:
    one = session("a", NOW - SECOND)
    rows = retention.ALONE[retention.Subject.SESSIONS](NOW)

    def revive(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if sql.startswith("DELETE"):
            with connection.cursor() as cursor:
                cursor.cursor.execute("UPDATE django_session SET expire_date = '2027-01-01'")
        return execute(sql, *rest)

    with connection.execute_wrapper(revive):
        list(retention._delete(rows))
    assert left(Session) == [one.pk]


@pytest.mark.both_databases
def test_a_snapshot_that_is_listed_again_between_look_and_deletion_stays(environment: Environment) -> None:
    one = snapshot(environment, 1, last=NOW - 450 * DAY)
    gone = retention.gone_snapshots(NOW).filter(pk__in=[one.pk])
    Snapshot.objects.update(listed=True, missing_since=None, last_seen_at=None)
    assert retention._forget_some(environment, gone) == 0
    assert left(Snapshot) == [one.pk]


def test_alerts_that_are_over_with_their_messages(environment: Environment) -> None:
    limit = NOW - 400 * DAY
    hook = Channel.objects.create(team=environment.team, type="webhook")

    def alert(number: int, at: datetime, *, is_over: bool = True, end_at: datetime | None = None) -> Alert:
        made = {"team": environment.team, "environment": environment, "kind": 3}
        begun = Alert.objects.create(**made, event="began", at=at, is_over=is_over)
        Delivery.objects.create(channel=hook, key=str(number), alert=begun, made_at=at, due_at=at)
        if end_at:
            Alert.objects.create(**made, event="ended", at=end_at, beginning=begun)
        return begun

    alert(1, limit - SECOND, end_at=limit - SECOND)
    alert(2, limit - SECOND)
    kept = [alert(3, limit - SECOND, end_at=limit), alert(4, limit - SECOND, is_over=False), alert(5, limit)]
    Delivery.objects.create(channel=hook, key="test-old", made_at=NOW - 30 * DAY - SECOND, due_at=NOW)
    Delivery.objects.create(channel=hook, key="test-new", made_at=NOW - 30 * DAY, due_at=NOW)
    assert run("prune").status == 0
    assert left(Alert) == [*(each.pk for each in kept[:1]), kept[0].end.pk, *(each.pk for each in kept[1:])]
    assert sorted(Delivery.objects.values_list("key", flat=True)) == ["3", "4", "5", "test-new"]
