"""A git repository on this machine, read where it is."""

from pathlib import Path

from dulwich.objects import ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo

from ingestion.connectors.folder import allowed_path
from ingestion.connectors.git_mirror import BROKEN
from ingestion.connectors.limits import SourceLimits
from rag_service.errors import SourceRefused


class LocalRepository:
    """The repository at `path`, which has to be below an allowed root with all that belongs to it."""

    def __init__(self, path: str, branch: str, limits: SourceLimits) -> None:
        self._path = path
        self._branch = branch
        self._limits = limits

    def newest(self) -> tuple[Repo, ObjectID]:
        """Return the repository and the newest commit of the branch."""
        repo = self.present()
        ref = Ref(b"refs/heads/" + self._branch.encode()) if self._branch else Ref(b"HEAD")
        try:
            return repo, repo.refs[ref]
        except KeyError as exc:
            repo.close()
            raise SourceRefused(
                f"The repository has no branch {self._branch}." if self._branch else "The repository has no commits."
            ) from exc

    def present(self) -> Repo:
        """Return the repository."""
        try:
            repo = Repo(str(allowed_path(self._path, self._limits)))
        except BROKEN as exc:
            raise SourceRefused("There is no git repository in this folder.") from exc
        try:
            for folder in (repo.controldir(), repo.commondir(), *_borrowed_from(repo)):
                # A repository may say that its objects are elsewhere on this machine.
                allowed_path(folder, self._limits)
        except SourceRefused:
            repo.close()
            raise
        return repo

    def forget(self) -> None:
        """It is no copy, and stays."""

    def close(self) -> None:
        """Nothing is held."""


def _borrowed_from(repo: Repo) -> list[str]:
    try:
        lines = (Path(repo.commondir()) / "objects" / "info" / "alternates").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [str(Path(repo.commondir()) / "objects" / line) for line in lines if line and not line.startswith("#")]
