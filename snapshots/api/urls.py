"""The addresses of the API, made of its declarations, and of the metrics."""

from django.urls import include
from django.urls import path as prefix

from dashboard.teams.access.capabilities import PUBLIC, TOKEN, path, re_path
from snapshots.api import operations, problems, reports, views, volume_verdicts
from snapshots.api.metrics_view import metrics
from snapshots.api.operations import ROOT, Operation
from snapshots.api.responses import View, answering

VIEWS: tuple[tuple[Operation, View], ...] = (
    (operations.ENVIRONMENTS, views.environments),
    (operations.CONNECTIONS, views.connections),
    (operations.SNAPSHOTS, views.snapshots),
    (operations.SNAPSHOT, views.snapshot),
    (operations.VOLUMES, views.volumes),
    (operations.VOLUME, views.volume),
    (operations.TEAM_VOLUMES, volume_verdicts.team_volumes),
    (operations.TEAM_PROBLEMS, problems.team_problems),
    (operations.TEAM_REPORT, reports.team_report),
)
OPENAPI = ROOT.removeprefix("/").replace("/", "/+")
api_patterns = [
    re_path(rf"^{OPENAPI}/*\Z", views.root, name="root", get=PUBLIC),
    re_path(rf"^{OPENAPI}/+openapi\.json\Z", views.openapi, name="openapi", get=PUBLIC),
    *(
        re_path(operation.pattern, answering(operation, view), name=operation.name, get=TOKEN)
        for operation, view in VIEWS
    ),
]
urlpatterns = [
    path("metrics", metrics, name="metrics", get=TOKEN),
    prefix("", include((api_patterns, "api"))),
]
