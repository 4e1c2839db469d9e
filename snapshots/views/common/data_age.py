"""How old a page's data is, and what is wrong with it: the age line and the banners of every page."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.teams.access.guard import may
from dashboard.teams.models import Membership, Role, Team, User
from dashboard.teams.models.keys import key_mark, key_of
from snapshots.models import Environment
from snapshots.models.chore import rounds_missed_at
from snapshots.models.environment import ttl
from snapshots.rules.clock_skew import Clocks
from snapshots.text import times
from snapshots.text.faults import fault_reason, incomplete_reason
from snapshots.views.common.components import Action, Banner, Freshness

MOST_NAMES = 3
# What may be odd about a list, and the sentence if several environments have it.
ODD_LISTS = {
    "doubted": gettext_lazy(
        "%(places)s suddenly list far fewer snapshots. Nothing has been removed: two later lists must agree, ten "
        "minutes apart. Until then the missing ones are marked."
    ),
    "partial": gettext_lazy(
        "%(places)s gave an incomplete list. Their rows are shown; rows that they lack may still exist."
    ),
    "capped": gettext_lazy("%(places)s truncate their lists: some snapshots that exist are not in them."),
    "duplicates": gettext_lazy(
        "%(places)s list some snapshots twice, with different values. Nothing is removed because of it."
    ),
}


def freshness(environments: Sequence[Environment], now: datetime) -> Freshness:
    """The age of the oldest data shown."""
    ages = [environment.listed_at for environment in environments if environment.listed_at]
    if not environments:
        return Freshness("warn", _("No environment yet"))
    if not ages:
        return _never(environments)
    current = [environment for environment in environments if environment.is_current(now, ttl())]
    if len(current) == len(environments):
        return _all_current(environments, min(ages), now)
    old = [environment for environment in environments if environment not in current]
    text = _("%(current)d of %(all)d environments up to date; %(old)s") % {
        "current": len(current),
        "all": len(environments),
        "old": _as_of_all(old, now),
    }
    return Freshness("warn", text, times.iso(min(ages)), times.stamp(min(ages), now))


def as_of(environment: Environment, now: datetime) -> str:
    """What a row of an environment carries when its data is old; empty when it is current."""
    if environment.is_current(now, ttl()):
        return ""
    if environment.listed_at is None:
        return _("no complete list yet")
    return _("as of %(time)s") % {"time": times.clock(environment.listed_at, now)}


def banners(
    environments: Sequence[Environment], membership: Membership, now: datetime, *, retry_url: str
) -> list[Banner]:
    """Why data is not what the provider says now: one banner for each cause, its environments folded under it."""
    key = key_of(membership.team)
    if key is None:
        return []
    mark = key_mark(key)
    refused = [environment for environment in environments if environment.is_refused and environment.key_mark == mark]
    unusable = [environment for environment in refused if environment.fault_kind != "refused"]
    if unusable:
        told = [_unusable(unusable[0], membership)]
    elif refused and len(refused) == len(environments):
        told = [_all_refused(membership, refused)]
    else:
        told = _folded([_refused(each, membership, now) for each in refused], lambda: _plural_refused(membership))
    others = [environment for environment in environments if environment not in refused]
    failing = [environment for environment in others if environment.fault_kind]
    for is_internal in (False, True):
        same = [environment for environment in failing if (environment.fault_kind == "internal") is is_internal]
        told += _folded([_fault(each, now, retry_url) for each in same], partial(_plural_fault, same, now))
    for cause, sentence in ODD_LISTS.items():
        odd = [_odd_list(each, cause, now) for each in others if cause in _odd(each)]
        told += _folded(odd, partial(str, sentence))
    if any(not environment.is_current(now, ttl()) for environment in environments):
        told = [*_worker(now), *told]
    return told + _clocks(environments)


def _never(environments: Sequence[Environment]) -> Freshness:
    if all(environment.fault_kind for environment in environments):
        return Freshness("bad", _("Nothing could be fetched yet"))
    return Freshness("busy", _("First fetch in progress"))


def _all_current(environments: Sequence[Environment], oldest: datetime, now: datetime) -> Freshness:
    text = ngettext("%(place)s checked %(ago)s", "All %(count)d environments checked %(ago)s", len(environments)) % {
        "count": len(environments),
        "place": environments[0].place,
        "ago": times.ago(oldest, now),
    }
    return Freshness("ok", text, times.iso(oldest), times.stamp(oldest, now))


def _as_of_all(old: Sequence[Environment], now: datetime) -> str:
    named = [_named_as_of(environment, now) for environment in old[:MOST_NAMES]]
    if len(old) > MOST_NAMES:
        more = len(old) - MOST_NAMES
        named.append(ngettext("%(more)d more", "%(more)d more", more) % {"more": more})
    return ", ".join(named)


def _named_as_of(environment: Environment, now: datetime) -> str:
    if environment.listed_at is None:
        return _("%(place)s has no complete list yet") % {"place": environment.place}
    return _("%(place)s from %(time)s UTC") % {
        "place": environment.place,
        "time": times.clock(environment.listed_at, now),
    }


def _folded(told: list[Banner], text: Callable[[], str]) -> list[Banner]:
    """One banner for several of one cause; `text` gives what holds for all, with %(places)s for their number."""
    if len(told) < 2:
        return told
    places = _("%(count)d environments") % {"count": len(told)}
    return [Banner(told[0].tone, places, text() % {"places": places}, told[0].actions, told)]


def _odd(environment: Environment) -> set[str]:
    """What is odd about an environment's lists: keys of `ODD_LISTS`."""
    noted = {note for note in environment.list_notes.split(",") if note in ODD_LISTS}
    doubted = {"doubted"} if environment.suspect_since else set()
    return noted | doubted | ({"partial"} if environment.is_partial else set())


def _odd_list(environment: Environment, cause: str, now: datetime) -> Banner:
    if cause == "doubted":
        return _doubted(environment, now)
    if cause == "partial":
        return _partial(environment, now)
    return _capped(environment) if cause == "capped" else _contradicts(environment)


def _fault(environment: Environment, now: datetime, retry_url: str) -> Banner:
    since = environment.fault_since or now
    parts = [
        _not_refreshed(environment)
        % {"place": environment.place, "time": times.clock(since, now), "reason": fault_reason(environment)},
        _shown(environment, now),
    ]
    if environment.next_try_at and environment.next_try_at > now:
        parts.append(_("Next try %(time)s UTC.") % {"time": times.clock(environment.next_try_at, now)})
    return Banner("warn", environment.place, " ".join(parts), [Action(_("Try now"), retry_url, post=True)])


def _not_refreshed(environment: Environment) -> str:
    if environment.fault_kind == "internal":
        return _("%(place)s could not be refreshed since %(time)s UTC (%(reason)s).")
    return _("%(place)s has not answered since %(time)s UTC (%(reason)s).")


def _plural_fault(failing: Sequence[Environment], now: datetime) -> str:
    """An outage is one sentence, however many environments it takes."""
    since = min(environment.fault_since or now for environment in failing)
    reasons = ", ".join(sorted({fault_reason(each) for each in failing}))
    values = {"places": "%(places)s", "time": times.clock(since, now), "reasons": reasons.replace("%", "%%")}
    if any(environment.fault_kind == "internal" for environment in failing):
        text = _("%(places)s could not be refreshed, the first since %(time)s UTC (%(reasons)s).") % values
    else:
        text = _("%(places)s have not answered, the first since %(time)s UTC (%(reasons)s).") % values
    if not any(environment.listed_at for environment in failing):
        return f"{text} {_('There is no complete list of them yet, so no data can be shown.')}"
    return f"{text} {_('Showing the last data of each. Nothing has been removed.')}"


def _shown(environment: Environment, now: datetime) -> str:
    if environment.listed_at is None:
        return _("There is no complete list of it yet, so no data can be shown.")
    return _("Showing data from %(time)s UTC, %(ago)s. Nothing has been removed.") % {
        "time": times.clock(environment.listed_at, now),
        "ago": times.ago(environment.listed_at, now),
    }


def _worker(now: datetime) -> list[Banner]:
    """Nobody syncs: then data is as old as the last page that refreshed it."""
    missed_at = rounds_missed_at(now)
    if missed_at is None:
        return []
    text = _(
        "The sync is not running: three rounds were missed by %(time)s UTC. Data is only refreshed while somebody has "
        "a page open, and no alert is sent. Ask the operator to start it."
    )
    return [Banner("bad", "", text % {"time": times.clock(missed_at, now)})]


def _clocks(environments: Sequence[Environment]) -> list[Banner]:
    """Report a clock difference: one sentence for all environments, about the largest one."""
    furthest = max((each.clocks for each in environments), key=lambda each: abs(each.told), default=Clocks())
    if not furthest.told:
        return []
    span = times.age(timedelta(seconds=abs(furthest.told)))
    if furthest.told > 0:
        text = _("The provider's clock is %(span)s ahead of this machine's.") % {"span": span}
    else:
        text = _("The provider's clock is %(span)s behind this machine's.") % {"span": span}
    return [Banner("warn", "", f"{text} {_clock_counts(furthest)}")]


def _clock_counts(clocks: Clocks) -> str:
    """Which of the two clocks due times and ages follow."""
    if not clocks.unfollowed:
        return _("Due times and ages of volumes follow the provider's clock.")
    if clocks.doubt:
        return _(
            "It is not known which one is wrong. Until they agree, statuses are shown only where both give the same."
        )
    if clocks.correction and not clocks.is_provider_right:
        return _(
            "Both clocks have jumped: due times and ages of volumes follow neither of them. "
            "Correct this machine's clock."
        )
    if clocks.correction:
        return _("This machine's clock has jumped: due times follow the provider's. Correct this machine's clock.")
    return _("This difference is ignored: due times and ages of volumes follow this machine's clock.")


def _doubted(environment: Environment, now: datetime) -> Banner:
    since = environment.suspect_since or now
    listed = int(environment.facets.get("listed", 0))
    text = _(
        "%(place)s suddenly lists %(now)d of the %(before)d snapshots it had (since %(time)s UTC). Nothing has been "
        "removed: two later lists must agree, ten minutes apart. Until then the missing ones are marked."
    ) % {
        "place": environment.place,
        "now": max(0, listed - environment.suspect_gone),
        "before": listed,
        "time": times.clock(since, now),
    }
    return Banner("warn", environment.place, text)


def _capped(environment: Environment) -> Banner:
    text = _(
        "%(place)s truncates its lists at %(rows)d snapshots: some that exist are not in them. The most important ones "
        "are requested one by one. Ask the provider to list them all."
    ) % {"place": environment.place, "rows": environment.capped_rows}
    return Banner("warn", environment.place, text)


def _contradicts(environment: Environment) -> Banner:
    text = _(
        "%(place)s lists some snapshots twice, with different values. Such a snapshot counts as usable if either row "
        "says so; nothing is removed because of such a list."
    ) % {"place": environment.place}
    return Banner("warn", environment.place, text)


def _partial(environment: Environment, now: datetime) -> Banner:
    text = _(
        "%(place)s gave an incomplete list at %(time)s UTC (%(reason)s). Its rows are shown; rows that it lacks may "
        "still exist."
    ) % {
        "place": environment.place,
        "time": times.clock(environment.partial_at or now, now),
        "reason": incomplete_reason(environment.partial_reason.split(",")),
    }
    return Banner("warn", environment.place, text)


def _refused(environment: Environment, membership: Membership, now: datetime) -> Banner:
    text = _("The provider rejects this team’s key for %(place)s.") % {"place": environment.place}
    text = f"{text} {_shown(environment, now)} {_who_can(membership)}"
    return Banner("bad", environment.place, text, _replace_key(membership))


def _plural_refused(membership: Membership) -> str:
    text = _("The provider rejects this team’s key for %(places)s.")
    return f"{text} {_('Nothing has been removed.')} {_who_can(membership).replace('%', '%%')}"


def _all_refused(membership: Membership, refused: Sequence[Environment]) -> Banner:
    text = ngettext(
        "The provider rejects this team’s key for %(place)s.",
        "The provider rejects this team’s key for all %(count)d environments.",
        len(refused),
    ) % {"place": refused[0].place, "count": len(refused)}
    text = f"{text} {_('Nothing has been removed.')} {_who_can(membership)}"
    return Banner("bad", "", text, _replace_key(membership))


def _unusable(environment: Environment, membership: Membership) -> Banner:
    """The provider was not even asked: the stored key cannot be read, or cannot be sent."""
    text = f"{_(environment.fault_sentence)} {_('Nothing has been removed.')} {_who_can(membership)}"
    return Banner("bad", "", text, _replace_key(membership))


def _who_can(membership: Membership) -> str:
    if may(membership, "snapshots:key"):
        return _("A new key is tested as soon as you enter it.")
    return _("Ask %(names)s (admin) for another key.") % {"names": admins(membership.team)}


def _replace_key(membership: Membership) -> list[Action]:
    if not may(membership, "snapshots:key"):
        return []
    return [Action(_("Replace the key"), reverse("snapshots:key", args=[membership.team.slug]))]


def admins(team: Team) -> str:
    """The team's admins by address, for "ask …"."""
    people = User.objects.filter(memberships__team=team, memberships__role=Role.ADMIN, is_active=True).order_by("email")
    return ", ".join(person.email for person in people[:MOST_NAMES])
