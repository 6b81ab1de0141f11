"""What serving engines are called, in tables and in the calibration."""

from __future__ import annotations


def engine_version(framework: str) -> str:
    """``"vLLM 0.12.0"`` and ``"TensorRT-LLM (PyTorch backend)"`` as the calibration calls them, version included; "" where blank.

    >>> engine_version(" vLLM  0.12.0"), engine_version("TensorRT-LLM (PyTorch backend)")
    ('vllm 0.12.0', 'trtllm (pytorch backend)')
    """
    return " ".join(framework.lower().replace("tensorrt-llm", "trtllm").split())


def engine_name(framework: str) -> str:
    """The engine without its version.

    >>> engine_name("TensorRT-LLM (PyTorch backend)"), engine_name("vllm 0.12.0"), engine_name("")
    ('trtllm', 'vllm', '')
    """
    return engine_version(framework).partition(" ")[0]
