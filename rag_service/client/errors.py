"""What the client raises: the service's own message, and a hint what to do."""

import httpx

from rag_service.errors import RagError

ADVICE: dict[int, str] = {
    401: "Give a working key: --key, RAGCTL_KEY, or a --key-file such as admin.key in the data folder.",
    404: "Check the name, and that the key may see it; `rag corpus list` shows what it can.",
    413: "Split the file, or raise the limit in the service's settings.",
    429: "The service is busy; wait a little and try again.",
    503: "A part of the service is starting or down; /readyz says which.",
}
UNREACHABLE = "Is the service running there? `rag serve` starts it; --url says where it is."


class ApiError(RagError):
    """The service refused, or could not be reached (`status` None)."""

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None, advice: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.advice = advice


def refusal(response: httpx.Response) -> ApiError:
    """Return the error that a reply of the service tells."""
    try:
        problem = response.json()["error"]
        message, code = str(problem["message"]), problem.get("code")
    except (ValueError, KeyError, TypeError, AttributeError):
        message, code = f"{response.status_code} {response.reason_phrase} from {response.url}", None
    return ApiError(message, status=response.status_code, code=code, advice=ADVICE.get(response.status_code, ""))
