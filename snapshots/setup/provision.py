"""Teams as code: compare a file with the database, report the difference, and apply it."""

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

from dashboard.secrets import Secret
from dashboard.teams.account.password_links import set_password_link
from dashboard.teams.core.create_account import add_account
from dashboard.teams.models import Membership, Role, Team, User
from dashboard.teams.models.keys import key_of
from snapshots.models import Environment, Snapshot
from snapshots.setup import operator_audit
from snapshots.setup.team_file import MemberEntry, TeamEntry, TeamFileError


@dataclass(frozen=True, slots=True)
class Step:
    """One change: its text (`+` added, `~` changed, `-` removed), and the function that applies it."""

    sentence: str
    act: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes in order, or why they cannot be applied."""

    steps: list[Step] = field(default_factory=list)
    removals: list[Step] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    # The people so far, by address, and those whose account is created without a password.
    people: set[str] = field(default_factory=set)
    invited: list[str] = field(default_factory=list)
    # The hashes of new people's passwords, by address.
    hashes: Mapping[str, str] = field(default_factory=dict)
    # Changes that are skipped for accounts without a proved address (`!`), and in which team whose role is withheld.
    warnings: list[str] = field(default_factory=list)
    withheld: set[tuple[str, str]] = field(default_factory=set)

    @property
    def sentences(self) -> list[str]:
        return [step.sentence for step in chain(self.steps, self.removals)]

    @property
    def left_out(self) -> list[str]:
        """List the people who did not get a role, by address."""
        return sorted({email for _slug, email in self.withheld})


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link with which a new person sets a password."""

    email: str
    url: str


@dataclass(frozen=True, slots=True)
class Done:
    """The results besides the changes: links for new accounts, and people who were skipped."""

    links: list[Link]
    left_out: list[str]


def compare(teams: Sequence[TeamEntry], *, prune: bool = False, hashes: Mapping[str, str] | None = None) -> Plan:
    """Compare a file's teams with the database, and write nothing. Raises `TeamFileError` for impossible changes.

    With `prune` the plan also removes teams that are not in the file, and members, environments and keys of the others.
    Accounts stay: without a team they see nothing.
    """
    plan = Plan(hashes=hashes or {})
    for entry in teams:
        _plan_team(plan, entry, prune=prune, all_teams=teams)
    if prune:
        for team in Team.objects.exclude(slug__in=[entry.slug for entry in teams]).order_by("slug"):
            plan.removals.append(Step(_team_removal(team), partial(operator_audit.remove_team, team)))
    if plan.problems:
        raise TeamFileError(plan.problems)
    return plan


def provision(
    teams: Sequence[TeamEntry], *, prune: bool, tell: Callable[[str], object], warn: Callable[[str], object]
) -> Done:
    """Report each change, then apply all of them or none.

    Raises `TeamFileError` for impossible changes; then nothing was written.
    """
    hashes = _hashes(teams)  # hashing is slow: before the transaction, in which the sync cannot write
    with transaction.atomic():
        plan = compare(teams, prune=prune, hashes=hashes)
        for sentence in plan.sentences:
            tell(sentence)
        for sentence in plan.warnings:
            warn(sentence)
        for step in chain(plan.steps, plan.removals):
            step.act()
        return Done([_link(email) for email in plan.invited], plan.left_out)


def _hashes(teams: Sequence[TeamEntry]) -> dict[str, str]:
    """Hash the first password given for each person who has no account yet."""
    members = [member for team in reversed(teams) for member in reversed(team.members)]
    given = {member.email: member.password.secret for member in members if member.password.secret is not None}
    known = set(User.objects.filter(email__in=given).values_list("email", flat=True))
    return {email: make_password(secret.reveal()) for email, secret in given.items() if email not in known}


def _plan_team(plan: Plan, entry: TeamEntry, *, prune: bool, all_teams: Sequence[TeamEntry]) -> None:
    team = Team.objects.select_related("api_key").filter(slug=entry.slug).first()
    if team is None:
        make = partial(operator_audit.make_team, entry.slug, entry.name)
        plan.steps.append(Step(f"+ {_('team %(slug)s') % {'slug': entry.slug}} ({entry.name})", make))
    elif team.name != entry.name:
        names = {"slug": entry.slug, "before": team.name, "after": entry.name}
        rename = partial(operator_audit.rename, team, entry.name)
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
    user = User.objects.by_address(member.email)
    if user is not None:
        _plan_verification(plan, user)
        _warn_of_unproved(plan, user)
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


def _warn_of_unproved(plan: Plan, user: User) -> None:
    if not user.has_proved_address:
        text = _(
            "! account %(email)s: the address is not proved, and the person who invited it may hold the account. Let "
            "the owner set a new password by a mailed link, or pass on the one of: manage.py invite_link %(email)s"
        )
        plan.warnings.append(text % {"email": user.email})


def _password(plan: Plan, email: str, all_teams: Sequence[TeamEntry]) -> Secret | None:
    """Find a new account's password in any of the person's entries; it must satisfy the same rules as in a form."""
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
    user = User.objects.by_address(member.email)
    found = Membership.objects.filter(team__slug=entry.slug, user=user).first() if user else None
    words = {"slug": entry.slug, "email": member.email, "role": member.role.value}
    act = partial(operator_audit.set_role, entry.slug, member.email, member.role)
    gains = found is None or not Role(found.role).at_least(member.role)
    if user is not None and gains and not user.has_proved_address:
        plan.withheld.add((entry.slug, member.email))
        plan.warnings.append(_("! %(slug)s: %(email)s is not made %(role)s") % words)
    elif found is None:
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
    plan.steps.append(Step(text % {"slug": entry.slug}, partial(operator_audit.store_key, entry.slug, entry.api_key)))


def _plan_environments(plan: Plan, entry: TeamEntry, team: Team | None) -> None:
    known = set(team.environments.values_list("service_code", "name")) if team else set()
    for code, name in entry.environments:
        if (code, name) not in known:
            text = _("+ %(slug)s: environment %(path)s") % {"slug": entry.slug, "path": f"{code}/{name}"}
            plan.steps.append(Step(text, partial(operator_audit.make_environment, entry.slug, code, name)))


def _keep_an_admin(plan: Plan, entry: TeamEntry, team: Team, *, prune: bool) -> None:
    admins = team.memberships.filter(role=Role.ADMIN, user__is_active=True)
    before = {email.lower() for email in admins.values_list("user__email", flat=True)}
    roles = {each.email: each.role for each in entry.members if (entry.slug, each.email) not in plan.withheld}
    stay = {email for email in before if roles.get(email, None if prune else Role.ADMIN) is Role.ADMIN}
    if before and not stay and Role.ADMIN not in roles.values():
        plan.problems.append(f"{entry.where}: " + _("this would take away its last admin; name one."))


def _plan_removals(plan: Plan, entry: TeamEntry, team: Team) -> None:
    emails = {member.email for member in entry.members}
    for membership in team.memberships.select_related("user").order_by("user__email"):
        if membership.user.email.lower() not in emails:
            text = _("- %(slug)s: member %(email)s") % {"slug": entry.slug, "email": membership.user.email}
            plan.removals.append(Step(text, partial(operator_audit.remove_member, membership)))
    for environment in team.environments.order_by("service_code", "name"):
        if (environment.service_code, environment.name) not in entry.environments:
            plan.removals.append(
                Step(_environment_removal(entry, environment), partial(operator_audit.remove_environment, environment))
            )
    key = key_of(team)
    if key is not None and entry.api_key is None:
        plan.removals.append(
            Step(_("- %(slug)s: API key") % {"slug": entry.slug}, partial(operator_audit.remove_key, key))
        )


def _environment_removal(entry: TeamEntry, environment: Environment) -> str:
    text = _("- %(slug)s: environment %(path)s (snapshots: %(count)d, with their history)")
    return text % {
        "slug": entry.slug,
        "path": environment.path,
        "count": Snapshot.objects.of_environment(environment).count(),
    }


def _team_removal(team: Team) -> str:
    text = _("- team %(slug)s (members: %(members)d, environments: %(environments)d, snapshots: %(snapshots)d)")
    return text % {
        "slug": team.slug,
        "members": team.memberships.count(),
        "environments": team.environments.count(),
        "snapshots": Snapshot.objects.of_team(team).count(),
    }


def _holds(team: Team, secret: Secret) -> bool:
    """Return whether the team's stored key is this one; False for an unreadable one."""
    key = key_of(team)
    return key is not None and key.holds(secret)


def _make_account(email: str, password: Secret | None, hashes: Mapping[str, str]) -> None:
    # Without a hash: no password was given, or the account was deleted just now.
    add_account(email, hashes.get(email) or make_password(password.reveal() if password else None))


def _verify(user: User) -> None:
    is_first = not EmailAddress.objects.filter(user=user, primary=True).exists()
    defaults = {"verified": True} | ({"primary": True} if is_first else {})
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults=defaults)


def _link(email: str) -> Link:
    return Link(email, set_password_link(User.objects.get(email=email)))
