"""What came to a topic, by the photo_id that a test reported under; each test takes photo_ids of its own."""
import itertools

import msgpack

from daemons import wait_until

photos = itertools.count(7_000_001)


class Inbox:
    def __init__(self, daemon, kafka, topic):
        self.daemon, self.kafka, self.topic = daemon, kafka, topic

    def events(self, photo, count):
        """The events of a photo_id in the order they were received, once there are at least so many."""

        def arrived():
            found = self._events(photo)
            return len(found) >= count and (found,)

        return wait_until(f"{count} events of {photo} in the topic", arrived)[0]

    def _events(self, photo):
        wait_until("the journal is drained", lambda: self.daemon.ready()["journal"]["waiting"] == 0)
        events = (msgpack.unpackb(record.value) for record in self.kafka.read_all(self.topic))
        return sorted((event for event in events if event["photo_id"] == photo), key=lambda event: event["ts"])
