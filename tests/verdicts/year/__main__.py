"""`make judge`: the year, and every rule broken once. Ends with 1 if a verdict was wrong or a broken rule unnoticed."""

import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.verdicts.year.alone import MUTATIONS, Tally, replayed
from tests.verdicts.year.mutations import Mutation

CHAPTERS = 13
AT_ONCE = 2


def main() -> int:
    began = time.monotonic()
    context = get_context("spawn")
    with ProcessPoolExecutor(AT_ONCE, mp_context=context, max_tasks_per_child=1) as processes:
        year = processes.submit(replayed, "", CHAPTERS, None)
        focuses = sorted({each.focus for each in MUTATIONS.values()})
        controls = {focus: processes.submit(replayed, "", 1, focus) for focus in focuses}
        broken = {name: processes.submit(replayed, name, 1, each.focus) for name, each in MUTATIONS.items()}
        print_year(year.result())
        wrong = [focus for focus, future in controls.items() if future.result().wrong]
        unnoticed = print_mutations((MUTATIONS[name], future.result()) for name, future in broken.items())
    print(f"\nwithout any broken rule, on the same days: {len(wrong)} of {len(controls)} replays wrong")
    print(f"{time.monotonic() - began:.0f} s")
    return int(not year.result().is_right or bool(wrong or unnoticed))


def print_year(tally: Tally) -> None:
    for line in tally.wrong[:40]:
        print(line)
    print(f"A simulated year: {tally.syncs:,} syncs, {tally.lists:,} lists believed, {tally.verdicts:,} verdicts read")
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


def print_mutations(results: Iterable[tuple[Mutation, Tally]]) -> int:
    """Print what each broken rule led to; return how many went unnoticed."""
    unnoticed = 0
    print(f"\n{'rule':15} {'broken so':42} noticed by")
    for mutation, tally in results:
        unnoticed += not tally.wrong
        print(f"{mutation.rule:15} {mutation.what:42} {tally.wrong[0] if tally.wrong else 'NOTHING'}")
    return unnoticed


if __name__ == "__main__":
    sys.exit(main())
