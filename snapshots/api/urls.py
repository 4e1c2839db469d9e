"""The API's addresses, made of its declarations."""

from django.urls import re_path

from snapshots.api import operations, views, volume_verdicts
from snapshots.api.operations import ROOT, Operation
from snapshots.api.responses import View, answering

app_name = "api"
VIEWS: tuple[tuple[Operation, View], ...] = (
    (operations.ENVIRONMENTS, views.environments),
    (operations.CONNECTIONS, views.connections),
    (operations.SNAPSHOTS, views.snapshots),
    (operations.SNAPSHOT, views.snapshot),
    (operations.VOLUMES, views.volumes),
    (operations.TEAM_VOLUMES, volume_verdicts.team_volumes),
)
OPENAPI = ROOT.removeprefix("/").replace("/", "/+")
urlpatterns = [
    re_path(rf"^{OPENAPI}/+openapi\.json\Z", views.openapi, name="openapi"),
    *(re_path(operation.pattern, answering(operation, view), name=operation.name) for operation, view in VIEWS),
]
