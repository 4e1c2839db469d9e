"""The metrics page: of the team of an access token, or of all teams and the web processes for the operator."""

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from dashboard.http.metrics import of_web
from dashboard.teams.access.tokens import TokenRequest, is_operators
from snapshots.api.metrics import Mirror
from snapshots.api.views import of_token
from snapshots.models import Environment


@csrf_exempt
def metrics(request: TokenRequest) -> HttpResponse:
    """Answer in Prometheus's text format. Asks no provider and knows no session."""
    if is_operators(request):
        everywhere = Environment.objects.select_related("team").order_by("team__slug", "service_code", "name")
        body = generate_latest(Mirror(list(everywhere), timezone.now())) + generate_latest(of_web())
    else:
        body = generate_latest(Mirror(of_token(request), timezone.now()))
    return HttpResponse(body, content_type=CONTENT_TYPE_PLAIN_0_0_4)
