"""The stories: the same at every time, in every world, and not changed by other activity."""

from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from snapshots.simulator.options import add_options, build
from snapshots.simulator.stories import STORIES
from snapshots.simulator.world import World
from tests.loops import in_turn

ANCHOR = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


class Clock:
    """Moved by hand."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


def told(moment: datetime, **options: Any) -> World:
    return World(environments=(), clock=Clock(moment), stories=ANCHOR, **options)


def everything(world: World) -> list[list[dict[str, object]]]:
    return [each for code in STORIES for each in (world.volumes(code), world.snapshots(code))]


@in_turn("later", [9 * DAY, 12 * DAY, 12 * DAY + 2 * MINUTE, 13 * DAY])
def test_a_world_that_waited_is_one_that_begins_later(later: timedelta) -> None:
    clock = Clock(ANCHOR - 12 * DAY)
    waited = World(environments=(), clock=clock, stories=ANCHOR)
    before = everything(waited)
    clock.moment += later
    assert everything(waited) == everything(told(clock.moment)) != before


def test_two_minutes_of_the_present_change_something() -> None:
    assert everything(told(ANCHOR)) != everything(told(ANCHOR + 2 * MINUTE))


def test_no_life_goes_on_in_them() -> None:
    clock = Clock(ANCHOR)
    lively = World(volumes=6, snapshots=60, clock=clock, speed=60, stories=ANCHOR)
    assert lively.environments == ("compute-on/test_area", "compute-qc/prod", *STORIES)
    clock.moment += timedelta(minutes=30)
    assert everything(lively) == everything(told(clock.moment))


def test_without_a_moment_none_is_told() -> None:
    assert World(volumes=2, snapshots=2).environments == ("compute-on/test_area", "compute-qc/prod")


@in_turn("text", ["2026-11-24T12:00:00Z", "2026-11-24 12:00", "2026-11-24T07:00:00-05:00"])
def test_the_program_is_told_the_moment(text: str) -> None:
    parser = ArgumentParser()
    add_options(parser)
    world = build(parser.parse_args([f"--stories={text}", "--volumes=1", "--snapshots=1"])).world
    world.clock = Clock(ANCHOR)
    assert everything(world) == everything(told(ANCHOR))


def test_what_is_no_moment_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    add_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--stories=noon"])
    assert "'noon' is not a time like 2026-11-24T12:00:00Z." in capsys.readouterr().err
