"""What one process has counted, and its current state, for the metrics."""

import math

from chat.realtime.hub import Hub
from chat.realtime.relay import Relay
from chat.realtime.streams import Streams
from chat.runtime.metrics import Figures, Histogram
from chat.store import Store


def of_process(store: Store, hub: Hub, relay: Relay, streams: Streams, lag: Histogram) -> Figures:
    """Every figure of `metrics.METRICS` that a process counts itself, by its name there; `lag` is in seconds."""
    return {
        "readers": dict(hub.held),
        "readers_limit": math.inf if streams.most is None else streams.most,
        "readers_behind": streams.behind,
        "streams_refused": streams.refused,
        "events": store.commits.events,
        "deliveries": dict(hub.deliveries),
        "sent_bytes": streams.sent_bytes,
        "unsent_bytes": streams.backlog.size,
        "cut_off": streams.backlog.cut_off,
        "ring_events": len(hub.feed.ring),
        "last_event_id": hub.last_id,
        "rings_lost": relay.lost,
        "commit_seconds": store.commits.seconds,
        "commit_changes": store.commits.changes,
        "loop_lag_seconds": lag,
    }
