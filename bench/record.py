"""What sections have found, kept as NAME.json and shown as NAME.md."""

import json
import time


def run(bench, results, name, description, sections, chosen, page):
    """Runs the chosen sections. Those that are not run keep their figures, if the machine is the same."""
    kept = results / f"{name}.json"
    record = {"machine": description, "sections": {}}
    if kept.exists() and chosen != list(sections):
        before = json.loads(kept.read_text())
        if before["machine"] == description:
            record = before
    for section in chosen:
        start = time.perf_counter()
        # JSON's keys are texts: through it once, so that figures kept and figures new look alike.
        record["sections"][section] = json.loads(json.dumps(sections[section](bench)))
        print(f"-- {section}: {time.perf_counter() - start:.0f} s", flush=True)
        kept.write_text(json.dumps(record, indent=1) + "\n")
        (results / f"{name}.md").write_text(page(record))
    print(results / f"{name}.md")
