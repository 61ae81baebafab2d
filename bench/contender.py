"""Measures several programs in turns."""

import json
import math
import statistics
import subprocess
import time

PAUSE = 0.05  # seconds between two turns, until the threads of the last program sleep


class Contender:
    """A running program that makes steps on request (see serve.py and bench/measure)."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ready = self._answer()
        self.build_seconds, self.patterns = ready["build_seconds"], ready["patterns"]

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with status {self.process.wait()}: {' '.join(self.process.args)}")
        return json.loads(line)

    def run(self, steps):
        """Seconds of each step."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return self._answer()["seconds"]

    def close(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise SystemExit(f"{self.name} ended with status {self.process.returncode}")


def take_turns(commands, rounds, seconds):
    """Runs the programs of {name: command} in turn, each for about the given seconds in every round.

    Returns {name: {"rounds": median seconds of a step in each round, "build": seconds, "patterns": in a step}}."""
    contenders = [Contender(name, command) for name, command in commands.items()]
    try:
        steps = {}
        for c in contenders:  # the first, slower steps also determine the number of steps in a turn
            c.run(2)
            steps[c.name] = min(200, max(1, math.ceil(seconds / max(1e-6, statistics.median(c.run(2))))))
        medians = {c.name: [] for c in contenders}
        for _ in range(rounds):
            for c in contenders:
                time.sleep(PAUSE)
                medians[c.name].append(statistics.median(c.run(steps[c.name])))
    finally:
        for c in contenders:
            c.process.stdin.close()
    for c in contenders:
        c.close()
    return {c.name: {"rounds": medians[c.name], "build": c.build_seconds, "patterns": c.patterns} for c in contenders}
