"""What training software is called, in tables and in the calibration."""

from __future__ import annotations

import re

#: a word of a framework's name -> the stack it is, first match wins
_WORDS = (
    ("mlperf", "mlperf"),
    ("megatron-bridge", "megatron-bridge"),
    ("megatron-deepspeed", "deepspeed"),
    ("maxtext on gpu", "maxtext-gpu"),
    ("maxtext", "maxtext"),
    ("t5x", "maxtext"),
    ("llm-foundry", "llm-foundry"),
    ("deepspeed", "deepspeed"),
    ("flagscale", "megatron-lm"),
    ("primus", "primus"),
    ("megascale ablation: baseline", "megatron-lm"),
    ("megascale", "megascale"),
    ("dgxc", "nemo"),
    ("nemo", "nemo"),
    ("megatron", "megatron-lm"),
    ("hai-llm", "hai-llm"),
    ("mindspeed", "mindspeed"),
    ("mindspore", "mindspeed"),
)
#: whole names that mean a stack as it comes, run by a benchmark's keeper (FlagPerf), not by its makers
_PLAIN = {"megatron": "megatron-plain", "flagscale": "megatron-plain", "torch": "deepspeed"}

#: stacks that send a token once to each scale-up domain and copy it there (DeepEP and its like)
COPIES_THERE = ("megatron-bridge", "hai-llm")
#: the stack that is taken where nobody names one, by the chip's maker
USUAL = {"nvidia": "megatron-bridge", "google": "maxtext", "amd": "primus"}
#: every name that is known
STACKS = tuple(dict.fromkeys([*(stack for _, stack in _WORDS), *_PLAIN.values()]))


def stack_name(framework: str) -> str:
    """The stack without its version; "" where blank or unknown.

    >>> stack_name("Megatron-Bridge/NeMo 26.04"), stack_name("llm-foundry/Composer FSDP"), stack_name("dgxc maxtext"), stack_name("")
    ('megatron-bridge', 'llm-foundry', 'maxtext', '')
    """
    low = framework.lower().strip()
    if low in _PLAIN:
        return _PLAIN[low]
    return next((stack for word, stack in _WORDS if word in low), "")


def stack_version(framework: str) -> str:
    """The stack with its version, where the text names one.

    >>> stack_version("Megatron-Bridge/NeMo 26.04.01"), stack_version("NeMo24.03.01.framework"), stack_version("Megatron-LM")
    ('megatron-bridge 26.04.01', 'nemo 24.03.01', 'megatron-lm')
    """
    name = stack_name(framework)
    match = re.search(r"v\d\.\d", framework) if name == "mlperf" else re.search(r"\d\d\.\d\d(\.\d\d)?", framework)
    return f"{name} {match[0]}" if name and match else name
