"""Run the benchmarks by name; without a name all of them."""

from __future__ import annotations

import sys

from bench import alerts, knowledge, live, million, pages, results, samples, search, start, tickets

BENCHES = {
    "alerts": alerts.main,
    "knowledge": knowledge.main,
    "live": live.main,
    "million": million.main,
    "pages": pages.main,
    "results": results.main,
    "samples": samples.main,
    "search": search.main,
    "start": start.main,
    "tickets": tickets.main,
}


def main() -> int:
    wanted = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in wanted if name not in BENCHES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name in wanted:
        print(f"# {name}", flush=True)
        BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
