"""Create clients for the provider from the settings. All clients of the product are created here."""

from django.conf import settings

from dashboard.secrets import Secret
from snapshots.cloudca.client import CloudClient
from snapshots.cloudca.http import Deadline


def provider(key: Secret, *, deadline: Deadline, retries: int = 0) -> CloudClient:
    """Return a client for a key; use it in a `with` statement."""
    return CloudClient(
        settings.CLOUDCA_API_URL,
        key,
        deadline=deadline,
        retries=retries,
        proxy=settings.CLOUDCA_PROXY,
        ca_bundle=settings.CLOUDCA_CA_BUNDLE,
    )
