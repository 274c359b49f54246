"""Counted readers per true reader, by how the tracker tells readers apart: the figures of docs/embedding.md.

A simulation of arithmetic alone: the dedupe window is longer than what it looks at, and nothing is sent anywhere.
"""

import argparse
import json
import random

READERS = 20_000
#: How common the kinds of browser are that send one user agent each.
AGENTS = (0.35, 0.2, 0.15, 0.1, 0.08, 0.05, 0.04, 0.03)
SECOND_TAB, OPENED_AGAIN = 0.08, 0.05
CROWDS = (1, 3, 30, 300)


def shares(crowd: int, seed: int = 7) -> dict[str, float]:
    """Counted readers per true reader, by choice, with so many readers behind each address.

    A reload counts in none of them: the tab keeps its value, `none` knows the navigation's type, and address and
    browser are the same.
    """
    chance = random.Random(seed)
    tabs = pages = 0
    addresses = set()
    for reader in range(READERS):
        addresses.add((reader // crowd, chance.choices(range(len(AGENTS)), AGENTS)[0]))
        for _ in range(1 + (chance.random() < SECOND_TAB)):
            tabs += 1
            pages += 1 + (chance.random() < OPENED_AGAIN)
    return {"tab": tabs / READERS, "none": pages / READERS, "address and browser": len(addresses) / READERS}


def main() -> None:
    """Print the table, or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    rows = [{"name": f"{crowd} behind one address", **shares(crowd)} for crowd in CROWDS]
    if parser.parse_args().json:
        print(json.dumps({"rows": rows}))
    else:
        for row in rows:
            print(", ".join(f"{name}: {value:.2f}" if name != "name" else str(value) for name, value in row.items()))


if __name__ == "__main__":
    main()
