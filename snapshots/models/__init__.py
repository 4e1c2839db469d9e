"""The mirror: one row per snapshot ever seen, and what is known of its environment and volume."""

from snapshots.models.change import Change
from snapshots.models.chore import Chore
from snapshots.models.environment import (
    LEAST_CURRENT,
    REFUSED_KINDS,
    Environment,
    EnvironmentQuerySet,
    ShownEnvironments,
    _no_facets,
)
from snapshots.models.snapshot import Snapshot, SnapshotQuerySet
from snapshots.models.volume import Volume, VolumeQuerySet

__all__ = [
    "LEAST_CURRENT",
    "REFUSED_KINDS",
    "Change",
    "Chore",
    "Environment",
    "EnvironmentQuerySet",
    "ShownEnvironments",
    "Snapshot",
    "SnapshotQuerySet",
    "Volume",
    "VolumeQuerySet",
    "_no_facets",
]
