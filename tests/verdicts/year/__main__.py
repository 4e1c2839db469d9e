"""`make judge`: the year, and every rule broken once. Ends with 1 if a verdict was wrong or a broken rule unnoticed."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.verdicts.year import telling
from tests.verdicts.year.alone import CHAPTERS, MUTATIONS, apart, replayed

MONTHS = 13
AT_ONCE = 2
LONGEST_SECONDS = 3 * 3600


def main() -> int:
    began = time.monotonic()
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.verdicts.year.ready"])
    with ProcessPoolExecutor(AT_ONCE, mp_context=context, max_tasks_per_child=1) as processes:
        year = processes.submit(replayed, "", MONTHS, None, telling.chapter)
        own = {name: processes.submit(apart, name) for name in CHAPTERS}
        focuses = {each.focus for each in MUTATIONS.values() if not isinstance(each.focus, str)}
        controls = {focus: processes.submit(replayed, "", 1, focus) for focus in focuses}
        broken = {name: processes.submit(replayed, name, 1, each.focus) for name, each in MUTATIONS.items()}
        tally = year.result(LONGEST_SECONDS)
        for name, future in own.items():
            telling.apart(name, future.result(LONGEST_SECONDS))
            tally.add(future.result(LONGEST_SECONDS))
        telling.year(tally)
        telling.heads()
        for name, future in broken.items():
            telling.mutation(MUTATIONS[name], future.result(LONGEST_SECONDS))
    wrong = [focus for focus, future in controls.items() if future.result(LONGEST_SECONDS).wrong]
    unnoticed = [name for name, future in broken.items() if not future.result(LONGEST_SECONDS).wrong]
    print(f"\n{len(broken) - len(unnoticed)} of {len(broken)} broken rules noticed;", end=" ")
    print(f"without any broken one, on the same days: {len(wrong)} of {len(controls)} replays wrong")
    print(f"{time.monotonic() - began:.0f} s")
    return int(not tally.is_right or bool(wrong or unnoticed))


if __name__ == "__main__":
    sys.exit(main())
