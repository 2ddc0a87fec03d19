"""What every section of the configuration is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of every section: a misspelt key stops the start instead of doing nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)
