"""How right are the predictions on measurements of your own? Two made-up rows, judged; with your table, give its path.

python examples/judge_predictions.py
"""

import tempfile
from pathlib import Path

import suanli

MEASURED = """id,chip,n_chips,model,precision,framework,mode,isl,osl,concurrency_or_batch,tp,ttft_ms,tpot_ms,tokens_per_s_total
mine-1,h100,8,llama-3.1-70b,fp8,vllm 0.11.0,agg,1024,1024,16,8,150,11,1420
mine-2,h100,8,llama-3.1-70b,fp8,vllm 0.11.0,agg,1024,1024,64,8,310,17,3650
"""

with tempfile.TemporaryDirectory() as folder:
    table = Path(folder) / "measured.csv"
    table.write_text(MEASURED, encoding="utf-8")
    found = suanli.accuracy_serving(suanli.open_catalogue(), table)

print(f"{found.answered} of {found.scored} rows answered")
for score in found.of("all"):
    print(f"{score.figure}: off by {score.median:.0%} in the median, {score.inside:.0%} inside the 80 % interval")
