"""Each lock names every package that its packages need, also through an extra; no file names a package index."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.loops import in_turn
from tests.management.programs import ROOT

FOLDER, LOCKS = ROOT / "requirements", ("runtime", "test")
PIN = re.compile(r"^(\S+)==(\S+)(?: ; (.+?))?(?: \\)?$", re.MULTILINE)
INDEX = re.compile(r"(?:index[-_]url|find[-_]links|trusted[-_]host)[= ]+\S*[/.]|pypi\.|/simple\b|^-[if] ", re.I | re.M)
INSTALLING = [
    path
    for place in ("requirements/*", ".ci/*", "Makefile", "*.toml", "*.md", "docs/*.md")
    for path in ROOT.glob(place)
]

Environment = dict[str, Any]
HERE: Environment = {**default_environment()}
NEWER = [{**HERE, "python_version": v, "python_full_version": f"{v}.1"} for v in ("3.12", "3.13", "3.14")]


def lock(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text()


def pins(lock: str, environment: Environment) -> dict[str, str]:
    """Return the version of each package that the lock installs in this environment."""
    found = [
        (Requirement(f"{name} ; {marker}" if marker else name), version) for name, version, marker in PIN.findall(lock)
    ]
    return {each.name: version for each, version in found if applies(each, environment)}


def applies(needed: Requirement, environment: Environment) -> bool:
    return needed.marker is None or needed.marker.evaluate(environment)


def wanted(name: str) -> Iterator[Requirement]:
    """Yield what the .in file asks for, with the files that it includes."""
    for line in (FOLDER / f"{name}.in").read_text().splitlines():
        if line.startswith("-r "):
            yield from wanted(line.removeprefix("-r ").removesuffix(".in"))
        else:
            yield Requirement(line)


@cache
def needs(package: str) -> list[Requirement] | None:
    """Return what an installed package needs, with markers; None if it is not installed."""
    try:
        return [Requirement(line) for line in requires(package) or []]
    except PackageNotFoundError:
        return None


def unmet(lock: str, asked: Iterable[Requirement], environment: Environment = HERE) -> set[str]:
    """Return requirements, of the lock or of a locked package, that the lock does not provide in this environment."""
    pinned, seen, missing = pins(lock, environment), set[tuple[str, str]](), set[str]()
    waiting = [*asked, *map(Requirement, pinned)]
    while waiting:
        needed = waiting.pop()
        package = canonicalize_name(needed.name)
        if package not in pinned or not needed.specifier.contains(pinned[package], prereleases=True):
            missing.add(str(needed))
            continue
        found = needs(package)
        if found is None and environment is HERE:
            missing.add(f"{package}, which is locked but not installed")
        for pair in {(package, extra) for extra in ("", *needed.extras)} - seen:
            seen.add(pair)
            waiting += [each for each in found or [] if applies(each, environment | {"extra": pair[1]})]
    return missing


def without(package: str, lock: str) -> str:
    return re.sub(rf"^{re.escape(package)}==", "# ", lock, flags=re.MULTILINE)


@in_turn("environment", [HERE, *NEWER])
@in_turn("name", LOCKS)
def test_a_lock_names_all_that_its_packages_need(name: str, environment: Environment) -> None:
    assert unmet(lock(name), wanted(name), environment) == set()


@pytest.mark.proof
@in_turn("name", LOCKS)
def test_a_lock_without_any_one_of_its_packages_is_incomplete(name: str) -> None:
    whole = lock(name)
    assert [package for package in pins(whole, HERE) if not unmet(without(package, whole), wanted(name))] == []


@in_turn(("package", "needed"), [("fido2", "mfa"), ("pyjwt", "socialaccount"), ("psycopg-pool", "pool")])
def test_what_only_an_extra_needs_is_missed(package: str, needed: str) -> None:
    (missing,) = unmet(without(package, lock("runtime")), wanted("runtime"))
    assert missing.startswith(package)
    assert missing.endswith(f'extra == "{needed}"')


def test_an_extra_that_the_lock_does_not_have_is_missed() -> None:
    (missing,) = unmet(lock("runtime"), [Requirement("requests[socks]")])
    assert missing.lower().startswith("pysocks")


def test_the_tests_use_the_versions_that_run() -> None:
    assert pins(lock("runtime"), HERE).items() <= pins(lock("test"), HERE).items()


def test_no_file_names_a_package_index() -> None:
    found = [(path.name, hit.group()) for path in INSTALLING for hit in INDEX.finditer(path.read_text())]
    assert found == []


@in_turn("line", ["--extra-index-url https://x", "-i https://x", "PIP_FIND_LINKS=/x", "-f /x"])
def test_an_index_address_would_be_found(line: str) -> None:
    assert INDEX.search(line)
