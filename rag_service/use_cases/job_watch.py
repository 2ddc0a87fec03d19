"""Following jobs while they run."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from rag_service.domain.ids import JobId, TenantId
from rag_service.domain.jobs import Job, SeenJob
from rag_service.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A job that somebody follows."""

    tenant_id: TenantId
    job_id: JobId


Looks = Mapping[Watched, SeenJob | None]
"""What was seen of each watched job; None of one that is gone."""


class JobWatch:
    """Looks at all followed jobs together, each once however many follow it, with a pause before every look.

    It looks only while somebody follows. The error of a look goes to all who wait for it.
    """

    def __init__(self, look: Callable[[Collection[Watched]], Awaitable[Looks]], *, pause_s: float) -> None:
        self._look = look
        self._pause_s = pause_s
        self._followers: Counter[Watched] = Counter()
        self._looking: asyncio.Task[Looks] | None = None

    async def follow(self, job: Job) -> AsyncGenerator[SeenJob, None]:
        """Yield what each look from now on sees of a job; a slow reader misses looks, never the newest.

        Raises:
            NotFound: the job is gone.
        """
        watched = Watched(tenant_id=job.tenant_id, job_id=job.id)
        self._followers[watched] += 1
        try:
            while True:
                # Shielded: a follower that goes away must not end the look for the others.
                looks = await asyncio.shield(self._next_look())
                # A look that began before this job was followed does not know it.
                if watched in looks:
                    yield _found(looks[watched], job.id)
        finally:
            await self._leave(watched)

    def _next_look(self) -> asyncio.Task[Looks]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_soon())
        return self._looking

    async def _look_soon(self) -> Looks:
        await asyncio.sleep(self._pause_s)
        return await self._look(tuple(self._followers))

    async def _leave(self, watched: Watched) -> None:
        self._followers[watched] -= 1
        self._followers += Counter()  # forgets those that nobody follows any more
        if self._followers or self._looking is None:
            return
        looking, self._looking = self._looking, None
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def _found(seen: SeenJob | None, job_id: JobId) -> SeenJob:
    if seen is None:
        raise NotFound("job", job_id)
    return seen
