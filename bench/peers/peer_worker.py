"""What the Python peers of scripts/bench-peers have in common: a worker reads one request a line from
standard input, {cell, I, H, N, T, seconds}, measures, and answers with one line. So all peers of a row
can be measured in turn while each keeps what it has compiled.
"""

import json
import sys
import time


def measure(run, seconds):
    """Times of run(), at least three: median, least, spread as `cellwright bench` has them."""
    times = []
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return times


def serve(make):
    """make(cell, I, H, N, T) gives run(), ready to be timed, or None where the peer has no such cell."""
    made = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = tuple(request[name] for name in ("cell", "I", "H", "N", "T"))
        answer = {}
        try:
            if key not in made:
                made.clear()  # one at a time: large models fill the memory
                begin = time.perf_counter()
                run = make(*key)
                if run is not None:
                    run()
                made[key] = (run, time.perf_counter() - begin)
            run, compile_seconds = made[key]
            if run is not None:
                answer = {"times": measure(run, request["seconds"]), "compile_seconds": compile_seconds}
        except Exception as error:  # a peer that cannot do a row is told so in the table
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), flush=True)
