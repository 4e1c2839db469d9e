"""The addresses under which a page's rows are given as files."""

from typing import NamedTuple

from django.urls import reverse

from dashboard.teams.models import Team


class ExportLinks(NamedTuple):
    """Addresses with the page's filters, whatever its page."""

    xlsx: str
    csv: str
    json: str


def export_links(team: Team, page: str, query: str) -> ExportLinks:
    """The links of a page: "list", "volumes" or "changes". `query`: its query string, "?" included."""
    return ExportLinks(*(reverse(f"snapshots:{page}_{kind}", args=[team.slug]) + query for kind in ExportLinks._fields))
