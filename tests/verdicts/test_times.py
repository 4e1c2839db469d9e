"""When a snapshot was taken: names, types, volumes and watches, and the range that each gives."""

from datetime import UTC, datetime, timedelta

from snapshots.rules.taken_time import Sighting, TakenFrom, is_default, name_time, taken_range
from snapshots.sync.bulk_sql import is_own_name
from tests.loops import in_turn

SEEN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WITHOUT = SEEN - MINUTE
TOLD = SEEN - MINUTE / 2
NAME, WATCH, BEFORE, OLDER = "name", "watch", "before", "older"


def stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%S}"


# name (with {} where a time stands), interval type, volume's name, the time that it tells, the list before: the origin
CASES = [
    # A schedule's names come from the provider, with any text before the time.
    ("web-01_ROOT-35545_{}", "DAILY", "ROOT-35545", TOLD, WITHOUT, NAME),
    ("web-01_ROOT-35545_{}", "HOURLY", "ROOT-35545", TOLD, WITHOUT, NAME),
    ("web-01_ROOT-35545_{}", "WEEKLY", "renamed-since", TOLD, WITHOUT, NAME),
    ("web-01_ROOT-35545_{}", "MONTHLY", "", TOLD, WITHOUT, NAME),
    ("detached_DATA-12_{}", "DAILY", "DATA-12", TOLD, WITHOUT, NAME),
    ("a_b_c_d_{}", "HOURLY,DAILY", "x", TOLD, WITHOUT, NAME),
    ("_{}", "DAILY", "", TOLD, WITHOUT, NAME),
    ("web-01_ROOT-35545_{}", "DAILY", "ROOT-35545", SEEN - 300 * DAY, None, NAME),
    ("web-01_ROOT-35545_{}", "DAILY", "renamed-since", SEEN - 300 * DAY, None, NAME),
    ("web-01_ROOT-35545_{}", "MONTHLY", "", SEEN - 300 * DAY, None, NAME),
    # By hand the default form has the volume's name before the time.
    ("web-01_ROOT-35545_{}", "MANUAL", "ROOT-35545", TOLD, WITHOUT, NAME),
    ("web-01_ROOT-35545_{}", "MANUAL", "ROOT-35545", SEEN - 900 * DAY, None, NAME),
    ("detached_DATA_12_{}", "MANUAL", "DATA_12", SEEN - DAY, None, NAME),
    ("my_host_my_disk_{}", "MANUAL", "my_disk", SEEN - DAY, None, NAME),
    ("hôte_disque-é_{}", "MANUAL", "disque-é", SEEN - DAY, None, NAME),
    ("h_a b_{}", "MANUAL", "a b", SEEN - DAY, None, NAME),
    ("h_a.*_{}", "MANUAL", "a.*", SEEN - DAY, None, NAME),
    ("web_ROOT-35545_{}", "TEMPLATE", "ROOT-35545", SEEN - DAY, None, NAME),
    ("web_ROOT-35545_{}", "", "ROOT-35545", SEEN - DAY, None, NAME),
    # Look-alikes: a number that someone typed. At the first sync only "before" is known.
    ("before_{}", "MANUAL", "ROOT-35545", SEEN - DAY, None, BEFORE),
    ("before_{}", "MANUAL", "ROOT-35545", SEEN - HOUR, None, BEFORE),
    ("before_upgrade_{}", "MANUAL", "ROOT-35545", SEEN - DAY, None, BEFORE),
    ("web-01_foo_{}", "MANUAL", "ROOT-35545", SEEN - DAY, None, BEFORE),
    ("web-01_XROOT-35545_{}", "MANUAL", "ROOT-35545", SEEN - DAY, None, BEFORE),
    ("web-01-ROOT-35545_{}", "MANUAL", "ROOT-35545", SEEN - DAY, None, BEFORE),
    ("web-01_ROOT-35545_v2_{}", "MANUAL", "ROOT-35545", SEEN - DAY, None, BEFORE),
    ("_ROOT-35545_{}", "MANUAL", "ROOT-35545", SEEN - DAY, None, BEFORE),
    ("ROOT-35545_{}", "MANUAL", "ROOT-35545", SEEN - DAY, None, BEFORE),
    ("web-01_aXY_{}", "MANUAL", "a.*", SEEN - DAY, None, BEFORE),
    ("web-01_root-35545_{}", "MANUAL", "ROOT-35545", SEEN - DAY, None, BEFORE),
    ("web-01_ROOT-35545_{}", "MANUAL", "", SEEN - DAY, None, BEFORE),
    ("web-01__{}", "MANUAL", "", SEEN - DAY, None, BEFORE),
    ("web-01_foo_{}", "TEMPLATE", "ROOT-35545", SEEN - DAY, None, BEFORE),
    ("web-01_foo_{}", "NIGHTLY", "ROOT-35545", SEEN - DAY, None, BEFORE),
    # Later the watch knows better, and is as narrow as the time between two lists.
    ("before_{}", "MANUAL", "ROOT-35545", TOLD, WITHOUT, WATCH),
    ("before_{}", "MANUAL", "ROOT-35545", SEEN - DAY, SEEN - 3 * DAY, WATCH),
    ("before_{}", "MANUAL", "ROOT-35545", SEEN + DAY, WITHOUT, WATCH),
    # The name is held against the watch.
    ("h_v_{}", "DAILY", "v", WITHOUT - 15 * MINUTE, WITHOUT, NAME),
    ("h_v_{}", "DAILY", "v", WITHOUT - 16 * MINUTE, WITHOUT, OLDER),
    ("h_v_{}", "DAILY", "v", SEEN + 5 * MINUTE, WITHOUT, "now"),
    ("h_v_{}", "DAILY", "v", SEEN + 6 * MINUTE, WITHOUT, WATCH),
    ("h_v_{}", "DAILY", "v", SEEN + 5 * MINUTE, None, "now"),
    ("h_v_{}", "DAILY", "v", SEEN + 6 * MINUTE, None, BEFORE),
    ("h_v_{}", "DAILY", "v", SEEN.replace(year=9999), None, BEFORE),
    ("h_v_{}", "MANUAL", "v", SEEN - 2 * DAY, SEEN - 3 * DAY, NAME),
    ("h_v_{}", "MANUAL", "v", SEEN - 4 * DAY, SEEN - 3 * DAY, OLDER),
    ("h_v_{}", "DAILY", "v", datetime(2010, 1, 1, tzinfo=UTC), None, NAME),
    ("h_v_{}", "DAILY", "v", datetime(2009, 12, 31, 23, 59, 59, tzinfo=UTC), None, BEFORE),
    # A clock that was put back between two lists.
    ("h_v_{}", "DAILY", "v", SEEN - MINUTE, SEEN + HOUR, NAME),
    ("nightly", "DAILY", "v", TOLD, SEEN + HOUR, BEFORE),
    # Not a time, with any origin of the name.
    ("nightly", "DAILY", "v", TOLD, WITHOUT, WATCH),
    ("nightly", "MANUAL", "v", TOLD, None, BEFORE),
    ("", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_{} ", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_{}\n", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_{}0", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_{}_copy", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v-{}", "DAILY", "v", TOLD, None, BEFORE),
    ("{}", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_20260230120000", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_20261301120000", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_20260001120000", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_20261124240000", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_20261124126000", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_20261124115960", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_2026112411595", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_00000000000000", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_٢٠٢٦١١٢٤١١٥٩٣٠", "DAILY", "v", TOLD, None, BEFORE),
    ("h_v_２０２６１１２４１１５９３０", "DAILY", "v", TOLD, None, BEFORE),
]


@in_turn(("name", "kind", "volume", "told", "last_without", "origin"), CASES)
def test_when_it_was_taken(
    name: str, kind: str, volume: str, told: datetime, last_without: datetime | None, origin: str
) -> None:
    full = name.replace("{}", stamp(told))
    is_own = is_own_name(full, kind, volume)
    taken = taken_range(full, None, Sighting(last_without, SEEN), is_own=is_own)
    expected = {
        NAME: (told, told),
        WATCH: (last_without, SEEN),
        BEFORE: (None, SEEN),
        OLDER: (told, SEEN),
        "now": (SEEN, SEEN),
    }[origin]
    assert (taken.after, taken.before) == expected
    assert (taken.source is TakenFrom.NAME) is (origin in (NAME, "now"))


def test_the_table_is_long_enough_and_says_each_thing_once() -> None:
    assert len(set(CASES)) == len(CASES) >= 60


def test_the_provider_documents_a_name_of_another_volume() -> None:
    """Its own example names `foo` and belongs to ROOT-35545: it tells a time, and is no proof of one."""
    name = "i-douglas-ADM_foo_20161116211009"
    assert name_time(name) == datetime(2016, 11, 16, 21, 10, 9, tzinfo=UTC)
    assert (is_default(name, "ROOT-35545"), is_default(name, "foo")) == (False, True)
