"""The provider as the settings have it: its address, and the way there. Every client of the product is made here."""

from django.conf import settings

from dashboard.secrets import Secret
from snapshots.cloudca.client import CloudClient
from snapshots.cloudca.deadline import Deadline


def provider(key: Secret, *, deadline: Deadline, retries: int = 0) -> CloudClient:
    """Return a client for a key, to be closed by a `with`."""
    return CloudClient(
        settings.CLOUDCA_API_URL,
        key,
        deadline=deadline,
        retries=retries,
        proxy=settings.CLOUDCA_PROXY,
        ca_bundle=settings.CLOUDCA_CA_BUNDLE,
    )
