"""`python -m tests.integration.impatient_worker`: the Celery worker, with parsers that misbehave as a file's name says.

It waits for running jobs for RAG_TEST_STOP_PATIENCE_S only: a hanging parser takes all the time there is. It looks by
itself every RAG_TEST_UNHEARD_S only: messages are what most tests are about.
"""

import os
import sys
from functools import partial

import ingestion.bootstrap
import ingestion.brokered.celery_process
import ingestion.brokered.celery_worker
from tests.short_outages import expect_short_outages

if __name__ == "__main__":
    ingestion.bootstrap.Sandbox = partial(ingestion.bootstrap.Sandbox, module="tests.faults.evil_parser")
    ingestion.brokered.celery_process.STOP_PATIENCE_S = float(os.environ.get("RAG_TEST_STOP_PATIENCE_S", "20"))
    ingestion.brokered.celery_process.UNHEARD_S = float(os.environ.get("RAG_TEST_UNHEARD_S", "600"))
    expect_short_outages()
    sys.exit(ingestion.brokered.celery_worker.main())
