"""A parser process that misbehaves as the file's name says: the sandbox must survive it."""

import ctypes
import os
import time
from pathlib import Path
from typing import BinaryIO

from ingestion.parsing.child import serve
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.read import read_document
from rag_service.domain.documents import ParsedDocument


def read(file: BinaryIO, filename: str, limits: ParsingLimits) -> ParsedDocument:
    match filename:
        case "segfault.txt":
            ctypes.string_at(0)
        case "hungry.txt":
            hoard = [bytearray(2**20) for _ in range(4096)]
            file.read(len(hoard))
        case "sleepy.txt":
            time.sleep(60)
        case "busy.txt":
            while True:
                pass
        case "nosy.txt":
            report = f"{sorted(os.environ)} {sorted(path.name for path in Path.cwd().iterdir())}"
            file = __import__("io").BytesIO(report.encode())
        case "caller.txt":
            os.system("true")  # noqa: S605, S607
    return read_document(file, filename, limits)


if __name__ == "__main__":
    import sys

    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    serve(sys.stdin.buffer, replies, read)
