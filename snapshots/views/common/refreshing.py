"""Asking the provider from a page: the limit, who asks, and one sentence on what came of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.limits import Slots, allow
from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Role, Team
from snapshots.lists.params import moment
from snapshots.models import Change, Environment, Volume
from snapshots.models.environment import generation_of
from snapshots.sync import refresh as sync
from snapshots.sync import single
from snapshots.sync.leases import GAP, Caller, Denied, Why
from snapshots.sync.refresh import Outcome
from snapshots.sync.single import Checked
from snapshots.text import times

# Two slow providers must leave threads of this process for the pages.
SLOTS = Slots(2)
RETRY_SECONDS = 2
MOST_CHANGES = 1000


@contextmanager
def slot() -> Iterator[bool]:
    """Hold one of this process's two places for asking the provider; False if both are taken."""
    is_free = SLOTS.take()
    try:
        yield is_free
    finally:
        if is_free:
            SLOTS.give_back()


def watch(environment: Environment) -> bool:
    """Refresh one environment for an open page, if it is due. Returns whether somebody else is at it."""
    with slot() as is_free:
        if not is_free:
            return True
        return is_held(list(sync.refresh([environment], caller=Caller.PAGE)))


def is_held(outcomes: Sequence[Outcome]) -> bool:
    return any(outcome.denied and outcome.denied.why is Why.HELD for outcome in outcomes)


def caller_of(request: MemberRequest, is_button: bool) -> Caller:
    if not is_button:
        return Caller.PAGE
    return Caller.ADMIN_BUTTON if Role(request.membership.role).at_least(Role.ADMIN) else Caller.BUTTON


def ask_for_volume(volume: Volume, caller: Caller) -> tuple[str, bool]:
    """One call a volume within the gap: the lease alone would let a pressed button call without end."""
    use = allow(f"check-volume:{volume.team_id} {volume.pk}", 1, GAP.total_seconds())
    if not use:
        return _("Checked a moment ago."), False
    checked = single.check_volume(volume.environment, volume.volume_id, caller=caller)
    if checked.denied:
        use.give_back()
    held = checked.denied is not None and checked.denied.why is Why.HELD
    return _say_checked(checked, volume, timezone.now()), held


def next_url(request: MemberRequest, url: str) -> str:
    """The page that the form stood on; never another site."""
    target = request.POST.get("next", "")
    is_own = target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return target if is_own else url


def changes_since(request: MemberRequest, team: Team, shown: Sequence[Environment]) -> int:
    """Count the changes since the page was rendered, by this refresh, another one, or the command."""
    generation = generation_of(shown)
    if generation == request.POST.get("generation", generation):
        return 0
    since = moment(request.POST.get("since", ""))
    if since is None:
        return 1
    changes = Change.objects.one_by_one().filter(team=team, environment__in=shown, at__gt=since)
    return max(1, changes[:MOST_CHANGES].count())


def say(outcomes: Sequence[Outcome], now: datetime) -> str:
    """Return one sentence about a refresh; a fault is also shown in a banner."""
    failed = [outcome.environment for outcome in outcomes if outcome.fault]
    if failed:
        return _failed(failed)
    if not any(outcome.written for outcome in outcomes):
        return _denied([outcome.denied for outcome in outcomes if outcome.denied], now)
    return _written(outcomes)


def _failed(environments: Sequence[Environment]) -> str:
    if len(environments) > 1:
        return _("%(count)d environments could not be refreshed.") % {"count": len(environments)}
    return _("%(place)s could not be refreshed.") % {"place": environments[0].place}


def _written(outcomes: Sequence[Outcome]) -> str:
    written = [outcome.written for outcome in outcomes if outcome.written]
    new = sum(one.added + one.returned for one in written)
    changed = sum(one.changed for one in written)
    gone = sum(one.left_out + one.missing for one in written)
    parts = [
        ngettext("%(n)d new", "%(n)d new", new) % {"n": new} if new else "",
        ngettext("%(n)d changed", "%(n)d changed", changed) % {"n": changed} if changed else "",
        ngettext("%(n)d no longer listed", "%(n)d no longer listed", gone) % {"n": gone} if gone else "",
    ]
    told = ", ".join(part for part in parts if part)
    return _("Checked: %(told)s.") % {"told": told} if told else _("Checked: nothing changed.")


def _denied(denials: Sequence[Denied], now: datetime) -> str:
    for denied in denials:
        if denied.why is Why.RETRY_AFTER and denied.until:
            return _("The provider asked us to wait until %(time)s UTC.") % {"time": times.clock(denied.until, now)}
    if any(denied.why is Why.REFUSED for denied in denials):
        return _("The provider rejects the key; an admin can try again.")
    ends = [denied.until for denied in denials if denied.until]
    if not ends:
        return _("The provider can’t be asked right now. Try again in a moment.")
    return _("Checked a moment ago; the next check is possible in %(age)s.") % {"age": times.age(max(ends) - now)}


def _say_checked(checked: Checked, volume: Volume, now: datetime) -> str:
    if checked.denied:
        return _denied([checked.denied], now)
    if checked.fault:
        return _("%(volume)s could not be checked.") % {"volume": volume}
    if checked.written is None or checked.at is None:
        return _("The provider can’t be asked right now. Try again in a moment.")
    if checked.written.total:
        return ngettext(
            "Checked this volume only: %(n)d snapshot changed.",
            "Checked this volume only: %(n)d snapshots changed.",
            checked.written.total,
        ) % {"n": checked.written.total}
    return _("Checked this volume only: nothing changed.")
