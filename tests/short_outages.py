"""For programs of tests in which parts of the system are away all the time: they are asked again soon."""

import sys

import ingestion.outages

_AFTER_OUTAGE_S = 0.5


def expect_short_outages() -> None:
    """Shorten the pause in this process, also where it was imported already."""
    name, usual = "AFTER_OUTAGE_S", ingestion.outages.AFTER_OUTAGE_S
    for module in [module for module in sys.modules.values() if vars(module).get(name) == usual]:
        setattr(module, name, _AFTER_OUTAGE_S)
