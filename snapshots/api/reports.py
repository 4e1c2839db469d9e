"""A team's report of a month, with the figures of the page."""

import msgspec
from django.http import Http404, HttpResponse
from django.utils import timezone

from dashboard.teams.access.tokens import TokenRequest
from snapshots.api import responses, schemas
from snapshots.api.responses import JSON, Asked
from snapshots.api.views import of_token
from snapshots.lists import report as reports
from snapshots.lists.export_rows import report_figures, report_values
from snapshots.lists.report import DEFAULT_SORT, Line, Range


def team_report(request: TokenRequest, asked: Asked, team: str, month: str) -> HttpResponse:
    """Give the report of a month. Raises Http404 for one that has not begun."""
    environments, now = of_token(request), timezone.now()
    wanted = Range.named(month, now.date())
    if wanted is None:
        raise Http404
    report = reports.make(request.team, environments, wanted, now)
    places = {each.pk: each for each in environments}
    gaps = [
        schemas.ReportGap(places[gap.environment].service_code, places[gap.environment].name, *gap.span)
        for gap in report.gaps
    ]
    volumes = [_volume(line) for line in report.ordered(DEFAULT_SORT)]
    total = msgspec.convert(report_figures(report.total), schemas.ReportFigures)
    data = schemas.Report(*report.span, total, volumes, gaps)
    response = HttpResponse(msgspec.json.encode(schemas.OneReport(data)), content_type=JSON)
    responses.say_age_of_all(response, environments, now)
    return response


def _volume(line: Line) -> schemas.ReportVolume:
    assert line.environment is not None
    place = {"serviceCode": line.environment.service_code, "environmentName": line.environment.name}
    known = {name: value for name, value in report_values(line).items() if value is not None}
    return msgspec.convert(place | known, schemas.ReportVolume)
