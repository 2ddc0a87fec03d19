"""A language model on this machine that takes its time: an OpenAI-compatible server that counts who asks."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass
class SlowModel:
    """Writes the same sentences to everybody, with a pause before each. `left` counts who hung up before the end."""

    sentences: Sequence[str]
    pause_s: float
    url: str = ""
    asked: int = 0
    left: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length:"))
        await reader.readexactly(length)
        self.asked += 1
        writing, leaving = asyncio.create_task(self._write(writer)), asyncio.create_task(reader.read(1))
        done, others = await asyncio.wait([writing, leaving], return_when=asyncio.FIRST_COMPLETED)
        self.left += writing not in done
        for task in others:
            task.cancel()
        writer.close()

    async def _write(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for sentence in self.sentences:
            await asyncio.sleep(self.pause_s)
            writer.write(_event(sentence))
            await writer.drain()
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()


@asynccontextmanager
async def slow_model(*sentences: str, pause_s: float) -> AsyncIterator[SlowModel]:
    """Serve a model until the block ends; its `url` is the base of the API."""
    model = SlowModel(sentences=sentences, pause_s=pause_s)
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    async with server:
        model.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield model


def _event(text: str) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "slow", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()
