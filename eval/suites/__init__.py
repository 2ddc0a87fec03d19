"""Suites: what is measured on which data, and the least that passes. Each is a YAML file in this folder."""

from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from rag_service.domain.metric_names import LESS_IS_BETTER
from rag_service.errors import InvalidRequest, Misconfigured


def _reachable(targets: dict[str, float]) -> dict[str, float]:
    if wrong := sorted(LESS_IS_BETTER & set(targets)):
        raise ValueError(f"a target is the least value that passes; of {wrong[0]} less is better")
    return targets


Targets = Annotated[dict[str, float], AfterValidator(_reachable)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RankedSet(_Part):
    """A retrieval data set: its folder, its corpus in the service, and what to reach.

    That is an nDCG@10 of `best` less the tolerance where one is known, and to be above both parts, or behind the better
    of them by no more than `behind`.
    """

    folder: str
    corpus: str
    best: float | None = None
    behind: float = Field(0.0, ge=0)


class RetrievalSuite(_Part):
    """How well search ranks, over several data sets."""

    kind: Literal["retrieval"]
    passages: int = Field(ge=1, description="passages asked for per query")
    queries: int = Field(ge=1, description="at most the first that are judged")
    tolerance: float = Field(ge=0)
    sets: tuple[RankedSet, ...]


class AnswersSuite(_Part):
    """How good answers are. `folder` empty: the golden questions of the sample corpus."""

    kind: Literal["answers"]
    corpus: str
    folder: str = ""
    targets: Targets = Field(default_factory=dict)


class GoldenSuite(_Part):
    """The accepted golden questions of a corpus, as the catalog has them; `corpus` is the one when none is named."""

    kind: Literal["golden"]
    corpus: str
    targets: Targets = Field(default_factory=dict)


class LabelledSet(_Part):
    """Responses that people labelled: the folder, the balanced accuracies others published, and what to know."""

    folder: str
    published: dict[str, float] = Field(default_factory=dict)
    note: str = ""


class LabelsSuite(_Part):
    """How far our judge-free faithfulness agrees with people, over several sets."""

    kind: Literal["labels"]
    items: int = Field(ge=1, description="at most so many of a set, drawn by `seed`")
    seed: int
    sets: tuple[LabelledSet, ...]


Suite = RetrievalSuite | AnswersSuite | GoldenSuite | LabelsSuite
_SUITE: TypeAdapter[Suite] = TypeAdapter(Annotated[Suite, Field(discriminator="kind")])


def suite_names() -> list[str]:
    """Return the names of all suites."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def read_suite(name: str) -> Suite:
    """Return the suite called `name`.

    Raises:
        InvalidRequest: there is none.
        Misconfigured: its file has a mistake.
    """
    if name not in suite_names():
        raise InvalidRequest(f"No such suite: {name}. There are {', '.join(suite_names())}.")
    text = resources.files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    try:
        return _SUITE.validate_python(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as exc:
        raise Misconfigured(f"eval/suites/{name}.yaml: {exc}") from exc
