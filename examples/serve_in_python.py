"""What one server does: time to first token, time per token and rate under a load, with the 80 % interval.

python examples/serve_in_python.py
"""

import suanli

answer = suanli.serve(
    suanli.open_catalogue(), "qwen3-32b", "huawei-ascend-910b3", chips=8, precision="int8", input_length=1024, output_length=512, concurrency=64
)
for name, values, unit in (
    ("time to first token", answer.estimate.ttft, "s"),
    ("time per token", answer.estimate.tpot, "s"),
    ("output tokens a second", answer.estimate.tokens_rate, ""),
):
    low, mid, high = (float(value) for value in values[:, 0])
    print(f"{name:<24} {mid:10.3f} {unit:<2} [{low:.3f}, {high:.3f}]")
