"""One error tree, two readers: HTTP maps it to problems (api/problems.py), the worker to retry or fail.

RagError
├── InvalidRequest            the caller's input cannot be used
│   └── TooLarge              … because it is over a limit
├── Unauthenticated           no key, or one that does not work
├── NotFound                  absent or outside the caller's scope: nobody is told which
├── Conflict                  it collides with the present state
│   ├── EngineLetGo           … because an engine is to be left empty by now
│   └── SlotTaken             … because another draft of the corpus is sealed; its turn comes
├── Gone                      it was there and has been erased
├── LimitExceeded             too much at once; may be repeated after `retry_after_s`
├── DocumentRejected          a file that will never be readable, with a reason people understand
├── DataDamaged               what was stored is not what the disk gives back
├── LeaseLost                 another worker holds the job now
├── SourceRefused             a source of documents lets nobody in, or is not there
├── Misconfigured             the service cannot start like this
└── DependencyUnavailable     a part is down or slow; repeating can help
    ├── CatalogUnavailable
    ├── IndexUnavailable
    ├── BlobsUnavailable
    ├── EmbedderUnavailable
    ├── RerankerUnavailable
    ├── SourceUnavailable
    └── GeneratorUnavailable
"""

from typing import ClassVar

from rag_service.reasons import ADVICE, ReasonCode


class RagError(Exception):
    """Base class. `transient` says whether repeating the same call can help."""

    transient: ClassVar[bool] = False


class InvalidRequest(RagError):
    """The input cannot be used. `param` names the field, `code` is for machines."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class TooLarge(InvalidRequest):
    """The input is over a limit."""


class Unauthenticated(RagError):
    """No key, or one that is unknown, expired or revoked."""


class NotFound(RagError):
    """Absent or outside the scope: the message is the same for both."""

    def __init__(self, kind: str, ref: str) -> None:
        super().__init__(f"No such {kind}: {ref}")
        self.kind = kind


class Conflict(RagError):
    """The request collides with the present state."""


class EngineLetGo(Conflict):
    """An engine neither serves nor follows any more: nothing may be left in it."""


class SlotTaken(Conflict):
    """Another draft of the corpus is being sealed or is sealed: this one's turn comes later."""


class Gone(RagError):
    """What was asked for has been erased."""


class LimitExceeded(RagError):
    """Too much at once."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DocumentRejected(RagError):
    """A file that cannot be read, now or later. `detail` is for operators and never holds its text."""

    def __init__(self, reason: ReasonCode, detail: str = "") -> None:
        super().__init__(f"{reason}: {ADVICE[reason]}" + (f" ({detail})" if detail else ""))
        self.reason = reason
        self.detail = detail


class DataDamaged(RagError):
    """What was stored is not what the disk gives back: it is not shown. The message says what people can do."""


class LeaseLost(RagError):
    """The job was claimed by another worker; whatever this one computed must not be written."""


class SourceRefused(RagError):
    """A source is not there, or lets nobody in with its credentials; the message never holds these."""


class Misconfigured(RagError):
    """The configuration cannot work; the message says which setting and what to do."""


class DependencyUnavailable(RagError):
    """A part of the system is down or slow."""

    transient = True


class CatalogUnavailable(DependencyUnavailable):
    """The database cannot be reached."""


class IndexUnavailable(DependencyUnavailable):
    """The vector index cannot be reached."""


class BlobsUnavailable(DependencyUnavailable):
    """The blob store cannot be reached."""


class EmbedderUnavailable(DependencyUnavailable):
    """The embedding model cannot be reached or loaded."""


class RerankerUnavailable(DependencyUnavailable):
    """The reranking model cannot be reached, loaded or run: passages stay in the order they were found in."""


class SourceUnavailable(DependencyUnavailable):
    """A source of documents cannot be reached, or did not answer in time."""


class GeneratorUnavailable(DependencyUnavailable):
    """The language model did not answer in time, or not at all."""
