from django import template

from dashboard.teams.access import may as member_may
from dashboard.teams.models import Membership

register = template.Library()


@register.simple_tag
def may(membership: Membership, view_name: str, method: str = "GET") -> bool:
    """Ask the capability table: `{% may request.membership "snapshots:refresh" "POST" as can_refresh %}`."""
    return member_may(membership, view_name, method)
