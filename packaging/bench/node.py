"""What the node costs: starting, idling, a turn, many turns, a thousand workers."""
import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

from programs import (
    Skip, TOP, binary, cpu_seconds, free_port, home, median, mock, note, peer, percentile, pss_mb, running, scripted,
    serving, token,
)

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def healthy(port, process):
    """Waits for the first answer of /healthz, as peers/coldstart.py does."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 0.5) as s:
                s.sendall(HEALTH)
                if s.recv(100):
                    return
        except OSError:
            pass
        if process.poll() is not None:
            raise RuntimeError("serve ended before it answered")
        time.sleep(0.0002)


def start_ms(folder):
    port = free_port()
    command = [binary("signalbox-node"), "--home", folder, "serve", "--listen", f"127.0.0.1:{port}"]
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        healthy(port, process)
        return (time.perf_counter() - begin) * 1000
    finally:
        process.terminate()
        process.wait()


def run_ms(command):
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begin) * 1000


def ready(quick):
    """node.ready: from exec to the first answer of /healthz, on a home that was used before and on a new one."""
    rounds = 5 if quick else 25
    used, new, floor = [], [], []
    hello = None
    with contextlib.suppress(Skip):
        hello = binary("bench_hello")
    with home() as folder:
        start_ms(folder)
        for _ in range(rounds):
            used.append(start_ms(folder))
            with home() as fresh:
                new.append(start_ms(fresh))
            if hello:
                floor.append(run_ms([hello]))
    more = {"rounds": rounds, "best": round(min(used), 2), "new_home": round(median(new), 2)}
    if floor:
        more["bare_qtcore"] = round(median(floor), 2)
    yield "node.ready", median(used), "ms", more


def idle(quick):
    """node.idle_pss: after 8 s of idling, and after 100 turns."""
    pause = 2 if quick else 8
    with scripted() as model, home(model.url) as folder, serving(folder) as node:
        time.sleep(pause)
        fresh = pss_mb(node.pid)
        before = cpu_seconds(node.pid)
        time.sleep(pause)
        idle_cpu = cpu_seconds(node.pid) - before
        client = Client(node.url, node.token)
        for i in range(20 if quick else 100):
            client.turn(f"idle-{i % 10}")
        time.sleep(1)
        yield "node.idle_pss", fresh, "MB", {
            "after_s": pause, "after_100_turns": round(pss_mb(node.pid), 1), "idle_cpu_ms_per_s": round(idle_cpu / pause * 1000, 1)
        }


class Client:
    """A bare HTTP client on one connection."""

    def __init__(self, url, key=""):
        match = re.match(r"http://([^:/]+):(\d+)(.*)", url)
        self.path = (match[3].removesuffix("/v1")) + "/v1/chat/completions"
        self.connection = http.client.HTTPConnection(match[1], int(match[2]), timeout=60)
        self.headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}

    def turn(self, user, stream=False):
        """One call to its end, in ms."""
        body = {"model": "assistant", "user": user, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
        data = json.dumps(body).encode()
        begin = time.perf_counter()
        self.connection.request("POST", self.path, data, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        took = (time.perf_counter() - begin) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {text[:200]!r}")
        return took


def services(delay):
    """The model services that can run here: ours, and the peers' mock."""
    yield "scripted", lambda: scripted(delay)

    def checked():
        return mock(delay)

    try:
        peer("mock_llm.mjs")
        yield "mock_llm.mjs", checked
    except Skip as why:
        note(str(why))


def overhead(quick):
    """turn.overhead: a turn through serve, less the same model call by a bare client; both in turns."""
    for delay in (0, 50):
        for name, start in services(delay):
            rounds = 40 if quick else (400 if delay == 0 else 150)
            through, bare, plain, new = [], [], [], []
            with start() as model, home(model.url) as folder, serving(folder) as node:
                ours, direct = Client(node.url, node.token), Client(model.url)
                for i in range(10):
                    ours.turn("warm"), direct.turn("warm", True), direct.turn("warm")
                busy = cpu_seconds(node.pid)
                for i in range(rounds):
                    # The serve asks its model for a stream; a bare client does the same for the same call.
                    through.append(ours.turn(f"c{i // 20}"))
                    bare.append(direct.turn("bare", True))
                    plain.append(direct.turn("bare"))
                cpu = (cpu_seconds(node.pid) - busy) / rounds
                for i in range(rounds // 4):
                    new.append(ours.turn(f"n{i}"))
            yield f"turn.overhead.{delay}ms.{name}", median(through) - median(bare), "ms", {
                "p99": round(percentile(through, 0.99) - percentile(bare, 0.99), 3),
                "serve_p50": round(median(through), 3), "serve_p99": round(percentile(through, 0.99), 3),
                "bare_p50": round(median(bare), 3), "bare_p99": round(percentile(bare, 0.99), 3),
                "bare_unstreamed_p50": round(median(plain), 3), "new_channel_p50": round(median(new), 3),
                "node_cpu_ms": round(cpu * 1000, 3), "turns": rounds,
            }


def load(url, key, concurrency, count):
    here = os.path.dirname(os.path.abspath(__file__))
    command = [sys.executable, f"{here}/load.py", f"{url}/chat/completions", key, "assistant", str(concurrency), str(count)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def peers_load(url, key, concurrency, count):
    """The same with the peers' own client."""
    command = [sys.executable, peer("turns.py"), f"{url}/chat/completions", key, str(concurrency), str(count)]
    text = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "MODEL": "assistant"}).stdout.decode()
    rate, p50 = re.search(r"turns/s ([\d.]+)", text), re.search(r"p50 (\d+)ms", text)
    bad = int(re.search(r"bad (\d+)", text)[1])
    return {"turns_s": float(rate[1]), "p50": float(p50[1]), "failed": bad}


def native_load(url, key, concurrency, count):
    """A client that hardly costs anything: what the node itself can do."""
    command = [binary("bench_turns"), f"{url}/chat/completions", key, "assistant", str(concurrency), str(count)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def turns(quick):
    """turns.N: turns a second at N channels with a model of 50 ms, beside the same client straight to the model."""
    for name, start in services(50):
        for client, way in (("load.py", load), ("turns.py", peers_load), ("bench_turns", native_load)):
            if client == "turns.py" and name == "scripted":
                continue
            for concurrency in (1, 50, 500):
                count = {1: 15, 50: 400, 500: 3000}[concurrency] // (4 if quick and concurrency > 1 else 1)
                try:
                    yield turns_row(name, start, client, way, concurrency, count, 1 if quick else 3)
                except Skip as why:
                    note(str(why))
                    break


def turns_row(name, start, client, way, concurrency, count, rounds):
    """Straight and through serve by turns, so that what else this machine does falls on both; the medians."""
    ratios, direct, through = [], [], []
    with start() as model, home(model.url) as folder, serving(folder) as node:
        way(f"{node.url}/v1", node.token, concurrency, concurrency)  # connections and statements are there
        node_busy = model_busy = 0.0
        for _ in range(rounds):
            direct.append(way(model.url, "x", concurrency, count))
            before = cpu_seconds(node.pid), cpu_seconds(model.pid)
            through.append(way(f"{node.url}/v1", node.token, concurrency, count))
            node_busy += cpu_seconds(node.pid) - before[0]
            model_busy += cpu_seconds(model.pid) - before[1]
            ratios.append(through[-1]["turns_s"] / direct[-1]["turns_s"])
    return f"turns.{concurrency}.{name}.{client}", median([t["turns_s"] for t in through]), "turns/s", {
        "direct": median([t["turns_s"] for t in direct]), "ratio": round(median(ratios), 3),
        "p50": median([t["p50"] for t in through]), "direct_p50": median([t["p50"] for t in direct]),
        "node_cpu_ms": round(node_busy * 1000 / count / rounds, 3), "model_cpu_ms": round(model_busy * 1000 / count / rounds, 3),
        "client_cpu_ms": median([t.get("client_cpu_ms", 0) for t in through]),
        "failed": sum(t["failed"] for t in through), "turns": count * rounds,
    }


def verify(quick):
    """verify.agent: journal verify of an agent that worked, the tables made from its journal included."""
    turns = 500 if quick else 5000
    with scripted() as model, home(model.url) as folder:
        with serving(folder) as node:
            load(f"{node.url}/v1", node.token, 100, turns)
        command = [binary("signalbox-node"), "--home", folder, "journal", "verify", "--json"]
        rates = []
        for _ in range(5):
            ran = subprocess.run(command, capture_output=True, check=True)
            report = max(map(json.loads, ran.stdout.splitlines()), key=lambda r: r["entries"])
            rates.append(report["entries"] / report["seconds"])
    yield "verify.agent", median(rates), "entries/s", {"entries": report["entries"], "turns": turns}


def metric(node, name):
    request = urllib.request.Request(f"{node.url}/metrics", headers={"Authorization": f"Bearer {node.token}"})
    text = urllib.request.urlopen(request, timeout=30).read().decode()
    return int(re.search(rf"^{name}(?:{{.*}})? (\d+)", text, re.M)[1])


def entries(folder, kind):
    """The journal's entries of a kind."""
    command = [binary("signalbox-node"), "--home", folder, "journal", "tail", "--json", "-n", "100000"]
    ran = subprocess.run(command, capture_output=True, check=True)
    return [e for e in map(json.loads, ran.stdout.splitlines()) if e.get("kind") == kind]


def workers(quick):
    """workers.N: N workers at once in one process while the model holds them all; memory for each, and all must end well."""
    channels, each = (4, 25) if quick else (20, 50)
    total, hold_ms = channels * each, 4000 if quick else 25000
    calls = [{"name": "spawn_worker", "arguments": {"task": f"Count the sheep of field {i}."}} for i in range(each)]
    script = {"rules": [
        {"when": {"tool": "spawn_worker", "last": "fan out"}, "always": {"tool_calls": calls}},
        {"when": {"tool": "spawn_worker"}, "always": {"text": "They are at work."}},
        {"when": {"tool": "shell"}, "always": {"text": "All sheep are there.", "delay_ms": hold_ms}},
    ], "otherwise": {"text": "ok"}}
    limits = f", limits: {{workers: {each}, tool_calls: 1000}}"
    with scripted(script=script) as model, home(model.url, limits) as folder, serving(folder) as node:
        client = Client(node.url, node.token)
        client.turn("warm")
        time.sleep(1)
        before, begin = pss_mb(node.pid), time.perf_counter()
        for i in range(channels):
            post = urllib.request.Request(
                f"{node.url}/v1/chat/completions", method="POST",
                data=json.dumps({"model": "assistant", "user": f"w{i}", "messages": [{"role": "user", "content": "fan out"}]}).encode(),
                headers={"Authorization": f"Bearer {node.token}", "Content-Type": "application/json"})
            urllib.request.urlopen(post, timeout=120).read()
        running_most, peak, deadline = 0, before, time.monotonic() + 240
        while True:
            now = metric(node, "signalbox_processes_running")
            running_most = max(running_most, now)
            peak = max(peak, pss_mb(node.pid))
            if now == 0 and running_most >= total * 0.9 or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        took = time.perf_counter() - begin
        time.sleep(2)
        after = pss_mb(node.pid)
        ended = entries(folder, "process.ended")
    good = sum(e["payload"].get("kind") == "worker" and e["payload"].get("state") == "succeeded" for e in ended)
    if good != total:
        raise RuntimeError(f"only {good} of {total} workers came to a good end ({running_most} were seen at once)")
    yield f"workers.{total}", (peak - before) * 1000 / total, "KB", {
        "at_once": running_most, "pss_before_mb": round(before, 1), "pss_peak_mb": round(peak, 1),
        "pss_after_mb": round(after, 1), "seconds": round(took, 1), "held_s": hold_ms / 1000,
    }
