"""The requests to measure: URLs of the lists and of one snapshot, the same at every size."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from bench.people import API_URL, CHANGES_URL, LARGE, LIST_URL, SEARCH_URL, TEAM, VOLUMES_URL

PAGE_SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a filled database that the cases need."""

    listed: int
    """Snapshots in the list of all environments."""
    volume_id: str
    """The volume with the most snapshots."""
    snapshot_id: str
    stamp: str
    """The end of one default name, which no other snapshot has."""

    @property
    def pages(self) -> int:
        return -(-self.listed // PAGE_SIZE)


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """The facts that the cases of the volumes page need."""

    volumes: int
    volume_id: str


@dataclass(frozen=True, slots=True)
class ManyFacts(Facts):
    """The facts that the cases of all pages need. `last_environment`: the one that was filled last."""

    volumes: int
    share_url: str
    token: str
    last_environment: str
    day: str


@dataclass(frozen=True, slots=True)
class Case:
    """`row`: the start of the URL of each row on the page; `token`: for the API, which knows no session."""

    name: str
    url: str
    row: str = LIST_URL
    token: str = ""


def cases(facts: Facts) -> list[Case]:
    return [
        _list("page 1"),
        _list("middle page", page=max(1, facts.pages // 2)),
        _list("last page", page=facts.pages),
        _list("one state", state="BackedUp"),
        _list("a rare state", state="Error"),
        _list("one volume", volume_id=facts.volume_id),
        _list("one environment", environment=LARGE),
        _list("state and type", state="BackedUp", interval_type="DAILY"),
        _list("rare state and type", state="Error", interval_type="MONTHLY"),
        _list("older than 30 d", age="older"),
        _list("by name", sort="name"),
        _list("by name, middle", sort="name", page=max(1, facts.pages // 2)),
        _list("gone", listed="no"),
        _list("q of many", q="web-01"),
        _list("q of one", q=facts.stamp),
        _list("q of none", q="zzznowhere"),
        Case("search of many", f"{SEARCH_URL}?q=web-01"),
        Case("search of one", f"{SEARCH_URL}?q={facts.stamp}"),
        Case("one snapshot", f"{LIST_URL}{LARGE}/{facts.snapshot_id}/"),
    ]


def _list(name: str, **query: object) -> Case:
    return Case(name, f"{LIST_URL}?{urlencode(query)}" if query else LIST_URL)


def home_cases(facts: HomeFacts) -> list[Case]:
    return [
        _home("home"),
        _home("middle page", page=max(1, -(-facts.volumes // PAGE_SIZE) // 2)),
        _home("late", status="late"),
        _home("by name", sort="name"),
        _home("by instance", group="instance"),
        _home("q of many", q="web-01"),
        _home("q of one", q=facts.volume_id),
        Case("one volume", f"{VOLUMES_URL}{LARGE}/{facts.volume_id}/", VOLUMES_URL),
    ]


def _home(name: str, **query: object) -> Case:
    return Case(name, f"{VOLUMES_URL}?{urlencode(query)}" if query else VOLUMES_URL, VOLUMES_URL)


def many_cases(facts: ManyFacts) -> list[Case]:
    """Each page, and each filter, sort and search of a list."""
    return [
        _list("list, first page"),
        _list("list, last page", page=facts.pages),
        _list("list, state", state="Error"),
        _list("list, type", interval_type="DAILY"),
        _list("list, volume", volume_id=facts.volume_id),
        _list("list, environment", environment=facts.last_environment),
        _list("list, 7 days", age="7d"),
        _list("list, older than 30 days", age="older"),
        _list("list, from a day", **{"from": facts.day}),
        _list("list, to a day", to=facts.day),
        _list("list, gone", listed="no"),
        _list("list, by name", sort="name"),
        _list("list, q of many", q="web-01"),
        _list("list, q of many by name", q="web-01", sort="name"),
        _list("list, q of one", q=facts.stamp),
        _list("list, q of none", q="zzznowhere"),
        _home("home"),
        _home("home, q of many", q="web-01"),
        _home("home, q of one", q=facts.volume_id),
        _home("home, by instance", group="instance"),
        Case("one volume", f"{VOLUMES_URL}{LARGE}/{facts.volume_id}/"),
        Case("one snapshot", f"{LIST_URL}{LARGE}/{facts.snapshot_id}/"),
        Case("changes", CHANGES_URL),
        Case("changes, q of many", f"{CHANGES_URL}?q=web-01"),
        Case("changes, q of one", f"{CHANGES_URL}?q={facts.stamp}"),
        Case("changes, q of none", f"{CHANGES_URL}?q=zzznowhere"),
        Case("search page, one", f"{SEARCH_URL}?q={facts.stamp}"),
        Case("shared page", facts.share_url),
        _api("API, complete list", f"services/{LARGE}/snapshots", facts),
        _api("API, list of a volume", f"services/{LARGE}/snapshots?volume_id={facts.volume_id}", facts),
        _api("API, one", f"services/{LARGE}/snapshots/{facts.snapshot_id}", facts),
        _api("API, volumes", f"teams/{TEAM}/volumes", facts),
    ]


def _api(name: str, path: str, facts: ManyFacts) -> Case:
    return Case(name, f"{API_URL}{path}", token=facts.token)
