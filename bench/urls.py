"""The product's URLs, and the floor: the cost of any page for a signed-in person."""

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token

from dashboard import urls as product
from dashboard.teams.access.capabilities import SIGNED_IN, path

FIXED_BYTES = 30 * 1024
FIXED_BODY = b"x" * FIXED_BYTES

handler400, handler403, handler404 = product.handler400, product.handler403, product.handler404
handler429, handler500 = product.handler429, product.handler500


def fixed(request: HttpRequest) -> HttpResponse:
    """Answer constant bytes. The guard before it has loaded session and user; the token is every form's."""
    get_token(request)
    return HttpResponse(FIXED_BODY, content_type="text/html")


urlpatterns = [path("bench/fixed/", fixed, name="bench_fixed", get=SIGNED_IN), *product.urlpatterns]
