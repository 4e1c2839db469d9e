"""Two furnished teams, everybody who might ask, and a way of asking that leaves no trace."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase
from django.test import Client, RequestFactory
from django.urls import resolve
from django.utils import timezone
from django_htmx.middleware import HtmxDetails
from pytest_django import Settings

from dashboard.backends.sessions import SessionStore
from dashboard.secrets import Secret, seal_key, seal_webhook_secret
from dashboard.teams.access import issue_tokens
from dashboard.teams.access.guard import AccessMiddleware
from dashboard.teams.core.create_account import create_account
from dashboard.teams.models import ApiKey, Membership, PendingKey, Role, Team, User
from dashboard.teams.people.invitations import invite
from snapshots.models import Channel, Environment, Problem, Snapshot, Volume
from snapshots.sharing import links
from snapshots.sync.store_snapshots import store_listing
from tests.authorization.plan import ARGUMENTS, NOBODY, PASSED, ROLES, TEAMS, UNOWNED, address
from tests.conftest import PASSWORD, sign_in_client
from tests.views.snapshots.conftest import claimed, listing, record, refuse

NUMBERS = {"acme": 1, "rival": 2}
Body = Mapping[str, str]
GUARD = AccessMiddleware(lambda request: HttpResponse())


@dataclass
class House:
    """Who and what there is; `arguments` by team holds what its addresses are made of."""

    arguments: dict[str, dict[str, str]]
    teams: dict[str, Team]
    users: dict[str, User]
    pending: dict[str, int]
    client: Client
    cookies: dict[str, str]
    sessions: dict[str, SessionBase]

    def ask(self, person: str, method: str, url: str, body: Body | None = None, /, **headers: str) -> HttpResponse:
        """Ask as a person who has done nothing else; what the request writes is taken back."""
        with self.undone():
            return self.do(person, method, url, body, **headers)

    def do(self, person: str, method: str, url: str, body: Body | None = None, /, **headers: str) -> HttpResponse:
        """Ask as a person, and let what is written stay."""
        self.client.cookies = SimpleCookie(self.cookies[person])
        if method == "POST":
            return whole(self.client.post(url, body or {}, headers=headers))
        return whole(self.client.generic(method, url, headers=headers))

    def decide(self, person: str, method: str, url: str) -> int:
        """Ask the guard alone: the status of its refusal, or `PASSED` where it lets the view run."""
        request: Any = RequestFactory().generic(method, url)
        request.user = self.users.get(person) or AnonymousUser()
        request.session = self.sessions[person]
        request.htmx = HtmxDetails(request)
        request._messages = FallbackStorage(request)
        request.resolver_match = found = resolve(url)
        try:
            refusal = GUARD.process_view(request, found.func, list(found.args), found.kwargs)
        except Http404:
            return 404
        except PermissionDenied:
            return 403
        return PASSED if refusal is None else refusal.status_code

    @contextmanager
    def undone(self) -> Iterator[None]:
        block = transaction.atomic()
        block._from_testcase = True  # type: ignore[attr-defined]  # so that a password may be hashed in it
        with block:
            yield
            transaction.set_rollback(True)

    def address(self, view: str, slug: str, **other: str) -> str:
        return address(view, self.arguments[slug] | other)


def whole(answer: HttpResponseBase) -> HttpResponse:
    """Read a file that is made as it is read, so that it is asked what it holds as any page is."""
    if isinstance(answer, HttpResponse):
        return answer
    return HttpResponse(answer.getvalue(), status=answer.status_code, headers=dict(answer.headers))


@pytest.fixture
def house(db: None, settings: Settings) -> House:
    settings.CLOUDCA_API_URL = "http://127.0.0.1:9"  # nobody is there: nothing can be asked
    people = {person: create_account(f"{person}@example.com", PASSWORD) for person in ROLES if person != NOBODY}
    clients = {person: sign_in_client(user) for person, user in people.items()}
    teams = {slug: _furnish(slug, people) for slug in TEAMS}
    name = settings.SESSION_COOKIE_NAME
    return House(
        arguments={slug: _arguments(team) for slug, team in teams.items()},
        teams=teams,
        users=people,
        pending={slug: team.pending_keys.get().pk for slug, team in teams.items()},
        client=Client(raise_request_exception=False),
        sessions={NOBODY: SessionStore()} | {person: client.session for person, client in clients.items()},
        cookies={NOBODY: ""} | {person: f"{name}={client.cookies[name].value}" for person, client in clients.items()},
    )


def _furnish(slug: str, people: dict[str, User]) -> Team:
    """A team with people, an invitation, a key and one on trial, an environment with snapshots and one that refuses."""
    team = Team.objects.create(slug=slug, name=f"FOREIGN-{slug}")
    members = {people[person]: teams[slug] for person, teams in ROLES.items() if slug in teams}
    members[create_account(f"FOREIGN-of-{slug}@example.com", PASSWORD)] = Role.VIEWER
    for user, role in members.items():
        Membership.objects.create(team=team, user=user, role=role)
    admin = next(user for user, role in members.items() if role == Role.ADMIN)
    invite(team, f"FOREIGN-asked-by-{slug}@example.com", Role.MEMBER, actor=admin)
    _fill(team)
    _share(team)
    _token(team)
    _channels(team)
    sealed = seal_key(Secret(f"CANARY-on-trial-{slug}"), team_pk=team.pk)
    answers = [{"place": "FOREIGN-place", "count": 1, "kind": "", "sentence": ""}]
    PendingKey.objects.create(team=team, made_by=admin, made_at=timezone.now(), sealed=sealed, answers=answers)
    return team


def _fill(team: Team) -> None:
    ApiKey.replace(team, Secret(f"CANARY-key-of-{team.slug}"))
    parts = ARGUMENTS[team.slug]
    environments = team.environments
    first = environments.create(service_code=parts["service_code"], name=parts["environment_name"])
    rows = [record(NUMBERS[team.slug], name=f"FOREIGN-snapshot-of-{team.slug}")]
    store_listing(claimed(first), listing(rows), received_at=timezone.now())
    suggested = {"times": [0], "schedule": "RHYTHM-DAILY-120", "hits": 6, "of": 6}
    Volume.objects.filter(environment=first).update(
        manual=suggested, suggested_until=timezone.now() + timedelta(days=1)
    )
    other = refuse(Environment.objects.create(team=team, service_code="refused", name=f"FOREIGN-{team.slug}"))
    _problems(team, first, other)


def _problems(team: Team, first: Environment, other: Environment) -> None:
    """An open one of a volume, and one of an environment itself that is acknowledged."""
    now = timezone.now()
    common = {"team": team, "began_after": now, "began_at": now, "noticed_at": now}
    volume = Volume.objects.get(environment=first)
    late = [["late", now.isoformat()]]
    Problem.objects.create(environment=first, volume=volume, kind=Problem.Kind.LATE, steps=late, **common)
    Problem.objects.create(
        environment=other,
        kind=Problem.Kind.REFUSED,
        steps=[["refused", now.isoformat()]],
        acknowledged_by=f"FOREIGN-of-{team.slug}@example.com",
        acknowledged_at=now,
        acknowledged_kind=Problem.Kind.REFUSED,
        acknowledged_until=now + timedelta(days=1),
        note=f"FOREIGN-note-of-{team.slug}",
        **common,
    )


def _token(team: Team) -> None:
    """An access token, of somebody's who is no admin where there is such."""
    maker = team.memberships.filter(role__in=[Role.MEMBER, Role.ADMIN]).order_by("-role").first()
    assert maker is not None
    issue_tokens.make(
        maker, name=f"FOREIGN-token-of-{team.slug}", days=30, environments=[], form_id=f"token-{team.slug}"
    )


def _channels(team: Team) -> None:
    """A webhook, and a mailbox of each member."""
    sealed = seal_webhook_secret(Secret(f"CANARY-webhook-of-{team.slug}"), team_pk=team.pk)
    Channel.objects.create(
        team=team, type="webhook", name=f"FOREIGN-{team.slug}", url="https://alerts.example.com/", sealed=sealed
    )
    for membership in team.memberships.all():
        Channel.objects.create(team=team, type="mail", membership=membership)


def _share(team: Team) -> None:
    """A link, of somebody's who is no admin where there is such."""
    maker = team.memberships.filter(role__in=[Role.MEMBER, Role.ADMIN]).order_by("-role").first()
    assert maker is not None
    links.make(Snapshot.objects.get(team=team), maker=maker, days=7, form_id="form")


def _arguments(team: Team) -> dict[str, str]:
    stranger = team.memberships.get(user__email__startswith="foreign-of-")
    own = {
        "team": team.slug,
        "snapshot_id": record(NUMBERS[team.slug]).id,
        "volume_id": record(NUMBERS[team.slug]).volume_id,
        "member": str(stranger.pk),
        "invitation": str(team.invitations.get().pk),
        "access_token": str(team.access_tokens.get().pk),
        "public_id": team.share_links.get().public_id,
        "channel": str(team.channels.get(type="webhook").pk),
    }
    return {**UNOWNED, **ARGUMENTS[team.slug], **own}
