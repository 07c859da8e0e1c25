"""Programs under measurement: starting them, their homes, and what the kernel knows of them."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("SB_BUILD_DIR", os.path.join(TOP, "build/release")))
PEERS = os.environ.get("SIGNALBOX_PEERS", os.path.join(os.path.dirname(TOP), "shared/peers"))


class Skip(Exception):
    """Something that this measurement needs is not on this machine."""


def note(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def binary(name):
    """A program of ours, in the build folder or on the PATH."""
    for path in (os.path.join(BUILD, "bin", name), os.path.join(BUILD, "tests", name)):
        if os.access(path, os.X_OK):
            return path
    found = shutil.which(name)
    if not found:
        raise Skip(f"{name} is not built in {BUILD}")
    return found


def peer(name):
    path = os.path.join(PEERS, name)
    if not os.path.exists(path):
        raise Skip(f"{name} is not in {PEERS} (SIGNALBOX_PEERS names another folder)")
    return path


def tool(name):
    found = shutil.which(name)
    if not found:
        raise Skip(f"{name} is not installed")
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def family(root):
    """A process and all its descendants."""
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat") as f:
                parents[int(pid)] = int(f.read().rsplit(")", 1)[1].split()[1])
    found = {root}
    while True:
        more = {pid for pid, up in parents.items() if up in found} - found
        if not more:
            return found
        found |= more


def pss_mb(root):
    """Proportional set size of a process and its descendants, in MB (10^6 bytes)."""
    kib = 0
    for pid in family(root):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/smaps_rollup") as f:
                kib += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return kib * 1024 / 1e6


def cpu_seconds(pid):
    """User and system time of all threads of a process so far."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@contextlib.contextmanager
def running(command, ready=None, env=None, timeout=30):
    """A program of its own group, ended on the way out. With `ready`, waits for a line that
    begins so (`.line`); empty, its standard output is the caller's to read."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if ready is not None else subprocess.DEVNULL,
        stderr=None if os.environ.get("SB_BENCH_VERBOSE") else subprocess.DEVNULL,
        env=env,
        start_new_session=True,
    )
    try:
        if ready:
            deadline = time.monotonic() + timeout
            process.line = ""
            while not process.line.startswith(ready):
                process.line = process.stdout.readline().decode(errors="replace").strip()
                if time.monotonic() > deadline or (not process.line and process.poll() is not None):
                    raise RuntimeError(f"{os.path.basename(command[0])} did not start")
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout:
            process.stdout.close()


@contextlib.contextmanager
def home(model_url="http://127.0.0.1:9/v1", limits=""):
    """A home with one agent, "assistant", whose model service is at that address."""
    folder = tempfile.mkdtemp(prefix="sb-bench-")
    try:
        os.makedirs(f"{folder}/work")
        os.makedirs(f"{folder}/home", mode=0o700)
        with open(f"{folder}/home/signalbox.yaml", "w") as f:
            f.write(
                "models:\n"
                "  providers:\n"
                f'    - {{id: local, api: openai-chat, base_url: "{model_url}"}}\n'
                "  routes: {default: local/m}\n"
                "agents:\n"
                f"  - {{id: assistant, workspace: {folder}/work{limits}}}\n"
            )
        yield f"{folder}/home"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def serving(folder, port=0):
    """`serve` on a home; `.url`, `.token`."""
    command = [binary("signalbox-node"), "--home", folder, "serve", "--listen", f"127.0.0.1:{port}"]
    with running(command, ready="ready ") as process:
        process.url = f"http://{process.line.split()[1]}"
        process.token = token(folder)
        yield process


def token(folder):
    with open(f"{folder}/run/token") as f:
        return f.read().strip()


@contextlib.contextmanager
def scripted(delay_ms=0, script=None, pieces=8):
    """Our own scripted model service; `.url`."""
    command = [binary("scripted-model"), "0", "--delay", str(delay_ms), "--pieces", str(pieces)]
    with contextlib.ExitStack() as stack:
        if script is not None:
            f = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".json"))
            json.dump(script, f)
            f.flush()
            command = [binary("scripted-model"), "0", "--script", f.name]
        process = stack.enter_context(running(command, ready="ready "))
        process.url = f"http://{process.line.split()[1]}/v1"
        yield process


@contextlib.contextmanager
def mock(delay_ms=50):
    """The peers' mock of a model service; `.url`."""
    script, node, port = peer("mock_llm.mjs"), tool("node"), free_port()
    with running([node, script, str(port), str(delay_ms)]) as process:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            if time.monotonic() > deadline:
                raise RuntimeError("the mock did not start")
            time.sleep(0.02)
        process.url = f"http://127.0.0.1:{port}/v1"
        yield process


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))]


def median(values):
    return percentile(values, 0.5)
