"""Teams as code: compare what a file describes with what there is, say the difference, and make it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from dashboard.teams.accounts import add_account
from dashboard.teams.models import ApiKey, Membership, Role, Team, User
from dashboard.teams.password_links import set_password_link
from dashboard.teams.secrets import Secret
from snapshots import environments
from snapshots.claims import key_of
from snapshots.models import Environment, Snapshot
from snapshots.teamfile import MemberEntry, TeamEntry, TeamFileError


@dataclass(frozen=True, slots=True)
class Step:
    """One change: what it is, for people (`+` added, `~` changed, `-` removed), and how it is made."""

    sentence: str
    act: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes in the order in which they are made, or why they cannot be made."""

    steps: list[Step] = field(default_factory=list)
    removals: list[Step] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    # The people met so far, by address, and those of them whose account is made without a password.
    people: set[str] = field(default_factory=set)
    invited: list[str] = field(default_factory=list)
    # The hashes of new people's passwords, by address.
    hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentences(self) -> list[str]:
        return [step.sentence for step in chain(self.steps, self.removals)]


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link with which a new person sets a password."""

    email: str
    url: str


def compare(teams: Sequence[TeamEntry], *, prune: bool = False, hashes: Mapping[str, str] | None = None) -> Plan:
    """Compare a file's teams with the database, and write nothing. Raises `TeamFileError` for what cannot be done.

    With `prune` the plan also removes what the file lacks: teams, and of its own teams members, environments and keys.
    Accounts stay: without a team they see nothing.
    """
    plan = Plan(hashes=hashes or {})
    for entry in teams:
        _plan_team(plan, entry, prune=prune, all_teams=teams)
    if prune:
        for team in Team.objects.exclude(slug__in=[entry.slug for entry in teams]).order_by("slug"):
            plan.removals.append(Step(_team_removal(team), team.delete))
    if plan.problems:
        raise TeamFileError(plan.problems)
    return plan


def provision(teams: Sequence[TeamEntry], *, prune: bool, tell: Callable[[str], object]) -> list[Link]:
    """Tell each change, then make all of them or none; return the links for accounts made without a password.

    Raises `TeamFileError` for what cannot be done; then nothing was written.
    """
    hashes = _hashes(teams)  # hashing is slow: before the transaction, in which the sync cannot write
    with transaction.atomic():
        plan = compare(teams, prune=prune, hashes=hashes)
        for sentence in plan.sentences:
            tell(sentence)
        for step in chain(plan.steps, plan.removals):
            step.act()
        return [_link(email) for email in plan.invited]


def _hashes(teams: Sequence[TeamEntry]) -> dict[str, str]:
    """Hash the first password given for each person who has no account yet."""
    members = [member for team in reversed(teams) for member in reversed(team.members)]
    given = {member.email: member.password.secret for member in members if member.password.secret is not None}
    known = set(User.objects.filter(email__in=given).values_list("email", flat=True))
    return {email: make_password(secret.reveal()) for email, secret in given.items() if email not in known}


def _plan_team(plan: Plan, entry: TeamEntry, *, prune: bool, all_teams: Sequence[TeamEntry]) -> None:
    team = Team.objects.select_related("api_key").filter(slug=entry.slug).first()
    if team is None:
        make = partial(Team.objects.create, slug=entry.slug, name=entry.name)
        plan.steps.append(Step(f"+ {_('team %(slug)s') % {'slug': entry.slug}} ({entry.name})", make))
    elif team.name != entry.name:
        names = {"slug": entry.slug, "before": team.name, "after": entry.name}
        rename = partial(Team.objects.filter(pk=team.pk).update, name=entry.name)
        plan.steps.append(Step(_("~ %(slug)s: the name is %(after)r, was %(before)r") % names, rename))
    for member in entry.members:
        _plan_account(plan, member, all_teams)
        _plan_membership(plan, entry, member)
    _plan_key(plan, entry, team)
    _plan_environments(plan, entry, team)
    if team is not None:
        _keep_an_admin(plan, entry, team, prune=prune)
        if prune:
            _plan_removals(plan, entry, team)


def _plan_account(plan: Plan, member: MemberEntry, all_teams: Sequence[TeamEntry]) -> None:
    if member.email in plan.people:
        return
    plan.people.add(member.email)
    user = User.objects.filter(email__iexact=member.email).first()
    if user is not None:
        _plan_verification(plan, user)
        return
    password = _password(plan, member.email, all_teams)
    text = _("+ account %(email)s, with the password given")
    if password is None:
        plan.invited.append(member.email)
        text = _("+ account %(email)s, without a password: a one-time link is printed")
    make = partial(_make_account, member.email, password, plan.hashes)
    plan.steps.append(Step(text % {"email": member.email}, make))


def _plan_verification(plan: Plan, user: User) -> None:
    if EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists():
        return
    text = _("~ account %(email)s: the address is marked verified") % {"email": user.email}
    plan.steps.append(Step(text, partial(_verify, user)))


def _password(plan: Plan, email: str, all_teams: Sequence[TeamEntry]) -> Secret | None:
    """Find a new account's password in any of the person's entries; it must do for a person who sets it as well."""
    for member in chain.from_iterable(team.members for team in all_teams):
        if member.email != email:
            continue
        if member.password.problem:
            plan.problems.append(f"{member.where}: {member.password.problem}")
        elif member.password.secret is not None:
            _judge_password(plan, member, member.password.secret)
            return member.password.secret
    return None


def _judge_password(plan: Plan, member: MemberEntry, password: Secret) -> None:
    try:
        validate_password(password.reveal(), User(email=member.email))
    except ValidationError as problem:
        plan.problems.append(f"{member.where}: password: {' '.join(problem.messages)}")


def _plan_membership(plan: Plan, entry: TeamEntry, member: MemberEntry) -> None:
    found = Membership.objects.filter(team__slug=entry.slug, user__email__iexact=member.email).first()
    words = {"slug": entry.slug, "email": member.email, "role": member.role.value}
    act = partial(_set_role, entry.slug, member.email, member.role)
    if found is None:
        plan.steps.append(Step(_("+ %(slug)s: %(email)s as %(role)s") % words, act))
    elif found.role != member.role:
        text = _("~ %(slug)s: %(email)s is %(role)s, was %(before)s")
        plan.steps.append(Step(text % (words | {"before": found.role}), act))


def _plan_key(plan: Plan, entry: TeamEntry, team: Team | None) -> None:
    if entry.api_key is None or (team is not None and _holds(team, entry.api_key)):
        return
    if not settings.API_KEY_ENCRYPTION_KEYS:
        plan.problems.append(f"{entry.where}: " + _("api_key: without API_KEY_ENCRYPTION_KEYS no key can be stored."))
        return
    text = _("+ %(slug)s: API key, stored untested: the next sync shows whether the provider takes it")
    if team is not None and key_of(team) is not None:
        text = _("~ %(slug)s: API key replaced, untested: the next sync shows whether the provider takes it")
    plan.steps.append(Step(text % {"slug": entry.slug}, partial(_store_key, entry.slug, entry.api_key)))


def _plan_environments(plan: Plan, entry: TeamEntry, team: Team | None) -> None:
    known = set(team.environments.values_list("service_code", "name")) if team else set()
    for code, name in entry.environments:
        if (code, name) not in known:
            text = _("+ %(slug)s: environment %(path)s") % {"slug": entry.slug, "path": f"{code}/{name}"}
            plan.steps.append(Step(text, partial(_make_environment, entry.slug, code, name)))


def _keep_an_admin(plan: Plan, entry: TeamEntry, team: Team, *, prune: bool) -> None:
    admins = team.memberships.filter(role=Role.ADMIN, user__is_active=True)
    before = {email.lower() for email in admins.values_list("user__email", flat=True)}
    roles = {member.email: member.role for member in entry.members}
    stay = {email for email in before if roles.get(email, None if prune else Role.ADMIN) is Role.ADMIN}
    if before and not stay and Role.ADMIN not in roles.values():
        plan.problems.append(f"{entry.where}: " + _("this would take away its last admin; name one."))


def _plan_removals(plan: Plan, entry: TeamEntry, team: Team) -> None:
    emails = {member.email for member in entry.members}
    for membership in team.memberships.select_related("user").order_by("user__email"):
        if membership.user.email.lower() not in emails:
            text = _("- %(slug)s: member %(email)s") % {"slug": entry.slug, "email": membership.user.email}
            plan.removals.append(Step(text, membership.delete))
    for environment in team.environments.order_by("service_code", "name"):
        if (environment.service_code, environment.name) not in entry.environments:
            plan.removals.append(Step(_environment_removal(entry, environment), environment.delete))
    key = key_of(team)
    if key is not None and entry.api_key is None:
        plan.removals.append(Step(_("- %(slug)s: API key") % {"slug": entry.slug}, key.delete))


def _environment_removal(entry: TeamEntry, environment: Environment) -> str:
    text = _("- %(slug)s: environment %(path)s (snapshots: %(count)d, with their history)")
    return text % {"slug": entry.slug, "path": environment.path, "count": environment.snapshots.count()}


def _team_removal(team: Team) -> str:
    text = _("- team %(slug)s (members: %(members)d, environments: %(environments)d, snapshots: %(snapshots)d)")
    return text % {
        "slug": team.slug,
        "members": team.memberships.count(),
        "environments": team.environments.count(),
        "snapshots": Snapshot.objects.of_team(team).count(),
    }


def _holds(team: Team, secret: Secret) -> bool:
    """Whether the team's stored key is this one; one that cannot be read is not."""
    key = key_of(team)
    return key is not None and key.holds(secret)


def _make_account(email: str, password: Secret | None, hashes: Mapping[str, str]) -> None:
    # Without a hash: no password was given, or the account was deleted just now.
    add_account(email, hashes.get(email) or make_password(password.reveal() if password else None))


def _verify(user: User) -> None:
    is_first = not EmailAddress.objects.filter(user=user, primary=True).exists()
    defaults = {"verified": True} | ({"primary": True} if is_first else {})
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults=defaults)


def _set_role(slug: str, email: str, role: Role) -> None:
    team, user = Team.objects.get(slug=slug), User.objects.get(email__iexact=email)
    Membership.objects.update_or_create(team=team, user=user, defaults={"role": role})


def _store_key(slug: str, secret: Secret) -> None:
    ApiKey.replace(Team.objects.get(slug=slug), secret)


def _make_environment(slug: str, code: str, name: str) -> None:
    environments.put(Team.objects.get(slug=slug), (code, name))


def _link(email: str) -> Link:
    return Link(email, set_password_link(User.objects.get(email=email)))
