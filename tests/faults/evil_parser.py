"""A parser process that misbehaves as the file's name says: the sandbox must survive it."""

import ctypes
import os
import sys
import time
from pathlib import Path
from typing import BinaryIO

from ingestion.parsing.isolation.child import serve
from ingestion.parsing.isolation.wire import frame
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.pages import OnPages
from ingestion.parsing.read import read_document
from rag_service.domain.documents import ParsedDocument

REPLIES = os.fdopen(os.dup(sys.stdout.fileno()), "wb")


def read(file: BinaryIO, filename: str, limits: ParsingLimits, on_pages: OnPages) -> ParsedDocument:
    match filename:
        case "segfault.txt":
            ctypes.string_at(0)
        case "hungry.txt":
            hoard = [bytearray(2**20) for _ in range(4096)]
            file.read(len(hoard))
        case "sleepy.txt":
            time.sleep(600)
        case "sleepy-after-a-page.txt":
            REPLIES.write(frame({"pages": (1, 2)}))
            REPLIES.flush()
            time.sleep(600)
        case "busy.txt":
            while True:
                pass
        case "nosy.txt":
            report = f"{sorted(os.environ)} {sorted(path.name for path in Path.cwd().iterdir())}"
            file = __import__("io").BytesIO(report.encode())
        case "liar.txt" | "chatty.txt" | "long-winded.txt":
            tell_of_pages(filename)
        case "caller.txt":
            os.system("true")  # noqa: S605, S607
    return read_document(file, filename, limits, on_pages)


def tell_of_pages(filename: str) -> None:
    match filename:
        case "liar.txt":
            REPLIES.write(frame({"pages": (-1, "many")}))
        case "long-winded.txt":
            REPLIES.write(frame({"pages": (1, 2), "more": "words" * 1000}))
        case _:
            while True:
                REPLIES.write(frame({"pages": (1, 2)}))


if __name__ == "__main__":
    serve(sys.stdin.buffer, REPLIES, read)
