"""usage: load.py URL TOKEN MODEL CONCURRENCY N: POSTs N chat completions, each on a connection and a channel of its own.
Prints one JSON object: turns/s, p50 and p99 in ms, how many failed, and the client's own processor time a turn."""
import concurrent.futures
import json
import os
import sys
import time
import urllib.request


def main():
    url, token, model = sys.argv[1:4]
    concurrency, count = int(sys.argv[4]), int(sys.argv[5])

    def one(i):
        body = {"model": model, "user": f"l{os.getpid()}-{i}", "messages": [{"role": "user", "content": f"hello {i}"}]}
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)
        start = time.perf_counter()
        try:
            answer = json.loads(urllib.request.urlopen(request, timeout=120).read())
            good = bool(answer["choices"][0]["message"]["content"])
        except Exception as error:  # any failure counts the same
            good, _ = False, error
        return time.perf_counter() - start, good

    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(concurrency) as pool:
        results = list(pool.map(one, range(count)))
    wall = time.perf_counter() - start
    times = sorted(t for t, _ in results)
    print(json.dumps({
        "turns_s": round(count / wall, 1),
        "p50": round(times[count // 2] * 1000, 2),
        "p99": round(times[int(count * 0.99)] * 1000, 2),
        "failed": sum(not good for _, good in results),
        "client_cpu_ms": round(time.process_time() * 1000 / count, 3),
    }))


main()
