"""What the search finds, in which order, and where it leads; the team's alone, whatever is typed."""

from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, Team
from snapshots.lists import search as lists
from snapshots.models import Environment, Snapshot, Volume
from tests.loops import in_turn
from tests.views.search.conftest import INSTANCE, SEARCH, Find, counts, every_name, group, names
from tests.views.snapshots.conftest import HTMX, OTHER_PATH, Fill, record
from tests.views.snapshots.reading import Response, by_id, links, numbers, tree
from tests.views.volumes.home.steps import disk, rows, volume_id

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("filled")]
MOST_QUERIES = 12
HOSTILE = [
    "%",
    "_",
    "'",
    '"',
    "\\",
    "%' OR 1=1 --",
    "<script>",
    "\u202e",
    "x" * 10_000,
    "a " * 5_000,
    "\0",
    "a\0b",
    "([",
]


@pytest.mark.both_databases
def test_the_closest_come_first_and_problems_before_the_rest(find: Find) -> None:
    page = find("DB-03")
    assert names(page) == ["db-03", "db-03-copy", "payments"]
    assert [row.attributes["data-state"] for row in group(page, "volumes")] == ["fresh", "fresh", "none"]
    assert names(page, "instances") == ["db-03"]
    assert counts(page) == "5 volumes, 1 instance, 5 snapshots"


@pytest.mark.both_databases
def test_of_volumes_that_are_equally_close_the_worst_comes_first(find: Find) -> None:
    Volume.objects.exclude(name__in=["billing", "payments", "old-db-03"]).delete()
    page = find("b-0")
    assert names(page) == ["payments", "old-db-03", "billing"]
    assert [row.attributes["data-state"] for row in group(page, "volumes")] == ["none", "late", "fresh"]


@pytest.mark.both_databases
def test_snapshots_are_in_the_same_order(find: Find, fill: Fill) -> None:
    named = ["the-nightly", "nightly-2", "NIGHTLY"]
    fill([record(number, name=name) for number, name in enumerate(named, start=1)], path=OTHER_PATH)
    Snapshot.objects.filter(name="nightly").delete()
    assert names(find("nightly"), "snapshots") == ["NIGHTLY", "nightly-2", "the-nightly"]


@pytest.mark.both_databases
@in_turn(
    ("text", "expected"),
    [
        ("illin", {"volumes": ["billing"], "snapshots": ["db-03_billing"]}),
        ("illin pay", {}),
        ("billing db-03", {"volumes": ["billing"], "snapshots": ["db-03_billing"]}),
        ("100%_", {"volumes": ["100%_sure\\"], "snapshots": ["nightly"]}),
        ("sure\\", {"volumes": ["100%_sure\\"], "snapshots": ["nightly"]}),
        (volume_id("billing")[:9], {"volumes": ["billing"], "snapshots": ["db-03_billing"]}),
        (volume_id("billing")[1:9], {}),
        (volume_id("billing").upper(), {"volumes": ["billing"]}),
        (INSTANCE, {"instances": ["db-03"]}),
        ("zzz", {}),
    ],
)
def test_finds(find: Find, text: str, expected: dict[str, list[str]]) -> None:
    found = {
        kind: [name.rpartition("_2026")[0] or name for name in of_kind]
        for kind, of_kind in every_name(find(text)).items()
    }
    assert found == expected


def test_a_server_known_by_a_name_alone_is_found_by_its_beginning(find: Find) -> None:
    assert names(find("files"), "instances") == ["files-01", "files-02"]
    assert names(find("iles-01"), "instances") == []
    assert group(find("files-01"), "instances")[0].text.endswith("2 volumes")


def test_each_row_leads_to_its_page(find: Find, alice_client: Client) -> None:
    page = find("db-03")
    for kind in ("volumes", "instances", "snapshots"):
        target = alice_client.get(group(page, kind)[0].attributes["href"])
        assert names(page, kind)[0] in by_id(target, "main").text
    server = alice_client.get(group(page, "instances")[0].attributes["href"])
    assert {"billing", "payments"} <= {row.one(css="v-name").one("a").text for row in rows(server)}


def test_what_is_cut_leads_to_the_list_with_as_many_rows(find: Find, alice_client: Client) -> None:
    led = {text: url for text, url in links(find("db-03")).items() if text.startswith("All ")}
    assert list(led) == ["All 5 volumes", "All 5 snapshots"]
    assert len(rows(alice_client.get(led["All 5 volumes"]))) == 5
    assert len(numbers(alice_client.get(led["All 5 snapshots"]))) == 5


@pytest.mark.both_databases
def test_more_than_a_thousand_are_not_counted(find: Find) -> None:
    pattern = Snapshot.objects.filter(volume="billing").get()
    values = {field.attname: getattr(pattern, field.attname) for field in Snapshot._meta.fields if field.name != "id"}
    Snapshot.objects.bulk_create(Snapshot(**values | {"snapshot_id": f"{n:036}"}) for n in range(1001))
    assert "All 1,000+ snapshots" in links(find("billing"))


def forgotten(name: str) -> str:
    """The id of a volume that is deleted, and of which nothing is left."""
    Volume.objects.filter(name=name).update(deleted_at="2026-11-20T00:00Z", snapshot_count=0)
    return volume_id(name)


@pytest.mark.both_databases
def test_a_complete_id_finds_what_is_no_longer_listed_and_says_so(find: Find, alice_client: Client, fill: Fill) -> None:
    gone = Snapshot.objects.get(volume="billing")
    Snapshot.objects.filter(pk=gone.pk).update(listed=False, missing_since="2026-11-20T00:00Z")
    (row,) = group(find(gone.snapshot_id), "snapshots")
    assert (row.attributes["data-state"], row.one(css="badge").text) == ("not_listed", "– Not listed")
    (row,) = group(find(forgotten("billing")), "volumes")
    assert row.attributes["data-state"] == "deleted"
    assert alice_client.get(row.attributes["href"]).status_code == 200
    assert every_name(find("billing")) == {}


@pytest.fixture
def foreign(rival: Team, fill: Fill) -> Environment:
    ApiKey.replace(rival, Secret("a-key-of-rival"))
    found = fill(disk("db-03-of-rival", 3, host="db-03"), of=rival)
    Volume.objects.filter(team=rival).update(instance_name="db-03", instance_id=INSTANCE)
    return found


@pytest.mark.both_databases
def test_another_team_is_neither_searched_nor_counted(
    find: Find, alice_client: Client, charlie_client: Client, foreign: Environment
) -> None:
    assert counts(find("db-03")) == "5 volumes, 1 instance, 5 snapshots"
    for searched in ("of-rival", volume_id("db-03-of-rival"), foreign.snapshots.get().snapshot_id):
        assert every_name(find(searched)) == {}
    theirs = charlie_client.get("/t/rival/search/", {"q": "db-03"}, headers=HTMX)
    assert counts(theirs) == "1 volume, 1 instance, 1 snapshot"
    assert names(theirs) == ["db-03-of-rival"]
    assert charlie_client.get(SEARCH, {"q": "db-03"}).status_code == 404


def test_a_removed_environment_is_not_searched(find: Find, filled: Environment) -> None:
    snapshot = filled.snapshots.all()[0]
    Environment.objects.update(removed_at="2026-11-20T00:00Z")
    for searched in ("db-03", snapshot.snapshot_id, snapshot.volume_id):
        assert every_name(find(searched)) == {}


@pytest.mark.both_databases(proof=True)
@in_turn("text", HOSTILE)
def test_hostile_text_is_text(find: Find, alice_client: Client, text: str) -> None:
    for page in (find(text), alice_client.get(SEARCH, {"q": text})):
        assert page.status_code == 200
        assert tree(page).all("script", type="evil") == []
        assert len(every_name(page).get("volumes", [])) == (1 if text in ("%", "_", "\\") else 0) or text[0] in "a"


def test_what_was_searched_for_is_marked(find: Find) -> None:
    row = group(find("Illin db-03"), "volumes")[0]
    assert [mark.text for mark in row.all("mark")] == ["illin", "db-03"]


def test_nothing_found_names_the_team(find: Find) -> None:
    assert counts(find("zzz")) == "Nothing named “zzz” in Acme Platform"
    assert "Acme Platform" in counts(find(volume_id("zzz")))


def suggestion(page: Response) -> str:
    """The name that is suggested, as its link searches for it; "" without one."""
    found = tree(page).all("a", css="hits-closest")
    return found[0].attributes["href"] if found else ""


@pytest.mark.both_databases
@in_turn(
    ("text", "name"),
    [
        *(("biling", "billing"), ("BILLIGN", "billing"), ("db-04", "db-03"), ("odl-db-03", "old-db-03")),
        *(("100&_sure", "100%_sure\\"), ("paxments", "payments")),
        *(("zzz", ""), ("bx", ""), ("bilingual text", ""), (f"{volume_id('zzz')}", ""), (INSTANCE[:-1] + "c", "")),
    ],
)
def test_the_closest_name_is_suggested_and_found(find: Find, alice_client: Client, text: str, name: str) -> None:
    found = find(text)
    for page in (found, alice_client.get(SEARCH, {"q": text})):
        assert suggestion(page) == (f"{SEARCH}?{urlencode({'q': name})}" if name else "")
    if name:
        assert counts(found).endswith(f"“{text}” in Acme Platform. Did you mean “{name}”?")
        assert names(alice_client.get(suggestion(found)))[0] == name


def test_a_suggestion_is_an_option_of_the_field(find: Find, alice_client: Client) -> None:
    (option,) = tree(find("biling")).one(role="listbox").all(role="option")
    assert (option.attributes["id"], option.text) == ("hit-closest", "Did you mean “billing”?")
    page = alice_client.get(SEARCH, {"q": "biling<script>"})
    assert "biling<script>" not in page.content.decode()


def test_what_no_search_finds_is_not_suggested(find: Find) -> None:
    forgotten("billing")
    assert suggestion(find("biling")) == ""


@pytest.mark.both_databases
def test_a_name_of_another_team_is_not_suggested(
    find: Find, alice_client: Client, charlie_client: Client, foreign: Environment
) -> None:
    Volume.objects.filter(environment=foreign).update(name="secret-of-rival", instance_name="host-of-rival")
    for text in ("secret-of-rivla", "host-of-rivla", "SECRET-of-rivla"):
        for page in (find(text), alice_client.get(SEARCH, {"q": text})):
            assert suggestion(page) == ""
            assert "rival" not in page.content.decode()
    theirs = charlie_client.get("/t/rival/search/", {"q": "secret-of-rivla"}, headers=HTMX)
    assert suggestion(theirs) == "/t/rival/search/?q=secret-of-rival"
    assert suggestion(charlie_client.get("/t/rival/search/", {"q": "biling"})) == ""


@pytest.mark.both_databases
def test_in_a_large_team_names_that_begin_alike_are_suggested(
    find: Find, foreign: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    Volume.objects.filter(environment=foreign).update(name="pay-of-rival")
    monkeypatch.setattr(lists, "MOST_READ", 1)
    monkeypatch.setattr(lists, "MOST_BESIDE", 1)
    assert {text: suggestion(find(text))[len(SEARCH) + 3 :] for text in ("paymenst", "paymentz", "pay-of-rivla")} == {
        "paymenst": "payments",
        "paymentz": "payments",
        "pay-of-rivla": "",
    }


@in_turn("text", ["", "  ", "d"])
def test_the_page_needs_no_text(alice_client: Client, text: str) -> None:
    page = alice_client.get(SEARCH, {"q": text})
    assert page.status_code == 200
    assert by_id(page, "search-again").attributes["value"] == text.strip()


def test_the_page_has_all_groups_and_more_rows(bob_client: Client) -> None:
    page = bob_client.get(SEARCH, {"q": "db-03"})
    assert {kind: len(found) for kind, found in every_name(page).items()} == {
        "volumes": 5,
        "instances": 1,
        "snapshots": 5,
    }
    assert by_id(page, "search-field").attributes["value"] == "db-03"
    assert tree(page).all(role="option") == []


def test_a_part_is_less_of_the_page(find: Find, alice_client: Client) -> None:
    part, page = find("billing"), alice_client.get(SEARCH, {"q": "billing"})
    assert all("HX-Request" in answer["Vary"] for answer in (part, page))
    assert every_name(part) == every_name(page)
    options = tree(part).one(role="listbox").all(role="option")
    assert len({option.attributes["id"] for option in options}) == len(options) == 2


@pytest.mark.parametrize("text", ["db-03", "zzz", "a", INSTANCE])
def test_costs_a_few_queries_with_any_number_of_rows(
    find: Find, text: str, django_assert_max_num_queries: DjangoAssertNumQueries, fill: Fill
) -> None:
    find(text)
    with django_assert_max_num_queries(MOST_QUERIES):
        find(text)
    fill([one for n in range(60) for one in disk(f"a-db-03-{n}", 3, host=f"db-03-{n}")], path=OTHER_PATH)
    with django_assert_max_num_queries(MOST_QUERIES):
        find(text)


def test_old_data_is_said(find: Find) -> None:
    assert tree(find("zzz")).all("p", **{"data-tone": "warn"}) == []
    Environment.objects.update(fault_kind="unavailable")
    assert len(tree(find("zzz")).all("p", **{"data-tone": "warn"})) == 1
