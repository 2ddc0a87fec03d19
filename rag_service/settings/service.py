"""Sections about the service itself: where it keeps what it has, who may use it, what it writes to its log."""

from typing import Literal

from pydantic import Field, SecretStr

from rag_service.settings.section import Section


class CatalogSettings(Section):
    """Where the SQL catalog is. Empty `url`: SQLite in the data folder."""

    url: str = ""
    pool_size: int = Field(5, ge=1)


class BlobSettings(Section):
    """Where raw files are: any fsspec URL. Empty: a folder in the data folder."""

    url: str = ""


class SecuritySettings(Section):
    """Logins and keys."""

    session_hours: float = Field(12, gt=0)
    login_link_minutes: float = Field(60, gt=0)
    authorisation_cache_s: float = Field(2.0, ge=0, le=4, description="how long a revoked key may go on")
    secret: SecretStr = Field(
        SecretStr(""),
        description="at least 32 characters, for keyed hashes and signatures, the same in every process; "
        "empty: a file in the data folder",
    )
    public_url: str = Field("", description="address people reach the service at; empty: http://127.0.0.1:PORT")


class LimitSettings(Section):
    """How many questions and searches one process takes on; more are refused with 429 and `Retry-After`."""

    at_once: int = Field(16, ge=1, description="searched at the same time")
    waiting: int = Field(512, ge=0, description="longest line of a burst")
    burst_s: float = Field(10.0, ge=0, description="a line that stood longer is no burst, but more than can be done")
    standing: int = Field(32, ge=0, description="longest line from then on, until it was empty once")
    wait_s: float = Field(15.0, gt=0, description="longest wait in the line")


class LogSettings(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"
