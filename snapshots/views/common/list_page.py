"""What the three list pages share: reading the address that the person sees, and naming it in the answer."""

from django.http import HttpResponse, QueryDict

from dashboard.teams.access.guard import MemberRequest


def seen_query(request: MemberRequest, *pages: str) -> QueryDict:
    """Give the parameters of the page that the person sees, where it is one of these, else the request's own."""
    if request.method == "POST" and request.htmx:
        path, _mark, query = seen_address(request).partition("#")[0].partition("?")
        if path in pages:
            return QueryDict(query)
    return request.GET


def seen_address(request: MemberRequest) -> str:
    """Give path and query of the page that the person sees; "" where the browser names none, or nonsense."""
    try:
        return request.htmx.current_url_abs_path or ""
    except ValueError:
        return ""


def name_address(response: HttpResponse, request: MemberRequest, url: str) -> None:
    """Name the address of a fragment. Choosing adds a Back step; typing, and showing the same view anew, do not."""
    is_step = request.htmx.trigger_name != "q" and seen_address(request) != url
    response["HX-Push-Url" if is_step else "HX-Replace-Url"] = url
