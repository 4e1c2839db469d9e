"""The mirror: one row per snapshot ever seen, with its environment and volume."""

from snapshots.models.alert import Alert, AnnouncedProblem, Delivery, DeliveryQuerySet
from snapshots.models.change import Change, ChangeQuerySet
from snapshots.models.channel import Channel, ChannelQuerySet
from snapshots.models.chore import Chore
from snapshots.models.environment import (
    LEAST_CURRENT,
    REFUSED_KINDS,
    Environment,
    EnvironmentQuerySet,
    ShownEnvironments,
    _no_facets,
)
from snapshots.models.feed import Feed, FeedQuerySet
from snapshots.models.lookups import fold
from snapshots.models.policy import LastAct, Policy, SavedView, VerdictDay
from snapshots.models.problem import Problem, ProblemQuerySet, ProblemTick
from snapshots.models.rule_time import DataGap, RuleTime
from snapshots.models.share_link import ShareLink, ShareLinkQuerySet
from snapshots.models.snapshot import Snapshot, SnapshotQuerySet
from snapshots.models.volume import Volume, VolumeQuerySet

__all__ = [
    "LEAST_CURRENT",
    "REFUSED_KINDS",
    "Alert",
    "AnnouncedProblem",
    "Change",
    "ChangeQuerySet",
    "Channel",
    "ChannelQuerySet",
    "Chore",
    "DataGap",
    "Delivery",
    "DeliveryQuerySet",
    "Environment",
    "EnvironmentQuerySet",
    "Feed",
    "FeedQuerySet",
    "LastAct",
    "Policy",
    "Problem",
    "ProblemQuerySet",
    "ProblemTick",
    "RuleTime",
    "SavedView",
    "ShareLink",
    "ShareLinkQuerySet",
    "ShownEnvironments",
    "Snapshot",
    "SnapshotQuerySet",
    "VerdictDay",
    "Volume",
    "VolumeQuerySet",
    "_no_facets",
    "fold",
]
