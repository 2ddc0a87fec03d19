"""`rag …`: the command line. It talks to the running service and loads no model."""

import click

from rag_service.cli.context import EXIT_CODES, ReadableGroup
from rag_service.cli.corpora import corpus
from rag_service.cli.ingest import ingest
from rag_service.cli.keys import key
from rag_service.cli.programs import evaluation, serve
from rag_service.cli.questions import ask, search


@click.group(cls=ReadableGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Question answering over your documents, every sentence with its citation."""


for command in (serve, ingest, ask, search, key, corpus, evaluation):
    main.add_command(command)
