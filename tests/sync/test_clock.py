"""The provider's clock and ours: each answer tells how far they are apart, and one reading alone proves nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
import time_machine
from django.apps import apps
from hypothesis import assume, given
from hypothesis import strategies as st

from snapshots.models import Environment, Snapshot, Volume
from snapshots.rules.clock_skew import Clocks, clock_ahead, read
from snapshots.rules.verdict import Verdict
from snapshots.simulator.server import Simulator
from tests.sync.steps import PATH, refreshed, row
from tests.sync.test_witnesses import said

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Off = Callable[[timedelta], None]


@pytest.fixture
def off(sim: Simulator) -> Off:
    """Set the provider's clock this much ahead of ours."""

    def off(ahead: timedelta) -> None:
        sim.stop()
        sim.world.clock = lambda: datetime.now(UTC) + ahead
        sim.start()

    return off


def test_of_clocks_that_agree_nothing_is_stored(environment: Environment, off: Off) -> None:
    off(119 * SECOND)
    refreshed(environment)
    assert environment.clock_ahead == 0
    assert environment.data_at == environment.listed_at == NOW


@pytest.mark.parametrize("minutes", [10, -10])
def test_the_data_is_of_the_providers_moment(environment: Environment, off: Off, minutes: int) -> None:
    off(minutes * MINUTE)
    refreshed(environment)
    assert environment.clock_ahead == minutes * 60
    assert environment.listed_at == NOW
    assert environment.data_at == NOW + minutes * MINUTE


def test_a_clock_that_is_put_right_is_forgotten(
    environment: Environment, off: Off, clock: time_machine.Traveller
) -> None:
    off(10 * MINUTE)
    refreshed(environment)
    clock.shift(60)
    off(timedelta())
    refreshed(environment)
    assert (environment.clock_ahead, environment.clock_unfollowed, environment.clock_apart_since) == (0, 0, None)
    assert environment.data_at == NOW + MINUTE


def test_a_name_of_the_providers_time_is_believed(
    environment: Environment, off: Off, sim: Simulator, clock: time_machine.Traveller
) -> None:
    off(10 * MINUTE)
    refreshed(environment)
    clock.shift(60)
    added = sim.world.add_snapshot(PATH)
    clock.shift(60)
    refreshed(environment)
    snapshot = row(environment, added["id"])
    assert snapshot.taken_before == snapshot.taken_after == NOW + 11 * MINUTE


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (None, None),
        (NOW + 2 * MINUTE, 0),
        (NOW - 2 * MINUTE, 0),
        (NOW + 2 * MINUTE + SECOND, 121),
        (NOW - 2 * MINUTE - SECOND, -121),
        (NOW - 16 * MINUTE, -960),
        (datetime(1970, 1, 1, tzinfo=UTC), -3650 * 86400),
        (NOW + 30 * DAY, 30 * 86400),
        (datetime(9999, 12, 31, tzinfo=UTC), 3650 * 86400),
    ],
)
def test_how_far_it_is_ahead(told: datetime | None, seconds: int | None) -> None:
    assert clock_ahead(told, NOW) == seconds


def seconds(span: timedelta) -> int:
    return int(span.total_seconds())


AGREEING = Clocks(NOW)


FAR = [20 * HOUR, -20 * HOUR, 30 * DAY, -30 * DAY]


@pytest.mark.parametrize("jump", FAR)
def test_a_jump_of_the_providers_clock_is_not_followed(jump: timedelta) -> None:
    found = read(AGREEING, NOW + MINUTE, seconds(jump))
    assert (found.is_trusted, found.ahead, found.correction, found.doubt) == (False, 0, 0, 0)
    assert found.provider(NOW + MINUTE) == NOW + MINUTE


@pytest.mark.parametrize("jump", [-4 * MINUTE, *FAR])
def test_a_jump_of_our_clock_is_corrected(jump: timedelta) -> None:
    ours = NOW + MINUTE + jump
    found = read(AGREEING, ours, seconds(-jump))
    assert (found.is_trusted, found.at, found.ours(ours)) == (False, NOW + MINUTE, NOW + MINUTE)
    assert found.provider(ours) == NOW + MINUTE
    # It stays so, and is trusted once it has lasted.
    for minutes in range(2, 63):
        found = read(found, NOW + minutes * MINUTE + jump, seconds(-jump))
    assert (found.is_trusted, found.at) == (True, NOW + 62 * MINUTE)
    assert read(found, NOW + 63 * MINUTE, 0) == Clocks(NOW + 63 * MINUTE)


@pytest.mark.parametrize("ahead", [3 * MINUTE, -3 * MINUTE, 40 * MINUTE, -10 * MINUTE])
def test_where_both_steps_are_possible_neither_clock_is_believed(ahead: timedelta) -> None:
    ours = NOW + 15 * MINUTE
    found = read(AGREEING, ours, seconds(ahead))
    assert (found.is_trusted, found.doubt) == (False, seconds(abs(ahead)))
    assert found.provider(ours) == min(ours, ours + ahead)


# How far off the provider's clock and ours are at the readings after the first one, some minutes apart.
Ahead = tuple[timedelta, timedelta]
NONE, THREE, MONTH = timedelta(), 3 * HOUR, 30 * DAY
ON_TOP: list[tuple[Ahead, ...]] = [
    ((MONTH, NONE), (MONTH, THREE)),
    ((MONTH, NONE), (MONTH, -THREE), (MONTH, NONE), (NONE, NONE)),
    ((NONE, THREE), (MONTH, THREE), (MONTH, -THREE)),
    ((NONE, -THREE), (-MONTH, -THREE), (NONE, -THREE), (20 * HOUR, -THREE)),
    ((-MONTH, NONE), (-MONTH, MONTH), (THREE, MONTH), (THREE, NONE)),
]


@pytest.mark.parametrize("first", [AGREEING, Clocks(NOW, 600, 600), Clocks(NOW, -600, -600)])
@pytest.mark.parametrize("jumps", ON_TOP)
def test_jumps_on_top_of_jumps_leave_our_time_right(jumps: tuple[Ahead, ...], first: Clocks) -> None:
    found, now = first, NOW
    for provider, ours in jumps:
        for _ in range(2):
            now += 7 * MINUTE
            found = read(found, now + ours, seconds(provider - ours) + first.ahead)
            assert (found.at, found.ours(now + ours), found.doubt) == (now, now, 0)
            assert found.provider(now + ours) == now + timedelta(seconds=first.ahead)
            assert not found.is_trusted or (provider, ours) == (NONE, NONE)
            assert found.is_provider_right is (provider == NONE)


@pytest.mark.parametrize("is_ours", [True, False])
@pytest.mark.parametrize("was_ours", [True, False])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_later_jump_ends_no_doubt(sign: int, was_ours: bool, is_ours: bool) -> None:
    """In a silence one clock jumped by 20 hours, then one plainly by three: the true time stays among the possible."""
    silent, jump, later = NOW + 9 * HOUR, sign * 20 * HOUR, sign * -THREE
    provider, ours = (NONE, jump) if was_ours else (jump, NONE)
    found = read(AGREEING, silent + ours, seconds(provider - ours))
    provider, ours = (provider, ours + later) if is_ours else (provider + later, ours)
    for minutes in range(7, 90, 7):
        now = silent + minutes * MINUTE
        found = read(found, now + ours, seconds(provider - ours))
        assert not found.is_trusted
        earliest = found.provider(now + ours)
        assert earliest <= now <= earliest + timedelta(seconds=found.doubt)


@pytest.mark.parametrize(
    ("silence", "ahead"),
    [
        (9 * HOUR, 5 * HOUR),
        (9 * HOUR, -5 * HOUR),
        # One clock went back. After so long a step of the other one, that may be wrong too.
        (9 * HOUR, -12 * HOUR),
        (30 * DAY, -30 * DAY - 3 * HOUR),
        (-3 * HOUR, 30 * DAY),
    ],
)
def test_after_a_long_silence_neither_clock_is_believed(silence: timedelta, ahead: timedelta) -> None:
    ours = NOW + silence
    found = read(AGREEING, ours, seconds(ahead))
    assert (found.is_trusted, found.doubt) == (False, seconds(abs(ahead)))
    assert found.provider(ours) == min(ours, ours + ahead)


@pytest.mark.parametrize(("ahead", "followed"), [(10 * MINUTE, 600), (-10 * MINUTE, -600), (20 * HOUR, 0)])
def test_what_lasts_is_followed_as_far_as_clocks_drift(ahead: timedelta, followed: int) -> None:
    found = AGREEING
    for minutes in range(1, 63):
        found = read(found, NOW + minutes * MINUTE, seconds(ahead))
    assert (found.is_trusted, found.ahead, found.unfollowed) == (True, followed, seconds(ahead) - followed)


def test_a_large_difference_at_the_first_reading_is_in_doubt() -> None:
    found = read(Clocks(), NOW, -20 * 3600)
    assert (found.is_trusted, found.doubt, found.provider(NOW)) == (False, 72_000, NOW - 20 * HOUR)


def test_an_answer_without_a_date_changes_nothing() -> None:
    jumped = read(AGREEING, NOW + MINUTE, 72_000)
    again = read(jumped, NOW + 2 * MINUTE, None)
    assert (again.apart_since, again.told, again.is_trusted) == (NOW + MINUTE, 72_000, False)


# How far off a clock is, and what changes between two readings: the minutes, and how far off both are then.
OFFS = st.sampled_from([NONE, NONE, *(sign * off for off in (THREE, 20 * HOUR, MONTH) for sign in (1, -1))])
GAPS = st.tuples(st.sampled_from([5, 20, 55, 300]), st.sampled_from(["provider", "ours", "", "both"]), OFFS)


@given(st.lists(GAPS, min_size=1, max_size=8))
def test_the_true_time_is_among_those_that_are_possible(gaps: list[tuple[int, str, timedelta]]) -> None:
    found, now, provider, ours = AGREEING, NOW, NONE, NONE
    for minutes, which, off in gaps:
        now, were = now + minutes * MINUTE, (provider, ours)
        if which == "both":
            # One is right again. Of two that are wrong nobody knows by how much.
            provider, ours = (NONE, off) if provider else (off, NONE)
        elif which == "ours":
            ours = off
        elif which == "provider":
            provider = off
        # Clocks that agree are believed, and so is a silence that both tell.
        assume(provider != ours or provider == NONE)
        assume(provider - were[0] != ours - were[1] or (provider, ours) == were or minutes * MINUTE + ours < were[1])
        found = read(found, now + ours, seconds(provider - ours))
        earliest = found.provider(now + ours)
        assert earliest <= now <= earliest + timedelta(seconds=found.doubt)


@pytest.fixture
def daily(sim: Simulator) -> str:
    """A volume with a daily run nine hours ago."""
    volume_id = str(sim.world.add_volume(PATH, name="daily")["id"])
    sim.world.add_snapshot(PATH, interval_type="DAILY", volume_id=volume_id, created=NOW - 9 * HOUR)
    return volume_id


@pytest.mark.parametrize("jump", [20 * HOUR, -20 * HOUR, 30 * DAY])
def test_ten_minutes_of_a_wrong_clock_date_nothing_and_alarm_nobody(
    environment: Environment, sim: Simulator, off: Off, clock: time_machine.Traveller, daily: str, jump: timedelta
) -> None:
    refreshed(environment)
    off(jump)
    added = []
    for name in ("by-hand", None):
        clock.shift(60)
        added.append(sim.world.add_snapshot(PATH, name=name, created=datetime.now(UTC)))
        refreshed(environment)
        assert said(environment, daily, datetime.now(UTC)) is Verdict.FRESH
        assert environment.clock_unfollowed == seconds(jump)
    clock.shift(60)
    off(timedelta())
    refreshed(environment)
    trusted = datetime.now(UTC)
    for each in added:
        stored = row(environment, each["id"])
        assert (stored.taken_after, stored.taken_before, stored.taken_source) == (NOW, trusted, "syncs")


@pytest.mark.parametrize("jump", [30 * DAY, -30 * DAY, 20 * HOUR])
def test_while_our_clock_is_wrong_nothing_is_stored_by_it(
    environment: Environment, sim: Simulator, clock: time_machine.Traveller, daily: str, jump: timedelta
) -> None:
    refreshed(environment)
    sim.stop()
    sim.world.clock = lambda: datetime.now(UTC) - jump
    sim.start()
    clock.move_to(NOW + MINUTE + jump)
    added = sim.world.add_snapshot(PATH, name="by-hand")
    refreshed(environment)
    assert environment.listed_at == environment.data_at == NOW + MINUTE
    # By our own clock the data is old, or of the future.
    assert said(environment, daily, datetime.now(UTC)) in (Verdict.UNKNOWN, Verdict.FRESH)
    sim.stop()
    sim.world.clock = lambda: datetime.now(UTC)
    sim.start()
    clock.move_to(NOW + 2 * MINUTE)
    refreshed(environment)
    stored = row(environment, added["id"])
    assert (stored.taken_after, stored.taken_before) == (NOW, NOW + 2 * MINUTE)
    assert said(environment, daily, NOW + 2 * MINUTE) is Verdict.FRESH
    assert not Snapshot.objects.filter(first_seen_at__gt=NOW + 2 * MINUTE).exists()


@pytest.mark.parametrize("jump", [-20 * HOUR, 20 * HOUR])
def test_the_data_grows_old_while_our_clock_is_wrong_and_when_it_is_right_again(
    environment: Environment, off: Off, clock: time_machine.Traveller, daily: str, jump: timedelta
) -> None:
    refreshed(environment)
    off(-jump)
    clock.move_to(NOW + MINUTE + jump)
    refreshed(environment)
    for off_by in (jump, timedelta()):
        age = environment.data_age(NOW + 30 * HOUR + off_by)
        assert age is not None
        assert age >= 30 * HOUR - MINUTE
        assert said(environment, daily, NOW + 30 * HOUR + off_by) is Verdict.UNKNOWN
        assert not environment.is_current(NOW + 30 * HOUR + off_by, 5 * MINUTE)


def test_a_name_that_a_wrong_clock_made_is_not_believed_once_it_is_right_again(
    environment: Environment, sim: Simulator, off: Off, clock: time_machine.Traveller
) -> None:
    refreshed(environment)
    off(3 * HOUR)
    clock.shift(600)
    refreshed(environment)
    added = sim.world.add_snapshot(PATH, created=NOW + 20 * MINUTE + 3 * HOUR)
    off(timedelta())
    clock.move_to(NOW + 6 * HOUR)
    refreshed(environment)
    stored = row(environment, added["id"])
    assert (stored.taken_after, stored.taken_before, stored.taken_source) == (NOW, NOW + 6 * HOUR, "syncs")


def test_which_clock_jumped_in_a_silence_time_alone_does_not_tell(
    environment: Environment, off: Off, clock: time_machine.Traveller
) -> None:
    refreshed(environment)
    off(20 * HOUR)
    for hours in (5, 0.5, 0.6, 7):
        clock.shift(hours * HOUR)
        refreshed(environment)
        assert environment.clock_doubt == 72_000


@pytest.mark.parametrize(("ahead", "earlier"), [(-20 * HOUR, 72_000), (20 * HOUR, 0)])
def test_a_doubt_of_the_version_before_begins_with_the_earlier_clock(
    environment: Environment, off: Off, ahead: timedelta, earlier: int
) -> None:
    off(ahead)
    refreshed(environment)
    found = environment.clocks
    Environment.objects.update(clock_earlier=0)
    import_module("snapshots.migrations.0029_clock_earlier").note_earliest(apps, None)
    environment.refresh_from_db()
    assert (environment.clocks, environment.clock_earlier) == (found, earlier)


def test_while_either_clock_may_be_wrong_nothing_is_dated_by_ours(
    environment: Environment, sim: Simulator, off: Off, clock: time_machine.Traveller, daily: str
) -> None:
    off(30 * DAY)
    clock.move_to(NOW - 30 * DAY)
    for minutes in (0, 40, 80):
        clock.move_to(NOW - 30 * DAY + minutes * MINUTE)
        refreshed(environment)
    off(timedelta())
    clock.move_to(NOW + 2 * HOUR)
    refreshed(environment)
    assert row(environment, Snapshot.objects.get(volume_id=daily).snapshot_id).taken_before == NOW + 2 * HOUR
    assert said(environment, daily, datetime.now(UTC)) is Verdict.UNKNOWN


def test_what_a_wrong_clock_of_ours_saw_first_is_not_stuck_since_then(
    environment: Environment, sim: Simulator, off: Off, clock: time_machine.Traveller, daily: str
) -> None:
    refreshed(environment)
    off(5 * HOUR)
    clock.move_to(NOW + 4 * HOUR)
    began = NOW + 8.5 * HOUR
    sim.world.add_snapshot(PATH, interval_type="DAILY", volume_id=daily, state="BackingUp", created=began)
    refreshed(environment)
    off(timedelta())
    clock.move_to(NOW + 11 * HOUR)
    refreshed(environment)
    # It may have begun right after the last list without it.
    assert said(environment, daily, datetime.now(UTC)) is Verdict.UNKNOWN


def test_after_a_silence_a_wrong_clock_makes_nothing_fresh_and_nothing_late(
    environment: Environment, off: Off, clock: time_machine.Traveller, daily: str
) -> None:
    refreshed(environment)
    clock.shift(20 * 3600)
    off(20 * HOUR)
    refreshed(environment)
    assert (environment.clock_doubt, environment.watched_at) == (72_000, NOW)
    assert said(environment, daily, datetime.now(UTC)) is Verdict.UNKNOWN


def test_data_of_the_future_says_nothing(environment: Environment, clock: time_machine.Traveller, daily: str) -> None:
    refreshed(environment)
    assert Volume.objects.filter(volume_id=daily).exists()
    assert said(environment, daily, NOW - MINUTE) is Verdict.FRESH
    assert said(environment, daily, NOW - HOUR) is Verdict.UNKNOWN
