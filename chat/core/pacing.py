"""How long streams last, and how often readers without a stream poll."""

LIFETIME_SPREAD = 0.2  # part of a stream's time, at random, so that readers who came together do not leave together
SHORT_LIFETIME = (25.0, 55.0)  # seconds; hosts that cut off long requests do so after 60
POLL_INTERVAL_MS = 4000
IDLE_SECONDS = 300  # between the polls of a reader that looks at watermark files
IDLE_SPREAD = 0.2  # part of that, at random, so that they do not all come at once
