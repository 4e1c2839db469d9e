"""The team file: read and validated completely, before anything is written."""

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db.models import CharField
from django.utils.translation import gettext as _

from dashboard.secrets import Secret, clean_api_key
from dashboard.teams.core.email_addresses import folded
from dashboard.teams.models import Role, Team, User
from snapshots.cloudca.addresses import environment_path
from snapshots.cloudca.errors import InvalidInput

TEAM_KEYS = ("slug", "name", "api_key", "environments", "member")
MEMBER_KEYS = ("email", "role", "password")
SOURCES = ("env", "file")

Table = dict[str, object]


@dataclass(frozen=True, slots=True)
class Given:
    """A secret that the file refers to, or why it cannot be read. Neither: the file does not mention it."""

    secret: Secret | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class MemberEntry:
    """A member. `email` is in lower case. A problem of the password counts only if the account must be created."""

    where: str
    email: str
    role: Role
    password: Given


@dataclass(frozen=True, slots=True)
class TeamEntry:
    """A team. `environments` are pairs of service code and environment name."""

    where: str
    slug: str
    name: str
    api_key: Secret | None
    environments: tuple[tuple[str, str], ...]
    members: tuple[MemberEntry, ...]


class TeamFileError(Exception):
    """The file's problems, one sentence each, without secrets."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def read_teams(path: Path) -> list[TeamEntry]:
    """Read a TOML file of teams. Paths in it are relative to its folder. Raises `TeamFileError` with all problems."""
    try:
        document: Table = tomllib.loads(path.read_bytes().decode())
    except OSError as problem:
        raise TeamFileError([f"{path}: {problem.strerror}."]) from None
    except (ValueError, RecursionError) as problem:
        raise TeamFileError([_("%(path)s is not TOML: %(why)s.") % {"path": path, "why": problem}]) from None
    reader = _Reader(path.parent)
    teams = reader.teams(document)
    if reader.problems:
        raise TeamFileError(reader.problems)
    return teams


class _Reader:
    """Reads tables and collects their problems."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[str] = []

    def teams(self, document: Table) -> list[TeamEntry]:
        self._refuse_unknown(_("The file"), document, ("team",))
        tables = self._tables(_("The file"), document, "team")
        if not tables:
            self._say(_("The file"), _("it has no [[team]]."))
        teams = [self._team(table, number) for number, table in enumerate(tables, 1)]
        self._refuse_twice(_("The file"), "slug", [team.slug for team in teams])
        return teams

    def _team(self, table: Table, number: int) -> TeamEntry:
        where = _name("[[team]]", table.get("slug"), number)
        self._refuse_unknown(where, table, TEAM_KEYS)
        members = [
            self._member(where, each, number) for number, each in enumerate(self._tables(where, table, "member"), 1)
        ]
        self._refuse_twice(where, "email", [member.email for member in members])
        return TeamEntry(
            where=where,
            slug=self._text(where, table, "slug", Team._meta.get_field("slug")),
            name=self._text(where, table, "name", Team._meta.get_field("name")),
            api_key=self._api_key(where, table),
            environments=self._environments(where, table),
            members=tuple(members),
        )

    def _member(self, team: str, table: Table, number: int) -> MemberEntry:
        where = f"{team} {_name('[[team.member]]', table.get('email'), number)}"
        self._refuse_unknown(where, table, MEMBER_KEYS)
        email = self._text(where, table, "email", User._meta.get_field("email"))
        password = self._secret(where, table, "password")
        return MemberEntry(where, self._folded(where, email), self._role(where, table), password)

    def _folded(self, where: str, email: str) -> str:
        try:
            return folded(email)
        except ValidationError as problem:
            self._say(where, f"email: {' '.join(problem.messages)}")
            return ""

    def _role(self, where: str, table: Table) -> Role:
        role = table.get("role")
        if role in Role.values:
            return Role(role)
        self._say(where, _("role must be one of %(roles)s.") % {"roles": ", ".join(reversed(Role.values))})
        return Role.VIEWER

    def _environments(self, where: str, table: Table) -> tuple[tuple[str, str], ...]:
        given = table.get("environments", [])
        if not isinstance(given, list):
            self._say(where, _("environments must be a list."))
            return ()
        self._refuse_twice(where, "environments", [text for text in given if isinstance(text, str)])
        return tuple(found for text in given if (found := self._environment(where, text)))

    def _environment(self, where: str, text: object) -> tuple[str, str] | None:
        code, _slash, name = text.partition("/") if isinstance(text, str) else ("", "", "")
        try:
            environment_path(code, name)
        except InvalidInput:
            sentence = _("environments: %(text)r is not written as service_code/environment_name.")
            self._say(where, sentence % {"text": text})
            return None
        return code, name

    def _api_key(self, where: str, table: Table) -> Secret | None:
        given = self._secret(where, table, "api_key")
        if given.problem:
            self._say(where, given.problem)
        if given.secret is None:
            return None
        try:
            return clean_api_key(given.secret.reveal())
        except ValidationError as problem:
            self._say(where, f"api_key: {' '.join(problem.messages)}")
            return None

    def _secret(self, where: str, table: Table, key: str) -> Given:
        """Read `{ env = "NAME" }` or `{ file = "path" }`; anything else is a problem."""
        if key not in table:
            return Given()
        source = table[key]
        if not isinstance(source, dict) or len(source) != 1 or not set(source) <= set(SOURCES):
            return self._wrong_form(where, key)
        ((kind, place),) = source.items()
        if not isinstance(place, str) or not place or "\0" in place:
            return self._wrong_form(where, key)
        return _from_variable(key, place) if kind == "env" else _from_file(key, self.folder / place)

    def _wrong_form(self, where: str, key: str) -> Given:
        sentence = _('%(key)s must be { env = "NAME" } or { file = "path" }: the secret itself stands elsewhere.')
        self._say(where, sentence % {"key": key})
        return Given()

    def _text(self, where: str, table: Table, key: str, field: "CharField[str, str]") -> str:
        """Read a text by the rules of the model's own field."""
        value = table.get(key)
        if not isinstance(value, str):
            self._say(where, _("%(key)s is missing or not text.") % {"key": key})
            return ""
        try:
            text = str(field.clean(value.strip(), None))
        except ValidationError as problem:
            self._say(where, f"{key}: {' '.join(problem.messages)}")
            return ""
        if not text.isprintable():
            self._say(where, _("%(key)s contains characters that cannot be printed.") % {"key": key})
        return text

    def _tables(self, where: str, table: Table, key: str) -> list[Table]:
        given = table.get(key, [])
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            self._say(where, _("%(key)s must be written as tables in double brackets.") % {"key": key})
            return []
        return given

    def _refuse_unknown(self, where: str, table: Table, known: Sequence[str]) -> None:
        for key in table:
            if key not in known:
                text = _("%(key)r is not known here; there are: %(known)s.")
                self._say(where, text % {"key": key, "known": ", ".join(known)})

    def _refuse_twice(self, where: str, key: str, values: Sequence[str]) -> None:
        for value in dict.fromkeys(values):
            if value and values.count(value) > 1:
                self._say(where, _("%(key)s %(value)r is there twice.") % {"key": key, "value": value})

    def _say(self, where: str, sentence: str) -> None:
        self.problems.append(f"{where}: {sentence}")


def _name(kind: str, value: object, number: int) -> str:
    """Return a table's name for people, else its number."""
    return f"{kind} {value!r}" if isinstance(value, str) and value else f"{kind} {number}"


def _from_variable(key: str, name: str) -> Given:
    value = os.environ.get(name, "")
    if not value:
        return Given(problem=_("%(key)s: the environment variable %(name)s is not set.") % {"key": key, "name": name})
    return Given(Secret(value))


def _from_file(key: str, path: Path) -> Given:
    try:
        value = path.read_bytes().decode().rstrip("\r\n")
    except OSError as problem:
        text = _("%(key)s: the file %(path)s cannot be read (%(why)s).")
        return Given(problem=text % {"key": key, "path": path, "why": problem.strerror})
    except UnicodeDecodeError:
        return Given(problem=_("%(key)s: the file %(path)s is not text.") % {"key": key, "path": path})
    if not value:
        return Given(problem=_("%(key)s: the file %(path)s is empty.") % {"key": key, "path": path})
    return Given(Secret(value))
