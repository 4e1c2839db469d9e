from django import template

from dashboard.teams.access import MemberRequest
from dashboard.teams.access import may as member_may
from dashboard.teams.models import Membership
from dashboard.teams.tabs import Tab, tabs_of

register = template.Library()


@register.simple_tag
def may(membership: Membership, view_name: str, method: str = "GET") -> bool:
    """Ask the capability table: `{% may request.membership "snapshots:refresh" "POST" as can_refresh %}`."""
    return member_may(membership, view_name, method)


@register.simple_tag
def settings_tabs(request: MemberRequest) -> list[Tab]:
    """List the settings of the team that the member may open: `{% settings_tabs request as tabs %}`."""
    return tabs_of(request)
