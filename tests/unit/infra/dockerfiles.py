"""Reads a Dockerfile as far as its tests need: instructions with their stage."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "infra" / "docker" / "Dockerfile"


@dataclass(frozen=True)
class Instruction:
    """One instruction: COPY, its flags (--from=lean) and the rest of its words, or its exec form."""

    name: str
    text: str

    @property
    def flags(self) -> dict[str, str]:
        """The flags in front, by name."""
        return dict(re.findall(r"--([a-z-]+)=(\S+)", self.text.split("[")[0]))

    @property
    def words(self) -> list[str]:
        """The arguments: the list of an exec form, else the words of the line."""
        listed = self.exec_form
        return listed if listed is not None else [word for word in shlex.split(self.text) if not word.startswith("--")]

    @property
    def exec_form(self) -> list[str] | None:
        """The arguments of CMD ["a", "b"], None for the shell form."""
        found = re.search(r"\[.*\]$", self.text)
        return list(json.loads(found[0])) if found else None


@dataclass(frozen=True)
class Stage:
    """FROM base AS name, and what follows."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)


def stages(text: str) -> dict[str, Stage]:
    """Return the stages in order, by name."""
    found: dict[str, Stage] = {}
    for line in re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)).splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            base, _, stage = rest.partition(" AS ")
            found[stage] = current = Stage(stage, base)
        elif name and found:
            current.instructions.append(Instruction(name, rest.strip()))
    return found


def effective(found: dict[str, Stage], name: str) -> list[Instruction]:
    """Return the instructions of a stage after those of what it builds on."""
    stage = found[name]
    inherited = effective(found, stage.base) if stage.base in found else []
    return inherited + stage.instructions


def last(instructions: list[Instruction], name: str) -> Instruction:
    """Return the one that holds, since each of these replaces those before."""
    return [instruction for instruction in instructions if instruction.name == name][-1]
