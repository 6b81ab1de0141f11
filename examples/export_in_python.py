"""Export rules in Python: one chip with its distances, its years, the fastest design that may go, and the catalogue in one call.

python examples/export_in_python.py
"""

import datetime

import suanli

catalogue = suanli.open_catalogue()
on = datetime.date(2026, 11, 20)

goods = suanli.find_goods(catalogue, "h20")
verdict = suanli.export_verdict(catalogue, goods, "CN", on, layers=("US", "US-EL"))
print(verdict.headline())
for margin in sorted(verdict.margins, key=lambda each: abs(each.ratio - 1))[:3]:
    print(f"  {margin.metric}: {margin.value:g} against {margin.operator} {margin.threshold:g} ({margin.ratio:.3f} of the line, {margin.rule})")

for stretch in suanli.export_timeline(catalogue, goods, "CN", datetime.date(2024, 1, 1), on, layers=("US",)):
    print(f"  {stretch.since} to {stretch.until}: {stretch.verdict.licence} {stretch.verdict.review}")

# the same chip with less bandwidth is another product, which no letter names
slower = suanli.find_goods(catalogue, "h20", memory_bandwidth=1300.0, io_bandwidth=300.0)
print("with 1.3 TB/s and 300 GB/s:", suanli.export_verdict(catalogue, slower, "CN", on, layers=("US",)).licence)

fastest = suanli.export_design(catalogue, "CN", on, layers=("US", "US-EL"))
for reach in fastest.compute:
    print(f"  die area {reach.area_from:g} to {reach.area_to:g} mm2: performance below {reach.below_to:g}")

chips, items, found = suanli.export_all(catalogue, "CN", on)
print(f"{int(found.free.sum())} of {len(chips)} chips are free for China whatever is unknown of them")
