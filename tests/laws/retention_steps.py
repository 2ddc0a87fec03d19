"""Versions that grow old."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from rag_service.domain.findings import FindingKind
from tests.integration.crashing import CrashError
from tests.laws.history import History


class RetentionSteps(History):
    """Days pass, and what is too old goes, also where that is cut short."""

    @rule(versions=st.integers(1, 4), days=st.integers(0, 2), passed=st.integers(0, 2), at=st.integers(0, 8))
    def retain(self, versions: int, days: int, passed: int, at: int) -> None:
        """Let some days pass and then apply retention, cut short at step `at` unless that is 0."""
        self.pass_days(passed)
        self.wait_for(self.driver.keep(versions=versions, days=days))
        before = self.model.versions.keys() - {0}
        self.model.retain(versions=versions, days=days)
        self.wait_for(self.apply(at))
        # The bytes of files that went are left to the reconciler, and nothing else.
        found = self.wait_for(self.parts.reconcile(self.driver.admin, dry_run=False))
        assert {one.kind for one in found} <= {FindingKind.ORPHAN_BLOB}
        for number in before - self.model.versions.keys():
            self.is_gone(number)

    async def apply(self, at: int) -> None:
        """Apply retention, and again with a reconciliation when it was cut short."""
        self.place.fuse.at = self.place.fuse.steps + at if at else 0
        try:
            await self.driver.apply_retention()
        except CrashError:
            await self.look_at_recorded()
            await self.driver.apply_retention()
            await self.parts.reconcile(self.driver.admin, dry_run=False)
        finally:
            self.place.fuse.at = 0
