"""What the validation of a scan found."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """A fault of a scan.

    Attributes
    ----------
    severity : str
        "error" or "warning".
    check : str
        Name of the check.
    key, found, expected, fix : str
        The array, what was there, what should be, and the remedy. Empty if unknown.
    """

    severity: str
    check: str
    found: str
    key: str = ""
    expected: str = ""
    fix: str = ""

    def __str__(self) -> str:
        """Return the finding as a sentence."""
        place = f"{self.key}: " if self.key else ""
        expected = f", expected {self.expected}" if self.expected else ""
        fix = f"; {self.fix}" if self.fix else ""
        return f"{self.severity}: {place}found {self.found}{expected}{fix}"


@dataclass(frozen=True, repr=False)
class Validation:
    """Facts and findings of a scan. A notebook shows them as a table.

    Attributes
    ----------
    facts : dict
        Measurements, with the keys of docs/json.md; empty if the scan could not be read.
    findings : tuple of Finding
        Faults, errors first.
    """

    facts: Mapping[str, Any]
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, printed: Mapping[str, Any]) -> Validation:
        """Make it of what ``ptyx validate --json`` prints."""
        findings = tuple(Finding(**finding) for finding in printed["findings"])
        return cls(printed.get("facts") or {}, findings)

    @property
    def ok(self) -> bool:
        """Whether there is no error. There may be warnings."""
        return all(finding.severity != "error" for finding in self.findings)

    def __str__(self) -> str:
        """Return a line for each fact and finding."""
        facts = [f"{name}: {text}" for name, text in self._shown()]
        return "\n".join([*facts, *map(str, self.findings)] if self.findings else [*facts, "findings: none"])

    __repr__ = __str__

    def _shown(self) -> list[tuple[str, str]]:
        """Return the facts that are a single value, in words."""
        plain = {k: v for k, v in self.facts.items() if not isinstance(v, (list, dict))}
        words = {k: f"{v:.4g}" if isinstance(v, float) else str(v) for k, v in plain.items()}
        return [(name.replace("_", " "), text) for name, text in words.items()]

    def _repr_html_(self) -> str:
        cells = [(f.severity, f.key, f.found, f.expected, f.fix) for f in self.findings]
        head = ("", "key", "found", "expected", "fix")
        findings = _table([head, *cells]) if cells else "<p>No faults found.</p>"
        return findings + _table(self._shown())


def _table(rows: list[Any]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table>{body}</table>"
