"""Make teams with 20 environments each at DATABASE_URL, none of them synced yet; they share one key."""

from django.core.management import call_command

from bench.people import EMAIL, KEY, PASSWORD
from dashboard.secrets import Secret
from dashboard.teams.core.create_account import create_account
from dashboard.teams.models import ApiKey, Membership, Role, Team
from snapshots.models import Environment

OF_A_TEAM = 20


def run(size: int) -> None:
    call_command("migrate", verbosity=0)
    person = create_account(EMAIL, PASSWORD)
    for number in range(-(-size // OF_A_TEAM)):
        team = Team.objects.create(slug=f"bench-{number}", name=f"Bench {number}")
        Membership.objects.create(team=team, user=person, role=Role.ADMIN)
        ApiKey.replace(team, Secret(KEY))
        mine = range(number * OF_A_TEAM, min(size, (number + 1) * OF_A_TEAM))
        Environment.objects.bulk_create(Environment(team=team, service_code="compute-on", name=f"e-{n}") for n in mine)
