"""Where a team stands, for every page: the missing step of its set-up, its first fetch, the age of its data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.teams.access.guard import MemberRequest, may
from dashboard.teams.models import Membership, Team
from dashboard.teams.models.keys import key_of
from snapshots.models import Environment
from snapshots.models.environment import generation_of, ttl
from snapshots.sync import leases
from snapshots.text.faults import fault_reason
from snapshots.views.common.components import Action, Empty, Refresh
from snapshots.views.common.data_age import admins, banners, freshness

KEY_STEP, ENVIRONMENTS_STEP, DONE = 2, 3, 0
PAGES = {KEY_STEP: "snapshots:key", ENVIRONMENTS_STEP: "snapshots:environments", DONE: "snapshots:volumes"}
FIRST_FETCH = timedelta(minutes=1)
"""So long after a team's first list others may come in under the reader; later a new environment moves nothing."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the first fetch of one environment is; tone ok, bad, busy or quiet."""

    mark: str
    tone: str
    place: str
    text: str


def missing_step(team: Team) -> int:
    """The step of the set-up that is not made yet, or `DONE`."""
    if key_of(team) is None:
        return KEY_STEP
    return DONE if team.environments.exists() else ENVIRONMENTS_STEP


def step_url(membership: Membership) -> str:
    """The page of the missing step, for who may make it, or the volumes while the first fetch goes on; else empty."""
    step = missing_step(membership.team)
    if step == DONE:
        is_theirs = bool(first_fetch(membership.team.environments.all(), timezone.now()))
    else:
        is_theirs = may(membership, PAGES[step])
    return reverse(PAGES[step], args=[membership.team.slug]) if is_theirs else ""


def first_fetch(environments: Iterable[Environment], now: datetime) -> list[Progress]:
    """One line for each environment while the team's first fetch goes on; none once all were asked."""
    environments = list(environments)
    first = min((each.first_listed_at for each in environments if each.first_listed_at), default=now)
    if now - first > FIRST_FETCH or all(each.answered_at or each.fault_kind for each in environments):
        return []
    return [_progress(environment, now) for environment in environments]


def _progress(environment: Environment, now: datetime) -> Progress:
    place = environment.place
    if environment.answered_at:
        return Progress("✓", "ok", place, _snapshots(int(environment.facets.get("listed", 0))))
    if environment.fault_kind:
        return Progress("✕", "bad", place, fault_reason(environment))
    if environment.lease_until and environment.lease_until > now:
        return Progress("◐", "busy", place, _("being fetched"))
    return Progress("–", "quiet", place, _("waiting"))


def _snapshots(count: int) -> str:
    number = {"number": number_format(count, force_grouping=True)}
    return ngettext("%(number)s snapshot fetched", "%(number)s snapshots fetched", count) % number


def state_of(environment: Environment) -> tuple[object, ...]:
    """What else a verdict depends on: the age of the data, and what the team decided."""
    return (
        environment.listed_at,
        environment.data_at,
        environment.target_hours,
        environment.excluded_until,
        environment.exclusion_reason,
        environment.fault_kind,
        environment.knows_volumes,
    )


LEAST_REFRESH_SECONDS = 10
# A visit ends after so long without a page; its pages are remembered at most each step, not one by one.
VISIT_ENDS, VISIT_STEP = timedelta(minutes=30), timedelta(minutes=5)


def remember_team(request: MemberRequest) -> None:
    """Keep the team that was opened last, and when, for "new since your last visit"."""
    if request.session.get("last_team") != request.team.slug:
        request.session["last_team"] = request.team.slug
    member, now = request.membership, timezone.now().replace(microsecond=0)
    last = member.visited_at
    if last is not None and now - last < VISIT_STEP:
        return
    former = {"visited_at": last}
    if last is None or now - last >= VISIT_ENDS + VISIT_STEP:
        # A new visit: what began after the last one is new until the member says otherwise.
        member.seen_until = max(filter(None, (last, member.seen_until)), default=now)
    member.visited_at = now
    values = {"visited_at": member.visited_at, "seen_until": member.seen_until}
    Membership.objects.filter(pk=member.pk, **former).update(**values)


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


def age_of_object(
    environment: Environment, membership: Membership, now: datetime, url: str, mark: str
) -> dict[str, object]:
    """The same for the page of one snapshot or volume, which is refreshed by `url`; `mark` names what it shows."""
    return {
        "freshness": freshness([environment], now),
        "banners": banners([environment], membership, now, retry_url=url),
        "refresh": Refresh(
            url=url,
            due=leases.is_due(environment, now),
            every=max(int(ttl().total_seconds()), LEAST_REFRESH_SECONDS),
            first_fetch=False,
            allowed=key_of(membership.team) is not None,
            since=mark,
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
        text = _("Nothing is fetched until the team adds an environment.")
        action = Action(_("Add environments"), reverse("snapshots:environments", args=[team.slug]))
        return _to_do(membership, Empty("no_environment", _("This team has no environment yet"), text, [action]))
    return None


def _to_do(membership: Membership, empty: Empty) -> Empty:
    """Who may not do it reads whom to ask."""
    if may(membership, "snapshots:key"):
        return empty
    ask = _("Ask %(names)s (admin).") % {"names": admins(membership.team)}
    return replace(empty, text=f"{empty.text} {ask}", actions=[])


def never_fetched(environments: Sequence[Environment], shown: Sequence[Environment]) -> Empty:
    """Why none of the shown environments has any data yet."""
    answered = [environment for environment in environments if environment.answered_at]
    if all(environment.fault_kind for environment in shown):
        text = _("The provider has never answered, so there is nothing to show yet. The reason is above.")
        return Empty("first_fetch", _("Nothing fetched yet"), text)
    text = _(
        "%(done)d of %(all)d environments fetched. A large one takes a few seconds; this page updates by itself."
    ) % {
        "done": len(answered),
        "all": len(environments),
    }
    return Empty("first_fetch", _("First fetch in progress"), text)
