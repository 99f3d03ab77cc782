"""Every abuse by its name: (name, what, how)."""
from abuse import hoards, large, many, resets, slow

RUNS = (
    ("slow-headers", "heads that never end", slow.slow("headers")),
    ("slow-body", "bodies that never end", slow.slow("body")),
    ("slow-read", "replies that nobody takes", slow.slow("read")),
    ("idle-connections", "connections that ask nothing", many.idle),
    ("short-connections", "more short connections than files", many.short),
    ("resets-while-held", "resets while replies wait for Kafka", resets.resets),
    ("gzip-bomb", "bodies that swell", large.large("bomb")),
    ("many-parameters", "10,000 parameters", large.large("parameters")),
    ("large-header", "one header of 1 MiB", large.large("header")),
    ("large-parameter", "one parameter of 1 MiB", large.large("parameter")),
    ("unended-bodies", "bodies that lack one byte", hoards.hoard("each 1 MiB less a byte", hoards.send_bodies)),
    ("unread-replies", "replies that are asked for and not read",
     hoards.hoard("each asks without reading", hoards.ask_on)),
)
