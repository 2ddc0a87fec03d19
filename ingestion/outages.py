"""What a worker does while a part of the system is down."""

AFTER_OUTAGE_S = 5.0
"""How long is waited before the next try."""
