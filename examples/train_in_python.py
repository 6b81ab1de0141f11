"""Train in Python: Llama 3.1 405B on 16,384 H100, as Meta did: the layout we would take, how long it takes, what it costs, and where the time goes.

python examples/train_in_python.py
"""

import suanli

plan = suanli.train(suanli.open_catalogue(), "llama-3.1-405b", ["nvidia-h100-sxm5-80gb"], [16_384], tokens=15.6e12, global_batch=2048)
best = plan.options[0]
ways = {name: int(getattr(best.configs, name)[0]) for name in ("tp", "cp", "pp", "vpp", "dp", "micro_batch")}
print(f"{best.found.tried:,} layouts tried, {best.found.running:,} can run; the best: {ways}")

for name, values, scale, unit in (
    ("step", best.estimate.step_time, 1, "s"),
    ("MFU", best.estimate.mfu[::-1], 0.01, "%"),  # the low MFU is that of the long step
    ("run", best.band.wall_time, 86_400, "days"),
    ("cost", best.band.cost, 1e6, "million USD"),
):
    low, mid, high = (float(value) / scale for value in values[:, 0])
    print(f"{name:<5} {mid:7.2f} {unit:<12} [{low:.2f}, {high:.2f}]")
print(f"a failure every {float(best.run.mtbf[0, 0]) / 3600:.1f} hours, goodput {float(best.run.goodput[0, 0]):.0%}")
