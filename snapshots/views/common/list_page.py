"""What the list pages share: reading their address, answering page or fragment, refreshing, paging, saved views.

A page is a `View`: its class says how its address is read and which templates it has, its instance is one address.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import ClassVar, Generic, NamedTuple, Self, TypeVar

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dashboard.backends.prepared import Prepared
from dashboard.backends.redis_cache import kept, key_of
from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Membership, Team
from snapshots.lists.change_filters import ChangeFilters
from snapshots.lists.leftover_filters import LeftoverFilters
from snapshots.lists.params import PAGE_SIZES, FilterBase, Links, clean_query, moment, unknown_names
from snapshots.lists.problem_filters import ProblemFilters
from snapshots.lists.snapshot_filters import SnapshotFilters
from snapshots.lists.volume_filters import VolumeFilters
from snapshots.models import Environment, SavedView
from snapshots.sync import refresh as sync
from snapshots.sync.leases import Caller
from snapshots.text.labels import grouped
from snapshots.views.common.components import Chip, Choice, Empty, FilterGroup, Pager, PageSize, chip
from snapshots.views.common.data_age import as_of
from snapshots.views.common.page_state import Progress, age_of_page, first_fetch, nothing_to_list, remember_team
from snapshots.views.common.refreshing import RETRY_SECONDS, caller_of, changes_since, is_held, next_url, say, slot
from snapshots.views.common.whole_page import KEEP_SECONDS, whole_page

F = TypeVar("F", bound=FilterBase, covariant=True)
T = TypeVar("T")
K = TypeVar("K")
# How many filters the title of a page names.
MOST_WORDS = 3
# The addresses of the pages and their filters, by the name that a saved view keeps.
SAVED_PAGES: Mapping[str, tuple[str, type[FilterBase]]] = {
    "volumes": ("snapshots:volumes", VolumeFilters),
    "snapshots": ("snapshots:list", SnapshotFilters),
    "changes": ("snapshots:changes", ChangeFilters),
    "leftovers": ("snapshots:leftovers", LeftoverFilters),
    "alerts": ("snapshots:alerts", ProblemFilters),
}
SAVED_VIEWS = Prepared(lambda team, page: SavedView.objects.filter(team=team, page=page).order_by("name"))


class ExportLinks(NamedTuple):
    """Addresses of the page's rows as files, with the page's filters, all of its pages."""

    xlsx: str
    csv: str
    json: str


@dataclass(frozen=True)
class View(ABC, Generic[F]):
    """One address of a list page: whose, of which environments, with which filters, now."""

    # The page's name among the saved views, the names of its addresses (links lead to the first), its templates.
    saved_as: ClassVar[str]
    addresses: ClassVar[Sequence[str]]
    page_template: ClassVar[str]
    fragment_template: ClassVar[str] = "snapshots/ui/_results.html"
    refreshed_template: ClassVar[str] = "snapshots/ui/_refreshed.html"
    refresh_template: ClassVar[str] = "snapshots/ui/_refresh.html"
    # Fields that the filter form keeps without showing them.
    hidden_fields: ClassVar[Sequence[str]]

    membership: Membership
    environments: Sequence[Environment]
    filters: F
    now: datetime
    prefix: str

    @staticmethod
    @abstractmethod
    def parse(query: QueryDict, environments: Sequence[Environment]) -> F:
        """Read a query string. Never raises: the filters say what is not valid."""

    @classmethod
    def read(cls, request: MemberRequest) -> Self:
        """Read the address that the person sees: a refresh comes from a form whose own address may be older."""
        pages = [reverse(name, args=[request.team.slug]) for name in cls.addresses]
        environments = Environment.objects.listed_of(request.team)
        query = _seen_query(request, pages)
        filters = cls.parse(query, environments)
        if unknown := unknown_names(query, filters):
            filters = replace(filters, problems=(*filters.problems, unknown))
        return cls(request.membership, environments, filters, timezone.now(), pages[0])

    @abstractmethod
    def context(self, *, is_fragment: bool) -> dict[str, object]:
        """What the templates of the page and its fragments are given, beside `shared_context`."""

    @abstractmethod
    def chips(self) -> list[Chip]:
        """The filters in use."""

    def ask(self, caller: Caller) -> tuple[str, bool]:
        """Ask the provider about what the page shows. Returns what to say, and whether somebody else is at it."""
        outcomes = list(sync.refresh(self.shown, caller=caller))
        return say(outcomes, timezone.now()), is_held(outcomes)

    @property
    def search_label(self) -> str:
        return _("Search by name, volume or id")

    @property
    def team(self) -> Team:
        return self.membership.team

    @property
    def shown(self) -> Sequence[Environment]:
        """The environments that the page's data comes from."""
        return self.filters.environments or self.environments

    @property
    def was_fetched(self) -> bool:
        return any(environment.answered_at for environment in self.shown)

    def place_of(self, environment_id: int) -> str:
        """The label of an environment; "" of one that is not the team's any more."""
        return next((one.place for one in self.environments if one.pk == environment_id), "")

    @cached_property
    def links(self) -> Links:
        return Links(self.prefix, self.filters)

    @property
    def url(self) -> str:
        return self.prefix + self.links.query

    @cached_property
    def fetching(self) -> list[Progress]:
        """How far the first fetch is, while it goes on."""
        return [] if self.nothing else first_fetch(self.shown, self.now)

    @cached_property
    def nothing(self) -> Empty | None:
        """Why the team has no data at all, if it has none."""
        return nothing_to_list(self.membership, self.environments)

    @property
    def inputs(self) -> object:
        return ()

    @property
    def is_lasting(self) -> bool:
        return self.nothing is None and self.was_fetched and not self.fetching

    def age_context(self) -> dict[str, object]:
        """How old the page's data is, and how it is refreshed."""
        refresh_url = f"{self.prefix}refresh/{self.links.query}"
        return age_of_page(self.membership, self.environments, self.shown, self.now, refresh_url)

    def shared_context(self) -> dict[str, object]:
        exports = ExportLinks(
            *(f"{self.prefix}export.{kind}{self.links.first_query()}" for kind in ExportLinks._fields)
        )
        return {
            "list_url": self.prefix,
            "clear_url": self.prefix,
            "filter_words": ", ".join([chip.word or chip.label for chip in self.chips()][:MOST_WORDS]),
            "query": self.filters.q,
            "search_label": self.search_label,
            "problems": self.filters.problems,
            "hidden": self.filters.pairs(*self.hidden_fields),
            "exports": exports if self.nothing is None else None,
            "fetching": self.fetching,
            # It looks again while the first fetch goes on, and takes no choice away.
            "same_url": self.url,
            **self.age_context(),
        }


def answer(request: MemberRequest, view: View[F]) -> HttpResponse:
    """The page, or for htmx its results alone."""
    remember_team(request)
    if request.htmx and not request.htmx.history_restore_request:
        context = view.shared_context() | view.context(is_fragment=True)
        response = render(request, view.fragment_template, context)
        _name_address(response, request, view.url)  # one view, one address: without the form's empty fields
    else:
        response = _whole(request, view)
    # Two answers share one address: a cache must not give out one as the other.
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    return response


def _whole(request: MemberRequest, view: View[F]) -> HttpResponse:
    def keep(make: Callable[[], str], inputs: object) -> str:
        return kept_part(view, "page", str, make, type(view), inputs)

    def context() -> dict[str, object]:
        return view.shared_context() | view.context(is_fragment=False)

    return whole_page(request, view, _saved_views(request, view.saved_as), context, keep)


def answer_refresh(request: MemberRequest, kind: type[View[F]]) -> HttpResponse:
    """Ask the provider about what the page shows; answer with its age, and with its rows if somebody asked."""
    view = kind.read(request)
    is_button = request.POST.get("auto") != "1" or request.POST.get("again") == "1"
    with slot() as is_free:
        said, held = view.ask(caller_of(request, is_button)) if is_free else ("", True)
    view = kind.read(request)
    if not request.htmx:
        messages.info(request, _("A refresh is already running. Reload in a moment.") if held else said)
        return HttpResponseRedirect(next_url(request, view.url))
    first_fetch_ended = request.POST.get("first") == "1" and view.was_fetched
    swaps = first_fetch_ended or (is_button and not held)
    context = view.shared_context() | view.context(is_fragment=True) if swaps else view.age_context()
    context |= {
        "changed": 0 if is_button else changes_since(request, view.team, view.shown),
        "show_url": view.url,
        "changes_url": _changes_url(request, view),
        "said": _("Refreshing…") if held else said if is_button else "",
        "swap_results": swaps,
        "retry_in": RETRY_SECONDS if held else 0,
    }
    return render(request, view.refreshed_template, context, status=202 if held else 200)


def _changes_url(request: MemberRequest, view: View[F]) -> str:
    """The changes since the page was rendered, in its environments."""
    since = moment(request.POST.get("since", ""))
    asked = ChangeFilters(environments=view.filters.environments, since_time=since, rotated=True)
    return Links(reverse("snapshots:changes", args=[view.team.slug]), asked).to()


def kept_part(
    view: View[F], name: str, kind: type[T], make: Callable[[], T], *others: object, query: str | None = None
) -> T:
    """A costly part of a page, made once for each state of the data, then taken from the cache.

    The key holds everything that it depends on, led by the team: each environment's generation and age label, the
    filters (or `query` in their place), the language, the minute (ages are relative), and `others`.
    """
    states = [(environment.rows_version, as_of(environment, view.now)) for environment in view.environments]
    minute = int(view.now.timestamp()) // 60
    query = view.links.query if query is None else query
    key = key_of(name, view.team.pk, (states, query, get_language(), minute, view.prefix, *others))
    return kept(key, kind, make, seconds=KEEP_SECONDS)


def environment_group(view: View[F], counts: Mapping[int, int] | None) -> FilterGroup:
    """The choice of environments; `counts` by primary key, None where they are not counted yet."""
    chosen = view.filters.environments
    choices = [Choice(one.path, one.place, count_of(counts, one.pk), one in chosen) for one in view.environments]
    return FilterGroup("environment", _("Environment"), "checkbox", choices, len(chosen))


def count_of(counts: Mapping[K, int] | None, value: K) -> str:
    """The number beside a choice; "" before the choices are counted."""
    return "" if counts is None else grouped(counts.get(value, 0))


def environment_chips(view: View[F]) -> list[Chip]:
    chosen = view.filters.environments
    return [chip(_("Environment"), one.place, view.links.without("environments", one)) for one in chosen]


def search_chips(view: View[F]) -> list[Chip]:
    return [chip(_("Search"), view.filters.q, view.links.to(q=""))] if view.filters.q else []


def numbered_pager(links: Links, *, number: int, size: int, total: int, has_next: bool, is_exact: bool = True) -> Pager:
    """The pager of rows that are counted; without `is_exact` there are more than `total`."""
    first, last_page = (number - 1) * size + 1, -(-total // size)
    last = first + size - 1 if has_next else max(first, total)
    numbers = {"first": grouped(first), "last": grouped(last), "total": counted(total, is_exact=is_exact)}
    is_first = number == 1
    return Pager(
        text=_("%(first)s–%(last)s of %(total)s") % numbers,
        first_url="" if is_first else links.to(),
        previous_url="" if is_first else links.to(page=number - 1),
        next_url=links.to(page=number + 1) if has_next else "",
        last_url=links.to(page=last_page) if is_exact and has_next else "",
        sizes=[PageSize(each, links.to(page_size=each), each == size) for each in PAGE_SIZES],
    )


def counted(total: int, *, is_exact: bool) -> str:
    return grouped(total) if is_exact else _("%(number)s+") % {"number": grouped(total)}


def saved_url(team: Team, page: str, query: str) -> str:
    """The address of a saved view."""
    name, filters = SAVED_PAGES[page]
    url, cleaned = reverse(name, args=[team.slug]), clean_query(query, filters)
    return f"{url}?{cleaned}" if cleaned else url


def _saved_views(request: MemberRequest, page: str) -> dict[str, object]:
    """The menu of a page's saved views; the one whose address is asked for is current."""
    found = SAVED_VIEWS.all(team=request.team.pk, page=page)
    return {
        "saved_page": page,
        "saved_views": [(one.name, saved_url(request.team, page, one.query)) for one in found],
        "saved_current": saved_url(request.team, page, request.GET.urlencode()),
    }


def _seen_query(request: MemberRequest, pages: Sequence[str]) -> QueryDict:
    """Give the parameters of the page that the person sees, where it is one of these, else the request's own."""
    if request.method == "POST" and request.htmx:
        path, _mark, query = _seen_address(request).partition("#")[0].partition("?")
        if path in pages:
            return QueryDict(query)
    return request.GET


def _seen_address(request: MemberRequest) -> str:
    """Give path and query of the page that the person sees; "" where the browser names none, or nonsense."""
    try:
        return request.htmx.current_url_abs_path or ""
    except ValueError:
        return ""


def _name_address(response: HttpResponse, request: MemberRequest, url: str) -> None:
    """Name the address of a fragment. Choosing adds a Back step; typing, and showing the same view again, do not."""
    is_step = request.htmx.trigger_name != "q" and _seen_address(request) != url
    response["HX-Push-Url" if is_step else "HX-Replace-Url"] = url
