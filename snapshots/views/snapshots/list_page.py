"""The list of all snapshots of a team."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models.keys import key_of
from snapshots.lists import snapshot_filters
from snapshots.lists.params import NO_VOLUME
from snapshots.lists.snapshot_filters import SnapshotFilters
from snapshots.lists.snapshot_list import ListPage
from snapshots.models import Volume
from snapshots.sync.leases import Caller
from snapshots.text.labels import grouped
from snapshots.views.common.components import Action, Empty, Pager
from snapshots.views.common.list_page import answer, answer_refresh, counted, numbered_pager
from snapshots.views.common.page_state import first_fetch, never_fetched
from snapshots.views.common.refreshing import ask_for_volume
from snapshots.views.common.volume_filter import DatedView, offered_volumes, volume_filter
from snapshots.views.snapshots.filter_bar import chips, groups
from snapshots.views.snapshots.table import table


class SnapshotsView(DatedView[SnapshotFilters]):
    """One address of the list."""

    saved_as = "snapshots"
    addresses = ("snapshots:list",)
    page_template = "snapshots/snapshots/list.html"
    hidden_fields = ("sort", "page_size")
    parse = staticmethod(snapshot_filters.parse)

    def context(self, *, is_fragment: bool) -> dict[str, object]:
        page, rows = table(self)
        empty = self.nothing or (_empty_list(self) if page.total == 0 else None)
        return {
            "title": _("Snapshots"),
            # Before anything was fetched nothing is known to count, not even to none.
            "count_text": "" if empty and empty.kind == "first_fetch" else _count_text(page, self),
            "table": rows,
            "chips": chips(self),
            "groups": groups(self),
            **self.dated_context(),
            "pager": _pager(page, self),
            "empty": empty,
            "fetching": first_fetch(self.shown, self.now) if key_of(self.team) else [],
            # It looks again while the first fetch goes on, and takes no choice away.
            "same_url": self.url,
        }

    def ask(self, caller: Caller) -> tuple[str, bool]:
        """A pressed button on a page about one volume asks about this volume alone."""
        volume = _only_volume(self) if caller is not Caller.PAGE else None
        return super().ask(caller) if volume is None else ask_for_volume(volume, caller)


@require_safe
def snapshot_list(request: MemberRequest, team: str) -> HttpResponse:
    """Every snapshot of the team's environments; for htmx the results alone."""
    return answer(request, SnapshotsView.read(request))


@require_POST
def refresh(request: MemberRequest, team: str) -> HttpResponse:
    """Ask the provider about the page's environments, or about its one volume; answer with age line and table."""
    return answer_refresh(request, SnapshotsView)


@require_safe
def volume_choices(request: MemberRequest, team: str) -> HttpResponse:
    """What the typed volume filter finds, for the panel under it."""
    view = SnapshotsView.read(request)
    panel = volume_filter(view, offered_volumes(view))
    return render(request, "snapshots/ui/_volume_choices.html", {"volume_filter": panel})


def _only_volume(view: SnapshotsView) -> Volume | None:
    """The one volume of one environment that the page is about, if it is about one."""
    ids = view.filters.volume_ids
    if len(ids) != 1 or ids[0] == NO_VOLUME:
        return None
    found = Volume.objects.of_team(view.team).filter(volume_id=ids[0], environment__in=view.shown)
    volumes = list(found.select_related("environment")[:2])
    return volumes[0] if len(volumes) == 1 else None


def _empty_list(view: SnapshotsView) -> Empty:
    if not view.was_fetched:
        return never_fetched(view.environments, view.shown)
    if view.filters.is_narrowed:
        return _no_match(view)
    text = _("The provider lists none in these environments. What is taken from now on appears here.")
    return Empty("no_snapshot", _("No snapshot yet"), text)


def _no_match(view: SnapshotsView) -> Empty:
    total = _all_listed(view)
    text = ngettext(
        "Without the filters there is %(number)s snapshot.",
        "Without the filters there are %(number)s snapshots.",
        total,
    ) % {"number": grouped(total)}
    return Empty("no_match", _("Nothing matches"), text, [Action(_("Clear all filters"), view.prefix)])


def _count_text(page: ListPage, view: SnapshotsView) -> str:
    total = counted(page.total, is_exact=page.exact)
    if not view.filters.is_narrowed:
        return ngettext("%(total)s snapshot", "%(total)s snapshots", page.total) % {"total": total}
    listed = _all_listed(view)
    if not view.filters.listed:
        return ngettext(
            "%(total)s snapshot that is no longer listed", "%(total)s snapshots that are no longer listed", page.total
        ) % {"total": total}
    return ngettext("%(total)s of %(all)s snapshot", "%(total)s of %(all)s snapshots", listed) % {
        "total": total,
        "all": grouped(listed),
    }


def _all_listed(view: SnapshotsView) -> int:
    return sum(int(environment.facets.get("listed", 0)) for environment in view.environments)


def _pager(page: ListPage, view: SnapshotsView) -> Pager:
    size = view.filters.page_size
    return numbered_pager(
        view.links, number=page.number, size=size, total=page.total, has_next=page.has_next, is_exact=page.exact
    )
