"""The product's URLs, and the floor: the cost of any page for a signed-in person."""

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token

from dashboard import urls as product
from dashboard.teams.access import tokens
from dashboard.teams.access.capabilities import SIGNED_IN, path
from snapshots.views.sharing import public_page

# Thousands of requests a minute come from one client and one token. The limits still count: those of the last second.
tokens.MINUTE = public_page.MINUTE = 1
tokens.MOST_A_MINUTE = public_page.RIGHT_A_MINUTE = 10_000

FIXED_BYTES = 30 * 1024
FIXED_BODY = b"x" * FIXED_BYTES

handler400, handler403, handler404 = product.handler400, product.handler403, product.handler404
handler429, handler500 = product.handler429, product.handler500


def fixed(request: HttpRequest) -> HttpResponse:
    """Answer constant bytes. The guard before it has loaded session and user; the token is every form's."""
    get_token(request)
    return HttpResponse(FIXED_BODY, content_type="text/html")


urlpatterns = [path("bench/fixed/", fixed, name="bench_fixed", get=SIGNED_IN), *product.urlpatterns]
