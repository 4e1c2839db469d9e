"""The web server's log: gunicorn's, with the same client address as in limits and audit."""

from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

from dashboard.http.client_address import UNKNOWN, address_in


class AccessLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> dict[str, Any]:
        found: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        return found | {"h": address_in(environ) or UNKNOWN}
