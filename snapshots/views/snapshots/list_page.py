"""The list of all snapshots of a team, and what its refresh answers with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from dashboard.teams.access.guard import MemberRequest, may
from dashboard.teams.models import Membership, Team
from dashboard.teams.models.keys import key_of
from snapshots.lists import snapshot_filters as filters
from snapshots.lists.params import PAGE_SIZES
from snapshots.lists.snapshot_filters import Filters
from snapshots.lists.snapshot_list import ListPage
from snapshots.models import Environment
from snapshots.models.environment import generation_of, ttl
from snapshots.sync import leases
from snapshots.views.common.components import Action, Empty, Pager, PageSize, Refresh
from snapshots.views.common.data_age import admins, banners, freshness
from snapshots.views.common.export_links import export_links
from snapshots.views.common.onboarding import first_fetch
from snapshots.views.snapshots import filter_bar
from snapshots.views.snapshots import table as tables

LEAST_REFRESH_SECONDS = 10


@dataclass(frozen=True, slots=True)
class View:
    """One list address, read: whose, of which environments, with which filters, now."""

    membership: Membership
    environments: Sequence[Environment]
    filters: Filters
    now: datetime
    prefix: str

    @property
    def team(self) -> Team:
        return self.membership.team

    @property
    def shown(self) -> Sequence[Environment]:
        """The environments that the page's data comes from."""
        return self.filters.environments or self.environments

    @property
    def url(self) -> str:
        return self.prefix + self.filters.query(page=self.filters.page)


def read_view(request: MemberRequest) -> View:
    """Read the list address that the person sees: a refresh comes from a form whose own address may be older."""
    prefix = reverse("snapshots:list", args=[request.team.slug])
    environments = list(request.team.environments.order_by("name", "service_code"))
    return View(
        membership=request.membership,
        environments=environments,
        filters=filters.parse(seen_query(request, prefix), environments),
        now=timezone.now(),
        prefix=prefix,
    )


def seen_query(request: MemberRequest, *pages: str) -> QueryDict:
    """Give the parameters of the page that the person sees, where it is one of these, else the request's own."""
    if request.method == "POST" and request.htmx:
        path, _mark, query = seen_address(request).partition("#")[0].partition("?")
        if path in pages:
            return QueryDict(query)
    return request.GET


def seen_address(request: MemberRequest) -> str:
    """Give path and query of the page that the person sees; "" where the browser names none, or nonsense."""
    try:
        return request.htmx.current_url_abs_path or ""
    except ValueError:
        return ""


def name_address(response: HttpResponse, request: MemberRequest, url: str) -> None:
    """Name the address of a fragment. Choosing adds a Back step; typing, and showing the same view anew, do not."""
    is_step = request.htmx.trigger_name != "q" and seen_address(request) != url
    response["HX-Push-Url" if is_step else "HX-Replace-Url"] = url


@require_safe
def snapshot_list(request: MemberRequest, team: str) -> HttpResponse:
    """Every snapshot of the team's environments; for htmx the results alone."""
    view = read_view(request)
    remember_team(request)
    is_fragment = bool(request.htmx) and not request.htmx.history_restore_request
    template = "snapshots/ui/_results.html" if is_fragment else "snapshots/snapshots/list.html"
    response = render(request, template, list_context(view))
    # Two answers share one address: whoever keeps one must not give it out as the other.
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    if is_fragment:
        name_address(response, request, view.url)  # one view, one address: without the form's empty fields
    return response


@require_safe
def volume_choices(request: MemberRequest, team: str) -> HttpResponse:
    """What the typed volume filter finds, for the panel under it."""
    view = read_view(request)
    volumes = filter_bar.chosen_volumes(view.team, view.filters)
    offered = filter_bar.offered_volumes(view.team, view.filters)
    panel = filter_bar.volume_filter(
        view.team, view.environments, view.filters, view.prefix, volumes=volumes, found=offered
    )
    return render(request, "snapshots/ui/_volume_choices.html", {"volume_filter": panel})


def remember_team(request: MemberRequest) -> None:
    if request.session.get("last_team") != request.team.slug:
        request.session["last_team"] = request.team.slug


def list_context(view: View) -> dict[str, object]:
    empty = nothing_to_list(view.membership, view.environments)
    is_bare = empty is not None
    volumes = filter_bar.chosen_volumes(view.team, view.filters)
    page, table = tables.table(view.team, view.environments, view.filters, view.now, view.prefix, volumes)
    if empty is None and page.total == 0:
        empty = _empty_list(view)
    bar = filter_bar.filter_bar(view.team, view.environments, view.filters, view.prefix, volumes)
    return {
        "title": _("Snapshots"),
        # Before anything was fetched nothing is known to count, not even to none.
        "count_text": "" if empty and empty.kind == "first_fetch" else _count_text(page, view),
        "table": table,
        "chips": bar.chips,
        "clear_url": view.prefix,
        "problems": view.filters.problems,
        "groups": bar.groups,
        "volume_filter": bar.volume_filter,
        "query": view.filters.q,
        "from_date": view.filters.from_date.isoformat() if view.filters.from_date else "",
        "to_date": view.filters.to_date.isoformat() if view.filters.to_date else "",
        "hidden": [pair for pair in view.filters.pairs() if pair[0] in ("sort", "page_size")],
        "pager": _pager(page, view),
        "empty": empty,
        "fetching": first_fetch(view.shown, view.now) if key_of(view.team) else [],
        "list_url": view.prefix,
        # It looks again while the first fetch goes on, and takes no choice away.
        "same_url": view.prefix + view.filters.query(page=view.filters.page),
        "exports": None if is_bare else export_links(view.team, "list", view.filters.query()),
        **age_context(view),
    }


def age_context(view: View) -> dict[str, object]:
    """What every page of data says about its age, and how it is refreshed."""
    url = reverse("snapshots:refresh", args=[view.team.slug]) + view.filters.query(page=view.filters.page)
    return age_of_page(view.membership, view.environments, view.shown, view.now, url)


def age_of_page(
    membership: Membership,
    environments: Sequence[Environment],
    shown: Sequence[Environment],
    now: datetime,
    refresh_url: str,
) -> dict[str, object]:
    """The same for a page that is refreshed by another address; `shown` are those that its data comes from."""
    return {
        "freshness": freshness(shown, now),
        "banners": banners(shown, membership, now, retry_url=refresh_url),
        "refresh": Refresh(
            url=refresh_url,
            due=any(leases.is_due(environment, now) for environment in shown),
            every=max(int(ttl().total_seconds()), LEAST_REFRESH_SECONDS),
            first_fetch=bool(shown) and not any(environment.answered_at for environment in shown),
            allowed=key_of(membership.team) is not None and bool(environments),
            since=now.isoformat(),
            generation=generation_of(shown),
        ),
    }


def nothing_to_list(membership: Membership, environments: Sequence[Environment]) -> Empty | None:
    """Why the team has no data at all, and what to do next."""
    team = membership.team
    if key_of(team) is None:
        text = _("Snapshots are fetched with the team's own API key of the provider.")
        action = Action(_("Enter the key"), reverse("snapshots:key", args=[team.slug]))
        return _to_do(membership, Empty("no_key", _("This team has no API key yet"), text, [action]))
    if not environments:
        text = _("Nothing is fetched until the team names the environments it wants to see.")
        action = Action(_("Add environments"), reverse("snapshots:environments", args=[team.slug]))
        return _to_do(membership, Empty("no_environment", _("This team has no environment yet"), text, [action]))
    return None


def _to_do(membership: Membership, empty: Empty) -> Empty:
    """Who may not do it reads whom to ask."""
    if may(membership, "snapshots:key"):
        return empty
    ask = _("Ask %(names)s (admin).") % {"names": admins(membership.team)}
    return replace(empty, text=f"{empty.text} {ask}", actions=[])


def _empty_list(view: View) -> Empty:
    if not any(environment.answered_at for environment in view.shown):
        return never_fetched(view.environments, view.shown)
    if view.filters.is_narrowed:
        return _no_match(view)
    text = _("The provider lists none in these environments. What is taken from now on appears here.")
    return Empty("no_snapshot", _("No snapshot yet"), text)


def never_fetched(environments: Sequence[Environment], shown: Sequence[Environment]) -> Empty:
    """Why none of the shown environments has any data yet."""
    answered = [environment for environment in environments if environment.answered_at]
    if all(environment.fault_kind for environment in shown):
        text = _("The provider has never answered, so there is nothing to show yet. The reason is above.")
        return Empty("first_fetch", _("Nothing fetched yet"), text)
    text = _("%(done)d of %(all)d environments fetched. A large one takes some seconds; this page fills itself.") % {
        "done": len(answered),
        "all": len(environments),
    }
    return Empty("first_fetch", _("First fetch under way"), text)


def _no_match(view: View) -> Empty:
    total = _all_listed(view.environments)
    text = ngettext(
        "Without the filters there is %(number)s snapshot.",
        "Without the filters there are %(number)s snapshots.",
        total,
    ) % {"number": _number(total)}
    return Empty("no_match", _("Nothing matches"), text, [Action(_("Clear all filters"), view.prefix)])


def _count_text(page: ListPage, view: View) -> str:
    total = _number(page.total) if page.exact else _("%(number)s+") % {"number": _number(page.total)}
    if not view.filters.is_narrowed:
        return ngettext("%(total)s snapshot", "%(total)s snapshots", page.total) % {"total": total}
    listed = _all_listed(view.environments)
    if not view.filters.listed:
        return ngettext(
            "%(total)s snapshot that is no longer listed", "%(total)s snapshots that are no longer listed", page.total
        ) % {"total": total}
    return ngettext("%(total)s of %(all)s snapshot", "%(total)s of %(all)s snapshots", listed) % {
        "total": total,
        "all": _number(listed),
    }


def _all_listed(environments: Sequence[Environment]) -> int:
    return sum(int(environment.facets.get("listed", 0)) for environment in environments)


def _pager(page: ListPage, view: View) -> Pager:
    chosen, prefix = view.filters, view.prefix
    first = (page.number - 1) * chosen.page_size + 1
    last = first + chosen.page_size - 1 if page.has_next else max(first, page.total)
    total = _number(page.total) if page.exact else _("%(number)s+") % {"number": _number(page.total)}
    text = _("%(first)s–%(last)s of %(total)s") % {"first": _number(first), "last": _number(last), "total": total}
    last_page = -(-page.total // chosen.page_size)
    is_first, may_jump = page.number == 1, page.exact and page.has_next
    return Pager(
        text=text,
        first_url="" if is_first else prefix + chosen.query(page=1),
        previous_url="" if is_first else prefix + chosen.query(page=page.number - 1),
        next_url=prefix + chosen.query(page=page.number + 1) if page.has_next else "",
        last_url=prefix + chosen.query(page=last_page) if may_jump else "",
        sizes=[PageSize(size, prefix + chosen.query(page_size=size), size == chosen.page_size) for size in PAGE_SIZES],
    )


def _number(number: int) -> str:
    return number_format(number, force_grouping=True)
