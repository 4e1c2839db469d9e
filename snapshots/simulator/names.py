"""Names and ids in the provider's format, always the same for the same parts."""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final
from uuid import UUID

DETACHED: Final = "detached"
STAMP: Final = "%Y%m%d%H%M%S"
ROLES: Final = ("web", "db", "mail", "app", "files", "ci", "cache", "billing", "vpn", "build")
DATA_NAMES: Final = {"db": "billing-db-data", "mail": "mail-spool", "files": "projects", "ci": "ci-artifacts"}
GIVEN_NAMES: Final = (
    "before-upgrade-15.4",
    "golden-image",
    "before-migration",
    "avant-mise-à-niveau",
    "release 2.8, last known good",
    "keep_until_audit",
    "test",
)
RENAMED: Final = ("-old", "-v2", "-archive", "")


def number(*parts: object) -> int:
    """Return 128 bits that are always the same for the same parts."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big")


def identifier(*parts: object) -> str:
    """Return a version 4 UUID that is always the same for the same parts."""
    return str(UUID(int=number(*parts), version=4))


def default_name(host: str, volume: str, created: datetime) -> str:
    """Return the default name of a snapshot, with its time in GMT (CloudStack, SnapshotManagerImpl.allocSnapshot)."""
    return f"{host}_{volume}_{created.astimezone(UTC).strftime(STAMP)}"


def host_name(index: int) -> str:
    """Return web-01, db-01 ... and after the last role web-02, db-02 ..."""
    turn, role = divmod(index, len(ROLES))
    return f"{ROLES[role]}-{turn + 1:02d}"


def data_volume_name(host: str, fallback: int) -> str:
    """Return the name of a host's data volume, for example billing-db-data or DATA-10423."""
    role, _, turn = host.rpartition("-")
    if role not in DATA_NAMES:
        return f"DATA-{fallback}"
    return DATA_NAMES[role] if turn == "01" else f"{DATA_NAMES[role]}-{turn}"
