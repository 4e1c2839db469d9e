"""The list of guards fits the code: `make guards` removes each and runs its test."""

from tests.guards.__main__ import ROOT
from tests.guards.guards import GUARDS


def test_every_guard_is_in_its_file_once() -> None:
    assert [guard.name for guard in GUARDS if guard.found_in(ROOT) != 1] == []
    for guard in GUARDS:
        compile((ROOT / guard.file).read_text().replace(guard.old, guard.new), guard.file, "exec")


def test_every_test_of_a_guard_exists() -> None:
    places = {guard.name: guard.test.split("::") for guard in GUARDS}
    assert [name for name, (path, test) in places.items() if f"def {test}(" not in (ROOT / path).read_text()] == []


def test_guards_have_names_of_their_own() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS) >= 40
