"""A role that is lost between the guard's check and the act's writing: nothing is written, nothing comes back later."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.http import HttpResponseBase
from django.utils import timezone

from dashboard.teams.access import issue_tokens
from dashboard.teams.access.capabilities import capabilities
from dashboard.teams.access.guard import AccessMiddleware
from dashboard.teams.models import AccessToken, Membership, PendingKey, Role, User
from dashboard.teams.people.members import change_role, remove
from snapshots.lists.problem_filters import ProblemFilters
from snapshots.lists.problem_list import find_current, mark_of
from snapshots.models import LastAct, SavedView, ShareLink, Snapshot, Volume
from snapshots.policy import targets
from snapshots.sharing import links
from tests.authorization.conftest import House
from tests.authorization.plan import TEAM_VIEWS
from tests.authorization.rows import all_rows, changed

UNASKED = ("django_session", "usersessions_usersession", "cache_entries", "teams_limitcount", "teams_membership")
# Those that write nothing that a role gives: they ask the provider, as any viewer may, or only look.
ELSEWHERE = {"snapshots:environment_look", "snapshots:environment_try", "snapshots:rhythms_later"}
ENVIRONMENT = {"environment": "compute-on/prod"}
FORM = {"form_id": "f" * 43}
ACTS: dict[str, list[dict[str, str]]] = {
    "teams:people": [{"email": "new@example.com", "role": "viewer"}],
    "teams:set_role": [{"role": "member"}],
    "teams:remove_member": [{}],
    "teams:revoke_invitation": [{}],
    "teams:security": [{"required": "on"}],
    "snapshots:exclude": [{"number": "1", "reason": "x", "ends": "never"}],
    "snapshots:resume": [{"number": "1"}],
    "snapshots:alerts_acknowledge": [{"mark": "MARK", "ends": "4h"}],
    "snapshots:alerts_end": [{"group": "QUIET"}],
    "snapshots:stopped": [{"schedule": "DAILY", "volume": "VOLUME"}],
    "snapshots:rhythms": [{"rhythm": "RHYTHM"}],
    "snapshots:rhythm_end": [{"volume": "VOLUME"}],
    "snapshots:targets": [{"hours": "24"}, {"hours": "24"} | ENVIRONMENT, {"hours": "24", "volume": "VOLUME"}],
    "snapshots:volume_targets": [{"number": "1", "hours": "24"}],
    "snapshots:undo": [{"act": "ACT"}],
    "snapshots:exclusions": [{"reason": "x", "ends": "never"} | ENVIRONMENT],
    "snapshots:view_save": [{"page": "volumes", "name": "new", "query": "q=a"}],
    "snapshots:view_delete": [{"view": "VIEW"}],
    "snapshots:view_start": [{"view": "VIEW"}],
    "snapshots:volume_deleted": [{}],
    "snapshots:share_make": [{"days": "7"} | FORM],
    "snapshots:share_revoke": [{}],
    "snapshots:share_revoke_all": [{}],
    "snapshots:share_switch": [{"allowed": "0"}],
    "snapshots:tokens": [{"name": "new", "days": "30"} | FORM],
    "snapshots:token_revoke": [{}],
    "snapshots:key": [{"key": "a-new-key-of-acme"}],
    "snapshots:key_save": [{"pending": "PENDING"}],
    "snapshots:key_cancel": [{"pending": "PENDING"}],
    "snapshots:environment_add": [{"service_code": "compute-qc", "name": "new", "anyway": "1"}],
    "snapshots:environment_remove": [{}],
    "snapshots:alert_webhook_add": [{"name": "new", "url": "https://alerts.example.com/"}],
    "snapshots:alert_service_add": [{"service": "ntfy", "name": "new", "secret": "https://ntfy.sh/topic"}],
    "snapshots:alert_channel": [{"name": "new", "url": "https://alerts.example.com/"}],
}


@pytest.fixture
def demoting(monkeypatch: pytest.MonkeyPatch) -> list[Role]:
    """Once armed with a role, the person of a request gets it after the guard's check."""
    armed: list[Role] = []
    guard = AccessMiddleware.process_view

    def process_view(self: AccessMiddleware, request: Any, *rest: Any) -> HttpResponseBase | None:
        refusal = guard(self, request, *rest)
        if armed and refusal is None:
            Membership.objects.filter(pk=request.membership.pk).update(role=armed[0])
        return refusal

    monkeypatch.setattr(AccessMiddleware, "process_view", process_view)
    return armed


@pytest.fixture
def volume(house: House) -> Volume:
    """A volume that every act finds something to do with."""
    team = house.teams["acme"]
    SavedView.objects.create(team=team, name="old", page="volumes", query="q=b", made_by="alice@example.com")
    Authenticator.objects.create(user=house.users["alice"], type=Authenticator.Type.TOTP, data={})
    volume = Volume.objects.get(team=team)
    volume.excluded_until, volume.missing_since = None, timezone.now()
    volume.save()
    targets.set_of_volume(volume, 48, person=house.users["alice"])
    suggested = {"times": [0], "schedule": "RHYTHM-DAILY-120", "hits": 6, "of": 6}
    until = timezone.now() + timedelta(days=1)
    Volume.objects.update(manual=suggested, suggested_until=until, rhythm={"schedule": "RHYTHM-WEEKLY-0", "since": ""})
    return volume


def filled(house: House, volume: Volume, body: dict[str, str]) -> dict[str, str]:
    own = {
        "RHYTHM": f"{volume.pk} RHYTHM-DAILY-120",
        "VOLUME": str(volume.pk),
        "VIEW": str(SavedView.objects.get().pk),
        "PENDING": str(house.pending["acme"]),
    }
    member = house.users["alice"].memberships.get(team=house.teams["acme"])
    current = find_current(house.teams["acme"], ProblemFilters(), member, timezone.now())
    own["MARK"] = mark_of(current.open)
    own["QUIET"] = f"refused/FOREIGN-acme refused {current.quiet[0].first.acknowledged_at:%Y-%m-%dT%H:%M:%S.%f+00:00}"
    own["ACT"] = LastAct.objects.get().at.isoformat()
    return {name: own.get(value, value) for name, value in body.items()}


def test_every_act_of_a_role_is_tried() -> None:
    above_viewer = (Role.MEMBER, Role.ADMIN)
    acts = {view for view in TEAM_VIEWS if capabilities()[view].get("POST") in above_viewer}
    assert acts - ELSEWHERE == ACTS.keys()


def test_who_has_just_lost_the_role_does_nothing(house: House, volume: Volume, demoting: list[Role]) -> None:
    for view, bodies in ACTS.items():
        url = f"{house.address(view, 'acme')}?volume={volume.pk}&group=compute-on/prod late"
        for body in bodies:
            form = filled(house, volume, body)
            with excluded(house) if view == "snapshots:resume" else nullcontext():
                assert acted(house, demoting, [], url, form)[0], f"as it stands here {view} does nothing"
                tables, status = acted(house, demoting, [Role.VIEWER], url, form)
            # An invitation of a former admin is already revoked: revoking it again is allowed.
            assert (view, tables, status) == (view, [], 302 if view == "teams:revoke_invitation" else 403)


@contextmanager
def excluded(house: House) -> Iterator[None]:
    with house.undone():
        Volume.objects.update(excluded_until=timezone.now() + timedelta(days=1))
        yield


def acted(
    house: House, demoting: list[Role], role: list[Role], url: str, form: dict[str, str]
) -> tuple[list[str], int]:
    """Do it, with another role from the guard's check on if one is given: which tables changed, and the status."""
    before = all_rows(but=UNASKED)
    with house.undone():
        demoting[:] = role
        answer = house.do("alice", "POST", url, form)
        return changed(before, all_rows(but=UNASKED)), answer.status_code


def demote(member: Membership, admin: User) -> None:
    change_role(member, Role.VIEWER, actor=admin)
    change_role(member, Role.ADMIN, actor=admin)


def leave_and_return(member: Membership, admin: User) -> None:
    remove(member, actor=admin)
    Membership.objects.create(team=member.team, user=member.user, role=Role.ADMIN)


def switch_off(member: Membership, admin: User) -> None:
    for member.user.is_active in (False, True):
        member.user.save()


@pytest.mark.parametrize("loses_and_gets_back", [demote, leave_and_return, switch_off])
def test_nothing_comes_back_with_the_role(
    house: House, loses_and_gets_back: Callable[[Membership, User], None]
) -> None:
    team, mia = house.teams["acme"], house.users["mia"]
    team.memberships.filter(user=mia).update(role=Role.ADMIN)
    alice = team.memberships.get(user=house.users["alice"])
    issue_tokens.make(alice, name="own", days=30, environments=[], form_id="own")
    links.make(Snapshot.objects.get(team=team), maker=alice, days=7, form_id="own")
    loses_and_gets_back(alice, mia)
    assert not team.invitations.pending().exists()
    assert not PendingKey.objects.filter(team=team).exists()
    assert not AccessToken.objects.alive().filter(made_by=alice.user.email).exists()
    assert not ShareLink.objects.alive().filter(team=team, made_by=alice.user.email).exists()
