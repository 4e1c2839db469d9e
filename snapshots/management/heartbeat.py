"""Tell a service that waits for it that the sync works: if nothing comes, it is that service that raises the alarm."""

import logging
from threading import Thread

from django.conf import settings
from django.utils.translation import gettext as _

from snapshots.alerts.messages import NotSent
from snapshots.alerts.webhook import post

logger = logging.getLogger(__name__)


class Heartbeat:
    """Calls `HEARTBEAT_URL`, in a thread so that no round waits for it. A call that is still running is not doubled."""

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._has_failed = False

    def beat(self) -> None:
        if settings.HEARTBEAT_URL and not (self._thread and self._thread.is_alive()):
            self._thread = Thread(target=self._call, name="heartbeat", daemon=True)
            self._thread.start()

    def _call(self) -> None:
        """Log the first failure of a row, without the address: anyone who knows it can keep the alarm quiet."""
        try:
            post(settings.HEARTBEAT_URL, b"", {})
        except NotSent as why:
            if not self._has_failed:
                logger.warning(_("HEARTBEAT_URL could not be called: %s"), why)
            self._has_failed = True
        else:
            self._has_failed = False
