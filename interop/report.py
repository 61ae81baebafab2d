"""One line for each thing compared: what, the figure found, the bound it had to keep."""


class Report:
    """Counts and prints checks. A figure that is NaN keeps no bound."""

    def __init__(self):
        self.passed = self.failed = 0

    def line(self, ok, what, found):
        """A check that holds or does not."""
        if ok:
            self.passed += 1
        else:
            self.failed += 1
        print(f"{'ok  ' if ok else 'FAIL'}  {what}: {found}", flush=True)

    def within(self, what, figure, bound, unit=""):
        """A difference that has to be at most the bound."""
        self.line(figure <= bound, what, f"{figure:.3g}{unit}, at most {bound:g}{unit}")

    def same(self, what, found, expected):
        """Two things that have to be equal; both are shown where they are not."""
        self.line(found == expected, what, found if found == expected else f"{found}, expected {expected}")

    def section(self, name, check, *args):
        """Runs the checks of one section; what they raise is a failed check, and the next section runs."""
        try:
            check(self, *args)
        except Exception as error:  # whatever a library raises at a broken file
            text = " ".join(str(error).split())
            self.line(False, name, f"{type(error).__name__}: {text[:400]}")
