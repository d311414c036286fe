"""How long streams last, and how often who does not hear by a stream asks."""

LIFETIME_SPREAD = 0.2  # of a stream's time: those who came together do not leave together
SHORT_LIFETIME = (25.0, 55.0)  # seconds; what hosts cut off, they cut off after 60
POLL_INTERVAL_MS = 4000
IDLE_SECONDS = 300  # between the polls of who reads a watermark file instead
IDLE_SPREAD = 0.2  # of it, more or less, so that they do not all come at once
