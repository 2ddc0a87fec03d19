"""Services with other models that come and go, and corpora that are brought to them."""

from contextlib import nullcontext

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from rag_service.errors import Conflict
from tests.laws.history import History, keys, tastes

_DIMENSIONS = (16, 32)


class BuildSteps(History):
    """Other settings, restarts and rebuilds."""

    @rule(is_other=st.booleans())
    def restart(self, is_other: bool) -> None:
        """End the service and start it again, with another model if `is_other`; what it left behind is all it finds."""
        if is_other:
            self.driver.dimensions = sum(_DIMENSIONS) - self.driver.dimensions
        else:
            self.place.close()
            self.place.open()
        self.place.serve(self.driver.dimensions)

    @rule(documents=st.dictionaries(keys, tastes, max_size=2), turns=st.integers(0, 3))
    def rebuild(self, documents: dict[str, str], turns: int) -> None:
        """Bring the corpus to the service's model; uploads come when it was filled for some turns."""
        rebuilding = self.parts.builds.rebuild(self.driver.admin, corpus=self.corpus)
        before = self.wait_for(self.driver.read_corpus()).fingerprint
        if before == self.parts.build.digest:
            with pytest.raises(Conflict):
                self.wait_for(rebuilding)
            return
        self.wait_for(rebuilding)
        self.wait_for(self.fill(turns))
        texts = {key: self.text_of(key, taste) for key, taste in documents.items()}
        for key, text in texts.items():
            self.wait_for(self.driver.upload(key, text))
        self.work_off()
        self.follow(texts, before)

    async def fill(self, turns: int) -> None:
        """Fill the build for some turns, of one document each."""
        for _ in range(turns):
            if not await self.driver.is_filling():
                return
            await self.driver.service.runner.run_next()

    def follow(self, texts: dict[str, str], before: str) -> None:
        """Tell the model, in the order in which it happened."""
        first = self.model.highest + 1
        steps = [self.model.rebuild, lambda: self.model.upload(texts)]
        if self.wait_for(self.driver.build_of(first)) == before:
            steps.reverse()
        # A publish that is due goes before a preview: where one followed the other, the preview waited for both.
        is_in_a_row = self.wait_for(self.driver.read_corpus()).published == first + 1
        with self.model.preview_waiting() if is_in_a_row else nullcontext():
            for step in steps:
                step()
