"""Apply the changes of a team file, each with an audit entry of the operator."""

from dashboard.secrets import MASK, Secret
from dashboard.teams.core import audit
from dashboard.teams.models import ApiKey, EventKind, Membership, Role, Team, User
from snapshots.models import Environment
from snapshots.setup import environments


def set_role(slug: str, email: str, role: Role) -> None:
    team, user = Team.objects.get(slug=slug), User.objects.get(email__iexact=email)
    before = Membership.objects.filter(team=team, user=user).values_list("role", flat=True).first()
    Membership.objects.update_or_create(team=team, user=user, defaults={"role": role})
    if before:
        _record(EventKind.ROLE_CHANGED, team, user.email, f"{before} → {role}")
    else:
        _record(EventKind.JOINED, team, user.email, role)


def remove_member(member: Membership) -> None:
    _record(EventKind.MEMBER_REMOVED, member.team, member.user.email)
    member.delete()


def make_team(slug: str, name: str) -> None:
    _record(EventKind.TEAM_MADE, Team.objects.create(slug=slug, name=name), slug)


def rename(team: Team, name: str) -> None:
    Team.objects.filter(pk=team.pk).update(name=name)
    _record(EventKind.TEAM_CHANGED, team, detail=f"name: {team.name} → {name}")


def remove_team(team: Team) -> None:
    _record(EventKind.TEAM_REMOVED, None, team.slug)
    team.delete()


def store_key(slug: str, secret: Secret) -> None:
    key = ApiKey.replace(Team.objects.get(slug=slug), secret)
    _record(EventKind.KEY_CHANGED, key.team, f"{MASK}{key.last_signs}")


def remove_key(key: ApiKey) -> None:
    _record(EventKind.KEY_REMOVED, key.team, f"{MASK}{key.last_signs}")
    key.delete()


def make_environment(slug: str, code: str, name: str) -> None:
    environment = environments.put(Team.objects.get(slug=slug), (code, name))
    if environment is not None:
        _record(EventKind.ENVIRONMENT_ADDED, environment.team, environment.place)


def remove_environment(environment: Environment) -> None:
    _record(EventKind.ENVIRONMENT_REMOVED, environment.team, environment.place)
    environment.delete()


def _record(kind: EventKind, team: Team | None, target: str = "", detail: str = "") -> None:
    audit.record(kind, team=team, actor=audit.OPERATOR, target=target, detail=detail)
