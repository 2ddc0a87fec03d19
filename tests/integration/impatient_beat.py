"""`python -m tests.integration.impatient_beat`: beat, which soon tries again whatever an outage has kept from it."""

import sys

import ingestion.brokered.beat
from tests.short_outages import expect_short_outages

if __name__ == "__main__":
    expect_short_outages()
    sys.exit(ingestion.brokered.beat.main())
