"""LanceDB's vector search on vectors of the same shape, beside our own recall (bench_memory)."""
import subprocess

import programs


def lancedb(_quick):
    """100,000 x 384, as the peer's script measures it; it installs LanceDB with npm where it is not there yet."""
    script = programs.peer("lancedb.sh")
    for needed in ("node", "npm", "g++"):
        programs.tool(needed)
    try:
        ran = subprocess.run(["bash", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=900)
    except subprocess.TimeoutExpired:
        raise programs.Skip("LanceDB was not done in 15 minutes") from None
    if ran.returncode != 0:
        raise programs.Skip("LanceDB could not be installed or run")
    for line in ran.stdout.decode().splitlines():
        words = line.split()
        if words[:1] in (["insert_s"], ["index_s"]):
            yield f"memory.lancedb.{words[0][:-2]}", float(words[1]), "s", {}
        elif "p50_ms" in words:
            label = "".join(words[: words.index("p50_ms")])
            figures = dict(zip(words[words.index("p50_ms") :: 2], words[words.index("p50_ms") + 1 :: 2]))
            more = {"p99": float(figures["p99_ms"]), "recall_at_10": float(figures["recall@10"])}
            yield f"memory.lancedb.{label}", float(figures["p50_ms"]), "ms", more
