"""One line for each comparison: its name, the figure, and the bound."""


class Report:
    """Counts and prints checks. A figure of NaN fails every bound."""

    def __init__(self):
        self.passed = self.failed = 0

    def line(self, ok, what, found):
        """A check that passes or fails."""
        if ok:
            self.passed += 1
        else:
            self.failed += 1
        print(f"{'ok  ' if ok else 'FAIL'}  {what}: {found}", flush=True)

    def within(self, what, figure, bound, unit=""):
        """A difference that must be at most the bound."""
        self.line(figure <= bound, what, f"{figure:.3g}{unit}, at most {bound:g}{unit}")

    def same(self, what, found, expected):
        """Two values that must be equal; both are printed if they differ."""
        self.line(found == expected, what, found if found == expected else f"{found}, expected {expected}")

    def section(self, name, check, *args):
        """Runs the checks of one section. An exception is a failed check, and the next section runs."""
        try:
            check(self, *args)
        except Exception as error:  # whatever a library raises at a broken file
            text = " ".join(str(error).split())
            self.line(False, name, f"{type(error).__name__}: {text[:400]}")
