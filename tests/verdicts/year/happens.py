"""What `make judge` must have met, each at least once."""

HAPPENS = (
    *("hourly run", "daily run", "weekly run", "monthly run", "manual run", "run of a mixture of schedules"),
    *("types joined by a comma", "run longer than the grace", "run of one stopped schedule of several"),
    *("manual run between scheduled ones", "run of a removed policy, rows left", "Copying", "archived again"),
    *("run left in Allocated", "run that is stuck", "run that vanishes", "run of a week that fails"),
    *("look-alike name", "custom name", "outage of the provider", "hour that our service is off"),
    *("row omitted once", "empty list", "volumes list empty", "volumes list short"),
    *("volumes list 403", "environment refused", "volume deleted", "volume recreated under the same name"),
    *("scratch volume of 30 min", "run tried again without end", "state that is not known"),
)
# What the separate chapters must contain.
HAPPENS_APART = (
    *("list cut off without a word", "key that sees less", "key that sees more", "row listed days late"),
    *("jump of the provider clock", "jump of our clock", "clock that stays wrong", "jump while nobody looked"),
    *("name of a wrong clock", "created date that contradicts the name", "created date that agrees"),
    *("id that comes twice", "state that is not known", "run tried again without end", "run that is stuck"),
    *("run that hangs under a target", "volume deleted before the first sync", "target as long as the period"),
    *("volume with a date of creation that cannot be", "turnover while nobody looked"),
    *("schedule across midnight UTC and a change of summer time", "interval type that is not known"),
    "schedule of which no row counts any more",
)
