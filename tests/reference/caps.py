"""How many names a day may have, and who is in."""
import datetime
from collections import Counter

NONE, OTHER = "(none)", "(other)"

# Choice: (none) is one of the 1,000 and always in; (other) stands beside them. What calls itself "(other)" is it.
DOCUMENTED = {
    "source": (NONE, "admin", "site", "share", "embed", "podcast", "download", "search", "facebook"),
    "event": ("load", "fullscreen", "preRollClose", "preRollClick", "postRollClose", "postRollClick",
              "callToActionClick", "embedEngaged", "shareEngaged", "subtitlesActivated"),
}  # fmt: skip

# Choice: embedding domains and pages go by the same rule. All limits are per site and day of the site's zone.
LIMITS = {"source": 1_000, "event": 200, "photo_id": 10_000_000, "domain": 1_000, "url": 10_000}
KEPT = 500


class Day:
    """The names of one kind, site and day."""

    def __init__(self, limit, always, largest_before):
        # Choice: reserved places stay empty when their names do not come; so no later name ever loses one.
        room = max(limit - len(always), 0)
        self.reserved = set(always) | set(largest_before[:room])
        self.free = max(limit - len(self.reserved), 0)
        self.in_use = Counter()

    def admit(self, name):
        if name in self.in_use or name in self.reserved:
            self.in_use[name] += 1
            return name
        if self.free == 0:
            return OTHER
        self.free -= 1
        self.in_use[name] += 1
        return name

    def largest(self, count):
        """Choice: the size of a name is how often it was asked for: events, downloads and viewings begun."""
        by_size = sorted(self.in_use.items(), key=lambda item: (-item[1], item[0]))
        return [name for name, _ in by_size[:count]]


class Caps:
    def __init__(self, limits, configured_sources):
        self.limits = {**LIMITS, **limits}
        self.always = {kind: set(names) for kind, names in DOCUMENTED.items()}
        self.always["source"] |= set(configured_sources)
        self.days = {}

    def admit(self, kind, site, day, name):
        """The name itself, or (other) when the day has no place left.

        Choice: who was largest the day before is settled when the day's first report of the site is counted, and 500
        places are kept for them, half of the limit where that is less, whatever the kind. So no day begins with a
        write of millions of rows.
        """
        if name == OTHER:
            return OTHER
        if (kind, site, day) not in self.days:
            self.days[kind, site, day] = self.open_day(kind, site, day)
        return self.days[kind, site, day].admit(name)

    def open_day(self, kind, site, day):
        before = (datetime.date.fromisoformat(day) - datetime.timedelta(days=1)).isoformat()
        limit = self.limits[kind]
        largest = self.days[kind, site, before].largest(min(limit // 2, KEPT)) if (kind, site, before) in self.days else []
        always = self.always.get(kind, set())
        return Day(limit, always, [name for name in largest if name not in always])
