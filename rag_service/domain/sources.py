"""Where documents come from besides uploads: the settings of each kind of source, and nothing secret.

Whoever makes a source chooses these; what sources may reach at all is the operator's choice and is checked when one is
opened. Credentials are handed on beside the settings and are never part of them.
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import SplitResult, urlsplit

from rag_service.errors import InvalidRequest

MAX_TEXT_CHARS = 2048
MAX_PATTERNS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSource:
    """A folder of the worker's machine, with all folders in it. Paths are absolute."""

    kind: ClassVar[str] = "folder"
    credential_names: ClassVar[frozenset[str]] = frozenset()

    path: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise InvalidRequest("The path of a folder begins with /.", param="path")
        _check_patterns(self.include, self.exclude)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSource:
    """One branch of a git repository; without a name the branch that the repository shows first.

    `path` is the folder of the repository that is read, empty for all of it.
    """

    kind: ClassVar[str] = "git"
    credential_names: ClassVar[frozenset[str]] = frozenset({"token", "username", "password"})

    url: str
    branch: str = ""
    path: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_url(self.url, schemes=("https", "http", "file"), param="url")
        if not self.branch.isprintable() or " " in self.branch or self.branch.startswith("-"):
            raise InvalidRequest("This is not the name of a branch.", param="branch")
        if self.path.startswith("/") or ".." in self.path.split("/"):
            raise InvalidRequest("The path is relative to the repository, without a slash before it.", param="path")
        _check_patterns(self.include, self.exclude)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebsiteSource:
    """Pages of one host whose path begins with `path_prefix`; empty: with the folder of `url`.

    They are found in `sitemaps` and, with `crawl`, by following links from `url`; `max_depth` links far.
    """

    kind: ClassVar[str] = "website"
    credential_names: ClassVar[frozenset[str]] = frozenset({"token", "username", "password"})

    url: str
    sitemaps: tuple[str, ...] = ()
    crawl: bool = True
    path_prefix: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_pages: int = 1000
    max_depth: int = 10
    delay_s: float = 0.5
    concurrency: int = 2

    def __post_init__(self) -> None:
        _check_url(self.url, schemes=("https", "http"), param="url")
        for sitemap in self.sitemaps:
            _check_url(sitemap, schemes=("https", "http"), param="sitemaps")
        if not self.crawl and not self.sitemaps:
            raise InvalidRequest("A website needs sitemaps, or has to be crawled.", param="crawl")
        if self.path_prefix and not self.path_prefix.startswith("/"):
            raise InvalidRequest("The prefix of paths begins with /.", param="path_prefix")
        _check_patterns(self.include, self.exclude)
        _check_range(self.max_pages, 1, 100_000, param="max_pages")
        _check_range(self.max_depth, 0, 100, param="max_depth")
        _check_range(self.delay_s, 0, 60, param="delay_s")
        _check_range(self.concurrency, 1, 8, param="concurrency")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStoreSource:
    """The objects under an fsspec URL such as s3://bucket/folder; `endpoint_url` and `region` are for S3 only."""

    kind: ClassVar[str] = "object_store"
    credential_names: ClassVar[frozenset[str]] = frozenset(
        {"key", "secret", "token", "username", "password", "account_name", "account_key", "sas_token"}
    )

    url: str
    endpoint_url: str = ""
    region: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parts = _check_url(self.url, schemes=None, param="url")
        if "::" in self.url or parts.scheme in {"http", "https", "file", "local"}:
            raise InvalidRequest("This address is not one of an object store, such as s3://bucket/folder.", param="url")
        if self.endpoint_url:
            _check_url(self.endpoint_url, schemes=("https", "http"), param="endpoint_url")
        if not self.region.replace("-", "").isalnum() and self.region:
            raise InvalidRequest("This is not the name of a region.", param="region")
        _check_patterns(self.include, self.exclude)


SourceSettings = FolderSource | GitSource | WebsiteSource | ObjectStoreSource

SOURCE_KINDS: Mapping[str, type[SourceSettings]] = MappingProxyType(
    {one.kind: one for one in (FolderSource, GitSource, WebsiteSource, ObjectStoreSource)}
)


def parse_source(kind: str, values: Mapping[str, object]) -> SourceSettings:
    """Return the settings of a source of `kind`, as they came from JSON.

    Raises:
        InvalidRequest: names the field that is unknown, missing, of another type or out of its range.
    """
    settings = _kind(kind)
    hints = get_type_hints(settings)
    known = {field.name: hints[field.name] for field in fields(settings)}
    for name in values:
        if name not in known:
            raise InvalidRequest(f"A source of kind {kind} has no setting {name}.", param=name)
    for field in fields(settings):
        if field.default is MISSING and field.name not in values:
            raise InvalidRequest(f"A source of kind {kind} needs {field.name}.", param=field.name)
    return settings(**{name: _typed(value, known[name], param=name) for name, value in values.items()})


def parse_credentials(kind: str, values: Mapping[str, object]) -> dict[str, str]:
    """Return the credentials for a source of `kind`; empty ones are left out.

    Raises:
        InvalidRequest: names what a source of this kind has no use for, never its value.
    """
    allowed = _kind(kind).credential_names
    for name, value in values.items():
        if name not in allowed:
            raise InvalidRequest(f"A source of kind {kind} takes no credential {name}.", param=name)
        if not isinstance(value, str) or len(value) > 2 * MAX_TEXT_CHARS or not value.isprintable():
            raise InvalidRequest(f"The credential {name} has to be one line of text.", param=name)
    return {name: str(value) for name, value in values.items() if value}


def addresses_of(settings: SourceSettings) -> frozenset[tuple[str, str]]:
    """Return scheme and host of every address that a source is asked at: its credentials are for these alone."""
    urls = {getattr(settings, name, "") for name in ("url", "endpoint_url")}
    return frozenset((parts.scheme, parts.netloc.lower()) for parts in map(urlsplit, urls))


def as_values(settings: SourceSettings) -> dict[str, Any]:
    """Return what `parse_source` reads, all of it plain JSON."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()}


def _kind(kind: str) -> type[SourceSettings]:
    if kind not in SOURCE_KINDS:
        raise InvalidRequest(f"A source is one of {', '.join(SOURCE_KINDS)}.", param="kind")
    return SOURCE_KINDS[kind]


_Plain = TypeVar("_Plain", str, int, float, bool)


def _typed(value: object, hint: Any, *, param: str) -> Any:
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise InvalidRequest(f"{param} is a list.", param=param)
        return tuple(_plain(one, get_args(hint)[0], param=param) for one in value)
    return _plain(value, hint, param=param)


def _plain(value: object, kind: type[_Plain], *, param: str) -> _Plain:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    # In Python True is a number, in JSON it is not.
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise InvalidRequest(f"{param} has to be {_WORDS[kind]}.", param=param)
    if isinstance(value, str) and (len(value) > MAX_TEXT_CHARS or not value.isprintable()):
        raise InvalidRequest(f"{param} has to be one line of up to {MAX_TEXT_CHARS} characters.", param=param)
    return value


_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _check_url(url: str, *, schemes: tuple[str, ...] | None, param: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is none
    except ValueError as exc:
        raise InvalidRequest("This is not an address.", param=param) from exc
    if not parts.scheme or "://" not in url or (schemes and parts.scheme not in schemes):
        expected = ", ".join(f"{scheme}://" for scheme in schemes or ("s3", "gs", "az"))
        raise InvalidRequest(f"The address has to begin with {expected}.", param=param)
    if "@" in parts.netloc:
        # Settings are shown to people and written to logs.
        raise InvalidRequest("An address holds no user name or password: hand them over as credentials.", param=param)
    if not parts.netloc and parts.scheme not in {"file", "memory"}:
        raise InvalidRequest("The address has no host.", param=param)
    return parts


def _check_patterns(include: tuple[str, ...], exclude: tuple[str, ...]) -> None:
    for param, patterns in (("include", include), ("exclude", exclude)):
        if len(patterns) > MAX_PATTERNS or not all(patterns):
            raise InvalidRequest(f"Up to {MAX_PATTERNS} patterns, none of them empty.", param=param)


def _check_range(value: float, low: float, high: float, *, param: str) -> None:
    if not low <= value <= high:
        raise InvalidRequest(f"{param} has to be from {low} to {high}.", param=param)
