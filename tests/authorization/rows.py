"""Everything that is stored, to see what a request has changed."""

from hashlib import sha256

from allauth.usersessions.models import UserSession
from django.apps import apps
from django.db import connection
from django.db.models import Model

from dashboard.teams.models import Team, User

Rows = dict[str, tuple[int, str]]


def all_rows(*, but: tuple[str, ...] = ()) -> Rows:
    """Give, for each table, how many rows it has and a digest of what they say."""
    tables = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    return {name: _sum(model) for name, model in tables.items() if name not in but}


def _sum(model: type[Model]) -> tuple[int, str]:
    rows = _stored(model)
    return len(rows), sha256(repr(rows).encode()).hexdigest()


def _stored(model: type[Model], where: str = "", *values: int) -> list[object]:
    """As the database gives them, for hundreds of tables are read in a test."""
    table, key = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}" {where} ORDER BY "{key}"', values)
        return list(cursor.fetchall())


def changed(before: Rows, after: Rows) -> list[str]:
    return [name for name in before if before[name] != after[name]]


def rows_of(team: Team) -> Rows:
    """Give the same of all that belongs to a team: its rows, its people and their sessions."""
    people = User.objects.filter(memberships__team=team).order_by("pk")
    kept: dict[str, list[object]] = {
        "team": list(Team.objects.filter(pk=team.pk).values_list()),
        "people": list(people.values_list()),
        "sessions": list(UserSession.objects.filter(user__in=people).order_by("pk").values_list("pk", "session_key")),
    }
    for model in apps.get_models():
        if any(field.name == "team" for field in model._meta.get_fields()):
            kept[model._meta.db_table] = _stored(model, "WHERE team_id = %s", team.pk)
    return {name: (len(rows), repr(rows)) for name, rows in kept.items()}
