"""`python -m tests.guards [number or part of a name …]`: remove each guard once and see that its test fails.

Ends with 1 if a removed guard goes unnoticed, if its text is not in its file exactly once, or if a test fails anyway.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import prepared
from tests.guards.guards import GUARDS, Guard

ROOT = Path(__file__).resolve().parents[2]
PYTEST = (sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--timeout", "120")
LONGEST_SECONDS = 1800
PASSED, FAILED = 0, 1


def main(wanted: Sequence[str]) -> int:
    began = time.monotonic()
    chosen = {number: guard for number, guard in enumerate(GUARDS, 1) if _is_chosen(number, guard, wanted)}
    with TemporaryDirectory(prefix="guards-") as folder:
        copy = _copied(Path(folder, "copy"))
        os.environ[prepared.READY] = str(prepared.migrate(Path(folder, "migrated.sqlite3")))
        unchanged = _test(copy, sorted({guard.test for guard in chosen.values()}))
        if unchanged.returncode != PASSED:
            print(f"Without any change these tests fail:\n{unchanged.stdout}{unchanged.stderr}")
            return 1
        noticed = 0
        for number, guard in chosen.items():
            said = _without(copy, guard)
            noticed += said == "noticed"
            print(f"{number:3} {said:13} {guard.name}", flush=True)
    print(f"{noticed} of {len(chosen)} removed guards noticed in {time.monotonic() - began:.0f} s")
    return int(noticed < len(chosen))


def _is_chosen(number: int, guard: Guard, wanted: Sequence[str]) -> bool:
    return not wanted or str(number) in wanted or any(not each.isdigit() and each in guard.name for each in wanted)


def _copied(copy: Path) -> Path:
    """Copy the files of the working tree that are not ignored; the packages stay where they are."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    return copy


def _without(copy: Path, guard: Guard) -> str:
    """Run a guard's test without the guard, and put it back."""
    if guard.found_in(copy) != 1:
        return f"found {guard.found_in(copy)} times"
    file = copy / guard.file
    text = file.read_text()
    file.write_text(text.replace(guard.old, guard.new))
    try:
        done = _test(copy, [guard.test])
    finally:
        file.write_text(text)
    if done.returncode not in (PASSED, FAILED):
        print(done.stdout + done.stderr)
    return {PASSED: "NOT NOTICED", FAILED: "noticed"}.get(done.returncode, "test broken")


def _test(copy: Path, tests: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PYTEST, *tests], cwd=copy, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
