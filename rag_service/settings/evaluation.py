"""The section about evaluations, which the evaluation worker and the gates go by."""

import re

from pydantic import Field, SecretStr, field_validator

from rag_service.domain.metric_names import JUDGED, JudgedMetric
from rag_service.settings.section import Section

_HEADERS = r"(\s*[A-Za-z0-9_-]+\s*=[\x20-\x2b\x2d-\x7e]*(,|$))*"


class EvaluationSettings(Section):
    """What is measured without being asked for, and the language model that judges, if there is one."""

    gate: bool = Field(True, description="held drafts answer the golden questions of their corpus before they go live")
    gate_judgements: int = Field(
        3,
        ge=0,
        le=10,
        description="a judge holds a draft back when it finds it worse so many times; 0: it is not asked",
    )
    gate_judge_s: float = Field(
        1800.0,
        gt=0,
        description="how long a judge may take over one draft; what it has not said by then is not counted",
    )
    nightly_at: str = Field(
        "02:00",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$",
        description="when every corpus with golden questions is measured, HH:MM in UTC; empty for never",
    )
    parallel: int = Field(4, ge=1, le=64, description="questions that are asked at once")
    poll_s: float = Field(2.0, gt=0, description="how often the evaluation worker looks for jobs")
    gap_days: int = Field(30, ge=1, le=3650, description="content gaps are looked for in the questions of so many days")
    gap_questions: int = Field(
        2000, ge=1, le=5000, description="so many of the newest of these questions are looked at"
    )
    gap_similarity: float = Field(
        0.55, ge=-1, le=1, description="questions are of one gap while the mean cosine of their pairs is this"
    )
    judge_url: str = Field("", description="OpenAI-compatible endpoint of the judge; empty for none")
    judge_model: str = ""
    judge_key: SecretStr = SecretStr("")
    judge_seed: int = 0
    judge_metrics: tuple[JudgedMetric, ...] = Field(JUDGED, min_length=1, description="what it is asked")
    judge_max_tokens: int = Field(2048, ge=1, description="longest of its replies")
    judge_timeout_s: float = Field(60.0, gt=0)
    live_rate: float = Field(0.1, ge=0, le=1, description="share of the answers people get that is scored; 0 for none")
    live_least: int = Field(
        200, ge=0, description="so many answers of each status of a corpus are scored a day, where there are as many"
    )
    live_most: int = Field(
        1000, ge=1, description="so many of them at most, unless live_least is more: their scores and vectors are kept"
    )
    live_judge: bool = Field(False, description="the judge scores them too; it is then sent what people asked")
    drift_reference_days: int = Field(14, ge=1, le=90, description="days with which a window is compared")
    drift_window_days: int = Field(1, ge=1, le=30, description="days of a window; one ends at each midnight, UTC")
    drift_least: int = Field(50, ge=50, description="answers on either side below which nothing is compared")
    otlp_endpoint: str = Field(
        "",
        # The address is printed, so it has no secret: neither a user nor a query.
        pattern=r"^(https?://[^\s@?#]+)?$",
        description="where each run is sent when it ends, by OTLP over HTTP; /v1/traces is added; empty for nowhere",
    )
    otlp_headers: SecretStr = Field(
        SecretStr(""),
        description="sent along, as NAME=VALUE with commas between; what is written as %2C and the like is decoded",
    )
    otlp_content: bool = Field(
        False, description="questions, answers and passages are sent too, not only figures and ids"
    )
    otlp_timeout_s: float = Field(15.0, gt=0, description="how long the sending of a run may take")

    @field_validator("otlp_headers")
    @classmethod
    def _are_headers(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(_HEADERS, value.get_secret_value()):
            raise ValueError("must be NAME=VALUE with commas between")
        return value
