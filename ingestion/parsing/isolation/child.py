"""The process that reads strangers' files: `python -m ingestion.parsing.isolation.child`, started by `sandbox.py` alone.

It takes one file after another from standard input and answers each on standard output. Before the answer it may send
notes of how many pages were read.
"""

import io
import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO

from ingestion.parsing.isolation.wire import LENGTH_BYTES, frame, pack_document, pack_pages, unframe
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.pages import NowAndThen, OnPages
from ingestion.parsing.read import read_document
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_OPEN_FILES = 64
_WRITTEN_FILE_BYTES = 64 * 2**20
_FORBIDDEN = ("socket.connect", "socket.bind", "socket.sendto", "subprocess.Popen", "os.exec", "os.fork", "os.system")

Read = Callable[[BinaryIO, str, ParsingLimits, OnPages], ParsedDocument]


def serve(requests: BinaryIO, replies: BinaryIO, read: Read = read_document) -> None:
    """Answer requests until their stream ends."""
    hello = _next(requests)
    if hello is None:
        return
    limits = ParsingLimits(**hello)
    sys.addaudithook(partial(_refuse, {limits.ocr_program, limits.pandoc_program} - {""}))
    _restrict(limits)
    while (request := _next(requests)) is not None:
        _allow_cpu(limits.timeout_s + limits.ocr_file_timeout_s)
        # Text recognition has a time of its own and stops this clock, whose end ends the process.
        signal.setitimer(signal.ITIMER_REAL, request["timeout_s"])
        reply = _answer(request, limits, read, NowAndThen(lambda *pages: _send(replies, pack_pages(*pages))))
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(replies, reply)


def _send(replies: BinaryIO, message: dict[str, Any]) -> None:
    replies.write(frame(message))
    replies.flush()


def _answer(request: dict[str, Any], limits: ParsingLimits, read: Read, on_pages: OnPages) -> dict[str, Any]:
    try:
        with _file_of(request) as file:
            return {"document": pack_document(read(file, request["filename"], limits, on_pages))}
    except DocumentRejected as exc:
        return {"rejected": exc.reason.value, "detail": exc.detail}
    except MemoryError:
        return {"rejected": ReasonCode.PARSER_OUT_OF_MEMORY.value, "detail": "memory limit"}
    except RecursionError:
        return {"rejected": ReasonCode.PARSER_CRASHED.value, "detail": "nested too deeply"}


def _file_of(request: dict[str, Any]) -> BinaryIO:
    content = request.get("content")
    return io.BytesIO(content) if content is not None else open(request["path"], "rb")  # noqa: PTH123


def _next(requests: BinaryIO) -> dict[str, Any] | None:
    header = requests.read(LENGTH_BYTES)
    if len(header) < LENGTH_BYTES:
        return None
    return unframe(requests.read(int.from_bytes(header, "big")))


def _restrict(limits: ParsingLimits) -> None:
    # Address space, not resident memory: the parent also watches the latter.
    resource.setrlimit(resource.RLIMIT_AS, (2 * limits.memory_bytes, 2 * limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_DATA, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_WRITTEN_FILE_BYTES, _WRITTEN_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow_cpu(seconds: float) -> None:
    # The limit counts from the start of the process, which reads many files.
    usage = resource.getrusage(resource.RUSAGE_SELF)
    until = int(usage.ru_utime + usage.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def _refuse(programs: set[str], event: str, arguments: tuple[object, ...]) -> None:
    if event not in _FORBIDDEN:
        return
    if event == "subprocess.Popen" and arguments[0] in programs:
        return
    raise PermissionError(f"{event} is not for parsers")


def main() -> None:
    """Serve on the standard streams; what libraries print goes nowhere."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
