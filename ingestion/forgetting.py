"""What a worker remembers of the texts it has read goes again."""

import asyncio

from rag_service.domain.remembered import TEXTS_STAY_S, forget_texts


async def forget_now_and_then(*, every_s: float = TEXTS_STAY_S) -> None:
    """Forget for as long as the process lives, also where another one carried out an erasure."""
    while True:
        await asyncio.sleep(every_s)
        forget_texts()
