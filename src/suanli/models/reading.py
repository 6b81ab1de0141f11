"""The model a user means: a bundled name, a saved ``config.json``, or a repository on Hugging Face."""

from __future__ import annotations

import json
import logging
import math
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from suanli.errors import BadFile, BadInput, UnknownName, nearest
from suanli.facts import Catalogue
from suanli.facts.names import fold, index
from suanli.models.importing import architecture_of_config, is_known_family, precision_of_name
from suanli.models.model import Model, ModelFile, Weights, load_models, model_of
from suanli.models.recipes import draft_operators, operators
from suanli.words import DEFAULT_LANGUAGE, say

_REPOSITORY = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+)(?:[/?#].*)?|([\w.-]+/[\w.-]+)")
_PATIENCE = 10.0  # seconds until a download is given up
_REPLY = 5.0  # seconds the server has to answer

# Words of a checkpoint's or benchmark's name that do not change the architecture, in the order they are taken away.
_ASIDES = (
    r"\(.*?\)",
    r"(?<![a-z0-9])(bf16|fp16|fp8|mxfp8|fp4|nvfp4|mxfp4|int8|int4|w8a8|w4a16|w4a8|awq|gptq|quantized|dynamic|\d\d\.\d\d)(?![a-z0-9])",
    r"(?<![a-z0-9])(instruct|chat|base|it|hf|dev|sft|lora|finetuning|finetune|maxtext|deepspeed|flagscale|torch|thinking|preview)(?![a-z0-9])",
    r"(?<![a-z0-9])(megatron|nemo)(?![a-z0-9])",
)


def read_model(text: str, catalogue: Catalogue, language: str = DEFAULT_LANGUAGE) -> Model:
    """The model called ``text``: bundled id, alias or name (any case), ``OWNER/NAME``, a Hugging Face address, or a path of a
    config.json or of a folder that holds one. A precision in the name ("-FP8", "-NVFP4") sets the precision of the weights.

    Raises ``UnknownName`` with the nearest bundled models, ``BadFile`` for a configuration that cannot be read, ``BadInput`` where the
    repository cannot be fetched (no package, no network, no such repository); all of one line.
    """
    text = text.strip()
    paths = catalogue.paths("models")
    if fold(text) in paths:
        return model_of(catalogue.record("models", fold(text), ModelFile))
    if _looks_like_path(text):
        return _of_file(Path(text).expanduser(), language)
    names = index(load_models(catalogue).values())
    repository = _repository(text)
    for candidate in _candidates(repository or text):
        if candidate in names:
            return _in_precision(names[candidate], text)
    if repository:
        return _of_config(_fetch(repository, names), repository, f"{repository}/config.json", language)
    raise UnknownName("model", text, names)


def _looks_like_path(text: str) -> bool:
    if text.startswith(("./", "../", "/", "~")) or text.endswith(".json"):
        return not text.startswith(("http://", "https://"))
    return ("/" in text or "\\" in text) and Path(text).exists()


def _repository(text: str) -> str:
    match = _REPOSITORY.fullmatch(text)
    return (match[1] or match[2] or "") if match else ""


def _candidates(text: str) -> Iterator[str]:
    """Folded forms of a name, from the name itself to the name without asides."""
    forms = [fold(text)]
    yield forms[0]
    for pattern in _ASIDES:
        shorter = fold(re.sub(r"[\s_-]+", "-", re.sub(pattern, "", forms[-1])).strip("-"))
        if shorter and shorter != forms[-1]:
            forms.append(shorter)
            yield shorter


def _in_precision(model: Model, text: str) -> Model:
    precision = precision_of_name(text)
    return replace(model, weights=Weights(default=precision)) if precision and precision != model.weights.default else model


def _of_file(path: Path, language: str) -> Model:
    found = path / "config.json" if path.is_dir() else path
    try:
        config = json.loads(found.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadFile("errors.file_missing", file=str(found)) from None
    except (ValueError, OSError) as error:
        raise BadFile("errors.file_syntax", file=str(found), detail=_one_line(error)) from None
    name = found.parent.resolve().name if found.name == "config.json" else found.stem
    return _of_config(config, name, str(found), language)


def _of_config(config: Any, name: str, source: str, language: str) -> Model:
    architecture, weights = architecture_of_config(config, source)
    known = is_known_family(config)
    stated = precision_of_name(name)
    if stated and weights == Weights():
        weights = Weights(default=stated)
    return Model(
        id=fold(name.rsplit("/", 1)[-1]), name=name, name_zh="", developer=name.split("/")[0] if "/" in name else "",
        aliases=(), released="",
        note="" if known else say("models.unfamiliar", language, family=str(config.get("model_type", "?"))),
        architecture=architecture, ops=operators(architecture), draft_ops=draft_operators(architecture), weights=weights,
        published_parameters=math.nan, published_active=math.nan, own=True,
    )  # fmt: skip


def _fetch(repository: str, names: dict[str, Model]) -> Any:
    """``config.json`` of a Hugging Face repository; gives up after ``_PATIENCE`` seconds."""
    close = ", ".join(_nearest_ids(repository, names))
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise BadInput("models.hub_not_installed", name=repository, nearest=close) from None
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it reports every retry; the user gets one line from us
    outcome: list[Any] = []

    def download() -> None:
        try:
            outcome.append(json.loads(Path(hf_hub_download(repository, "config.json", etag_timeout=_REPLY)).read_text(encoding="utf-8")))
        except Exception as error:  # whatever the package raises, the user gets one line
            outcome.append(error)

    thread = threading.Thread(target=download, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    if not outcome:
        raise BadInput("models.hub_failed", name=repository, detail="@models.hub_silent", nearest=close)
    if isinstance(outcome[0], Exception):
        raise BadInput("models.hub_failed", name=repository, detail=_one_line(outcome[0]), nearest=close)
    return outcome[0]


def _nearest_ids(repository: str, names: dict[str, Model]) -> list[str]:
    close = [names[fold(each)].id for each in nearest(repository.rsplit("/", 1)[-1], names)]
    return list(dict.fromkeys(close)) or sorted({model.id for model in names.values()})[:2]


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".")[:120] if lines else type(error).__name__
