"""Whether a command line in the images starts something that is there."""

from importlib.util import find_spec
from pathlib import Path

import click

from rag_service.cli import main
from tests.unit.infra.dockerfiles import ROOT

IMAGE_FILES = {"/usr/local/bin/healthcheck.py": ROOT / "infra" / "docker" / "healthcheck.py"}


def exists(command: list[str]) -> bool:
    """Say whether a command of ours is one that an image has."""
    match command:
        case ["rag", *words]:
            return _is_of_the_cli(words)
        case ["python", "-m", module, *_]:
            return find_spec(module) is not None
        case ["python", file, *_]:
            return IMAGE_FILES.get(file, Path("/nowhere")).is_file()
    return False


def _is_of_the_cli(words: list[str]) -> bool:
    command: click.Command = main
    while isinstance(command, click.Group):
        name, *words = words
        if name not in command.commands:
            return False
        command = command.commands[name]
    if command.ignore_unknown_options:
        return True
    command.make_context(command.name or "rag", words)  # raises what a person would read
    return True
