"""What `make judge` prints."""

import time

from tests.verdicts.year.alone import Mutation, Tally
from tests.verdicts.year.happens import HAPPENS, HAPPENS_APART

MOST_LINES = 40


def chapter(number: int, tally: Tally) -> None:
    """One line at the end of each chapter, at once: a year takes its time."""
    wrong = f"{tally.false_fresh} false fresh, {tally.false_late} false late, {tally.found_late} found too late"
    print(
        f"after {number * 28:3} days: {tally.syncs:5,} syncs, {tally.verdicts:7,} verdicts, {wrong},"
        f" {tally.other_words} other words; {time.process_time():.0f} s of CPU",
        flush=True,
    )


def apart(name: str, tally: Tally) -> None:
    """One line for each separate chapter."""
    print(
        f"{name:26} {tally.syncs:5,} syncs, {tally.verdicts:6,} verdicts, {len(tally.wrong)} wrong;"
        f" {tally.hours_said:.1f} h of cannot tell, {tally.hours_open:.1f} h in which the data could not tell",
        flush=True,
    )


def year(tally: Tally) -> None:
    for line in tally.wrong[:MOST_LINES]:
        print(line)
    print("\nA simulated year, and separate chapters:", end=" ")
    print(f"{tally.syncs:,} syncs, {tally.lists:,} lists, {tally.verdicts:,} verdicts read")
    for label, number in (
        ("false fresh", tally.false_fresh),
        ("false late", tally.false_late),
        ("another word than the truth's", tally.other_words),
        (f"missed runs, of {tally.missed}, found after their deadline + one sync", tally.found_late),
    ):
        print(f"  {label}: {number}")
    print(
        f"  volume-hours of cannot tell: {tally.hours_said:,.1f}; in which the data could not tell:"
        f" {tally.hours_open:,.1f}; ratio {tally.ratio:.3f}"
    )
    compared = ", ".join(f"{hours:,} {state}" for state, hours in tally.hours_stored.items())
    print(f"  times of reports that differ from the truth: {tally.shares}; volume-hours compared: {compared}")
    print("\nWhat happened in it, and how often")
    for name in dict.fromkeys((*HAPPENS, *HAPPENS_APART)):
        print(f"  {name:55} {tally.met[name] or 'NEVER'}", flush=True)


def heads() -> None:
    print(f"\n{'rule':15} {'broken so':42} noticed by", flush=True)


def mutation(broken: Mutation, tally: Tally) -> None:
    print(f"{broken.rule:15} {broken.what:42} {tally.wrong[0] if tally.wrong else 'NOTHING'}", flush=True)
