"""What the window costs: shown, idle."""
import contextlib
import json
import os
import subprocess
import time

from programs import Skip, binary, family, home, median, note, pss_mb, running, tool


@contextlib.contextmanager
def display():
    """A display of its own without a window manager."""
    command = [tool("Xvfb"), "-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset"]
    with running(command, ready="") as server:
        server.line = ""
        while not server.line.strip().isdigit():
            server.line = server.stdout.readline().decode()
            if not server.line and server.poll() is not None:
                raise Skip("Xvfb does not start here")
        yield f":{server.line.strip()}"


def environment(platform, where=None):
    env = {**os.environ, "QT_QPA_PLATFORM": platform, "LC_ALL": "C.UTF-8", "QT_LOGGING_RULES": "*=false"}
    env.pop("SIGNALBOX_HOME", None)
    if where:
        env["DISPLAY"] = where
    return env


def once(env, idle_s=0):
    """One start of the window on a new home."""
    with home() as folder:
        env = {**env, "SB_BENCH_START": str(time.monotonic_ns())}
        ran = subprocess.run([binary("bench_window"), folder, str(idle_s)], env=env, capture_output=True, timeout=120)
        if ran.returncode != 0:
            raise RuntimeError(ran.stderr.decode(errors="replace").strip())
        return json.loads(ran.stdout)


def shown(quick):
    """window.shown: from exec to the first painted frame, on X11 (Xvfb) and without a display."""
    rounds = 3 if quick else 12
    with contextlib.ExitStack() as stack:
        places = {"offscreen": environment("offscreen")}
        try:
            places["xcb"] = environment("xcb", stack.enter_context(display()))
        except Skip as why:
            note(str(why))
        for place, env in places.items():
            once(env)
            runs = [once(env) for _ in range(rounds)]
            more = {name: median([r[name] for r in runs]) for name in ("main_ms", "qt_ms", "built_ms", "show_ms")}
            yield f"window.shown.{place}", median([r["painted_ms"] for r in runs]), "ms", {"rounds": rounds, **more}


def mapped(quick):
    """window.mapped: from exec of the real program to its window on an X display, as an outsider sees it (polled)."""
    rounds, times = 3 if quick else 8, []
    xdotool = tool("xdotool")
    with display() as where:
        env = environment("xcb", where)
        for _ in range(rounds + 1):
            with home() as folder:
                begin = time.perf_counter()
                with running([binary("signalbox"), "--home", folder], env=env):
                    search = [xdotool, "search", "--onlyvisible", "--class", "signalbox"]
                    while subprocess.run(search, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
                        if time.perf_counter() - begin > 60:
                            raise RuntimeError("the window was not seen within 60 s")
                        time.sleep(0.005)
                    times.append((time.perf_counter() - begin) * 1000)
    yield "window.mapped", median(times[1:]), "ms", {"rounds": rounds}


def idle(quick):
    """window.idle_pss: the real program after 8 s, on X11 where there is a display server, else offscreen."""
    with contextlib.ExitStack() as stack:
        try:
            env = environment("xcb", stack.enter_context(display()))
        except Skip as why:
            note(str(why))
            env = environment("offscreen")
        folder = stack.enter_context(home())
        window = stack.enter_context(running([binary("signalbox"), "--home", folder], env=env))
        pause = 3 if quick else 8
        time.sleep(pause)
        if window.poll() is not None:
            raise RuntimeError("the window ended by itself")
        yield "window.idle_pss", pss_mb(window.pid), "MB", {
            "platform": env["QT_QPA_PLATFORM"], "after_s": pause, "processes": len(family(window.pid))
        }
