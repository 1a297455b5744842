"""What the Python peers of scripts/bench-peers have in common: a worker reads one request a line from
standard input, {task, cell, I, H, N, T, seconds}, measures, and answers with one line. So all peers of a row
can be measured in turn while each keeps what it has compiled.
"""

import json
import sys
import time


def measure(run, seconds):
    """Seconds of each run(), at least three, after one that warms up: others ran in between."""
    run()
    times = []
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return times


def serve(make, make_lm=None):
    """make(cell, I, H, N, T) gives run(), ready to be timed, or None where the peer has no such cell;
    make_lm(cell, H, N, T) likewise an update of a language model of two layers."""
    made = {}
    for line in sys.stdin:
        request = json.loads(line)
        task, *sizes = key = tuple(request.get(name) for name in ("task", "cell", "I", "H", "N", "T"))
        answer = {}
        try:
            if key not in made:
                made.clear()  # one at a time: large models fill the memory
                begin = time.perf_counter()
                if task == "lm":
                    run = make_lm(sizes[0], *sizes[2:]) if make_lm else None
                else:
                    run = make(*sizes)
                if run is not None:
                    run()
                made[key] = (run, time.perf_counter() - begin)
            run, compile_seconds = made[key]
            if run is not None:
                answer = {"times": measure(run, request["seconds"]), "compile_seconds": compile_seconds}
        except Exception as error:  # a peer that cannot do a row is told so in the table
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), flush=True)
