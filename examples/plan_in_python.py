"""Plan in Python: the three cheapest ways to serve a model, with a chip of one's own among them.

python examples/plan_in_python.py
"""

from pathlib import Path

import suanli

catalogue = suanli.open_catalogue([Path(__file__).parent / "own_chip"])
plan = suanli.plan(catalogue, "llama-3.1-70b", place="SG", rate=20.0, input_length=1000.0, output_length=300.0, ttft=2.0, tpot=0.05)
for option in plan.options[:3]:
    cost = option.cost_per_million
    print(
        f"{option.chips.mid:.0f} x {option.chip.name:<24} {option.precision:<5} {cost.low:6.2f} {cost.mid:6.2f} {cost.high:6.2f} USD per million output tokens"
    )
own = next(option for option in plan.options if option.chip.id == "paper-x1")
print(
    f"{own.chip.name} ranks {plan.options.index(own) + 1} of {len(plan.options)}; its price is {'estimated from its class' if own.price_estimated else 'ours'}"
)
