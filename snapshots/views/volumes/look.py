"""How a member wants to see the volumes: columns, density, rows a page. Kept for each member, never in an address."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Membership
from snapshots.alerts import ticks
from snapshots.lists.params import DEFAULT_PAGE_SIZE, PAGE_SIZES, moment, page_size
from snapshots.views.common.objects import back_to

PAGE = "volumes"
# The columns that may be left out; status and name are always there.
COLUMNS: Mapping[str, str | Promise] = {
    "newest": _("Newest usable snapshot"),
    "promise": _("Schedule or target"),
    "strip": _("Last 30 days"),
    "usable": _("Usable"),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What a member chose, or the usual. `hidden`: columns that are left out; `is_compact`: one line a row."""

    hidden: tuple[str, ...] = ()
    is_compact: bool = False
    page_size: int = DEFAULT_PAGE_SIZE

    @classmethod
    def of(cls, membership: Membership) -> "Look":
        kept = membership.choices.get(PAGE, {})
        size = kept.get("page_size")
        return cls(
            tuple(name for name in COLUMNS if name in kept.get("hidden", ())),
            kept.get("compact") is True,
            size if size in PAGE_SIZES else DEFAULT_PAGE_SIZE,
        )

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns that are there."""
        return tuple(name for name in COLUMNS if name not in self.hidden)

    @property
    def columns(self) -> list[tuple[str, str | Promise, bool]]:
        return [(name, label, name not in self.hidden) for name, label in COLUMNS.items()]

    @property
    def sizes(self) -> list[tuple[int, bool]]:
        return [(size, size == self.page_size) for size in PAGE_SIZES]


@require_POST
def save_look(request: MemberRequest, team: str) -> HttpResponse:
    """Keep how this member wants to see the volumes."""
    shown = request.POST.getlist("column")
    choices = {
        "hidden": [name for name in COLUMNS if name not in shown],
        "compact": request.POST.get("density") == "compact",
        "page_size": page_size(request.POST.get("page_size", "")) or DEFAULT_PAGE_SIZE,
    }
    member = request.membership
    Membership.objects.filter(pk=member.pk).update(choices=member.choices | {PAGE: choices})
    return HttpResponseRedirect(back_to(request))


@require_POST
def mark_seen(request: MemberRequest, team: str) -> HttpResponse:
    """Take the marks of what began since this member's last visit away, and tick off what was open on the page."""
    now = timezone.now().replace(microsecond=0)
    Membership.objects.filter(pk=request.membership.pk).update(seen_until=now)
    ticks.tick_off_until(request.membership, moment(request.POST.get("until", "")) or now)
    return HttpResponseRedirect(back_to(request))
