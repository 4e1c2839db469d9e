"""The volumes of the volumes page, to read their texts."""

from tests.views.volumes.home.conftest import clock, environment, fill, key, other, sim, told, week

__all__ = ["clock", "environment", "fill", "key", "other", "sim", "told", "week"]
