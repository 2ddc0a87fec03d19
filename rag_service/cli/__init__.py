"""`rag …`: the command line. It talks to the running service and loads no model."""

import click

from rag_service.cli.context import EXIT_CODES, ReadableGroup
from rag_service.cli.corpora import corpus
from rag_service.cli.draft import draft
from rag_service.cli.erase import erase
from rag_service.cli.evaluations import compare, export, html, list_runs, show
from rag_service.cli.golden import golden
from rag_service.cli.index import index
from rag_service.cli.ingest import ingest
from rag_service.cli.jobs import job
from rag_service.cli.keys import key
from rag_service.cli.live import live
from rag_service.cli.programs import beat, evaluation, serve, stack, worker
from rag_service.cli.questions import ask, search
from rag_service.cli.reconcile import reconcile
from rag_service.cli.source import source
from rag_service.cli.version import version


@click.group(cls=ReadableGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Question answering over your documents, every sentence with its citation."""


for command in (
    serve,
    stack,
    worker,
    beat,
    ingest,
    ask,
    search,
    key,
    corpus,
    source,
    draft,
    version,
    golden,
    job,
    reconcile,
    index,
    erase,
    evaluation,
):
    main.add_command(command)

for command in (list_runs, show, compare, export, html, live):
    evaluation.add_command(command)
