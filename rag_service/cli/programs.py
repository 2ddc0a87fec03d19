"""Commands that start other programs of the product."""

import runpy
import subprocess
import sys

import click


@click.command()
def serve() -> None:
    """Start the service with all its parts (RAG_PORT, RAG_DATA_DIR)."""
    from rag_service.settings import read_settings  # noqa: PLC0415  (pydantic is slow to load)
    from rag_service.supervisor import serve as supervise  # noqa: PLC0415

    supervise(read_settings())


@click.command()
def stack() -> None:
    """Start the scaled-out service on this machine: PostgreSQL, Valkey, two APIs, all workers, beat (for development)."""
    from rag_service.settings import read_settings  # noqa: PLC0415
    from rag_service.supervisor.stack import run_stack  # noqa: PLC0415

    run_stack(read_settings())


@click.command()
@click.option("--queues", help="Which jobs it takes: parse, embed, index, with commas between. All by default.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Processes, when Celery wakes them (2 by default).")
def worker(queues: str | None, concurrency: int | None) -> None:
    """Start a worker: one that polls, or one that Celery wakes (RAG_QUEUE__BACKEND)."""
    from rag_service.settings import read_settings  # noqa: PLC0415

    module = "ingestion.brokered.celery_worker" if read_settings().queue.backend == "celery" else "ingestion.worker"
    _become(module, *_option("--queues", queues), *_option("--concurrency", concurrency))


@click.command()
@click.option("--check", is_flag=True, help="Only wait until every queue has a worker, and fail when one has none.")
def beat(check: bool) -> None:
    """Start what Celery workers need once: a sweep of the job table, retention, reconciler and sources."""
    _become("ingestion.brokered.beat", *(["--check"] if check else []))


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [name, str(value)]


def _become(module: str, *arguments: str) -> None:
    # By module name, as no arrow points from here to the workers; in this process, which supervisors send signals to.
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


@click.group("eval")
def evaluation() -> None:
    """Measure how good answers and search are."""


@evaluation.command("run", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(arguments: tuple[str, ...]) -> None:
    """Run an evaluation suite: golden, sample, retrieval, squad-open. `rag eval run --help` lists its options."""
    end_as("eval.run", arguments)


@evaluation.command("upload", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def upload(arguments: tuple[str, ...]) -> None:
    """Send a run to Langfuse, Phoenix or another receiver of OTLP. `rag eval upload --help` lists its options."""
    end_as("eval.upload", arguments)


@evaluation.command("synthesise", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def synthesise(arguments: tuple[str, ...]) -> None:
    """Propose golden questions that the judge writes. `rag eval synthesise --help` lists its options."""
    end_as("eval.synthesise", arguments)


@evaluation.command("agreement", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def agreement(arguments: tuple[str, ...]) -> None:
    """Measure how far judge and verifier agree with people. `rag eval agreement --help` says more."""
    end_as("eval.agreement", arguments)


@evaluation.command("learn-fusion", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def learn_fusion(arguments: tuple[str, ...]) -> None:
    """Learn of a corpus's golden questions how much meaning counts beside words. `rag eval learn-fusion --help` says more."""
    end_as("eval.learn_fusion", arguments)


def end_as(module: str, arguments: tuple[str, ...]) -> None:
    """Run a program by module name, as no arrow points from here to what it imports, and end as it ends."""
    finished = subprocess.run([sys.executable, "-m", module, *arguments], check=False)  # noqa: S603
    raise click.exceptions.Exit(finished.returncode)
